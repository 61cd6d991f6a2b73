// convo train: turns a recipe into a run folder with a tested model.
#include "chart/chart.h"
#include "data.h"
#include "interrupt.h"
#include "output.h"
#include "paths.h"
#include "quote.h"
#include "ranks.h"

#include <math.h>
#include <stdlib.h>

typedef struct train_values {
    cli_list set;
    const char *data, *out, *isa, *from, *freeze, *in_floats;
    int64_t seed, threads;
    bool resume, force, skip_unreadable;
} train_values;

#define VALUES train_values
static const cli_option options[] = {
    SET_OPTION,
    DATA_OPTION,
    TEXT_OPTION("out", 'o', out, "DIR", "run folder (runs/NAME-SEED)"),
    NUMBER_OPTION("seed", 0, seed, 0, INT64_MAX, "N", "the same as --set train.seed=N"),
    THREADS_OPTION,
    ISA_OPTION,
    FROM_OPTION,
    TEXT_OPTION("float", 0, in_floats, "LAYERS", "with quantize: int8: these layers stay in floats"),
    TEXT_OPTION("freeze", 0, freeze, "LAYERS", "layers to keep unchanged, such as 0-4"),
    FLAG_OPTION("resume", 0, resume, "continue an interrupted run"),
    SKIP_UNREADABLE_OPTION,
    FLAG_OPTION("force", 0, force, "replace an earlier run"),
    {0},
};

// --- progress ---------------------------------------------------------------------------------------------------

typedef struct screen {
    const char *folder;
    bool quiet, verbose, started;
    cli_progress progress;
} screen;

static int digits(int n) {
    return snprintf(NULL, 0, "%d", n);
}

static void draw_bar(screen *display, const convo_progress *p) {
    if (!bar_due(&display->progress.bar)) return;
    char before[48], after[160];
    snprintf(before, sizeof before, "epoch %*d/%d  ", digits(p->epochs), p->epoch, p->epochs);
    snprintf(after, sizeof after, "  loss %.4f  accuracy %.4f  %.0f examples/s  %s left", p->train.loss,
             p->train.accuracy, p->examples_per_second, clock_of(p->seconds_left).text);
    bar_draw(&display->progress.bar, before, p->steps ? (double)p->step / p->steps : 0, after);
}

static void show_reading(int64_t done, int64_t total, void *user) {
    screen *display = user;
    progress_reading(done, total, &display->progress);
}

static void print_part(const char *name, const convo_score *score) {
    if (score->count) say(stderr, "  %s %.4f %.4f", name, score->loss, score->accuracy);
}

static void print_epoch(const screen *display, const convo_progress *p) {
    bar_clear(&display->progress.bar);
    say(stderr, "epoch %*d/%d  loss %.4f  accuracy %.4f", digits(p->epochs), p->epoch, p->epochs, p->train.loss,
        p->train.accuracy);
    print_part("validation", &p->validation);
    print_part("test", &p->test);
    say(stderr, "  %.0f examples/s  %s left\n", p->examples_per_second, clock_of(p->seconds_left).text);
}

static void show_epoch(const convo_progress *p, void *user) {
    screen *display = user;
    if (!display->started) forget_run(display->folder);
    display->started = true;
    if (display->quiet) return;
    if (p->step == p->steps)
        print_epoch(display, p);
    else
        draw_bar(display, p);
}

static void show_parts(const convo_parts *parts, void *user) {
    const screen *display = user;
    if (display->quiet) return;
    print_parts_line(stderr, parts);
    if (display->verbose && parts->class_count) {
        print_imbalance(stderr, parts);
        print_parts_table(stderr, parts);
    }
}

// What was taken of --from and what was not, and where a precision cannot be had.
static void print_train_note(const char *sentence, void *user) {
    const screen *display = user;
    if (display->quiet) return;
    bar_clear(&display->progress.bar);
    say(stderr, "%s\n", sentence);
}

// --- the end ----------------------------------------------------------------------------------------------------

static json_t *ranks_json(const convo_train_result *r) {
    if (r->ranks < 2) return json_null();
    return json_pack("{s:i, s:f, s:f, s:I, s:I}", "count", r->ranks, "step_seconds", r->stepping, "waited_seconds",
                     r->exchanging, "bytes_sent", (json_int_t)r->exchanged, "exchanges", (json_int_t)r->exchanges);
}

static json_t *result_json(const convo_train_result *r, const char *folder, const convo_recipe *recipe) {
    const char *source = NULL;
    double published = convo_recipe_published(recipe, &source);
    return json_pack(
        "{s:s, s:o, s:o, s:o, s:o, s:i, s:i, s:I, s:I, s:f, s:o, s:I, s:i, s:s, s:b, s:b, s:[III], s:o, s:o, s:o}",
        "recipe", convo_recipe_name(recipe), "run", json_text(folder), "train", json_score(&r->train), "validation",
        json_score(&r->validation), "test", json_score(&r->test), "epochs", r->epochs, "best_epoch", r->best_epoch,
        "steps", (json_int_t)r->steps, "parameters", (json_int_t)r->parameters, "seconds", r->seconds,
        "examples_per_second", json_number(r->examples_per_second), "seed", (json_int_t)r->seed, "threads", r->threads,
        "isa", r->isa, "interrupted", r->interrupted, "stopped_early", r->stopped_early, "examples",
        (json_int_t)r->examples[0], (json_int_t)r->examples[1], (json_int_t)r->examples[2], "published",
        json_number(published), "ranks", ranks_json(r), "reading", json_reading(&r->reading));
}

static void print_accuracy(const convo_train_result *r) {
    static const char *const name[] = {"test", "validation", "train"};
    const convo_score *score[] = {&r->test, &r->validation, &r->train};
    int k = r->test.count ? 0 : r->validation.count ? 1 : 2; // a recipe may have no test part
    say(stdout, "%s accuracy %.4f  (%lld/%lld)\n", name[k], score[k]->accuracy, (long long)score[k]->correct,
        (long long)score[k]->count);
}

static double waiting_share(const convo_train_result *r) {
    return r->stepping > 0 ? r->exchanging / r->stepping : 0;
}

static int finish_training(const cli_context *context, const convo_recipe *recipe, const char *folder,
                           const screen *display, const convo_train_result *result) {
    bool loud = !context->quiet;
    if (result->interrupted) {
        if (context->json) print_json(result_json(result, folder, recipe), false);
        bar_clear(&display->progress.bar);
        say(stderr, "stopped after %d epochs, all saved in %s; to go on:\n", result->epochs, folder);
        print_resume(context);
        return INTERRUPTED;
    }
    bool drawn = true;
    if (display->started)
        draw_curves(folder, convo_recipe_name(recipe), result, &drawn); // it complains; the run is good
    if (!drawn && context->verbose) fputs("no picture of the curves: gnuplot is not installed\n", stderr);
    if (loud && !display->started) say(stderr, "%s is complete: %d epochs\n", folder, result->epochs);
    if (loud && result->stopped_early)
        say(stderr, "stopped early after %d epochs; the model of epoch %d is kept\n", result->epochs,
            result->best_epoch);
    if (loud)
        say(stderr, "%s: %lld parameters, %s\n", folder, (long long)result->parameters, clock_of(result->seconds).text);
    say_reading(context, &result->reading);
    if (context->verbose && result->loaders)
        say(stderr, "loader: %d thread%s changed examples for %.2f s; training waited %.2f s for them\n",
            result->loaders, result->loaders == 1 ? "" : "s", result->loading, result->waiting);
    if (context->verbose && result->ranks > 1)
        say(stderr, "ranks: %d; of the training steps this one waited %.0f %% for others (%.2f s), and sent %s\n",
            result->ranks, 100 * waiting_share(result), result->exchanging, bytes_of((double)result->exchanged).text);
    const char *source = NULL;
    double published = convo_recipe_published(recipe, &source);
    if (loud && isfinite(published))
        say(stderr, "published     %.4f  (%s)\n", published, source && *source ? source : "no source given");
    if (context->json) return print_json(result_json(result, folder, recipe), false);
    print_accuracy(result);
    return DONE;
}

static int train_into(const cli_context *context, const train_values *values, const convo_recipe *recipe,
                      const char *file, const char *folder) {
    if (!values->resume && !values->force && holds_run(folder)) return refuse_run(folder);
    screen display = {
        .folder = folder, .quiet = context->quiet, .verbose = context->verbose, .progress = progress_new(context)};
    cli_data d;
    if (data_open(&d, file, values->data, values->threads)) return data_close(&d), FAILED;
    d.how.out = folder;
    d.how.isa = values->isa;
    d.how.resume = values->resume;
    d.how.from = values->from;
    d.how.in_floats = values->in_floats;
    d.how.freeze = values->freeze;
    d.how.skip_unreadable = values->skip_unreadable;
    d.how.reading = show_reading;
    d.how.note = print_train_note;
    d.how.parts = show_parts;
    d.how.stop = stop_on_signals();
    d.how.progress = show_epoch;
    d.how.user = &display;
    convo_train_result result = {0};
    convo_error err;
    if (join_ranks(&d.how.ranks)) return data_close(&d), FAILED;
    convo_status failed = convo_train(recipe, &d.how, &result, NULL, &err);
    if (failed) bar_clear(&display.progress.bar);
    if (failed) fail_rank(d.how.ranks, &err);
    const bool first = convo_ranks_rank(d.how.ranks) == 0;
    convo_ranks_leave(d.how.ranks);
    data_close(&d);
    if (failed || !first) return failed ? FAILED : result.interrupted ? INTERRUPTED : DONE;
    return finish_training(context, recipe, folder, &display, &result);
}

static int run_train(const cli_context *context, const void *given) {
    const train_values *values = given;
    if (values->resume && values->force) return usage_error("train", "--resume and --force are mutually exclusive");
    convo_recipe *recipe = NULL;
    char *file = NULL, *folder = NULL;
    int status = open_recipe(context->word[0], &values->set, &recipe, &file);
    if (!status && values->seed >= 0) {
        char setting[48];
        convo_error err;
        snprintf(setting, sizeof setting, "train.seed=%lld", (long long)values->seed);
        if (convo_recipe_set(recipe, setting, &err)) status = fail(&err);
    }
    if (!status) {
        folder = values->out ? text_of("%s", values->out)
                             : text_of("runs/%s-%llu", convo_recipe_name(recipe),
                                       (unsigned long long)convo_recipe_seed(recipe));
        status = folder ? train_into(context, values, recipe, file, folder) : no_memory();
    }
    free(folder);
    free(file);
    convo_recipe_free(recipe);
    return status;
}

const cli_command command_train = {
    .name = "train",
    .help = "train a recipe and write a run folder",
    .words = "RECIPE",
    .examples = "  convo train fsdd-mfcc\n"
                "  convo train recipes/fsdd-mfcc.yaml --set epochs=5 --set lr=0.1 --out runs/try\n"
                "  convo train fsdd-mfcc --resume        go on after Ctrl-C\n"
                "  convo train fsdd-mfcc --resume --set epochs=40 --set lr=0.01\n"
                "  convo train my-words --from runs/fsdd-mfcc-0 --freeze 0-5\n",
    .notes =
        "--from takes what fits by name and shape, of a model, a run or a .safetensors file of weights, and says what\n"
        "does not. Frozen layers keep their parameters and, of batch norm, the running estimates, which they use.\n"
        "--resume takes the same RECIPE and --set, but for what may change: epochs, schedule, patience, clipping, and\n"
        "the optimizer's lr, weight_decay and decays. The schedule counts from the first epoch.\n"
        "RECIPE is a file, or a name that stands for recipes/NAME.yaml. The data set is looked for in data/, in\n"
        "data/ beside the recipe's folder, in $CONVO_HOME (else ~/.cache/convo) and where convo is installed or was "
        "built.\n"
        "The last line of the output is the test accuracy. Ctrl-C finishes the step, saves and exits with 130;\n"
        "a second one ends at once. Exit: 0 done, 1 failed, 2 usage, 130 interrupted.\n",
    .options = options,
    .size = sizeof(train_values),
    .run = run_train,
};

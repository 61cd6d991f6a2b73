// convo train: a recipe in, a run folder with a tested model out.
#include "command.h"

#include <math.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

typedef struct train_values {
    cli_list set;
    const char *data, *out, *isa;
    int64_t seed, threads;
    bool resume, force;
} train_values;

static const cli_option options[] = {
    {"set", 0, OPTION_LIST, offsetof(train_values, set), 0, 0, "KEY=VALUE",
     "change a setting of the recipe; repeatable"},
    {"data", 0, OPTION_TEXT, offsetof(train_values, data), 0, 0, "DIR", "folder of the data set"},
    {"out", 'o', OPTION_TEXT, offsetof(train_values, out), 0, 0, "DIR", "run folder (runs/NAME-SEED)"},
    {"seed", 0, OPTION_NUMBER, offsetof(train_values, seed), 0, INT64_MAX, "N", "the same as --set train.seed=N"},
    {"threads", 0, OPTION_NUMBER, offsetof(train_values, threads), 1, MOST_THREADS, "N",
     "threads (all); the result is the same"},
    {"isa", 0, OPTION_TEXT, offsetof(train_values, isa), 0, 0, "NAME", "at most baseline, avx2 or avx512 (the best)"},
    {"resume", 0, OPTION_FLAG, offsetof(train_values, resume), 0, 0, NULL, "go on where an earlier run stopped"},
    {"force", 0, OPTION_FLAG, offsetof(train_values, force), 0, 0, NULL, "replace an earlier run"},
    {0},
};

// --- stopping ---------------------------------------------------------------------------------------------------

static volatile int stop; // the only way a signal can speak to a program

static void on_signal(int number) {
    (void)number;
    stop = 1;
    signal(SIGINT, SIG_DFL); // the second Ctrl-C ends at once
    signal(SIGTERM, SIG_DFL);
}

// --- progress ---------------------------------------------------------------------------------------------------

typedef struct screen {
    const char *folder;
    bool quiet, redraw, colour, started;
    int columns;
    struct timespec drawn;
} screen;

static int terminal_columns(void) {
    struct winsize size;
    return !ioctl(STDERR_FILENO, TIOCGWINSZ, &size) && size.ws_col ? size.ws_col : 80;
}

static bool due(screen *display) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    double passed = difftime(now.tv_sec, display->drawn.tv_sec) + 1e-9 * (double)(now.tv_nsec - display->drawn.tv_nsec);
    if (passed < 0.1) return false;
    display->drawn = now;
    return true;
}

static int digits(int n) {
    return snprintf(NULL, 0, "%d", n);
}

static void draw_bar(screen *display, const convo_progress *p) {
    enum { BAR = 24 };
    static const char full[BAR + 1] = "########################", empty[BAR + 1] = "........................";
    if (!due(display)) return;
    char before[48], after[160];
    snprintf(before, sizeof before, "epoch %*d/%d  ", digits(p->epochs), p->epoch, p->epochs);
    snprintf(after, sizeof after, "  loss %.4f  accuracy %.4f  %.0f examples/s  %s left", p->train.loss,
             p->train.accuracy, p->examples_per_second, clock_of(p->seconds_left).text);
    // A line that wraps could not be redrawn: the bar gives way, then the text is cut.
    int room = display->columns - 1 - (int)strlen(before), bar = room - (int)strlen(after);
    bar = bar < 0 ? 0 : bar > BAR ? BAR : bar;
    int done = p->steps ? (int)((int64_t)bar * p->step / p->steps) : 0;
    const char *on = display->colour ? "\033[32m" : "", *off = display->colour ? "\033[0m" : "";
    fprintf(stderr, "\r%s%s%.*s%s%.*s%.*s\033[K", before, on, done, full, off, bar - done, empty,
            room > bar ? room - bar : 0, after);
    fflush(stderr);
}

static void print_part(const char *name, const convo_score *score) {
    if (score->count) fprintf(stderr, "  %s %.4f %.4f", name, score->loss, score->accuracy);
}

static void print_epoch(const screen *display, const convo_progress *p) {
    if (display->redraw) fputs("\r\033[K", stderr);
    fprintf(stderr, "epoch %*d/%d  loss %.4f  accuracy %.4f", digits(p->epochs), p->epoch, p->epochs, p->train.loss,
            p->train.accuracy);
    print_part("validation", &p->validation);
    print_part("test", &p->test);
    fprintf(stderr, "  %.0f examples/s  %s left\n", p->examples_per_second, clock_of(p->seconds_left).text);
}

static const char *const results[] = {"result.json", "curves.png", "curves.svg", "curves.dat", "curves.gp"};

// Once training has begun, and not before, an earlier run's results are gone: they would lie about this one.
static void forget_results(const char *folder) {
    for (size_t k = 0; k < COUNT(results); k++) {
        char *path = text_of("%s/%s", folder, results[k]);
        if (path) unlink(path);
        free(path);
    }
}

static void on_progress(const convo_progress *p, void *user) {
    screen *display = user;
    if (!display->started) forget_results(display->folder);
    display->started = true;
    if (display->quiet) return;
    if (p->step == p->steps)
        print_epoch(display, p);
    else if (display->redraw)
        draw_bar(display, p);
}

// --- the end ----------------------------------------------------------------------------------------------------

static bool is_plain(const char *word) {
    return *word &&
           strspn(word, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-=./,:+@%") == strlen(word);
}

// The line as typed, in a form that a shell reads, with --resume instead of --force.
static void print_resume(const cli_context *context) {
    fputs(" ", stderr);
    for (int k = 0; k < context->argc; k++) {
        const char *word = context->argv[k];
        size_t length = strlen(word);
        if (length > 2 && (!strncmp("--force", word, length) || !strncmp("--resume", word, length))) continue;
        if (is_plain(word)) {
            fprintf(stderr, " %s", word);
            continue;
        }
        fputs(" '", stderr);
        for (; *word; word++) fputs(*word == '\'' ? "'\\''" : (char[]){*word, 0}, stderr);
        fputc('\'', stderr);
    }
    fputs(" --resume\n", stderr);
}

static json_t *result_json(const convo_train_result *r, const char *folder, const convo_recipe *recipe) {
    const char *source = NULL;
    double published = convo_recipe_published(recipe, &source);
    return json_pack("{s:s, s:s, s:o, s:o, s:o, s:i, s:i, s:I, s:I, s:f, s:o, s:I, s:i, s:s, s:b, s:b, s:[III], s:o}",
                     "recipe", convo_recipe_name(recipe), "run", folder, "train", json_score(&r->train), "validation",
                     json_score(&r->validation), "test", json_score(&r->test), "epochs", r->epochs, "best_epoch",
                     r->best_epoch, "steps", (json_int_t)r->steps, "parameters", (json_int_t)r->parameters, "seconds",
                     r->seconds, "examples_per_second", json_number(r->examples_per_second), "seed",
                     (json_int_t)r->seed, "threads", r->threads, "isa", r->isa, "interrupted", r->interrupted,
                     "stopped_early", r->stopped_early, "examples", (json_int_t)r->examples[0],
                     (json_int_t)r->examples[1], (json_int_t)r->examples[2], "published", json_number(published));
}

static void print_accuracy(const convo_train_result *r) {
    static const char *const name[] = {"test", "validation", "train"};
    const convo_score *score[] = {&r->test, &r->validation, &r->train};
    int k = r->test.count ? 0 : r->validation.count ? 1 : 2; // a recipe may have no test part
    printf("%s accuracy %.4f  (%lld/%lld)\n", name[k], score[k]->accuracy, (long long)score[k]->correct,
           (long long)score[k]->count);
}

static int finish(const cli_context *context, const convo_recipe *recipe, const char *folder, const screen *display,
                  const convo_train_result *result) {
    bool say = !context->quiet;
    if (result->interrupted) {
        if (context->json) print_json(result_json(result, folder, recipe), false);
        fprintf(stderr, "%sstopped after %d epochs, all saved in %s; to go on:\n", display->redraw ? "\r\033[K" : "",
                result->epochs, folder);
        print_resume(context);
        return INTERRUPTED;
    }
    bool drawn = true;
    if (display->started)
        draw_curves(folder, convo_recipe_name(recipe), result, &drawn); // it complains; the run is good
    if (!drawn && context->verbose) fputs("no picture of the curves: gnuplot is not installed\n", stderr);
    if (say && !display->started) fprintf(stderr, "%s is complete: %d epochs\n", folder, result->epochs);
    if (say && result->stopped_early)
        fprintf(stderr, "stopped early after %d epochs; the model of epoch %d is kept\n", result->epochs,
                result->best_epoch);
    if (say)
        fprintf(stderr, "%s: %lld parameters, %s\n", folder, (long long)result->parameters,
                clock_of(result->seconds).text);
    const char *source = NULL;
    double published = convo_recipe_published(recipe, &source);
    if (say && isfinite(published))
        fprintf(stderr, "published     %.4f  (%s)\n", published, source && *source ? source : "no source given");
    if (context->json) return print_json(result_json(result, folder, recipe), false);
    print_accuracy(result);
    return DONE;
}

static bool holds_run(const char *folder) {
    static const char *const traces[] = {"result.json", "last.checkpoint", "best.safetensors"};
    for (size_t k = 0; k < COUNT(traces); k++) {
        char *path = text_of("%s/%s", folder, traces[k]);
        bool there = path && is_file(path);
        free(path);
        if (there) return true;
    }
    return false;
}

static int train_into(const cli_context *context, const train_values *values, const convo_recipe *recipe,
                      const char *file, const char *folder) {
    if (!values->resume && !values->force && holds_run(folder))
        return complain(folder,
                        "already holds a run: use --resume to go on with it, --force to replace it or --out DIR "
                        "for another place");
    char **search = data_folders(file);
    if (!search) return no_memory();
    screen display = {.folder = folder,
                      .quiet = context->quiet,
                      .redraw = can_redraw(),
                      .colour = can_colour(),
                      .columns = terminal_columns()};
    convo_train_options train = {
        .data = values->data,
        .search = (const char *const *)search,
        .out = folder,
        .threads = thread_count(values->threads),
        .isa = values->isa,
        .resume = values->resume,
        .stop = &stop,
        .progress = on_progress,
        .user = &display,
    };
    if (signal(SIGINT, on_signal) == SIG_IGN) signal(SIGINT, SIG_IGN); // a job in the background stays there
    signal(SIGTERM, on_signal);
    convo_train_result result = {0};
    convo_error err;
    convo_status failed = convo_train(recipe, &train, &result, NULL, &err);
    free_texts(search);
    if (failed && display.redraw && display.started && !display.quiet) fputs("\r\033[K", stderr);
    return failed ? fail(&err) : finish(context, recipe, folder, &display, &result);
}

static int run(const cli_context *context, const void *given) {
    const train_values *values = given;
    if (values->resume && values->force) return usage_error("train", "--resume and --force exclude each other");
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
    .help = "train what a recipe says, into a run folder",
    .words = "RECIPE",
    .least_words = 1,
    .most_words = 1,
    .examples = "  convo train fsdd-mfcc\n"
                "  convo train recipes/fsdd-mfcc.yaml --set epochs=5 --set lr=0.1 --out runs/try\n"
                "  convo train fsdd-mfcc --resume        go on after Ctrl-C\n",
    .notes = "RECIPE is a file, or a name that stands for recipes/NAME.yaml. The data set is looked for in data/, in\n"
             "data/ beside the recipe's folder, in $CONVO_HOME (else ~/.cache/convo) and where convo is installed.\n"
             "The last line of the output is the test accuracy. Ctrl-C finishes the step, saves and exits with 130;\n"
             "a second one ends at once. Exit: 0 done, 1 failed, 2 usage, 130 interrupted.\n",
    .options = options,
    .size = sizeof(train_values),
    .run = run,
};

// convo sweep: repeats a training with different settings and seeds, and shows the differences.
#include "interrupt.h"
#include "output.h"
#include "paths.h"
#include "ranks.h"
#include "sweep/range.h"
#include "sweep/sweep.h"
#include "sweep/trial.h"

#include <stdlib.h>
#include <string.h>

typedef struct sweep_values {
    cli_list over, set;
    const char *data, *out, *from;
    int64_t trials, threads, folds;
    bool leave_one_out, range, resume, force;
} sweep_values;

enum { MOST_TRIALS = 1000, MOST_FOLDS = 1000, MOST_RUNS = 10000 };

#define VALUES sweep_values
static const cli_option options[] = {
    LIST_OPTION("over", 0, over, "KEY=V,V...", "setting and its values; if repeated, every combination is trained"),
    FLAG_OPTION("leave-one-out", 0, leave_one_out, "train without each group (speaker) in turn and test on it"),
    NUMBER_OPTION("folds", 0, folds, 2, MOST_FOLDS, "N",
                  "cross-validation: train on N - 1 of N parts and test on the other, in turn"),
    FLAG_OPTION("range", 0, range,
                "range test: one training whose learning rate rises from step to step, --over lr=1e-6,1 if not given"),
    NUMBER_OPTION("trials", 0, trials, 1, MOST_TRIALS, "N", "runs of each, with consecutive seeds (1)"),
    SET_OPTION,
    DATA_OPTION,
    TEXT_OPTION("out", 'o', out, "DIR", "folder of the runs (runs/NAME-KEY)"),
    THREADS_OPTION,
    FROM_OPTION,
    FLAG_OPTION("resume", 0, resume, "keep complete runs and continue"),
    FLAG_OPTION("force", 0, force, "replace earlier runs"),
    {0},
};

// --- the plan ---------------------------------------------------------------------------------------------------

// The end of a value: a comma that neither brackets nor quotes enclose, or the end. A quote within a word is a letter.
static size_t value_length(const char *text) {
    int depth = 0;
    size_t length = 0;
    char quote = 0, before = ','; // before: the last character that is no space
    for (; text[length] && (depth > 0 || quote || text[length] != ','); length++) {
        const char c = text[length];
        if (quote) {
            if (c == '\\' && quote == '"' && text[length + 1]) length++;
            if (c == quote) quote = 0;
        } else if ((c == '"' || c == '\'') && strchr(",[{:", before)) {
            quote = c;
        }
        depth += !quote && (c == '[' || c == '{');
        depth -= !quote && (c == ']' || c == '}');
        if (c != ' ') before = c;
    }
    return length;
}

static int read_axis(const char *text, sweep_axis *axis) {
    const char *equals = strchr(text, '=');
    if (!equals || equals == text || !equals[1])
        return usage_error("sweep", "--over must have the form lr=2,0.2,0.02, not '%s'", text);
    axis->key = text_of("%.*s", (int)(equals - text), text);
    axis->value = calloc(strlen(text) + 1, sizeof *axis->value);
    if (!axis->key || !axis->value) return no_memory();
    for (const char *at = equals + 1;; at++) {
        size_t length = value_length(at);
        if (!length) return usage_error("sweep", "--over %s has an empty value", text);
        if (!(axis->value[axis->values++] = text_of("%.*s", (int)length, at))) return no_memory();
        at += length;
        if (!*at) return DONE;
    }
}

static const char *short_key(const char *key) {
    const char *dot = strrchr(key, '.');
    return dot ? dot + 1 : key;
}

// "lr=0.2, out=7" of a setting; as a file name, "lr=0.2,out=7" without what a file name had better not hold.
static char *setting_text(const sweep *s, size_t setting, bool file) {
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);
    if (!out) return NULL;
    for (size_t k = 0; k < s->axes; k++)
        fprintf(out, "%s%s=%s", k ? file ? "," : ", " : "", short_key(s->axis[k].key), sweep_value(s, setting, k));
    if (fclose(out)) return free(text), NULL;
    for (char *c = text; file && *c; c++)
        if (strchr(" /\\'\"*?:<>|", *c) || (unsigned char)*c < ' ') *c = '_';
    return text;
}

static int plan_run(const sweep *s, size_t k, const char *word, const cli_list *set, sweep_run *run) {
    convo_error err;
    size_t trial = k % s->trials;
    run->setting = k / s->trials;
    int status = open_recipe(word, set, &run->recipe, NULL);
    if (status) return status;
    for (size_t a = 0; a <= s->axes; a++) {
        if (s->leave_one_out && a < s->axes) {
            if (convo_recipe_leave_out(run->recipe, sweep_value(s, run->setting, a), &err)) return fail(&err);
            continue;
        }
        if (s->folds && a < s->axes) {
            if (convo_recipe_fold(run->recipe, s->folds, (int)run->setting + 1, &err)) return fail(&err);
            continue;
        }
        char *setting = a < s->axes
                            ? text_of("%s=%s", s->axis[a].key, sweep_value(s, run->setting, a))
                            : text_of("train.seed=%llu", (unsigned long long)convo_recipe_seed(run->recipe) + trial);
        if (!setting) return no_memory();
        if (convo_recipe_set(run->recipe, setting, &err)) status = fail(&err);
        free(setting);
        if (status) return status;
    }
    unsigned long long seed = convo_recipe_seed(run->recipe);
    char *name = setting_text(s, run->setting, false), *file = setting_text(s, run->setting, true);
    if (name && file && strlen(file) <= 200) {
        run->name = text_of("%s%sseed %llu", name, s->axes ? ", " : "", seed);
        run->folder = text_of("%s/%s-%llu", s->out, s->axes ? file : s->recipe, seed);
    } else if (file)
        status = complain(name, "is too long for a folder name");
    free(name);
    free(file);
    return status ? status : run->name && run->folder ? DONE : no_memory();
}

// The one axis of --leave-one-out: the groups of the recipe's data set.
static int read_groups(const convo_recipe *recipe, const char *file, const char *data, sweep_axis *axis) {
    cli_data d;
    char **group = NULL;
    int count = 0;
    convo_error err;
    int status = data_open(&d, file, data, 0);
    d.how.cache = NULL;
    if (!status && convo_recipe_groups(recipe, &d.how, &group, &count, &err)) status = fail(&err);
    data_close(&d);
    if (!status && count < 2)
        status = complain(convo_recipe_name(recipe), "the data set has no groups (speakers) to leave out");
    axis->key = text_of("leave_out");
    axis->value = calloc((size_t)count + 1, sizeof *axis->value);
    if (!status && !(axis->key && axis->value)) status = no_memory();
    for (int k = 0; k < count; k++)
        if (axis->value)
            axis->value[axis->values++] = group[k];
        else
            free(group[k]);
    free(group);
    return status;
}

// The one axis of --folds.
static int count_folds(int folds, sweep_axis *axis) {
    axis->key = text_of("fold");
    axis->value = calloc((size_t)folds + 1, sizeof *axis->value);
    if (!axis->key || !axis->value) return no_memory();
    for (int k = 1; k <= folds; k++)
        if (!(axis->value[axis->values++] = text_of("%d", k))) return no_memory();
    return DONE;
}

// Every recipe is made, and every mistake in a setting found, before the first run.
static int plan(sweep *s, const convo_recipe *recipe, const char *file, const char *word, const sweep_values *values) {
    s->leave_one_out = values->leave_one_out;
    s->folds = values->folds > 0 ? (int)values->folds : 0;
    s->axes = sweep_crosses(s) ? 1 : values->over.count;
    s->trials = values->trials > 0 ? (size_t)values->trials : 1;
    s->settings = 1;
    if (!(s->axis = calloc(s->axes + 1, sizeof *s->axis))) return no_memory();
    for (size_t k = 0; k < s->axes; k++) {
        int status = s->leave_one_out ? read_groups(recipe, file, values->data, &s->axis[k])
                     : s->folds       ? count_folds(s->folds, &s->axis[k])
                                      : read_axis(values->over.text[k], &s->axis[k]);
        if (status) return status;
        if (s->trials > 1 && (!strcmp(s->axis[k].key, "seed") || !strcmp(s->axis[k].key, "train.seed")))
            return usage_error("sweep", "--trials are seeds: omit it, or --over %s", s->axis[k].key);
        for (size_t j = 0; j < k; j++)
            if (!strcmp(s->axis[j].key, s->axis[k].key))
                return usage_error("sweep", "--over %s is given twice: list all of its values in one", s->axis[k].key);
        s->settings *= s->axis[k].values;
        if (s->settings > MOST_RUNS / s->trials)
            return usage_error("sweep", "the sweep has more than %d runs", MOST_RUNS);
    }
    // NOLINTNEXTLINE(*UnixAPI): there is a setting, and a trial
    if (!(s->run = calloc(s->settings * s->trials, sizeof *s->run))) return no_memory();
    for (s->runs = 0; s->runs < s->settings * s->trials;) {
        sweep_run *run = &s->run[s->runs];
        int status = plan_run(s, s->runs++, word, &values->set, run);
        if (status) return status;
        for (size_t k = 0; k + 1 < s->runs; k++)
            if (!strcmp(s->run[k].folder, run->folder))
                return usage_error("sweep", "two runs would be named '%s': remove duplicate values", run->name);
        if (!values->resume && !values->force && holds_run(run->folder)) return refuse_run(run->folder);
    }
    return DONE;
}

static void free_sweep(sweep *s) {
    for (size_t k = 0; s->axis && k < s->axes; k++) {
        free_texts(s->axis[k].value);
        free(s->axis[k].key);
    }
    for (size_t k = 0; k < s->runs; k++) {
        convo_recipe_free(s->run[k].recipe);
        free(s->run[k].name);
        free(s->run[k].folder);
    }
    free(s->axis);
    free(s->run);
}

// --- the command ------------------------------------------------------------------------------------------------

static int finish_sweep(const cli_context *context, const sweep *s) {
    bool drawn = true;
    int status = draw_sweep(s, &drawn);
    if (!context->quiet)
        say(stderr, "%s: %zu runs, runs.csv%s\n", s->out, s->runs, drawn ? ", errors.png, curves.png" : "");
    if (!drawn && context->verbose) fputs("no pictures: gnuplot is not installed\n", stderr);
    if (status) return status;
    return context->json ? print_json(sweep_json(s), false) : sweep_print_table(s);
}

typedef struct sweep_points {
    sweep *s;
    cli_trials how;
} sweep_points;

static int train_points(void *user) {
    sweep_points *points = user;
    sweep *s = points->s;
    cli_trials *how = &points->how;
    int status = DONE;
    for (size_t k = 0; !status && k < s->runs; k++) {
        sweep_run *run = &s->run[k];
        if (!trial_is_ours(how)) continue;
        how->done = k;
        how->notes = k == 0; // once: the data is the same
        status = run_trial(how, run->recipe, run->folder, run->name, &run->result);
        if (status || how->ranks) continue;
        run->done = true;
        if (!how->context->quiet) sweep_print_run(s, k);
        status = sweep_write_csv(s);
    }
    return status ? status : how->ranks ? DONE : finish_sweep(how->context, s);
}

static int run_points(const cli_context *context, const sweep_values *values, const char *file, sweep *s) {
    cli_progress screen = progress_new(context);
    sweep_points points = {
        s,
        {.context = context, .resume = values->resume, .stop = stop_on_signals(), .total = s->runs, .screen = &screen}};
    int status = data_open(&points.how.data, file, values->data, values->threads);
    points.how.data.how.from = values->from;
    if (!status) status = share_trials(&points.how, train_points, &points);
    data_close(&points.how.data);
    if (status != INTERRUPTED) return status;
    fputs("stopped; to go on:\n", stderr);
    print_resume(context);
    return INTERRUPTED;
}

// --- the learning rate --------------------------------------------------------------------------------------------

// --over lr=LOW,HIGH
static int read_bounds(const sweep_values *values, double *low, double *high) {
    int status = DONE;
    sweep_axis axis = {0};
    *low = 1e-6;
    *high = 1;
    if (!values->over.count) return DONE;
    status = read_axis(values->over.text[0], &axis);
    char *end[2] = {NULL, NULL};
    if (!status && axis.values == 2) {
        *low = strtod(axis.value[0], &end[0]);
        *high = strtod(axis.value[1], &end[1]);
    }
    const bool sound = end[0] && !*end[0] && !*end[1] && *low >= 1e-20 && *high > *low && *high <= 1e6;
    if (!status && (values->over.count > 1 || strcmp(short_key(axis.key), "lr") != 0 || !sound))
        status =
            usage_error("sweep", "--range takes --over lr=LOW,HIGH, two numbers from 1e-20 to 1e6, the lower first");
    free_texts(axis.value);
    free(axis.key);
    return status;
}

static int run_range(const cli_context *context, const sweep_values *values, const char *file, convo_recipe *recipe,
                     const char *out) {
    cli_trials how = {.context = context, .notes = true, .stop = stop_on_signals()};
    double low, high;
    int status = read_bounds(values, &low, &high);
    if (status || !is_first_rank()) return status; // it is one training
    status = data_open(&how.data, file, values->data, values->threads);
    how.data.how.from = values->from;
    if (!status) status = sweep_range(&how, recipe, out, low, high);
    data_close(&how.data);
    return status;
}

// runs/moons-lr
static char *folder_of(const char *recipe, const sweep_values *values) {
    const cli_list *over = &values->over;
    if (values->leave_one_out) return text_of("runs/%s-leave_out", recipe);
    if (values->folds > 0) return text_of("runs/%s-folds", recipe);
    if (values->range) return text_of("runs/%s-range", recipe);
    if (!over->count) return text_of("runs/%s-trials", recipe);
    const char *key = over->text[0], *end = key + strcspn(key, "="), *from = end;
    while (from > key && from[-1] != '.') from--;
    return text_of("runs/%s-%.*s", recipe, (int)(end - from), from);
}

static int run_sweep(const cli_context *context, const void *given) {
    const sweep_values *values = given;
    if (values->resume && values->force) return usage_error("sweep", "--resume and --force are mutually exclusive");
    if (values->leave_one_out && values->over.count)
        return usage_error("sweep", "--leave-one-out and --over are mutually exclusive");
    if (values->folds > 0 && (values->over.count || values->leave_one_out))
        return usage_error("sweep", "--folds and %s are mutually exclusive",
                           values->leave_one_out ? "--leave-one-out" : "--over");
    if (values->range && (values->trials > 0 || values->folds > 0 || values->leave_one_out || values->resume))
        return usage_error("sweep", "--range is one training: omit --trials, --folds, --leave-one-out and --resume");
    if (!values->range && !values->over.count && values->trials < 2 && !values->leave_one_out && values->folds <= 0)
        return usage_error("sweep", "nothing to vary: pass --over lr=2,0.2,0.02, --trials 5, both, --folds 5, "
                                    "--leave-one-out or --range");
    if (values->over.count > 8) return usage_error("sweep", "--over can be given at most 8 times");
    sweep s = {0};
    convo_recipe *recipe = NULL;
    char *file = NULL, *out = NULL;
    int status = open_recipe(context->word[0], &values->set, &recipe, &file);
    if (!status) {
        s.recipe = convo_recipe_name(recipe);
        out = values->out ? text_of("%s", values->out) : folder_of(s.recipe, values);
        s.out = out;
        status = !out ? no_memory() : values->range ? DONE : plan(&s, recipe, file, context->word[0], values);
    }
    if (!status)
        status = values->range ? run_range(context, values, file, recipe, out) : run_points(context, values, file, &s);
    free_sweep(&s);
    free(out);
    free(file);
    convo_recipe_free(recipe);
    return status;
}

const cli_command command_sweep = {
    .name = "sweep",
    .help = "train with other settings and seeds: means, deviations, charts",
    .words = "RECIPE",
    .examples = "  convo sweep moons --trials 5\n"
                "  convo sweep moons --over lr=2,0.2,0.02,0.002 --trials 5 --set epochs=40\n"
                "  convo sweep moons --over model.0.linear.out=1,2,5,7,10,100 --trials 5\n"
                "  convo sweep fsdd-mfcc --leave-one-out\n"
                "  convo sweep fsdd-mfcc --folds 5\n"
                "  convo sweep fsdd-mfcc --from runs/fsdd-mfcc-0 --over lr=0.01,0.003,0.001 --set epochs=5\n"
                "  convo sweep fsdd-mfcc --range\n"
                "  convo sweep fsdd-mfcc --range --over lr=1e-4,10\n"
                "  convo sweep fsdd-mfcc --over batch=16,32,64 --over lr=0.1,0.05 --out runs/try\n",
    .notes =
        "The table holds mean ± standard deviation over the trials; error is the fraction classified wrongly. Runs "
        "that\n"
        "diverge (the loss is no longer a number) are counted, and left out of the means. The folder of the runs gets\n"
        "runs.csv, errors.png (final errors) and curves.png (errors against the epoch, bands of one deviation).\n"
        "--folds divides all examples anew, each class in the same proportions; a recipe that is split by group has "
        "its\ngroups (speakers) divided, whole. What the split says of validation is kept. The line `mean` is the mean "
        "of the "
        "folds\n(of the groups with --leave-one-out), and its deviation.\n"
        "--from: every run starts from the weights of MODEL, as with `convo train`. Other seeds, folds and groups "
        "have\n"
        "other test parts, in which examples may be that MODEL was trained on.\n"
        "--range trains for at least 100 steps and draws range.png, the loss against the rate. It names the rate "
        "where\n"
        "the loss falls most steeply, the one where it is lowest, and a tenth of that, with which to begin (Smith "
        "2017).\n"
        "With --set record_every=N it gets curves-steps.png, the errors against the iteration (up to 1048576), as "
        "well.\n",
    .options = options,
    .size = sizeof(sweep_values),
    .run = run_sweep,
};

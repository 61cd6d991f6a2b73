// convo reproduce: trains the recipes with a published accuracy and shows ours next to it.
#include "chart/chart.h"
#include "interrupt.h"
#include "output.h"
#include "paths.h"
#include "ranks.h"
#include "sweep/reproduce.h"
#include "sweep/trial.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

typedef struct reproduce_values {
    cli_list set;
    const char *out, *data_root, *markdown;
    int64_t trials, threads;
    bool quick, loso, resume, force;
} reproduce_values;

enum { MOST_TRIALS = 1000, QUICK = 10 };

#define VALUES reproduce_values
static const cli_option options[] = {
    FLAG_OPTION("quick", 0, quick, "train a tenth of the epochs, as a smoke test"),
    NUMBER_OPTION("trials", 0, trials, 1, MOST_TRIALS, "N", "runs of each, with consecutive seeds (1)"),
    FLAG_OPTION("loso", 0, loso, "also leave each speaker out, where the data say who speaks"),
    LIST_OPTION("set", 0, set, "KEY=VALUE", "change a setting of every recipe; repeatable"),
    TEXT_OPTION("data-root", 0, data_root, "DIR", "look here first for data sets, each in a folder with its name"),
    TEXT_OPTION("out", 'o', out, "DIR", "folder of the runs (runs/reproduce)"),
    TEXT_OPTION("markdown", 0, markdown, "FILE", "write the table as Markdown, too"),
    THREADS_OPTION,
    FLAG_OPTION("resume", 0, resume, "keep complete runs and continue"),
    FLAG_OPTION("force", 0, force, "replace earlier runs"),
    {0},
};

// --- one recipe -------------------------------------------------------------------------------------------------

static int change(convo_recipe *recipe, const char *setting) {
    convo_error err;
    if (!setting) return no_memory();
    return convo_recipe_set(recipe, setting, &err) ? fail(&err) : DONE;
}

// The recipe with the seed of a trial and, with leave_out, one speaker as its test part.
static int open_trial(const reproduction *r, const reproduced *row, size_t trial, const char *leave_out,
                      convo_recipe **recipe) {
    convo_error err;
    int status = open_recipe(row->name, r->set, recipe, NULL);
    char *seed = text_of("train.seed=%llu", row->seed + trial), *epochs = NULL;
    if (r->quick) epochs = text_of("train.epochs=%d", row->epochs > QUICK ? row->epochs / QUICK : 1);
    if (!status) status = change(*recipe, seed);
    if (!status && leave_out && convo_recipe_leave_out(*recipe, leave_out, &err)) status = fail(&err);
    if (!status && r->quick) status = change(*recipe, epochs);
    free(seed);
    free(epochs);
    return status;
}

static void count_trial(reproduction *r, reproduced *row, const convo_train_result *result) {
    r->threads = result->threads;
    memcpy(r->isa, result->isa, sizeof r->isa);
    row->runs++;
    row->diverged += result->diverged;
    if (result->diverged) return;
    row->on_validation = !result->test.count && result->validation.count;
    spread_add(&row->ours, row->on_validation ? result->validation.accuracy : result->test.accuracy);
    spread_add(&row->seconds, result->seconds);
    spread_add(&row->epoch_seconds, result->seconds / result->epochs);
    spread_add(&row->speed, (double)result->examples[0] * result->epochs / result->seconds);
}

// Trains once. leave_out: the speaker to test on, or NULL.
static int train_once(reproduction *r, reproduced *row, size_t trial, const char *leave_out) {
    convo_recipe *recipe = NULL;
    convo_train_result result;
    bool drawn;
    if (!trial_is_ours(&r->trials)) return DONE;
    char *folder = leave_out ? text_of("%s/%s-without-%s", r->out, row->name, leave_out)
                             : text_of("%s/%s-%llu", r->out, row->name, row->seed + trial);
    char *name = leave_out ? text_of("%s, without %s", row->name, leave_out)
                           : text_of("%s, seed %llu", row->name, row->seed + trial);
    int status = folder && name ? open_trial(r, row, trial, leave_out, &recipe) : no_memory();
    if (!status && !r->trials.resume && !r->force && holds_run(folder)) status = refuse_run(folder);
    if (!status) status = run_trial(&r->trials, recipe, folder, name, &result);
    const bool collects = !status && !r->trials.ranks;
    if (collects && !result.diverged) draw_curves(folder, row->name, &result, &drawn); // it complains
    if (collects && !leave_out) count_trial(r, row, &result);
    if (collects && leave_out && !result.diverged) spread_add(&row->speakers, result.test.accuracy);
    if (collects && !r->trials.context->quiet) {
        double accuracy = row->on_validation ? result.validation.accuracy : result.test.accuracy;
        say(stderr, "%s: ", name);
        if (result.diverged)
            fputs("diverged\n", stderr);
        else
            say(stderr, "%s accuracy %.4f  %s\n", row->on_validation ? "validation" : "test", accuracy,
                clock_of(result.seconds).text);
    }
    convo_recipe_free(recipe);
    free(folder);
    free(name);
    return status;
}

static int leave_each_out(reproduction *r, reproduced *row) {
    const convo_train_options where = {.search = r->trials.data.how.search};
    convo_recipe *recipe = NULL;
    char **group = NULL;
    int count = 0, status = open_recipe(row->name, r->set, &recipe, NULL);
    convo_error err;
    if (!status && convo_recipe_groups(recipe, &where, &group, &count, &err)) status = fail(&err);
    convo_recipe_free(recipe);
    // More than a hundred are a crowd, not a list to leave out one by one.
    for (int k = 0; !status && count > 1 && count <= 100 && k < count; k++) status = train_once(r, row, 0, group[k]);
    for (int k = 0; k < count; k++) free(group[k]);
    free(group);
    return status;
}

// The data set, where it is not there, and whether it can be downloaded.
static int find_data(const reproduction *r, const convo_recipe *recipe, reproduced *row) {
    const char *name = convo_recipe_data(recipe);
    char *folder = NULL;
    convo_error err;
    convo_data_set set;
    if (!convo_recipe_find_data(recipe, &r->trials.data.how, &folder, &err)) {
        free(folder);
        return DONE;
    }
    if (!name) return (row->missing = text_of("%s", err.where)) ? DONE : no_memory();
    for (int k = 0; convo_data_set_at(k, &set); k++)
        if (set.published && !strcmp(set.name, name)) row->missing = text_of("convo data get %s", name);
    if (!row->missing) row->missing = text_of("%s", name);
    return row->missing ? DONE : no_memory();
}

// What is published, and what it takes to compare.
static int describe_row(const reproduction *r, reproduced *row) {
    convo_recipe *recipe = NULL;
    convo_summary summary = {0};
    convo_error err;
    const char *source = "";
    int status = open_recipe(row->name, r->set, &recipe, NULL);
    if (status) return status;
    row->published = convo_recipe_published(recipe, &source);
    row->source = text_of("%s", source);
    row->seed = convo_recipe_seed(recipe);
    row->epochs = convo_recipe_epochs(recipe);
    status = !row->source ? no_memory() : convo_summarize(recipe, &summary, &err) ? fail(&err) : DONE;
    row->parameters = summary.parameters;
    row->multiply_adds = summary.multiply_adds;
    if (!status) status = find_data(r, recipe, row);
    convo_summary_free(&summary);
    convo_recipe_free(recipe);
    return status;
}

static int train_rows(void *user) {
    reproduction *r = user;
    int status = DONE;
    for (reproduced *row = r->row; !status && row < r->row + r->rows; row++) {
        if (row->missing) continue;
        for (size_t t = 0; !status && t < r->count; t++) status = train_once(r, row, t, NULL);
        if (!status && r->loso) status = leave_each_out(r, row);
    }
    return status;
}

// --- all --------------------------------------------------------------------------------------------------------

static int add_row(reproduction *r, const char *name) {
    reproduced *grown = realloc(r->row, (r->rows + 1) * sizeof *grown);
    if (!grown) return no_memory();
    r->row = grown;
    grown[r->rows] = (reproduced){.name = text_of("%s", name)};
    return grown[r->rows++].name ? DONE : no_memory();
}

// The recipes with a published figure in a folder of recipes/, "kws"; NULL: in all.
static int add_folder(reproduction *r, char *const *names, const char *folder) {
    const size_t length = folder ? strlen(folder) : 0;
    int status = DONE;
    for (; *names && !status; names++) {
        if (folder && (strncmp(*names, folder, length) != 0 || (*names)[length] != '/')) continue;
        convo_recipe *recipe = NULL;
        status = open_recipe(*names, r->set, &recipe, NULL);
        if (!status && isfinite(convo_recipe_published(recipe, NULL))) status = add_row(r, *names);
        convo_recipe_free(recipe);
    }
    return status;
}

static bool is_listed(char *const *names, const char *word) {
    while (*names && strcmp(*names, word) != 0) names++;
    return *names;
}

// The recipes and folders that are named, or all.
static int choose(const cli_context *context, reproduction *r) {
    char **names = recipe_names();
    if (!names) return no_memory();
    int status = *names ? DONE : no_recipes();
    if (!status && !context->words) status = add_folder(r, names, NULL);
    for (int k = 0; k < context->words && !status; k++) {
        const char *word = context->word[k];
        const size_t before = r->rows;
        if (!is_listed(names, word)) status = add_folder(r, names, word);
        if (!status && r->rows == before) status = add_row(r, word);
    }
    free_texts(names);
    if (!status && !r->rows) status = complain("recipes", "none of the recipes has a published result");
    return status;
}

static int run_recipes(const cli_context *context, reproduction *r, const char *markdown) {
    int status = choose(context, r);
    for (size_t k = 0; k < r->rows && !status; k++) status = describe_row(r, &r->row[k]);
    if (!status) status = share_trials(&r->trials, train_rows, r);
    if (status == INTERRUPTED) {
        fputs("stopped; to go on:\n", stderr);
        print_resume(context);
    }
    if (status || !is_first_rank()) return status;
    if (markdown) status = write_markdown(context, r, markdown);
    if (status) return status;
    return context->json ? print_json(reproduction_json(r), false) : print_reproduction(r);
}

// data_root before the folders that are always searched.
static int add_root(cli_data *d, const char *data_root) {
    size_t count = 0;
    if (!data_root) return DONE;
    while (d->search[count]) count++;
    char *root = text_of("%s", data_root), **all = root ? realloc(d->search, (count + 2) * sizeof *all) : NULL;
    if (!all) return free(root), no_memory();
    memmove(all + 1, all, (count + 1) * sizeof *all);
    all[0] = root;
    d->search = all;
    d->how.search = (const char *const *)all;
    return DONE;
}

static int run_reproduce(const cli_context *context, const void *given) {
    const reproduce_values *values = given;
    if (context->words == 1 && !strcmp(context->word[0], "fields")) return reproduce_fields(context->json);
    if (values->resume && values->force) return usage_error("reproduce", "--resume and --force are mutually exclusive");
    if (values->quick && (values->trials > 1 || values->loso))
        return usage_error("reproduce", "--quick cannot be combined with --trials or --loso");
    reproduction r = {
        .trials = {.context = context, .resume = values->resume, .stop = stop_on_signals()},
        .set = &values->set,
        .out = values->out ? values->out : "runs/reproduce",
        .count = values->trials > 0 ? (size_t)values->trials : 1,
        .quick = values->quick,
        .loso = values->loso,
        .force = values->force,
        .load = load_average(),
    };
    int status = data_open(&r.trials.data, NULL, NULL, values->threads);
    if (!status) status = add_root(&r.trials.data, values->data_root);
    if (!status) status = run_recipes(context, &r, values->markdown);
    for (size_t k = 0; k < r.rows; k++) {
        free(r.row[k].name);
        free(r.row[k].source);
        free(r.row[k].missing);
    }
    free(r.row);
    data_close(&r.trials.data);
    return status;
}

const cli_command command_reproduce = {
    .name = "reproduce",
    .help = "train the recipes with a published result and compare",
    .words = "[fields|FOLDER|RECIPE...]",
    .least_words = 0,
    .most_words = 1000,
    .examples = "  convo reproduce --quick\n"
                "  convo reproduce fsdd-mfcc fsdd-raw --trials 5 --loso\n"
                "  convo reproduce --markdown docs/results.md\n"
                "  convo reproduce kws --trials 3\n"
                "  convo reproduce fields\n",
    .notes =
        "Without names: every recipe in recipes/ that says what was published; kws: those in recipes/kws. Recipes "
        "whose "
        "data set\n"
        "is not there are skipped, and the table says how to get it. speakers: mean accuracy on a speaker that was "
        "left out of "
        "training,\n"
        "one run for each (--loso). examples/s: training examples times epochs, by the time of the whole training.\n"
        "`fields` trains nothing: it compares the nets in recipes/fields with the course's table of receptive "
        "fields.\n",
    .options = options,
    .size = sizeof(reproduce_values),
    .run = run_reproduce,
};

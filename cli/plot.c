// convo plot: pictures of runs. Every kind of picture is an option and a function that draws it.
#include "chart/chart.h"
#include "chart/plot.h"
#include "evaluation.h"
#include "output.h"
#include "paths.h"
#include "quote.h"

#include <stdlib.h>
#include <string.h>

enum { MOST_RUNS = 100, MOST_TILES = 256 };

#define FIELD(field) offsetof(plot_values, field)
#define VALUES       plot_values
static const cli_option options[] = {
    FLAG_OPTION("confusion", 0, confusion, "confusion matrix"),
    FLAG_OPTION("roc", 0, roc, "ROC curves: hits against false alarms, each class against the rest"),
    FLAG_OPTION("det", 0, det, "DET curves: misses against false alarms, on normal deviate scales"),
    FLAG_OPTION("calibration", 0, calibration, "reliability diagram: confidence against accuracy"),
    FLAG_OPTION("boundary", 0, boundary, "decision regions, for points in the plane"),
    FLAG_OPTION("examples", 0, examples, "some examples with their labels"),
    FLAG_OPTION("augment", 0, augment, "examples as the recipe's changes make them, epoch by epoch"),
    FLAG_OPTION("mistakes", 0, mistakes, "the most confident mistakes"),
    FLAG_OPTION("filters", 'f', filters, "the weights of the first layer, as pictures"),
    FLAG_OPTION("steps", 0, steps, "curves by iteration, where these were recorded"),
    TEXT_OPTION("split", 0, split, "train|validation|test|all",
                "part of the data (what is held out; training points and examples)"),
    NUMBER_OPTION("count", 'n', count, 1, MOST_TILES, "N", "examples or mistakes (24)"),
    TEXT_OPTION("out", 'o', out, "FILE", "draw FILE.png and FILE.svg (in the run folder)"),
    DATA_OPTION,
    SET_OPTION,
    THREADS_OPTION,
    {0},
};

// --- kinds ------------------------------------------------------------------------------------------------------

int plot_filters(plot *p) {
    convo_map filters = {0};
    convo_error err;
    int status = convo_filters(p->recipe, p->model, &filters, &err) ? fail(&err) : DONE;
    if (!status) status = draw_filters(p->stem, convo_recipe_name(p->recipe), &filters);
    convo_array_free(&filters.values);
    return status;
}

// Chosen by its option.
static const struct kind {
    size_t chosen; // offset of the flag
    const char *name;
    plot_kind *draw;
    bool model;    // it is of a model, not of a recipe
    bool evaluate; // and of what it says about a part of the data
    bool several;  // where several labels may be true, too
} kinds[] = {
    {FIELD(confusion), "confusion", plot_confusion, true, true, false},
    {FIELD(roc), "roc", plot_roc, true, true, true},
    {FIELD(det), "det", plot_det, true, true, true},
    {FIELD(calibration), "calibration", plot_calibration, true, true, false},
    {FIELD(boundary), "boundary", plot_boundary, true, false, false},
    {FIELD(examples), "examples", plot_examples, false, false, true},
    {FIELD(mistakes), "mistakes", plot_mistakes, true, true, false},
    {FIELD(filters), "filters", plot_filters, false, false, true},
};

static int written(const plot *p) {
    static const char *const endings[] = {"png", "svg"};
    json_t *files = json_array();
    for (size_t k = 0; k < COUNT(endings); k++) {
        char *file = text_of("%s.%s", p->stem, endings[k]);
        json_array_append_new(files, file ? json_text(file) : NULL);
        if (file && !p->context->json) say(stdout, "%s\n", file);
        free(file);
    }
    if (p->context->json) return print_json(json_pack("{s:o}", "written", files), false);
    json_decref(files);
    return DONE;
}

// FILE of --out, else RUN/NAME for a run folder, else NAME here; without an ending.
static int find_stem(plot *p, const char *name) {
    if (p->values->out) return chart_stem("plot", p->values->out, &p->stem, NULL);
    p->stem = p->context->words == 1 && is_folder(p->word) ? text_of("%s/%s", p->word, name) : text_of("%s", name);
    return p->stem ? DONE : no_memory();
}

static int draw_kind(plot *p, const struct kind *kind) {
    convo_error err;
    if (p->context->words > 1) return usage_error("plot", "--%s takes one run", kind->name);
    int status = find_stem(p, kind->name);
    if (!status) status = open_net(p->word, &p->values->set, p->values->data, &p->recipe, &p->model);
    if (!status && kind->model && !p->model)
        status = complain(p->word, "is a recipe, but --%s needs a run or a model: train it first", kind->name);
    if (!status && kind->evaluate && convo_evaluate(p->model, p->part, &p->data.how, &p->evaluation, &err))
        status = fail(&err);
    if (!status && p->evaluation.truths && !kind->several)
        status = complain(p->word, "several labels may be true of its examples: --%s is for models that give one",
                          kind->name);
    return status ? status : kind->draw(p);
}

// --- curves -----------------------------------------------------------------------------------------------------

static void read_score(const json_t *result, const char *part, convo_score *score) {
    const json_t *json = json_object_get(result, part);
    score->loss = json_number_value(json_object_get(json, "loss"));
    score->accuracy = json_number_value(json_object_get(json, "accuracy"));
    score->count = json_integer_value(json_object_get(json, "count"));
}

// Of result.json, which a run has when it is done.
static void read_result(const char *folder, convo_train_result *result) {
    char *path = text_of("%s/result.json", folder);
    json_t *json = path ? json_load_file(path, 0, NULL) : NULL;
    read_score(json, "test", &result->test);
    result->best_epoch = (int)json_integer_value(json_object_get(json, "best_epoch"));
    result->epochs = (int)json_integer_value(json_object_get(json, "epochs"));
    result->steps = json_integer_value(json_object_get(json, "steps"));
    json_decref(json);
    free(path);
}

static int draw_curves_of(plot *p) {
    const size_t count = (size_t)p->context->words;
    bool drawn = true;
    int status = find_stem(p, p->values->steps ? "curves-steps" : "curves");
    for (size_t k = 0; !status && k < count; k++)
        if (!is_folder(p->context->word[k]))
            status = complain(p->context->word[k], "is not a run folder; for a recipe, pass --filters or --examples");
    convo_train_result *result = calloc(count, sizeof *result);
    char *title = count > 1 ? text_of("%zu runs", count) : text_of("%s", base_name(p->word));
    if (!status && !(result && title)) status = no_memory();
    for (size_t k = 0; !status && k < count; k++) read_result(p->context->word[k], &result[k]);
    if (!status)
        status =
            draw_runs(p->stem, title, (const char *const *)p->context->word, result, count, p->values->steps, &drawn);
    if (!status && !drawn) status = complain(p->stem, "cannot be drawn: install gnuplot");
    free(result);
    free(title);
    return status;
}

// --- the command ------------------------------------------------------------------------------------------------

static int run_plot(const cli_context *context, const void *given) {
    const plot_values *values = given;
    const struct kind *kind = NULL;
    plot p = {.context = context, .values = values, .word = context->word[0]};
    for (size_t k = 0; k < COUNT(kinds); k++) {
        if (!*(const bool *)((const char *)given + kinds[k].chosen)) continue;
        if (kind || values->steps) return usage_error("plot", "only one kind of picture can be drawn at a time");
        kind = &kinds[k];
    }
    for (int k = 0; k < context->words; k++) { // "run/" is "run"
        char *word = context->word[k];
        for (size_t n = strlen(word); n > 1 && word[n - 1] == '/'; n--) word[n - 1] = '\0';
    }
    if (values->augment && !values->examples) return usage_error("plot", "--augment belongs to --examples");
    int status = find_part("plot", values->split, &p.part);
    if (status) return status;
    status = data_open(&p.data, NULL, values->data, values->threads);
    data_show(&p.data, context);
    if (!status) status = kind ? draw_kind(&p, kind) : draw_curves_of(&p);
    if (!status && p.stem) status = written(&p);
    convo_evaluation_free(&p.evaluation);
    convo_model_free(p.model);
    convo_recipe_free(p.recipe);
    data_close(&p.data);
    free(p.stem);
    return status;
}

const cli_command command_plot = {
    .name = "plot",
    .help = "pictures of runs: curves, confusions, ROC, mistakes, ...",
    .words = "RUN...|MODEL|RECIPE",
    .least_words = 1,
    .most_words = MOST_RUNS,
    .examples = "  convo plot runs/fsdd-mfcc-0 runs/fsdd-raw-0\n"
                "  convo plot runs/fsdd-mfcc-0 --confusion\n"
                "  convo plot runs/moons-0 --boundary -o moons.png\n"
                "  convo plot runs/cifar-convnet-0 --mistakes --count 12\n"
                "  convo plot cifar-convnet --examples -o cifar.png\n"
                "  convo plot cifar-convnet --examples --augment --set 'augment={flip: 0.5, crop: 4}' -o changed.png\n",
    .notes =
        "Without a kind of picture: losses and accuracies of one run, or of several over each other. The data and the\n"
        "gnuplot script of a picture are kept beside it.\n",
    .options = options,
    .size = sizeof(plot_values),
    .run = run_plot,
};

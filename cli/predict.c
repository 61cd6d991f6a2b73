// convo predict: classifies recordings.
#include "evaluation.h"
#include "output.h"
#include "paths.h"
#include "quote.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

typedef struct predict_values {
    const char *data, *on, *in_floats;
    int64_t top, held_out, threads;
    bool int8;
} predict_values;

#define VALUES predict_values
static const cli_option options[] = {
    NUMBER_OPTION("top", 'k', top, 1, INT_MAX, "K", "the K likeliest labels (1)"),
    NUMBER_OPTION("held-out", 0, held_out, 1, INT_MAX, "N",
                  "N recordings of the test part (else validation), with the truth"),
    TEXT_OPTION("data", 0, data, "DIR", "with --held-out or --int8: folder of the data set (that of the run)"),
    NUMBER_OPTION("threads", 0, threads, 1, MOST_THREADS, "N", "threads for each recording, if the net is large (1)"),
    ON_OPTION,
    INT8_OPTION,
    FLOAT_OPTION,
    {0},
};

typedef struct ranked {
    float probability;
    int k;
} ranked;

static int likelier(const void *a, const void *b) {
    const ranked *x = a, *y = b;
    if (x->probability != y->probability) return x->probability < y->probability ? 1 : -1;
    return x->k - y->k;
}

typedef struct predictor {
    convo_model *model;
    bool json;
    int classes, top;
    float *probability;
    ranked *order;
    const convo_examples *examples; // of --held-out; NULL: files
} predictor;

static int print_line(const predictor *p, const char *path, const char *truth, const convo_heard *heard) {
    json_t *top = json_array();
    for (int j = 0; j < p->top; j++)
        json_array_append_new(top, json_pack("{s:s, s:f}", "label", convo_model_label(p->model, p->order[j].k),
                                             "probability", (double)p->order[j].probability));
    json_t *line = json_pack("{s:o, s:s, s:f, s:o, s:f, s:f}", "file", json_text(path), "label",
                             convo_model_label(p->model, p->order[0].k), "probability", (double)p->order[0].probability,
                             "top", top, "seconds", heard->seconds, "used_seconds", heard->used);
    if (line && truth) json_object_set_new(line, "truth", json_string(truth));
    return print_json(line, true);
}

// An example that is a part of a file is predicted from what the data set read of it.
static convo_status find_probabilities(const predictor *p, const char *path, size_t k, convo_heard *heard,
                                       convo_error *err) {
    const convo_examples *e = p->examples;
    if (!e || (e->start[k] <= 0 && e->seconds[k] <= 0))
        return convo_model_predict_heard(p->model, path, p->probability, heard, err);
    int64_t size = 1;
    for (int d = 1; d < e->values.dims; d++) size *= e->values.dim[d];
    *heard = (convo_heard){e->seconds[k], e->seconds[k]};
    return convo_model_predict_arrays(p->model, e->values.value + (int64_t)k * size, 1, p->probability, err);
}

// Of several labels that may be true together, the likeliest one is no answer.
static const char *verdict(const predictor *p, const char *truth, const char *best) {
    for (int k = 0; k < p->classes; k++)
        if (!strcmp(convo_model_label(p->model, k), truth)) return strcmp(truth, best) ? "wrong" : "right";
    return "";
}

// truth: NULL where it is not known
static int predict(const predictor *p, const char *path, size_t number, const char *truth, int width, int label_width) {
    convo_heard heard;
    convo_error err;
    if (find_probabilities(p, path, number, &heard, &err)) {
        if (p->json) print_json(json_pack("{s:o, s:s}", "file", json_text(path), "error", err.message), true);
        return fail(&err);
    }
    for (int k = 0; k < p->classes; k++) p->order[k] = (ranked){p->probability[k], k};
    qsort(p->order, (size_t)p->classes, sizeof *p->order, likelier);
    const char *best = convo_model_label(p->model, p->order[0].k);
    if (p->json) return print_line(p, path, truth, &heard);
    say(stdout, "%-*s", width, path);
    for (int j = 0; j < p->top; j++)
        say(stdout, "  %-*s %.4f", label_width, convo_model_label(p->model, p->order[j].k),
            (double)p->order[j].probability);
    const double start = p->examples ? p->examples->start[number] : 0;
    if (start > 0) printf("  from %.2f s", start);
    if (truth) say(stdout, "  truth %-*s %s", label_width, truth, verdict(p, truth, best));
    if (heard.used < heard.seconds) printf("  only the first %.2f s of %.2f s", heard.used, heard.seconds);
    putchar('\n');
    return DONE;
}

// A bad file gets its sentence; the others are still heard.
static int predict_all(predictor *p, const char *const *path, const char *const *truth, size_t count) {
    p->classes = convo_model_classes(p->model);
    if (p->top > p->classes) p->top = p->classes;
    p->probability = calloc((size_t)p->classes, sizeof *p->probability);
    p->order = calloc((size_t)p->classes, sizeof *p->order);
    size_t width = 0, label_width = 0;
    for (size_t k = 0; k < count; k++)
        if (strlen(path[k]) > width) width = strlen(path[k]);
    for (int k = 0; k < p->classes; k++)
        if (strlen(convo_model_label(p->model, k)) > label_width) label_width = strlen(convo_model_label(p->model, k));
    int status = p->probability && p->order ? DONE : no_memory();
    for (size_t k = 0; k < count && p->probability && p->order; k++)
        if (predict(p, path[k], k, truth ? truth[k] : NULL, width < 1000 ? (int)width : 0,
                    label_width < 1000 ? (int)label_width : 0))
            status = FAILED;
    free(p->probability);
    free(p->order);
    return status;
}

// Recordings of the part that was not trained on, spread over it.
static int predict_held_out(predictor *p, const convo_train_options *how, int64_t count) {
    convo_examples e = {0};
    convo_error err;
    const char **truth = NULL;
    int status = DONE;
    if (convo_examples_read(convo_model_recipe(p->model), how, CONVO_HELD_OUT, NULL, count, &e, &err))
        status = fail(&err);
    if (!status && !(truth = calloc((size_t)e.count + 1, sizeof *truth))) status = no_memory();
    for (int64_t k = 0; k < e.count && !status; k++) truth[k] = e.labels[e.truth[k]];
    if (!status && (!e.count || !e.file[0]))
        status = complain(convo_recipe_name(convo_model_recipe(p->model)), "the data set has no held-out recordings");
    p->examples = &e;
    if (!status) status = predict_all(p, (const char *const *)e.file, truth, (size_t)e.count);
    convo_examples_free(&e);
    free(truth);
    return status;
}

static int run_predict(const cli_context *context, const void *given) {
    const predict_values *values = given;
    bool held_out = values->held_out > 0;
    if (!held_out && context->words < 2)
        return usage_error("predict", "missing argument FILE: convo predict MODEL FILE...");
    for (int k = 1; k < context->words; k++)
        if (!strcmp(context->word[k], "-"))
            return usage_error("predict", "files are classified; 'convo listen MODEL -' hears standard input");
    if (held_out && context->words > 1) return usage_error("predict", "--held-out and FILE are mutually exclusive");
    if (!held_out && !values->int8 && values->data)
        return usage_error("predict", "--data requires --held-out or --int8");
    predictor p = {.json = context->json, .top = values->top > 0 ? (int)values->top : 1};
    convo_error err;
    if (convo_model_load(context->word[0], &p.model, &err)) return fail(&err);
    cli_data d;
    int status = data_open(&d, NULL, values->data, 0);
    data_show(&d, context);
    d.how.in_floats = values->in_floats;
    if (!status) status = run_on("predict", p.model, values->on, values->int8, &d.how);
    if (!status && values->threads > 1 && convo_model_threads(p.model, (int)values->threads, &err)) status = fail(&err);
    if (!status)
        status = held_out ? predict_held_out(&p, &d.how, values->held_out)
                          : predict_all(&p, (const char *const *)context->word + 1, NULL, (size_t)context->words - 1);
    data_close(&d);
    convo_model_free(p.model);
    return status;
}

const cli_command command_predict = {
    .name = "predict",
    .help = "classify recordings: label and probability",
    .words = "MODEL|RUN FILE...",
    .least_words = 1,
    .most_words = INT_MAX,
    .examples = "  convo predict runs/fsdd-mfcc-0 one.wav two.flac\n"
                "  convo predict model.safetensors --top 3 --json *.wav\n"
                "  convo predict runs/fsdd-mfcc-0 --held-out 5\n",
    .notes = "WAV, FLAC, OGG and MP3 of any rate. A file that cannot be read is named on standard error, the others\n"
             "are still answered, and the exit status is 1. --json prints one object per line and file.\n"
             "A recording that is longer than the net's input is heard in its beginning only, and its line says so.\n",
    .options = options,
    .size = sizeof(predict_values),
    .run = run_predict,
};

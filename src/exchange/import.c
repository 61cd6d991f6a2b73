// convo_import: reads weights or a whole graph from another program, and adds what a model needs besides: labels and
// normalisation.
#include "exchange/import.h"

#include "format/json.h"
#include "model/material.h"
#include "format/onnx.h"
#include "model/weights.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

// A model while its parts are found.
typedef struct import_job {
    const char *path;
    const convo_import_options *options;
    convo_recipe *own; // made for it; NULL: the one of the options
    const convo_recipe *recipe;
    cv_net *net;
    char **labels;
    int classes;
    cv_normal normal; // mean NULL: not known from the file
    convo_error *err;
} import_job;

static void say(const import_job *in, const char *format, ...) CV_PRINTF(2, 3);
static void say(const import_job *in, const char *format, ...) {
    char text[640];
    if (!in->options->note) return;
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    in->options->note(text, in->options->user);
}

// --- weights for a recipe's net -----------------------------------------------------------------------------------

static convo_train_options where_data_is(const import_job *in) {
    return (convo_train_options){.data = in->options->data, .search = in->options->search, .cache = in->options->cache};
}

static convo_status import_weights(import_job *in) {
    const convo_train_options where = where_data_is(in);
    cv_weights weights = {0};
    cv_fit fit = {0};
    cv_random random;
    char misfits[440];
    in->recipe = in->options->recipe;
    if (!in->recipe)
        return cv_fail(in->err, CONVO_ARGUMENT, in->path, "a weights file does not describe a network: pass --recipe");
    convo_status status = convo_recipe_measure(in->recipe, &where, &in->own, in->err);
    if (in->own) in->recipe = in->own;
    if (!status) status = cv_recipe_net(in->recipe, cv_isa_find(NULL), &in->net, in->err);
    cv_random_seed(&random, 0);
    if (!status)
        status = cv_net_init(in->net, &random, in->err); // for the counters of batches that a file does not have
    if (!status) status = cv_weights_read(in->path, in->options->map, &weights, in->err);
    if (status) return status;
    status = cv_weights_fill(&weights, in->net, &fit, in->err);
    cv_fit_text(&fit, misfits, sizeof misfits);
    if (!status && *misfits)
        status = cv_fail(in->err, CONVO_SHAPE, in->path, "%s%s", misfits,
                         fit.missing.count && fit.extra.count ? " (names can be mapped, OLD=NEW)" : "");
    const char *normalize = cv_safetensors_text(&weights.file[0], "convo.normalize");
    if (!status && normalize) status = cv_model_normalize(normalize, in->path, in->net->input, &in->normal, in->err);
    cv_weights_free(&weights);
    return status;
}

// --- a graph --------------------------------------------------------------------------------------------------------

// The values that the imported tensors have, into the net of its recipe, by name: the order may be another.
static convo_status copy_values(const cv_import *d, cv_net *net, convo_error *err) {
    for (int i = 0; i < d->net->nodes; i++) {
        const cv_node *node = &d->net->node[i];
        for (int t = node->tensor; t < node->tensor + node->tensors; t++) {
            char name[sizeof net->tensor->name];
            int to = 0;
            cv_print(name, sizeof name, "%s.%s", node->path, d->net->tensor[t].spec.name);
            while (to < net->tensors && strcmp(net->tensor[to].name, name) != 0) to++;
            if (to == net->tensors || !d->net->tensor[t].start)
                continue; // a node that leads nowhere, a counter of batches
            if (net->tensor[to].size != d->net->tensor[t].size)
                return cv_fail(err, CONVO_STATE, name, "the generated recipe does not fit the file");
            cv_net_write(net, to, d->net->tensor[t].start);
        }
    }
    return CONVO_OK;
}

// The recipe in the metadata of what convo exported.
static convo_recipe *recipe_of(const cv_graph *graph, const char *path) {
    const char *text = cv_graph_text(graph, "convo.recipe"), *name = cv_graph_text(graph, "convo.name");
    convo_recipe *recipe = NULL;
    if (text && cv_recipe_parse(text, strlen(text), name ? name : "net", path, &recipe, NULL)) return NULL;
    return recipe;
}

static char *name_of(const char *path) {
    const char *slash = strrchr(path, '/'), *base = slash ? slash + 1 : path, *point = strrchr(base, '.');
    return cv_format("%.*s", point && point > base ? (int)(point - base) : (int)strlen(base), base);
}

// What convo exported need not normalise its input.
static convo_status take_normalization(import_job *in, const cv_import *in_file, bool exported) {
    char shown[256];
    if (!exported && !in_file->used_normal) return CONVO_OK;
    if (!cv_import_normalization(in_file, &in->normal)) return cv_no_memory(in->err, "a normalisation");
    cv_normal_text(&in->normal, shown, sizeof shown);
    if (!exported) say(in, "%s: normalises its input itself, %s", in->path, shown);
    return CONVO_OK;
}

static convo_status labels_of(import_job *in, const cv_graph *graph);

static convo_status import_graph(import_job *in) {
    cv_graph graph;
    CV_TRY(cv_onnx_read(in->path, &graph, in->err));
    cv_import in_file = {
        .path = in->path, .graph = &graph, .note = in->options->note, .user = in->options->user, .err = in->err};
    convo_recipe *exported = in->options->recipe ? NULL : recipe_of(&graph, in->path);
    const convo_recipe *base = in->options->recipe ? in->options->recipe : exported;
    char *name = base ? cv_format("%s", base->name) : name_of(in->path);
    in_file.wanted = in->options->output;
    if (base) in_file.expected = base->input;
    in_file.two_classes = in->options->labels != NULL;
    convo_status status = name ? cv_import_read(&in_file) : cv_no_memory(in->err, in->path);
    if (!status) status = cv_import_recipe(&in_file, base, name, &in->own);
    if (!status) status = cv_recipe_net(in->own, cv_isa_find(NULL), &in->net, in->err);
    if (!status) status = copy_values(&in_file, in->net, in->err);
    if (!status && !in->options->labels) status = labels_of(in, &graph);
    in->recipe = in->own;
    if (!status) status = take_normalization(in, &in_file, exported);
    convo_recipe_free(exported);
    free(name);
    cv_import_free(&in_file);
    cv_graph_free(&graph);
    return status;
}

// --- labels -------------------------------------------------------------------------------------------------------

static convo_status set_labels(import_job *in, char *const *labels, int count) {
    if (count > CV_LIMIT_CLASSES)
        return cv_fail(in->err, CONVO_LIMIT, in->path, "%d classes are more than the %d that are accepted", count,
                       CV_LIMIT_CLASSES);
    in->labels = cv_alloc((size_t)count + 1, sizeof *in->labels);
    if (!in->labels) return cv_no_memory(in->err, "labels");
    for (in->classes = 0; in->classes < count; in->classes++)
        if (!(in->labels[in->classes] = labels ? cv_format("%s", labels[in->classes]) : cv_format("%d", in->classes)))
            return cv_no_memory(in->err, "labels");
    return CONVO_OK;
}

// convo.labels in the metadata, a JSON list.
static convo_status labels_of(import_job *in, const cv_graph *graph) {
    const char *text = cv_graph_text(graph, "convo.labels");
    json_t *list = cv_json_of(text);
    const size_t count = json_array_size(list);
    char **labels = count && count <= CV_LIMIT_CLASSES ? cv_alloc(count, sizeof *labels) : NULL;
    bool good = labels;
    for (size_t k = 0; good && k < count; k++) {
        labels[k] = (char *)(uintptr_t)json_string_value(json_array_get(list, k));
        good = labels[k];
    }
    const convo_status status = good ? set_labels(in, labels, (int)count) : CONVO_OK;
    free(labels);
    json_decref(list);
    return status;
}

// Those of the options, else of the file, else of the data set where it is found, else numbers.
static convo_status find_labels(import_job *in) {
    const convo_train_options where = where_data_is(in);
    const cv_shape out = cv_net_output(in->net);
    const bool number = in->recipe->loss->number;
    const int needed = out.c == 1 && !number ? 2 : (int)out.c;
    cv_material m;
    convo_error missing = {0};
    int count = 0;
    if (in->labels) return CONVO_OK; // of the file
    while (in->options->labels && in->options->labels[count]) count++;
    if (count && count != needed)
        return cv_fail(in->err, CONVO_ARGUMENT, in->path, "%d labels are given, but the net has %d classes", count,
                       needed);
    if (count) return set_labels(in, (char *const *)(uintptr_t)in->options->labels, count);
    if (number) {
        char name[] = "output";
        say(in,
            "%s: the net computes one number, and no Sigmoid makes a probability of it: the model predicts the "
            "number. If it tells two classes apart, name them: --labels A,B",
            in->path);
        return set_labels(in, (char *[]){name}, 1);
    }
    if (!in->recipe->data)
        cv_print(missing.message, sizeof missing.message, "the recipe names no data set");
    else if (!cv_material_open(in->recipe, &where, CONVO_TRAIN, &m, &missing)) {
        const convo_status status = set_labels(in, m.dataset->labels, m.dataset->label_count);
        cv_material_free(&m);
        return status;
    }
    say(in, "%s: the classes are called 0 to %d: no labels are given, and %s", in->path, needed - 1, missing.message);
    return set_labels(in, NULL, needed);
}

// --- normalisation ------------------------------------------------------------------------------------------------

// Those of the options, else of the file, else of the recipe, which may want them measured on its training data.
static convo_status find_normalization(import_job *in) {
    const convo_import_options *o = in->options;
    const cv_shape input = in->net->input;
    if (o->means > 0 || o->stds > 0) {
        cv_normal_free(&in->normal);
        return cv_recipe_normal_of(in->recipe, input, o->mean, (size_t)o->means, o->std, (size_t)o->stds, in->path,
                                   &in->normal, in->err);
    }
    if (in->normal.mean) return CONVO_OK;
    if (in->recipe->normalize == CV_NORMALIZE_NONE) return cv_recipe_normal(in->recipe, input, &in->normal, in->err);
    cv_material m;
    convo_error why = {0};
    const convo_train_options where = where_data_is(in);
    convo_status status = cv_material_load(in->recipe, &where, CONVO_TRAIN, &m, &why);
    if (status)
        return cv_fail(
            in->err, status, why.where,
            "the recipe normalises by its training data, which could not be read (%.300s): give mean and std",
            why.message);
    status = cv_material_measure(in->recipe, &m, in->err);
    in->normal = m.normal;
    m.normal = (cv_normal){0};
    cv_material_free(&m);
    if (status) return status;
    char shown[256];
    cv_normal_text(&in->normal, shown, sizeof shown);
    say(in, "%s: %s are measured on the training data", in->path, shown);
    return CONVO_OK;
}

// --- the whole ----------------------------------------------------------------------------------------------------

static bool is_graph(const char *path) {
    const size_t length = strlen(path);
    return length > 5 && !strcasecmp(path + length - 5, ".onnx");
}

convo_status convo_import(const char *path, const convo_import_options *options, convo_model **model,
                          convo_error *err) {
    static const convo_import_options none;
    if (!path || !model) return cv_fail(err, CONVO_ARGUMENT, "", "a path and room for the model are required");
    import_job in = {.path = path, .options = options ? options : &none, .err = err};
    *model = NULL;
    convo_status status = is_graph(path) ? import_graph(&in) : import_weights(&in);
    if (!status) status = find_labels(&in);
    if (!status) status = cv_recipe_check_classes(in.recipe, in.net, in.classes, err);
    if (!status) status = find_normalization(&in);
    const cv_model_parts parts = {in.recipe, in.net, in.labels, in.classes, &in.normal, NAN, NULL, NULL, 0};
    if (!status) status = cv_model_new(&parts, model, err);
    for (int k = 0; in.labels && k < in.classes; k++) free(in.labels[k]);
    free(in.labels);
    cv_normal_free(&in.normal);
    cv_net_free(in.net);
    convo_recipe_free(in.own);
    return status;
}

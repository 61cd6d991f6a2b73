// Models: made from their parts, written, read.
#include "model/model.h"

#include "base/file.h"
#include "format/json.h"
#include "model/data_folder.h"
#include "model/weights.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

void convo_model_free(convo_model *model) {
    if (!model) return;
    cv_predictor_free(&model->predictor);
    cv_front_free(model->front);
    cv_net_free(model->net);
    convo_recipe_free(model->recipe);
    for (int k = 0; model->labels && k < model->classes; k++) free(model->labels[k]);
    free(model->labels);
    cv_normal_free(&model->normal);
    convo_listening_free(model->listening);
    free(model->listening);
    free(model->range);
    free(model->ranges);
    free(model);
}

int convo_model_classes(const convo_model *model) {
    return model->classes;
}

const char *convo_model_label(const convo_model *model, int k) {
    return k >= 0 && k < model->classes ? model->labels[k] : NULL;
}

int convo_model_rate(const convo_model *model) {
    return model->front ? cv_front_rate(model->front) : 0;
}

const convo_recipe *convo_model_recipe(const convo_model *model) {
    return model->recipe;
}

// The outline of the net and the front end of a model that has its recipe and labels.
static convo_status build(convo_model *model, convo_error *err) {
    const convo_recipe *recipe = model->recipe;
    convo_status status = cv_recipe_outline(recipe, cv_isa_find(NULL), &model->net, err);
    if (!status) status = cv_recipe_check_classes(recipe, model->net, model->classes, err);
    if (!status && recipe->feature)
        status = cv_front_new(recipe->feature, recipe->feature_config, recipe->rate, &model->front, err);
    return status;
}

static convo_status set_labels(convo_model *model, char *const *labels, int classes, convo_error *err) {
    model->labels = cv_alloc((size_t)classes, sizeof *model->labels);
    if (!model->labels) return cv_no_memory(err, "labels");
    model->classes = classes;
    for (int k = 0; k < classes; k++)
        if (!(model->labels[k] = cv_format("%s", labels[k]))) return cv_no_memory(err, "labels");
    return CONVO_OK;
}

convo_status cv_model_new(const cv_model_parts *parts, convo_model **model, convo_error *err) {
    *model = NULL;
    char *text = NULL;
    convo_model *made = cv_alloc(1, sizeof *made);
    if (!made) return cv_no_memory(err, "a model");
    made->test_accuracy = parts->test_accuracy;
    made->ranges = parts->ranges ? cv_format("%s", parts->ranges) : NULL;
    convo_status status = CONVO_OK;
    if (!cv_normal_copy(parts->normal, &made->normal) || (parts->ranges && !made->ranges))
        status = cv_no_memory(err, "a model");
    if (!status) status = convo_recipe_text(parts->recipe, &text, err);
    if (!status)
        status = cv_recipe_parse(text, strlen(text), parts->recipe->name, parts->recipe->file, &made->recipe, err);
    if (!status) made->recipe->noted_examples = parts->examples;
    if (!status) status = set_labels(made, parts->labels, parts->classes, err);
    if (!status) status = build(made, err);
    if (!status) status = cv_net_finish(made->net, err);
    if (!status) status = cv_net_copy(parts->net, made->net, err);
    if (!status && parts->listening) status = convo_model_listen_with(made, parts->listening, err);
    free(text);
    if (status)
        convo_model_free(made);
    else
        *model = made;
    return status;
}

// --- writing ----------------------------------------------------------------------------------------------------

// A tensor of the net in the file's form; data is new.
static convo_status pack_tensor(const cv_net *net, int t, cv_st_tensor *out, convo_error *err) {
    const cv_net_tensor *from = &net->tensor[t];
    float *values = cv_alloc(from->size, sizeof *values);
    if (!values) return cv_no_memory(err, from->name);
    cv_net_read(net, t, values);
    *out = (cv_st_tensor){.name = (char *)from->name, .type = CV_F32, .dims = from->spec.dims, .data = values};
    memcpy(out->dim, from->spec.dim, sizeof from->spec.dim);
    out->bytes = from->size * sizeof *values;
    if (!from->spec.integer) return CONVO_OK;

    int64_t *whole = cv_alloc(from->size, sizeof *whole);
    for (size_t i = 0; whole && i < from->size; i++) whole[i] = llroundf(values[i]);
    free(values);
    out->type = CV_I64;
    out->data = whole;
    out->bytes = from->size * sizeof *whole;
    return whole ? CONVO_OK : cv_no_memory(err, from->name);
}

// A number that JSON can hold in the fewest digits that read back as the same float.
static char *dump(json_t *json) {
    char *text = cv_json_text(json, JSON_COMPACT | JSON_ENCODE_ANY | JSON_REAL_PRECISION(9));
    json_decref(json);
    return text;
}

static char *labels_text(const cv_model_parts *parts) {
    json_t *labels = json_array();
    for (int k = 0; k < parts->classes; k++)
        if (json_array_append_new(labels, json_string(parts->labels[k]))) {
            json_decref(labels);
            return NULL;
        }
    return dump(labels);
}

static json_t *numbers_json(const float *x, size_t count) {
    if (count == 1) return json_real((double)*x);
    json_t *list = json_array();
    for (size_t k = 0; k < count; k++) json_array_append_new(list, json_real((double)x[k]));
    return list;
}

// One pair of numbers, or lists of them and which values share a pair.
static char *normalize_text(const cv_normal *n) {
    const size_t count = cv_normal_count(n);
    const float none[] = {0, 1}, *mean = count ? n->mean : none, *std = count ? n->std : none + 1;
    json_t *json = json_pack("{s:o, s:o}", "mean", numbers_json(mean, count ? count : 1), "std",
                             numbers_json(std, count ? count : 1));
    if (count > 1)
        json_object_set_new(json, "shape",
                            json_pack("[III]", (json_int_t)n->dim[0], (json_int_t)n->dim[1], (json_int_t)n->dim[2]));
    return dump(json);
}

// "format: pt" is what PyTorch's loaders of safetensors look for.
convo_status cv_model_texts(const cv_model_parts *parts, cv_st_text text[CV_MODEL_TEXTS], size_t *count,
                            convo_error *err) {
    char *recipe;
    CV_TRY(convo_recipe_text(parts->recipe, &recipe, err));
    const cv_st_text all[CV_MODEL_TEXTS] = {
        {"format", cv_format("pt")},
        {"convo.version", cv_format("%s", convo_version())},
        {"convo.name", cv_format("%s", parts->recipe->name)},
        {"convo.recipe", recipe},
        {"convo.labels", labels_text(parts)},
        {"convo.normalize", normalize_text(parts->normal)},
        {"convo.seed", cv_format("%" PRIu64, convo_recipe_seed(parts->recipe))},
    };
    memcpy(text, all, sizeof all);
    *count = CV_MODEL_TEXTS - 4;
    if (!isnan(parts->test_accuracy))
        text[(*count)++] = (cv_st_text){"convo.test_accuracy", dump(json_real(parts->test_accuracy))};
    if (parts->examples) text[(*count)++] = (cv_st_text){"convo.examples", cv_format("%zu", parts->examples)};
    if (parts->listening) text[(*count)++] = (cv_st_text){"convo.listening", cv_listening_text(parts->listening)};
    if (parts->ranges) text[(*count)++] = (cv_st_text){"convo.int8", cv_format("%s", parts->ranges)};
    for (size_t k = 0; k < *count; k++)
        if (!text[k].value)
            return strcmp(text[k].key, "convo.labels") == 0 // jansson does not say which of the two
                       ? cv_fail(err, CONVO_ARGUMENT, "", "a label is not UTF-8, or there is not enough memory")
                       : cv_no_memory(err, text[k].key);
    return CONVO_OK;
}

convo_status cv_model_save(const cv_model_parts *parts, const char *path, convo_error *err) {
    const cv_net *net = parts->net;
    cv_st_text text[CV_MODEL_TEXTS] = {{0}};
    cv_safetensors file = {.text = text};
    convo_status status = CONVO_OK;
    file.tensor = cv_alloc((size_t)net->tensors + 1, sizeof *file.tensor);
    if (!file.tensor) return cv_no_memory(err, path);
    for (int t = 0; !status && t < net->tensors; t++) {
        status = pack_tensor(net, t, &file.tensor[t], err);
        file.tensors = (size_t)t + 1;
    }
    if (!status) status = cv_model_texts(parts, text, &file.texts, err);
    if (!status) status = cv_safetensors_write(path, &file, err);
    for (size_t t = 0; t < file.tensors; t++) free((void *)file.tensor[t].data);
    for (size_t k = 0; k < CV_MODEL_TEXTS; k++) free(text[k].value);
    free(file.tensor);
    return status;
}

cv_model_parts cv_model_parts_of(const convo_model *model) {
    return (cv_model_parts){
        .recipe = model->recipe,
        .net = model->net,
        .labels = model->labels,
        .classes = model->classes,
        .normal = &model->normal,
        .test_accuracy = model->test_accuracy,
        .ranges = model->ranges,
        .examples = model->recipe->noted_examples,
        .listening = model->listening,
    };
}

convo_status convo_model_save(const convo_model *model, const char *path, convo_error *err) {
    if (!model || !path) return cv_fail(err, CONVO_ARGUMENT, "", "a model and a path are needed");
    const cv_model_parts parts = cv_model_parts_of(model);
    return cv_model_save(&parts, path, err);
}

// --- reading ----------------------------------------------------------------------------------------------------

static convo_status check_tensor(const char *path, const cv_st_tensor *from, const cv_net_tensor *to,
                                 convo_error *err) {
    if (!from) return cv_fail(err, CONVO_FORMAT, path, "the net needs '%s', which the file does not hold", to->name);
    if (from->dims != to->spec.dims || memcmp(from->dim, to->spec.dim, (size_t)from->dims * sizeof *from->dim) != 0) {
        char have[128], need[128];
        cv_dims_text(from->dims, from->dim, have, sizeof have);
        cv_dims_text(to->spec.dims, to->spec.dim, need, sizeof need);
        return cv_fail(err, CONVO_SHAPE, path, "%s is %s, the net needs %s", to->name, have, need);
    }
    if (from->type != (to->spec.integer ? CV_I64 : CV_F32))
        return cv_fail(err, CONVO_FORMAT, path, "%s must hold numbers of type %s", to->name,
                       to->spec.integer ? "I64" : "F32");
    return CONVO_OK;
}

// The net gets its room when it is known that the file fills it.
static convo_status read_tensors(const char *path, const cv_safetensors *file, cv_net *net, convo_error *err) {
    for (int t = 0; t < net->tensors; t++)
        CV_TRY(check_tensor(path, cv_safetensors_find(file, net->tensor[t].name), &net->tensor[t], err));
    CV_TRY(cv_net_finish(net, err));
    for (int t = 0; t < net->tensors; t++)
        CV_TRY(cv_weights_load(path, cv_safetensors_find(file, net->tensor[t].name), net, t, err));
    for (size_t t = 0; t < file->tensors && file->tensors > (size_t)net->tensors; t++) {
        int k = 0;
        while (k < net->tensors && strcmp(file->tensor[t].name, net->tensor[k].name) != 0) k++;
        if (k == net->tensors)
            return cv_fail(err, CONVO_FORMAT, path, "the file holds '%.100s', which the net does not have",
                           file->tensor[t].name);
    }
    return CONVO_OK;
}

static convo_status read_labels(convo_model *model, const char *path, const char *text, convo_error *err) {
    json_t *json = cv_json_of(text);
    size_t count = json_array_size(json);
    convo_status status = CONVO_OK;
    model->labels = cv_alloc(count + 1, sizeof *model->labels);
    if (!model->labels) status = cv_no_memory(err, "labels");
    if (!status && (count < 1 || count > CV_LIMIT_CLASSES))
        status = cv_fail(err, CONVO_FORMAT, path, "convo.labels in the metadata must be a list of 1 to %d words",
                         CV_LIMIT_CLASSES);
    for (size_t k = 0; !status && k < count; k++) {
        const char *label = json_string_value(json_array_get(json, k));
        if (!label)
            status = cv_fail(err, CONVO_FORMAT, path, "label %zu in the metadata is not text", k);
        else if (!(model->labels[model->classes++] = cv_format("%s", label)))
            status = cv_no_memory(err, "labels");
    }
    json_decref(json);
    return status;
}

// A list of `count` numbers, or for one the number itself; of deviations, above 0.
static bool read_pairs(const json_t *json, size_t count, bool above, float *out) {
    if (count > 1 && json_array_size(json) != count) return false;
    for (size_t k = 0; k < count; k++) {
        const json_t *number = count > 1 ? json_array_get(json, k) : json;
        out[k] = (float)json_number_value(number);
        if (!json_is_number(number) || !isfinite(out[k]) || (above && !(out[k] > 0))) return false;
    }
    return true;
}

// The sizes of lists of means and deviations; without them, one of each.
static bool read_dims(const json_t *shape, const size_t row[3], size_t dim[3]) {
    for (size_t k = 0; k < 3; k++) {
        const json_int_t size = shape ? json_integer_value(json_array_get(shape, k)) : 1;
        if (size != 1 && (size < 1 || (size_t)size != row[k])) return false;
        dim[k] = (size_t)size;
    }
    return !shape || json_array_size(shape) == 3;
}

convo_status cv_model_normalize(const char *text, const char *path, cv_shape input, cv_normal *normal,
                                convo_error *err) {
    json_t *json = cv_json_of(text);
    const size_t row[3] = {(size_t)input.c, (size_t)input.h, (size_t)input.w};
    size_t dim[3];
    *normal = (cv_normal){0};
    bool good = read_dims(json_object_get(json, "shape"), row, dim);
    convo_status status = good && !cv_normal_new(row, dim, normal) ? cv_no_memory(err, "a normalisation") : CONVO_OK;
    good = good && !status && read_pairs(json_object_get(json, "mean"), cv_normal_count(normal), false, normal->mean) &&
           read_pairs(json_object_get(json, "std"), cv_normal_count(normal), true, normal->std);
    json_decref(json);
    if (!good && !status)
        status = cv_fail(err, CONVO_FORMAT, path,
                         "convo.normalize in the metadata must have a mean and a std above 0, or one of each for what "
                         "its shape says");
    if (status) cv_normal_free(normal);
    return status;
}

static convo_status read_listening(convo_model *model, const char *path, const char *text, convo_error *err) {
    convo_listening listening;
    CV_TRY(cv_listening_read(text, path, model->classes, &listening, err));
    const convo_status status = convo_model_listen_with(model, &listening, err);
    convo_listening_free(&listening);
    return status;
}

static size_t read_count(const char *text) {
    json_t *json = cv_json_of(text);
    const json_int_t count = json_integer_value(json);
    json_decref(json);
    return count > 0 ? (size_t)count : 0;
}

static convo_status read_model(convo_model *model, const char *path, const cv_safetensors *file, convo_error *err) {
    static const char *const needed[] = {"convo.recipe", "convo.labels", "convo.normalize"};
    for (size_t k = 0; k < CV_COUNT(needed); k++)
        if (!cv_safetensors_text(file, needed[k]))
            return cv_fail(err, CONVO_FORMAT, path, "this is not a convo model: its metadata has no %s", needed[k]);
    const char *recipe = cv_safetensors_text(file, "convo.recipe"), *name = cv_safetensors_text(file, "convo.name");
    const char *accuracy = cv_safetensors_text(file, "convo.test_accuracy");
    json_t *number = cv_json_of(accuracy);
    model->test_accuracy = json_is_number(number) ? json_number_value(number) : NAN;
    json_decref(number);
    const char *ranges = cv_safetensors_text(file, "convo.int8");
    if (ranges && !(model->ranges = cv_format("%s", ranges))) return cv_no_memory(err, path);

    char *file_name = cv_format("%s: recipe", path);
    if (!file_name) return cv_no_memory(err, path);
    convo_status status = cv_recipe_parse(recipe, strlen(recipe), name ? name : path, file_name, &model->recipe, err);
    free(file_name);
    if (!status) model->recipe->noted_examples = read_count(cv_safetensors_text(file, "convo.examples"));
    if (!status) status = read_labels(model, path, cv_safetensors_text(file, "convo.labels"), err);
    if (!status) status = build(model, err);
    const char *listening = cv_safetensors_text(file, "convo.listening");
    if (!status && listening) status = read_listening(model, path, listening, err);
    const char *normalize = cv_safetensors_text(file, "convo.normalize");
    if (!status) status = cv_model_normalize(normalize, path, model->net->input, &model->normal, err);
    return status ? status : read_tensors(path, file, model->net, err);
}

// The data set of the run that a model file lies in.
static char *noted_beside(const char *path) {
    const char *slash = strrchr(path, '/');
    char *run = slash ? cv_format("%.*s/", (int)(slash - path), path) : cv_format(".");
    char *noted = cv_data_folder_noted(run);
    free(run);
    return noted;
}

convo_status convo_model_load(const char *path, convo_model **model, convo_error *err) {
    if (!path || !model) return cv_fail(err, CONVO_ARGUMENT, "", "a path and room for the model are needed");
    *model = NULL;
    if (!cv_is_folder(path) && !cv_is_file(path))
        return cv_fail(err, CONVO_IO, path, "is not there: a model is a .safetensors file or the folder of a training");
    char *name = cv_is_folder(path) ? cv_format("%s/best.safetensors", path) : cv_format("%s", path);
    convo_model *made = cv_alloc(1, sizeof *made);
    cv_safetensors file = {0};
    convo_status status = name && made ? cv_safetensors_read(name, &file, err) : cv_no_memory(err, path);
    if (!status) status = read_model(made, name, &file, err);
    if (!status) made->recipe->noted_data = noted_beside(name);
    cv_safetensors_free(&file);
    free(name);
    if (status)
        convo_model_free(made);
    else
        *model = made;
    return status;
}

#include "model/weights.h"

#include "base/file.h"
#include "format/json.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void cv_weights_free(cv_weights *w) {
    for (size_t k = 0; k < w->weights; k++) free(w->weight[k].name);
    for (size_t k = 0; k < w->files; k++) cv_safetensors_free(&w->file[k]);
    free(w->weight);
    free(w->file);
    *w = (cv_weights){0};
}

// --- reading ------------------------------------------------------------------------------------------------------

// What torch.save writes is a zip file that begins with data.pkl, or a bare pickle. Reading a pickle runs what it says,
// so nobody should. A safetensors file may begin with the same bytes: they are the length of its header, which begins
// with '{'. Other zip files are NumPy's, as a rule.
static convo_status refuse_others(const char *path, convo_error *err) {
    enum { LENGTH = 8, NAME = 30, ROOM = 512 };
    char start[ROOM] = "";
    FILE *file = fopen(path, "rb");
    const size_t got = file ? fread(start, 1, sizeof start - 1, file) : 0;
    if (file) fclose(file);
    const bool zip = memcmp(start, "PK\3\4", 4) == 0;
    const bool pickle =
        zip ? strstr(start + NAME, "/data.pkl") != NULL : start[0] == '\x80' && (unsigned char)start[1] < 6;
    if (got < 4 || start[LENGTH] == '{' || (!zip && !pickle)) return CONVO_OK;
    if (!pickle)
        return cv_fail(err, CONVO_UNSUPPORTED, path,
                       "this is a zip file: weights are read from safetensors files; in Python, write "
                       "safetensors.numpy.save_file(dict(numpy.load('weights.npz')), 'weights.safetensors')");
    return cv_fail(
        err, CONVO_UNSUPPORTED, path,
        "this is a Python pickle, as PyTorch writes it, which may run any code when it is read; in Python, write "
        "safetensors.torch.save_file(model.state_dict(), 'weights.safetensors') and import that");
}

static convo_status read_file(cv_weights *w, const char *path, convo_error *err) {
    if (!cv_grow(&w->file, &w->file_room, w->files + 1, sizeof *w->file)) return cv_no_memory(err, path);
    convo_status status = refuse_others(path, err);
    if (!status) status = cv_safetensors_read(path, &w->file[w->files], err);
    if (!status) w->files++;
    return status;
}

// Reads the shards that an index names: {"weight_map": {"0.weight": "model-00001-of-00002.safetensors", ...}}.
static convo_status read_shards(cv_weights *w, const char *path, convo_error *err) {
    cv_bytes bytes = {0};
    CV_TRY(cv_file_read(path, CV_LIMIT_HEADER, &bytes, err));
    json_t *index, *seen = json_object(), *shard;
    convo_status status = cv_json_read(path, 0, (const char *)bytes.data, bytes.size, &index, err);
    json_t *map = json_object_get(index, "weight_map");
    const char *slash = strrchr(path, '/'), *tensor;
    if (!status && !json_object_size(map))
        status = cv_fail(err, CONVO_FORMAT, path, "an index of shards must have a 'weight_map'");
    json_object_foreach(map, tensor, shard) {
        const char *name = json_string_value(shard);
        if (status || (name && json_object_get(seen, name))) continue;
        char *file = name ? cv_format("%.*s%s", slash ? (int)(slash + 1 - path) : 0, path, name) : NULL;
        if (!name || strchr(name, '/'))
            status = cv_fail(err, CONVO_FORMAT, path, "'%.100s' must be in a file beside the index", tensor);
        else
            status = file && !json_object_set_new(seen, name, json_true()) ? read_file(w, file, err)
                                                                           : cv_no_memory(err, path);
        free(file);
    }
    json_decref(seen);
    json_decref(index);
    free(bytes.data);
    return status;
}

static bool ends_with(const char *text, const char *end) {
    const size_t length = strlen(text), tail = strlen(end);
    return length >= tail && !strcmp(text + length - tail, end);
}

// The name by which the net knows a tensor; new.
static char *mapped(const char *name, const char *const *map) {
    for (; map && *map; map++) {
        const size_t old = strcspn(*map, "=");
        if (strncmp(name, *map, old) != 0 || (name[old] && name[old] != '.')) continue;
        const char *new = *map + old + 1, *rest = name + old;
        return cv_format("%s%s", new, *new ? rest : rest + (*rest == '.'));
    }
    return cv_format("%s", name);
}

static convo_status check_map(const char *const *map, convo_error *err) {
    for (; map && *map; map++)
        if (strcspn(*map, "=") == 0 || !strchr(*map, '='))
            return cv_fail(err, CONVO_ARGUMENT, *map, "a name is mapped as old=new, such as 'features.0=0'");
    return CONVO_OK;
}

static int by_name(const void *a, const void *b) {
    return strcmp(((const struct cv_weight *)a)->name, ((const struct cv_weight *)b)->name);
}

convo_status cv_weights_read(const char *path, const char *const *map, cv_weights *w, convo_error *err) {
    *w = (cv_weights){.path = path};
    convo_status status = check_map(map, err);
    if (!status) status = ends_with(path, ".json") ? read_shards(w, path, err) : read_file(w, path, err);
    for (size_t f = 0; !status && f < w->files; f++)
        for (size_t t = 0; !status && t < w->file[f].tensors; t++) {
            const cv_st_tensor *tensor = &w->file[f].tensor[t];
            char *name = mapped(tensor->name, map);
            if (!name || !cv_grow(&w->weight, &w->weight_room, w->weights + 1, sizeof *w->weight)) {
                free(name);
                status = cv_no_memory(err, path);
                break;
            }
            w->weight[w->weights++] = (struct cv_weight){tensor, name};
        }
    if (status)
        cv_weights_free(w);
    else if (w->weights)
        qsort(w->weight, w->weights, sizeof *w->weight, by_name);
    return status;
}

// --- what fits ----------------------------------------------------------------------------------------------------

void cv_name_list_add(cv_name_list *list, const char *format, ...) {
    char text[sizeof list->text];
    const size_t used = strlen(list->text);
    va_list args;
    va_start(args, format);
    const int length = vsnprintf(text, sizeof text, format, args);
    va_end(args);
    list->count++;
    const bool fits = length >= 0 && used + (size_t)length + sizeof ", and 9999 more" < sizeof list->text;
    if (list->left_out || (!fits && used))
        list->left_out++;
    else
        cv_append(list->text, sizeof list->text, "%s%s", used ? ", " : "", text);
}

void cv_name_list_end(cv_name_list *list) {
    if (list->left_out) cv_append(list->text, sizeof list->text, " and %d more", list->left_out);
}

// The index of the first weight of this name, or where it would be.
static size_t index_of(const cv_weights *w, const char *name) {
    size_t low = 0, high = w->weights;
    while (low < high) {
        const size_t middle = low + (high - low) / 2;
        if (strcmp(w->weight[middle].name, name) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static bool is_called(const cv_weights *w, size_t k, const char *name) {
    return k < w->weights && !strcmp(w->weight[k].name, name);
}

convo_status cv_weights_load(const char *path, const cv_st_tensor *from, cv_net *net, int t, convo_error *err) {
    const cv_net_tensor *to = &net->tensor[t];
    const bool as_it_is = from->type == CV_F32 && (uintptr_t)from->data % sizeof(float) == 0;
    float *converted = as_it_is ? NULL : cv_alloc_aligned(to->size, sizeof *converted);
    if (!as_it_is && !converted) return cv_no_memory(err, to->name);
    if (converted) cv_safetensors_floats(from, converted);
    const float *values = converted ? converted : from->data;
    bool finite = true;
    for (size_t i = 0; i < to->size; i++) finite &= isfinite(values[i]) != 0;
    if (finite) cv_net_write(net, t, values);
    free(converted);
    return finite ? CONVO_OK : cv_fail(err, CONVO_NUMERIC, path, "%s holds numbers that are not finite", to->name);
}

static convo_status fill(const cv_weights *w, cv_net *net, cv_fit *fit, bool *wanted, convo_error *err) {
    for (int t = 0; t < net->tensors; t++) {
        const cv_net_tensor *to = &net->tensor[t];
        const size_t k = index_of(w, to->name);
        const cv_st_tensor *from = is_called(w, k, to->name) ? w->weight[k].tensor : NULL;
        char have[96], need[96];
        if (is_called(w, k + 1, to->name))
            return cv_fail(err, CONVO_FORMAT, w->path, "several tensors are called '%s'", to->name);
        if (from) wanted[k] = true;
        if (!from) {
            if (!to->spec.integer) cv_name_list_add(&fit->missing, "%s", to->name);
            continue;
        }
        if (from->dims == to->spec.dims && !memcmp(from->dim, to->spec.dim, (size_t)from->dims * sizeof *from->dim)) {
            CV_TRY(cv_weights_load(w->path, from, net, t, err));
            fit->taken++;
            continue;
        }
        cv_dims_text(from->dims, from->dim, have, sizeof have);
        cv_dims_text(to->spec.dims, to->spec.dim, need, sizeof need);
        cv_name_list_add(&fit->shapes, "%s is %s, the net's is %s", to->name, have, need);
    }
    return CONVO_OK;
}

convo_status cv_weights_fill(const cv_weights *w, cv_net *net, cv_fit *fit, convo_error *err) {
    *fit = (cv_fit){0};
    bool *wanted = cv_alloc(w->weights, sizeof *wanted);
    if (!wanted) return cv_no_memory(err, w->path);
    const convo_status status = fill(w, net, fit, wanted, err);
    for (size_t k = 0; k < w->weights && !status; k++)
        if (!wanted[k]) cv_name_list_add(&fit->extra, "%.80s", w->weight[k].name);
    free(wanted);
    cv_name_list_end(&fit->missing);
    cv_name_list_end(&fit->shapes);
    cv_name_list_end(&fit->extra);
    return status;
}

void cv_fit_text(const cv_fit *fit, char *text, size_t size) {
    const char *next = "";
    text[0] = 0;
    if (fit->missing.count) cv_append(text, size, "it has no %s", fit->missing.text), next = "; ";
    if (fit->shapes.count) cv_append(text, size, "%s%s", next, fit->shapes.text), next = "; ";
    if (fit->extra.count) cv_append(text, size, "%sthe net has no %s", next, fit->extra.text);
}

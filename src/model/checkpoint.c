// last.checkpoint: a safetensors file of flat arrays.
#include "model/checkpoint.h"

#include "base/file.h"
#include "format/json.h"
#include "model/weights.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

// Words of the generator, whether a spare number is kept, and its bits.
enum { RANDOM_WORDS = 624 + 2 + 2 };

static void pack_random(const cv_random *r, int32_t out[RANDOM_WORDS]) {
    memcpy(out, r->state, sizeof r->state);
    memcpy(out + 624, &r->next, sizeof r->next);
    memcpy(out + 625, &r->has_spare, sizeof r->has_spare);
    memcpy(out + 626, &r->spare, sizeof r->spare);
}

static bool unpack_random(const int32_t in[RANDOM_WORDS], cv_random *r) {
    memcpy(r->state, in, sizeof r->state);
    memcpy(&r->next, in + 624, sizeof r->next);
    memcpy(&r->has_spare, in + 625, sizeof r->has_spare);
    memcpy(&r->spare, in + 626, sizeof r->spare);
    return r->next <= 624 && r->has_spare <= 1;
}

// The arrays of a checkpoint, in memory that belongs to the net and the state.
typedef struct arrays {
    int32_t random[2][RANDOM_WORDS];
    cv_st_tensor tensor[7];
    size_t count;
} arrays;

static void add_array(arrays *a, const char *name, cv_st_type type, size_t count, const void *data) {
    a->tensor[a->count++] = (cv_st_tensor){.name = (char *)(uintptr_t)name,
                                           .type = type,
                                           .dims = 1,
                                           .dim = {(int64_t)count},
                                           .data = data,
                                           .bytes = count * 4};
}

static void list_arrays(arrays *a, const cv_net *net, const cv_train_state *s, int moments) {
    static const char *const names[] = {"moment.0", "moment.1"};
    a->count = 0;
    add_array(a, "values", CV_F32, net->total, net->values);
    // NOLINTNEXTLINE(*CallAndMessage): there are at most 2
    for (int k = 0; k < moments; k++) add_array(a, names[k], CV_F32, net->trained, s->moment[k]);
    if (s->best) add_array(a, "best", CV_F32, net->total, s->best);
    if (s->average) add_array(a, "average", CV_F32, net->total, s->average);
    add_array(a, "random", CV_I32, RANDOM_WORDS, a->random[0]);
    add_array(a, "epoch_random", CV_I32, RANDOM_WORDS, a->random[1]);
}

// The numbers of a state. COUNT: a whole number, not negative; SCORE: not a number as long as there is none.
static const struct {
    const char *name;
    size_t offset;
    enum { COUNT, REAL, SCORE } kind;
} fields[] = {
    {"epoch", offsetof(cv_train_state, epoch), COUNT},
    {"step", offsetof(cv_train_state, step), COUNT},
    {"steps", offsetof(cv_train_state, steps), COUNT},
    {"correct", offsetof(cv_train_state, correct), COUNT},
    {"seen", offsetof(cv_train_state, seen), COUNT},
    {"loss_sum", offsetof(cv_train_state, loss_sum), REAL},
    {"weight_sum", offsetof(cv_train_state, weight_sum), REAL},
    {"best_score", offsetof(cv_train_state, best_score), SCORE},
    {"best_epoch", offsetof(cv_train_state, best_epoch), COUNT},
    {"seconds", offsetof(cv_train_state, seconds), REAL},
    {"plateau_factor", offsetof(cv_train_state, plateau.factor), REAL},
    {"plateau_best", offsetof(cv_train_state, plateau.best), SCORE},
    {"plateau_bad", offsetof(cv_train_state, plateau.bad), COUNT},
    {"plateau_cooling", offsetof(cv_train_state, plateau.cooling), COUNT},
};

static char *state_text(const cv_train_state *s) {
    json_t *json = json_object();
    char *text = NULL;
    bool good = json;
    for (size_t k = 0; k < CV_COUNT(fields); k++) {
        const void *at = (const char *)s + fields[k].offset;
        const double real = fields[k].kind == COUNT ? 0 : *(const double *)at;
        json_t *value = fields[k].kind == COUNT ? json_integer((json_int_t) * (const int64_t *)at)
                        : isfinite(real)        ? json_real(real)
                                                : json_null();
        good = !json_object_set_new(json, fields[k].name, value) && good;
    }
    if (good) text = cv_json_text(json, JSON_REAL_PRECISION(17));
    json_decref(json);
    return text;
}

static bool read_state(const char *text, cv_train_state *s) {
    json_t *json = cv_json_of(text);
    bool good = json;
    for (size_t k = 0; k < CV_COUNT(fields) && good; k++) {
        const json_t *value = json_object_get(json, fields[k].name);
        void *at = (char *)s + fields[k].offset;
        if (fields[k].kind == COUNT) {
            good = json_is_integer(value) && json_integer_value(value) >= 0;
            if (good) *(int64_t *)at = json_integer_value(value);
        } else {
            good = json_is_number(value) || (fields[k].kind == SCORE && json_is_null(value));
            if (good) *(double *)at = json_is_number(value) ? json_number_value(value) : NAN;
        }
    }
    json_decref(json);
    return good && s->seen >= s->correct;
}

static char *examples_text(const cv_run_folder *folder) {
    const size_t *count = folder->split->count;
    return cv_format("%zu, %zu and %zu", count[CONVO_TRAIN], count[CONVO_VALIDATION], count[CONVO_TEST]);
}

convo_status cv_checkpoint_write(void *user, const cv_train_state *state, convo_error *err) {
    cv_run_folder *folder = user;
    // Epochs of small nets last milliseconds, a flushed file tens of them: once a second is enough, and at every stop.
    const double interval = 1;
    const bool last = state->epoch == folder->parts.recipe->train.epochs,
               asked = folder->options && folder->options->stop && *folder->options->stop;
    if (!last && !asked && state->seconds - folder->saved_at < interval) return CONVO_OK;
    folder->saved_at = state->seconds;

    arrays a;
    pack_random(&state->random, a.random[0]);
    pack_random(&state->epoch_random, a.random[1]);
    list_arrays(&a, folder->parts.net, state, folder->moments);
    char *path = cv_run_folder_path(folder, "last.checkpoint"), *recipe = NULL;
    convo_status status = convo_recipe_text(folder->parts.recipe, &recipe, err);
    cv_st_text text[] = {{"convo.version", cv_format("%s", convo_version())},
                         {"convo.state", state_text(state)},
                         {"convo.examples", examples_text(folder)},
                         {"convo.recipe", recipe},
                         {"convo.int8", folder->parts.ranges ? cv_format("%s", folder->parts.ranges) : NULL}};
    const size_t texts = CV_COUNT(text) - !folder->parts.ranges;
    for (size_t k = 0; k < texts; k++)
        if (!status && (!path || !text[k].value)) status = cv_no_memory(err, "a checkpoint");
    const cv_safetensors file = {.tensor = a.tensor, .tensors = a.count, .text = text, .texts = texts};
    if (!status) status = cv_safetensors_write(path, &file, err);
    for (size_t k = 0; k < CV_COUNT(text); k++) free(text[k].value);
    free(path);
    return status;
}

// --- going on with other settings ---------------------------------------------------------------------------------

// What may change between two calls: what the steps to come do with the gradients of the same net, data and order.
static bool may_change(const char *path) {
    static const char *const settings[] = {"train.epochs",    "train.schedule",   "train.patience",
                                           "train.clip_norm", "train.clip_value", "train.test_each_epoch"};
    const char *optimizer = "train.optimizer.", *option;
    for (size_t k = 0; k < CV_COUNT(settings); k++) {
        const size_t length = strlen(settings[k]);
        if (!strncmp(path, settings[k], length) && (!path[length] || path[length] == '.')) return true;
    }
    if (strncmp(path, optimizer, strlen(optimizer)) != 0) return false;
    option = strrchr(path, '.') + 1;
    return !strcmp(option, "lr") || !strcmp(option, "weight_decay") || !strcmp(option, "decays");
}

typedef struct changes {
    cv_name_list allowed, refused;
} changes;

static void sort_change(void *user, const char *path, const char *was, const char *is) {
    changes *c = user;
    cv_name_list_add(may_change(path) ? &c->allowed : &c->refused, "%s %s instead of %s", path,
                     may_change(path) ? is : was, may_change(path) ? was : is);
}

// The same recipe, but for what may change: *allowed lists it.
static convo_status check_recipe(const cv_run_folder *folder, const char *path, const char *text, cv_name_list *allowed,
                                 convo_error *err) {
    convo_recipe *old = NULL;
    changes c = {0};
    if (!text) return cv_fail(err, CONVO_FORMAT, path, "this is not a checkpoint: its metadata has no convo.recipe");
    convo_status status = cv_recipe_parse(text, strlen(text), folder->parts.recipe->name, path, &old, err);
    if (status) return status;
    const cv_yaml then = cv_recipe_yaml(old), now = cv_recipe_yaml(folder->parts.recipe);
    cv_yaml_compare(&then, &now, sort_change, &c);
    convo_recipe_free(old);
    cv_name_list_end(&c.allowed);
    cv_name_list_end(&c.refused);
    *allowed = c.allowed;
    if (c.refused.count)
        return cv_fail(err, CONVO_STATE, path,
                       "belongs to another recipe, with %s: a run can go on with other epochs, schedule, patience, "
                       "clip_norm, clip_value, test_each_epoch, and lr, weight_decay and decays of its optimizer only",
                       c.refused.text);
    return CONVO_OK;
}

static void note_changes(const cv_run_folder *folder, const cv_name_list *allowed) {
    char note[480];
    cv_print(note, sizeof note, "the run goes on with %s", allowed->text);
    if (allowed->count && folder->options && folder->options->note) folder->options->note(note, folder->options->user);
}

// --- reading ------------------------------------------------------------------------------------------------------

// The same number of examples in each part: else the rows of this epoch's order are others.
static convo_status check_examples(const cv_run_folder *folder, const char *path, const char *then, convo_error *err) {
    char *now = examples_text(folder);
    convo_status status = now ? CONVO_OK : cv_no_memory(err, path);
    if (now && then && strcmp(now, then) != 0)
        status = cv_fail(err, CONVO_STATE, path,
                         "was made of %s examples (train, validation, test), the data set now gives %s: bring back the "
                         "old files, or train anew",
                         then, now);
    free(now);
    return status;
}

static convo_status copy_arrays(const char *path, const cv_safetensors *file, arrays *a, convo_error *err) {
    for (size_t k = 0; k < a->count; k++) {
        const cv_st_tensor *to = &a->tensor[k], *from = cv_safetensors_find(file, to->name);
        if (!from || from->type != to->type || from->bytes != to->bytes)
            return cv_fail(err, CONVO_SHAPE, path, "'%s' is missing or does not fit the recipe's net", to->name);
        memcpy((void *)(uintptr_t)to->data, from->data, to->bytes);
    }
    return CONVO_OK;
}

convo_status cv_checkpoint_ranges(const cv_run_folder *folder, char **ranges, convo_error *err) {
    cv_safetensors file = {0};
    char *path = cv_run_folder_path(folder, "last.checkpoint");
    *ranges = NULL;
    if (!path) return cv_no_memory(err, folder->path);
    convo_status status = cv_is_file(path) ? cv_safetensors_read(path, &file, err) : CONVO_OK;
    const char *text = status ? NULL : cv_safetensors_text(&file, "convo.int8");
    if (text && !(*ranges = cv_format("%s", text))) status = cv_no_memory(err, path);
    cv_safetensors_free(&file);
    free(path);
    return status;
}

convo_status cv_checkpoint_read(cv_run_folder *folder, cv_net *net, cv_train_state *state, convo_error *err) {
    arrays a;
    cv_safetensors file = {0};
    cv_name_list changed = {0};
    char *path = cv_run_folder_path(folder, "last.checkpoint");
    if (!path) return cv_no_memory(err, folder->path);
    convo_status status = cv_safetensors_read(path, &file, err);
    if (!status) status = check_recipe(folder, path, cv_safetensors_text(&file, "convo.recipe"), &changed, err);
    if (!status) status = check_examples(folder, path, cv_safetensors_text(&file, "convo.examples"), err);
    list_arrays(&a, net, state, folder->moments);
    if (!status) status = copy_arrays(path, &file, &a, err);
    if (!status && (!read_state(cv_safetensors_text(&file, "convo.state"), state) ||
                    !unpack_random(a.random[0], &state->random) || !unpack_random(a.random[1], &state->epoch_random)))
        status = cv_fail(err, CONVO_FORMAT, path, "the state in this checkpoint makes no sense");
    folder->saved_at = state->seconds;
    if (!status) note_changes(folder, &changed);
    cv_safetensors_free(&file);
    free(path);
    return status;
}

#include "model/run_folder.h"

#include "base/file.h"
#include "format/json.h"
#include "model/checkpoint.h"
#include "model/data_folder.h"
#include "format/safetensors.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

static convo_status write_in(const cv_run_folder *folder, const char *name, const char *text, convo_error *err) {
    char *path = cv_run_folder_path(folder, name);
    const convo_status status = path ? cv_file_write(path, text, strlen(text), err) : cv_no_memory(err, name);
    free(path);
    return status;
}

static void remove_in(const cv_run_folder *folder, const char *name) {
    char *path = cv_run_folder_path(folder, name);
    if (path) remove(path);
    free(path);
}

static bool has(const cv_run_folder *folder, const char *name) {
    char *path = cv_run_folder_path(folder, name);
    const bool there = path && cv_is_file(path);
    free(path);
    return there;
}

// --- metrics.jsonl ------------------------------------------------------------------------------------------------

static json_t *number(double x) {
    return isfinite(x) ? json_real(x) : json_null();
}

static json_t *epoch_json(const cv_epoch *e) {
    const convo_score *s = e->score;
    return json_pack("{s:i, s:o, s:o, s:o, s:o, s:o, s:o, s:f, s:o, s:f}", "epoch", e->epoch, "train_loss",
                     number(s[0].loss), "train_accuracy", number(s[0].accuracy), "validation_loss", number(s[1].loss),
                     "validation_accuracy", number(s[1].accuracy), "test_loss", number(s[2].loss), "test_accuracy",
                     number(s[2].accuracy), "learning_rate", e->learning_rate, "examples_per_second",
                     number(e->examples_per_second), "seconds", e->seconds);
}

// Appends one object as a line; json is given up.
static convo_status append_line(const cv_run_folder *folder, const char *name, json_t *json, convo_error *err) {
    convo_status status = CONVO_OK;
    char *path = cv_run_folder_path(folder, name), *line = cv_json_text(json, JSON_REAL_PRECISION(9));
    FILE *file = path ? fopen(path, "a") : NULL;
    if (!path || !line)
        status = cv_no_memory(err, name);
    else if (!file || fprintf(file, "%s\n", line) < 0 || fflush(file))
        status = cv_fail(err, CONVO_IO, path, "cannot be written: %s", strerror(errno));
    if (file && fclose(file) && !status)
        status = cv_fail(err, CONVO_IO, path, "cannot be written: %s", strerror(errno));
    json_decref(json);
    free(line);
    free(path);
    return status;
}

convo_status cv_run_folder_step(void *user, const cv_step_record *r, convo_error *err) {
    return append_line(user, "steps.jsonl",
                       json_pack("{s:I, s:o, s:o, s:o, s:o, s:f}", "step", (json_int_t)r->step, "train_loss",
                                 number(r->train.loss), "train_accuracy", number(r->train.accuracy), "validation_loss",
                                 number(r->validation.loss), "validation_accuracy", number(r->validation.accuracy),
                                 "learning_rate", r->learning_rate),
                       err);
}

convo_status cv_run_folder_epoch(void *user, const cv_epoch *epoch, convo_error *err) {
    cv_run_folder *folder = user;
    const convo_status status = append_line(folder, "metrics.jsonl", epoch_json(epoch), err);
    if (status || !epoch->best) return status; // the last one is written at the end
    char *path = cv_run_folder_path(folder, "best.safetensors");
    const convo_status saved = path ? cv_model_save(&folder->parts, path, err) : cv_no_memory(err, folder->path);
    free(path);
    return saved;
}

// Lines past the checkpoint belong to work that is done again.
static convo_status cut_lines(const cv_run_folder *folder, const char *name, int64_t count, convo_error *err) {
    char *path = cv_run_folder_path(folder, name);
    cv_bytes text = {0};
    size_t kept = 0;
    convo_status status = path ? CONVO_OK : cv_no_memory(err, name);
    if (!status && !cv_is_file(path)) goto done;
    if (!status) status = cv_file_read(path, SIZE_MAX / 2, &text, err);
    for (int64_t lines = 0; !status && lines < count && kept < text.size; lines++) {
        const uint8_t *end = memchr(text.data + kept, '\n', text.size - kept);
        kept = end ? (size_t)(end - text.data) + 1 : text.size;
    }
    if (!status) status = cv_file_write(path, text.data, kept, err);
done:
    free(text.data);
    free(path);
    return status;
}

// --- the beginning ------------------------------------------------------------------------------------------------

// For as long as this process trains here; the kernel takes it back when the process ends, however it ends. The folder
// itself is locked, so that no file is left. Some network file systems know no such locks: then there is none.
static convo_status lock(cv_run_folder *folder, convo_error *err) {
    folder->lock = open(folder->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (folder->lock < 0)
        return cv_fail(err, CONVO_IO, folder->path, "the folder cannot be opened: %s", strerror(errno));
    if (!flock(folder->lock, LOCK_EX | LOCK_NB) || errno != EWOULDBLOCK) return CONVO_OK;
    return cv_fail(err, CONVO_STATE, folder->path,
                   "another training is at work in this folder: let it end, or train into another one");
}

// recipe.yaml comes last: where it is, the run has begun, and can be gone on with before there is a checkpoint.
convo_status cv_run_folder_begin(cv_run_folder *folder, bool resume, cv_net *net, cv_train_state *state,
                                 convo_error *err) {
    static const char *const earlier[] = {"last.checkpoint", "steps.jsonl", "result.json", "best.safetensors"};
    char *text = NULL;
    if (!folder->path) return CONVO_OK;
    if (resume && !has(folder, "last.checkpoint") && !has(folder, "recipe.yaml"))
        return cv_fail(err, CONVO_IO, folder->path, "there is no run to go on with: train without --resume");
    convo_status status = cv_folder_make(folder->path, err);
    if (!status) status = lock(folder, err);
    if (status) return status;
    if (resume && has(folder, "last.checkpoint")) {
        const int64_t every = folder->parts.recipe->train.record_every;
        status = cv_checkpoint_read(folder, net, state, err);
        if (!status) status = cut_lines(folder, "metrics.jsonl", state->epoch, err);
        if (!status) status = cut_lines(folder, "steps.jsonl", every ? state->steps / every : 0, err);
    } else { // what is left of an earlier run would lie about this one
        for (size_t k = 0; k < CV_COUNT(earlier); k++) remove_in(folder, earlier[k]);
        status = write_in(folder, "metrics.jsonl", "", err);
    }
    if (!status) status = cv_data_folder_note(folder->path, folder->data, err);
    if (!status) status = convo_recipe_text(folder->parts.recipe, &text, err);
    if (!status) status = write_in(folder, "recipe.yaml", text, err);
    free(text);
    return status;
}

// --- the end ------------------------------------------------------------------------------------------------------

static json_t *score_json(const convo_score *s) {
    return s->count ? json_pack("{s:o, s:o, s:I, s:I}", "loss", number(s->loss), "accuracy", number(s->accuracy),
                                "correct", (json_int_t)s->correct, "count", (json_int_t)s->count)
                    : json_null();
}

// A few recordings the net was not trained on, spread over the test part: for a first try of the model.
static json_t *examples_json(const cv_dataset *dataset, const cv_split *split) {
    enum { SHOWN = 5 };
    json_t *list = json_array();
    const size_t count = split->count[CONVO_TEST], shown = count < SHOWN ? count : SHOWN;
    for (size_t k = 0; k < shown; k++) {
        const cv_example *e = &dataset->example[split->index[CONVO_TEST][k * count / shown]];
        const bool plain = e->path && convo_text_show(e->path, NULL, 0) == strlen(e->path); // JSON can hold it
        if (plain && json_array_append_new(list, json_string(e->path))) {
            json_decref(list);
            return NULL;
        }
    }
    return list;
}

static json_t *result_json(const cv_run_folder *folder, const convo_train_result *r, const cv_dataset *dataset) {
    return json_pack("{s:s, s:s, s:o, s:o, s:o, s:i, s:i, s:I, s:I, s:f, s:o, s:I, s:i, s:s, s:b, s:[III], s:o, s:o}",
                     "recipe", folder->parts.recipe->name, "version", convo_version(), "train", score_json(&r->train),
                     "validation", score_json(&r->validation), "test", score_json(&r->test), "epochs", r->epochs,
                     "best_epoch", r->best_epoch, "steps", (json_int_t)r->steps, "parameters",
                     (json_int_t)r->parameters, "seconds", r->seconds, "examples_per_second",
                     number(r->examples_per_second), "seed", (json_int_t)r->seed, "threads", r->threads, "isa", r->isa,
                     "stopped_early", r->stopped_early, "examples", (json_int_t)r->examples[0],
                     (json_int_t)r->examples[1], (json_int_t)r->examples[2], "published",
                     number(folder->parts.recipe->published), "test_examples", examples_json(dataset, folder->split));
}

convo_status cv_run_folder_end(cv_run_folder *folder, const convo_train_result *result, const cv_dataset *dataset,
                               convo_error *err) {
    char *model = cv_run_folder_path(folder, "best.safetensors"), *path = cv_run_folder_path(folder, "result.json"),
         *text = NULL;
    json_t *json = result_json(folder, result, dataset);
    convo_status status = CONVO_OK;
    if (!model || !path || !(text = cv_json_text(json, JSON_INDENT(2) | JSON_REAL_PRECISION(9))))
        status = cv_no_memory(err, folder->path);
    if (!status) status = cv_model_save(&folder->parts, model, err);
    if (!status && !result->interrupted) status = cv_file_write(path, text, strlen(text), err);
    json_decref(json);
    free(text);
    free(model);
    free(path);
    return status;
}

void cv_run_folder_leave(cv_run_folder *folder) {
    if (folder->lock >= 0) close(folder->lock);
    folder->lock = -1;
}

// The folder of a training run: recipe.yaml, data.txt, metrics.jsonl, steps.jsonl (when steps are recorded),
// best.safetensors, last.checkpoint, result.json.
#pragma once

#include "base/base.h"
#include "model/model.h"

typedef struct cv_run_folder {
    const char *path; // NULL: nothing is written
    const char *data; // the data set's folder, "" of one that is made up
    cv_model_parts parts;
    int moments;                        // of the optimiser
    const cv_split *split;              // of the data set
    const convo_train_options *options; // at a stop, a checkpoint is written at once; may be NULL
    double saved_at;                    // seconds, when the last checkpoint was written
    int lock;                           // file descriptor; -1: the folder is not locked
} cv_run_folder;

// The path of a file in it, for the caller to free; NULL: no memory. Here, since checkpoint.c calls nothing of
// run_folder.c, which calls it.
static inline char *cv_run_folder_path(const cv_run_folder *folder, const char *name) {
    return cv_format("%s/%s", folder->path, name);
}

// Creates and locks the folder, writes recipe.yaml and data.txt. resume: if there is a last.checkpoint, reads it into
// the net and a state made by cv_train_state_new, and truncates the metrics to its position; else removes an earlier
// run.
convo_status cv_run_folder_begin(cv_run_folder *folder, bool resume, cv_net *net, cv_train_state *state,
                                 convo_error *err);
// Callbacks of cv_training; user is the folder.
convo_status cv_run_folder_step(void *user, const cv_step_record *record, convo_error *err);
convo_status cv_run_folder_epoch(void *user, const cv_epoch *epoch, convo_error *err);
// Writes best.safetensors, the kept model, and result.json.
convo_status cv_run_folder_end(cv_run_folder *folder, const convo_train_result *result, const cv_dataset *dataset,
                               convo_error *err);
// Unlocks it.
void cv_run_folder_leave(cv_run_folder *folder);

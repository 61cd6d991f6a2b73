// A store: the rows of a data set, each in the narrowest type that holds its numbers, in one file that is mapped into
// memory. The kernel keeps as much of it as there is room for, so that a data set may be larger than memory, and
// processes that read the same store share it. Without a path, or without room on the disk, the rows are in memory.
#pragma once

#include "base/threads.h"
#include "base/values.h"

enum { CV_STORE_KEY = 64, CV_STORE_ABOUT = 176, CV_STORE_LARGE = 256 << 20 };

typedef struct cv_store cv_store;
typedef struct cv_store_writer cv_store_writer;

typedef struct cv_store_plan {
    const char *path;  // of the file; NULL: in memory
    const char *key;   // what a reader must ask for, at most CV_STORE_KEY - 1 bytes
    const char *about; // what the store holds, for people; cut to CV_STORE_ABOUT - 1 bytes
    size_t rows, tasks;
    size_t large; // bytes: the rows of a store that has more are checked on use; 0: CV_STORE_LARGE
    // Puts the rows that belong to a task. Called from several threads.
    convo_status (*fill)(void *context, size_t task, cv_store_writer *writer, convo_error *err);
    void *context;
    // Called now and then by one thread at a time; may be NULL.
    void (*progress)(void *context, size_t done);
    // Asked whether a task may fail: its row, which has the task's number, is then missing. NULL: none may.
    bool (*skip)(void *context, size_t task, const convo_error *reason);
} cv_store_plan;

// Puts row number `row`. type: the narrowest type to try, CV_ROW_SAMPLES, CV_ROW_BYTES or CV_ROW_FLOATS; numbers that
// it cannot hold exactly are stored as floats. shift, gain: see cv_row.
convo_status cv_store_put(cv_store_writer *writer, size_t row, const float *value /* [count] */, size_t count,
                          uint32_t type, double shift, double gain, convo_error *err);
// Says how long the recording of a row was. After cv_store_put.
void cv_store_put_length(cv_store_writer *writer, size_t row, size_t samples);
// Opens the store at plan->path. *store is NULL if there is none with this key and number of rows, or if it is damaged.
// A large store is not read as a whole: its rows are checked by cv_store_fetch, those of all others here.
void cv_store_open(const cv_store_plan *plan, cv_pool *pool, cv_store **store);
// Opens the store, or makes it: runs the tasks, and waits if another process is making the same one. The error of the
// first task that fails does not depend on the number of threads.
convo_status cv_store_make(const cv_store_plan *plan, cv_pool *pool, cv_store **store, convo_error *err);
void cv_store_free(cv_store *store);
// Returns the rows, [plan->rows], owned by the store.
const cv_row *cv_store_rows(const cv_store *store);
// Returns whether the store is read row by row with cv_store_fetch, because it may exceed memory.
bool cv_store_is_large(const cv_store *store);
// Reads the first `count` numbers of a row to out. Of a large store, they are read from the file without mapping them,
// which costs the kernel less where it has to make room for them, and checked. A damaged store is removed, with an
// error.
convo_status cv_store_fetch(cv_store *store, size_t row, size_t count, float *out, convo_error *err);
// Returns the path of a store's file; NULL: it is in memory.
const char *cv_store_path(const cv_store *store);
// Reads what the file says about itself. Returns false if it is not a store.
bool cv_store_about(const char *path, char about[CV_STORE_ABOUT]);

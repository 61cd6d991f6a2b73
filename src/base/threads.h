// A pool of POSIX threads that share numbered tasks.
#pragma once

#include "base/base.h"

#include <pthread.h>

// pthread_create for a thread of the library, which receives no signals but those that its own instructions raise.
int cv_thread_start(pthread_t *thread, void *(*main)(void *), void *argument);

typedef struct cv_pool cv_pool;
typedef void cv_task(void *context, int task, int worker);

// threads includes the caller: 1 starts none; 0: one per processor that this process may use (cv_cpu_count). Only as
// many run as there are such processors: more would take turns, each with memory of its own, and wait for each other.
convo_status cv_pool_new(cv_pool **pool, int threads, convo_error *err);
// The same with `running` of them, however many processors there are; 0: as above.
convo_status cv_pool_new_running(cv_pool **pool, int threads, int running, convo_error *err);
// Is told of task `task` of the `count` of a job, and when it began and ended, in nanoseconds of processor time.
typedef void cv_watch(void *watcher, int count, int task, int64_t began, int64_t ended);
// A pool whose work is planned for so many threads, and done by the caller alone, watched: for measurements.
convo_status cv_pool_new_watched(cv_pool **pool, int threads, cv_watch *watch, void *watcher, convo_error *err);
void cv_pool_free(cv_pool *pool);
int cv_pool_size(const cv_pool *pool);    // threads asked for
int cv_pool_running(const cv_pool *pool); // and how many there are
// Runs function(context, task, worker) for task 0..count-1, worker in 0..running-1, and returns when all are done.
// The caller works too (as worker 0). Which worker takes a task is not fixed: results must not depend on it.
// Denormals are flushed to zero inside tasks.
void cv_pool_run(cv_pool *pool, int count, cv_task *function, void *context);

// Counts the tasks that are done and tells the number, one thread at a time.
typedef struct cv_tally {
    pthread_mutex_t lock;
    int64_t done, total;
    void (*tell)(int64_t done, int64_t total, void *user); // NULL: nobody wants to know
    void *user;
} cv_tally;
void cv_tally_start(cv_tally *tally, int64_t total, void (*tell)(int64_t done, int64_t total, void *user), void *user);
void cv_tally_add(cv_tally *tally);
void cv_tally_end(cv_tally *tally);

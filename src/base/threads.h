// A pool of POSIX threads that share numbered tasks.
#pragma once

#include "base/base.h"

#include <pthread.h>

// pthread_create for a thread of the library, which receives no signals but those that its own instructions raise.
int cv_thread_start(pthread_t *thread, void *(*main)(void *), void *argument);

typedef struct cv_pool cv_pool;
typedef void cv_task(void *context, int task, int worker);

// threads includes the caller: 1 starts none; 0: one per available processor.
convo_status cv_pool_new(cv_pool **pool, int threads, convo_error *err);
void cv_pool_free(cv_pool *pool);
int cv_pool_size(const cv_pool *pool);
// Runs function(context, task, worker) for task 0..count-1, worker in 0..size-1, and returns when all are done.
// The caller works too (as worker 0). Which worker takes a task is not fixed: results must not depend on it.
// Denormals are flushed to zero inside tasks.
void cv_pool_run(cv_pool *pool, int count, cv_task *function, void *context);

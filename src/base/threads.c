#include "base/threads.h"

#include "base/cpu.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { THREAD_LIMIT = 1024, CACHE_LINE = 64 };

// A training step of a small net lasts about 100 microseconds and waking a sleeping thread about 50: threads that wait
// look again and again for this long before they sleep.
enum { SPIN_NANOSECONDS = 50000, LOOKS_PER_CLOCK = 16 };

// A task is claimed by lowering `left`. Whoever lowered it from above 0 owns a task of the current job, and the caller
// does not leave the job before that task is done: so the job may be read then, and only then. A worker that is late
// finds left at 0, or a task of the next job; it is never waited for.
struct cv_pool {
    _Alignas(CACHE_LINE) atomic_int left;       // tasks not yet claimed
    _Alignas(CACHE_LINE) atomic_int unfinished; // tasks not yet done
    _Alignas(CACHE_LINE) int count;             // the job, written by the caller before `left`
    cv_task *function;
    void *context;

    _Alignas(CACHE_LINE) pthread_mutex_t lock; // for sleeping only
    pthread_cond_t work, done;
    atomic_int sleeping; // workers
    atomic_bool caller_sleeps, stop;

    int size, running, started; // threads with the caller, those that run, and these without the caller
    bool spin;
    cv_watch *watch; // NULL: nobody does
    void *watcher;
    struct worker {
        pthread_t thread;
        cv_pool *pool;
        int number;
    } * workers;
};

static int64_t nanoseconds_of(clockid_t clock) {
    struct timespec now;
    clock_gettime(clock, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

static int64_t nanoseconds(void) {
    return nanoseconds_of(CLOCK_MONOTONIC);
}

static void pause_briefly(void) {
#if defined(__x86_64__) || defined(__i386__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    __asm__ volatile("isb");
#endif
}

typedef bool condition(cv_pool *pool);

static bool has_work(cv_pool *pool) {
    return atomic_load(&pool->left) > 0 || atomic_load(&pool->stop);
}

static bool job_done(cv_pool *pool) {
    return atomic_load(&pool->unfinished) == 0;
}

static bool spin_until(cv_pool *pool, condition *reached) {
    if (!pool->spin) return reached(pool);
    int64_t end = nanoseconds() + SPIN_NANOSECONDS;
    do {
        for (int i = 0; i < LOOKS_PER_CLOCK; i++) {
            if (reached(pool)) return true;
            pause_briefly();
        }
    } while (nanoseconds() < end);
    return false;
}

static bool claim_task(cv_pool *pool, int *task) {
    int left = atomic_load(&pool->left);
    while (left > 0)
        if (atomic_compare_exchange_weak(&pool->left, &left, left - 1)) {
            *task = pool->count - left;
            return true;
        }
    return false;
}

static void work_off(cv_pool *pool, int worker) {
    for (int task; claim_task(pool, &task);) {
        pool->function(pool->context, task, worker);
        if (atomic_fetch_sub(&pool->unfinished, 1) == 1 && atomic_load(&pool->caller_sleeps)) {
            pthread_mutex_lock(&pool->lock);
            pthread_cond_signal(&pool->done);
            pthread_mutex_unlock(&pool->lock);
        }
    }
}

// Sleeper and waker each write, then read what the other writes, in the one order of all atomic operations: either the
// sleeper sees the news or the waker sees the sleeper.
static void sleep_until_work(cv_pool *pool) {
    pthread_mutex_lock(&pool->lock);
    atomic_fetch_add(&pool->sleeping, 1);
    while (!has_work(pool)) pthread_cond_wait(&pool->work, &pool->lock);
    atomic_fetch_sub(&pool->sleeping, 1);
    pthread_mutex_unlock(&pool->lock);
}

static void sleep_until_done(cv_pool *pool) {
    pthread_mutex_lock(&pool->lock);
    atomic_store(&pool->caller_sleeps, true);
    while (!job_done(pool)) pthread_cond_wait(&pool->done, &pool->lock);
    atomic_store(&pool->caller_sleeps, false);
    pthread_mutex_unlock(&pool->lock);
}

static void wake_workers(cv_pool *pool) {
    if (atomic_load(&pool->sleeping) == 0) return;
    pthread_mutex_lock(&pool->lock);
    pthread_cond_broadcast(&pool->work);
    pthread_mutex_unlock(&pool->lock);
}

static void *worker_main(void *argument) {
    struct worker *worker = argument;
    cv_pool *pool = worker->pool;
    cv_cpu_flush_denormals();
    while (!atomic_load(&pool->stop)) {
        work_off(pool, worker->number);
        if (!spin_until(pool, has_work)) sleep_until_work(pool);
    }
    return NULL;
}

static void run_watched(cv_pool *pool, int count, cv_task *function, void *context) {
    for (int task = 0; task < count; task++) {
        const int64_t began = nanoseconds_of(CLOCK_THREAD_CPUTIME_ID);
        function(context, task, 0);
        pool->watch(pool->watcher, count, task, began, nanoseconds_of(CLOCK_THREAD_CPUTIME_ID));
    }
}

void cv_pool_run(cv_pool *pool, int count, cv_task *function, void *context) {
    if (count <= 0) return;
    unsigned setting = cv_cpu_flush_denormals();
    if (pool->watch) {
        run_watched(pool, count, function, context);
    } else if (pool->running == 1 || count == 1) {
        for (int task = 0; task < count; task++) function(context, task, 0);
    } else {
        pool->count = count;
        pool->function = function;
        pool->context = context;
        atomic_store(&pool->unfinished, count);
        atomic_store(&pool->left, count);
        wake_workers(pool);
        work_off(pool, 0);
        if (!spin_until(pool, job_done)) sleep_until_done(pool);
    }
    cv_cpu_restore(setting);
}

int cv_thread_start(pthread_t *thread, void *(*main)(void *), void *argument) {
    // Signals such as Ctrl-C are for the program's own threads. Those that an instruction raises are not to be blocked:
    // what happens then is undefined.
    static const int raised[] = {SIGBUS, SIGFPE, SIGILL, SIGSEGV};
    sigset_t all, before;
    sigfillset(&all);
    for (size_t k = 0; k < CV_COUNT(raised); k++) sigdelset(&all, raised[k]);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    const int cause = pthread_create(thread, NULL, main, argument);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return cause;
}

static convo_status start_workers(cv_pool *pool, convo_error *err) {
    int cause = 0;
    while (!cause && pool->started < pool->running - 1) {
        struct worker *worker = &pool->workers[pool->started];
        *worker = (struct worker){.pool = pool, .number = pool->started + 1};
        cause = cv_thread_start(&worker->thread, worker_main, worker);
        if (!cause) pool->started++;
    }
    if (!cause) return CONVO_OK;
    return cv_fail(err, CONVO_MEMORY, "", "thread %d of %d cannot be started: %s; use fewer threads", pool->started + 2,
                   pool->running, strerror(cause));
}

convo_status cv_pool_new(cv_pool **out, int threads, convo_error *err) {
    return cv_pool_new_running(out, threads, 0, err);
}

convo_status cv_pool_new_running(cv_pool **out, int threads, int running, convo_error *err) {
    const int processors = cv_cpu_count(), at_once = running ? running : processors;
    *out = NULL;
    if (threads == 0) threads = processors < THREAD_LIMIT ? processors : THREAD_LIMIT;
    if (threads < 0 || threads > THREAD_LIMIT)
        return cv_fail(err, CONVO_ARGUMENT, "", "threads must be 1 to %d, or 0 for one per processor, not %d",
                       THREAD_LIMIT, threads);
    cv_pool *pool = cv_alloc_aligned(1, sizeof *pool);
    struct worker *workers = cv_alloc((size_t)threads, sizeof *workers);
    if (!pool || !workers) {
        free(pool);
        free(workers);
        return cv_no_memory(err, "threads");
    }
    pool->size = threads;
    pool->running = threads < at_once ? threads : at_once;
    pool->spin = pool->running <= processors; // else the one that is waited for may need this processor
    pool->workers = workers;
    pthread_mutex_init(&pool->lock, NULL);
    pthread_cond_init(&pool->work, NULL);
    pthread_cond_init(&pool->done, NULL);
    convo_status status = start_workers(pool, err);
    if (status)
        cv_pool_free(pool);
    else
        *out = pool;
    return status;
}

convo_status cv_pool_new_watched(cv_pool **out, int threads, cv_watch *watch, void *watcher, convo_error *err) {
    CV_TRY(cv_pool_new_running(out, threads, 1, err));
    (*out)->running = threads;
    (*out)->watch = watch;
    (*out)->watcher = watcher;
    return CONVO_OK;
}

void cv_pool_free(cv_pool *pool) {
    if (!pool) return;
    atomic_store(&pool->stop, true);
    wake_workers(pool);
    for (int i = 0; i < pool->started; i++) pthread_join(pool->workers[i].thread, NULL);
    pthread_cond_destroy(&pool->work);
    pthread_cond_destroy(&pool->done);
    pthread_mutex_destroy(&pool->lock);
    free(pool->workers);
    free(pool);
}

int cv_pool_size(const cv_pool *pool) {
    return pool->size;
}
int cv_pool_running(const cv_pool *pool) {
    return pool->running;
}

// --- progress -----------------------------------------------------------------------------------------------------

void cv_tally_start(cv_tally *t, int64_t total, void (*tell)(int64_t done, int64_t total, void *user), void *user) {
    *t = (cv_tally){.total = total, .tell = tell, .user = user};
    pthread_mutex_init(&t->lock, NULL);
}

void cv_tally_add(cv_tally *t) {
    if (!t->tell) return;
    pthread_mutex_lock(&t->lock);
    t->tell(++t->done, t->total, t->user);
    pthread_mutex_unlock(&t->lock);
}

void cv_tally_end(cv_tally *t) {
    pthread_mutex_destroy(&t->lock);
}

// Ranks by MPI. The library is loaded when a job of several ranks begins (see library.h).
//
// MPI itself does not say that a rank is gone: a receive from it never ends. So a thread of each rank sends every other
// rank a beat ten times a second, and whoever waits for a rank looks how long ago the last one came. Both threads call
// MPI, one at a time (MPI_THREAD_SERIALIZED), and nobody waits within a call.
#include "base/ranks.h"

#ifndef CONVO_HAVE_MPI

convo_status convo_ranks_join(convo_ranks **ranks, convo_error *err) {
    if (!ranks) return cv_fail(err, CONVO_ARGUMENT, "", "room for the ranks is needed");
    *ranks = NULL;
    return cv_fail(err, CONVO_UNSUPPORTED, "",
                   "this convo was built without MPI, which joins several processes: install libopenmpi-dev and build "
                   "it again");
}

#else

#include "base/library.h"
#include "base/threads.h"

#include <dlfcn.h>
#include <errno.h>
#include <limits.h>
#include <mpi.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

// Functions, and the objects that MPI_COMM_WORLD, MPI_BYTE and MPI_ERRORS_RETURN are the addresses of.
#define FUNCTIONS(X)                                                                                                   \
    X(MPI_Initialized)                                                                                                 \
    X(MPI_Init_thread)                                                                                                 \
    X(MPI_Finalize)                                                                                                    \
    X(MPI_Comm_rank)                                                                                                   \
    X(MPI_Comm_size)                                                                                                   \
    X(MPI_Comm_set_errhandler)                                                                                         \
    X(MPI_Isend)                                                                                                       \
    X(MPI_Irecv)                                                                                                       \
    X(MPI_Test) X(MPI_Cancel) X(MPI_Request_free) X(ompi_mpi_comm_world) X(ompi_mpi_byte) X(ompi_mpi_errors_return)
typedef struct library {
    FUNCTIONS(CV_LIBRARY_MEMBER)
} library;
static const char *const mpi_names[] = {FUNCTIONS(CV_LIBRARY_NAME)};

enum { PARCELS = 1, BEATS, NUMBERS }; // tags
enum { POSTS = 64 };                  // at one time
// In seconds. Whether a rank of this machine lives, the system knows: its silence says that the machine is busy.
#define BEAT_EVERY  0.1
#define SPIN        1e-4
#define SILENT      6.0 // after this a rank counts as lost
#define SILENT_STOP 0.7 // and after this where the job is being ended, for which mpirun leaves a second

typedef struct beat {
    int16_t state; // ALIVE, ...
    int16_t lost;  // the rank that this one misses; -1: none
} beat;
enum { ALIVE, ASKS, FAILED, LEFT };

typedef struct peer {
    struct identity {
        char host[64];
        pid_t pid;
    } is;
    bool local, gone;      // on this machine, and visible there; its process is no more
    bool sending, answers; // a beat, a number
    double heard;          // when
    beat got, said, last;  // last: received in full
    int64_t number;        // sent to it by rank 0
    MPI_Request in, out, answer;
} peer;

typedef struct post {
    MPI_Request *request;
    size_t capacity;
    int count, done;
    bool used;
} post;

typedef struct mpi {
    convo_ranks base; // first
    library lib;
    MPI_Comm world;
    MPI_Datatype byte;
    pthread_t thread;
    pthread_mutex_t lock; // of MPI and of all below
    pthread_cond_t wake;
    bool started, ends;
    beat mine;
    peer *peer;   // [size]
    int64_t next; // number, of rank 0
    post post[POSTS];
    double beaten; // when last
    double asked;  // to stop: since when; 0: not
} mpi;

static mpi *of(convo_ranks *r) {
    return (mpi *)(void *)r;
}

// --- beats --------------------------------------------------------------------------------------------------------

static void listen_to(mpi *m, int k) {
    m->lib.MPI_Irecv(&m->peer[k].got, sizeof(beat), m->byte, k, BEATS, m->world, &m->peer[k].in);
}

static void hear(mpi *m, int k) {
    peer *p = &m->peer[k];
    for (int arrived = 1; arrived;) {
        if (m->lib.MPI_Test(&p->in, &arrived, MPI_STATUS_IGNORE) || !arrived) return;
        p->heard = cv_now();
        if (p->got.state != ASKS) p->last = p->got;
        if (p->got.state == ASKS && !p->answers) {
            p->number = m->next++;
            p->answers = true;
            m->lib.MPI_Isend(&p->number, sizeof p->number, m->byte, k, NUMBERS, m->world, &p->answer);
        }
        listen_to(m, k);
    }
}

static void say_beat(mpi *m, int k, beat what) {
    peer *p = &m->peer[k];
    int done = 1;
    if (p->sending && !m->lib.MPI_Test(&p->out, &done, MPI_STATUS_IGNORE) && !done) return;
    p->said = what;
    p->sending = !m->lib.MPI_Isend(&p->said, sizeof p->said, m->byte, k, BEATS, m->world, &p->out);
}

// With the lock.
static void beat_once(mpi *m) {
    const double now = cv_now();
    // Who did not run cannot tell that others were silent.
    for (int k = 0; k < m->base.size && now - m->beaten > 1; k++) m->peer[k].heard = now;
    m->beaten = now;
    for (int k = 0; k < m->base.size; k++) {
        peer *p = &m->peer[k];
        int done = 0;
        if (k == m->base.rank) continue;
        hear(m, k);
        say_beat(m, k, m->mine);
        if (p->answers && !m->lib.MPI_Test(&p->answer, &done, MPI_STATUS_IGNORE) && done) p->answers = false;
        if (p->local && kill(p->is.pid, 0) && errno == ESRCH) p->gone = true;
    }
}

static void *beat_main(void *argument) {
    mpi *m = argument;
    pthread_mutex_lock(&m->lock);
    while (!m->ends) {
        struct timespec until;
        beat_once(m);
        clock_gettime(CLOCK_MONOTONIC, &until);
        until.tv_nsec += (long)(BEAT_EVERY * 1e9);
        if (until.tv_nsec >= 1000000000) until.tv_sec++, until.tv_nsec -= 1000000000;
        pthread_cond_timedwait(&m->wake, &m->lock, &until);
    }
    pthread_mutex_unlock(&m->lock);
    return NULL;
}

// --- who is missing -----------------------------------------------------------------------------------------------

static bool miss(mpi *m, int k, const char *why) {
    const peer *p = &m->peer[k];
    m->mine = (beat){FAILED, (int16_t)k};
    cv_ranks_lose(&m->base, "rank %d of %d, process %d on %s, %s", k, m->base.size, (int)p->is.pid, p->is.host, why);
    beat_once(m);
    return true;
}

// With the lock. True: the job cannot go on.
static bool is_missing(mpi *m) {
    const double now = cv_now();
    int quiet = -1;
    char why[160];
    if (m->base.stop && *m->base.stop && m->asked == 0) m->asked = now;
    for (int k = 0; k < m->base.size; k++) {
        const peer *p = &m->peer[k];
        if (k == m->base.rank || p->last.state == LEFT) continue;
        if (p->gone && p->last.state != FAILED) return miss(m, k, "has died");
        if (p->local) continue;
        if (quiet < 0 || p->heard < m->peer[quiet].heard) quiet = k;
    }
    for (int k = 0; k < m->base.size; k++) {
        const beat *last = &m->peer[k].last;
        if (k == m->base.rank || last->state != FAILED) continue;
        cv_print(why, sizeof why, "is lost to rank %d: it has died, or the link between them is down", k);
        if (last->lost >= 0 && last->lost < m->base.size && last->lost != m->base.rank) return miss(m, last->lost, why);
        return miss(m, k,
                    last->lost < 0 ? "has stopped with an error of its own"
                                   : "has given up: it hears nothing from this one");
    }
    const double silence = quiet < 0 ? 0 : now - m->peer[quiet].heard;
    const bool ending = m->asked > 0 && now - m->asked > SILENT_STOP / 2;
    if (silence < (ending ? SILENT_STOP : SILENT)) return false;
    cv_print(why, sizeof why, "has not been heard of for %.1f s: it has died, or the link to it is down", silence);
    return miss(m, quiet, why);
}

// --- parcels ------------------------------------------------------------------------------------------------------

// As many messages as MPI's int needs.
static bool start_parcel(mpi *m, post *p, const cv_parcel *parcel, bool sends) {
    enum { MOST = 1 << 30 };
    for (size_t done = 0, n; done < parcel->bytes; done += n) {
        char *at = (char *)parcel->data + done;
        n = parcel->bytes - done < MOST ? parcel->bytes - done : MOST;
        if (!cv_grow(&p->request, &p->capacity, (size_t)p->count + 1, sizeof *p->request))
            return cv_ranks_lose(&m->base, "not enough memory for an exchange between ranks");
        MPI_Request *request = &p->request[p->count];
        if (sends ? m->lib.MPI_Isend(at, (int)n, m->byte, parcel->rank, PARCELS, m->world, request)
                  : m->lib.MPI_Irecv(at, (int)n, m->byte, parcel->rank, PARCELS, m->world, request))
            return miss(m, parcel->rank, "cannot be reached by MPI"), false;
        p->count++;
    }
    return true;
}

static bool mpi_post(convo_ranks *r, const cv_parcel *send, int sends, const cv_parcel *receive, int receives,
                     int *ticket) {
    mpi *m = of(r);
    bool good = true;
    int k = 0;
    while (k < POSTS && m->post[k].used) k++;
    if (k == POSTS) return cv_ranks_lose(r, "too many exchanges between ranks at one time");
    post *p = &m->post[k];
    p->used = true;
    p->count = p->done = 0;
    *ticket = k;
    pthread_mutex_lock(&m->lock);
    for (int i = 0; i < receives && good; i++) good = start_parcel(m, p, &receive[i], false);
    for (int i = 0; i < sends && good; i++) good = start_parcel(m, p, &send[i], true);
    pthread_mutex_unlock(&m->lock);
    return good;
}

// With the lock. Returns false if it has failed.
static bool advance_post(mpi *m, post *p) {
    for (int done = 1; p->done < p->count && done; p->done += done)
        if (m->lib.MPI_Test(&p->request[p->done], &done, MPI_STATUS_IGNORE))
            return cv_ranks_lose(&m->base, "MPI could not exchange with the other ranks");
    return true;
}

// Looks again and again for a while, as the threads of a pool do, and then between short naps: the rank that is waited
// for may need this processor.
static bool mpi_wait(convo_ranks *r, int ticket) {
    const struct timespec nap = {.tv_nsec = 20000};
    mpi *m = of(r);
    post *p = &m->post[ticket];
    const double began = cv_now();
    bool good = true, done = false;
    for (double checked = began, now = began; good && !done; now = cv_now()) {
        if (now - began > SPIN) nanosleep(&nap, NULL);
        pthread_mutex_lock(&m->lock);
        good = advance_post(m, p);
        done = p->done == p->count;
        if (good && !done && now - checked > BEAT_EVERY) {
            good = !is_missing(m);
            checked = now;
        }
        pthread_mutex_unlock(&m->lock);
    }
    p->used = false;
    return good;
}

static int64_t mpi_take(convo_ranks *r) {
    mpi *m = of(r);
    const beat asks = {ASKS, -1};
    int64_t number = -1;
    MPI_Request request, asking;
    int done = 0;
    pthread_mutex_lock(&m->lock);
    if (r->rank == 0) number = m->next++;
    if (r->rank > 0) {
        m->lib.MPI_Irecv(&number, sizeof number, m->byte, 0, NUMBERS, m->world, &request);
        m->lib.MPI_Isend(&asks, sizeof asks, m->byte, 0, BEATS, m->world, &asking);
    }
    pthread_mutex_unlock(&m->lock);
    for (done = r->rank == 0; !done && !r->lost.code;) {
        const struct timespec nap = {.tv_nsec = 1000000};
        nanosleep(&nap, NULL);
        pthread_mutex_lock(&m->lock);
        if (m->lib.MPI_Test(&request, &done, MPI_STATUS_IGNORE)) done = 0;
        if (done) m->lib.MPI_Request_free(&asking); // an answer came: it has arrived
        if (!done) is_missing(m);
        pthread_mutex_unlock(&m->lock);
    }
    return r->lost.code ? -1 : number;
}

// --- the beginning and the end ------------------------------------------------------------------------------------

static bool mpi_fail(convo_ranks *r) {
    mpi *m = of(r);
    const double until = cv_now() + 1;
    bool told = false; // by a lower rank
    pthread_mutex_lock(&m->lock);
    if (m->mine.state != FAILED) m->mine = (beat){FAILED, -1};
    for (;;) {
        const struct timespec nap = {.tv_nsec = 10000000};
        beat_once(m);
        for (int k = 0; k < r->rank; k++) told = told || m->peer[k].last.state == FAILED;
        if (told || r->rank == 0 || cv_now() >= until) break;
        pthread_mutex_unlock(&m->lock);
        nanosleep(&nap, NULL);
        pthread_mutex_lock(&m->lock);
    }
    pthread_mutex_unlock(&m->lock);
    return !told;
}

static void mpi_leave(convo_ranks *r) {
    mpi *m = of(r);
    const bool good = m->mine.state != FAILED && cv_ranks_meet(r);
    pthread_mutex_lock(&m->lock);
    if (m->mine.state != FAILED) m->mine.state = LEFT;
    beat_once(m);
    m->ends = true;
    pthread_cond_signal(&m->wake);
    pthread_mutex_unlock(&m->lock);
    if (m->started) pthread_join(m->thread, NULL);
    for (int k = 0; k < r->size && good; k++)
        if (k != r->rank) m->lib.MPI_Cancel(&m->peer[k].in), m->lib.MPI_Request_free(&m->peer[k].in);
    if (good) m->lib.MPI_Finalize(); // which waits for all: without one of them, for ever
    if (!good) return;               // MPI may still write into what is received
    for (int k = 0; k < POSTS; k++) free(m->post[k].request);
    pthread_mutex_destroy(&m->lock);
    pthread_cond_destroy(&m->wake);
    free(m->peer);
    free(m);
}

static const cv_carrier mpi_carrier = {mpi_post, mpi_wait, mpi_take, mpi_fail, mpi_leave};

// Tells who is who, and whom this rank can see on its machine.
static bool introduce(mpi *m) {
    const int size = m->base.size, rank = m->base.rank;
    struct identity *all = cv_alloc((size_t)size, sizeof *all);
    if (!all) return cv_ranks_lose(&m->base, "not enough memory for %d ranks", size);
    gethostname(all[rank].host, sizeof all[rank].host - 1);
    all[rank].pid = getpid();
    const bool good = cv_ranks_gather(&m->base, all, sizeof *all);
    for (int k = 0; k < size && good; k++) {
        peer *p = &m->peer[k];
        p->is = all[k];
        p->is.host[sizeof p->is.host - 1] = 0;
        p->local = k != rank && !strcmp(p->is.host, all[rank].host) && !kill(p->is.pid, 0);
        m->base.on_host += k == rank || p->local;
    }
    free(all);
    return good;
}

static convo_status start_mpi(mpi *m, convo_error *err) {
    int level, there = 0;
    // Its parts are libraries of their own, which look for its symbols among those of the program.
    (void)dlopen(CONVO_MPI_FILE, RTLD_NOW | RTLD_GLOBAL);
    CV_TRY(cv_library_load(CONVO_MPI_FILE, mpi_names, CV_COUNT(mpi_names), &m->lib, "mpirun", err));
    m->world = (MPI_Comm)(void *)m->lib.ompi_mpi_comm_world;
    m->byte = (MPI_Datatype)(void *)m->lib.ompi_mpi_byte;
    if (m->lib.MPI_Initialized(&there) || there)
        return cv_fail(err, CONVO_STATE, "", "MPI is in use in this process already: a process joins once");
    if (m->lib.MPI_Init_thread(NULL, NULL, MPI_THREAD_SERIALIZED, &level) || level < MPI_THREAD_SERIALIZED)
        return cv_fail(err, CONVO_UNSUPPORTED, "", "MPI cannot be used by two threads of a process here");
    m->lib.MPI_Comm_set_errhandler(m->world, (MPI_Errhandler)(void *)m->lib.ompi_mpi_errors_return);
    m->lib.MPI_Comm_rank(m->world, &m->base.rank);
    m->lib.MPI_Comm_size(m->world, &m->base.size);
    return CONVO_OK;
}

convo_status convo_ranks_join(convo_ranks **ranks, convo_error *err) {
    if (!ranks) return cv_fail(err, CONVO_ARGUMENT, "", "room for the ranks is needed");
    *ranks = NULL;
    mpi *m = cv_alloc(1, sizeof *m);
    if (!m) return cv_no_memory(err, "the ranks");
    m->base.carrier = &mpi_carrier;
    m->mine = (beat){ALIVE, -1};
    m->beaten = cv_now();
    const convo_status status = start_mpi(m, err);
    if (status || !(m->peer = cv_alloc((size_t)m->base.size, sizeof *m->peer))) {
        free(m);
        return status ? status : cv_no_memory(err, "the ranks");
    }
    pthread_condattr_t monotonic;
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_mutex_init(&m->lock, NULL);
    pthread_cond_init(&m->wake, &monotonic);
    pthread_condattr_destroy(&monotonic);
    for (int k = 0; k < m->base.size; k++) {
        m->peer[k].heard = cv_now();
        m->peer[k].last = (beat){ALIVE, -1};
        if (k != m->base.rank) listen_to(m, k);
    }
    m->started = !cv_thread_start(&m->thread, beat_main, m);
    if (!m->started || !introduce(m)) {
        const convo_status lost = cv_ranks_state(&m->base, err);
        mpi_fail(&m->base);
        mpi_leave(&m->base);
        return lost ? lost
                    : cv_fail(err, CONVO_MEMORY, "", "the thread that watches the other ranks cannot be started");
    }
    *ranks = &m->base;
    return CONVO_OK;
}

#endif

// Making a store.
#include "base/file.h"
#include "base/hash.h"
#include "data/store_file.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

struct cv_store_writer {
    const cv_store_plan *plan;
    int file;   // of the part; -1: in memory
    char *part; // "PATH.part"
    cv_row *row;
    pthread_mutex_t lock; // of all below, and of what is written
    uint64_t used;        // bytes
    uint8_t *memory;
    size_t room;
    size_t done, failed; // tasks; the first that failed so far, else their number
    convo_error error;
};

// --- rows -------------------------------------------------------------------------------------------------------

// Converts to the type where it holds all numbers exactly.
static bool narrow(const float *value, size_t count, uint32_t type, void *out) {
    int16_t *sample = out;
    uint8_t *byte = out;
    for (size_t i = 0; i < count; i++) {
        const float x = value[i];
        if (type == CV_ROW_SAMPLES) {
            if (!(x >= -1 && x <= 32767.0f / 32768)) return false;
            sample[i] = (int16_t)(x * 32768);
            if ((float)sample[i] / 32768 != x) return false;
        } else {
            if (!(x >= 0 && x <= 1)) return false;
            byte[i] = (uint8_t)lrintf(x * 255);
            if ((float)byte[i] / 255 != x) return false;
        }
    }
    return true;
}

static bool write_at(int file, const void *data, size_t bytes, uint64_t offset) {
    const uint8_t *from = data;
    for (ssize_t done; bytes > 0; from += done, offset += (uint64_t)done, bytes -= (size_t)done)
        if ((done = pwrite(file, from, bytes, (off_t)offset)) < 0) {
            if (errno != EINTR) return false;
            done = 0;
        }
    return true;
}

// The disk is full, or the file may not grow: what was written so far moves to memory.
static bool move_to_memory(cv_store_writer *w) {
    const size_t used = (size_t)w->used;
    uint8_t *memory = cv_alloc(used, 1);
    ssize_t got = memory ? 1 : -1;
    for (size_t done = 0; got > 0 && done < used; done += (size_t)got) // 0: where the header would be
        got = pread(w->file, memory + done, used - done, (off_t)done);
    if (got < 0) {
        free(memory);
        return false;
    }
    w->memory = memory;
    w->room = used;
    unlink(w->part);
    close(w->file);
    w->file = -1;
    return true;
}

static bool append(cv_store_writer *w, const void *data, size_t bytes) {
    const uint64_t end = (w->used + bytes + CV_STORE_ALIGNMENT - 1) / CV_STORE_ALIGNMENT * CV_STORE_ALIGNMENT;
    if (w->file >= 0 && !write_at(w->file, data, bytes, w->used) && !move_to_memory(w)) return false;
    if (w->file < 0) {
        if (!cv_grow(&w->memory, &w->room, (size_t)end, 1)) return false;
        memcpy(w->memory + w->used, data, bytes);
    }
    w->used = end;
    return true;
}

convo_status cv_store_put(cv_store_writer *w, size_t row, const float *value, size_t count, uint32_t type, double shift,
                          double gain, convo_error *err) {
    if (count > UINT32_MAX) return cv_fail(err, CONVO_LIMIT, "", "an example of %zu numbers is too large", count);
    void *narrowed = type == CV_ROW_FLOATS ? NULL : cv_alloc(count, cv_row_bytes[type]);
    if (type != CV_ROW_FLOATS && !narrowed) return cv_no_memory(err, "features");
    if (narrowed && !narrow(value, count, type, narrowed)) type = CV_ROW_FLOATS;
    const void *stored = type == CV_ROW_FLOATS ? (const void *)value : narrowed;
    const size_t bytes = count * cv_row_bytes[type];
    w->row[row] = (cv_row){
        .count = (uint32_t)count, .type = type, .shift = shift, .gain = gain, .hash = cv_hash_bytes(stored, bytes)};
    pthread_mutex_lock(&w->lock);
    w->row[row].offset = w->used;
    const bool good = append(w, stored, bytes);
    pthread_mutex_unlock(&w->lock);
    free(narrowed);
    return good ? CONVO_OK : cv_no_memory(err, "the features of all examples: free disk space for the cache");
}

void cv_store_put_length(cv_store_writer *w, size_t row, size_t samples) { w->row[row].length = samples; }

// --- tasks ------------------------------------------------------------------------------------------------------

// Tasks after a failed one are skipped, those before it never: the error does not depend on the threads.
static void run_task(void *context, int task, int worker) {
    cv_store_writer *w = context;
    const cv_store_plan *plan = w->plan;
    const size_t number = (size_t)task;
    convo_error error;
    (void)worker;
    pthread_mutex_lock(&w->lock);
    const bool skip = number > w->failed;
    pthread_mutex_unlock(&w->lock);
    if (skip) return;
    bool good = !plan->fill(plan->context, number, w, &error);
    pthread_mutex_lock(&w->lock);
    if (!good && plan->skip && plan->skip(plan->context, number, &error)) {
        w->row[number] = (cv_row){.type = CV_ROW_MISSING, .gain = 1, .hash = cv_hash_bytes("", 0)};
        good = true;
    }
    if (!good && number < w->failed) {
        w->failed = number;
        w->error = error;
    }
    w->done++;
    if (plan->progress) plan->progress(plan->context, w->done);
    pthread_mutex_unlock(&w->lock);
}

// --- file -------------------------------------------------------------------------------------------------------

// Opens and locks the part. Whoever has the lock makes the store; the others wait, and then find it made. Returns -1 if
// the file cannot be written.
static int open_locked(const char *part) {
    for (;;) {
        const int file = open(part, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK, 0666);
        if (file < 0) return -1;
        while (flock(file, LOCK_EX | LOCK_NB) && errno == EWOULDBLOCK)
            nanosleep(&(struct timespec){.tv_nsec = 20000000}, NULL);
        struct stat about;
        const bool regular = !fstat(file, &about) && S_ISREG(about.st_mode);
        if (regular && cv_file_has_name(file, part)) return file;
        close(file);
        if (!regular) return -1;
    }
}

static cv_store *finish_file(cv_store_writer *w) {
    const cv_store_plan *plan = w->plan;
    cv_store_header header = {.magic = CV_STORE_MAGIC,
                              .order = CV_STORE_ORDER,
                              .row_size = sizeof(cv_row),
                              .rows = plan->rows,
                              .table = w->used};
    cv_print(header.key, sizeof header.key, "%s", plan->key);
    cv_print(header.about, sizeof header.about, "%s", plan->about);
    header.sum = cv_store_sum(&header, w->row);
    // No fsync: what a power failure leaves behind does not have the sums of its rows, and is made again.
    if (!write_at(w->file, w->row, plan->rows * sizeof *w->row, w->used) ||
        !write_at(w->file, &header, sizeof header, 0) || rename(w->part, plan->path))
        return NULL;
    return cv_store_map(w->file, plan);
}

// The file's place is kept free of what is not yet complete: where the last step fails, the rows move to memory.
static convo_status finish_store(cv_store_writer *w, cv_store **store, convo_error *err) {
    if (w->failed < w->plan->tasks) {
        if (err) *err = w->error;
        return w->error.code;
    }
    if (w->file >= 0 && (*store = finish_file(w))) return CONVO_OK;
    if (w->file >= 0 && !move_to_memory(w)) return cv_no_memory(err, "the features of all examples");
    for (size_t r = 0; r < w->plan->rows; r++) w->row[r].stored = w->memory + w->row[r].offset;
    *store = cv_store_of_memory(w->memory, w->row);
    w->memory = NULL;
    w->row = NULL;
    return *store ? CONVO_OK : cv_no_memory(err, "the features of all examples");
}

convo_status cv_store_make(const cv_store_plan *plan, cv_pool *pool, cv_store **store, convo_error *err) {
    cv_store_writer w = {.plan = plan, .file = -1, .used = sizeof(cv_store_header), .failed = plan->tasks};
    convo_status status = CONVO_OK;
    cv_store_open(plan, pool, store);
    if (*store) return CONVO_OK;
    w.part = plan->path ? cv_format("%s.part", plan->path) : NULL;
    if (w.part) w.file = open_locked(w.part);
    if (w.file >= 0) cv_store_open(plan, pool, store); // another process was faster
    if (!*store) {
        if (w.file >= 0 && ftruncate(w.file, 0)) move_to_memory(&w);
        pthread_mutex_init(&w.lock, NULL);
        w.row = cv_alloc(plan->rows, sizeof *w.row);
        if (w.row) cv_pool_run(pool, (int)plan->tasks, run_task, &w);
        status = w.row ? finish_store(&w, store, err) : cv_no_memory(err, "the features of all examples");
        pthread_mutex_destroy(&w.lock);
    }
    if (w.file >= 0) {
        if (cv_file_has_name(w.file, w.part)) unlink(w.part);
        flock(w.file, LOCK_UN); // the map keeps the file open, and with it the lock
        close(w.file);
    }
    free(w.part);
    free(w.row);
    free(w.memory);
    return status;
}

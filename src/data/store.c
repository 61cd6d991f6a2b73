// Reading a store.
#include "base/hash.h"
#include "data/store_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

struct cv_store {
    char *path; // NULL: in memory
    void *map;  // of the file
    int file;   // of a large store, else -1
    size_t bytes;
    uint8_t *memory;
    cv_row *row;
    size_t rows;
    atomic_uchar *checked; // [rows] of a large store; NULL: all are
};

uint64_t cv_store_sum(const cv_store_header *header, const cv_row *table) {
    cv_store_header plain = *header;
    plain.sum = 0;
    return cv_hash_bytes(&plain, sizeof plain) ^ cv_hash_bytes(table, header->rows * sizeof *table);
}

// --- opening ----------------------------------------------------------------------------------------------------

static bool header_fits(const cv_store_header *h, size_t bytes) {
    uint64_t room;
    return memcmp(h->magic, CV_STORE_MAGIC, sizeof CV_STORE_MAGIC) == 0 && h->order == CV_STORE_ORDER &&
           h->row_size == sizeof(cv_row) && memchr(h->key, 0, sizeof h->key) && memchr(h->about, 0, sizeof h->about) &&
           h->table >= sizeof *h && h->table <= bytes && h->table % CV_STORE_ALIGNMENT == 0 &&
           (room = bytes - h->table) % sizeof(cv_row) == 0 && room / sizeof(cv_row) == h->rows;
}

// Where the numbers of a row are; false: they are not in the file.
static bool relocate(cv_row *row, const uint8_t *start, uint64_t end) {
    const uint64_t offset = row->offset;
    if (row->type == CV_ROW_MISSING && row->count > 0) return false;
    if (row->type >= CV_ROW_TYPES || offset % CV_STORE_ALIGNMENT != 0 || offset > end) return false;
    if (row->count * (uint64_t)cv_row_bytes[row->type] > end - offset) return false;
    row->stored = start + offset;
    return true;
}

static bool is_right(const cv_row *row) {
    return cv_hash_bytes(row->stored, row->count * cv_row_bytes[row->type]) == row->hash;
}

static bool read_table(cv_store *s, const cv_store_header *h, bool large) {
    const uint8_t *start = s->map;
    s->rows = (size_t)h->rows;
    s->row = cv_alloc(s->rows, sizeof *s->row);
    if (large) s->checked = cv_alloc(s->rows, sizeof *s->checked);
    if (!s->row || (large && !s->checked)) return false;
    memcpy(s->row, start + h->table, s->rows * sizeof *s->row);
    if (cv_store_sum(h, s->row) != h->sum) return false;
    for (size_t r = 0; r < s->rows; r++)
        if (!relocate(&s->row[r], start, h->table)) return false;
    return true;
}

cv_store *cv_store_map(int file, const cv_store_plan *plan) {
    struct stat about;
    cv_store_header header;
    cv_store *s = cv_alloc(1, sizeof *s);
    if (s) s->file = -1;
    if (!s || !(s->path = cv_format("%s", plan->path)) || fstat(file, &about) || !S_ISREG(about.st_mode) ||
        (uint64_t)about.st_size < sizeof header)
        goto bad;
    s->bytes = (size_t)about.st_size;
    s->map = mmap(NULL, s->bytes, PROT_READ, MAP_SHARED, file, 0);
    if (s->map == MAP_FAILED) s->map = NULL;
    if (!s->map) goto bad;
    memcpy(&header, s->map, sizeof header);
    if (!header_fits(&header, s->bytes) || header.rows != plan->rows || strcmp(header.key, plan->key) != 0) goto bad;
    if (!read_table(s, &header, s->bytes > (plan->large ? plan->large : CV_STORE_LARGE))) goto bad;
    if (s->checked && (s->file = fcntl(file, F_DUPFD_CLOEXEC, 0)) < 0) goto bad;
    if (s->checked) posix_fadvise(s->file, 0, 0, POSIX_FADV_RANDOM); // batches take rows in any order
    return s;
bad:
    cv_store_free(s);
    return NULL;
}

cv_store *cv_store_of_memory(uint8_t *memory, cv_row *table) {
    cv_store *s = cv_alloc(1, sizeof *s);
    if (!s) {
        free(memory);
        free(table);
        return NULL;
    }
    *s = (cv_store){.memory = memory, .row = table, .file = -1};
    return s;
}

typedef struct row_check {
    const cv_store *store;
    atomic_bool wrong;
} row_check;

enum { ROWS_AT_ONCE = 256 };

static void check_rows(void *context, int task, int worker) {
    row_check *check = context;
    const cv_store *s = check->store;
    (void)worker;
    for (size_t r = (size_t)task * ROWS_AT_ONCE; r < s->rows && r < ((size_t)task + 1) * ROWS_AT_ONCE; r++)
        if (!is_right(&s->row[r])) atomic_store(&check->wrong, true);
}

void cv_store_open(const cv_store_plan *plan, cv_pool *pool, cv_store **store) {
    *store = NULL;
    const int file = plan->path ? open(plan->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK) : -1;
    if (file < 0) return;
    cv_store *s = cv_store_map(file, plan);
    close(file);
    if (!s) return;
    row_check check = {.store = s};
    if (!s->checked) cv_pool_run(pool, (int)((s->rows + ROWS_AT_ONCE - 1) / ROWS_AT_ONCE), check_rows, &check);
    if (atomic_load(&check.wrong)) {
        cv_store_free(s);
        return;
    }
    utimensat(AT_FDCWD, plan->path, NULL, 0); // used just now: see trim in model/cache.c
    *store = s;
}

void cv_store_free(cv_store *s) {
    if (!s) return;
    if (s->file >= 0) close(s->file);
    if (s->map) munmap(s->map, s->bytes);
    free(s->memory);
    free(s->row);
    free(s->checked);
    free(s->path);
    free(s);
}

// --- using ------------------------------------------------------------------------------------------------------

const cv_row *cv_store_rows(const cv_store *store) {
    return store->row;
}

const char *cv_store_path(const cv_store *store) {
    return store->path;
}

bool cv_store_is_large(const cv_store *store) {
    return store->checked != NULL;
}

static bool read_stored(const cv_store *s, const cv_row *row, uint8_t *out, size_t bytes) {
    const off_t offset = (off_t)((const uint8_t *)row->stored - (const uint8_t *)s->map);
    for (size_t done = 0; done < bytes;) {
        const ssize_t got = pread(s->file, out + done, bytes - done, offset + (off_t)done);
        if (got == 0 || (got < 0 && errno != EINTR)) return false;
        if (got > 0) done += (size_t)got;
    }
    return true;
}

convo_status cv_store_fetch(cv_store *s, size_t row, size_t count, float *out, convo_error *err) {
    cv_row copy = s->row[row];
    if (!s->checked) {
        cv_row_read(&copy, 0, count, out);
        return CONVO_OK;
    }
    const size_t bytes = copy.count * cv_row_bytes[copy.type];
    uint8_t *stored = cv_alloc(bytes, 1);
    if (!stored) return cv_no_memory(err, "an example");
    bool good = read_stored(s, &copy, stored, bytes);
    copy.stored = stored;
    if (good && !atomic_load_explicit(&s->checked[row], memory_order_relaxed)) {
        good = is_right(&copy);
        atomic_store_explicit(&s->checked[row], good, memory_order_relaxed);
    }
    if (good) cv_row_read(&copy, 0, count, out);
    free(stored);
    if (good) return CONVO_OK;
    unlink(s->path);
    return cv_fail(err, CONVO_FORMAT, s->path,
                   "this cached file is damaged and has been removed: run the command again; --resume continues a "
                   "training");
}

bool cv_store_about(const char *path, char about[CV_STORE_ABOUT]) {
    cv_store_header header;
    struct stat file_about;
    const int file = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    const bool good = file >= 0 && !fstat(file, &file_about) && read(file, &header, sizeof header) == sizeof header &&
                      header_fits(&header, (size_t)file_about.st_size);
    if (file >= 0) close(file);
    if (good) memcpy(about, header.about, CV_STORE_ABOUT);
    return good;
}

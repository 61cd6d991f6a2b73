// What the fuzz targets share: the input as files in a folder of this process, and what every answer must be like.
#pragma once

#include "base/file.h"

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

// In a target: one call of a reader. libFuzzer and replay.c call it.
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

// A sum of all that the reader returned: FNV-1a. replay.c tries every input twice, with other values in fresh memory,
// and what comes out must be the same.
__attribute__((weak)) uint64_t fuzz_sum;

static inline void fuzz_tell(const void *data, size_t size) {
    for (size_t k = 0; data && k < size; k++)
        fuzz_sum = (fuzz_sum ^ ((const uint8_t *)data)[k]) * UINT64_C(0x100000001b3);
}

static inline void fuzz_tell_text(const char *text) {
    fuzz_tell(text ? text : "", text ? strlen(text) + 1 : 0);
}

static inline void fuzz_tell_number(int64_t number) {
    fuzz_tell(&number, sizeof number);
}

// The reader said yes, or no in words: a code that is documented, and a sentence that does no harm to a terminal.
// Never that there is no memory: a small file must not ask for that much.
static inline void fuzz_check(convo_status status, const convo_error *err) {
    bool good = status == err->code && status <= CONVO_STATE && status != CONVO_MEMORY;
    if (status && (!err->message[0] || status == CONVO_OK)) good = false;
    fuzz_tell_number(status);
    fuzz_tell_text(err->message);
    fuzz_tell_text(err->where);
    for (const char *c = err->message; *c; c++) good = good && (unsigned char)*c >= ' ' && *c != 0x7f;
    for (const char *c = err->where; *c; c++) good = good && (unsigned char)*c >= ' ' && *c != 0x7f;
    if (good) return;
    fprintf(stderr, "the reader returned %s and said %s: %s: %s\n", convo_status_name(status),
            convo_status_name(err->code), err->where, err->message);
    abort();
}

static inline void fuzz_must(bool condition, const char *what) {
    if (condition) return;
    fprintf(stderr, "not so: %s\n", what);
    abort();
}

// --- files --------------------------------------------------------------------------------------------------------

static char fuzz_folder_path[64];

static inline int fuzz_remove_entry(const char *path, const struct stat *about, int type, struct FTW *walk) {
    (void)about, (void)type, (void)walk;
    return remove(path);
}

// A folder and all that is in it.
static inline void fuzz_remove(const char *folder) {
    enum { MOST_OPEN = 16 };
    fuzz_must(!nftw(folder, fuzz_remove_entry, MOST_OPEN, FTW_DEPTH | FTW_PHYS), "a folder can be removed");
}

static inline void fuzz_folder_remove(void) {
    fuzz_remove(fuzz_folder_path);
}

// A folder of this process, in memory where there is such a place; removed at its end.
static inline const char *fuzz_folder(void) {
    if (fuzz_folder_path[0]) return fuzz_folder_path;
    cv_print(fuzz_folder_path, sizeof fuzz_folder_path, "%s/convo-fuzz-XXXXXX",
             cv_is_folder("/dev/shm") ? "/dev/shm" : "/tmp");
    fuzz_must(mkdtemp(fuzz_folder_path) != NULL, "a folder for the input can be made");
    atexit(fuzz_folder_remove);
    return fuzz_folder_path;
}

typedef struct fuzz_path {
    char text[160];
} fuzz_path;

static inline fuzz_path fuzz_in_folder(const char *name) {
    fuzz_path path;
    cv_print(path.text, sizeof path.text, "%s/%s", fuzz_folder(), name);
    return path;
}

static inline fuzz_path fuzz_write(const char *name, const void *data, size_t size) {
    const fuzz_path path = fuzz_in_folder(name);
    FILE *file = fopen(path.text, "wb");
    fuzz_must(file && fwrite(data, 1, size, file) == size && !fclose(file), "the input can be written");
    return path;
}

static inline void fuzz_tell_file(const char *path) {
    cv_bytes bytes;
    if (cv_file_read(path, SIZE_MAX, &bytes, NULL)) return;
    fuzz_tell(bytes.data, bytes.size);
    free(bytes.data);
}

// Readers of several files get them in one input: "@@@3" begins the file number 3 of `names`; what stands in front of
// the first mark is number 0. Files that the input does not have are removed.
static inline void fuzz_write_parts(const uint8_t *data, size_t size, const char *const *names, size_t count) {
    static const char mark[] = "@@@";
    enum { MARK = sizeof mark }; // with its digit
    size_t part = 0, start = 0;
    for (size_t k = 0; k < count; k++) unlink(fuzz_in_folder(names[k]).text);
    for (size_t at = 0; at <= size; at++) {
        const bool marked = size - at >= MARK && memcmp(data + at, mark, MARK - 1) == 0;
        if (!marked && at < size) continue;
        if (part < count && (start || at)) fuzz_write(names[part], data + start, at - start);
        if (!marked) break;
        part = (size_t)(data[at + MARK - 1] - '0');
        start = at + MARK;
        at = start - 1;
    }
}

// The target of a reader that this build does not have.
#define FUZZ_NOTHING                                                                                                   \
    int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {                                                     \
        (void)data, (void)size;                                                                                        \
        return 0;                                                                                                      \
    }

// https://pubs.opengroup.org/onlinepubs/9699919799/utilities/pax.html, "ustar Interchange Format" and "pax Header
// Block"; https://www.gnu.org/software/tar/manual/html_node/Standard.html
#include "format/tar.h"

#include "base/slice.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { BLOCK = 512, MOST_NAME = 4096, MOST_PAX = 1 << 20 };
enum { NAME = 0, NAME_SIZE = 100, SIZE = 124, SIZE_SIZE = 12, SUM = 148, SUM_SIZE = 8, TYPE = 156 };
enum { MAGIC = 257, PREFIX = 345, PREFIX_SIZE = 155 };

typedef struct lister {
    const char *path;
    cv_slice tar;
    int64_t at;
    uint8_t block[BLOCK];
    // what the headers before a member said of it
    char *name;       // NULL: nothing
    int64_t pax_size; // -1: nothing
    convo_error *err;
} lister;

static convo_status refuse(const lister *l, const char *why) {
    return cv_fail(l->err, CONVO_FORMAT, l->path, "is no tar file, or it is damaged: byte %" PRId64 " %s", l->at, why);
}

static bool read_part(const lister *l, int64_t at, void *out, size_t size) {
    return size <= (size_t)(l->tar.size - at) && pread(l->tar.descriptor, out, size, (off_t)at) == (ssize_t)size;
}

// --- fields -------------------------------------------------------------------------------------------------------

// Octal digits between blanks and zeros; or, after a byte 0x80, a big-endian number, for files of 8 GB and more.
static int64_t number_in(const uint8_t *field, int size) {
    int64_t number = 0;
    int k = 0;
    if (field[0] == 0x80) {
        for (k = 1; k < size; k++) {
            if (number >> 54) return -1;
            number = number << 8 | field[k];
        }
        return number;
    }
    while (k < size && field[k] == ' ') k++;
    for (; k < size && field[k] >= '0' && field[k] <= '7'; k++) number = number << 3 | (field[k] - '0');
    return k == size || field[k] == ' ' || field[k] == 0 ? number : -1;
}

// The sum of all bytes, those of the sum itself counted as blanks.
static bool has_sum(const uint8_t *block) {
    int64_t sum = 0;
    for (int k = 0; k < BLOCK; k++) sum += k >= SUM && k < SUM + SUM_SIZE ? ' ' : block[k];
    return number_in(block + SUM, SUM_SIZE) == sum;
}

static char *name_in(const uint8_t *block) {
    const char *name = (const char *)block + NAME, *prefix = (const char *)block + PREFIX;
    const int length = (int)strnlen(name, NAME_SIZE), before = (int)strnlen(prefix, PREFIX_SIZE);
    const bool posix = !memcmp(block + MAGIC, "ustar\0", 6); // GNU's "ustar " has other fields there
    return posix && before ? cv_format("%.*s/%.*s", before, prefix, length, name) : cv_format("%.*s", length, name);
}

// --- headers that say something of the next member ----------------------------------------------------------------

static convo_status keep_name(lister *l, const char *name, size_t length) {
    if (length > MOST_NAME) return refuse(l, "has a name of more than 4096 bytes");
    free(l->name);
    l->name = cv_format("%.*s", (int)length, name);
    return l->name ? CONVO_OK : cv_no_memory(l->err, l->path);
}

static convo_status keep_record(lister *l, const char *key, const char *value, size_t length) {
    if (!strncmp(key, "GNU.sparse.", 11)) return refuse(l, "begins a sparse file, which is not read");
    if (!strncmp(key, "path=", 5)) return keep_name(l, value, length);
    if (strncmp(key, "size=", 5)) return CONVO_OK;
    l->pax_size = 0;
    for (size_t k = 0; k < length; k++) {
        if (value[k] < '0' || value[k] > '9' || l->pax_size > INT64_MAX / 16) return refuse(l, "has a wrong size");
        l->pax_size = l->pax_size * 10 + (value[k] - '0');
    }
    return CONVO_OK;
}

// Records "LENGTH KEY=VALUE\n", where LENGTH counts all of the record. data[size] is 0.
static convo_status read_pax(lister *l, const char *data, size_t size) {
    convo_status status = CONVO_OK;
    for (size_t at = 0; at < size && !status;) {
        char *key;
        const size_t length = strtoul(data + at, &key, 10);
        const char *value = *key == ' ' ? strchr(key, '=') : NULL;
        if (!length || length > size - at) return refuse(l, "has a wrong record");
        const char *end = data + at + length - 1;
        if (!value || value >= end || *end != '\n') return refuse(l, "has a wrong record");
        status = keep_record(l, key + 1, value + 1, (size_t)(end - value - 1));
        at += length;
    }
    return status;
}

static convo_status read_extra(lister *l, char type, int64_t size) {
    if (size > MOST_PAX) return refuse(l, "has a header of more than a megabyte");
    char *data = cv_alloc((size_t)size + 1, 1);
    convo_status status = data ? CONVO_OK : cv_no_memory(l->err, l->path);
    if (!status && !read_part(l, l->at + BLOCK, data, (size_t)size)) status = refuse(l, "cannot be read");
    if (!status) status = type == 'L' ? keep_name(l, data, strlen(data)) : read_pax(l, data, (size_t)size);
    free(data);
    return status;
}

// --- members ------------------------------------------------------------------------------------------------------

static convo_status read_tar_member(lister *l, convo_status (*each)(void *, const cv_tar_member *, convo_error *),
                                    void *context) {
    const char type = (char)l->block[TYPE];
    if (!has_sum(l->block)) return refuse(l, "begins no header");
    if (type == 'S') return refuse(l, "begins a sparse file, which is not read");
    const bool extra = type == 'L' || type == 'x', aside = extra || type == 'K' || type == 'g';
    const bool regular = type == 0 || type == '0' || type == '7', empty = type >= '1' && type <= '6';
    int64_t size = number_in(l->block + SIZE, SIZE_SIZE);
    if (!aside && l->pax_size >= 0) size = l->pax_size;
    if (empty) size = 0;
    if (size < 0) return refuse(l, "has a wrong size");
    if (size > l->tar.size - l->at - BLOCK)
        return cv_fail(l->err, CONVO_FORMAT, l->path, "is cut short: a member goes on to byte %" PRId64 " of %" PRId64,
                       size > INT64_MAX - l->at - BLOCK ? INT64_MAX : l->at + BLOCK + size, l->tar.size);
    convo_status status = extra ? read_extra(l, type, size) : CONVO_OK;
    if (!aside) {
        char *name = l->name ? l->name : name_in(l->block);
        const bool folder = type == '5' || (name && *name && name[strlen(name) - 1] == '/');
        const cv_tar_member m = {name, regular, l->at + BLOCK, size, l->tar.descriptor};
        l->name = NULL;
        l->pax_size = -1;
        if (!name) status = cv_no_memory(l->err, l->path);
        if (!status && !folder) status = each(context, &m, l->err);
        free(name);
    }
    const int64_t blocks = (size + BLOCK - 1) / BLOCK, left = l->tar.size - l->at;
    l->at += (blocks + 1) * BLOCK < left ? (blocks + 1) * BLOCK : left;
    return status;
}

convo_status cv_tar_list(const char *path,
                         convo_status (*each)(void *context, const cv_tar_member *m, convo_error *err), void *context,
                         convo_error *err) {
    static const uint8_t zeros[BLOCK];
    lister l = {.path = path, .pax_size = -1, .err = err};
    bool ended = false; // by a block of zeros; more members may follow where tar files were joined
    convo_status status = cv_slice_open(path, &l.tar, err);
    while (!status && l.at < l.tar.size) {
        if (!read_part(&l, l.at, l.block, BLOCK))
            status = cv_fail(err, CONVO_FORMAT, path, "is cut short: it does not end with a whole block");
        else if ((ended = !memcmp(l.block, zeros, BLOCK)))
            l.at += BLOCK;
        else
            status = read_tar_member(&l, each, context);
    }
    if (!status && !ended) status = cv_fail(err, CONVO_FORMAT, path, "is cut short: its end is missing");
    if (l.tar.descriptor >= 0) close(l.tar.descriptor);
    free(l.name);
    return status;
}

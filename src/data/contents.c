#include "data/contents.h"

#include "audio/sound.h"
#include "base/hash.h"
#include "data/picture.h"

#include <stdlib.h>
#include <string.h>

// --- rows ---------------------------------------------------------------------------------------------------------

static const void *row_at(const cv_contents *c, size_t row, size_t *bytes) {
    *bytes = c->values->byte ? c->size : c->size * sizeof(float);
    return c->values->byte ? (const void *)(c->values->byte + row * c->size)
                           : (const void *)(c->values->value + row * c->size);
}

static void hash_row(void *context, int task, int worker) {
    (void)worker;
    const cv_contents *c = context;
    size_t bytes;
    const void *row = row_at(c, (size_t)task, &bytes);
    c->hash[task] = cv_hash_bytes(row, bytes);
}

// --- files --------------------------------------------------------------------------------------------------------

typedef struct decoded {
    void *data; // samples, or pixels
    size_t bytes;
} decoded;

static bool decode(const cv_contents *c, size_t k, decoded *out) {
    const cv_example *example = &c->dataset->example[k];
    if (c->kind->recordings) {
        cv_sound sound;
        if (cv_sound_read_piece(example->path, &example->piece, 0, &sound, NULL)) return false;
        *out = (decoded){sound.sample, sound.count * sizeof *sound.sample};
    } else {
        cv_picture picture;
        if (cv_picture_read(example->path, false, &picture, NULL)) return false;
        *out = (decoded){picture.pixel, (size_t)(picture.height * picture.width) * 3};
    }
    return true;
}

static void hash_file(void *context, int task, int worker) {
    (void)worker;
    const cv_contents *c = context;
    decoded file = {NULL, 0};
    c->unreadable[task] = !decode(c, (size_t)task, &file);
    c->hash[task] = c->unreadable[task] ? 0 : cv_hash_bytes(file.data, file.bytes);
    free(file.data);
}

static bool same_files(const cv_contents *c, size_t a, size_t b) {
    decoded one = {NULL, 0}, other = {NULL, 0};
    const bool same = decode(c, a, &one) && decode(c, b, &other) && one.bytes == other.bytes &&
                      memcmp(one.data, other.data, one.bytes) == 0;
    free(one.data);
    free(other.data);
    return same;
}

// --- both ---------------------------------------------------------------------------------------------------------

convo_status cv_contents_of_values(const cv_values *values, size_t count, size_t size, cv_pool *pool, cv_contents *c,
                                   convo_error *err) {
    *c = (cv_contents){.hash = cv_alloc(count, sizeof *c->hash), .count = count, .values = values, .size = size};
    if (!c->hash) return cv_no_memory(err, "hashes of the examples");
    cv_pool_run(pool, (int)count, hash_row, c);
    return CONVO_OK;
}

convo_status cv_contents_of_files(const cv_dataset *dataset, const cv_data_kind *kind, cv_pool *pool, cv_contents *c,
                                  convo_error *err) {
    const size_t count = dataset->count;
    *c = (cv_contents){.hash = cv_alloc(count, sizeof *c->hash),
                       .unreadable = cv_alloc(count, sizeof *c->unreadable),
                       .count = count,
                       .dataset = dataset,
                       .kind = kind};
    if (!c->hash || !c->unreadable) {
        cv_contents_free(c);
        return cv_no_memory(err, "hashes of the examples");
    }
    cv_pool_run(pool, (int)count, hash_file, c);
    return CONVO_OK;
}

bool cv_contents_same(const cv_contents *c, size_t a, size_t b) {
    size_t bytes;
    if (c->hash[a] != c->hash[b]) return false;
    if (!c->values) return same_files(c, a, b);
    const void *one = row_at(c, a, &bytes), *other = row_at(c, b, &bytes);
    return memcmp(one, other, bytes) == 0;
}

void cv_contents_free(cv_contents *c) {
    free(c->hash);
    free(c->unreadable);
    *c = (cv_contents){0};
}

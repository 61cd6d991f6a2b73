#include "data/contents.h"

#include "audio/sound.h"
#include "base/hash.h"
#include "data/picture.h"

#include <stdlib.h>
#include <string.h>

// --- rows ---------------------------------------------------------------------------------------------------------

static void hash_row(void *context, int task, int worker) {
    (void)worker;
    const cv_contents *c = context;
    size_t bytes;
    const void *row = cv_values_stored(c->values, (size_t)task, c->size, &bytes);
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
    cv_contents *c = context;
    decoded file = {NULL, 0};
    c->unreadable[task] = !decode(c, (size_t)task, &file);
    c->hash[task] = c->unreadable[task] ? 0 : cv_hash_bytes(file.data, file.bytes);
    free(file.data);
    cv_tally_add(&c->tally);
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
    *c = (cv_contents){.hash = cv_alloc(count, sizeof *c->hash),
                       .unreadable = cv_alloc(count, sizeof *c->unreadable),
                       .count = count,
                       .values = values,
                       .size = size};
    if (!c->hash || !c->unreadable) {
        cv_contents_free(c);
        return cv_no_memory(err, "hashes of the examples");
    }
    if (values->row)
        for (size_t i = 0; i < count; i++) {
            c->hash[i] = values->row[i].hash;
            c->unreadable[i] = values->row[i].type == CV_ROW_MISSING;
        }
    else
        cv_pool_run(pool, (int)count, hash_row, c);
    return CONVO_OK;
}

convo_status cv_contents_of_files(const cv_dataset *dataset, const cv_data_kind *kind, cv_pool *pool,
                                  const convo_train_options *options, cv_contents *c, convo_error *err) {
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
    cv_tally_start(&c->tally, (int64_t)count, options->reading, options->user);
    cv_pool_run(pool, (int)count, hash_file, c);
    cv_tally_end(&c->tally);
    return CONVO_OK;
}

bool cv_contents_same(const cv_contents *c, size_t a, size_t b) {
    size_t bytes[2];
    if (c->hash[a] != c->hash[b]) return false;
    if (!c->values) return same_files(c, a, b);
    const void *one = cv_values_stored(c->values, a, c->size, &bytes[0]),
               *other = cv_values_stored(c->values, b, c->size, &bytes[1]);
    return bytes[0] == bytes[1] && memcmp(one, other, bytes[0]) == 0;
}

void cv_contents_free(cv_contents *c) {
    free(c->hash);
    free(c->unreadable);
    *c = (cv_contents){0};
}

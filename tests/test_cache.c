// The cache of features: the graph computes nothing twice, and nothing that is stale, damaged or foreign is believed.
#define _GNU_SOURCE // memmem
#include "model/cache.h"
#include "data/store_file.h"
#include "material.h"
#include "sounds.h"

#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>

enum { RATE = 8000, SAMPLES = 800, FILES = 6 };

static const char recipe_text[] = "data: {set: fsdd, split: {train: 0.5, test: 0.5}}\n"
                                  "features: {kind: logmel, samples: 800}\n"
                                  "model: [flatten, {linear: 2}]\n"
                                  "train: {optimizer: {sgd: {lr: 0.1}}, epochs: 1}\n";

// A folder with recordings/ and an empty features/.
typedef struct place {
    char *folder, *data, *cache;
} place;

static int make_place(void **state) {
    place *p = calloc(1, sizeof *p);
    void *folder;
    if (!p || make_folder(&folder)) return -1;
    *p = (place){folder, cv_format("%s/recordings", (char *)folder), cv_format("%s/features", (char *)folder)};
    *state = p;
    if (cv_folder_make(p->data, NULL)) return -1;
    for (int k = 0; k < FILES; k++) {
        char name[32];
        snprintf(name, sizeof name, "%d_ann_%d.wav", k % 2, k);
        write_tone(p->data, name, RATE, SAMPLES, (int16_t)(1000 * (k + 1)));
    }
    return 0;
}

static int remove_place(void **state) {
    place *p = *state;
    void *folder = p->folder;
    free(p->data);
    free(p->cache);
    free(p);
    return remove_folder(&folder);
}

static convo_recipe *parse(const char *setting) {
    convo_recipe *recipe;
    convo_error err = {.message = ""};
    if (convo_recipe_parse(recipe_text, strlen(recipe_text), "test", &recipe, &err)) fail_msg("%s", err.message);
    if (setting && convo_recipe_set(recipe, setting, &err)) fail_msg("%s: %s", setting, err.message);
    return recipe;
}

// The features of all recordings; NULL when they could not be had.
static float *load(const place *p, const char *setting, size_t *count) {
    convo_recipe *recipe = parse(setting);
    const convo_train_options options = {.data = p->data, .cache = p->cache, .threads = 1};
    cv_material m;
    float *values = NULL;
    if (!cv_material_load(recipe, &options, CONVO_TRAIN, &m, NULL)) {
        *count = m.rows * (size_t)cv_shape_size(m.shape);
        values = material_numbers(&m);
        cv_material_free(&m);
    }
    convo_recipe_free(recipe);
    return values;
}

static int files_in(const char *folder, char *last, size_t size) {
    char **names;
    size_t count;
    if (cv_folder_list(folder, &names, &count, NULL)) return 0;
    if (count && last) snprintf(last, size, "%s/%s", folder, names[count - 1]);
    cv_folder_free(names, count);
    return (int)count;
}

// Replaces a recording by something that is none, of the same size and time: only the cache can answer now.
static void spoil(const place *p, const char *name) {
    char *path = cv_format("%s/%s", p->data, name);
    struct stat about;
    assert_int_equal(stat(path, &about), 0);
    char *rubbish = calloc(1, (size_t)about.st_size);
    int file = open(path, O_WRONLY);
    assert_int_equal(write(file, rubbish, (size_t)about.st_size), about.st_size);
    close(file);
    const struct timespec times[2] = {about.st_atim, about.st_mtim};
    assert_int_equal(utimensat(AT_FDCWD, path, times, 0), 0);
    free(rubbish);
    free(path);
}

static void the_second_time_no_recording_is_read(void **state) {
    const place *p = *state;
    size_t count, again;
    float *first = load(p, NULL, &count);
    assert_non_null(first);
    assert_int_equal(files_in(p->cache, NULL, 0), 1);
    spoil(p, "0_ann_2.wav");
    float *second = load(p, NULL, &again);
    assert_non_null(second);
    assert_int_equal(again, count);
    assert_memory_equal(second, first, count * sizeof *first);
    free(second);

    convo_recipe *recipe = parse(NULL); // what it would have been without a cache
    const convo_train_options without = {.data = p->data};
    cv_material m;
    assert_int_not_equal(cv_material_load(recipe, &without, CONVO_TRAIN, &m, NULL), CONVO_OK);
    convo_recipe_free(recipe);
    free(first);
}

static void reading_takes_time_only_the_first_time(void **state) {
    const place *p = *state;
    for (int again = 0; again < 2; again++) {
        convo_recipe *recipe = parse(NULL);
        const convo_train_options options = {.data = p->data, .cache = p->cache, .threads = 1};
        cv_material m;
        assert_int_equal(cv_material_load(recipe, &options, CONVO_TRAIN, &m, NULL), CONVO_OK);
        const convo_reading *r = &m.reading;
        assert_int_equal(r->examples, again ? 0 : m.rows);
        assert_int_equal(r->threads, !again);
        if (again)
            assert_true(r->seconds == 0 && r->decoding == 0 && r->computing == 0);
        else
            assert_true(r->decoding > 0 && r->computing > 0 && r->decoding + r->computing < 1.1 * r->seconds);
        cv_material_free(&m);
        convo_recipe_free(recipe);
    }
}

static void what_is_cached_is_what_is_computed(void **state) {
    const place *p = *state;
    size_t count;
    place without = *p;
    without.cache = NULL;
    float *computed = load(&without, NULL, &count), *stored = load(p, NULL, &count), *cached = load(p, NULL, &count);
    assert_memory_equal(stored, computed, count * sizeof *computed);
    assert_memory_equal(cached, computed, count * sizeof *computed);
    free(computed);
    free(stored);
    free(cached);
}

static void touch(const place *p) { // a second, and no more
    char *path = cv_format("%s/0_ann_0.wav", p->data);
    struct stat about;
    assert_int_equal(stat(path, &about), 0);
    struct timespec times[2] = {about.st_atim, about.st_mtim};
    times[1].tv_sec++;
    assert_int_equal(utimensat(AT_FDCWD, path, times, 0), 0);
    free(path);
}
static void rename_one(const place *p) {
    char *from = cv_format("%s/0_ann_0.wav", p->data), *to = cv_format("%s/0_ann_1.wav", p->data); // the order stays
    assert_int_equal(rename(from, to), 0);
    free(from);
    free(to);
}
static void lengthen(const place *p) {
    write_tone(p->data, "0_ann_0.wav", RATE, SAMPLES + 1, 1000);
}
static void remove_one(const place *p) {
    char *path = cv_format("%s/0_ann_0.wav", p->data);
    assert_int_equal(unlink(path), 0);
    free(path);
}
static void add_one(const place *p) {
    write_tone(p->data, "0_ann_9.wav", RATE, SAMPLES, 1000);
}

static void other_files_are_computed_anew(void **state) {
    static void (*const change[])(const place *) = {touch, rename_one, lengthen, add_one, remove_one};
    const place *p = *state;
    for (size_t k = 0; k < CV_COUNT(change); k++) {
        size_t count, changed;
        float *before = load(p, NULL, &count);
        const int files = files_in(p->cache, NULL, 0);
        change[k](p);
        float *after = load(p, NULL, &changed);
        assert_non_null(after);
        if (files_in(p->cache, NULL, 0) != files + 1) fail_msg("change %zu was not noticed", k);
        free(before);
        free(after);
        remove_place(state);
        assert_int_equal(make_place(state), 0);
        p = *state;
    }
}

static void other_features_are_computed_anew(void **state) {
    static const char *const settings[] = {"features.samples=799", "features.filters=39", "features.rate=16000",
                                           "features={kind: waveform, samples: 800}",
                                           "features={kind: mfcc, samples: 800}"};
    const place *p = *state;
    size_t count;
    free(load(p, NULL, &count));
    for (size_t k = 0; k < CV_COUNT(settings); k++) {
        float *values = load(p, settings[k], &count);
        assert_non_null(values);
        free(values);
        if (files_in(p->cache, NULL, 0) != (int)k + 2) fail_msg("%s was not noticed", settings[k]);
    }
    // These do not change what recordings look like, but how they are used.
    static const char *const same[] = {"features.normalize=global", "train.seed=7", "data.split.test=0.25"};
    for (size_t k = 0; k < CV_COUNT(same); k++) free(load(p, same[k], &count));
    assert_int_equal(files_in(p->cache, NULL, 0), CV_COUNT(settings) + 1);
}

// --- damage -------------------------------------------------------------------------------------------------------

static void damaged_files_are_written_anew(void **state) {
    const place *p = *state;
    size_t count, again;
    char path[512];
    cv_bytes good, now;
    float *first = load(p, NULL, &count);
    assert_int_equal(files_in(p->cache, path, sizeof path), 1);
    assert_int_equal(cv_file_read(path, 1 << 30, &good, NULL), CONVO_OK);
    enum { CASES = 8 };
    for (int k = 0; k < CASES; k++) {
        uint8_t *bad = malloc(good.size);
        memcpy(bad, good.data, good.size);
        size_t size = good.size;
        switch (k) {
        case 0: size = 0; break;
        case 1: size = good.size / 2; break;
        case 2: size--; break;
        case 3: bad[good.size - 1] ^= 1; break;
        case 4: bad[sizeof(cv_store_header) + count] ^= 0x80; break; // a number
        case 5: bad[offsetof(cv_store_header, rows)] ^= 0xff; break;
        case 6: bad[offsetof(cv_store_header, key)] = 'k'; break;
        case 7: memset(bad, 'x', good.size); break; // another program's
        }
        assert_int_equal(cv_file_write(path, bad, size, NULL), CONVO_OK);
        float *values = load(p, NULL, &again);
        assert_non_null(values);
        assert_int_equal(again, count);
        assert_memory_equal(values, first, count * sizeof *first);
        assert_int_equal(cv_file_read(path, 1 << 30, &now, NULL), CONVO_OK);
        if (now.size != good.size || memcmp(now.data, good.data, now.size) != 0)
            fail_msg("case %d: the file was not written anew", k);
        free(now.data);
        free(values);
        free(bad);
    }
    free(good.data);
    free(first);
}

static void without_a_place_there_is_no_cache_and_no_error(void **state) {
    const place *p = *state;
    place other = *p;
    size_t count;
    write_file(p->folder, "file", "", 0);
    char *below = cv_format("%s/file/features", p->folder);
    other.cache = below;
    float *values = load(&other, NULL, &count);
    assert_non_null(values);
    free(values);
    free(below);
}

// A disk that is full looks like this to whoever writes.
static void a_full_disk_is_no_error(void **state) {
    const place *p = *state;
    size_t count;
    struct rlimit before, small = {.rlim_cur = 100};
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
    small.rlim_max = before.rlim_max;
    signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
    float *values = load(p, NULL, &count);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
    signal(SIGXFSZ, SIG_DFL);
    assert_non_null(values);
    free(values);
    assert_int_equal(files_in(p->cache, NULL, 0), 0); // nothing half-written either
    free(load(p, NULL, &count));
    assert_int_equal(files_in(p->cache, NULL, 0), 1);
}

// --- size ---------------------------------------------------------------------------------------------------------

static void put_sparse(const char *folder, const char *name, off_t size, time_t used) {
    char *path = cv_format("%s/%s", folder, name);
    int file = open(path, O_CREAT | O_WRONLY, 0666);
    const struct timespec times[2] = {{.tv_sec = used}, {.tv_sec = used}};
    assert_int_equal(ftruncate(file, size), 0);
    assert_int_equal(futimens(file, times), 0);
    close(file);
    free(path);
}

static bool holds(const char *folder, const char *name) {
    char *path = cv_format("%s/%s", folder, name);
    const bool there = cv_is_file(path);
    free(path);
    return there;
}

static void what_was_not_used_for_longest_makes_room(void **state) {
    const place *p = *state;
    static const char old[] = "00000000000000000000000000000000000000aa.safetensors",
                      half[] = "00000000000000000000000000000000000000ab.safetensors.part",
                      young[] = "00000000000000000000000000000000000000ac.safetensors",
                      foreign[] = "thesis.safetensors";
    const off_t quarter = (off_t)(CV_CACHE_LIMIT / 4);
    size_t count;
    assert_int_equal(cv_folder_make(p->cache, NULL), CONVO_OK);
    put_sparse(p->cache, foreign, 5 * quarter, 500);
    put_sparse(p->cache, old, 2 * quarter, 1000);
    put_sparse(p->cache, half, quarter, 1001);
    put_sparse(p->cache, young, quarter, 1002);
    free(load(p, NULL, &count)); // above the limit by this one
    assert_false(holds(p->cache, old));
    assert_true(holds(p->cache, young));
    assert_true(holds(p->cache, foreign));
    assert_int_equal(files_in(p->cache, NULL, 0), 4);
    char *part = cv_format("%s/%s", p->cache, half);
    assert_int_equal(unlink(part), 0); // it was there
    free(part);
}

static void what_is_loaded_counts_as_used(void **state) {
    const place *p = *state;
    size_t count;
    char path[512];
    struct stat about;
    const struct timespec times[2] = {{.tv_sec = 1000}, {.tv_sec = 1000}};
    free(load(p, NULL, &count));
    assert_int_equal(files_in(p->cache, path, sizeof path), 1);
    assert_int_equal(utimensat(AT_FDCWD, path, times, 0), 0);
    free(load(p, NULL, &count));
    assert_int_equal(stat(path, &about), 0);
    assert_true(about.st_mtim.tv_sec > 1000000);
}

int main(void) {
#define IN_PLACE(test) cmocka_unit_test_setup_teardown(test, make_place, remove_place)
    const struct CMUnitTest tests[] = {
        IN_PLACE(reading_takes_time_only_the_first_time),
        IN_PLACE(the_second_time_no_recording_is_read),
        IN_PLACE(what_is_cached_is_what_is_computed),
        IN_PLACE(other_files_are_computed_anew),
        IN_PLACE(other_features_are_computed_anew),
        IN_PLACE(damaged_files_are_written_anew),
        IN_PLACE(without_a_place_there_is_no_cache_and_no_error),
        IN_PLACE(a_full_disk_is_no_error),
        IN_PLACE(what_was_not_used_for_longest_makes_room),
        IN_PLACE(what_is_loaded_counts_as_used),
    };
    return cmocka_run_group_tests_name("cache", tests, NULL, NULL);
}

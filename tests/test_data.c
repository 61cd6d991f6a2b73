// Data sets: listing, dividing, computing features, describing. The real one is data/fsdd.
#include "audio/sound.h"
#include "data/dataset.h"
#include "data/reading.h"
#include "sounds.h"

#include <jansson.h>

// --- a folder of our own recordings -----------------------------------------------------------------------------

// A float WAV that is no good only at its end, which takes a while to notice.
static void write_bad_end(const char *folder, const char *name, uint32_t samples) {
    uint32_t size = 44 + 4 * samples;
    uint8_t *bytes = calloc(1, size);
    memcpy(bytes, "RIFF....WAVEfmt ", 16);
    put_number(bytes + 4, size - 8, 4);
    put_number(bytes + 16, 16, 4);
    put_number(bytes + 20, 3, 2); // IEEE float
    put_number(bytes + 22, 1, 2);
    put_number(bytes + 24, 8000, 4);
    put_number(bytes + 28, 8000 * 4, 4);
    put_number(bytes + 32, 4, 2);
    put_number(bytes + 34, 32, 2);
    memcpy(bytes + 36, "data", 4);
    put_number(bytes + 40, size - 44, 4);
    put_number(bytes + size - 4, 0x7fc00000, 4); // NaN
    write_file(folder, name, bytes, size);
    free(bytes);
}

static cv_dataset *open_fsdd(const char *folder) {
    cv_dataset *dataset;
    convo_error err = {.message = ""};
    if (cv_dataset_open(&cv_data_fsdd, folder, NULL, &dataset, &err)) fail_msg("%s: %s", err.where, err.message);
    return dataset;
}

// --- listing ----------------------------------------------------------------------------------------------------

static void fsdd_is_listed_in_order(void **state) {
    (void)state;
    static const char *const speakers[] = {"george", "jackson", "lucas", "nicolas", "theo", "yweweler"};
    cv_dataset *dataset = open_fsdd("data/fsdd");
    assert_int_equal(dataset->count, 3000);
    assert_int_equal(cv_data_fsdd.rate, 8000);
    assert_int_equal(dataset->label_count, 10);
    assert_int_equal(dataset->group_count, 6);
    for (int k = 0; k < 10; k++) assert_int_equal(atoi(dataset->labels[k]), k);
    for (int k = 0; k < 6; k++) assert_string_equal(dataset->groups[k], speakers[k]);
    int in[10][6][2] = {{{0}}};
    for (size_t i = 0; i < dataset->count; i++) {
        const cv_example *e = &dataset->example[i];
        char *path = cv_format("data/fsdd/%d_%s_%d.flac", e->label, speakers[e->group], e->index);
        assert_string_equal(e->path, path);
        free(path);
        if (i > 0) assert_true(strcmp(dataset->example[i - 1].path, e->path) < 0);
        assert_int_equal(e->part, e->index < 5 ? CONVO_TEST : CONVO_TRAIN);
        in[e->label][e->group][e->part == CONVO_TEST]++;
    }
    for (int k = 0; k < 60; k++) {
        assert_int_equal(in[k / 6][k % 6][0], 45);
        assert_int_equal(in[k / 6][k % 6][1], 5);
    }
    cv_dataset_free(dataset);
}

static void only_names_that_fit_are_examples(void **state) {
    static const struct {
        const char *name, *label, *group; // NULL: not an example
        int index, part;
    } cases[] = {
        // in the order of their names
        {"1_ann_4.wav", "1", "ann", 4, CONVO_TEST},
        {"1_ann_5.OGG", "1", "ann", 5, CONVO_TRAIN},
        {"1_ann_5.txt", NULL, NULL, 0, 0},
        {"1_ann_5x.wav", NULL, NULL, 0, 0},
        {"1_ann_.wav", NULL, NULL, 0, 0},
        {"1_ann_12345678901.wav", NULL, NULL, 0, 0},
        {"1__3.wav", NULL, NULL, 0, 0},
        {"1_3.wav", NULL, NULL, 0, 0},
        {"1_ann_6", NULL, NULL, 0, 0},
        {"README.md", NULL, NULL, 0, 0},
        {"_ann_1.wav", NULL, NULL, 0, 0},
        {"yes_ann_lee_007.mp3", "yes", "ann_lee", 7, CONVO_TRAIN},
    };
    for (size_t k = 0; k < CV_COUNT(cases); k++) write_file(*state, cases[k].name, "", 0);
    cv_dataset *dataset = open_fsdd(*state);
    size_t i = 0;
    for (size_t k = 0; k < CV_COUNT(cases); k++) {
        if (!cases[k].label) continue;
        const cv_example *e = &dataset->example[i++];
        assert_non_null(strstr(e->path, cases[k].name));
        assert_string_equal(dataset->labels[e->label], cases[k].label);
        assert_string_equal(dataset->groups[e->group], cases[k].group);
        assert_int_equal(e->index, cases[k].index);
        assert_int_equal(e->part, cases[k].part);
    }
    assert_int_equal(dataset->count, i);
    cv_dataset_free(dataset);
}

static void a_folder_without_recordings_is_refused(void **state) {
    cv_dataset *dataset;
    convo_error err;
    assert_int_equal(cv_dataset_open(&cv_data_fsdd, *state, NULL, &dataset, &err), CONVO_FORMAT);
    write_file(*state, "notes.txt", "", 0);
    assert_int_equal(cv_dataset_open(&cv_data_fsdd, *state, NULL, &dataset, &err), CONVO_FORMAT);
    assert_string_equal(err.where, *state);
    assert_non_null(strstr(err.message, "7_jackson_32.flac"));
    assert_null(dataset);
    assert_int_equal(cv_dataset_open(&cv_data_fsdd, "/no/such/folder", NULL, &dataset, &err), CONVO_IO);
    assert_string_equal(err.where, "/no/such/folder");
}

static void names_stay_sorted_and_distinct(void **state) {
    (void)state;
    char **names = NULL;
    int count = 0;
    static const char *const added[] = {"ten", "one", "tens", "te", "one", "ten"};
    static const char *const sorted[] = {"one", "te", "ten", "tens"};
    for (size_t k = 0; k < CV_COUNT(added); k++) assert_true(cv_names_add(&names, &count, added[k], strlen(added[k])));
    assert_int_equal(count, CV_COUNT(sorted));
    for (int k = 0; k < count; k++) {
        assert_string_equal(names[k], sorted[k]);
        assert_int_equal(cv_names_find(names, count, sorted[k], strlen(sorted[k])), k);
    }
    assert_int_equal(cv_names_find(names, count, "tenth", 3), 2);
    assert_int_equal(cv_names_find(names, count, "t", 1), -1);
    assert_int_equal(cv_names_find(names, count, "zero", 4), -1);
    cv_folder_free(names, (size_t)count);
}

// --- dividing ---------------------------------------------------------------------------------------------------

static cv_split_config split_config(void) {
    cv_split_config config;
    cv_options_default(cv_split_schema, &config);
    return config;
}

static void a_random_split_is_pytorchs(void **state) {
    (void)state;
    json_error_t problem;
    json_t *golden = json_load_file("tests/golden/torch_random.json", 0, &problem);
    if (!golden) fail_msg("tests/golden/torch_random.json:%d: %s", problem.line, problem.text);
    const json_t *splits = json_object_get(golden, "splits");
    assert_int_equal(json_array_size(splits), 5);
    size_t k;
    const json_t *wanted;
    json_array_foreach(splits, k, wanted) {
        const json_t *fractions = json_object_get(wanted, "fractions"), *parts = json_object_get(wanted, "parts");
        size_t last = json_array_size(fractions) - 1;
        cv_split_config config = split_config();
        config.train = json_number_value(json_array_get(fractions, 0));
        config.validation = last == 2 ? json_number_value(json_array_get(fractions, 1)) : 0;
        config.test = json_number_value(json_array_get(fractions, last));
        cv_dataset dataset = {.count = (size_t)json_integer_value(json_object_get(wanted, "count"))};
        cv_split split;
        uint64_t seed = (uint64_t)json_integer_value(json_object_get(wanted, "seed"));
        assert_int_equal(cv_split_make(&config, &dataset, seed, &split, NULL), CONVO_OK);
        for (size_t p = 0; p <= last; p++) {
            const json_t *part = json_array_get(parts, p);
            size_t ours = p == last ? CONVO_TEST : p;
            assert_int_equal(split.count[ours], json_array_size(part));
            for (size_t i = 0; i < split.count[ours]; i++)
                if (split.index[ours][i] != json_integer_value(json_array_get(part, i)))
                    fail_msg("split %zu, part %zu: example %zu is %d, PyTorch has %lld", k, p, i, split.index[ours][i],
                             json_integer_value(json_array_get(part, i)));
        }
        cv_split_free(&split);
    }
    json_decref(golden);
}

// Each example is in one part, or in none if `all` is false.
static void assert_disjoint(const cv_split *split, size_t count, bool all) {
    int *seen = calloc(count, sizeof *seen);
    size_t total = 0;
    for (int part = 0; part < 3; part++)
        for (size_t i = 0; i < split->count[part]; i++) {
            int32_t example = split->index[part][i];
            assert_in_range(example, 0, count - 1);
            assert_int_equal(seen[example]++, 0);
            total++;
        }
    if (all) assert_int_equal(total, count);
    free(seen);
}

static void splits_have_the_sizes_asked_for(void **state) {
    (void)state;
    static const struct {
        cv_split_config config;
        size_t count[3];
        bool all;
    } cases[] = {
        {{.by = 0, .train = 2. / 3, .test = 1. / 3}, {2000, 0, 1000}, true},
        {{.by = 0, .train = 1}, {3000, 0, 0}, true},
        {{.by = 0, .validation = 0.1, .test = 0.2}, {2100, 300, 600}, true},
        // What rounding down leaves goes to the parts in turn; none to a part that is not asked for.
        {{.by = 0, .train = 0.3333, .validation = 0.3333, .test = 0.3334}, {1000, 1000, 1000}, true},
        {{.by = 0, .train = 0.33, .validation = 0.56, .test = 0.11}, {990, 1680, 330}, true}, // 1 + 2^-52 in doubles
        {{.by = 0, .train = 0.49999, .test = 0.50001}, {1500, 0, 1500}, true},
        {{.by = 0, .train = 0.1, .validation = 0.05, .test = 0.2}, {300, 150, 600}, false},
        {{.by = 1}, {2700, 0, 300}, true},
        {{.by = 1, .validation = 0.1}, {2430, 270, 300}, true},
        {{.by = 2, .leave_out = "theo"}, {2500, 0, 500}, true},
        {{.by = 2, .leave_out = "theo", .validation = 0.2}, {2000, 500, 500}, true},
        {{.by = 2, .leave_out = "theo", .validation_group = "lucas"}, {2000, 500, 500}, true},
        {{.by = 2, .leave_out = "theo", .train = 0.5, .test = 0.5}, {2500, 0, 500}, true}, // count by random only
    };
    cv_dataset *dataset = open_fsdd("data/fsdd");
    for (size_t k = 0; k < CV_COUNT(cases); k++) {
        cv_split split;
        convo_error err = {.message = ""};
        if (cv_split_make(&cases[k].config, dataset, 3, &split, &err)) fail_msg("case %zu: %s", k, err.message);
        for (int part = 0; part < 3; part++)
            if (split.count[part] != cases[k].count[part])
                fail_msg("case %zu: part %d has %zu examples, not %zu", k, part, split.count[part],
                         cases[k].count[part]);
        assert_disjoint(&split, dataset->count, cases[k].all);
        for (size_t i = 0; cases[k].config.by && i < split.count[CONVO_TEST]; i++) {
            const cv_example *e = &dataset->example[split.index[CONVO_TEST][i]];
            if (cases[k].config.by == 1)
                assert_true(e->index < 5);
            else
                assert_string_equal(dataset->groups[e->group], "theo");
        }
        for (size_t i = 0; cases[k].config.validation_group[0] && i < split.count[CONVO_VALIDATION]; i++)
            assert_string_equal(dataset->groups[dataset->example[split.index[CONVO_VALIDATION][i]].group], "lucas");
        cv_split_free(&split);
    }
    cv_dataset_free(dataset);
}

// -1: that of the training; any other number, 0 too, is the split's own.
static void a_split_may_have_a_seed_of_its_own(void **state) {
    (void)state;
    static const struct {
        int64_t own;
        uint64_t training, wanted;
    } rows[] = {{-1, 3, 3}, {0, 3, 0}, {7, 3, 7}, {-1, 0, 0}};
    const cv_dataset dataset = {.count = 100};
    for (size_t k = 0; k < CV_COUNT(rows); k++) {
        const cv_split_config config = {.train = 0.5, .test = 0.5, .seed = rows[k].own},
                              plain = {.train = 0.5, .test = 0.5, .seed = -1};
        cv_split got, want;
        assert_int_equal(cv_split_make(&config, &dataset, rows[k].training, &got, NULL), CONVO_OK);
        assert_int_equal(cv_split_make(&plain, &dataset, rows[k].wanted, &want, NULL), CONVO_OK);
        assert_memory_equal(got.index[CONVO_TEST], want.index[CONVO_TEST], 50 * sizeof(int32_t));
        cv_split_free(&got);
        cv_split_free(&want);
    }
}

static void splits_that_make_no_sense_are_refused(void **state) {
    (void)state;
    static const struct {
        cv_split_config config;
        const char *says;
    } cases[] = {
        {{.by = 0}, "needs fractions"},
        {{.by = 0, .test = 1}, "needs fractions"},
        {{.by = 0, .train = 0.8, .test = 0.3}, "more than 1"},
        {{.by = 0, .train = 0.9, .validation = 0.0001, .test = 0.09}, "validation part"},
        {{.by = 0, .train = 0.0001, .test = 0.9}, "train part"},
        {{.by = 0, .train = 0.5, .test = 0.5, .leave_out = "theo"}, "by: group"},
        {{.by = 1, .validation = 1}, "train part"},
        {{.by = 1, .validation_group = "theo"}, "by: group"},
        {{.by = 2}, "needs leave_out"},
        {{.by = 2, .leave_out = "teo"}, "did you mean 'theo'?"},
        {{.by = 2, .leave_out = "theo", .validation_group = "luca"}, "did you mean 'lucas'?"},
        {{.by = 2, .leave_out = "theo", .validation_group = "theo"}, "both 'theo'"},
        {{.by = 2, .leave_out = "theo", .validation_group = "lucas", .validation = 0.1}, "given already"},
    };
    cv_dataset *dataset = open_fsdd("data/fsdd");
    for (size_t k = 0; k < CV_COUNT(cases); k++) {
        cv_split_config config = cases[k].config;
        config.seed = -1;
        cv_split split;
        convo_error err = {.message = ""};
        if (cv_split_make(&config, dataset, 0, &split, &err) != CONVO_ARGUMENT || !strstr(err.message, cases[k].says))
            fail_msg("case %zu: wanted '%s', got '%s'", k, cases[k].says, err.message);
        for (int part = 0; part < 3; part++) assert_null(split.index[part]);
    }
    cv_dataset_free(dataset);
}

static void a_data_set_without_parts_or_groups_has_only_random_splits(void **state) {
    (void)state;
    cv_example example[2] = {{.group = -1, .part = -1}, {.group = -1, .part = -1}};
    cv_dataset dataset = {.folder = (char[]){"here"}, .example = example, .count = 2};
    cv_split_config official = {.by = 1, .seed = -1}, group = {.by = 2, .seed = -1, .leave_out = "a"};
    cv_split split;
    assert_int_equal(cv_split_make(&official, &dataset, 0, &split, NULL), CONVO_ARGUMENT);
    assert_int_equal(cv_split_make(&group, &dataset, 0, &split, NULL), CONVO_ARGUMENT);
}

static void a_seed_in_the_split_outweighs_the_trainings(void **state) {
    (void)state;
    cv_dataset dataset = {.count = 100};
    cv_split_config by_training = split_config(), own = split_config();
    by_training.train = own.train = by_training.test = own.test = 0.5;
    own.seed = 4;
    assert_int_equal(by_training.seed, -1);
    cv_split a, b, c;
    assert_int_equal(cv_split_make(&by_training, &dataset, 4, &a, NULL), CONVO_OK);
    assert_int_equal(cv_split_make(&own, &dataset, 9, &b, NULL), CONVO_OK);
    assert_int_equal(cv_split_make(&by_training, &dataset, 9, &c, NULL), CONVO_OK);
    assert_memory_equal(a.index[0], b.index[0], 50 * sizeof(int32_t));
    assert_memory_not_equal(a.index[0], c.index[0], 50 * sizeof(int32_t));
    cv_split_free(&a);
    cv_split_free(&b);
    cv_split_free(&c);
}

// --- features ---------------------------------------------------------------------------------------------------

static cv_front *new_front(int rate) {
    cv_front *front;
    convo_error err = {.message = ""};
    void *config = calloc(1, cv_feature_mfcc.config_size);
    cv_options_default(cv_feature_mfcc.schema, config);
    char why[256];
    assert_true(cv_option_set(cv_option_find(cv_feature_mfcc.schema, "samples"), config, "6000", why, sizeof why));
    if (cv_front_new(&cv_feature_mfcc, config, rate, &front, &err)) fail_msg("%s", err.message);
    free(config);
    return front;
}

static void features_do_not_depend_on_the_threads(void **state) {
    char name[32];
    for (int k = 0; k < 20; k++) {
        snprintf(name, sizeof name, "%d_ann_%d.wav", k % 3, k);
        write_tone(*state, name, 8000, (size_t)(500 + 100 * k), (int16_t)(1000 * k + 500));
    }
    cv_dataset *dataset = open_fsdd(*state);
    cv_front *front = new_front(8000);
    size_t size = (size_t)cv_shape_size(cv_front_shape(front));
    float *wanted = calloc(size * dataset->count, sizeof *wanted);
    for (size_t i = 0; i < dataset->count; i++)
        assert_int_equal(cv_front_compute_file(front, dataset->example[i].path, wanted + i * size, NULL, NULL),
                         CONVO_OK);
    for (int threads = 1; threads <= 3; threads++) {
        cv_pool *pool;
        float *values;
        assert_int_equal(cv_pool_new(&pool, threads, NULL), CONVO_OK);
        assert_int_equal(cv_dataset_read(dataset, &cv_data_fsdd, NULL, front, pool, &values, NULL), CONVO_OK);
        assert_memory_equal(values, wanted, size * dataset->count * sizeof *values);
        free(values);
        cv_pool_free(pool);
    }
    free(wanted);
    cv_front_free(front);
    cv_dataset_free(dataset);
}

static void the_first_bad_recording_is_named(void **state) {
    char name[32];
    for (int k = 0; k < 40; k++) {
        snprintf(name, sizeof name, "0_ann_%02d.wav", k);
        if (k == 7)
            write_bad_end(*state, name, 100000);
        else if (k == 8)
            write_bad_end(*state, name, 300000); // begun before, found bad after the one at 7
        else if (k > 20)
            write_file(*state, name, "not a sound", 11);
        else
            write_tone(*state, name, 8000, 4000, 1000);
    }
    cv_dataset *dataset = open_fsdd(*state);
    cv_front *front = new_front(8000);
    for (int round = 0; round < 10; round++) {
        cv_pool *pool;
        float *values;
        convo_error err = {.where = ""};
        assert_int_equal(cv_pool_new(&pool, 1 + round % 4, NULL), CONVO_OK);
        assert_int_not_equal(cv_dataset_read(dataset, &cv_data_fsdd, NULL, front, pool, &values, &err), CONVO_OK);
        if (!strstr(err.where, "0_ann_07.wav")) fail_msg("%s: %s", err.where, err.message);
        assert_null(values);
        cv_pool_free(pool);
    }
    cv_front_free(front);
    cv_dataset_free(dataset);
}

// --- describing -------------------------------------------------------------------------------------------------

typedef struct told {
    int64_t calls, last, total;
    bool in_order;
} told;

static void count_files(int64_t done, int64_t total, void *user) {
    told *t = user;
    t->in_order = (t->calls == 0 || t->in_order) && done == t->last + 1;
    *t = (told){t->calls + 1, done, total, t->in_order};
}

static void reading_tells_every_file(void **state) {
    (void)state;
    told described = {0}, checked = {0};
    convo_data_info info;
    convo_findings found;
    convo_train_options how = {.threads = 2, .reading = count_files, .user = &described};
    assert_int_equal(convo_data_describe("fsdd", "data/fsdd", &how, &info, NULL), CONVO_OK);
    how.user = &checked;
    assert_int_equal(convo_data_check_folder("fsdd", "data/fsdd", &how, &found, NULL), CONVO_OK);
    assert_true(described.in_order && described.last == 3000 && described.total == 3000);
    assert_true(checked.in_order && checked.last == 3000 && checked.total == 3000);
    convo_data_info_free(&info);
    convo_findings_free(&found);
}

// Figures read from the headers of the FLAC files by other means.
static void fsdd_is_described_as_it_is(void **state) {
    (void)state;
    static const struct {
        const char *name;
        int64_t samples;
    } speakers[] = {{"george", 1766870},  {"jackson", 2065840}, {"lucas", 2296844},
                    {"nicolas", 1396751}, {"theo", 1555449},    {"yweweler", 1416670}};
    convo_data_info info;
    assert_int_equal(convo_data_describe("fsdd", "data/fsdd", &(convo_train_options){.threads = 2}, &info, NULL),
                     CONVO_OK);
    assert_int_equal(info.files, 3000);
    assert_int_equal(info.class_count, 10);
    for (int k = 0; k < 10; k++) assert_int_equal(info.classes[k].count, 300);
    assert_int_equal(info.group_count, 6);
    for (int k = 0; k < 6; k++) {
        assert_string_equal(info.groups[k].name, speakers[k].name);
        assert_int_equal(info.groups[k].count, 500);
        assert_int_equal(llround(info.groups[k].seconds * 8000), speakers[k].samples);
    }
    assert_int_equal(info.rate_count, 1);
    assert_string_equal(info.rates[0].name, "8000 Hz");
    assert_int_equal(info.rates[0].count, 3000);
    assert_true(fabs(info.seconds - 1312.303) < 1e-6);
    assert_true(info.shortest == 0.1435 && info.longest == 2.28275 && fabs(info.median - 0.4198125) < 1e-12);
    assert_int_equal(info.duplicates, 0);
    assert_int_equal(info.unreadable, 0);
    convo_data_info_free(&info);
    convo_data_info_free(NULL);
}

static void what_is_wrong_with_recordings_is_counted(void **state) {
    static const int16_t quiet[] = {0, 100, -100, 50}, one_peak[] = {0, 32767, 0, -32768, 0},
                         two_peaks[] = {0, 32767, 32767, 0}, deep[] = {0, -32768, -32767, 0};
    write_wav(*state, "0_ann_0.wav", 8000, quiet, 4);
    write_wav(*state, "0_ann_1.wav", 8000, one_peak, 5); // single samples at full scale are no clipping
    write_wav(*state, "0_ann_2.wav", 8000, two_peaks, 4);
    write_wav(*state, "1_bob_0.wav", 16000, deep, 4);
    write_wav(*state, "1_bob_1.wav", 8000, quiet, 4); // as 0_ann_0
    write_wav(*state, "1_bob_2.wav", 8000, quiet, 4); // again
    write_wav(*state, "1_bob_3.wav", 8000, quiet, 3); // only begins alike
    write_file(*state, "1_bob_4.wav", "not a sound", 11);
    write_file(*state, "1_bob_5.wav", "", 0);
    convo_data_info info;
    assert_int_equal(convo_data_describe("fsdd", *state, &(convo_train_options){.threads = 2}, &info, NULL), CONVO_OK);
    assert_int_equal(info.files, 9);
    assert_int_equal(info.clipped, 2);
    assert_int_equal(info.duplicates, 2);
    assert_int_equal(info.unreadable, 2);
    assert_non_null(strstr(info.first_problem, "1_bob_4.wav"));
    assert_int_equal(info.rate_count, 2);
    assert_string_equal(info.rates[0].name, "8000 Hz");
    assert_string_equal(info.rates[1].name, "16000 Hz");
    assert_int_equal(info.rates[0].count, 6);
    assert_int_equal(info.rates[1].count, 1);
    assert_int_equal(info.classes[1].count, 6);
    assert_true(info.shortest == 4. / 16000 && info.longest == 5. / 8000 && info.median == 4. / 8000);
    convo_data_info_free(&info);
}

static void a_data_set_is_found_where_it_is(void **state) {
    (void)state;
    const char *const search[] = {"/no/such/folder", "data", NULL}, *const wrong[] = {"/no/such/folder", "src", NULL};
    char *folder;
    convo_error err;
    assert_int_equal(convo_data_find("fsdd", search, &folder, NULL), CONVO_OK);
    assert_string_equal(folder, "data/fsdd");
    free(folder);
    assert_int_equal(convo_data_find("fsdd", wrong, &folder, &err), CONVO_IO);
    assert_non_null(strstr(err.message, "/no/such/folder/fsdd, src/fsdd"));
    assert_null(folder);
    assert_int_equal(convo_data_find("fsdd", NULL, &folder, &err), CONVO_ARGUMENT);
    assert_int_equal(convo_data_find("fsd", search, &folder, &err), CONVO_ARGUMENT);
    assert_non_null(strstr(err.message, "did you mean 'fsdd'?"));

    const char *help = NULL;
    assert_string_equal(convo_data_name(0, &help), "fsdd");
    assert_non_null(help);
    assert_null(convo_data_name(1000, NULL));
    assert_null(convo_data_name(-1, NULL));
}

int main(void) {
#define IN_FOLDER(test) cmocka_unit_test_setup_teardown(test, make_folder, remove_folder)
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fsdd_is_listed_in_order),
        IN_FOLDER(only_names_that_fit_are_examples),
        IN_FOLDER(a_folder_without_recordings_is_refused),
        cmocka_unit_test(names_stay_sorted_and_distinct),
        cmocka_unit_test(a_random_split_is_pytorchs),
        cmocka_unit_test(splits_have_the_sizes_asked_for),
        cmocka_unit_test(a_split_may_have_a_seed_of_its_own),
        cmocka_unit_test(splits_that_make_no_sense_are_refused),
        cmocka_unit_test(a_data_set_without_parts_or_groups_has_only_random_splits),
        cmocka_unit_test(a_seed_in_the_split_outweighs_the_trainings),
        IN_FOLDER(features_do_not_depend_on_the_threads),
        IN_FOLDER(the_first_bad_recording_is_named),
        cmocka_unit_test(reading_tells_every_file),
        cmocka_unit_test(fsdd_is_described_as_it_is),
        IN_FOLDER(what_is_wrong_with_recordings_is_counted),
        cmocka_unit_test(a_data_set_is_found_where_it_is),
    };
    return cmocka_run_group_tests_name("data", tests, NULL, NULL);
}

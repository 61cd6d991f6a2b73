// Splits: by class, by whole groups, in folds, by lists.
#include "data/dataset.h"
#include "data/parts.h"
#include "sounds.h"

enum { CLASSES = 4, GROUPS = 12, MOST = 1000 };

// Class k has half as many examples as class k - 1; group g has a share that grows with g.
static cv_dataset made_up(size_t count) {
    static char *labels[] = {"a", "b", "c", "d"},
                *groups[] = {"0", "1", "2", "3", "4", "5", "6", "7", "8", "9", "x", "y"};
    static cv_example example[MOST];
    static char folder[] = "/made/up";
    for (size_t i = 0; i < count; i++) {
        const size_t share = i * 15 / count, at = i * 31 % 78;
        int32_t group = 0;
        for (size_t sum = 1; sum <= at; sum += (size_t)group + 1) group++;
        example[i] = (cv_example){.label = share < 8    ? 0
                                           : share < 12 ? 1
                                           : share < 14 ? 2
                                                        : 3,
                                  .group = group,
                                  .part = -1};
    }
    return (cv_dataset){.folder = folder,
                        .example = example,
                        .count = count,
                        .labels = labels,
                        .label_count = CLASSES,
                        .groups = groups,
                        .group_count = GROUPS};
}

static cv_split_config config_of(const cv_split_config *given) {
    cv_split_config config = *given;
    config.seed = -1;
    if (config.fold == 0) config.fold = 1;
    return config;
}

static cv_split make(const cv_split_config *given, const cv_dataset *dataset, uint64_t seed) {
    const cv_split_config config = config_of(given);
    cv_split split;
    convo_error err = {.message = ""};
    if (cv_split_make(&config, dataset, seed, &split, &err)) fail_msg("%s: %s", err.where, err.message);
    int seen[MOST] = {0};
    for (int part = 0; part < 3; part++)
        for (size_t i = 0; i < split.count[part]; i++)
            if (seen[split.index[part][i]]++) fail_msg("example %d is in two parts", split.index[part][i]);
    return split;
}

// --- classes ------------------------------------------------------------------------------------------------------

static void a_stratified_split_keeps_the_classes_proportions(void **state) {
    (void)state;
    static const struct {
        cv_split_config config;
        double share[3];
    } cases[] = {
        {{.stratified = true, .train = 0.8, .validation = 0.1, .test = 0.1}, {0.8, 0.1, 0.1}},
        {{.stratified = true, .train = 0.5, .test = 0.2}, {0.5, 0, 0.2}}, // the rest is left out
        {{.stratified = true, .train = 1. / 3, .validation = 1. / 3, .test = 1. / 3}, {1. / 3, 1. / 3, 1. / 3}},
        {{.stratified = true, .folds = 5, .fold = 2}, {0.8, 0, 0.2}},
        {{.stratified = true, .folds = 7, .fold = 7}, {6. / 7, 0, 1. / 7}},
        {{.stratified = true, .folds = 4, .validation = 0.2}, {0.6, 0.15, 0.25}},
    };
    static const size_t sizes[] = {60, 247, 1000};
    for (size_t k = 0; k < CV_COUNT(cases); k++)
        for (size_t j = 0; j < CV_COUNT(sizes); j++) {
            const cv_dataset dataset = made_up(sizes[j]);
            cv_split split = make(&cases[k].config, &dataset, j);
            double count[CLASSES] = {0}, in[3][CLASSES] = {{0}};
            for (size_t i = 0; i < dataset.count; i++) count[dataset.example[i].label]++;
            for (int p = 0; p < 3; p++)
                for (size_t i = 0; i < split.count[p]; i++) in[p][dataset.example[split.index[p][i]].label]++;
            for (int p = 0; p < 3; p++) {
                if (fabs((double)split.count[p] - cases[k].share[p] * (double)sizes[j]) > 1.001)
                    fail_msg("case %zu: part %d of %zu has %zu examples", k, p, sizes[j], split.count[p]);
                for (int c = 0; c < CLASSES; c++)
                    if (fabs(in[p][c] - cases[k].share[p] * count[c]) > 2)
                        fail_msg("case %zu: part %d of %zu has %g of %g examples of class %d", k, p, sizes[j], in[p][c],
                                 count[c], c);
            }
            cv_split_free(&split);
        }
}

// `order: fixed` trains in the order of the part.
static void a_stratified_part_is_in_random_order(void **state) {
    (void)state;
    const cv_dataset dataset = made_up(MOST);
    cv_split split = make(&(cv_split_config){.stratified = true, .train = 0.8, .test = 0.2}, &dataset, 1);
    size_t changes = 0;
    for (size_t i = 1; i < split.count[0]; i++)
        changes += dataset.example[split.index[0][i]].label != dataset.example[split.index[0][i - 1]].label;
    assert_in_range(changes, split.count[0] / 3, split.count[0]);
    cv_split_free(&split);
}

static void every_example_is_tested_in_one_fold(void **state) {
    (void)state;
    static const cv_split_config configs[] = {{.folds = 5},
                                              {.folds = 7, .stratified = true},
                                              {.folds = 3, .by = CV_BY_GROUP},
                                              {.folds = GROUPS, .by = CV_BY_GROUP},
                                              {.folds = 5, .validation = 0.25},
                                              {.folds = 4, .validation = 0.25, .by = CV_BY_GROUP}};
    const cv_dataset dataset = made_up(777);
    for (size_t k = 0; k < CV_COUNT(configs); k++) {
        int tested[MOST] = {0};
        size_t least = MOST, most = 0;
        for (int64_t fold = 1; fold <= configs[k].folds; fold++) {
            cv_split_config config = configs[k];
            config.fold = fold;
            cv_split split = make(&config, &dataset, 3);
            assert_int_equal(split.count[0] + split.count[1] + split.count[2], dataset.count);
            for (size_t i = 0; i < split.count[CONVO_TEST]; i++) tested[split.index[CONVO_TEST][i]]++;
            if (split.count[CONVO_TEST] < least) least = split.count[CONVO_TEST];
            if (split.count[CONVO_TEST] > most) most = split.count[CONVO_TEST];
            if (config.validation > 0) assert_in_range(split.count[CONVO_VALIDATION], 100, 200);
            cv_split_free(&split);
        }
        for (size_t i = 0; i < dataset.count; i++)
            if (tested[i] != 1) fail_msg("case %zu: example %zu is tested %d times", k, i, tested[i]);
        if (configs[k].by == CV_BY_RANDOM) assert_in_range(most - least, 0, 1);
        if (configs[k].by == CV_BY_GROUP && configs[k].folds < 5) assert_in_range(most - least, 0, 30);
    }
}

// --- groups -------------------------------------------------------------------------------------------------------

static void a_group_goes_to_one_part_whole(void **state) {
    (void)state;
    static const struct {
        cv_split_config config;
        double test, validation, within;
    } cases[] = {
        {{.test = 0.2, .validation = 0.1}, 0.2, 0.1, 0.077},
        {{.test = 0.5}, 0.5, 0, 0.077},
        {{.validation = 0.3}, 0, 0.3, 0.077},
        {{.test = 0.001, .validation = 0.001}, 0, 0, 0.06}, // the smallest groups
        {{.folds = 3, .validation = 0.2}, 1. / 3, 2. / 15, 0.077},
    };
    const cv_dataset dataset = made_up(MOST);
    for (size_t k = 0; k < CV_COUNT(cases); k++)
        for (uint64_t seed = 0; seed < 20; seed++) {
            cv_split_config config = cases[k].config;
            config.by = CV_BY_GROUP;
            cv_split split = make(&config, &dataset, seed);
            int part_of[GROUPS];
            for (int g = 0; g < GROUPS; g++) part_of[g] = -1;
            for (int p = 0; p < 3; p++)
                for (size_t i = 0; i < split.count[p]; i++) {
                    int *of = &part_of[dataset.example[split.index[p][i]].group];
                    if (*of >= 0 && *of != p) fail_msg("case %zu: a group is in parts %d and %d", k, *of, p);
                    *of = p;
                }
            assert_int_equal(split.count[0] + split.count[1] + split.count[2], dataset.count);
            const double test = (double)split.count[2] / MOST, validation = (double)split.count[1] / MOST;
            if (fabs(test - cases[k].test) > cases[k].within ||
                fabs(validation - cases[k].validation) > cases[k].within)
                fail_msg("case %zu, seed %d: %g of the examples are in test, %g in validation", k, (int)seed, test,
                         validation);
            cv_split_free(&split);
        }
}

static void the_seed_decides_which_groups(void **state) {
    (void)state;
    const cv_dataset dataset = made_up(MOST);
    const cv_split_config config = {.by = CV_BY_GROUP, .test = 0.3};
    cv_split a = make(&config, &dataset, 1), b = make(&config, &dataset, 1), c = make(&config, &dataset, 2);
    assert_int_equal(a.count[2], b.count[2]);
    assert_memory_equal(a.index[2], b.index[2], a.count[2] * sizeof(int32_t));
    assert_true(a.count[2] != c.count[2] || memcmp(a.index[2], c.index[2], a.count[2] * sizeof(int32_t)) != 0);
    cv_split_free(&a);
    cv_split_free(&b);
    cv_split_free(&c);
}

// --- lists --------------------------------------------------------------------------------------------------------

static cv_dataset *words(const char *folder) {
    static const char *const names[] = {"cat/1.wav", "cat/2.flac", "cat/3.wav",
                                        "dog/1.wav", "dog/2.wav",  "dog/ann/3.wav"};
    cv_dataset *dataset;
    convo_error err;
    for (size_t k = 0; k < CV_COUNT(names); k++) {
        char *path = cv_format("%s/%s", folder, names[k]);
        *strrchr(path, '/') = 0;
        assert_int_equal(cv_folder_make(path, NULL), CONVO_OK);
        free(path);
        write_file(folder, names[k], "", 0);
    }
    void *options = calloc(1, cv_data_audiofolder.config_size);
    cv_options_default(cv_data_audiofolder.schema, options);
    if (cv_dataset_open(&cv_data_audiofolder, folder, options, &dataset, &err)) fail_msg("%s", err.message);
    free(options);
    return dataset;
}

static void lists_name_the_examples_of_each_part(void **state) {
    static const struct {
        const char *train, *validation, *test, *parts; // of the examples in order; a dot: left out
        size_t unlisted;
    } cases[] = {
        {NULL, "cat/2.wav\r\n\r\ncat/11.wav", "dog/1.wav\ndog/ann/3\n", "tvtxtx", 1}, // endings do not count
        {NULL, NULL, "./dog/2.wav", "ttttxt", 0},
        {NULL, "cat/1.wav\ncat/1.wav\ncat/11.wav\ncat/\n", NULL, "vttttt", 2},
        {"cat/1.wav\ndog/1.wav", NULL, "cat/3.wav", "t.xt..", 0},
    };
    cv_dataset *dataset = words(*state);
    for (size_t k = 0; k < CV_COUNT(cases); k++) {
        const char *const text[] = {cases[k].train, cases[k].validation, cases[k].test};
        cv_split_config config = {.by = CV_BY_LIST};
        char got[] = "......";
        for (int p = 0; p < 3; p++) {
            if (!text[p]) continue;
            snprintf(config.list[p], sizeof config.list[p], "list%d.txt", p);
            write_file(*state, config.list[p], text[p], strlen(text[p]));
        }
        cv_split split = make(&config, dataset, 0);
        for (int p = 0; p < 3; p++)
            for (size_t i = 0; i < split.count[p]; i++) got[split.index[p][i]] = "tvx"[p];
        assert_string_equal(got, cases[k].parts);
        assert_int_equal(split.unlisted, cases[k].unlisted);
        cv_split_free(&split);
    }
    cv_dataset_free(dataset);
}

// --- counts -------------------------------------------------------------------------------------------------------

static void examples_and_groups_of_every_class_are_counted(void **state) {
    (void)state;
    // Class, group and part of each example.
    static const char rows[][4] = {"aAt", "aAt", "aBt", "aBx", "aBx", "bAt", "bCx",
                                   "cAt", "cAt", "cBt", "cCt", "b-x", "aA."};
    static char *labels[] = {"a", "b", "c"}, *groups[] = {"A", "B", "C"};
    cv_example example[CV_COUNT(rows)];
    int32_t part[2][CV_COUNT(rows)];
    cv_split split = {.index = {part[0], NULL, part[1]}, .unlisted = 3};
    for (size_t i = 0; i < CV_COUNT(rows); i++) {
        example[i] =
            (cv_example){.label = rows[i][0] - 'a', .group = rows[i][1] == '-' ? -1 : rows[i][1] - 'A', .part = -1};
        if (rows[i][2] == 't') part[0][split.count[0]++] = (int32_t)i;
        if (rows[i][2] == 'x') part[1][split.count[2]++] = (int32_t)i;
    }
    const cv_dataset d = {.example = example,
                          .count = CV_COUNT(rows),
                          .labels = labels,
                          .groups = groups,
                          .label_count = 3,
                          .group_count = 3};
    static const int64_t examples[3][3] = {{3, 0, 2}, {1, 0, 2}, {4, 0, 0}},
                         of[3][3] = {{2, 0, 1}, {1, 0, 1}, {3, 0, 0}};
    convo_parts p;
    assert_int_equal(cv_parts_count(&d, &split, &p, NULL), CONVO_OK);
    for (int k = 0; k < 3; k++)
        for (int at = 0; at < 3; at++)
            if (p.classes[k].part[at].examples != examples[k][at] || p.classes[k].part[at].groups != of[k][at])
                fail_msg("class %d, part %d: %d examples of %d groups", k, at, (int)p.classes[k].part[at].examples,
                         (int)p.classes[k].part[at].groups);
    assert_int_equal(p.all.part[0].examples, 8);
    assert_int_equal(p.all.part[0].groups, 3);
    assert_int_equal(p.all.part[2].examples, 4);
    assert_int_equal(p.all.part[2].groups, 2);
    assert_int_equal(p.left_out, 1);
    assert_int_equal(p.unlisted, 3);
    assert_int_equal(p.largest, 2);
    assert_int_equal(p.smallest, 1);
    assert_true(p.imbalance == 4 && p.scored == CONVO_TEST && p.majority == 0); // no c in the test part
    convo_parts_free(&p);
    assert_int_equal(cv_parts_count(&d, NULL, &p, NULL), CONVO_OK); // no split
    assert_int_equal(p.all.part[0].examples, CV_COUNT(rows));
    assert_true(p.scored == CONVO_TRAIN && p.majority == 6. / 13 && p.imbalance == 2);
    convo_parts_free(&p);
}

// --- refusals -----------------------------------------------------------------------------------------------------

static void splits_that_cannot_be_made_are_refused(void **state) {
    static const struct {
        cv_split_config config;
        const char *says;
    } cases[] = {
        {{.folds = 1, .fold = 1}, "folds must be at least 2"},
        {{.folds = 5, .fold = 6}, "there is no fold 6 of 5"},
        {{.fold = 2, .train = 1}, "fold needs folds"},
        {{.folds = 7}, "has 6 examples, and 7 folds need as many"},
        {{.folds = 2, .train = 0.5}, "leave out the fractions"},
        {{.folds = 2, .validation = 1}, "nothing to train on"},
        {{.folds = 2, .by = CV_BY_OFFICIAL}, "folds need `by: random` or `by: group`"},
        {{.by = CV_BY_GROUP, .test = 0.5}, "has 0 groups (speakers), and 2 are needed"},
        {{.by = CV_BY_GROUP, .test = 0.5, .validation = 0.5}, "leave nothing to train on"},
        {{.by = CV_BY_GROUP, .test = 0.5, .validation_group = "a"}, "validation_group needs leave_out"},
        {{.by = CV_BY_GROUP, .folds = 2, .leave_out = "a"}, "leave_out and folds exclude each other"},
        {{.by = CV_BY_GROUP, .test = 0.2, .stratified = true}, "stratified applies where"},
        {{.by = CV_BY_OFFICIAL, .stratified = true}, "stratified applies where"},
        {{.by = CV_BY_LIST}, "by list needs files"},
        {{.by = CV_BY_LIST, .list = {[2] = "all.txt"}}, "no example is left for the train part"},
        {{.by = CV_BY_LIST, .list = {[1] = "all.txt", [2] = "one.txt"}}, "cat/1.wav is on both lists, validation_list"},
        {{.by = CV_BY_LIST, .list = {[2] = "none.txt"}}, "none of its lines, such as 'cats/1', is a file in"},
        {{.by = CV_BY_LIST, .list = {[2] = "gone.txt"}}, "test_list: there is no file"},
        {{.by = CV_BY_LIST, .list = {[2] = "one.txt"}, .test = 0.5}, "by list takes files"},
        {{.train = 1, .list = {[2] = "one.txt"}}, "need `by: list`"},
    };
    static const char all[] = "cat/1\ncat/2\ncat/3\ndog/1\ndog/2\ndog/ann/3", none[] = "cats/1.wav";
    write_file(*state, "all.txt", all, strlen(all));
    write_file(*state, "one.txt", "cat/1", 5);
    write_file(*state, "none.txt", none, strlen(none));
    cv_dataset *dataset = words(*state);
    for (size_t k = 0; k < CV_COUNT(cases); k++) {
        const cv_split_config config = config_of(&cases[k].config);
        cv_split split;
        convo_error err = {.message = ""};
        if (!cv_split_make(&config, dataset, 0, &split, &err) || !strstr(err.message, cases[k].says))
            fail_msg("case %zu: wanted '%s', got '%s'", k, cases[k].says, err.message);
        for (int part = 0; part < 3; part++) assert_null(split.index[part]);
    }
    cv_dataset_free(dataset);
}

int main(void) {
#define IN_FOLDER(test) cmocka_unit_test_setup_teardown(test, make_folder, remove_folder)
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_stratified_split_keeps_the_classes_proportions),
        cmocka_unit_test(a_stratified_part_is_in_random_order),
        cmocka_unit_test(every_example_is_tested_in_one_fold),
        cmocka_unit_test(a_group_goes_to_one_part_whole),
        cmocka_unit_test(the_seed_decides_which_groups),
        IN_FOLDER(lists_name_the_examples_of_each_part),
        cmocka_unit_test(examples_and_groups_of_every_class_are_counted),
        IN_FOLDER(splits_that_cannot_be_made_are_refused),
    };
    return cmocka_run_group_tests_name("split", tests, NULL, NULL);
}

// What is found in a division of examples.
#include "data/check.h"
#include "support.h"

#include <string.h>

enum { EXAMPLES = 8 };

// Example k: value, class, speaker and part of each.
static void given(cv_dataset *d, cv_values *values, const char *value, const char *label, const char *group,
                  const char *part) {
    static char *labels[] = {"a", "b", "c"}, *groups[] = {"ann", "bob", "eve"};
    static char folder[] = "folder";
    static cv_example example[EXAMPLES];
    static float number[EXAMPLES];
    static const char parts[] = {[CONVO_TRAIN] = 't', [CONVO_VALIDATION] = 'v', [CONVO_TEST] = 'x', 0};
    *d = (cv_dataset){.folder = folder,
                      .example = example,
                      .count = strlen(value),
                      .labels = labels,
                      .groups = groups,
                      .label_count = 3,
                      .group_count = 3};
    for (size_t i = 0; i < d->count; i++) {
        const char *at = strchr(parts, part[i]);
        number[i] = (float)value[i];
        example[i] = (cv_example){
            .label = label[i] - 'a', .group = group[i] - 'a', .part = at && *at ? (int32_t)(at - parts) : -1};
    }
    *values = (cv_values){.value = number};
}

static void what_is_in_two_parts_or_none_is_found(void **state) {
    static const struct {
        const char *value, *label, *group, *part, *found; // found: count and kind of each
    } cases[] = {
        {"12345678", "abcabcab", "aaabbbcc", "tttvvvxx", "1 class-test "},
        {"12345678", "abcabcab", "aaabbaca", "tttvvvxx", "1 group 1 class-test "},
        {"12345678", "abaabaab", "aaabbbcc", "tttvvvxx",
         "1 class-training 1 class-validation 1 class-test "}, // c is nowhere
        {"1212", "abab", "aabb", "ttxx", "2 leak 1 class-training 1 class-test "},
        {"1111", "aaaa", "aabb", "tvxx", "3 leak 1 group 2 class-training 2 class-validation 2 class-test "},
        {"1122", "aabb", "aaaa", "tttt", "1 class-training "}, // copies within a part do no harm
        {"1122", "aaba", "aaaa", "tttt", "1 label 1 class-training "},
        {"1122", "aabb", "aaaa", "    ", "2 copy "},
        {"1122", "abbb", "aaab", "    ", "1 copy 1 label "},
        {"1122", "abcc", "aaab", "t   ", "1 copy 1 label "}, // some without a part: no split
    };
    (void)state;
    cv_pool *pool;
    assert_int_equal(cv_pool_new(&pool, 2, NULL), CONVO_OK);
    for (size_t k = 0; k < CV_COUNT(cases); k++) {
        cv_dataset d;
        cv_values values;
        cv_contents contents;
        cv_findings found = {0};
        char got[256] = "";
        given(&d, &values, cases[k].value, cases[k].label, cases[k].group, cases[k].part);
        assert_int_equal(cv_contents_of_values(&values, d.count, 1, pool, &contents, NULL), CONVO_OK);
        assert_int_equal(cv_check(&d, &cv_data_audiofolder, NULL, false, &contents, &found, NULL), CONVO_OK);
        for (int kind = 0; kind < CV_FOUND_KINDS; kind++)
            if (found.of[kind].count)
                cv_append(got, sizeof got, "%d %s ", (int)found.of[kind].count, found.of[kind].kind);
        if (strcmp(got, cases[k].found) != 0) fail_msg("case %zu: '%s', not '%s'", k, got, cases[k].found);
        cv_findings_free(&found);
        cv_contents_free(&contents);
    }
    cv_pool_free(pool);
}

// A split that leaves examples out: they are in no part.
static void what_a_split_leaves_out_does_not_count(void **state) {
    (void)state;
    cv_dataset d;
    cv_values values;
    cv_contents contents;
    cv_findings found = {0};
    cv_pool *pool;
    int32_t train[] = {0, 1, 2}, test[] = {3, 4, 5};
    const cv_split split = {.index = {train, NULL, test}, .count = {3, 0, 3}};
    given(&d, &values, "12345612", "abcabcab", "aaabbbaa", "        ");
    assert_int_equal(cv_pool_new(&pool, 1, NULL), CONVO_OK);
    assert_int_equal(cv_contents_of_values(&values, d.count, 1, pool, &contents, NULL), CONVO_OK);
    assert_int_equal(cv_check(&d, &cv_data_audiofolder, &split, false, &contents, &found, NULL), CONVO_OK);
    for (int kind = 0; kind < CV_FOUND_KINDS; kind++) assert_int_equal(found.of[kind].count, 0);
    test[2] = 7;
    assert_int_equal(cv_check(&d, &cv_data_audiofolder, &split, false, &contents, &found, NULL), CONVO_OK);
    assert_string_equal(found.of[CV_FOUND_LEAK].sentence, "found 1 example with a copy in another part of the split: "
                                                          "example 7 (test) = example 1 (training)");
    cv_findings_free(&found);
    cv_contents_free(&contents);
    cv_pool_free(pool);
}

static void equal_hashes_may_be_chance(void **state) {
    (void)state;
    uint64_t hash[] = {1, 1, 1};
    float number[] = {1, 2, 1};
    const cv_values values = {.value = number};
    const cv_contents contents = {.hash = hash, .count = 3, .values = &values, .size = 1};
    assert_false(cv_contents_same(&contents, 0, 1));
    assert_true(cv_contents_same(&contents, 0, 2));
}

static void the_first_names_are_kept(void **state) {
    static const char *const sentences[] = {
        "skipped 1 folder with nothing in it: a",
        "skipped 2 folders with nothing in it: a, b",
        "skipped 3 folders with nothing in it: a, b, c",
        "skipped 4 folders with nothing in it: a, b, c, ...",
    };
    (void)state;
    cv_findings found = {0};
    convo_findings given_out;
    for (size_t k = 0; k < CV_COUNT(sentences); k++) {
        const char name[] = {(char)('a' + k), 0};
        assert_int_equal(cv_findings_add(&found, CV_FOUND_EMPTY, name, NULL), CONVO_OK);
        assert_string_equal(found.of[CV_FOUND_EMPTY].sentence, sentences[k]);
    }
    assert_int_equal(cv_findings_give(&found, &given_out, NULL), CONVO_OK);
    assert_int_equal(given_out.count, 1);
    assert_string_equal(given_out.finding[0].kind, "empty");
    assert_string_equal(given_out.finding[0].name[2], "c");
    convo_findings_free(&given_out);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_in_two_parts_or_none_is_found),
        cmocka_unit_test(what_a_split_leaves_out_does_not_count),
        cmocka_unit_test(equal_hashes_may_be_chance),
        cmocka_unit_test(the_first_names_are_kept),
    };
    return cmocka_run_group_tests_name("check", tests, NULL, NULL);
}

// Normalisation: one pair of numbers, or one for each channel, broadcast over an example.
#include "support.h"

#include "base/normal.h"

#include <math.h>

enum { MOST = 4 * 5 * 6 };

typedef struct sizes {
    size_t row[3], dim[3];
} sizes;

static const sizes cases[] = {
    {{3, 4, 5}, {1, 1, 1}}, {{3, 4, 5}, {3, 1, 1}}, {{3, 4, 5}, {1, 4, 1}}, {{3, 4, 5}, {1, 1, 5}},
    {{3, 4, 5}, {3, 1, 5}}, {{3, 4, 5}, {3, 4, 5}}, {{1, 5, 6}, {1, 1, 6}}, {{4, 1, 6}, {4, 1, 1}},
    {{7, 1, 1}, {7, 1, 1}}, {{7, 1, 1}, {1, 1, 1}}, {{1, 1, 1}, {1, 1, 1}}, {{3, 4, 1}, {3, 1, 1}},
};

static cv_normal normal_of(const sizes *s) {
    cv_normal n;
    assert_true(cv_normal_new(s->row, s->dim, &n));
    for (size_t k = 0; k < cv_normal_count(&n); k++) {
        n.mean[k] = 0.37f * (float)k - 1;
        n.std[k] = 0.5f + 0.13f * (float)k;
    }
    return n;
}

// The pair of value i, written out.
static size_t pair_at(const sizes *s, size_t i) {
    const size_t place[3] = {i / (s->row[1] * s->row[2]), i / s->row[2] % s->row[1], i % s->row[2]};
    size_t at[3];
    for (int k = 0; k < 3; k++) at[k] = s->dim[k] == 1 ? 0 : place[k];
    return (at[0] * s->dim[1] + at[1]) * s->dim[2] + at[2];
}

static void each_value_meets_its_own_pair_in_any_piece(void **state) {
    (void)state;
    for (size_t c = 0; c < CV_COUNT(cases); c++) {
        const sizes *s = &cases[c];
        cv_normal n = normal_of(s);
        const size_t size = s->row[0] * s->row[1] * s->row[2];
        for (size_t first = 0; first < size; first++)
            for (size_t count = 0; count <= size - first; count++) {
                float x[MOST + 1];
                for (size_t i = 0; i < count; i++) x[i] = sinf((float)(first + i));
                x[count] = 42;
                cv_normal_apply(&n, first, count, x);
                for (size_t i = 0; i < count; i++) {
                    const size_t k = pair_at(s, first + i);
                    const float want = (sinf((float)(first + i)) - n.mean[k]) / n.std[k];
                    if (x[i] != want)
                        fail_msg("case %zu, value %zu of %zu from %zu on: %g, not %g", c, i, count, first, (double)x[i],
                                 (double)want);
                }
                assert_true(x[count] == 42);
            }
        cv_normal_free(&n);
    }
}

static void none_leaves_values_as_they_are(void **state) {
    (void)state;
    const cv_normal none = {0};
    float x[2] = {1, 2};
    cv_normal_apply(&none, 0, 2, x);
    assert_true(x[0] == 1 && x[1] == 2);
    assert_int_equal(cv_normal_count(&none), 0);
    assert_true(cv_normal_fits(&none, (const size_t[3]){1, 2, 3}));
}

static void copies_are_equal_and_their_own(void **state) {
    (void)state;
    cv_normal a = normal_of(&cases[1]), b, other = normal_of(&cases[3]);
    assert_true(cv_normal_copy(&a, &b));
    assert_true(cv_normal_equal(&a, &b));
    b.std[2] += 1;
    assert_false(cv_normal_equal(&a, &b));
    assert_false(cv_normal_equal(&a, &other)); // other channels
    assert_false(cv_normal_equal(&a, &(cv_normal){0}));
    assert_true(cv_normal_fits(&a, (const size_t[3]){3, 9, 9}));
    assert_false(cv_normal_fits(&a, (const size_t[3]){4, 4, 5}));
    cv_normal_free(&a);
    cv_normal_free(&b);
    cv_normal_free(&other);
}

static void words_show_the_first_pairs(void **state) {
    (void)state;
    char text[256];
    cv_normal one = normal_of(&cases[0]), three = normal_of(&cases[1]), seven = normal_of(&cases[8]);
    cv_normal_text(&one, text, sizeof text);
    assert_string_equal(text, "mean -1 and standard deviation 0.5");
    cv_normal_text(&three, text, sizeof text);
    assert_string_equal(text, "mean -1, -0.63, -0.26 and standard deviation 0.5, 0.63, 0.76");
    cv_normal_text(&seven, text, sizeof text);
    assert_string_equal(text, "mean -1, -0.63, -0.26, ... and standard deviation 0.5, 0.63, 0.76, ... (7 of each)");
    cv_normal_free(&one);
    cv_normal_free(&three);
    cv_normal_free(&seven);
}

int main(void) {
    const struct CMUnitTest normal[] = {
        cmocka_unit_test(each_value_meets_its_own_pair_in_any_piece),
        cmocka_unit_test(none_leaves_values_as_they_are),
        cmocka_unit_test(copies_are_equal_and_their_own),
        cmocka_unit_test(words_show_the_first_pairs),
    };
    return cmocka_run_group_tests(normal, NULL, NULL);
}

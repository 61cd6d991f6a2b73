// Balanced sampling: every class equally often, every example of a class, too.
#include "support.h"
#include "train/train.h"

#include <math.h>

static void classes_are_drawn_equally_often(void **state) {
    (void)state;
    enum { ROWS = 1000, DRAWS = 900 }; // 900 of 1000 rows are trained on: 810 of class 0, 81 of class 2, 9 of class 3
    static int32_t label[ROWS], rows[DRAWS], order[DRAWS];
    int64_t of_class[4] = {0}, of_row[ROWS] = {0};
    for (int i = 0; i < ROWS; i++) label[i] = i < 100 ? 1 : i < 910 ? 0 : i < 991 ? 2 : 3;
    for (int i = 0; i < DRAWS; i++) rows[i] = 100 + i;
    enum { EPOCHS = 300 };
    cv_random random;
    cv_random_seed(&random, 5);
    for (int epoch = 0; epoch < EPOCHS; epoch++) {
        assert_true(cv_balanced_order(label, rows, DRAWS, &random, order));
        for (int i = 0; i < DRAWS; i++) {
            of_class[label[order[i]]]++;
            of_row[order[i]]++;
        }
    }
    assert_int_equal(of_class[1], 0); // none of its rows is in the training part
    static const int64_t size[] = {810, 0, 81, 9};
    for (int k = 0; k < 4; k++) {
        const double want = DRAWS * EPOCHS / 3.0;
        if (k != 1 && fabs((double)of_class[k] - want) > 5 * sqrt(want))
            fail_msg("class %d is drawn %d times instead of %.0f", k, (int)of_class[k], want);
    }
    for (int i = 100; i < ROWS; i++) {
        const double want = DRAWS * EPOCHS / 3.0 / (double)size[label[i]];
        if (fabs((double)of_row[i] - want) > 6 * sqrt(want))
            fail_msg("example %d is drawn %d times instead of %.0f", i, (int)of_row[i], want);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(classes_are_drawn_equally_often),
    };
    return cmocka_run_group_tests_name("balance", tests, NULL, NULL);
}

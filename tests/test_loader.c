// Batches that are made ahead: the same for any number of threads, in order, from any step of an epoch.
#include "base/base.h"
#include "data/loader.h"

#include <setjmp.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

enum { EXAMPLES = 103, SIZE = 3 };

typedef struct maker {
    int32_t bad[2]; // rows that cannot be made
    unsigned delay; // microseconds
} maker;

static convo_status make(const void *context, int64_t epoch, int32_t row, float *out, convo_error *err) {
    const maker *m = context;
    if (m->delay && row % 5 == 0) usleep(m->delay);
    for (int i = 0; i < SIZE; i++) out[i] = (float)(1000 * epoch + 10 * row + i);
    return row == m->bad[0] || row == m->bad[1] ? cv_fail(err, CONVO_IO, "", "row %d", row) : CONVO_OK;
}

typedef struct set {
    cv_values values;
    float value[EXAMPLES * SIZE];
    int32_t label[EXAMPLES], index[EXAMPLES];
    maker maker;
} set;

static set *new_set(void) {
    set *s = calloc(1, sizeof *s);
    s->values.value = s->value;
    s->maker = (maker){.bad = {-1, -1}};
    for (int i = 0; i < EXAMPLES; i++) {
        s->label[i] = i * i;
        s->index[i] = (i * 37 + 5) % EXAMPLES; // each once
        for (int k = 0; k < SIZE; k++) s->value[i * SIZE + k] = (float)-i;
    }
    return s;
}

static cv_loader *new_loader(const set *s, bool made, int batch, int threads) {
    const cv_source source = {
        .values = &s->values, .size = SIZE, .label = s->label, .make = made ? make : NULL, .context = &s->maker};
    cv_loader *loader;
    assert_int_equal(cv_loader_new(&source, batch, threads, &loader, NULL), CONVO_OK);
    return loader;
}

// Loads from example `first` on, and checks every example against what it should be.
static void check_epoch(cv_loader *loader, const set *s, bool made, int64_t epoch, int batch, int first) {
    cv_loader_begin(loader, epoch, s->index, EXAMPLES, (size_t)first);
    for (int at = first; at < EXAMPLES; at += batch) {
        cv_loaded loaded;
        assert_int_equal(cv_loader_next(loader, &loaded, NULL), CONVO_OK);
        assert_int_equal(loaded.count, EXAMPLES - at < batch ? EXAMPLES - at : batch);
        for (int i = 0; i < loaded.count; i++) {
            const int32_t row = s->index[at + i];
            float scratch[SIZE];
            const float *x = cv_values_row(loaded.values, (size_t)loaded.index[i], SIZE, scratch);
            for (int k = 0; k < SIZE; k++) {
                const float want = made ? (float)(1000 * epoch + 10 * row + k) : (float)-row;
                if (x[k] != want)
                    fail_msg("epoch %d, position %d: %g, not %g", (int)epoch, at + i, (double)x[k], (double)want);
            }
            assert_int_equal(loaded.label[loaded.index[i]], row * row);
        }
    }
}

static void batches_come_in_order_whatever_the_threads(void **state) {
    (void)state;
    static const int batches[] = {1, 7, 32, EXAMPLES, 1000};
    set *s = new_set();
    s->maker.delay = 50;
    for (int threads = 1; threads <= 4; threads++)
        for (size_t b = 0; b < CV_COUNT(batches); b++)
            for (int made = 0; made < 2; made++) {
                cv_loader *loader = new_loader(s, made, batches[b], threads);
                for (int64_t epoch = 0; epoch < 3; epoch++) check_epoch(loader, s, made, epoch, batches[b], 0);
                assert_int_equal(cv_loader_spent(loader).threads, made ? threads : 0);
                cv_loader_free(loader);
            }
    free(s);
}

static void an_epoch_goes_on_in_the_middle(void **state) {
    (void)state;
    set *s = new_set();
    for (int threads = 1; threads <= 3; threads++) {
        cv_loader *loader = new_loader(s, true, 16, threads);
        check_epoch(loader, s, true, 4, 16, 48);
        check_epoch(loader, s, true, 5, 16, 0);
        cv_loader_free(loader);
    }
    free(s);
}

static void scoring_reads_examples_as_they_are(void **state) {
    (void)state;
    set *s = new_set();
    cv_loader *loader = new_loader(s, true, 16, 2);
    check_epoch(loader, s, true, 0, 16, 0);
    check_epoch(loader, s, false, -1, 16, 0);
    cv_loader_free(loader);
    free(s);
}

// Of two examples of one batch that cannot be made, the first is named.
static void the_first_error_is_reported_with_its_batch(void **state) {
    (void)state;
    enum { BATCH = 20, BAD = 2 }; // the batch
    set *s = new_set();
    s->maker.bad[0] = s->index[BATCH * BAD + 9];
    s->maker.bad[1] = s->index[BATCH * BAD + 3];
    for (int threads = 1; threads <= 4; threads++) {
        convo_error err = {.message = ""}, want;
        cv_loaded loaded;
        cv_loader *loader = new_loader(s, true, BATCH, threads);
        cv_loader_begin(loader, 0, s->index, EXAMPLES, 0);
        for (int k = 0; k < BAD; k++) assert_int_equal(cv_loader_next(loader, &loaded, &err), CONVO_OK);
        assert_int_equal(cv_loader_next(loader, &loaded, &err), CONVO_IO);
        cv_fail(&want, CONVO_IO, "", "row %d", s->maker.bad[1]);
        assert_string_equal(err.message, want.message);
        cv_loader_free(loader); // while others are still being made
    }
    free(s);
}

static void a_loader_that_is_ahead_waits(void **state) {
    (void)state;
    set *s = new_set();
    cv_loader *loader = new_loader(s, true, 8, 2);
    cv_loader_begin(loader, 0, s->index, EXAMPLES, 0);
    for (int at = 0; at < EXAMPLES; at += 8) {
        cv_loaded loaded;
        usleep(500);
        assert_int_equal(cv_loader_next(loader, &loaded, NULL), CONVO_OK);
        float before[8 * SIZE];
        memcpy(before, loaded.values->value, (size_t)loaded.count * SIZE * sizeof *before);
        usleep(500); // it must not write into what is in use
        assert_memory_equal(before, loaded.values->value, (size_t)loaded.count * SIZE * sizeof *before);
    }
    cv_loader_free(loader);
    free(s);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(batches_come_in_order_whatever_the_threads),
        cmocka_unit_test(an_epoch_goes_on_in_the_middle),
        cmocka_unit_test(scoring_reads_examples_as_they_are),
        cmocka_unit_test(the_first_error_is_reported_with_its_batch),
        cmocka_unit_test(a_loader_that_is_ahead_waits),
    };
    return cmocka_run_group_tests_name("loader", tests, NULL, NULL);
}

// Random numbers against PyTorch's; golden/torch_random.py made the values.
#include "base/random.h"

#include <jansson.h>
#include <math.h>
#include <setjmp.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static double number(const json_t *draw, const char *key) {
    return json_number_value(json_object_get(draw, key));
}

// Compares with draw["values"]: within `tolerance` of the larger of 1 and the value.
static void check_values(const char *what, const json_t *draw, const double *got, double tolerance) {
    const json_t *values = json_object_get(draw, "values");
    size_t worst = 0;
    double worst_error = -1;
    for (size_t i = 0; i < json_array_size(values); i++) {
        double want = json_number_value(json_array_get(values, i));
        double error = fabs(got[i] - want) / fmax(1, fabs(want));
        if (error > worst_error) {
            worst_error = error;
            worst = i;
        }
    }
    if (worst_error > tolerance)
        fail_msg("%s: value %zu is %.17g, PyTorch has %.17g", what, worst, got[worst],
                 json_number_value(json_array_get(values, worst)));
}

static void check_uniform(cv_random *random, const json_t *draw, const char *what) {
    size_t count = json_array_size(json_object_get(draw, "values"));
    double *got = calloc(count, sizeof *got);
    for (size_t i = 0; i < count; i++)
        got[i] = (double)cv_random_uniform(random, (float)number(draw, "low"), (float)number(draw, "high"));
    check_values(what, draw, got, 0);
    free(got);
}

static void check_normal(cv_random *random, const json_t *draw, const char *what) {
    size_t count = json_array_size(json_object_get(draw, "values"));
    float *values = calloc(count, sizeof *values);
    double *got = calloc(count, sizeof *got);
    cv_random_normal(random, (float)number(draw, "mean"), (float)number(draw, "std"), values, count);
    for (size_t i = 0; i < count; i++) got[i] = (double)values[i];
    // From 16 on PyTorch approximates log, sin and cos in float; below, another C library may differ in a last bit.
    check_values(what, draw, got, 5e-7);
    free(got);
    free(values);
}

static void check_bernoulli(cv_random *random, const json_t *draw, const char *what) {
    size_t count = json_array_size(json_object_get(draw, "values"));
    double *got = calloc(count, sizeof *got);
    for (size_t i = 0; i < count; i++) got[i] = cv_random_bernoulli(random, number(draw, "probability"));
    check_values(what, draw, got, 0);
    free(got);
}

static void check_permutation(cv_random *random, const json_t *draw, const char *what) {
    size_t count = (size_t)number(draw, "count"), head = json_array_size(json_object_get(draw, "values"));
    int32_t *order = calloc(count, sizeof *order);
    double got[10];
    uint32_t checksum = 0;
    cv_random_permutation(random, order, count);
    for (size_t i = 0; i < count; i++) checksum = checksum * 31 + (uint32_t)order[i];
    for (size_t i = 0; i < head; i++) got[i] = order[i];
    check_values(what, draw, got, 0);
    if ((double)checksum != number(draw, "checksum"))
        fail_msg("%s: the first %zu agree, the checksum of all %zu does not", what, head, count);
    free(order);
}

static void check_integers(cv_random *random, const json_t *draw, const char *what) {
    size_t i;
    const json_t *value;
    json_array_foreach(json_object_get(draw, "values"), i, value) {
        json_int_t got = (json_int_t)(cv_random_u64(random) & INT64_MAX), want = json_integer_value(value);
        if (got != want) fail_msg("%s: integer %zu is %lld, PyTorch has %lld", what, i, got, want);
    }
}

static void draws_what_pytorch_draws(void **state) {
    (void)state;
    static const struct {
        const char *call;
        void (*check)(cv_random *random, const json_t *draw, const char *what);
    } calls[] = {
        {"uniform", check_uniform},         {"normal", check_normal},     {"bernoulli", check_bernoulli},
        {"permutation", check_permutation}, {"integers", check_integers},
    };
    json_error_t problem;
    json_t *golden = json_load_file("tests/golden/torch_random.json", 0, &problem);
    if (!golden) fail_msg("tests/golden/torch_random.json:%d: %s", problem.line, problem.text);
    size_t r, d, checked = 0;
    const json_t *run, *draw;
    json_array_foreach(json_object_get(golden, "runs"), r, run) {
        cv_random random;
        json_int_t seed = json_integer_value(json_object_get(run, "seed"));
        cv_random_seed(&random, (uint64_t)seed);
        json_array_foreach(json_object_get(run, "draws"), d, draw) {
            const char *call = json_string_value(json_object_get(draw, "call"));
            char what[96];
            snprintf(what, sizeof what, "seed %lld, draw %zu, %s", seed, d, call);
            for (size_t k = 0; k < CV_COUNT(calls); k++)
                if (strcmp(call, calls[k].call) == 0) {
                    calls[k].check(&random, draw, what);
                    checked++;
                }
        }
    }
    assert_int_equal(checked, 30);
    json_decref(golden);
}

static void a_permutation_of_nothing_draws_nothing(void **state) {
    (void)state;
    cv_random random, untouched;
    cv_random_seed(&random, 9);
    cv_random_seed(&untouched, 9);
    cv_random_permutation(&random, NULL, 0);
    cv_random_normal(&random, 0, 1, NULL, 0);
    assert_memory_equal(&random, &untouched, sizeof random);
}

// --- draws --------------------------------------------------------------------------------------------------------

// The first numbers of SplitMix64 from state 0, as java.util.SplittableRandom(0) gives them.
static void draws_are_splitmix(void **state) {
    (void)state;
    static const uint64_t known[] = {0xe220a8397b1dcdaf, 0x6e789e6aa1b965f4, 0x06c45d188009454f, 0xf88bb8a8724c81ec};
    cv_draws draws = {0};
    for (size_t k = 0; k < CV_COUNT(known); k++) assert_int_equal(cv_draws_u64(&draws), known[k]);
}

// Each part of the key matters, and none stands in for another.
static void streams_differ_in_every_part_of_the_key(void **state) {
    (void)state;
    enum { KEYS = 4 * 4 * 4 * 4 };
    static uint64_t first[KEYS];
    for (uint64_t k = 0; k < KEYS; k++) {
        cv_draws draws = cv_draws_begin(k & 3, k >> 2 & 3, k >> 4 & 3, k >> 6);
        first[k] = cv_draws_u64(&draws);
        for (uint64_t other = 0; other < k; other++)
            if (first[other] == first[k]) fail_msg("keys %d and %d begin the same stream", (int)other, (int)k);
    }
}

// Mean and variance of 100,000 numbers, each within 4 standard errors; E[(x - mean)^4] <= 3 variance^2 in all cases.
static void draws_have_the_moments_of_their_distributions(void **state) {
    (void)state;
    enum { DRAWS = 100000 };
    static const struct {
        const char *what;
        double alpha, mean, variance;
    } cases[] = {
        {"uniform", 0, 0.5, 1.0 / 12},  {"normal", 0, 0, 1},
        {"below 5", 0, 2, 2},           {"between -3 and 1", 0, -1, 16.0 / 12},
        {"beta", 0.2, 0.5, 0.25 / 1.4}, {"beta", 1, 0.5, 1.0 / 12},
        {"beta", 4, 0.5, 0.25 / 9},     {"beta", 0.001, 0.5, 0.25 / 1.002},
    };
    for (size_t k = 0; k < CV_COUNT(cases); k++) {
        cv_draws draws = cv_draws_begin(1, 2, 3, k);
        double sum = 0, squares = 0;
        for (int i = 0; i < DRAWS; i++) {
            const double x = k == 0   ? cv_draws_unit(&draws)
                             : k == 1 ? cv_draws_normal(&draws)
                             : k == 2 ? (double)cv_draws_below(&draws, 5)
                             : k == 3 ? cv_draws_between(&draws, -3, 1)
                                      : cv_draws_beta(&draws, cases[k].alpha);
            if (!isfinite(x) || (k >= 4 && (x < 0 || x > 1))) fail_msg("%s draws %g", cases[k].what, x);
            sum += x;
            squares += (x - cases[k].mean) * (x - cases[k].mean);
        }
        const double mean = sum / DRAWS, variance = squares / DRAWS, deviation = sqrt(cases[k].variance / DRAWS);
        if (fabs(mean - cases[k].mean) > 4 * deviation) fail_msg("%s %g: mean %g", cases[k].what, cases[k].alpha, mean);
        if (fabs(variance / cases[k].variance - 1) > 4 * sqrt(2.0 / DRAWS))
            fail_msg("%s %g: variance %g, not %g", cases[k].what, cases[k].alpha, variance, cases[k].variance);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(draws_what_pytorch_draws),
        cmocka_unit_test(a_permutation_of_nothing_draws_nothing),
        cmocka_unit_test(draws_are_splitmix),
        cmocka_unit_test(streams_differ_in_every_part_of_the_key),
        cmocka_unit_test(draws_have_the_moments_of_their_distributions),
    };
    return cmocka_run_group_tests_name("random", tests, NULL, NULL);
}

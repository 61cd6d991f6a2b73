// Two moons, made up: half circles of radius 2 whose points are moved by up to `noise` to the right and upwards, as the
// course's double_moon files have them (MVA Object recognition and computer vision 2020/21, assignment 2).
#include "data/examples.h"

#include "base/random.h"

#include <math.h>
#include <stdlib.h>

static const double pi = 3.14159265358979323846;

typedef struct moons_config {
    int64_t examples, seed;
    double noise;
} moons_config;

#define FIELD(field) .offset = offsetof(moons_config, field)
static const cv_option schema[] = {
    {.name = "examples",
     .type = CV_INT,
     FIELD(examples),
     .fallback = 1000,
     .min = 2,
     .max = 10000000,
     .help = "how many to train on, and as many to validate on"},
    {.name = "noise",
     .type = CV_FLOAT,
     FIELD(noise),
     .fallback = 0.6,
     .max = 10,
     .help = "side of the square over which a point of a half circle is spread"},
    {.name = "seed", .type = CV_INT, FIELD(seed), .max = UINT32_MAX, .help = "of the points"},
    {.name = NULL},
};

static bool moons_shape(const void *config, cv_shape *out) {
    (void)config;
    *out = (cv_shape){1, 2, 1, 1};
    return true;
}

// Class -1 opens to the left, around the origin; class +1 to the right, around (0.8, -1.8).
static void draw_point(cv_random *random, bool positive, float noise, float point[2]) {
    const double angle = (double)cv_random_uniform(random, -0.5f, 0.5f) * pi;
    const double x = 2 * cos(angle), y = 2 * sin(angle);
    point[0] = (float)(positive ? 0.8 - x : x) + cv_random_uniform(random, 0, noise);
    point[1] = (float)(positive ? y - 1.8 : y) + cv_random_uniform(random, 0, noise);
}

static convo_status moons_scan(const char *path, const void *config, cv_dataset *dataset, convo_error *err) {
    const moons_config *c = config;
    const size_t count = (size_t)c->examples;
    cv_examples examples = {.dataset = dataset, .divisor = 1};
    cv_random random;
    cv_random_seed(&random, (uint64_t)c->seed);
    float(*point)[2] = cv_alloc(count, sizeof *point);
    int8_t *label = cv_alloc(count, sizeof *label);
    convo_status status = point && label ? CONVO_OK : cv_no_memory(err, "the moons");
    for (int part = CONVO_TRAIN; part <= CONVO_VALIDATION && !status; part++) {
        for (size_t i = 0; i < count; i++) {
            label[i] = i < count / 2 ? -1 : 1;
            draw_point(&random, label[i] > 0, (float)c->noise, point[i]);
        }
        const cv_numbers x = {.where = "moons",
                              .data = (const uint8_t *)point,
                              .type = 'f',
                              .size = sizeof **point,
                              .dims = 2,
                              .dim = {c->examples, 2},
                              .stride = {sizeof *point, sizeof **point}};
        const cv_numbers y = {.where = "moons",
                              .data = (const uint8_t *)label,
                              .type = 'i',
                              .size = sizeof *label,
                              .dims = 1,
                              .dim = {c->examples},
                              .stride = {sizeof *label}};
        status = cv_examples_add(&examples, &x, &y, part, err);
    }
    free(point);
    free(label);
    return status ? status : cv_examples_finish(&examples, NULL, 0, path, err);
}

const cv_data_kind cv_data_moons = {
    .name = "moons",
    .help = "two half moons of points in the plane, made up: nothing to download",
    .generated = true,
    .schema = schema,
    .config_size = sizeof(moons_config),
    .shape = moons_shape,
    .scan = moons_scan,
};

// Masks over frames and over features. Daniel S. Park and others, "SpecAugment", Interspeech 2019: a mask's width is
// uniform from 0 to the largest, its place uniform. There, features have mean 0 and masks are 0: here, masks are the
// mean of the example's features, before the mask.
#include "change/kind.h"

typedef struct masks {
    int64_t count, width;
} masks;

static const cv_option time_schema[] = {
    CV_OPTION("width", CV_INT, masks, width, "the largest width, in frames", .required = true, CV_RANGE(0, 1 << 20)),
    CV_OPTION("count", CV_INT, masks, count, "masks of an example", .fallback = 1, CV_RANGE(1, 100)),
    {.name = NULL},
};
static const cv_option frequency_schema[] = {
    CV_OPTION("width", CV_INT, masks, width, "the largest width, in features of a frame", .required = true,
              CV_RANGE(0, 1 << 20)),
    CV_OPTION("count", CV_INT, masks, count, "masks of an example", .fallback = 1, CV_RANGE(1, 100)),
    {.name = NULL},
};

// The values x[outer][size][inner], of which a mask covers a range of the middle axis.
static void mask(const masks *o, cv_draws *draws, int64_t outer, int64_t size, int64_t inner, float *x) {
    double mean = 0;
    for (int64_t i = 0; i < outer * size * inner; i++) mean += (double)x[i];
    mean /= (double)(outer * size * inner);
    for (int64_t m = 0; m < o->count; m++) {
        const int64_t most = o->width < size ? o->width : size;
        const int64_t width = (int64_t)cv_draws_below(draws, (uint64_t)most + 1);
        const int64_t start = (int64_t)cv_draws_below(draws, (uint64_t)(size - width) + 1);
        for (int64_t k = 0; k < outer; k++)
            for (int64_t i = start * inner; i < (start + width) * inner; i++) x[k * size * inner + i] = (float)mean;
    }
}

static void time_values(const void *config, cv_draws *draws, cv_shape s, float *x, float *scratch) {
    (void)scratch;
    if (s.dims == 3)
        mask(config, draws, s.c, s.h, s.w, x);
    else
        mask(config, draws, s.c, s.w, 1, x);
}

static void frequency_values(const void *config, cv_draws *draws, cv_shape s, float *x, float *scratch) {
    (void)scratch;
    if (s.dims == 3)
        mask(config, draws, s.c * s.h, s.w, 1, x);
    else
        mask(config, draws, 1, s.c, s.w, x);
}

const cv_change cv_change_time_masks = {
    .name = "time_masks",
    .help = "frames in a row replaced by the mean of the example's features (SpecAugment)",
    .sort = CV_CHANGE_FEATURES,
    .schema = time_schema,
    .config_size = sizeof(masks),
    .values = time_values,
};
const cv_change cv_change_frequency_masks = {
    .name = "frequency_masks",
    .help = "neighbouring features of all frames replaced by the mean of the example's features (SpecAugment)",
    .sort = CV_CHANGE_FEATURES,
    .schema = frequency_schema,
    .config_size = sizeof(masks),
    .values = frequency_values,
};

// Flip: mirrored. torchvision.transforms.RandomHorizontalFlip and RandomVerticalFlip
#include "change/kind.h"

typedef struct flip {
    double horizontal, vertical;
} flip;

static const cv_option flip_schema[] = {
    CV_OPTION("horizontal", CV_FLOAT, flip, horizontal, "share of the pictures whose left and right change places",
              .fallback = 0.5, CV_RANGE(0, 1)),
    CV_OPTION("vertical", CV_FLOAT, flip, vertical, "share of the pictures whose top and bottom change places",
              CV_RANGE(0, 1)),
    {.name = NULL},
};

static void swap(float *a, float *b) {
    const float first = *a;
    *a = *b;
    *b = first;
}

static void flip_values(const void *config, cv_draws *draws, cv_shape s, float *x, float *scratch) {
    (void)scratch;
    const flip *o = config;
    const bool horizontal = cv_draws_unit(draws) < o->horizontal, vertical = cv_draws_unit(draws) < o->vertical;
    for (int64_t row = 0; row < s.c * s.h && horizontal; row++)
        for (int64_t k = 0; k < s.w / 2; k++) swap(&x[row * s.w + k], &x[row * s.w + s.w - 1 - k]);
    for (int64_t c = 0; c < s.c && vertical; c++)
        for (int64_t row = 0; row < s.h / 2; row++)
            for (int64_t k = 0; k < s.w; k++)
                swap(&x[(c * s.h + row) * s.w + k], &x[(c * s.h + s.h - 1 - row) * s.w + k]);
}

const cv_change cv_change_flip = {
    .name = "flip",
    .help = "mirrored (torchvision: RandomHorizontalFlip, RandomVerticalFlip)",
    .sort = CV_CHANGE_PICTURE,
    .schema = flip_schema,
    .config_size = sizeof(flip),
    .values = flip_values,
};

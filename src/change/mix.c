// Examples mixed with another one of their batch, values and labels alike. Hongyi Zhang and others, "mixup: beyond
// empirical risk minimization", ICLR 2018; Sangdoo Yun and others, "CutMix", ICCV 2019.
#include "change/kind.h"

#include <math.h>

typedef struct mixing {
    double alpha;
} mixing;

static const cv_option mixing_schema[] = {
    CV_OPTION("alpha", CV_FLOAT, mixing, alpha,
              "the share of the example itself is drawn from Beta(alpha, alpha): 0.2 leaves most nearly as they are, 1 "
              "is uniform",
              .required = true, CV_RANGE(0.001, 1000)),
    {.name = NULL},
};

static void mixup_draw(const void *config, cv_draws *draws, cv_shape shape, cv_mix *mix) {
    (void)shape;
    mix->lambda = cv_draws_beta(draws, ((const mixing *)config)->alpha);
}

// From centre - length / 2 to centre + length / 2, as far as that is in [0, size): *from and the length.
static int64_t clip_box(int64_t centre, int64_t length, int64_t size, int64_t *from) {
    const int64_t end = centre + length / 2;
    *from = centre > length / 2 ? centre - length / 2 : 0;
    return (end < size ? end : size) - *from;
}

// The box has 1 - lambda of the area, before it is cut at the border; lambda becomes what is left in the end. Frames
// without rows have a box in time.
static void cutmix_draw(const void *config, cv_draws *draws, cv_shape shape, cv_mix *mix) {
    const double lambda = cv_draws_beta(draws, ((const mixing *)config)->alpha);
    const bool rows = shape.h > 1;
    const double side = rows ? sqrt(1 - lambda) : 1 - lambda;
    const int64_t y = (int64_t)cv_draws_below(draws, (uint64_t)shape.h),
                  x = (int64_t)cv_draws_below(draws, (uint64_t)shape.w);
    mix->height = 1;
    if (rows) mix->height = clip_box(y, (int64_t)((double)shape.h * side), shape.h, &mix->top);
    mix->width = clip_box(x, (int64_t)((double)shape.w * side), shape.w, &mix->left);
    mix->lambda = 1 - (double)(mix->height * mix->width) / (double)cv_shape_pixels(shape);
}

const cv_change cv_change_mixup = {
    .name = "mixup",
    .help = "the weighted mean of two examples of a batch, values and labels",
    .sort = CV_CHANGE_MIX,
    .schema = mixing_schema,
    .config_size = sizeof(mixing),
    .mix = mixup_draw,
};
const cv_change cv_change_cutmix = {
    .name = "cutmix",
    .help =
        "a box of another example of the batch; labels are weighted by area. With mixup too, each example has one of "
        "the two",
    .sort = CV_CHANGE_MIX,
    .schema = mixing_schema,
    .config_size = sizeof(mixing),
    .mix = cutmix_draw,
};

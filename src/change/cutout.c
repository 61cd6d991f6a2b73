// Cutout: a square of the picture covered. Its centre is uniform over the picture, so that part of it may be outside.
// There, pictures have mean 0 and the square is 0: here, it is the mean of the picture's channel. Terrance DeVries and
// Graham Taylor, "Improved regularization of convolutional neural networks with cutout", arXiv:1708.04552.
#include "change/kind.h"

typedef struct cutout {
    int64_t size;
} cutout;

static const cv_option cutout_schema[] = {
    CV_OPTION("size", CV_INT, cutout, size, "pixels of a side of the square", .required = true, CV_RANGE(0, 1 << 14)),
    {.name = NULL},
};

static void cutout_values(const void *config, cv_draws *draws, cv_shape s, float *x, float *scratch) {
    (void)scratch;
    const int64_t size = ((const cutout *)config)->size, pixels = cv_shape_pixels(s);
    const int64_t top = (int64_t)cv_draws_below(draws, (uint64_t)s.h) - size / 2,
                  left = (int64_t)cv_draws_below(draws, (uint64_t)s.w) - size / 2;
    for (int64_t c = 0; c < s.c; c++) {
        float *channel = x + c * pixels;
        double sum = 0;
        for (int64_t p = 0; p < pixels; p++) sum += (double)channel[p];
        for (int64_t row = top > 0 ? top : 0; row < top + size && row < s.h; row++)
            for (int64_t k = left > 0 ? left : 0; k < left + size && k < s.w; k++)
                channel[row * s.w + k] = (float)(sum / (double)pixels);
    }
}

const cv_change cv_change_cutout = {
    .name = "cutout",
    .help = "a square covered with the mean of the picture's channel",
    .sort = CV_CHANGE_PICTURE,
    .schema = cutout_schema,
    .config_size = sizeof(cutout),
    .values = cutout_values,
};

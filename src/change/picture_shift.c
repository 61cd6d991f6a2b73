// Shift of a picture, in whole pixels. torchvision.transforms.RandomAffine(0, translate=(fraction, fraction))
#include "change/picture.h"

#include <math.h>

typedef struct picture_shift {
    double fraction;
    int fill;
} picture_shift;

static const cv_option picture_shift_schema[] = {
    CV_OPTION("fraction", CV_FLOAT, picture_shift, fraction, "of height and width, at the most, in each direction",
              .required = true, CV_RANGE(0, 1)),
    CV_FILL_OPTION(picture_shift, fill),
    {.name = NULL},
};

static void picture_shift_values(const void *config, cv_draws *draws, cv_shape shape, float *x, float *scratch) {
    const picture_shift *o = config;
    const double most = o->fraction;
    const int64_t down = llround(cv_draws_between(draws, -most, most) * (double)shape.h),
                  right = llround(cv_draws_between(draws, -most, most) * (double)shape.w);
    cv_picture_move(shape, down, right, (cv_beyond)o->fill, x, scratch);
}

const cv_change cv_change_picture_shift = {
    .name = "shift",
    .help = "moved by whole pixels (torchvision: RandomAffine with translate)",
    .sort = CV_CHANGE_PICTURE,
    .schema = picture_shift_schema,
    .config_size = sizeof(picture_shift),
    .values = picture_shift_values,
};

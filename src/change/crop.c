// Crop: a part as large as the picture, from the picture with a border added. torchvision.transforms.RandomCrop(size,
// padding)
#include "change/picture.h"

typedef struct crop {
    int64_t padding;
    int fill;
} crop;

static const cv_option crop_schema[] = {
    CV_OPTION("padding", CV_INT, crop, padding, "pixels that are added on each side", .required = true,
              CV_RANGE(0, 1 << 14)),
    CV_FILL_OPTION(crop, fill),
    {.name = NULL},
};

static void crop_values(const void *config, cv_draws *draws, cv_shape shape, float *x, float *scratch) {
    const crop *o = config;
    const uint64_t places = 2 * (uint64_t)o->padding + 1;
    const int64_t down = (int64_t)cv_draws_below(draws, places) - o->padding,
                  right = (int64_t)cv_draws_below(draws, places) - o->padding;
    cv_picture_move(shape, down, right, (cv_beyond)o->fill, x, scratch);
}

const cv_change cv_change_crop = {
    .name = "crop",
    .help =
        "a part as large as the picture, from the picture with a border added (torchvision: RandomCrop with padding)",
    .sort = CV_CHANGE_PICTURE,
    .schema = crop_schema,
    .config_size = sizeof(crop),
    .values = crop_values,
};

// Brightness and contrast. torchvision.transforms.ColorJitter: a factor from max(0, 1 - amount) to 1 + amount
#include "change/picture.h"

#include <math.h>

typedef struct light {
    double amount;
} light;

static const cv_option light_schema[] = {
    CV_OPTION("amount", CV_FLOAT, light, amount, "0.2: a factor from 0.8 to 1.2", .required = true, CV_RANGE(0, 10)),
    {.name = NULL},
};

static double draw_factor(const void *config, cv_draws *draws) {
    const double amount = ((const light *)config)->amount;
    return cv_draws_between(draws, fmax(0, 1 - amount), 1 + amount);
}

// x = factor x + (1 - factor) towards, within [0, 1] or the range that x has.
static void blend(cv_shape shape, double factor, double towards, float *x) {
    const int64_t size = cv_shape_size(shape);
    float least = 0, most = 1;
    for (int64_t i = 0; i < size; i++) {
        least = x[i] < least ? x[i] : least;
        most = x[i] > most ? x[i] : most;
    }
    const float scale = (float)factor, add = (float)((1 - factor) * towards);
    for (int64_t i = 0; i < size; i++) {
        const float y = scale * x[i] + add;
        x[i] = y > most ? most : y < least ? least : y;
    }
}

void cv_picture_brightness(cv_shape shape, double factor, float *x) {
    blend(shape, factor, 0, x);
}

// Towards the mean of the picture as shades of grey: of red, green and blue, ITU-R BT.601's weights.
void cv_picture_contrast(cv_shape s, double factor, float *x) {
    static const double weight[3] = {0.2989, 0.587, 0.114};
    const int64_t pixels = cv_shape_pixels(s);
    double mean = 0;
    for (int64_t c = 0; c < s.c; c++)
        for (int64_t p = 0; p < pixels; p++)
            mean += (s.c == 3 ? weight[c] : 1.0 / (double)s.c) * (double)x[c * pixels + p];
    blend(s, factor, mean / (double)pixels, x);
}

static void brightness_values(const void *config, cv_draws *draws, cv_shape shape, float *x, float *scratch) {
    (void)scratch;
    cv_picture_brightness(shape, draw_factor(config, draws), x);
}

static void contrast_values(const void *config, cv_draws *draws, cv_shape shape, float *x, float *scratch) {
    (void)scratch;
    cv_picture_contrast(shape, draw_factor(config, draws), x);
}

const cv_change cv_change_brightness = {
    .name = "brightness",
    .help = "lighter or darker (torchvision: ColorJitter)",
    .sort = CV_CHANGE_PICTURE,
    .schema = light_schema,
    .config_size = sizeof(light),
    .values = brightness_values,
};
const cv_change cv_change_contrast = {
    .name = "contrast",
    .help = "nearer to the picture's mean grey, or farther from it (torchvision: ColorJitter)",
    .sort = CV_CHANGE_PICTURE,
    .schema = light_schema,
    .config_size = sizeof(light),
    .values = contrast_values,
};

// Rotation about the centre, with bilinear interpolation. torchvision.transforms.RandomRotation(degrees, BILINEAR)
#include "change/picture.h"

#include <math.h>
#include <string.h>

typedef struct rotation {
    double degrees;
    int fill;
} rotation;

static const cv_option rotate_schema[] = {
    CV_OPTION("degrees", CV_FLOAT, rotation, degrees, "up to so many, in either direction", .required = true,
              CV_RANGE(0, 180)),
    CV_FILL_OPTION(rotation, fill),
    {.name = NULL},
};

// Where a pixel comes from: four neighbours and the weights of the lower and right ones.
typedef struct source {
    int64_t y[2], x[2];
    float down, right;
} source;

// y, x: coordinates, in which pixel 0 reaches from -0.5 to 0.5. With zeros beyond, what is outside the picture is 0,
// and within half a pixel of the border the outermost pixels go on. false: 0.
static bool find_source(cv_shape s, double y, double x, cv_beyond beyond, source *from) {
    const double top = floor(y), left = floor(x);
    const bool zero = beyond == CV_BEYOND_ZERO;
    if (zero && (y < -0.5 || x < -0.5 || y >= (double)s.h - 0.5 || x >= (double)s.w - 0.5)) return false;
    for (int k = 0; k < 2; k++) {
        from->y[k] = cv_beyond_index((int64_t)top + k, s.h, zero ? CV_BEYOND_EDGE : beyond);
        from->x[k] = cv_beyond_index((int64_t)left + k, s.w, zero ? CV_BEYOND_EDGE : beyond);
    }
    from->down = (float)(y - top);
    from->right = (float)(x - left);
    return true;
}

static float interpolate(const float *channel, int64_t width, const source *from) {
    const float *top = channel + from->y[0] * width, *bottom = channel + from->y[1] * width;
    const float above = top[from->x[0]] + from->right * (top[from->x[1]] - top[from->x[0]]);
    const float below = bottom[from->x[0]] + from->right * (bottom[from->x[1]] - bottom[from->x[0]]);
    return above + from->down * (below - above);
}

void cv_picture_rotate(cv_shape s, double degrees, cv_beyond beyond, float *x, float *scratch) {
    const double angle = degrees * M_PI / 180, cosine = cos(angle), sine = sin(angle);
    const double middle_y = (double)(s.h - 1) / 2, middle_x = (double)(s.w - 1) / 2;
    const int64_t pixels = cv_shape_pixels(s);
    memcpy(scratch, x, (size_t)cv_shape_size(s) * sizeof *x);
    for (int64_t p = 0; p < pixels; p++) {
        const double dy = (double)(p / s.w) - middle_y, dx = (double)(p % s.w) - middle_x;
        source from;
        const bool inside =
            find_source(s, middle_y + sine * dx + cosine * dy, middle_x + cosine * dx - sine * dy, beyond, &from);
        for (int64_t c = 0; c < s.c; c++)
            x[c * pixels + p] = inside ? interpolate(scratch + c * pixels, s.w, &from) : 0;
    }
}

static void rotate_values(const void *config, cv_draws *draws, cv_shape shape, float *x, float *scratch) {
    const rotation *o = config;
    cv_picture_rotate(shape, cv_draws_between(draws, -o->degrees, o->degrees), (cv_beyond)o->fill, x, scratch);
}

const cv_change cv_change_rotate = {
    .name = "rotate",
    .help = "turned about the centre, with bilinear interpolation (torchvision: RandomRotation)",
    .sort = CV_CHANGE_PICTURE,
    .schema = rotate_schema,
    .config_size = sizeof(rotation),
    .values = rotate_values,
};

// y = max(x, 0).    dx = dy where y > 0.    torch.nn.ReLU
#include "op/lanes.h"

// Where y > 0: a bit per value, so that y itself is not kept for it. Of every 30 pixels of a map, one vector: bit j of
// lane l is that of pixel j in sample l. The sign is no bit, nor is what doubles to it.
enum { BITS = 30 };

static size_t relu_saved(const void *config, cv_shape in, cv_shape out) {
    (void)config;
    (void)in;
    return (size_t)(out.c * ((cv_shape_pixels(out) + BITS - 1) / BITS));
}

// Where the vector of bits ends that begins with pixel i of the map at `first`.
static inline int64_t end_of(int64_t first, int64_t i, int64_t pixels) {
    return first + (i + BITS < pixels ? i + BITS : pixels);
}

static void relu_forward(const cv_pass *p) {
    const lanes *x = p->x[0], zero = {0};
    const int64_t pixels = cv_shape_pixels(p->out), n = cv_shape_size(p->out);
    lanes *y = p->y;
    mask *positive = p->saved;
    for (int64_t first = 0; first < n; first += pixels)
        for (int64_t i = 0; i < pixels; i += BITS) {
            mask bits = {0}, bit = bits + 1;
            for (int64_t k = first + i, end = end_of(first, i, pixels); k < end; k++, bit += bit) {
                const lanes v = x[k];
                bits |= (v > zero) & bit;
                y[k] = select_lanes(v < zero, zero, v); // so that a NaN stays one: a broken net must be noticed
            }
            if (positive) *positive++ = bits;
        }
}

static void relu_backward(const cv_pass *p) {
    const int64_t pixels = cv_shape_pixels(p->out), n = cv_shape_size(p->out);
    const mask *positive = p->saved;
    const lanes *dy = p->dy, zero = {0};
    lanes *dx = p->dx[0];
    for (int64_t first = 0; first < n; first += pixels)
        for (int64_t i = 0; i < pixels; i += BITS) {
            const mask bits = *positive++;
            mask bit = (bits & 0) + 1;
            for (int64_t k = first + i, end = end_of(first, i, pixels); k < end; k++, bit += bit)
                dx[k] = select_lanes((bits & bit) != 0, dy[k], zero);
        }
}

static const cv_case relu_cases[] = {{{1, 5, 1, 1}, NULL, 3},
                                     {{2, 3, 1, 7}, NULL, 16},
                                     {{3, 2, 3, 5}, NULL, 17},
                                     {{2, 2, 1, 75}, NULL, 5},
                                     {.batch = 0}};

CV_OP(relu) = {
    .name = "relu",
    .help = "negative values become zero",
    .traits = CV_INPLACE | CV_RISING | CV_BY_CHANNEL,
    .saved = relu_saved,
    .forward = relu_forward,
    .backward = relu_backward,
    .torch = "torch.relu(x)",
    .onnx = "y = Relu(x)",
    .cases = relu_cases,
};

// One bit per value, kept from forward to backward in place of the value itself, which may then be overwritten: for
// layers whose gradient passes or does not. Bit j of lane l is that of pixel j in sample l, of every BITS pixels of a
// map; the sign is not used, nor is the bit that doubles to it.
#pragma once

#include "op/layers/lanes.h"

enum { BITS = 30 };

static inline size_t bits_saved(const void *config, cv_shape in, cv_shape out) {
    (void)config, (void)in;
    return (size_t)(out.c * ((cv_shape_pixels(out) + BITS - 1) / BITS));
}

// Where the vector of bits that begins with pixel i of a map ends.
static inline int64_t bits_end(int64_t i, int64_t pixels) {
    return i + BITS < pixels ? i + BITS : pixels;
}

// y = f(x), pixel by pixel; f sets *passes to -1 where the gradient passes, to 0 elsewhere.
ALWAYS_INLINE void forward_with_bits(const cv_pass *p, lanes f(const void *config, lanes x, mask *passes)) {
    const int64_t pixels = cv_shape_pixels(p->out), n = cv_shape_size(p->out);
    const lanes *x = p->x[0];
    lanes *y = p->y;
    mask *kept = p->saved;
    for (int64_t first = 0; first < n; first += pixels, x += pixels, y += pixels)
        for (int64_t i = 0; i < pixels; i += BITS) {
            mask bits = {0}, bit = bits + 1, passes;
            for (int64_t k = i; k < bits_end(i, pixels); k++, bit += bit) {
                y[k] = f(p->config, x[k], &passes);
                bits |= passes & bit;
            }
            if (kept) *kept++ = bits;
        }
}

// dx = dy where it passes, 0 elsewhere.
static inline void backward_by_bits(const cv_pass *p) {
    const int64_t pixels = cv_shape_pixels(p->out), n = cv_shape_size(p->out);
    const mask *kept = p->saved;
    const lanes *dy = p->dy, zero = {0};
    lanes *dx = p->dx[0];
    for (int64_t first = 0; first < n; first += pixels, dy += pixels, dx += pixels)
        for (int64_t i = 0; i < pixels; i += BITS) {
            const mask bits = *kept++;
            mask bit = (bits & 0) + 1;
            for (int64_t k = i; k < bits_end(i, pixels); k++, bit += bit)
                dx[k] = select_lanes((bits & bit) != 0, dy[k], zero);
        }
}

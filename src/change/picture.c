#include "change/picture.h"

#include <string.h>

int64_t cv_beyond_index(int64_t i, int64_t size, cv_beyond beyond) {
    if (i >= 0 && i < size) return i;
    if (beyond == CV_BEYOND_ZERO) return -1;
    if (beyond == CV_BEYOND_EDGE || size == 1) return i < 0 ? 0 : size - 1;
    const int64_t period = 2 * (size - 1), at = ((i % period) + period) % period;
    return at < size ? at : period - at;
}

void cv_picture_move(cv_shape s, int64_t down, int64_t right, cv_beyond beyond, float *x, float *scratch) {
    memcpy(scratch, x, (size_t)cv_shape_size(s) * sizeof *x);
    for (int64_t row = 0; row < s.c * s.h; row++) {
        const int64_t y = cv_beyond_index(row % s.h - down, s.h, beyond);
        const float *from = scratch + (row / s.h * s.h + y) * s.w;
        for (int64_t column = 0; column < s.w; column++) {
            const int64_t at = y < 0 ? -1 : cv_beyond_index(column - right, s.w, beyond);
            x[row * s.w + column] = at < 0 ? 0 : from[at];
        }
    }
}

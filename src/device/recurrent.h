// What gru and lstm share. x: of each column the sums of the gates from the input, [columns][gates hidden]. weight: of
// the sums from the state, as conv.c has it; bias: theirs, rounded up to 4s. kernel[0]: 1 if the last column is the
// first step. kernel[1]: 1 if y is the state behind the last step, else y has the state behind each. x1: work memory,
// the sums from the state, rounded up to 4s.
#pragma once

#include "device/fours.h"
#include "device/sigmoid.h"
#include "device/tanh.h"

typedef struct cv_step {
    const float *a, *h; // sums of this column; the state before, NULL: zero
    float *y;           // the state behind
} cv_step;

// Step t, whose sums from the state are put into u.
static cv_step cv_f32_step(const cv_f32_layer *l, const float *x, float *u, float *y, int32_t t) {
    const int32_t columns = l->g.in.w, rows = l->g.in.c, hidden = l->g.out.c, backwards = l->g.kernel[0];
    const int32_t column = backwards ? columns - 1 - t : t;
    cv_step s;
    s.a = x + column * rows;
    s.y = l->g.kernel[1] ? y : y + column * hidden;
    s.h = t == 0 ? NULL : l->g.kernel[1] ? y : backwards ? s.y + hidden : s.y - hidden;
    for (int32_t row = 0; row < rows; row += 4) {
        memcpy(u + row, l->bias + row, 4 * sizeof *u);
        if (s.h) cv_f32_four_sums(u + row, l->weight + row * hidden, s.h, hidden);
    }
    return s;
}

// Long short-term memory: with a the sums of the input, u those of the state, and s the logistic function
//     i = s(a_i + u_i)   f = s(a_f + u_f)   g = tanh(a_g + u_g)   o = s(a_o + u_o)   c' = f c + i g   h' = o tanh c'
// c is in the work memory, behind the sums of the state.
#include "device/device.h"
#include "device/recurrent.h"

CV_KERNEL void cv_f32_lstm(const cv_f32_layer *l, const float *x, float *x1, float *y) {
    const int32_t hidden = l->g.out.c;
    float *cell = x1 + 4 * hidden;
    for (int32_t j = 0; j < hidden; j++) cell[j] = 0.0f;
    for (int32_t t = 0; t < l->g.in.w; t++) {
        const cv_step s = cv_f32_step(l, x, x1, y, t);
        for (int32_t j = 0; j < hidden; j++) {
            const float i = cv_f32_sigmoid_of(s.a[j] + x1[j]);
            const float f = cv_f32_sigmoid_of(s.a[hidden + j] + x1[hidden + j]);
            const float g = cv_f32_tanh_of(s.a[2 * hidden + j] + x1[2 * hidden + j]);
            const float o = cv_f32_sigmoid_of(s.a[3 * hidden + j] + x1[3 * hidden + j]);
            const float kept = f * cell[j], added = i * g;
            cell[j] = kept + added;
            s.y[j] = o * cv_f32_tanh_of(cell[j]);
        }
    }
}

// Gated recurrent units: with a the sums of the input, u those of the state, and s the logistic function
//     r = s(a_r + u_r)   z = s(a_z + u_z)   n = tanh(a_n + r u_n)   h' = n + z (h - n)
#include "device/device.h"
#include "device/recurrent.h"

CV_KERNEL void cv_f32_gru(const cv_f32_layer *l, const float *x, float *x1, float *y) {
    const int32_t hidden = l->g.out.c;
    for (int32_t t = 0; t < l->g.in.w; t++) {
        const cv_step s = cv_f32_step(l, x, x1, y, t);
        for (int32_t j = 0; j < hidden; j++) {
            const float r = cv_f32_sigmoid_of(s.a[j] + x1[j]);
            const float z = cv_f32_sigmoid_of(s.a[hidden + j] + x1[hidden + j]);
            const float share = r * x1[2 * hidden + j];
            const float n = cv_f32_tanh_of(s.a[2 * hidden + j] + share);
            const float more = z * ((s.h ? s.h[j] : 0.0f) - n);
            s.y[j] = n + more;
        }
    }
}

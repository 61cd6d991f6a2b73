// Mel energies with per-channel energy normalisation, see src/audio/pcen.c:
//     M[t] = M[t - 1] + b (E[t] - M[t - 1])   y = (E[t] / (eps + M[t])^gain + bias)^root - bias^root
// numbers: b, eps, gain, bias, root, bias^root, M before frame 0 (-1: the energy of frame 0). work: [2 fft], then M,
// [filters].
#include "device/device.h"
#include "device/finish.h"
#include "device/frame.h"
#include "device/mel.h"

static float cv_pcen_power(float x, float exponent) {
    return x > 0.0f ? cv_f32_exp(exponent * cv_f32_log(x)) : 0.0f;
}

CV_KERNEL void cv_f32_pcen(const cv_f32_front *f, const int16_t *sample, int32_t count, float *work, float *y) {
    const float *n = f->numbers;
    float *smooth = work + 2 * f->fft, *row = cv_f32_rows(f, y);
    for (int32_t t = 0; t < f->frames; t++, row += f->row) {
        cv_f32_frame(f, sample, count, t, work + f->fft);
        cv_f32_transform(f, work);
        cv_f32_filters(f, work, row);
        for (int32_t j = 0; j < f->filters; j++) {
            const float energy = row[j], before = t ? smooth[j] : n[6] < 0.0f ? energy : n[6];
            const float change = n[0] * (energy - before);
            smooth[j] = before + change;
            row[j] = cv_pcen_power(energy * cv_pcen_power(n[1] + smooth[j], -n[2]) + n[3], n[4]) - n[5];
        }
    }
    cv_f32_finish(f, y);
}

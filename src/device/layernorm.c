// y = (x - mean) / sqrt(var + a) weight + bias, mean and variance of values of this example: of the channels of each
// pixel (kernel[0] 1), or of all pixels of each of `groups` groups of channels. weight, bias: one for each channel, or
// (kernel[1] 1) one for each value.
#include "device/device.h"
#include "device/sqrt.h"

// The sum of (x - mean), or of its square, over the channels first ... end - 1 of some pixels.
static float cv_f32_sum_over(const float *x, int32_t pixels, int32_t channels, int32_t first, int32_t end, float mean,
                             int square) {
    float all = 0.0f;
    for (int32_t i = 0; i < pixels; i++, x += channels) {
        float sum = 0.0f;
        for (int32_t c = first; c < end; c++) {
            const float d = x[c] - mean;
            sum += square ? d * d : d;
        }
        all += sum;
    }
    return all;
}

CV_KERNEL void cv_f32_layernorm(const cv_f32_layer *l, const float *x, float *x1, float *y) {
    const cv_geometry *g = &l->g;
    const int32_t channels = g->in.c, all = g->in.h * g->in.w, pixels = g->kernel[0] ? 1 : all;
    const int32_t width = channels / g->groups;
    (void)x1;
    for (int32_t p = 0; p < all; p += pixels)
        for (int32_t first = 0; first < channels; first += width) {
            const float *from = x + p * channels;
            const float n = (float)(pixels * width);
            const float mean = cv_f32_sum_over(from, pixels, channels, first, first + width, 0.0f, 0) / n;
            const float var = cv_f32_sum_over(from, pixels, channels, first, first + width, mean, 1) / n;
            const float scale = 1.0f / cv_f32_sqrt(var + l->a);
            for (int32_t i = p; i < p + pixels; i++)
                for (int32_t c = first; c < first + width; c++) {
                    const int32_t w = g->kernel[1] ? i * channels + c : c;
                    y[i * channels + c] = (x[i * channels + c] - mean) * scale * l->weight[w] + l->bias[w];
                }
        }
}

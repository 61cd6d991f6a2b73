// Self-attention: x has the queries q, keys k and values v of each column, [columns][3][channels], cut into `groups`
// heads
//     y[i] = sum over j of p[j] v[j]   p = softmax over j of a q[i] k[j]
// x1: work memory, [columns].
#include "device/device.h"
#include "device/exp.h"

// p of a query before it is divided by its sum, which is returned. The keys lie `apart` from each other.
static float cv_f32_attend(const float *query, const float *key, int32_t apart, int32_t size, float factor, float *p,
                           int32_t columns) {
    float top = 0.0f, sum = 0.0f;
    for (int32_t j = 0; j < columns; j++, key += apart) {
        float dot = 0.0f;
        for (int32_t c = 0; c < size; c++) dot += query[c] * key[c];
        p[j] = dot * factor;
        if (j == 0 || p[j] > top) top = p[j];
    }
    for (int32_t j = 0; j < columns; j++) {
        p[j] = cv_f32_exp(p[j] - top);
        sum += p[j];
    }
    return sum;
}

CV_KERNEL void cv_f32_attention(const cv_f32_layer *l, const float *x, float *x1, float *y) {
    const int32_t columns = l->g.in.w, channels = l->g.out.c, size = channels / l->g.groups;
    for (int32_t i = 0; i < columns; i++)
        for (int32_t first = 0; first < channels; first += size, y += size) {
            const float *head = x + first, *value = head + 2 * channels;
            const float sum =
                cv_f32_attend(head + 3 * i * channels, head + channels, 3 * channels, size, l->a, x1, columns);
            for (int32_t c = 0; c < size; c++) y[c] = 0.0f;
            for (int32_t j = 0; j < columns; j++, value += 3 * channels) {
                const float p = x1[j] / sum;
                for (int32_t c = 0; c < size; c++) y[c] += p * value[c];
            }
        }
}

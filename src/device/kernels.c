// The one table of kernels.
#include "device/device.h"

enum { ALONE, IN_PLACE };
enum { PLAIN, CLAMPS };
enum { READS, WORKS };
#define FLOATS(name, place, clamp)                                                                                     \
    { #name, cv_f32_##name, NULL, NULL, NULL, NULL, NULL, place, clamp, READS }
#define BOTH(name, place, clamp)                                                                                       \
    { #name, cv_f32_##name, cv_i8_##name, NULL, NULL, NULL, NULL, place, clamp, READS }
#define WORKING(name, i8, clamp)                                                                                       \
    { #name, cv_f32_##name, i8, NULL, NULL, NULL, NULL, ALONE, clamp, WORKS }
#define FRONT_OF_FLOATS(name)                                                                                          \
    { #name, NULL, NULL, cv_f32_##name, NULL, NULL, NULL, ALONE, PLAIN, READS }
#define FRONT(name)                                                                                                    \
    { #name, NULL, NULL, cv_f32_##name, cv_i8_##name, NULL, NULL, ALONE, PLAIN, READS }

static const cv_kernel kernels[] = {
    BOTH(add, IN_PLACE, CLAMPS),
    WORKING(attention, NULL, PLAIN),
    BOTH(avgpool, ALONE, CLAMPS),
    BOTH(clip, IN_PLACE, CLAMPS),
    BOTH(concat, ALONE, PLAIN),
    WORKING(conv, cv_i8_conv, CLAMPS),
    WORKING(depthwise, cv_i8_depthwise, CLAMPS),
    FLOATS(elu, IN_PLACE, PLAIN),
    FLOATS(gelu, IN_PLACE, PLAIN),
    WORKING(gru, NULL, PLAIN),
    FLOATS(hardsigmoid, IN_PLACE, PLAIN),
    FLOATS(hardswish, IN_PLACE, PLAIN),
    FLOATS(layernorm, IN_PLACE, PLAIN),
    FLOATS(leaky, IN_PLACE, PLAIN),
    FLOATS(logistic, ALONE, PLAIN),
    WORKING(lstm, NULL, PLAIN),
    BOTH(maxpool, ALONE, CLAMPS),
    FLOATS(mse, ALONE, PLAIN),
    BOTH(norm, IN_PLACE, CLAMPS),
    BOTH(pad, ALONE, PLAIN),
    BOTH(reorder, ALONE, PLAIN),
    BOTH(scale, IN_PLACE, CLAMPS),
    FLOATS(sigmoid, IN_PLACE, PLAIN),
    FLOATS(silu, IN_PLACE, PLAIN),
    FLOATS(softmax, IN_PLACE, PLAIN),
    BOTH(split, ALONE, PLAIN),
    FLOATS(tanh, IN_PLACE, PLAIN),
    BOTH(token, ALONE, PLAIN),
    {"dequantize", NULL, NULL, NULL, NULL, NULL, cv_i8_dequantize, ALONE, PLAIN, READS},
    {"quantize", NULL, NULL, NULL, NULL, cv_i8_quantize, NULL, ALONE, PLAIN, READS},
    {"table", NULL, cv_i8_table, NULL, NULL, NULL, NULL, IN_PLACE, PLAIN, READS},
    {"values", cv_f32_values, NULL, NULL, NULL, cv_i8_values, NULL, ALONE, PLAIN, READS},
    FRONT_OF_FLOATS(cepstra),
    FRONT_OF_FLOATS(fbank),
    FRONT_OF_FLOATS(pcen),
    FRONT(micro),
    FRONT(spectrum),
    FRONT(waveform),
};

const cv_kernel *cv_kernel_find(const char *name) {
    for (size_t k = 0; k < sizeof kernels / sizeof *kernels; k++)
        if (!strcmp(kernels[k].name, name)) return &kernels[k];
    return NULL;
}

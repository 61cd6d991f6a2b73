// The one table of kernels.
#include "device/device.h"

enum { ALONE, IN_PLACE };
enum { PLAIN, CLAMPS };
#define KERNEL(name, place, clamp)                                                                                     \
    { #name, cv_f32_##name, NULL, place, clamp }
#define FRONT(name)                                                                                                    \
    { #name, NULL, cv_f32_##name, ALONE, PLAIN }

static const cv_kernel kernels[] = {
    KERNEL(add, IN_PLACE, CLAMPS),
    KERNEL(avgpool, ALONE, CLAMPS),
    KERNEL(clip, IN_PLACE, CLAMPS),
    KERNEL(concat, ALONE, PLAIN),
    KERNEL(conv, ALONE, CLAMPS),
    KERNEL(depthwise, ALONE, CLAMPS),
    KERNEL(elu, IN_PLACE, PLAIN),
    KERNEL(gelu, IN_PLACE, PLAIN),
    KERNEL(hardsigmoid, IN_PLACE, PLAIN),
    KERNEL(hardswish, IN_PLACE, PLAIN),
    KERNEL(layernorm, IN_PLACE, PLAIN),
    KERNEL(leaky, IN_PLACE, PLAIN),
    KERNEL(logistic, ALONE, PLAIN),
    KERNEL(maxpool, ALONE, CLAMPS),
    KERNEL(mse, ALONE, PLAIN),
    KERNEL(norm, IN_PLACE, CLAMPS),
    KERNEL(pad, ALONE, PLAIN),
    KERNEL(reorder, ALONE, PLAIN),
    KERNEL(scale, IN_PLACE, CLAMPS),
    KERNEL(sigmoid, IN_PLACE, PLAIN),
    KERNEL(silu, IN_PLACE, PLAIN),
    KERNEL(softmax, IN_PLACE, PLAIN),
    KERNEL(split, ALONE, PLAIN),
    KERNEL(tanh, IN_PLACE, PLAIN),
    KERNEL(values, ALONE, PLAIN),
    FRONT(spectrum),
    FRONT(waveform),
};

const cv_kernel *cv_kernel_find(const char *name) {
    for (size_t k = 0; k < sizeof kernels / sizeof *kernels; k++)
        if (!strcmp(kernels[k].name, name)) return &kernels[k];
    return NULL;
}

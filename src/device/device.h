// The kernels, for the rest of convo. An exported file has the text of those that it calls, without this header.
#pragma once

#include "device/detect.h"
#include "device/front.h"
#include "device/gate.h"
#include "device/layer.h"
#include "device/layer_i8.h"
#include "device/listener.h"

// x1: the second input, or work memory, which the kernel may write.
typedef void cv_f32_kernel(const cv_f32_layer *layer, const float *x, float *x1, float *y);
// sample: [count], 16 bits. work: as many numbers as the front end asks for. y: the net's input.
typedef void cv_f32_front_kernel(const cv_f32_front *front, const int16_t *sample, int32_t count, float *work,
                                 float *y);

// Of 8-bit numbers.
typedef void cv_i8_kernel(const cv_i8_layer *layer, const int8_t *x, int8_t *x1, int8_t *y);
typedef void cv_i8_front_kernel(const cv_f32_front *front, const cv_i8_layer *layer, const int16_t *sample,
                                int32_t count, float *work, int8_t *y);
typedef void cv_to_i8_kernel(const cv_i8_layer *layer, const float *x, int8_t *y);
typedef void cv_to_f32_kernel(const cv_i8_layer *layer, const int8_t *x, float *y);

// A kernel. Its name is that of its function behind cv_f32_, which is in NAME.c, or behind cv_i8_, in NAME_i8.c.
typedef struct cv_kernel {
    const char *name;
    cv_f32_kernel *f32; // NULL: it has no such form
    cv_i8_kernel *i8;
    cv_f32_front_kernel *f32_front; // of a front end
    cv_i8_front_kernel *i8_front;   // NULL: it makes floats
    cv_to_i8_kernel *to_i8;
    cv_to_f32_kernel *to_f32;
    int in_place; // y may be x
    int clamps;   // y is clamped at no cost
    int works;    // x1, where there is one, is its work memory
} cv_kernel;

// Returns NULL if there is none of this name.
const cv_kernel *cv_kernel_find(const char *name);

cv_f32_kernel cv_f32_add, cv_f32_attention, cv_f32_avgpool, cv_f32_clip, cv_f32_concat, cv_f32_conv, cv_f32_depthwise,
    cv_f32_elu, cv_f32_gelu, cv_f32_gru, cv_f32_hardsigmoid, cv_f32_hardswish, cv_f32_layernorm, cv_f32_leaky,
    cv_f32_logistic, cv_f32_lstm, cv_f32_maxpool, cv_f32_mse, cv_f32_norm, cv_f32_pad, cv_f32_reorder, cv_f32_scale,
    cv_f32_sigmoid, cv_f32_silu, cv_f32_softmax, cv_f32_split, cv_f32_tanh, cv_f32_token, cv_f32_values;
cv_f32_front_kernel cv_f32_cepstra, cv_f32_fbank, cv_f32_micro, cv_f32_pcen, cv_f32_spectrum, cv_f32_waveform;
cv_i8_kernel cv_i8_add, cv_i8_avgpool, cv_i8_clip, cv_i8_concat, cv_i8_conv, cv_i8_depthwise, cv_i8_maxpool, cv_i8_norm,
    cv_i8_pad, cv_i8_reorder, cv_i8_scale, cv_i8_split, cv_i8_table, cv_i8_token;
cv_i8_front_kernel cv_i8_micro, cv_i8_spectrum, cv_i8_waveform;
cv_to_i8_kernel cv_i8_quantize, cv_i8_values;
cv_to_f32_kernel cv_i8_dequantize;

// From probabilities to events, see detect.h.
void cv_f32_detect(const cv_detector *detector, cv_detector_state *state, const float *probability, uint8_t *heard);
// What a stream does besides, see listener.c and gate.c.
int32_t cv_listener_take(const cv_listener *listener, cv_listener_state *state, const int16_t *sample, int32_t count,
                         int32_t *heard);
int32_t cv_gate_take(const cv_gate *gate, cv_gate_state *state, const int16_t *sample, int32_t count);

// The texts of this folder's files, as they are compiled; ends with a NULL name.
typedef struct cv_text {
    const char *name, *text;
} cv_text;
extern const cv_text cv_device_texts[];

/* The front end of TensorFlow Lite Micro on 16-bit samples from stdin: a line of numbers for each frame. See peers.py. */
#include "tensorflow/lite/experimental/microfrontend/lib/frontend.h"
#include "tensorflow/lite/experimental/microfrontend/lib/frontend_util.h"

#include <stdio.h>
#include <stdlib.h>

int main(int count, char **word) {
    static int16_t sample[1 << 20];
    struct FrontendConfig c;
    struct FrontendState state;
    size_t left = fread(sample, sizeof *sample, 1 << 20, stdin), used;
    if (count != 17) return 2;
    FrontendFillConfigWithDefaults(&c);
    c.window.size_ms = atoi(word[2]);
    c.window.step_size_ms = atoi(word[3]);
    c.filterbank.num_channels = atoi(word[4]);
    c.filterbank.lower_band_limit = atof(word[5]);
    c.filterbank.upper_band_limit = atof(word[6]);
    c.noise_reduction.smoothing_bits = atoi(word[7]);
    c.noise_reduction.even_smoothing = atof(word[8]);
    c.noise_reduction.odd_smoothing = atof(word[9]);
    c.noise_reduction.min_signal_remaining = atof(word[10]);
    c.pcan_gain_control.enable_pcan = atoi(word[11]);
    c.pcan_gain_control.strength = atof(word[12]);
    c.pcan_gain_control.offset = atof(word[13]);
    c.pcan_gain_control.gain_bits = atoi(word[14]);
    c.log_scale.enable_log = atoi(word[15]);
    c.log_scale.scale_shift = atoi(word[16]);
    if (!FrontendPopulateState(&c, &state, atoi(word[1]))) return 1;
    for (const int16_t *at = sample; left > 0; at += used, left -= used) {
        struct FrontendOutput out = FrontendProcessSamples(&state, at, left, &used);
        for (size_t k = 0; out.values && k < out.size; k++)
            printf("%d%c", out.values[k], k + 1 < out.size ? ' ' : '\n');
    }
    return 0;
}

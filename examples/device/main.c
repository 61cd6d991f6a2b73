// Classifies what it hears: 16-bit samples from standard input, of which the last DIGITS_SAMPLES are looked at four
// times a second. On a board, read_step() waits for the microphone's buffer (DMA, PDM, I2S) in place of a file; nothing
// else changes.
#include "digits.h"

#include <stdio.h>
#include <string.h>

#define STEP      (DIGITS_RATE / 4)
#define THRESHOLD 0.9f

static digits_state state; // all memory that the net needs
static int16_t clip[DIGITS_SAMPLES];

static int read_step(int16_t *sample) {
    return fread(sample, sizeof *sample, STEP, stdin) == STEP;
}

int main(void) {
    float probability[DIGITS_CLASSES];
    int16_t *const newest = clip + DIGITS_SAMPLES - STEP;
#ifdef DIGITS_SELF_TEST
    if (digits_self_test(&state)) {
        puts("this build computes other numbers than convo");
        return 1;
    }
#endif
    for (int step = 1; read_step(newest); step++) {
        int best = 0;
        digits_predict(&state, clip, DIGITS_SAMPLES, probability);
        for (int k = 1; k < DIGITS_CLASSES; k++)
            if (probability[k] > probability[best]) best = k;
        if (probability[best] > THRESHOLD)
            printf("%.2f s  %s  %.4f\n", step / 4.0, digits_label[best], (double)probability[best]);
        memmove(clip, clip + STEP, sizeof clip - STEP * sizeof *clip);
    }
    return 0;
}

// The model inside a program that has the sound already, here 16-bit samples on standard input, second by second:
//   arecord -q -t raw -f S16_LE -r 16000 | ./listen MODEL 16000
#include <convo.h>
#include <stdio.h>
#include <stdlib.h>

// Reads one second into samples; what the stream does not have any more is silence. 0 at its end.
static size_t read_second(float *samples /* [rate] */, int rate) {
    int16_t value;
    size_t count = 0;
    while (count < (size_t)rate && fread(&value, sizeof value, 1, stdin) == 1) samples[count++] = (float)value / 32768;
    for (size_t i = count; i < (size_t)rate; i++) samples[i] = 0;
    return count;
}

int main(int argc, char **argv) {
    const int rate = argc == 3 ? atoi(argv[2]) : 0;
    if (rate < 1000 || rate > 192000) return fprintf(stderr, "usage: listen MODEL SAMPLE-RATE <SAMPLES\n"), 2;
    convo_error err = {0};
    convo_model *model = NULL;
    float *samples = calloc((size_t)rate, sizeof *samples), *probability = NULL;

    int failed = !samples || convo_model_load(argv[1], &model, &err);
    const int classes = failed ? 0 : convo_model_classes(model);
    failed = failed || !(probability = calloc((size_t)classes, sizeof *probability));
    while (!failed && read_second(samples, rate)) {
        // Any rate: it is resampled to the model's. Nothing is kept between calls.
        failed = convo_model_predict(model, samples, (size_t)rate, rate, probability, &err) != CONVO_OK;
        int best = 0;
        for (int k = 1; k < classes; k++)
            if (probability[k] > probability[best]) best = k;
        if (!failed) printf("%s %.4f\n", convo_model_label(model, best), (double)probability[best]);
    }
    if (failed) fprintf(stderr, "%s: %s\n", err.where, err.code ? err.message : "not enough memory");

    free(samples);
    free(probability);
    convo_model_free(model);
    return failed;
}

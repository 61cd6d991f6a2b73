// The model inside a program that has the sound already, here 16-bit samples on standard input: what is heard, and
// when.
//   arecord -q -t raw -f S16_LE -r 16000 | ./listen MODEL 16000
#include <convo.h>
#include <stdio.h>
#include <stdlib.h>

int main(int argc, char **argv) {
    const int rate = argc == 3 ? atoi(argv[2]) : 0;
    if (rate < 1000 || rate > 192000) return fprintf(stderr, "usage: listen MODEL SAMPLE-RATE <SAMPLES\n"), 2;
    convo_error err = {0};
    convo_model *model = NULL;
    convo_stream *stream = NULL;
    const convo_stream_options options = {.rate = rate}; // any: it is resampled to the model's

    int failed = convo_model_load(argv[1], &model, &err) || convo_stream_new(model, &options, &stream, &err);
    int16_t packet[512]; // of any size: the events do not depend on it
    float samples[512];
    convo_event event;
    for (size_t count; !failed && (count = fread(packet, sizeof *packet, 512, stdin)) > 0;) {
        for (size_t i = 0; i < count; i++) samples[i] = (float)packet[i] / 32768;
        failed = convo_stream_push(stream, samples, count, &err);
        do {
            failed = failed || convo_stream_next(stream, &event, &err);
            if (!failed && event.kind == CONVO_HEARD)
                printf("%.2f s  %s  %.2f\n", event.time, convo_model_label(model, event.heard), event.score);
        } while (!failed && event.kind != CONVO_NOTHING);
    }
    if (failed) fprintf(stderr, "%s: %s\n", err.where, err.message);
    convo_stream_free(stream);
    convo_model_free(model);
    return failed ? 1 : 0;
}

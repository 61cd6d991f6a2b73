// Says which words it hears: 16-bit samples from standard input, in packets of any size. On a board, read_packet()
// waits for the microphone's buffer (DMA, PDM, I2S) in place of a file; nothing else changes.
#include "digits.h"

#include <stdio.h>

static digits_stream stream; // all memory that listening needs

static int32_t read_packet(int16_t *sample, int32_t most) {
    return (int32_t)fread(sample, sizeof *sample, (size_t)most, stdin);
}

int main(void) {
    int16_t packet[256];
#ifdef DIGITS_SELF_TEST
    if (digits_stream_self_test(&stream)) {
        puts("this build computes other numbers than convo");
        return 1;
    }
#endif
    for (int32_t count; (count = read_packet(packet, 256)) > 0;)
        for (int32_t at = 0; at < count;) {
            at += digits_push(&stream, packet + at, count - at);
            for (int k = 0; k < DIGITS_CLASSES; k++)
                if (stream.heard[k])
                    printf("%.2f s  %s  %.4f\n", (double)stream.samples / DIGITS_RATE, digits_label[k],
                           (double)stream.score[k]);
        }
    return 0;
}

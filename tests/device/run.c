// Runs an exported net over clips.bin, one clip of floats (16-bit counts) behind the other; writes probabilities to
// scores.bin and, for each clip, a hash of the whole state to hashes.bin. On a computer; with board.c, on an emulated
// board. With -DROUGH, it makes up clips first. With -DSTREAM, the clips are one stream, in packets of all sizes: of
// each window it writes probabilities, scores and what is heard to windows.bin; on a computer as text, too, to
// windows.txt, and the samples to samples.bin.
//
//     cc -DNET=digits -DHEADER='"digits.h"' -DSAMPLES=DIGITS_SAMPLES -DCLASSES=DIGITS_CLASSES -DDIGITS_SELF_TEST ...
#include HEADER

#define JOIN_(a, b) a##b
#define JOIN(a, b)  JOIN_(a, b)

#ifdef BOARD
typedef int file;
file board_open(const char *name, int write);
unsigned board_read(file f, void *to, unsigned size); // returns the bytes that were there
void board_write(file f, const void *from, unsigned size);
#else
#include <stdio.h>
typedef FILE *file;
static file board_open(const char *name, int write) {
    return fopen(name, write ? "wb" : "rb");
}
static unsigned board_read(file f, void *to, unsigned size) {
    return (unsigned)fread(to, 1, size, f);
}
static void board_write(file f, const void *from, unsigned size) {
    fwrite(from, 1, size, f);
}
#endif

#ifndef STREAM
static JOIN(NET, _state) state;
static float counts[SAMPLES];
static int16_t clip[SAMPLES];
static float probability[CLASSES];

#ifdef __clang__
__attribute__((no_sanitize("integer")))
#endif
static uint32_t
hash_of(const void *data, uint32_t size) { // FNV-1a
    const unsigned char *byte = (const unsigned char *)data;
    uint32_t hash = 2166136261u;
    for (uint32_t i = 0; i < size; i++) hash = (hash ^ byte[i]) * 16777619u;
    return hash;
}

static void score(file scores, file hashes, int32_t count) {
    uint32_t hash;
    JOIN(NET, _predict)(&state, clip, count, probability);
    hash = hash_of(&state, sizeof state);
    board_write(scores, probability, sizeof probability);
    board_write(hashes, &hash, sizeof hash);
}

#ifdef ROUGH
// Clips that nobody speaks: noise of any loudness, square waves, single samples, constants, of any length.
static int32_t make_rough(uint64_t *random, int32_t number) {
    const int32_t loud = 32767 >> number % 16, period = 1 + number * number;
    for (int32_t i = 0; i < SAMPLES; i++) {
        *random = (*random * 1664525u + 1013904223u) % 4294967296u;
        const int32_t noise = (int32_t)(*random / 65536u) % (2 * loud + 1) - loud;
        const int32_t square = i / period % 2 ? loud : -loud - 1, alone = i == period ? loud : 0;
        clip[i] = (int16_t)(number % 4 == 0 ? noise : number % 4 == 1 ? square : number % 4 == 2 ? alone : loud);
    }
    return number % 5 ? SAMPLES : SAMPLES / (number + 1) - 1;
}
#endif

int main(void) {
    const int failed = JOIN(NET, _self_test)(&state);
    const file in = board_open("clips.bin", 0), scores = board_open("scores.bin", 1),
               hashes = board_open("hashes.bin", 1);
#ifdef ROUGH
    uint64_t random = 1;
    for (int32_t number = 0; number < 64; number++) score(scores, hashes, make_rough(&random, number));
#endif
    while (board_read(in, counts, sizeof counts) == sizeof counts) {
        for (int32_t i = 0; i < SAMPLES; i++) clip[i] = (int16_t)counts[i];
        score(scores, hashes, SAMPLES);
    }
    return failed;
}

#else
static JOIN(NET, _stream) stream;
static float counts[SAMPLES];
static int16_t clip[SAMPLES];

#ifdef BOARD
#define write_text(to)
#else
static void write_text(FILE *to) {
    for (int k = 0; k < CLASSES; k++)
        fprintf(to, "%.9g%c", (double)stream.probability[k], k + 1 < CLASSES ? ' ' : '\n');
    for (int k = 0; k < CLASSES; k++)
        if (stream.heard[k]) fprintf(to, "%s %.9g\n", JOIN(NET, _label)[k], (double)stream.score[k]);
}
#endif

int main(void) {
    const int failed = JOIN(NET, _stream_self_test)(&stream);
    const file in = board_open("clips.bin", 0), windows = board_open("windows.bin", 1);
#ifndef BOARD
    const file text = board_open("windows.txt", 1), samples = board_open("samples.bin", 1);
#endif
    for (int32_t k = 1; board_read(in, counts, sizeof counts) == sizeof counts;) {
        for (int32_t i = 0; i < SAMPLES; i++) clip[i] = (int16_t)counts[i];
#ifndef BOARD
        board_write(samples, clip, sizeof clip);
#endif
        for (int32_t at = 0, n; at < SAMPLES; at += n, k = (k + 7) % 701) {
            n = JOIN(NET, _push)(&stream, clip + at, k < SAMPLES - at ? k : SAMPLES - at);
            if (!stream.ended) continue;
            board_write(windows, stream.probability, sizeof stream.probability);
            board_write(windows, stream.score, sizeof stream.score);
            board_write(windows, stream.heard, sizeof stream.heard);
            write_text(text);
        }
    }
    return failed;
}
#endif

// Runs an exported net over clips.bin, one clip of floats (16-bit counts) behind the other; writes probabilities to
// scores.bin and, for each clip, a hash of the whole state to hashes.bin. On a computer; with board.c, on an emulated
// board.
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

static JOIN(NET, _state) state;
static float counts[SAMPLES];
static int16_t clip[SAMPLES];
static float probability[CLASSES];

static uint32_t hash_of(const void *data, uint32_t size) { // FNV-1a
    const unsigned char *byte = (const unsigned char *)data;
    uint32_t hash = 2166136261u;
    for (uint32_t i = 0; i < size; i++) hash = (hash ^ byte[i]) * 16777619u;
    return hash;
}

int main(void) {
    const int failed = JOIN(NET, _self_test)(&state);
    const file in = board_open("clips.bin", 0), scores = board_open("scores.bin", 1),
               hashes = board_open("hashes.bin", 1);
    while (board_read(in, counts, sizeof counts) == sizeof counts) {
        uint32_t hash;
        for (int32_t i = 0; i < SAMPLES; i++) clip[i] = (int16_t)counts[i];
        JOIN(NET, _predict)(&state, clip, SAMPLES, probability);
        hash = hash_of(&state, sizeof state);
        board_write(scores, probability, sizeof probability);
        board_write(hashes, &hash, sizeof hash);
    }
    return failed;
}

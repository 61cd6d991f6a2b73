// Samples on standard input: raw ones, or a WAV file, as arecord writes it.
#pragma once

#include "output.h"

typedef struct cli_raw {
    int format;   // number in the table of raw.c
    int channels; // 1, or the file's
    int rate;     // of a WAV file, else 0
    bool known;   // whether it is a WAV file
    size_t count; // of bytes that are there
    unsigned char byte[1 << 16];
} cli_raw;

// Finds the format of this name; returns false if there is none.
bool raw_format(const char *name, cli_raw *raw);
extern const char raw_formats[]; // "u8|s16|..."
// Reads what there is, after a tenth of a second at most, and finds out whether it is a WAV file. Returns the exit
// status.
int raw_fill(cli_raw *raw, bool *end);
// Turns bytes into samples, mixed down to mono; returns how many.
size_t raw_take(cli_raw *raw, float *samples, size_t most);

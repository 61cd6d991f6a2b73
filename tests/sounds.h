// A folder of made-up recordings for tests.
#pragma once

#include "base/file.h"
#include "folder.h"

#include <math.h>
#include <setjmp.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
// after the headers that it needs
#include <cmocka.h>

static inline void write_file(const char *folder, const char *name, const void *data, size_t size) {
    char *path = cv_format("%s/%s", folder, name);
    convo_error err = {.message = ""};
    if (cv_file_write(path, data, size, &err)) fail_msg("%s: %s", err.where, err.message);
    free(path);
}

static inline void put_number(uint8_t *bytes, uint32_t value, int count) { // little-endian
    for (int i = 0; i < count; i++) bytes[i] = (uint8_t)(value >> 8 * i);
}

// 16-bit mono WAV.
static inline void write_wav(const char *folder, const char *name, int rate, const int16_t *sample, size_t count) {
    uint8_t bytes[44 + 2 * 4000] = "RIFF....WAVEfmt ";
    put_number(bytes + 4, (uint32_t)(36 + 2 * count), 4);
    put_number(bytes + 16, 16, 4);
    put_number(bytes + 20, 1, 2);
    put_number(bytes + 22, 1, 2);
    put_number(bytes + 24, (uint32_t)rate, 4);
    put_number(bytes + 28, (uint32_t)rate * 2, 4);
    put_number(bytes + 32, 2, 2);
    put_number(bytes + 34, 16, 2);
    memcpy(bytes + 36, "data", 4);
    put_number(bytes + 40, (uint32_t)(2 * count), 4);
    for (size_t i = 0; i < count; i++) put_number(bytes + 44 + 2 * i, (uint16_t)sample[i], 2);
    write_file(folder, name, bytes, 44 + 2 * count);
}

static inline void write_tone(const char *folder, const char *name, int rate, size_t count, int16_t loudness) {
    int16_t sample[4000];
    for (size_t i = 0; i < count; i++) sample[i] = (int16_t)lround(loudness * sin(0.3 * (double)i));
    write_wav(folder, name, rate, sample, count);
}

#include "base/hash.h"

#include <stdio.h>
#include <string.h>

// FIPS 180-4, 6.1.

static uint32_t rotate(uint32_t x, int bits) {
    return x << bits | x >> (32 - bits);
}

static void add_block(uint32_t state[5], const uint8_t block[64]) {
    uint32_t w[80], a = state[0], b = state[1], c = state[2], d = state[3], e = state[4];
    for (int t = 0; t < 16; t++)
        w[t] = (uint32_t)block[4 * t] << 24 | (uint32_t)block[4 * t + 1] << 16 | (uint32_t)block[4 * t + 2] << 8 |
               block[4 * t + 3];
    for (int t = 16; t < 80; t++) w[t] = rotate(w[t - 3] ^ w[t - 8] ^ w[t - 14] ^ w[t - 16], 1);
    for (int t = 0; t < 80; t++) {
        const uint32_t mixed = t < 20   ? ((b & c) | (~b & d)) + 0x5a827999u
                               : t < 40 ? (b ^ c ^ d) + 0x6ed9eba1u
                               : t < 60 ? ((b & c) | (b & d) | (c & d)) + 0x8f1bbcdcu
                                        : (b ^ c ^ d) + 0xca62c1d6u;
        const uint32_t next = rotate(a, 5) + mixed + e + w[t];
        e = d;
        d = c;
        c = rotate(b, 30);
        b = a;
        a = next;
    }
    state[0] += a;
    state[1] += b;
    state[2] += c;
    state[3] += d;
    state[4] += e;
}

void cv_sha1_begin(cv_sha1 *sha) {
    *sha = (cv_sha1){.state = {0x67452301u, 0xefcdab89u, 0x98badcfeu, 0x10325476u, 0xc3d2e1f0u}};
}

void cv_sha1_add(cv_sha1 *sha, const void *data, size_t size) {
    const uint8_t *byte = data;
    while (size > 0) {
        const size_t used = sha->size % sizeof sha->block, room = sizeof sha->block - used;
        const size_t taken = size < room ? size : room;
        memcpy(sha->block + used, byte, taken);
        sha->size += taken;
        byte += taken;
        size -= taken;
        if (taken == room) add_block(sha->state, sha->block);
    }
}

void cv_sha1_add_text(cv_sha1 *sha, const char *format, ...) {
    char text[1024];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    cv_sha1_add(sha, text, strlen(text));
}

void cv_sha1_end(cv_sha1 *sha, uint8_t digest[CV_SHA1_SIZE]) {
    static const uint8_t padding[64] = {0x80};
    const uint64_t bits = sha->size * 8;
    uint8_t length[8];
    for (int k = 0; k < 8; k++) length[k] = (uint8_t)(bits >> (56 - 8 * k));
    cv_sha1_add(sha, padding, 1 + (119 - sha->size % 64) % 64); // up to 8 bytes before the end of a block
    cv_sha1_add(sha, length, sizeof length);
    for (int k = 0; k < CV_SHA1_SIZE; k++) digest[k] = (uint8_t)(sha->state[k / 4] >> (24 - 8 * (k % 4)));
}

void cv_sha1_text(const uint8_t digest[CV_SHA1_SIZE], char text[CV_SHA1_TEXT]) {
    static const char digits[] = "0123456789abcdef";
    for (int k = 0; k < CV_SHA1_SIZE; k++) {
        text[2 * k] = digits[digest[k] >> 4];
        text[2 * k + 1] = digits[digest[k] & 15];
    }
    text[2 * CV_SHA1_SIZE] = 0;
}

uint64_t cv_hash_bytes(const void *data, size_t size) {
    uint64_t hash = UINT64_C(0xcbf29ce484222325);
    const uint8_t *byte = data;
    for (uint32_t four = 0; size > 0; four = 0) {
        const size_t taken = size < sizeof four ? size : sizeof four;
        memcpy(&four, byte, taken);
        hash = (hash ^ four) * UINT64_C(0x100000001b3);
        byte += taken;
        size -= taken;
    }
    return hash;
}

uint64_t cv_hash_floats(const float *value, size_t count) {
    return cv_hash_bytes(value, count * sizeof *value);
}

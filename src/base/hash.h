// Hashes: SHA-1 where a data set or a name requires it (not for security), and a fast hash of floats.
#pragma once

#include "base/base.h"

typedef struct cv_sha1 {
    uint32_t state[5];
    uint64_t size; // bytes so far
    uint8_t block[64];
} cv_sha1;

enum { CV_SHA1_SIZE = 20, CV_SHA1_TEXT = 2 * CV_SHA1_SIZE + 1 };

void cv_sha1_begin(cv_sha1 *sha);
void cv_sha1_add(cv_sha1 *sha, const void *data, size_t size);
void cv_sha1_add_text(cv_sha1 *sha, const char *format, ...) CV_PRINTF(2, 3); // its first 1,023 bytes
void cv_sha1_end(cv_sha1 *sha, uint8_t digest[CV_SHA1_SIZE]);
void cv_sha1_text(const uint8_t digest[CV_SHA1_SIZE], char text[CV_SHA1_TEXT]); // in hexadecimal

// FNV-1a; of floats in units of four bytes.
uint64_t cv_hash_bytes(const void *data, size_t size);
uint64_t cv_hash_floats(const float *value, size_t count);

// safetensors: 8 bytes of header length, a JSON header, raw little-endian tensors. Models and checkpoints are such
// files. https://github.com/huggingface/safetensors#format
#pragma once

#include "base/base.h"
#include "base/limits.h"

typedef enum cv_st_type { CV_F32, CV_I64, CV_F64, CV_I32, CV_U8, CV_F16, CV_BF16 } cv_st_type;

typedef struct cv_st_tensor {
    char *name;
    cv_st_type type;
    int dims;
    int64_t dim[8];
    const void *data; // when read: points into the file's bytes, possibly unaligned, so copy it out; when written: the
                      // caller's memory
    size_t bytes;
} cv_st_tensor;

typedef struct cv_st_text {
    char *key, *value;
} cv_st_text;

typedef struct cv_safetensors {
    cv_st_tensor *tensor;
    size_t tensors;
    cv_st_tensor **named; // [tensors], sorted by name, when read
    cv_st_text *text;     // __metadata__
    size_t texts;
    void *bytes; // owned when read
} cv_safetensors;

// Reads and checks everything: header inside the file, known types, shapes that match their bytes, no overlap, no gap.
// Tensors are in the order of their data.
convo_status cv_safetensors_read(const char *path, cv_safetensors *file, convo_error *err);
// Writes a file atomically. Tensors of the widest numbers come first, else in the given order: the format allows no
// gaps, and so each is aligned to its numbers.
convo_status cv_safetensors_write(const char *path, const cv_safetensors *file, convo_error *err);
void cv_safetensors_free(cv_safetensors *file); // the result of cv_safetensors_read
const cv_st_tensor *cv_safetensors_find(const cv_safetensors *file, const char *name);
// Converts the tensor's numbers, of whatever type, to floats; out has as many as the tensor.
void cv_safetensors_floats(const cv_st_tensor *tensor, float *out);
const char *cv_safetensors_text(const cv_safetensors *file, const char *key);

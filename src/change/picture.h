// What changes of pictures share: where pixels come from.
#pragma once

#include "change/kind.h"

// What is beyond the border of a picture: zero (black), edge (the nearest pixel), reflect (mirrored about the outermost
// pixels, as PyTorch and NumPy have it).
typedef enum cv_beyond { CV_BEYOND_ZERO, CV_BEYOND_EDGE, CV_BEYOND_REFLECT } cv_beyond;

#define CV_FILL_OPTION(block, field)                                                                                   \
    CV_OPTION("fill", CV_WORD, block, field,                                                                           \
              "what comes in from beyond the border: black, the nearest pixel, or the picture mirrored",               \
              .words = "zero|edge|reflect")

// The index that stands for i in [0, size), for any i; -1: zero.
int64_t cv_beyond_index(int64_t i, int64_t size, cv_beyond beyond);
// x = the picture moved down and right: out[y][x] is x[y - down][x - right].
void cv_picture_move(cv_shape shape, int64_t down, int64_t right, cv_beyond beyond, float *x, float *scratch);
// Turns x about its centre, counter-clockwise, with bilinear interpolation: PIL.Image.rotate(degrees, BILINEAR) of
// every channel.
void cv_picture_rotate(cv_shape shape, double degrees, cv_beyond beyond, float *x, float *scratch);
// torchvision.transforms.functional.adjust_brightness and adjust_contrast. Values are kept within [0, 1], or within the
// range that the picture itself has.
void cv_picture_brightness(cv_shape shape, double factor, float *x);
void cv_picture_contrast(cv_shape shape, double factor, float *x);

// The contents of PNG, JPEG and WebP files, through libpng, libjpeg and libwebp, of BMP files, and the orientation of
// the camera, through libexif.
#pragma once

#include "base/file.h"

// 8-bit RGB, equal to Pillow's convert("RGB"): gray is repeated, palettes are looked up, CMYK is multiplied out. Of 16
// bits the upper 8 are used. Opacity, gamma and colour profiles are ignored.
typedef struct cv_picture {
    int64_t height, width;
    uint8_t *pixel;  // [height][width][3], red, green, blue
    int orientation; // EXIF orientation, 1 to 8; 1: unchanged
} cv_picture;

enum { CV_COLOURS = 3 };

// Read whole files. A picture with a wrong checksum, or without its end, is refused. path: for messages. orient: read
// `orientation` as well. On failure out->pixel may be set; the caller frees it.
convo_status cv_png_read(const cv_bytes *file, const char *path, bool orient, cv_picture *out, convo_error *err);
convo_status cv_jpeg_read(const cv_bytes *file, const char *path, bool orient, cv_picture *out, convo_error *err);

// file: at least its first 12 bytes.
convo_status cv_webp_read(const cv_bytes *file, const char *path, bool orient, cv_picture *out, convo_error *err);

// BMP of 1, 4, 8, 24 or 32 bits, not packed. The format has no orientation.
convo_status cv_bmp_read(const cv_bytes *file, const char *path, cv_picture *out, convo_error *err);

// Used by all: checks the size that a file of `bytes` bytes claims, then allocates its pixels.
convo_status cv_picture_room(cv_picture *picture, const char *path, size_t bytes, int64_t height, int64_t width,
                             convo_error *err);

// Parses EXIF data that begins with "Exif\0\0". Returns 1 if the data give no valid orientation.
int cv_exif_orientation(const uint8_t *data, size_t size);
extern const bool cv_exif_readable; // whether this build has libexif

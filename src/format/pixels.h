// What PNG and JPEG files hold, through libpng and libjpeg, and how the camera was held, through libexif.
#ifndef CV_PIXELS_H
#define CV_PIXELS_H

#include "base/file.h"

// 8-bit RGB, as Pillow's convert("RGB") has it: gray is repeated, palettes are looked up, CMYK is multiplied out. Of 16
// bits the upper 8 are taken. Opacity is dropped, and so are gamma and colour profiles.
typedef struct cv_picture {
    int64_t height, width;
    uint8_t *pixel;  // [height][width][3], red, green, blue
    int orientation; // as EXIF numbers it, 1 to 8; 1: as it is
} cv_picture;

enum { CV_COLOURS = 3 };

// Whole files. A picture with a wrong checksum, or without its end, is refused. path: for messages. orient: whether
// `orientation` is looked for. On failure out->pixel may be set, and is the caller's to free.
convo_status cv_png_read(const cv_bytes *file, const char *path, bool orient, cv_picture *out, convo_error *err);
convo_status cv_jpeg_read(const cv_bytes *file, const char *path, bool orient, cv_picture *out, convo_error *err);

// For these: checks the size that a file of so many bytes claims, then makes room for its pixels.
convo_status cv_picture_room(cv_picture *picture, const char *path, size_t bytes, int64_t height, int64_t width,
                             convo_error *err);

// EXIF data, from "Exif\0\0" on. 1 where they do not say, or make no sense.
int cv_exif_orientation(const uint8_t *data, size_t size);
extern const bool cv_exif_readable; // whether this build has libexif

#endif

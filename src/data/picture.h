// PNG, JPEG, WebP and BMP pictures. The first bytes of a file determine its format, not its name.
#pragma once

#include "format/pixels.h"
#include "op/shape.h"

// orient: rotates and mirrors the picture according to its EXIF data; refused if the build has no libexif.
convo_status cv_picture_read(const char *path, bool orient, cv_picture *out, convo_error *err);
void cv_picture_free(cv_picture *picture);

// Converts to values in [0, 1]. One channel: the luma of ITU-R BT.601, 0.299 R + 0.587 G + 0.114 B, rounded to 8 bits,
// as in Pillow. A picture whose size differs from `shape` is resized with a triangular filter that is widened for
// shrinking: what Pillow, torchvision (antialias=True) and torch.nn.functional.interpolate(mode="bilinear",
// antialias=True) call bilinear.
convo_status cv_picture_values(const cv_picture *picture, cv_shape shape, float *out /* [c, h, w] */, convo_error *err);

// PNG and JPEG pictures. What a file is, its first bytes say, not its name.
#ifndef CV_PICTURE_H
#define CV_PICTURE_H

#include "format/pixels.h"
#include "op/shape.h"

// orient: whether the picture is turned and mirrored as its EXIF data ask for; that is refused where libexif is
// missing.
convo_status cv_picture_read(const char *path, bool orient, cv_picture *out, convo_error *err);
void cv_picture_free(cv_picture *picture);

// In [0, 1]. One channel: the luma of ITU-R BT.601, 0.299 R + 0.587 G + 0.114 B, rounded to 8 bits, as Pillow has it.
// A picture of another size than `shape` is resized by a triangular filter that is widened to shrink: what Pillow,
// torchvision (antialias=True) and torch.nn.functional.interpolate(mode="bilinear", antialias=True) call bilinear.
convo_status cv_picture_values(const cv_picture *picture, cv_shape shape, float *out /* [c, h, w] */, convo_error *err);

#endif

#include "format/pixels.h"

#include "base/limits.h"

#include <inttypes.h>

// A byte of PNG makes no more than CV_DEFLATE_RATIO bytes of eight pixels each, one of JPEG no more than eight blocks
// of 64 pixels.
convo_status cv_picture_room(cv_picture *p, const char *path, size_t bytes, int64_t height, int64_t width,
                             convo_error *err) {
    if (height < 1 || width < 1 || height > CV_LIMIT_SIDE || width > CV_LIMIT_SIDE || height * width > CV_LIMIT_PIXELS)
        return cv_fail(err, CONVO_LIMIT, path,
                       "is %" PRId64 " x %" PRId64
                       " pixels large: at most %d in a row or column and %d in all are read",
                       height, width, CV_LIMIT_SIDE, CV_LIMIT_PIXELS);
    if ((size_t)(height * width) / (8 * CV_DEFLATE_RATIO) > bytes)
        return cv_fail(err, CONVO_FORMAT, path,
                       "cannot be read as a picture: %zu bytes cannot hold %" PRId64 " x %" PRId64 " pixels", bytes,
                       height, width);
    p->height = height;
    p->width = width;
    p->pixel = cv_alloc((size_t)(height * width), CV_COLOURS);
    return p->pixel ? CONVO_OK : cv_no_memory(err, path);
}

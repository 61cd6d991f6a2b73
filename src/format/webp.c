// https://developers.google.com/speed/webp/docs/riff_container
#include "format/pixels.h"

#ifdef CONVO_HAVE_LIBWEBP

#include <stdlib.h>
#include <string.h>
#include <webp/decode.h>

enum { RIFF_HEADER = 12, CHUNK_HEADER = 8, ONE_COLOUR = 512 };

static size_t length_at(const uint8_t *at) {
    return (size_t)at[0] | (size_t)at[1] << 8 | (size_t)at[2] << 16 | (size_t)at[3] << 24;
}

// The contents of the chunk EXIF, which begin with those of a TIFF file; some writers put JPEG's "Exif\0\0" before
// them.
static int webp_orientation(const cv_bytes *file) {
    static const char mark[6] = "Exif\0";
    for (size_t at = RIFF_HEADER; file->size - at >= CHUNK_HEADER;) {
        const uint8_t *chunk = file->data + at, *contents = chunk + CHUNK_HEADER;
        const size_t length = length_at(chunk + 4), left = file->size - at - CHUNK_HEADER;
        if (length > left) break;
        if (memcmp(chunk, "EXIF", 4) == 0) {
            if (length >= sizeof mark && memcmp(contents, mark, sizeof mark) == 0)
                return cv_exif_orientation(contents, length);
            uint8_t *marked = cv_alloc(length + sizeof mark, 1);
            if (!marked) return 1;
            memcpy(marked, mark, sizeof mark);
            memcpy(marked + sizeof mark, contents, length);
            const int orientation = cv_exif_orientation(marked, length + sizeof mark);
            free(marked);
            return orientation;
        }
        at += CHUNK_HEADER + (length + length % 2 < left ? length + length % 2 : left);
    }
    return 1;
}

convo_status cv_webp_read(const cv_bytes *file, const char *path, bool orient, cv_picture *out, convo_error *err) {
    WebPBitstreamFeatures about;
    if (length_at(file->data + 4) > file->size - CHUNK_HEADER)
        return cv_fail(err, CONVO_FORMAT, path, "is cut short: its header promises %zu bytes and there are %zu",
                       length_at(file->data + 4) + CHUNK_HEADER, file->size);
    if (WebPGetFeatures(file->data, file->size, &about) != VP8_STATUS_OK)
        return cv_fail(err, CONVO_FORMAT, path, "cannot be read as a picture: its WebP header is damaged");
    if (about.has_animation)
        return cv_fail(err, CONVO_UNSUPPORTED, path, "is an animation: convo reads still WebP pictures");
    // Pixels of one colour take no bytes. As if there were some more bytes, they may be 4 million.
    const convo_status status = cv_picture_room(out, path, file->size + ONE_COLOUR, about.height, about.width, err);
    if (status) return status;
    if (orient) out->orientation = webp_orientation(file);
    const size_t row = (size_t)about.width * CV_COLOURS;
    if (WebPDecodeRGBInto(file->data, file->size, out->pixel, row * (size_t)about.height, (int)row)) return CONVO_OK;
    return cv_fail(err, CONVO_FORMAT, path, "cannot be read as a picture: its WebP data are damaged");
}

#else

convo_status cv_webp_read(const cv_bytes *file, const char *path, bool orient, cv_picture *out, convo_error *err) {
    (void)file, (void)orient, (void)out;
    return cv_fail(err, CONVO_UNSUPPORTED, path, "this build cannot read WebP: install libwebp-dev, and build again");
}

#endif

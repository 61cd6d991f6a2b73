// https://learn.microsoft.com/en-us/windows/win32/gdi/bitmap-storage: the header of the file, that of the picture (12
// bytes of OS/2, or 40 and more), colours if there are few, and lines of pixels. There is no small library that reads
// it.
#include "format/pixels.h"

enum { FILE_HEADER = 14, OLD_HEADER = 12, HEADER = 40, MASKS = 3 * 4 };
enum { BMP_PLAIN = 0, BMP_MASKS = 3, BMP_MASKS_OPACITY = 6 };

typedef struct bmp {
    int64_t height, width;
    bool upwards; // the bottom line is the first one
    int bits;     // of a pixel
    size_t line;  // bytes, of which the last ones fill up four
    const uint8_t *palette, *pixels;
    int colours, apart; // of the palette: their number (0: there is none), bytes from one to the next
    int place[CV_COLOURS];
} bmp;

static uint32_t little_at(const uint8_t *at, int bytes) {
    uint32_t value = 0;
    for (int k = 0; k < bytes; k++) value |= (uint32_t)at[k] << 8 * k;
    return value;
}

// Where in a pixel of four bytes the one is that the mask picks; -1: it picks something else
static int place_of(uint32_t mask) {
    for (int k = 0; k < 4; k++)
        if (mask == UINT32_C(0xff) << 8 * k) return k;
    return -1;
}

static convo_status damaged_bmp(const char *path, convo_error *err) {
    return cv_fail(err, CONVO_FORMAT, path, "cannot be read as a picture: its BMP header is damaged");
}

static convo_status unusual_bmp(const char *path, convo_error *err) {
    return cv_fail(err, CONVO_UNSUPPORTED, path,
                   "is a packed BMP, or one of 16 bits a pixel: save it as PNG, or as BMP of 24 bits");
}

static convo_status read_masks(bmp *b, const uint8_t *masks, const char *path, convo_error *err) {
    for (int c = 0; c < CV_COLOURS; c++) {
        b->place[c] = place_of(little_at(masks + 4 * c, 4));
        if (b->place[c] < 0) return unusual_bmp(path, err);
    }
    return CONVO_OK;
}

static convo_status read_bmp_header(const cv_bytes *file, bmp *b, const char *path, convo_error *err) {
    const uint8_t *about = file->data + FILE_HEADER;
    if (file->size < FILE_HEADER + OLD_HEADER) return damaged_bmp(path, err);
    const size_t header = little_at(about, 4), pixels = little_at(file->data + 10, 4);
    const bool old = header == OLD_HEADER;
    if ((!old && header < HEADER) || header > file->size - FILE_HEADER || pixels > file->size ||
        pixels < FILE_HEADER + header)
        return damaged_bmp(path, err);
    b->width = old ? (int32_t)little_at(about + 4, 2) : (int32_t)little_at(about + 4, 4);
    b->height = old ? (int32_t)little_at(about + 6, 2) : (int32_t)little_at(about + 8, 4);
    b->bits = (int)little_at(about + (old ? 10 : 14), 2);
    b->upwards = b->height > 0;
    if (!b->upwards) b->height = -b->height;
    if (b->width < 1 || b->height < 1) return damaged_bmp(path, err);
    const uint32_t packed = old ? BMP_PLAIN : little_at(about + 16, 4);
    const bool few = b->bits == 1 || b->bits == 4 || b->bits == 8, masks = packed != BMP_PLAIN;
    if ((!few && b->bits != 24 && b->bits != 32) ||
        (masks && (b->bits != 32 || (packed != BMP_MASKS && packed != BMP_MASKS_OPACITY))))
        return unusual_bmp(path, err);
    if (masks && pixels < FILE_HEADER + HEADER + MASKS) return damaged_bmp(path, err);
    for (int c = 0; c < CV_COLOURS; c++) b->place[c] = 2 - c; // blue is the first one
    b->line = ((size_t)b->width * (size_t)b->bits + 31) / 32 * 4;
    b->pixels = file->data + pixels;
    if (b->line > (file->size - pixels) / (size_t)b->height)
        return cv_fail(err, CONVO_FORMAT, path, "is cut short: there are fewer pixels than its header promises");
    b->palette = about + header;
    b->apart = old ? 3 : 4;
    if (few) {
        const size_t there = (pixels - FILE_HEADER - header) / (size_t)b->apart, most = (size_t)1 << b->bits;
        b->colours = (int)(there < most ? there : most);
        if (!b->colours) return damaged_bmp(path, err);
    }
    return masks ? read_masks(b, about + HEADER, path, err) : CONVO_OK;
}

// The colour of pixel x of a line, blue first; NULL: the palette has no such colour.
static const uint8_t *colour_at(const bmp *b, const uint8_t *line, int64_t x) {
    if (!b->colours) return line + x * b->bits / 8;
    const int in_byte = 8 / b->bits, shift = b->bits * (in_byte - 1 - (int)(x % in_byte)),
              number = line[x / in_byte] >> shift & ((1 << b->bits) - 1);
    return number < b->colours ? b->palette + number * b->apart : NULL;
}

convo_status cv_bmp_read(const cv_bytes *file, const char *path, cv_picture *out, convo_error *err) {
    bmp b = {0};
    CV_TRY(read_bmp_header(file, &b, path, err));
    CV_TRY(cv_picture_room(out, path, file->size, b.height, b.width, err));
    uint8_t *to = out->pixel;
    for (int64_t y = 0; y < b.height; y++) {
        const uint8_t *line = b.pixels + (size_t)(b.upwards ? b.height - 1 - y : y) * b.line;
        for (int64_t x = 0; x < b.width; x++, to += CV_COLOURS) {
            const uint8_t *colour = colour_at(&b, line, x);
            if (!colour)
                return cv_fail(err, CONVO_FORMAT, path,
                               "cannot be read as a picture: a pixel's colour is beyond its palette of %d", b.colours);
            for (int c = 0; c < CV_COLOURS; c++) to[c] = colour[b.place[c]];
        }
    }
    return CONVO_OK;
}

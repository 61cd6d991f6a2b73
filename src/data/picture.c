#include "data/picture.h"

#include "base/limits.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

void cv_picture_free(cv_picture *picture) {
    free(picture->pixel);
    *picture = (cv_picture){0};
}

// --- reading ----------------------------------------------------------------------------------------------------

// Undoes what EXIF's orientation says: 1 as it is, 3 upside down, 6 and 8 on a side, 2, 4, 5 and 7 these mirrored.
static convo_status turn(cv_picture *p, const char *path, convo_error *err) {
    const int o = p->orientation;
    const bool aside = o > 4, last_row = o == 3 || o == 4 || o == 6 || o == 7,
               last_column = o == 2 || o == 3 || o == 7 || o == 8;
    if (o == 1) return CONVO_OK;
    cv_picture turned = {
        .height = aside ? p->width : p->height, .width = aside ? p->height : p->width, .orientation = 1};
    uint8_t *to = turned.pixel = cv_alloc((size_t)(p->height * p->width), CV_COLOURS);
    if (!to) return cv_no_memory(err, path);
    for (int64_t y = 0; y < turned.height; y++)
        for (int64_t x = 0; x < turned.width; x++, to += CV_COLOURS) {
            const int64_t row = aside ? x : y, column = aside ? y : x;
            const int64_t from_row = last_row ? p->height - 1 - row : row,
                          from_column = last_column ? p->width - 1 - column : column;
            memcpy(to, p->pixel + CV_COLOURS * (from_row * p->width + from_column), CV_COLOURS);
        }
    cv_picture_free(p);
    *p = turned;
    return CONVO_OK;
}

convo_status cv_picture_read(const char *path, bool orient, cv_picture *out, convo_error *err) {
    static const uint8_t png[] = {0x89, 'P', 'N', 'G', '\r', '\n', 0x1a, '\n'}, jpeg[] = {0xff, 0xd8, 0xff};
    *out = (cv_picture){.orientation = 1};
    if (orient && !cv_exif_readable)
        return cv_fail(
            err, CONVO_UNSUPPORTED, path,
            "this build cannot read EXIF data: install libexif-dev, and build again, or leave 'orient: true' out");
    cv_bytes file;
    convo_status status = cv_file_read(path, CV_LIMIT_PICTURE, &file, err);
    if (status) return status;
    if (file.size >= sizeof png && memcmp(file.data, png, sizeof png) == 0)
        status = cv_png_read(&file, path, orient, out, err);
    else if (file.size >= sizeof jpeg && memcmp(file.data, jpeg, sizeof jpeg) == 0)
        status = cv_jpeg_read(&file, path, orient, out, err);
    else if (file.size >= 12 && memcmp(file.data, "RIFF", 4) == 0 && memcmp(file.data + 8, "WEBP", 4) == 0)
        status = cv_webp_read(&file, path, orient, out, err);
    else if (file.size >= 2 && memcmp(file.data, "BM", 2) == 0)
        status = cv_bmp_read(&file, path, out, err);
    else
        status = cv_fail(err, CONVO_FORMAT, path, "is no PNG, JPEG, WebP or BMP picture");
    free(file.data);
    if (!status) status = turn(out, path, err);
    if (status) cv_picture_free(out);
    return status;
}

// --- values -----------------------------------------------------------------------------------------------------

// Luma in 16-bit fixed point; the weights add up to 65536, so that gray stays what it is.
static uint8_t luma(const uint8_t *rgb) {
    return (uint8_t)((19595 * rgb[0] + 38470 * rgb[1] + 7471 * rgb[2] + 32768) >> 16);
}

static void copy_picture(const cv_picture *p, int64_t row, int channel, bool gray, float *out) {
    const uint8_t *rgb = p->pixel + CV_COLOURS * row * p->width;
    for (int64_t x = 0; x < p->width; x++, rgb += CV_COLOURS) out[x] = (float)(gray ? luma(rgb) : rgb[channel]) / 255;
}

// One dimension of a picture, from `from` numbers to `to`: number i is the mean of `count[i]` of the old ones from
// `first[i]` on, weighted by weight[i * most ...], whose sum is `total[i]`.
typedef struct filter {
    int64_t from, to, most, *first, *count;
    double *weight, *total;
} filter;

static void free_filter(filter *f) {
    free(f->first);
    free(f->count);
    free(f->weight);
    free(f->total);
}

// false: no memory
static bool make_filter(filter *f, int64_t from, int64_t to) {
    const double scale = (double)from / (double)to, reach = scale > 1 ? scale : 1;
    size_t weights;
    *f = (filter){.from = from, .to = to, .most = (int64_t)ceil(2 * reach) + 1};
    f->first = cv_alloc((size_t)to, sizeof *f->first);
    f->count = cv_alloc((size_t)to, sizeof *f->count);
    f->total = cv_alloc((size_t)to, sizeof *f->total);
    f->weight = cv_mul((size_t)to, (size_t)f->most, &weights) ? cv_alloc(weights, sizeof *f->weight) : NULL;
    if (!f->first || !f->count || !f->total || !f->weight) return false;
    for (int64_t i = 0; i < to; i++) {
        const double centre = ((double)i + 0.5) * scale; // pixel k covers k to k + 1
        f->first[i] = (int64_t)fmax(0, floor(centre - reach + 0.5));
        f->count[i] = (int64_t)fmin((double)from, floor(centre + reach + 0.5)) - f->first[i];
        for (int64_t k = 0; k < f->count[i]; k++) {
            const double weight = fmax(0, 1 - fabs((double)(f->first[i] + k) + 0.5 - centre) / reach);
            f->weight[i * f->most + k] = weight;
            f->total[i] += weight;
        }
    }
    return true;
}

// Number i of the new ones. in: the old ones, `apart` numbers from each to the next.
static float weigh(const filter *f, int64_t i, const float *in, int64_t apart) {
    const double *weight = f->weight + i * f->most;
    double sum = 0;
    for (int64_t k = 0; k < f->count[i]; k++) sum += weight[k] * (double)in[(f->first[i] + k) * apart];
    return (float)(sum / f->total[i]);
}

static convo_status resize(const cv_picture *p, cv_shape shape, float *out, convo_error *err) {
    filter across = {0}, down = {0};
    float *row = cv_alloc((size_t)p->width, sizeof *row),
          *narrow /* [p->height][shape.w] */ = cv_alloc((size_t)(p->height * shape.w), sizeof *narrow);
    const bool ready =
        make_filter(&across, p->width, shape.w) && make_filter(&down, p->height, shape.h) && row && narrow;
    for (int c = 0; c < (int)shape.c && ready; c++) {
        for (int64_t y = 0; y < p->height; y++) {
            copy_picture(p, y, c, shape.c == 1, row);
            for (int64_t x = 0; x < shape.w; x++) narrow[y * shape.w + x] = weigh(&across, x, row, 1);
        }
        for (int64_t y = 0; y < shape.h; y++)
            for (int64_t x = 0; x < shape.w; x++) *out++ = weigh(&down, y, narrow + x, shape.w);
    }
    free(row);
    free(narrow);
    free_filter(&across);
    free_filter(&down);
    return ready ? CONVO_OK : cv_no_memory(err, "a picture");
}

convo_status cv_picture_values(const cv_picture *p, cv_shape shape, float *out, convo_error *err) {
    if (p->height != shape.h || p->width != shape.w) return resize(p, shape, out, err);
    for (int c = 0; c < (int)shape.c; c++)
        for (int64_t y = 0; y < shape.h; y++, out += shape.w) copy_picture(p, y, c, shape.c == 1, out);
    return CONVO_OK;
}

#include "data/picture.h"

#include "base/file.h"
#include "base/limits.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { CHANNELS = 3 };

void cv_picture_free(cv_picture *picture) {
    free(picture->pixel);
    *picture = (cv_picture){0};
}

#if defined(CONVO_HAVE_LIBPNG) || defined(CONVO_HAVE_LIBJPEG)

// Checks the size that a file claims, then makes room for `channels` bytes of every pixel. A byte of PNG makes no more
// than CV_DEFLATE_RATIO bytes of eight pixels each, one of JPEG no more than eight blocks of 64 pixels.
static convo_status make_room(cv_picture *p, const char *path, size_t bytes, int64_t height, int64_t width,
                              int channels, convo_error *err) {
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
    p->pixel = cv_alloc((size_t)(height * width), (size_t)channels);
    return p->pixel ? CONVO_OK : cv_no_memory(err, path);
}

static convo_status damaged(const char *path, const char *why, convo_error *err) {
    return cv_fail(err, CONVO_FORMAT, path, "cannot be read as a picture: %s", why);
}

#endif

// --- PNG --------------------------------------------------------------------------------------------------------

#ifdef CONVO_HAVE_LIBPNG

#include <png.h>

// Lays the pixels over black and leaves the fourth byte of each, its opacity, out.
static void drop_alpha(cv_picture *p) {
    const int64_t count = p->height * p->width;
    for (int64_t i = 0; i < count; i++) {
        const int alpha = p->pixel[4 * i + 3];
        for (int k = 0; k < CHANNELS; k++)
            p->pixel[CHANNELS * i + k] = (uint8_t)((p->pixel[4 * i + k] * alpha + 127) / 255);
    }
}

// libpng's simplified interface: it catches its own errors.
static convo_status read_png(const cv_bytes *bytes, const char *path, cv_picture *p, convo_error *err) {
    png_image image = {.version = PNG_IMAGE_VERSION};
    if (!png_image_begin_read_from_memory(&image, bytes->data, bytes->size)) return damaged(path, image.message, err);
    image.format = PNG_FORMAT_RGBA;
    image.flags |= PNG_IMAGE_FLAG_16BIT_sRGB; // 16-bit files that do not say it are no more linear than others
    const convo_status status = make_room(p, path, bytes->size, image.height, image.width, 4, err);
    if (status) {
        png_image_free(&image);
        return status;
    }
    if (!png_image_finish_read(&image, NULL, p->pixel, 0, NULL)) return damaged(path, image.message, err);
    drop_alpha(p);
    return CONVO_OK;
}

#else

static convo_status read_png(const cv_bytes *bytes, const char *path, cv_picture *p, convo_error *err) {
    (void)bytes;
    (void)p;
    return cv_fail(err, CONVO_UNSUPPORTED, path, "this build cannot read PNG: install libpng-dev, and build again");
}

#endif

// --- JPEG -------------------------------------------------------------------------------------------------------

#ifdef CONVO_HAVE_LIBJPEG

#include <setjmp.h>
#include <stdio.h>

#include <jpeglib.h>
#include <jerror.h>

// All that is used after a longjmp lives here, not in variables of the function that calls setjmp.
typedef struct jpeg_job {
    struct jpeg_decompress_struct codec;
    struct jpeg_error_mgr errors;
    jmp_buf stop;
    char message[JMSG_LENGTH_MAX];
    const char *path;
    cv_picture *picture;
    convo_error *err;
    convo_status status;
} jpeg_job;

static void stop_jpeg(j_common_ptr codec) {
    jpeg_job *job = codec->client_data;
    job->errors.format_message(codec, job->message);
    longjmp(job->stop, 1);
}

// A warning (level -1) means that pixels are made up, but for a few stray bytes between the parts of a file.
static void hear_jpeg(j_common_ptr codec, int level) {
    if (level < 0 && codec->err->msg_code != JWRN_EXTRANEOUS_DATA) stop_jpeg(codec);
}

static convo_status decode_jpeg(jpeg_job *job, const cv_bytes *bytes) {
    struct jpeg_decompress_struct *codec = &job->codec;
    if (setjmp(job->stop)) return damaged(job->path, job->message, job->err);
    jpeg_create_decompress(codec);
    jpeg_mem_src(codec, bytes->data, bytes->size);
    jpeg_read_header(codec, TRUE);
    if (codec->jpeg_color_space == JCS_CMYK || codec->jpeg_color_space == JCS_YCCK)
        return cv_fail(job->err, CONVO_UNSUPPORTED, job->path, "is a CMYK picture, for printing: save it as RGB");
    codec->out_color_space = JCS_RGB;
    job->status =
        make_room(job->picture, job->path, bytes->size, codec->image_height, codec->image_width, CHANNELS, job->err);
    if (job->status) return job->status;
    jpeg_start_decompress(codec);
    while (codec->output_scanline < codec->output_height) {
        JSAMPROW row = job->picture->pixel + (size_t)codec->output_scanline * codec->output_width * CHANNELS;
        jpeg_read_scanlines(codec, &row, 1);
    }
    jpeg_finish_decompress(codec);
    return CONVO_OK;
}

static convo_status read_jpeg(const cv_bytes *bytes, const char *path, cv_picture *p, convo_error *err) {
    jpeg_job *job = cv_alloc(1, sizeof *job);
    if (!job) return cv_no_memory(err, path);
    job->path = path;
    job->picture = p;
    job->err = err;
    job->codec.err = jpeg_std_error(&job->errors);
    job->codec.client_data = job;
    job->errors.error_exit = stop_jpeg;
    job->errors.emit_message = hear_jpeg;
    const convo_status status = decode_jpeg(job, bytes);
    jpeg_destroy_decompress(&job->codec); // also of a codec that could not be created
    free(job);
    return status;
}

#else

static convo_status read_jpeg(const cv_bytes *bytes, const char *path, cv_picture *p, convo_error *err) {
    (void)bytes;
    (void)p;
    return cv_fail(err, CONVO_UNSUPPORTED, path, "this build cannot read JPEG: install libjpeg-dev, and build again");
}

#endif

convo_status cv_picture_read(const char *path, cv_picture *out, convo_error *err) {
    static const uint8_t png[] = {0x89, 'P', 'N', 'G', '\r', '\n', 0x1a, '\n'}, jpeg[] = {0xff, 0xd8, 0xff};
    *out = (cv_picture){0};
    cv_bytes bytes;
    convo_status status = cv_file_read(path, CV_LIMIT_PICTURE, &bytes, err);
    if (status) return status;
    if (bytes.size >= sizeof png && memcmp(bytes.data, png, sizeof png) == 0)
        status = read_png(&bytes, path, out, err);
    else if (bytes.size >= sizeof jpeg && memcmp(bytes.data, jpeg, sizeof jpeg) == 0)
        status = read_jpeg(&bytes, path, out, err);
    else
        status = cv_fail(err, CONVO_FORMAT, path, "is neither a PNG nor a JPEG picture");
    free(bytes.data);
    if (status) cv_picture_free(out);
    return status;
}

// --- values -----------------------------------------------------------------------------------------------------

// Luma in 16-bit fixed point; the weights add up to 65536, so that gray stays what it is.
static uint8_t luma(const uint8_t *rgb) {
    return (uint8_t)((19595 * rgb[0] + 38470 * rgb[1] + 7471 * rgb[2] + 32768) >> 16);
}

static void copy_plane(const cv_picture *p, int channel, bool gray, float *out) {
    const int64_t count = p->height * p->width;
    for (int64_t i = 0; i < count; i++) {
        const uint8_t *rgb = p->pixel + CHANNELS * i;
        out[i] = (float)(gray ? luma(rgb) : rgb[channel]) / 255;
    }
}

// Resizes along one dimension: `lines` lines of `from` numbers, `apart` numbers between the neighbours in a line and
// `next` from line to line, become lines of `to` numbers that lie likewise.
typedef struct axis {
    int64_t from, to, apart, lines, next_in, next_out;
} axis;

static void resize(const axis *a, const float *in, float *out) {
    const double scale = (double)a->from / (double)a->to, reach = scale > 1 ? scale : 1;
    for (int64_t i = 0; i < a->to; i++) {
        const double centre = ((double)i + 0.5) * scale; // pixel k covers k to k + 1
        const int64_t first = (int64_t)fmax(0, floor(centre - reach + 0.5));
        const int64_t end = (int64_t)fmin((double)a->from, floor(centre + reach + 0.5));
        double total = 0;
        for (int64_t k = first; k < end; k++) total += fmax(0, 1 - fabs((double)k + 0.5 - centre) / reach);
        for (int64_t line = 0; line < a->lines; line++) {
            double sum = 0;
            for (int64_t k = first; k < end; k++)
                sum +=
                    fmax(0, 1 - fabs((double)k + 0.5 - centre) / reach) * (double)in[line * a->next_in + k * a->apart];
            out[line * a->next_out + i * a->apart] = (float)(sum / total);
        }
    }
}

convo_status cv_picture_values(const cv_picture *p, cv_shape shape, float *out, convo_error *err) {
    const bool gray = shape.c == 1;
    const axis across = {p->width, shape.w, 1, p->height, p->width, shape.w},
               down = {p->height, shape.h, shape.w, shape.w, 1, 1};
    const bool same = p->height == shape.h && p->width == shape.w;
    float *plane = same ? NULL : cv_alloc((size_t)(p->height * p->width), sizeof *plane);
    float *narrow = same ? NULL : cv_alloc((size_t)(p->height * shape.w), sizeof *narrow);
    convo_status status = same || (plane && narrow) ? CONVO_OK : cv_no_memory(err, "a picture");
    for (int c = 0; c < (int)shape.c && !status; c++, out += shape.h * shape.w) {
        copy_plane(p, c, gray, same ? out : plane);
        if (same) continue;
        resize(&across, plane, narrow);
        resize(&down, narrow, out);
    }
    free(plane);
    free(narrow);
    return status;
}

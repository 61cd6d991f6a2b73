#include "format/pixels.h"

#ifdef CONVO_HAVE_LIBPNG

#include <png.h>
#include <setjmp.h>
#include <stdlib.h>
#include <string.h>

// All that is used after a longjmp lives here, not in variables of the function that calls setjmp.
typedef struct png_job {
    png_structp png;
    png_infop info;
    const cv_bytes *file;
    size_t at; // of the next byte
    jmp_buf stop;
    char message[200];
    const char *path;
    cv_picture *picture;
    convo_error *err;
    convo_status status;
} png_job;

static void stop_png(png_structp png, png_const_charp message) {
    png_job *job = png_get_error_ptr(png);
    cv_print(job->message, sizeof job->message, "%s", message);
    longjmp(job->stop, 1);
}

// libpng only warns where the sum of all pixels is wrong, and where a chunk claims to be larger than the file. Other
// warnings, such as those of bytes behind the pixels, are no loss.
static void hear_png(png_structp png, png_const_charp message) {
    if (strstr(message, "incorrect data check") || strstr(message, "too large")) stop_png(png, message);
}

static void read_bytes(png_structp png, png_bytep out, size_t size) {
    png_job *job = png_get_io_ptr(png);
    if (size > job->file->size - job->at) png_error(png, "it is cut short");
    memcpy(out, job->file->data + job->at, size);
    job->at += size;
}

// Only the pixels count, and how the camera was held: all other chunks are passed over, their checksums are not.
static void choose_chunks(png_structp png, bool orient) {
    png_set_crc_action(png, PNG_CRC_ERROR_QUIT, PNG_CRC_ERROR_QUIT);
    png_set_keep_unknown_chunks(png, PNG_HANDLE_CHUNK_NEVER, NULL, -1);
    if (orient) png_set_keep_unknown_chunks(png, PNG_HANDLE_CHUNK_AS_DEFAULT, (png_const_bytep) "eXIf", 1);
}

// Whatever there is becomes one byte (gray, or a number in the palette) or three (colours) for each pixel.
static void read_rows(png_job *job) {
    png_structp png = job->png;
    png_set_packing(png);
    if (png_get_color_type(png, job->info) == PNG_COLOR_TYPE_GRAY) png_set_expand_gray_1_2_4_to_8(png);
    png_set_strip_16(png);
    png_set_strip_alpha(png);
    const int passes = png_set_interlace_handling(png);
    png_read_update_info(png, job->info);
    const size_t row = png_get_rowbytes(png, job->info);
    for (int pass = 0; pass < passes; pass++)
        for (int64_t y = 0; y < job->picture->height; y++)
            png_read_row(png, job->picture->pixel + (size_t)y * row, NULL);
    png_read_end(png, job->info);
}

// From one byte to three for each pixel, in place, and so from the last to the first.
static convo_status look_up(png_job *job) {
    png_colorp palette = NULL;
    int colours = 256;
    png_get_PLTE(job->png, job->info, &palette, &colours);
    for (size_t i = (size_t)(job->picture->height * job->picture->width); i-- > 0;) {
        const uint8_t value = job->picture->pixel[i];
        uint8_t *rgb = job->picture->pixel + i * CV_COLOURS;
        if (value >= colours)
            return cv_fail(job->err, CONVO_FORMAT, job->path,
                           "cannot be read as a picture: it uses colour %d of a palette of %d", value, colours);
        rgb[0] = palette ? palette[value].red : value;
        rgb[1] = palette ? palette[value].green : value;
        rgb[2] = palette ? palette[value].blue : value;
    }
    return CONVO_OK;
}

// The EXIF orientation, 1 if there is none. A chunk eXIf lacks the six bytes "Exif\0\0" that libexif expects first.
static int png_orientation(const png_job *job) {
    png_bytep chunk;
    png_uint_32 size;
    if (!png_get_eXIf_1(job->png, job->info, &size, &chunk)) return 1;
    uint8_t *data = cv_alloc((size_t)size + 6, 1);
    if (!data) return 1;
    memcpy(data, "Exif\0\0", 6);
    memcpy(data + 6, chunk, size);
    const int orientation = cv_exif_orientation(data, (size_t)size + 6);
    free(data);
    return orientation;
}

static convo_status decode_png(png_job *job, bool orient) {
    if (setjmp(job->stop))
        return cv_fail(job->err, CONVO_FORMAT, job->path, "cannot be read as a picture: %s", job->message);
    job->png = png_create_read_struct(PNG_LIBPNG_VER_STRING, job, stop_png, hear_png);
    job->info = job->png ? png_create_info_struct(job->png) : NULL;
    if (!job->info) return cv_no_memory(job->err, job->path);
    png_set_read_fn(job->png, job, read_bytes);
    png_set_chunk_malloc_max(job->png, job->file->size); // whatever a chunk claims
    choose_chunks(job->png, orient);
    png_read_info(job->png, job->info);
    job->status = cv_picture_room(job->picture, job->path, job->file->size, png_get_image_height(job->png, job->info),
                                  png_get_image_width(job->png, job->info), job->err);
    if (job->status) return job->status;
    read_rows(job);
    if (orient) job->picture->orientation = png_orientation(job);
    return png_get_channels(job->png, job->info) == 1 ? look_up(job) : CONVO_OK;
}

convo_status cv_png_read(const cv_bytes *file, const char *path, bool orient, cv_picture *out, convo_error *err) {
    png_job *job = cv_alloc(1, sizeof *job);
    if (!job) return cv_no_memory(err, path);
    job->file = file;
    job->path = path;
    job->picture = out;
    job->err = err;
    const convo_status status = decode_png(job, orient);
    png_destroy_read_struct(&job->png, &job->info, NULL);
    free(job);
    return status;
}

#else

convo_status cv_png_read(const cv_bytes *file, const char *path, bool orient, cv_picture *out, convo_error *err) {
    (void)file, (void)orient, (void)out;
    return cv_fail(err, CONVO_UNSUPPORTED, path, "this build cannot read PNG: install libpng-dev, and build again");
}

#endif

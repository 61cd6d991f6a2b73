#include "format/pixels.h"

#ifdef CONVO_HAVE_LIBJPEG

#include "base/limits.h"

#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jpeglib.h>
#include <jerror.h>

// All that is used after a longjmp lives here, not in variables of the function that calls setjmp.
typedef struct jpeg_job {
    struct jpeg_decompress_struct codec;
    struct jpeg_error_mgr errors;
    struct jpeg_progress_mgr progress;
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

// Each pass of a progressive picture costs the time of all its pixels, and may be a few bytes.
static void count_passes(j_common_ptr codec) {
    jpeg_job *job = codec->client_data;
    if (job->codec.input_scan_number <= CV_LIMIT_PASSES) return;
    job->status = cv_fail(job->err, CONVO_LIMIT, job->path, "passes over its pixels more than %d times: save it again",
                          CV_LIMIT_PASSES);
    longjmp(job->stop, 1);
}

static int jpeg_orientation(const struct jpeg_decompress_struct *codec) {
    for (jpeg_saved_marker_ptr m = codec->marker_list; m; m = m->next)
        if (m->data_length >= 6 && memcmp(m->data, "Exif\0\0", 6) == 0)
            return cv_exif_orientation(m->data, m->data_length);
    return 1;
}

// a * b / 255, rounded
static int scaled(int a, int b) {
    const int product = a * b + 128;
    return ((product >> 8) + product) >> 8;
}

// In files the four are upside down, 255 for no ink: Adobe began it, and Pillow takes all for Adobe's.
static void multiply_out(const uint8_t *cmyk, size_t count, uint8_t *rgb) {
    for (size_t i = 0; i < count; i++, cmyk += 4, rgb += CV_COLOURS)
        for (int c = 0; c < CV_COLOURS; c++) rgb[c] = (uint8_t)(cmyk[3] - scaled(255 - cmyk[c], cmyk[3]));
}

static convo_status decode_jpeg(jpeg_job *job, const cv_bytes *file, bool orient) {
    struct jpeg_decompress_struct *codec = &job->codec;
    if (setjmp(job->stop))
        return job->status
                   ? job->status
                   : cv_fail(job->err, CONVO_FORMAT, job->path, "cannot be read as a picture: %s", job->message);
    jpeg_create_decompress(codec);
    codec->progress = &job->progress;
    jpeg_mem_src(codec, file->data, file->size);
    if (orient) jpeg_save_markers(codec, JPEG_APP0 + 1, 0xffff);
    jpeg_read_header(codec, TRUE);
    job->status =
        cv_picture_room(job->picture, job->path, file->size, codec->image_height, codec->image_width, job->err);
    if (job->status) return job->status;
    if (orient) job->picture->orientation = jpeg_orientation(codec);
    const bool inks = codec->num_components == 4;
    codec->out_color_space = inks ? JCS_CMYK : JCS_RGB;
    jpeg_start_decompress(codec);
    const size_t width = codec->output_width;
    JSAMPARRAY four =
        inks ? codec->mem->alloc_sarray((j_common_ptr)codec, JPOOL_IMAGE, codec->output_width * 4, 1) : NULL;
    while (codec->output_scanline < codec->output_height) {
        JSAMPROW row = job->picture->pixel + codec->output_scanline * width * CV_COLOURS;
        jpeg_read_scanlines(codec, inks ? four : &row, 1);
        if (inks) multiply_out(four[0], width, row);
    }
    jpeg_finish_decompress(codec);
    return CONVO_OK;
}

convo_status cv_jpeg_read(const cv_bytes *file, const char *path, bool orient, cv_picture *out, convo_error *err) {
    jpeg_job *job = cv_alloc(1, sizeof *job);
    if (!job) return cv_no_memory(err, path);
    job->path = path;
    job->picture = out;
    job->err = err;
    job->codec.err = jpeg_std_error(&job->errors);
    job->codec.client_data = job;
    job->errors.error_exit = stop_jpeg;
    job->errors.emit_message = hear_jpeg;
    job->progress.progress_monitor = count_passes;
    const convo_status status = decode_jpeg(job, file, orient);
    jpeg_destroy_decompress(&job->codec); // also of a codec that could not be created
    free(job);
    return status;
}

#else

convo_status cv_jpeg_read(const cv_bytes *file, const char *path, bool orient, cv_picture *out, convo_error *err) {
    (void)file, (void)orient, (void)out;
    return cv_fail(err, CONVO_UNSUPPORTED, path, "this build cannot read JPEG: install libjpeg-dev, and build again");
}

#endif

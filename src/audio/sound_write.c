#include "audio/sound_write.h"

#include <string.h>
#include <strings.h>

static int format_of(const char *path) {
    const char *ending = strrchr(path, '.');
    if (ending && !strcasecmp(ending, ".wav")) return SF_FORMAT_WAV | SF_FORMAT_PCM_16;
    if (ending && !strcasecmp(ending, ".flac")) return SF_FORMAT_FLAC | SF_FORMAT_PCM_16;
    return 0;
}

convo_status cv_sound_write_begin(cv_sound_writer *writer, const char *path, int rate, convo_error *err) {
    SF_INFO info = {.samplerate = rate, .channels = 1, .format = format_of(path)};
    *writer = (cv_sound_writer){.file = NULL};
    if (!info.format) return cv_fail(err, CONVO_ARGUMENT, path, "is written as NAME.wav or NAME.flac");
    CV_TRY(cv_file_open(&writer->out, path, err));
    writer->file = sf_open_fd(fileno(writer->out.stream), SFM_WRITE, &info, SF_FALSE);
    if (!writer->file) {
        cv_file_abandon(&writer->out);
        return cv_fail(err, CONVO_IO, path, "cannot be written as a sound file at %d Hz", rate);
    }
    sf_command(writer->file, SFC_SET_CLIPPING, NULL, SF_TRUE);
    return CONVO_OK;
}

convo_status cv_sound_write(cv_sound_writer *writer, const float *sample, size_t count, convo_error *err) {
    if (sf_write_float(writer->file, sample, (sf_count_t)count) == (sf_count_t)count) return CONVO_OK;
    return cv_fail(err, CONVO_IO, writer->out.path, "cannot be written: %s", sf_strerror(writer->file));
}

convo_status cv_sound_write_end(cv_sound_writer *writer, convo_error *err) {
    const int code = sf_close(writer->file);
    writer->file = NULL;
    if (!code) return cv_file_commit(&writer->out, err);
    const convo_status status =
        cv_fail(err, CONVO_IO, writer->out.path, "cannot be written: %s", sf_error_number(code));
    cv_file_abandon(&writer->out);
    return status;
}

void cv_sound_write_abandon(cv_sound_writer *writer) {
    if (!writer->file) return;
    sf_close(writer->file);
    writer->file = NULL;
    cv_file_abandon(&writer->out);
}

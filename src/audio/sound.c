#include "audio/sound.h"

#include "audio/sound_file.h"

#include <math.h>
#include <samplerate.h>
#include <sndfile.h>
#include <stdlib.h>
#include <string.h>

// Float files may hold more than [-1, 1), even 32-bit counts; beyond this is a damaged file.
static const float largest_sample = 1e10f;

convo_status cv_sound_check(const float *sample, size_t count, const char *where, convo_error *err) {
    for (size_t t = 0; t < count; t++)
        if (!(fabsf(sample[t]) <= largest_sample))
            return cv_fail(err, CONVO_NUMERIC, where, "sample %zu is %g: a recording holds numbers from -1 to 1", t,
                           (double)sample[t]);
    return CONVO_OK;
}

void cv_sound_free(cv_sound *sound) {
    free(sound->sample);
    *sound = (cv_sound){0};
}

// --- resampling ---------------------------------------------------------------------------------------------------

static convo_status resample(const float *sample, size_t count, int from, int to, const char *where, float **out,
                             size_t *out_count, convo_error *err) {
    if (count == 0) return cv_fail(err, CONVO_ARGUMENT, where, "there are no samples to resample");
    double ratio = (double)to / from;
    if (from < 1 || to < 1 || !src_is_valid_ratio(ratio))
        return cv_fail(err, CONVO_UNSUPPORTED, where, "%d Hz cannot be resampled to %d Hz: 1 to 256 is the limit", from,
                       to);
    double length = fmax(1, round((double)count * ratio));
    if (length > CV_LIMIT_SOUND)
        return cv_fail(err, CONVO_LIMIT, where, "%.0f samples at %d Hz are more than the %d that are accepted", length,
                       to, CV_LIMIT_SOUND);
    float *result = cv_alloc((size_t)length, sizeof *result);
    if (!result) return cv_no_memory(err, "the resampled recording");
    SRC_DATA job = {.data_in = sample,
                    .data_out = result, // what the filter leaves at the end stays zero
                    .input_frames = (long)count,
                    .output_frames = (long)length,
                    .src_ratio = ratio};
    int code = src_simple(&job, SRC_SINC_MEDIUM_QUALITY, 1);
    if (code) {
        free(result);
        return cv_fail(err, CONVO_UNSUPPORTED, where, "resampling from %d to %d Hz failed: %s", from, to,
                       src_strerror(code));
    }
    *out = result;
    *out_count = (size_t)length;
    return CONVO_OK;
}

convo_status cv_resample(const float *sample, size_t count, int from, int to, float **out, size_t *out_count,
                         convo_error *err) {
    return resample(sample, count, from, to, "", out, out_count, err);
}

// --- reading ------------------------------------------------------------------------------------------------------

static convo_status check_info(const char *path, const SF_INFO *info, convo_error *err) {
    if (info->channels < 1 || info->channels > CV_CHANNELS_MAX)
        return cv_fail(err, CONVO_LIMIT, path, "has %d channels: 1 to %d are accepted", info->channels,
                       CV_CHANNELS_MAX);
    if (info->samplerate < CV_RATE_MIN || info->samplerate > CV_RATE_MAX)
        return cv_fail(err, CONVO_LIMIT, path, "has a sample rate of %d Hz: %d to %d are accepted", info->samplerate,
                       CV_RATE_MIN, CV_RATE_MAX);
    return CONVO_OK;
}

static const char too_early[] = "ends before the piece that begins at %g s";

// What is read of a file, in samples.
typedef struct span {
    int64_t begin, count; // of the file; count WHOLE: all there is
    int64_t drop, keep;   // what resampling makes of that: how many at the beginning are not wanted, how many are
} span;

#define WHOLE INT64_MAX

enum { CHUNK = 4096 }; // samples of all channels that are decoded at once

static int64_t common_divisor(int64_t a, int64_t b) {
    while (b) {
        const int64_t rest = a % b;
        a = b;
        b = rest;
    }
    return a;
}

// A piece that is resampled begins where the samples of both rates coincide, and reaches further on both sides than the
// filter: 46 samples of the lower rate.
static span span_of(const cv_piece *piece, int from, int to) {
    enum { MARGIN = 64 };
    const int64_t begin = llround(piece->start * to);
    span s = {.begin = begin, .count = WHOLE, .keep = WHOLE};
    if (piece->seconds > 0) s.count = s.keep = llround(fmax(1, piece->seconds * to));
    if (from == to || (begin == 0 && s.count == WHOLE)) return s;
    const int64_t divisor = common_divisor(from, to), step = from / divisor;
    const int64_t margin = MARGIN * (from > to ? (from + to - 1) / to : 1);
    const int64_t least = (int64_t)((double)begin * from / to) - margin;
    s.begin = least > 0 ? least / step * step : 0;
    s.drop = begin - s.begin / step * (to / divisor);
    if (s.count != WHOLE) s.count = (int64_t)ceil((double)(begin + s.keep) * from / to) + margin - s.begin;
    return s;
}

static void mix_down(const float *sample, size_t frames, size_t channels, float *out) {
    for (size_t t = 0; t < frames; t++) {
        double sum = 0;
        for (size_t c = 0; c < channels; c++) sum += sample[t * channels + c];
        out[t] = (float)(sum / (double)channels);
    }
}

// Decodes a span, or what there is of it, mixing the channels down to their mean. The header's length is not relied on:
// some formats can only guess it, and a damaged one may promise anything. What cannot be sought is read and forgotten.
static convo_status decode(SNDFILE *stream, const SF_INFO *info, const char *path, const span *part, cv_sound *sound,
                           convo_error *err) {
    float chunk[CHUNK];
    const sf_count_t most = CHUNK / info->channels;
    size_t capacity = 0, channels = (size_t)info->channels;
    sf_count_t got = 1;
    int64_t at = part->begin && sf_seek(stream, part->begin, SEEK_SET) == part->begin ? part->begin : 0;
    for (; at < part->begin && got > 0; at += got)
        got = sf_readf_float(stream, chunk, part->begin - at < most ? part->begin - at : most);
    for (int64_t left = part->count; left > 0 && got > 0; left -= got) {
        got = sf_readf_float(stream, chunk, left < most ? left : most);
        const size_t frames = got > 0 ? (size_t)got : 0;
        if (sound->count + frames > CV_LIMIT_SOUND)
            return cv_fail(err, CONVO_LIMIT, path, "is longer than the %d samples that are accepted", CV_LIMIT_SOUND);
        if (!cv_grow(&sound->sample, &capacity, sound->count + frames, sizeof *sound->sample))
            return cv_no_memory(err, "a recording");
        mix_down(chunk, frames, channels, sound->sample + sound->count);
        sound->count += frames;
    }
    if (sf_error(stream))
        return cv_fail(err, CONVO_FORMAT, path, "is cut short or damaged after sample %lld (%s)",
                       (long long)(part->begin + (int64_t)sound->count), sf_strerror(stream));
    return CONVO_OK;
}

// From samples of a span to a piece at a rate.
static convo_status convert(const char *path, const span *part, const cv_piece *piece, int rate, cv_sound *sound,
                            convo_error *err) {
    if (rate != sound->rate) {
        cv_sound other = {.rate = rate};
        CV_TRY(resample(sound->sample, sound->count, sound->rate, rate, path, &other.sample, &other.count, err));
        cv_sound_free(sound);
        *sound = other;
    }
    if ((int64_t)sound->count <= part->drop) return cv_fail(err, CONVO_FORMAT, path, too_early, piece->start);
    sound->count -= (size_t)part->drop;
    memmove(sound->sample, sound->sample + part->drop, sound->count * sizeof *sound->sample);
    if ((int64_t)sound->count > part->keep) sound->count = (size_t)part->keep;
    for (size_t t = 0; piece->gain > 0 && t < sound->count; t++)
        sound->sample[t] = (float)(sound->sample[t] * piece->gain);
    return CONVO_OK;
}

// Whether info->frames is exact: a FLAC header counts, or says that it does not know; Ogg's last page has the place of
// its last sample, and libsndfile passes over pages with a wrong checksum.
static bool is_counted(const SF_INFO *info) {
    const int type = info->format & SF_FORMAT_TYPEMASK;
    return (type == SF_FORMAT_FLAC || type == SF_FORMAT_OGG) && info->frames < SF_COUNT_MAX;
}

typedef struct opened {
    cv_sound_file file;
    SF_INFO info;
    SNDFILE *stream;
} opened;

// To be closed in any case.
static convo_status open_sound(const char *path, opened *o, convo_error *err) {
    SF_VIRTUAL_IO io = cv_sound_file_io();
    *o = (opened){.stream = NULL};
    const convo_status status = cv_sound_file_open(path, &o->file, err);
    if (status) return status;
    o->stream = sf_open_virtual(&io, SFM_READ, &o->info, &o->file);
    if (o->stream) return check_info(path, &o->info, err);
    // libsndfile's reason is that of the last file of all threads: it may be another one's
    return cv_fail(err, CONVO_FORMAT, path,
                   "is not a sound file that libsndfile can read (WAV, FLAC, OGG, MP3 and others), or it is damaged");
}

static void close_sound(opened *o) {
    if (o->stream) sf_close(o->stream);
    cv_sound_file_close(&o->file);
}

convo_status cv_sound_length(const char *path, double *seconds, convo_error *err) {
    opened o;
    convo_status status = open_sound(path, &o, err);
    *seconds = 0;
    if (!status && (o.info.frames <= 0 || o.info.frames == SF_COUNT_MAX))
        status = cv_fail(err, CONVO_FORMAT, path, "does not say how long it is: convert it to WAV or FLAC");
    if (!status) *seconds = (double)o.info.frames / o.info.samplerate;
    close_sound(&o);
    return status;
}

convo_status cv_sound_read_piece(const char *path, const cv_piece *piece, int rate, cv_sound *sound, convo_error *err) {
    opened o;
    *sound = (cv_sound){0};
    convo_status status = open_sound(path, &o, err);
    if (status) goto done;
    if (rate == 0) rate = o.info.samplerate;
    const span part = span_of(piece, o.info.samplerate, rate);
    if ((status = decode(o.stream, &o.info, path, &part, sound, err))) goto done;
    const int64_t end = part.begin + (int64_t)sound->count;
    if (is_counted(&o.info) && end < o.info.frames && (int64_t)sound->count < part.count) {
        status =
            cv_fail(err, CONVO_FORMAT, path, "is cut short or damaged: it promises %lld samples and %lld can be read",
                    (long long)o.info.frames, (long long)end);
        goto done;
    }
    if (sound->count == 0) {
        status = cv_fail(err, CONVO_FORMAT, path, piece->start > 0 ? too_early : "holds no samples", piece->start);
        goto done;
    }
    if ((status = cv_sound_check(sound->sample, sound->count, path, err))) goto done;
    sound->rate = o.info.samplerate;
    status = convert(path, &part, piece, rate, sound, err);
done:
    close_sound(&o);
    if (status) cv_sound_free(sound);
    return status;
}

convo_status cv_sound_read(const char *path, int rate, cv_sound *sound, convo_error *err) {
    return cv_sound_read_piece(path, &(cv_piece){0}, rate, sound, err);
}

// --- block by block -----------------------------------------------------------------------------------------------

struct cv_sound_blocks {
    opened file;
    char *path;
    int64_t at; // frames
};

convo_status cv_sound_blocks_open(const char *path, cv_sound_blocks **blocks, int *rate, convo_error *err) {
    *blocks = NULL;
    cv_sound_blocks *b = cv_alloc(1, sizeof *b);
    if (!b || !(b->path = cv_format("%s", path))) {
        free(b);
        return cv_no_memory(err, path);
    }
    const convo_status status = open_sound(path, &b->file, err);
    *rate = b->file.info.samplerate;
    *blocks = b;
    if (!status) return CONVO_OK;
    cv_sound_blocks_close(b);
    *blocks = NULL;
    return status;
}

convo_status cv_sound_blocks_read(cv_sound_blocks *b, float *out, size_t most, size_t *count, convo_error *err) {
    float chunk[CHUNK];
    const size_t channels = (size_t)b->file.info.channels;
    for (*count = 0; *count < most;) {
        const size_t room = CHUNK / channels, left = most - *count;
        const sf_count_t got = sf_readf_float(b->file.stream, chunk, (sf_count_t)(left < room ? left : room));
        if (got <= 0) break;
        mix_down(chunk, (size_t)got, channels, out + *count);
        *count += (size_t)got;
        b->at += got;
    }
    const SF_INFO *info = &b->file.info;
    if (sf_error(b->file.stream) || (*count < most && is_counted(info) && b->at < info->frames))
        return cv_fail(err, CONVO_FORMAT, b->path, "is cut short or damaged after sample %lld", (long long)b->at);
    return cv_sound_check(out, *count, b->path, err);
}

void cv_sound_blocks_close(cv_sound_blocks *b) {
    if (!b) return;
    close_sound(&b->file);
    free(b->path);
    free(b);
}

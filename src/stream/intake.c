#include "stream/intake.h"

#include "audio/sound.h"

#include <samplerate.h>
#include <stdlib.h>
#include <string.h>

enum { BLOCKS_PER_SECOND = 100 }; // that the resampler gets; always whole ones, so that packets do not matter

struct cv_intake {
    const float *pushed; // borrowed
    size_t left;
    // Another rate: blocks of samples, and what becomes of them.
    SRC_STATE *converter;
    double ratio;
    float *block, *out;
    size_t block_size, block_count, out_size, out_count, out_at;
    // Samples first..first + count are the window, as far as it is there.
    float *sample;
    size_t window, hop, room, first, count;
    size_t skip; // that lie between two windows
    // Sums of squares of the last hops, in a ring, and of the one that is under way.
    double *square, under_way;
    size_t squares, at, counted, unit;
};

void cv_intake_free(cv_intake *in) {
    if (!in) return;
    if (in->converter) src_delete(in->converter);
    free(in->block);
    free(in->out);
    free(in->sample);
    free(in->square);
    free(in);
}

static convo_status make_converter(cv_intake *in, int from, int to, convo_error *err) {
    int code = 0;
    if (from == to) return CONVO_OK;
    in->ratio = (double)to / from;
    if (from < CV_RATE_MIN || from > CV_RATE_MAX || !src_is_valid_ratio(in->ratio))
        return cv_fail(err, CONVO_UNSUPPORTED, "",
                       "a stream of %d Hz cannot be resampled to %d Hz: %d to %d Hz, and 1 "
                       "to 256, are the limits",
                       from, to, CV_RATE_MIN, CV_RATE_MAX);
    in->block_size = (size_t)(from / BLOCKS_PER_SECOND);
    in->out_size = (size_t)((double)in->block_size * in->ratio) + 64;
    in->converter = src_new(SRC_SINC_MEDIUM_QUALITY, 1, &code);
    in->block = cv_alloc(in->block_size, sizeof *in->block);
    in->out = cv_alloc(in->out_size, sizeof *in->out);
    return in->converter && in->block && in->out ? CONVO_OK : cv_no_memory(err, "resampling");
}

convo_status cv_intake_new(int from, int to, size_t window, size_t hop, cv_intake **intake, convo_error *err) {
    cv_intake *in = cv_alloc(1, sizeof *in);
    *intake = in;
    if (!in) return cv_no_memory(err, "a stream");
    in->window = window;
    in->hop = hop;
    in->room = 2 * window;
    in->unit = hop < window ? hop : window;
    in->squares = window / in->unit;
    in->sample = cv_alloc(in->room, sizeof *in->sample);
    in->square = cv_alloc(in->squares, sizeof *in->square);
    convo_status status = in->sample && in->square ? CONVO_OK : cv_no_memory(err, "a stream");
    if (!status) status = make_converter(in, from, to, err);
    if (!status) return CONVO_OK;
    cv_intake_free(in);
    *intake = NULL;
    return status;
}

void cv_intake_clear(cv_intake *in, size_t lead) {
    if (in->converter) src_reset(in->converter);
    in->left = in->block_count = in->out_count = in->out_at = 0;
    in->first = in->skip = in->at = in->counted = 0;
    in->count = lead;
    in->under_way = 0;
    memset(in->sample, 0, in->room * sizeof *in->sample);
    memset(in->square, 0, in->squares * sizeof *in->square);
}

void cv_intake_push(cv_intake *in, const float *sample, size_t count) {
    in->pushed = sample;
    in->left = count;
}

bool cv_intake_is_empty(const cv_intake *in) {
    return in->left == 0;
}

static size_t take_pushed(cv_intake *in, float *to, size_t most) {
    const size_t count = in->left < most ? in->left : most;
    if (count) memcpy(to, in->pushed, count * sizeof *to);
    in->pushed += count;
    in->left -= count;
    return count;
}

// Resamples one more block; returns false if there is no whole one.
static bool convert_block(cv_intake *in) {
    in->block_count += take_pushed(in, in->block + in->block_count, in->block_size - in->block_count);
    if (in->block_count < in->block_size) return false;
    SRC_DATA job = {.data_in = in->block,
                    .data_out = in->out,
                    .input_frames = (long)in->block_size,
                    .output_frames = (long)in->out_size,
                    .src_ratio = in->ratio};
    src_process(in->converter, &job); // takes all of it: there is room for what becomes of it
    in->out_count = (size_t)job.output_frames_gen;
    in->out_at = in->block_count = 0;
    return true;
}

// Takes up to `most` samples at the model's rate.
static size_t take(cv_intake *in, float *to, size_t most) {
    if (!in->converter) return take_pushed(in, to, most);
    size_t done = 0;
    while (done < most) {
        const size_t there = in->out_count - in->out_at, count = there < most - done ? there : most - done;
        memcpy(to + done, in->out + in->out_at, count * sizeof *to);
        in->out_at += count;
        done += count;
        if (done < most && !convert_block(in)) break;
    }
    return done;
}

// Sample by sample, so that the sums do not depend on packets.
static void add_squares(cv_intake *in, const float *sample, size_t count) {
    for (size_t i = 0; i < count; i++) {
        in->under_way += (double)sample[i] * (double)sample[i];
        if (++in->counted < in->unit) continue;
        in->square[in->at] = in->under_way;
        in->at = (in->at + 1) % in->squares;
        in->under_way = 0;
        in->counted = 0;
    }
}

// Makes room for the rest of the window, and takes what there is of it.
static bool complete_window(cv_intake *in) {
    while (in->skip) { // into where the window will be
        const size_t count = take(in, in->sample, in->skip < in->room ? in->skip : in->room);
        if (!count) return false;
        in->skip -= count;
    }
    if (in->first + in->window > in->room) {
        memmove(in->sample, in->sample + in->first, in->count * sizeof *in->sample);
        in->first = 0;
    }
    float *end = in->sample + in->first + in->count;
    const size_t count = take(in, end, in->window - in->count);
    add_squares(in, end, count);
    in->count += count;
    return in->count == in->window;
}

const float *cv_intake_window(cv_intake *in, double *loudness) {
    if (!complete_window(in)) return NULL;
    const float *window = in->sample + in->first;
    double most = 0;
    for (size_t k = 0; k < in->squares; k++) most = in->square[k] > most ? in->square[k] : most;
    *loudness = most / (double)in->unit;
    if (in->hop < in->window) {
        in->first += in->hop;
        in->count -= in->hop;
    } else {
        in->first = in->count = 0;
        in->skip = in->hop - in->window;
    }
    return window;
}

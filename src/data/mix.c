// A stream of recordings with known positions: one after the other with pauses, each at a signal-to-noise ratio, over
// noise that goes on. It is written as it is made, so that it may last for hours.
#include "audio/sound_write.h"
#include "base/file.h"
#include "change/kind.h"
#include "change/recordings.h"
#include "data/dataset.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { FRAME = 100, FADE = 200, JOINT = 20 }; // a second holds so many frames of loudness, fades, joints of noise

typedef struct mixing {
    const convo_mix_options *options;
    const cv_dataset *data;
    cv_changes *rooms; // NULL: none
    cv_recordings noise;
    cv_draws draws; // of everything that follows one after the other
    int rate;
    struct running { // what of the noise is heard now
        const struct cv_kept *recording;
        size_t at, left, length; // of the recording; of the time until another one follows, and all of it
        double gain;
    } running;
    cv_sound_writer writer;
    int64_t at; // samples written
    float *block;
    size_t block_size;
    convo_mix *mix;
    size_t capacity;
} mixing;

static double power(const float *sample, size_t count) {
    double sum = 0;
    for (size_t t = 0; t < count; t++) sum += (double)sample[t] * (double)sample[t];
    return count ? sum / (double)count : 0;
}

// --- noise --------------------------------------------------------------------------------------------------------

// A random piece of a random recording, 10 to 30 seconds of it, at a level of its own.
static void begin_noise(mixing *m) {
    struct running *r = &m->running;
    r->recording = &m->noise.recording[cv_draws_below(&m->draws, m->noise.count)];
    r->at = cv_draws_below(&m->draws, r->recording->count);
    r->left = r->length = (size_t)(cv_draws_between(&m->draws, 10, 30) * m->rate);
    const double level = cv_draws_between(&m->draws, m->options->level[0], m->options->level[1]);
    double sum = 0;
    for (size_t t = 0; t < r->recording->count; t++) sum += pow(r->recording->sample[t], 2);
    r->gain = pow(10, level / 20) / sqrt(sum / (double)r->recording->count);
}

// What follows of the noise. Where one recording follows another, both fade: there is no click for a net to hear.
static void make_noise(mixing *m, float *out, size_t count) {
    struct running *r = &m->running;
    const double joint = (double)m->rate / JOINT;
    for (size_t t = 0; t < count; t++) {
        if (!r->left) begin_noise(m);
        const double edge = fmin((double)r->left, (double)(r->length - r->left)) / joint;
        out[t] = (float)(r->gain * fmin(1, edge) * r->recording->sample[r->at]);
        r->at = r->at + 1 < r->recording->count ? r->at + 1 : 0;
        r->left--;
    }
}

// --- recordings ---------------------------------------------------------------------------------------------------

// Where something is said: from the first to the last hundredth of a second that is at most `trim` dB below the
// loudest.
static void find_speech(const mixing *m, const float *sample, size_t count, size_t *begin, size_t *end) {
    const size_t frame = (size_t)m->rate / FRAME;
    double loudest = 0;
    *begin = 0;
    *end = count;
    for (size_t t = 0; t + frame <= count; t += frame) loudest = fmax(loudest, power(sample + t, frame));
    const double least = loudest * pow(10, -m->options->trim / 10);
    if (m->options->trim <= 0 || loudest <= 0) return;
    while (*begin + frame <= count && power(sample + *begin, frame) < least) *begin += frame;
    while (*end >= *begin + 2 * frame && power(sample + *end - frame, frame) < least) *end -= frame;
}

// The recording begins and ends softly: an edge would be something that only such streams have.
static void fade(const mixing *m, float *sample, size_t count) {
    const size_t length = (size_t)m->rate / FADE;
    for (size_t t = 0; t < length && 2 * t < count; t++) {
        const float share = (float)t / (float)length;
        sample[t] *= share;
        sample[count - 1 - t] *= share;
    }
}

static convo_status into_room(const mixing *m, int64_t round, size_t example, cv_sound *sound, convo_error *err) {
    const size_t tail = (size_t)m->rate / 2, count = sound->count + tail;
    float *longer = cv_alloc(count, sizeof *longer);
    if (!longer) return cv_no_memory(err, "a recording");
    memcpy(longer, sound->sample, sound->count * sizeof *longer);
    cv_sound_free(sound);
    sound->rate = m->rate;
    const cv_change_key key = {m->options->seed, (uint64_t)round, example};
    const convo_status status = cv_changes_sound(m->rooms, key, longer, count, &sound->sample, &sound->count, err);
    free(longer);
    return status;
}

static convo_status note_word(mixing *m, const cv_example *example, size_t begin, size_t end, double snr,
                              convo_error *err) {
    convo_mix *mix = m->mix;
    if (!cv_grow(&mix->spoken, &m->capacity, (size_t)mix->count + 1, sizeof *mix->spoken))
        return cv_no_memory(err, "the words of a stream");
    convo_spoken *s = &mix->spoken[mix->count];
    *s = (convo_spoken){.start = (double)(m->at + (int64_t)begin) / m->rate,
                        .end = (double)(m->at + (int64_t)end) / m->rate,
                        .snr = snr,
                        .word = cv_format("%s", m->data->labels[example->label]),
                        .clip = cv_format("%s", example->path)};
    mix->count++;
    return s->word && s->clip ? CONVO_OK : cv_no_memory(err, "the words of a stream");
}

static convo_status make_room(mixing *m, size_t count, convo_error *err) {
    return cv_grow(&m->block, &m->block_size, count, sizeof *m->block) ? CONVO_OK
                                                                       : cv_no_memory(err, "a part of a stream");
}

static convo_status add_pause(mixing *m, convo_error *err) {
    const size_t count = (size_t)(cv_draws_between(&m->draws, m->options->gap[0], m->options->gap[1]) * m->rate);
    CV_TRY(make_room(m, count, err));
    memset(m->block, 0, count * sizeof *m->block);
    if (m->noise.count) make_noise(m, m->block, count);
    m->at += (int64_t)count;
    return cv_sound_write(&m->writer, m->block, count, err);
}

// The gain that gives the recording its ratio to the noise, and less where the sum would not fit into the file.
static double gain_for(const mixing *m, const cv_sound *sound, size_t begin, size_t end, double snr) {
    const double speech = power(sound->sample + begin, end - begin), noise = power(m->block + begin, end - begin);
    double gain = speech > 0 && noise > 0 ? sqrt(noise * pow(10, snr / 10) / speech) : 1, highest = 0, loud = 0;
    for (size_t t = 0; t < sound->count; t++) {
        highest = fmax(highest, fabs((double)sound->sample[t]));
        loud = fmax(loud, fabs((double)m->block[t]));
    }
    if (m->noise.count && gain * highest > fmax(0.99 - loud, 0.01)) gain = fmax(0.99 - loud, 0.01) / highest;
    return gain;
}

static convo_status add_recording(mixing *m, int64_t round, size_t which, convo_error *err) {
    const cv_example *example = &m->data->example[which];
    const double snr = cv_draws_between(&m->draws, m->options->snr[0], m->options->snr[1]);
    cv_sound sound = {0};
    size_t begin, end;
    convo_status status = cv_sound_read_piece(example->path, &example->piece, m->rate, &sound, err);
    if (status) return status;
    find_speech(m, sound.sample, sound.count, &begin, &end);
    fade(m, sound.sample, sound.count);
    if (m->rooms && (status = into_room(m, round, which, &sound, err))) goto done;
    if ((status = make_room(m, sound.count, err))) goto done;
    memset(m->block, 0, sound.count * sizeof *m->block);
    if (m->noise.count) make_noise(m, m->block, sound.count);
    const double gain = gain_for(m, &sound, begin, end, snr);
    const double noise = power(m->block + begin, end - begin);
    const double ratio =
        gain * gain * power(sound.sample + begin, end - begin) / noise; // NaN or infinite without noise
    for (size_t t = 0; t < sound.count; t++) m->block[t] += (float)(gain * sound.sample[t]);
    status = note_word(m, example, begin, end, noise > 0 ? 10 * log10(ratio) : NAN, err);
    m->at += (int64_t)sound.count;
    if (!status) status = cv_sound_write(&m->writer, m->block, sound.count, err);
done:
    cv_sound_free(&sound);
    return status;
}

// --- the stream ---------------------------------------------------------------------------------------------------

static bool stopped(const mixing *m) {
    return m->options->stop && *m->options->stop;
}

// Every recording of the part once in a round, in an order of its own.
static convo_status write_rounds(mixing *m, const int32_t *chosen, size_t count, convo_error *err) {
    int32_t *order = cv_alloc(count, sizeof *order);
    if (!order) return cv_no_memory(err, "a stream");
    convo_status status = CONVO_OK;
    const convo_mix_options *o = m->options;
    for (int64_t round = 0; round < o->rounds && !status && !stopped(m); round++) {
        memcpy(order, chosen, count * sizeof *order);
        for (size_t k = count; k > 1; k--) { // Fisher and Yates
            const size_t other = cv_draws_below(&m->draws, k);
            const int32_t kept = order[k - 1];
            order[k - 1] = order[other];
            order[other] = kept;
        }
        for (size_t k = 0; k < count && !status && !stopped(m); k++) {
            status = add_pause(m, err);
            if (!status) status = add_recording(m, round, (size_t)order[k], err);
            if (o->progress) o->progress(round * (int64_t)count + (int64_t)k + 1, o->rounds * (int64_t)count, o->user);
        }
    }
    free(order);
    return status ? status : add_pause(m, err);
}

static convo_status read_rooms(mixing *m, convo_error *err) {
    if (!m->options->rooms) return CONVO_OK;
    char *config = cv_alloc(1, cv_change_reverb.config_size), why[256];
    if (!config) return cv_no_memory(err, "rooms");
    struct cv_change_setting setting = {&cv_change_reverb, 1, config};
    const cv_changes_config changes = {&setting, 1};
    const cv_change_setup setup = {.rate = m->rate};
    convo_status status = CONVO_OK;
    if (!cv_option_set(cv_change_reverb.schema, config, m->options->rooms, why, sizeof why))
        status = cv_fail(err, CONVO_ARGUMENT, m->options->rooms, "%s", why);
    if (!status) status = cv_changes_new(&changes, &setup, &m->rooms, err);
    free(config);
    return status;
}

static bool is_span(const double span[2], double least, double most) {
    return span[0] >= least && span[1] >= span[0] && span[1] <= most;
}

static convo_status check(const char *name, const char *path, const convo_mix_options *o, const convo_mix *mix,
                          convo_error *err) {
    if (!name || !path || !o || !o->out || !mix)
        return cv_fail(err, CONVO_ARGUMENT, "",
                       "a stream needs a data set, its folder, a file and room for the result");
    if (o->part < CONVO_TRAIN || o->part > CONVO_ALL)
        return cv_fail(err, CONVO_ARGUMENT, "", "a stream is made of a part of the data, or of all");
    if (!is_span(o->snr, -40, 100) || !is_span(o->gap, 0, 3600) || !is_span(o->level, -100, 0) ||
        !(o->trim >= 0 && o->trim <= 200))
        return cv_fail(err, CONVO_ARGUMENT, "",
                       "the lower end comes first: snr from -40 to 100 dB, gap from 0 to 3600 s, level from -100 to 0 "
                       "dB; trim is from 0 to 200 dB");
    if (o->rounds < 1 || o->rounds > 1000000 || o->rate < CV_RATE_MIN || o->rate > CV_RATE_MAX)
        return cv_fail(err, CONVO_ARGUMENT, "", "a stream has 1 to 1000000 rounds and a rate from %d to %d Hz",
                       CV_RATE_MIN, CV_RATE_MAX);
    return CONVO_OK;
}

// The examples of the part that is asked for, by the parts that the data set has itself.
static convo_status choose_part(const cv_dataset *data, convo_part part, int32_t **chosen, size_t *count,
                                convo_error *err) {
    *count = 0;
    if (!(*chosen = cv_alloc(data->count, sizeof **chosen))) return cv_no_memory(err, "a stream");
    for (size_t i = 0; i < data->count; i++)
        if (part == CONVO_ALL || data->example[i].part == (int32_t)part) (*chosen)[(*count)++] = (int32_t)i;
    if (*count) return CONVO_OK;
    return cv_fail(err, CONVO_ARGUMENT, data->folder, "has no recordings in its part '%s'", cv_part_name(part));
}

// A stream never takes the place of what it is made of.
static convo_status spare_recordings(const cv_dataset *data, const char *out, convo_error *err) {
    for (size_t i = 0; i < data->count; i++)
        if (cv_is_same_file(data->example[i].path, out))
            return cv_fail(err, CONVO_ARGUMENT, out, "is one of the recordings that are mixed: name another file");
    return CONVO_OK;
}

static convo_status mix_part(mixing *m, convo_error *err) {
    int32_t *chosen = NULL;
    size_t count;
    convo_status status = choose_part(m->data, m->options->part, &chosen, &count, err);
    if (!status) status = spare_recordings(m->data, m->options->out, err);
    if (!status && m->options->noise) status = cv_recordings_read(m->options->noise, "noise", m->rate, &m->noise, err);
    if (!status) status = read_rooms(m, err);
    if (!status) status = cv_sound_write_begin(&m->writer, m->options->out, m->rate, err);
    if (!status) status = write_rounds(m, chosen, count, err);
    m->mix->interrupted = !status && stopped(m);
    if (!status && !m->mix->interrupted) status = cv_sound_write_end(&m->writer, err);
    cv_sound_write_abandon(&m->writer);
    m->mix->seconds = (double)m->at / m->rate;
    cv_changes_free(m->rooms);
    cv_recordings_free(&m->noise);
    free(m->block);
    free(chosen);
    return status;
}

convo_status convo_mix_write(const char *name, const char *path, const convo_mix_options *options, convo_mix *mix,
                             convo_error *err) {
    CV_TRY(check(name, path, options, mix, err));
    *mix = (convo_mix){0};
    const cv_data_kind *kind = cv_data_kind_find(name);
    if (!kind || !kind->recordings)
        return cv_fail(err, CONVO_ARGUMENT, name, kind ? "holds no recordings" : "is no data set that convo knows");
    cv_dataset *data;
    CV_TRY(cv_dataset_open_plain(kind, path, &data, err));
    mixing m = {.options = options,
                .data = data,
                .draws = cv_draws_begin(options->seed, 0, 0, 0),
                .rate = options->rate,
                .mix = mix};
    const convo_status status = mix_part(&m, err);
    cv_dataset_free(data);
    if (status) convo_mix_free(mix);
    return status;
}

void convo_mix_free(convo_mix *mix) {
    if (!mix) return;
    for (int64_t k = 0; k < mix->count; k++) {
        free(mix->spoken[k].word);
        free(mix->spoken[k].clip);
    }
    free(mix->spoken);
    *mix = (convo_mix){0};
}

// A model on recordings of hours: what it hears, against what is said.
#include "audio/sound.h"
#include "data/dataset.h"
#include "detect/spotting.h"
#include "model/model.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static const double slack = 0.5; // seconds after the end of a word in which it may still be heard

typedef struct scored { // a recording
    const char *path;
    float *score; // [words][room for hops]: smoothed
    size_t room;
    int64_t hops;
    double first, seconds;
    double until; // where the last of the model's words may still be heard; 0: none is said
} scored;

typedef struct spotting {
    convo_model *model;
    const convo_spot_options *options;
    const cv_dataset *data;
    convo_listening listening;
    convo_stream *stream;
    int *label; // [words] classes that are words
    size_t words;
    scored *recording;
    size_t recordings;
    double processor; // seconds
    convo_spotting *out;
} spotting;

static double spent_seconds(void) {
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

// --- scores -------------------------------------------------------------------------------------------------------

// The scores of a word lie one after the other: when there is no room for more, all words move apart.
static bool grow_scores(scored *r, size_t words) {
    const size_t room = r->room ? 2 * r->room : 4096;
    size_t numbers;
    float *wider = cv_mul(room, words, &numbers) ? cv_alloc(numbers, sizeof *wider) : NULL;
    if (!wider) return false;
    for (size_t w = 0; w < words && r->room; w++)
        memcpy(wider + w * room, r->score + w * r->room, (size_t)r->hops * sizeof *wider);
    free(r->score);
    r->score = wider;
    r->room = room;
    return true;
}

static convo_status take_hops(spotting *s, scored *r, convo_error *err) {
    convo_event event;
    for (;;) {
        CV_TRY(convo_stream_next(s->stream, &event, err));
        if (event.kind == CONVO_NOTHING) return CONVO_OK;
        if (event.kind != CONVO_SCORED) continue;
        if ((size_t)r->hops == r->room && !grow_scores(r, s->words)) return cv_no_memory(err, "the scores");
        if (r->hops == 0) r->first = event.time;
        for (size_t w = 0; w < s->words; w++) r->score[w * r->room + (size_t)r->hops] = event.smoothed[s->label[w]];
        r->hops++;
    }
}

static convo_status listen_blocks(spotting *s, scored *r, cv_sound_blocks *blocks, int rate, convo_error *err) {
    float block[4096];
    const int64_t packet = s->options->packet;
    const size_t most = packet > 0 && packet < (int64_t)CV_COUNT(block) ? (size_t)packet : CV_COUNT(block);
    int64_t samples = 0;
    for (size_t count = 1; count;) {
        CV_TRY(cv_sound_blocks_read(blocks, block, most, &count, err));
        const double before = spent_seconds();
        if (count) CV_TRY(convo_stream_push(s->stream, block, count, err));
        if (count) CV_TRY(take_hops(s, r, err));
        s->processor += spent_seconds() - before;
        samples += (int64_t)count;
        r->seconds = (double)samples / rate;
        if (s->options->progress) s->options->progress(r->path, r->seconds, s->options->user);
    }
    return CONVO_OK;
}

// A word at the end of a recording has its time as any other, in silence.
static convo_status listen_on(spotting *s, scored *r, int rate, convo_error *err) {
    static const float silence[512];
    for (double left = (r->until - r->seconds) * rate; left > 0; left -= (double)CV_COUNT(silence)) {
        const size_t count = left < (double)CV_COUNT(silence) ? (size_t)left + 1 : CV_COUNT(silence);
        CV_TRY(convo_stream_push(s->stream, silence, count, err));
        CV_TRY(take_hops(s, r, err));
    }
    if (r->hops || (!(r->until > 0) && !(s->options->at > 0))) return CONVO_OK;
    return cv_fail(err, CONVO_ARGUMENT, r->path,
                   "is %.3g s long, and the net hears %.3g s at once: join short recordings, as 'convo data mix' does",
                   r->seconds, convo_stream_window(s->stream));
}

static convo_status listen_to(spotting *s, scored *r, convo_error *err) {
    cv_sound_blocks *blocks;
    int rate;
    CV_TRY(cv_sound_blocks_open(r->path, &blocks, &rate, err));
    const convo_stream_options how = {.rate = rate, .scores = true};
    convo_status status = convo_stream_new(s->model, &how, &s->stream, err);
    if (!status) status = listen_blocks(s, r, blocks, rate, err);
    if (!status) status = listen_on(s, r, rate, err);
    convo_stream_free(s->stream);
    s->stream = NULL;
    cv_sound_blocks_close(blocks);
    s->out->seconds += r->seconds;
    return status;
}

// --- figures ------------------------------------------------------------------------------------------------------

static int by_start(const void *a, const void *b) {
    const double x = ((const cv_said *)a)->start, y = ((const cv_said *)b)->start;
    return (x > y) - (x < y);
}

static bool is_label(const spotting *s, const cv_example *example, int label) {
    return !strcmp(s->data->labels[example->label], s->out->label[label]);
}

// What is said of one word, recording by recording; *said holds it.
static bool gather_word(const spotting *s, size_t word, cv_spotted *of, cv_said **said) {
    cv_said *next = *said = cv_alloc(s->data->count + 1, sizeof **said);
    if (!next) return false;
    for (size_t k = 0; k < s->recordings; k++) {
        const scored *r = &s->recording[k];
        cv_spotted *to = &of[k];
        *to = (cv_spotted){.score = r->score + word * r->room,
                           .hops = r->hops,
                           .first = r->first,
                           .hop = s->listening.hop,
                           .seconds = r->seconds,
                           .said = next};
        for (size_t i = 0; i < s->data->count; i++) {
            const cv_example *e = &s->data->example[i];
            if (strcmp(e->path, r->path) != 0 || !is_label(s, e, s->label[word])) continue;
            const double start = e->piece.start;
            *next++ = (cv_said){start, e->piece.seconds > 0 ? start + e->piece.seconds : r->seconds};
            to->count++;
        }
        qsort(next - to->count, (size_t)to->count, sizeof *next, by_start);
    }
    return true;
}

typedef struct noting {
    spotting *s;
    const cv_spotted *of;
    size_t word, capacity;
    double *delay; // [hits]
    int64_t hits;
    bool failed;
} noting;

static void note_event(void *user, size_t recording, int64_t hop, int64_t said) {
    noting *n = user;
    convo_spotting *out = n->s->out;
    const cv_spotted *of = &n->of[recording];
    const double time = of->first + (double)hop * of->hop;
    if (said >= 0) n->delay[n->hits++] = time - of->said[said].end;
    if (n->failed || !cv_grow(&out->heard, &n->capacity, (size_t)out->heard_count + 1, sizeof *out->heard)) {
        n->failed = true;
        return;
    }
    out->heard[out->heard_count++] = (convo_spotted){.recording = (int)recording,
                                                     .time = time,
                                                     .label = n->s->label[n->word],
                                                     .score = (double)of->score[hop],
                                                     .hit = said >= 0};
}

static convo_status fill_curve(const float *threshold, const cv_spotting_tally *tally, size_t count,
                               convo_spot_word *to, convo_error *err) {
    if (!(to->curve = cv_alloc(count + 1, sizeof *to->curve))) return cv_no_memory(err, "the curve");
    for (size_t k = 0; k < count; k++)
        to->curve[to->points++] = (convo_spot_point){.threshold = (double)threshold[k],
                                                     .missed = to->said - tally[k].hits,
                                                     .false_accepts = tally[k].false_accepts};
    return CONVO_OK;
}

static convo_status find_curve(spotting *s, const cv_spotted *of, const cv_spotting_rule *rule, convo_spot_word *to,
                               convo_error *err) {
    float *threshold = NULL;
    size_t count = 0;
    CV_TRY(cv_spotting_thresholds(of, s->recordings, rule, &threshold, &count, err));
    cv_spotting_tally *tally = cv_alloc(count + 1, sizeof *tally);
    convo_status status = tally ? CONVO_OK : cv_no_memory(err, "the curve");
    if (!status && count) status = cv_spotting_count(of, s->recordings, rule, threshold, count, tally, NULL, NULL, err);
    if (!status) status = fill_curve(threshold, tally, count, to, err);
    if (!status && s->options->at > 0)
        to->threshold =
            (double)cv_spotting_choose(threshold, tally, count, to->hours, s->options->at / (double)s->words);
    free(tally);
    free(threshold);
    return status;
}

static convo_status count_word(spotting *s, size_t word, const cv_spotted *of, noting *n, convo_error *err) {
    convo_spot_word *to = &s->out->word[word];
    const convo_listening_class *class = &s->listening.of[s->label[word]];
    const cv_spotting_rule rule = {
        .gap = (int32_t)lround(s->listening.gap / s->listening.hop), .reset = (float)class->reset, .slack = slack};
    *to = (convo_spot_word){.label = s->label[word], .threshold = class->threshold};
    for (size_t k = 0; k < s->recordings; k++) to->said += of[k].count;
    to->hours = cv_spotting_rest(of, s->recordings, slack) / 3600;
    CV_TRY(find_curve(s, of, &rule, to, err));
    cv_spotting_tally tally;
    const float threshold = (float)to->threshold;
    if (!(n->delay = cv_alloc((size_t)to->said + 1, sizeof *n->delay))) return cv_no_memory(err, "the delays");
    convo_status status = cv_spotting_count(of, s->recordings, &rule, &threshold, 1, &tally, note_event, n, err);
    if (!status && n->failed) status = cv_no_memory(err, "what was heard");
    if (!status) {
        to->missed = to->said - tally.hits;
        to->false_accepts = tally.false_accepts;
        to->misses = convo_accuracy_interval(to->missed, to->said);
        to->per_hour = convo_rate_interval(to->false_accepts, to->hours);
        to->delay_p50 = cv_quantile(n->delay, n->hits, 0.5);
        to->delay_p95 = cv_quantile(n->delay, n->hits, 0.95);
    }
    free(n->delay);
    n->delay = NULL;
    n->hits = 0;
    return status;
}

static convo_status count_all(spotting *s, convo_error *err) {
    cv_spotted *of = cv_alloc(s->recordings, sizeof *of);
    noting n = {.s = s, .of = of};
    convo_status status = of ? CONVO_OK : cv_no_memory(err, "what was heard");
    for (size_t w = 0; w < s->words && !status; w++) {
        cv_said *said = NULL;
        n.word = w;
        s->out->words++;
        status = gather_word(s, w, of, &said) ? count_word(s, w, of, &n, err) : cv_no_memory(err, "what was said");
        free(said);
    }
    free(of);
    return status;
}

// --- the whole ----------------------------------------------------------------------------------------------------

static convo_status find_words(spotting *s, convo_error *err) {
    const convo_listening *l = &s->listening;
    convo_spotting *out = s->out;
    out->labels = l->classes;
    s->label = cv_alloc((size_t)l->classes, sizeof *s->label);
    out->label = cv_alloc((size_t)l->classes, sizeof *out->label);
    out->word = cv_alloc((size_t)l->classes, sizeof *out->word);
    if (!s->label || !out->label || !out->word) return cv_no_memory(err, "the words");
    for (int k = 0; k < l->classes; k++) {
        if (!(out->label[k] = cv_format("%s", convo_model_label(s->model, k)))) return cv_no_memory(err, "the words");
        if (!l->of[k].silent) s->label[s->words++] = k;
    }
    return s->words ? CONVO_OK
                    : cv_fail(err, CONVO_STATE, "listening", "every class of the model is silent: none is a word");
}

// The recordings of the list, each once, in its order.
static convo_status find_recordings(spotting *s, convo_error *err) {
    convo_spotting *out = s->out;
    s->recording = cv_alloc(s->data->count, sizeof *s->recording);
    out->recording = cv_alloc(s->data->count, sizeof *out->recording);
    if (!s->recording || !out->recording) return cv_no_memory(err, "the recordings");
    for (size_t i = 0; i < s->data->count; i++) {
        const char *path = s->data->example[i].path;
        size_t k = s->recordings; // rows of one recording follow each other, as a rule
        while (k > 0 && strcmp(s->recording[k - 1].path, path) != 0) k--;
        if (k) continue;
        s->recording[s->recordings++].path = path;
        if (!(out->recording[out->recordings++] = cv_format("%s", path))) return cv_no_memory(err, "the recordings");
    }
    return CONVO_OK;
}

static bool is_word(const spotting *s, const cv_example *e) {
    for (size_t w = 0; w < s->words; w++)
        if (is_label(s, e, s->label[w])) return true;
    return false;
}

// Before hours are listened to: whether what is said lies within each recording.
static convo_status check_times(spotting *s, scored *r, convo_error *err) {
    double length;
    CV_TRY(cv_sound_length(r->path, &length, err));
    for (size_t i = 0; i < s->data->count; i++) {
        const cv_example *e = &s->data->example[i];
        const double start = e->piece.start, end = e->piece.seconds > 0 ? start + e->piece.seconds : length;
        if (strcmp(e->path, r->path) != 0 || !s->data->labels[e->label][0]) continue;
        if (start >= length || end > length + slack)
            return cv_fail(err, CONVO_FORMAT, r->path,
                           "is %.2f s long, and its list says '%.60s' from %.2f to %.2f s: times are in seconds from "
                           "the beginning",
                           length, s->data->labels[e->label], start, end);
        if (is_word(s, e)) r->until = fmax(r->until, end + slack);
    }
    return CONVO_OK;
}

static convo_status spot(spotting *s, convo_error *err) {
    CV_TRY(convo_model_listening(s->model, &s->listening, err));
    CV_TRY(find_words(s, err));
    CV_TRY(find_recordings(s, err));
    for (size_t k = 0; k < s->recordings; k++) CV_TRY(check_times(s, &s->recording[k], err));
    for (size_t k = 0; k < s->recordings; k++) CV_TRY(listen_to(s, &s->recording[k], err));
    CV_TRY(count_all(s, err));
    s->out->share = s->out->seconds > 0 ? s->processor / s->out->seconds : 0;
    if (!(s->options->at > 0)) return CONVO_OK;
    for (size_t w = 0; w < s->words; w++) s->listening.of[s->label[w]].threshold = s->out->word[w].threshold;
    return convo_model_listen_with(s->model, &s->listening, err);
}

convo_status convo_spot(convo_model *model, const char *list, const convo_spot_options *options, convo_spotting *result,
                        convo_error *err) {
    static const convo_spot_options none;
    if (!model || !list || !result)
        return cv_fail(err, CONVO_ARGUMENT, "", "a model, a list of recordings and room for the result are needed");
    *result = (convo_spotting){0};
    spotting s = {.model = model, .options = options ? options : &none, .out = result};
    if (!(s.options->at >= 0 && isfinite(s.options->at)) || s.options->packet < 0)
        return cv_fail(err, CONVO_ARGUMENT, "", "false accepts an hour and samples of a packet are 0 or more");
    cv_dataset *data;
    CV_TRY(cv_predictor_prepare(model, &model->predictor, true, err)); // it can listen
    CV_TRY(cv_spoken_open(list, &data, err));
    s.data = data;
    const convo_status status = spot(&s, err);
    for (size_t k = 0; k < s.recordings; k++) free(s.recording[k].score);
    free(s.recording);
    free(s.label);
    convo_listening_free(&s.listening);
    cv_dataset_free(data);
    if (status) convo_spotting_free(result);
    return status;
}

void convo_spotting_free(convo_spotting *r) {
    if (!r) return;
    for (int k = 0; k < r->labels && r->label; k++) free(r->label[k]);
    for (int k = 0; k < r->recordings; k++) free(r->recording[k]);
    for (int k = 0; k < r->words; k++) free(r->word[k].curve);
    free(r->label);
    free(r->recording);
    free(r->word);
    free(r->heard);
    *r = (convo_spotting){0};
}

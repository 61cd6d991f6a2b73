// A model that listens to a stream: the same probabilities as those of each window by itself, the same events however
// the samples arrive, and no memory taken on the way.
#include "models.h"
#include "model/on_device.h"
#include "stream/columns.h"
#include "stream/hops.h"

#include <stdatomic.h>

enum { RATE = 8000, LENGTH = 3 * RATE, WINDOW = 1600, MOST_HOPS = 4096 };

#define TRAINED "data: {set: fsdd}\ntrain: {loss: cross_entropy, optimizer: {sgd: {lr: 0.1}}, batch: 1, epochs: 1}\n"
static const char net[] = TRAINED "features: {kind: logmel, samples: 1600, filters: 12}\n"
                                  "model: [conv2d: {out: 5, kernel: 3, stride: 2}, relu, globalavgpool, linear: 3]\n";

// --- memory that convo takes, by the linker's --wrap --------------------------------------------------------------

static atomic_int taken;
void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *old, size_t size);
void *__real_aligned_alloc(size_t alignment, size_t size);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *old, size_t size);
void *__wrap_aligned_alloc(size_t alignment, size_t size);

void *__wrap_malloc(size_t size) {
    taken++;
    return __real_malloc(size);
}
void *__wrap_calloc(size_t count, size_t size) {
    taken++;
    return __real_calloc(count, size);
}
void *__wrap_realloc(void *old, size_t size) {
    taken++;
    return __real_realloc(old, size);
}
void *__wrap_aligned_alloc(size_t alignment, size_t size) {
    taken++;
    return __real_aligned_alloc(alignment, size);
}

// --- streams ------------------------------------------------------------------------------------------------------

// Noise whose loudness comes and goes, so that probabilities move.
static void make_sound(float *sample, size_t count) {
    for (size_t i = 0; i < count; i++) {
        const double swell = 0.5 - 0.5 * cos((double)i / 900);
        sample[i] = (float)(0.3 * swell * (double)made_up(1, (uint32_t)i) + 0.2 * sin((double)(i * i) / 50000));
    }
}

// All that a stream finds in some samples.
typedef struct record {
    int hops, heard, classes;
    double time[MOST_HOPS], level[MOST_HOPS];
    float probability[MOST_HOPS][3], smoothed[MOST_HOPS][3];
    struct {
        int64_t hop;
        int class;
        double score;
    } event[MOST_HOPS];
} record;

static void take(record *r, const convo_event *e) {
    if (e->kind == CONVO_HEARD) {
        r->event[r->heard].hop = e->hop;
        r->event[r->heard].class = e->heard;
        r->event[r->heard++].score = e->score;
        return;
    }
    assert_int_equal(e->hop, r->hops);
    assert_int_equal(e->classes, 3);
    r->time[r->hops] = e->time;
    r->level[r->hops] = e->level;
    memcpy(r->probability[r->hops], e->probabilities, sizeof r->probability[0]);
    memcpy(r->smoothed[r->hops++], e->smoothed, sizeof r->smoothed[0]);
}

// packet: samples at a time; 0: another number each time.
static void listen(convo_stream *stream, const float *sample, size_t count, size_t packet, record *r) {
    convo_error err = {0};
    convo_event event;
    const int before = taken;
    memset(r, 0, sizeof *r);
    for (size_t at = 0, n, k = 1; at < count; at += n, k++) {
        n = packet ? packet : k * k % 701;
        if (n > count - at) n = count - at;
        must(convo_stream_push(stream, sample + at, n, &err), &err);
        for (must(convo_stream_next(stream, &event, &err), &err); event.kind != CONVO_NOTHING;
             must(convo_stream_next(stream, &event, &err), &err))
            take(r, &event);
    }
    if (taken != before) fail_msg("%d pieces of memory were taken while listening", taken - before);
}

static convo_listening settings(const convo_model *model, double hop) {
    convo_listening l;
    convo_error err = {0};
    must(convo_model_listening(model, &l, &err), &err);
    l.hop = hop;
    l.smooth = 3 * hop;
    l.gap = 8 * hop;
    for (int k = 0; k < l.classes; k++) l.of[k].threshold = 0.34; // one of three classes reaches it now and then
    return l;
}

static convo_stream *open_stream(const convo_model *model, const convo_listening *l, int rate, bool whole) {
    const convo_stream_options options = {.listening = l, .rate = rate, .scores = true, .whole = whole};
    convo_error err = {0};
    convo_stream *stream;
    must(convo_stream_new(model, &options, &stream, &err), &err);
    return stream;
}

static void a_window_is_predicted_as_a_recording_is(void **state) {
    (void)state;
    static float sound[LENGTH];
    static record r;
    convo_model *model = make_model(net, 3);
    const double hops[] = {0.02, 0.0333, 0.2, 0.5}; // the last two as long as the window, and longer
    make_sound(sound, LENGTH);
    for (size_t k = 0; k < CV_COUNT(hops); k++) {
        convo_listening l = settings(model, hops[k]);
        convo_stream *stream = open_stream(model, &l, 0, true);
        const size_t hop = (size_t)lround(hops[k] * RATE);
        listen(stream, sound, LENGTH, 1000, &r);
        assert_int_equal(r.hops, (LENGTH - WINDOW) / hop + 1);
        for (size_t n = 0; n < (size_t)r.hops; n++) {
            float want[3];
            convo_error err = {0};
            must(convo_model_predict(model, sound + n * hop, WINDOW, RATE, want, &err), &err);
            if (memcmp(want, r.probability[n], sizeof want) != 0)
                fail_msg("hop %g s, window %zu: %.9g, not %.9g", hops[k], n, (double)r.probability[n][0],
                         (double)want[0]);
            assert_true(fabs(r.time[n] - (double)(n * hop + WINDOW) / RATE) < 1e-9);
        }
        convo_stream_free(stream);
        convo_listening_free(&l);
    }
    convo_model_free(model);
}

static void events_do_not_depend_on_packets(void **state) {
    (void)state;
    static const size_t packets[] = {1, 7, 160, 4000, LENGTH, 0};
    static const int rates[] = {RATE, 16000, 11025, 48000, 6000};
    static float sound[LENGTH];
    static record first, again;
    convo_model *model = make_model(net, 3);
    convo_listening l = settings(model, 0.02);
    make_sound(sound, LENGTH);
    for (size_t r = 0; r < CV_COUNT(rates); r++) {
        convo_stream *stream = open_stream(model, &l, rates[r], false);
        for (size_t k = 0; k < CV_COUNT(packets); k++) {
            record *to = k ? &again : &first;
            convo_stream_clear(stream);
            listen(stream, sound, LENGTH, packets[k], to);
            if (k && memcmp(&first, &again, sizeof first) != 0)
                fail_msg("%d Hz: packets of %zu samples give other events than single samples", rates[r], packets[k]);
        }
        const int seconds = LENGTH * 1000 / rates[r];
        assert_in_range(first.hops, (seconds - 220 - 25) / 20, (seconds - 200) / 20 + 1);
        assert_true(first.heard > 0);
        convo_stream_free(stream);
    }
    convo_listening_free(&l);
    convo_model_free(model);
}

// A tone is the same at any rate, up to the resampler's precision.
static void another_rate_is_resampled(void **state) {
    (void)state;
    static float sound[4 * LENGTH];
    static record own, other;
    convo_model *model = make_model(net, 3);
    convo_listening l = settings(model, 0.02);
    for (int k = 0; k < 2; k++) {
        const int rate = k ? 32000 : RATE;
        convo_stream *stream = open_stream(model, &l, rate, false);
        for (int i = 0; i < 3 * rate; i++) sound[i] = (float)(0.4 * sin(2 * M_PI * 700 * i / rate));
        listen(stream, sound, (size_t)(3 * rate), 0, k ? &other : &own);
        convo_stream_free(stream);
    }
    double worst = 0;
    for (int n = 2; n < other.hops; n++)
        for (int c = 0; c < 3; c++)
            worst = fmax(worst, fabs((double)own.probability[n][c] - (double)other.probability[n][c]));
    if (worst > 2e-3) fail_msg("probabilities differ by %g", worst);
    convo_listening_free(&l);
    convo_model_free(model);
}

static void events_are_those_of_the_smoothed_probabilities(void **state) {
    (void)state;
    static float sound[LENGTH];
    static record r;
    convo_model *model = make_model(net, 3);
    convo_listening l = settings(model, 0.02);
    convo_stream *stream = open_stream(model, &l, 0, false);
    int events = 0, last[3] = {-99, -99, -99};
    make_sound(sound, LENGTH);
    listen(stream, sound, LENGTH, 0, &r);
    for (int n = 0; n < r.hops; n++)
        for (int c = 0; c < 3; c++) {
            float sum = 0;
            for (int k = n < 2 ? 0 : n - 2; k <= n; k++) sum += r.probability[k][c];
            assert_true(r.smoothed[n][c] == sum / 3);
            if (!((double)r.smoothed[n][c] >= (double)0.34f) || n - last[c] < 8) continue;
            assert_true(events < r.heard && r.event[events].hop == n && r.event[events].class == c);
            assert_true(r.event[events++].score == (double)r.smoothed[n][c]);
            last[c] = n;
        }
    assert_int_equal(events, r.heard);
    assert_true(events > 3);
    convo_stream_free(stream);
    convo_listening_free(&l);
    convo_model_free(model);
}

// Silence, then a tone of -20 dB: its windows are heard from the first whole hop of it on.
static void a_gate_keeps_quiet_windows_silent(void **state) {
    (void)state;
    static float sound[LENGTH];
    static record r;
    convo_model *model = make_model(net, 3);
    convo_listening l = settings(model, 0.02);
    l.gate = -30;
    convo_stream *stream = open_stream(model, &l, 0, false);
    for (int i = LENGTH / 2; i < LENGTH; i++) sound[i] = (float)(0.1 * M_SQRT2 * sin(2 * M_PI * 500 * i / RATE));
    listen(stream, sound, LENGTH, 0, &r);
    for (int n = 0; n < r.hops; n++) {
        const bool loud = n * 160 + WINDOW >= LENGTH / 2 + 160;
        assert_true((r.probability[n][0] > 0) == loud);
        if (fabs(r.level[n] - (loud ? -20 : -200)) > 0.01) fail_msg("window %d has %g dB", n, r.level[n]);
    }
    convo_stream_free(stream);
    convo_listening_free(&l);
    convo_model_free(model);
}

static void samples_that_are_none_are_refused(void **state) {
    (void)state;
    const float good[WINDOW] = {0}, bad[] = {0, INFINITY};
    convo_model *model = make_model(net, 3);
    convo_listening l = settings(model, 0.02);
    convo_stream *stream = open_stream(model, &l, 0, false);
    convo_event event;
    convo_error err = {0};
    assert_int_equal(convo_stream_push(stream, bad, 2, &err), CONVO_NUMERIC);
    must(convo_stream_push(stream, good, WINDOW, &err), &err);
    assert_int_equal(convo_stream_push(stream, good, 1, &err), CONVO_STATE);
    must(convo_stream_next(stream, &event, &err), &err);
    assert_true(event.kind == CONVO_SCORED && event.hop == 0); // nothing of the refused ones was taken
    while (event.kind != CONVO_NOTHING) must(convo_stream_next(stream, &event, &err), &err);
    must(convo_stream_push(stream, NULL, 0, &err), &err);
    assert_true(convo_stream_window(stream) == 0.2);
    convo_stream_free(stream);
    l.hop = 0;
    assert_int_equal(convo_stream_new(model, &(convo_stream_options){.listening = &l}, &stream, &err), CONVO_ARGUMENT);
    assert_int_equal(convo_stream_new(model, &(convo_stream_options){.rate = 10}, &stream, &err), CONVO_UNSUPPORTED);
    assert_null(stream);
    convo_listening_free(&l);
    convo_model_free(model);
}

static void a_model_on_a_device_listens_as_it_predicts(void **state) {
    (void)state;
    static float sound[LENGTH];
    static record r;
    convo_model *model = make_model(net, 3);
    convo_listening l = settings(model, 0.1);
    convo_error err = {0};
    make_sound(sound, LENGTH);
    must(convo_model_run_on(model, CONVO_DEVICE, &err), &err);
    convo_stream *stream = open_stream(model, &l, 0, false);
    listen(stream, sound, LENGTH, 0, &r);
    for (int n = 0; n < r.hops; n++) {
        float want[3];
        must(convo_model_predict(model, sound + n * 800, WINDOW, RATE, want, &err), &err);
        assert_memory_equal(want, r.probability[n], sizeof want);
    }
    convo_stream_free(stream);
    convo_listening_free(&l);
    convo_model_free(model);
}

// --- columns ------------------------------------------------------------------------------------------------------

#define MEL "features: {kind: logmel, samples: 1600, filters: 12, center: false, fft: 256}\n" // 18 frames

// What of a net's layers computes only what is new, with a hop of 20 ms: '~' for each that does, '.' for one that does
// not, in their order; the features first.
static const struct {
    const char *name, *text, *flows;
} flowing[] = {
    {"convolutions",
     MEL "model: [conv2d: {out: 5, kernel: 3}, relu, conv2d: {out: 7, kernel: [2, 4]}, globalavgpool, linear: 3]\n",
     "~~~~.."},
    {"strides and pools",
     MEL "model: [conv2d: {out: 9, kernel: [4, 3], stride: 2}, maxpool2d: [2, 1], avgpool2d: {kernel: [2, 3], "
         "stride: [1, 2]}, flatten, linear: 3]\n",
     "~~~~.."},
    {"depthwise and pointwise",
     MEL "model: [conv2d: {out: 8, kernel: 3, padding: [0, 1], bias: false}, batchnorm, relu, separable: "
         "{out: 11, kernel: 3, padding: [0, 1], norm: true}, separable: {out: 16, kernel: [5, 3], stride: "
         "[2, 1], norm: true}, globalavgpool, linear: 3]\n",
     "~~~~~~~~~~~~~~~~.."},
    {"residual",
     MEL "model: [conv2d: {out: 6, kernel: 3}, residual: {body: [conv2d: {out: 6, kernel: [1, 3], padding: [0, 1]}, "
         "relu]}, "
         "silu, conv2d: {out: 4, kernel: [3, 1]}, globalmaxpool, linear: 3]\n",
     "~~~~~~~.."},
    {"time by columns",
     "features: {kind: logmel, samples: 1600, filters: 12, center: false, layout: channels}\n"
     "model: [conv1d: {out: 20, kernel: 3, dilation: 2}, prelu, maxpool1d: 2, conv1d: {out: 5, kernel: 2}, "
     "globalavgpool, "
     "linear: 3]\n",
     "~~~~~.."},
    {"turned into a sequence",
     MEL "model: [conv2d: {out: 3, kernel: 3, stride: [1, 2]}, transpose, sequence, conv1d: {out: 9, kernel: "
         "3}, tanh, gru: {hidden: 5, output: last}, linear: 3]\n",
     "~~~~~~.."},
    {"samples",
     "features: {kind: waveform, samples: 1600, scale: unit}\nmodel: [conv1d: {out: 6, kernel: 40, stride: 20}, relu, "
     "maxpool1d: 4, conv1d: {out: 4, kernel: 3}, globalavgpool, linear: 3]\n",
     "~~~~~.."},
    {"filter banks and a mean",
     "features: {kind: fbank, samples: 1600, filters: 10}\nmodel: [conv2d: {out: 4, kernel: 2}, elu, "
     "globalavgpool, linear: 3]\n",
     "~~~.."},
    {"branches",
     MEL "model: [{conv2d: {out: 4, kernel: 3, name: a}}, {conv2d: {out: 5, kernel: 1}}, {sigmoid: {name: b}}, "
         "{concat: {from: [a, b]}}, {conv2d: {out: 3, kernel: 2}}, globalavgpool, {linear: 3}]\n",
     "~~~~~~.."},
    {"padded in time", MEL "model: [conv2d: {out: 5, kernel: 3, padding: 1}, relu, globalavgpool, linear: 3]\n",
     "~...."},
    {"padded later",
     MEL "model: [conv2d: {out: 5, kernel: 3}, conv2d: {out: 5, kernel: 3, padding: 1}, globalavgpool, linear: 3]\n",
     "~~..."},
    {"frames that depend on the window", net, "....."},
};

static const double column_hops[] = {0.01, 0.02, 0.03, 0.04, 0.005, 0.0125, 0.1, 0.2, 0.25};

static void widen(void *user, int value, const float *numbers, size_t count) {
    cv_range *r = (cv_range *)user + value;
    for (size_t i = 0; i < count; i++) {
        r->low = fminf(r->low, numbers[i]);
        r->high = fmaxf(r->high, numbers[i]);
    }
}

// Gives a model the ranges of its 8-bit numbers, measured on a few windows.
static void measure(convo_model *model, const float *sound) {
    convo_error err = {0};
    cv_program *program;
    static int16_t sample[LENGTH];
    must(cv_model_program(model, false, &program, &err), &err);
    void *memory = test_memory(program->memory, 1);
    model->range = test_memory((size_t)program->values, sizeof *model->range);
    cv_device_round(sound, LENGTH, sample);
    for (int at = 0; at + WINDOW <= LENGTH; at += 1000)
        cv_program_watch(program, &(cv_device_input){.sample = sample + at, .count = WINDOW}, memory, widen,
                         model->range);
    free(memory);
    cv_program_free(program);
}

// A stream that computes what is new against one that computes all, which is `whole`.
static void compare_streams(const convo_model *model, double hop, const float *sound, const char *name) {
    static const char *const machines[] = {"here", "on a device", "in 8-bit numbers"};
    static record whole, moving;
    convo_listening l = settings(model, hop);
    convo_stream *one = open_stream(model, &l, 0, true), *other = open_stream(model, &l, 0, false);
    listen(one, sound, LENGTH, 333, &whole);
    for (int round = 0; round < 2; round++, convo_stream_clear(other)) {
        listen(other, sound, LENGTH, 0, &moving);
        for (int n = 0; n < whole.hops && n < moving.hops; n++)
            if (memcmp(whole.probability[n], moving.probability[n], sizeof whole.probability[n]) != 0)
                fail_msg("%s %s, hop %g s, window %d: %.9g, not %.9g", name, machines[model->machine], hop, n,
                         (double)moving.probability[n][0], (double)whole.probability[n][0]);
        if (memcmp(&whole, &moving, sizeof whole) != 0)
            fail_msg("%s %s, hop %g s: %d hops, not %d, or other events", name, machines[model->machine], hop,
                     moving.hops, whole.hops);
    }
    convo_stream_free(one);
    convo_stream_free(other);
    convo_listening_free(&l);
}

static void windows_made_of_the_last_ones_have_the_same_bits(void **state) {
    (void)state;
    static float sound[LENGTH];
    convo_error err = {0};
    make_sound(sound, LENGTH);
    for (size_t k = 0; k < CV_COUNT(flowing); k++) {
        char *text = cv_format("%s%s", flowing[k].text == net ? "" : TRAINED, flowing[k].text);
        convo_model *model = make_model(text, 3);
        measure(model, sound);
        for (int machine = CONVO_HOST; machine <= CONVO_DEVICE_INT8; machine++) {
            must(convo_model_run_on(model, (convo_machine)machine, &err), &err);
            for (size_t h = 0; h < CV_COUNT(column_hops); h++)
                compare_streams(model, column_hops[h], sound, flowing[k].name);
        }
        convo_model_free(model);
        free(text);
    }
}

// How many calls of a device's program compute only what is new, with a hop of 20 ms, and all of them.
static void a_device_computes_only_what_is_new(void **state) {
    (void)state;
    static const int calls[][2] = {{2, 5}, {3, 5}, {5, 8}, {5, 8}, {4, 7}, {1, 9},
                                   {3, 6}, {2, 5}, {5, 8}, {0, 4}, {1, 5}};
    convo_error err = {0};
    for (size_t k = 0; k < CV_COUNT(calls); k++) {
        char *text = cv_format("%s%s", TRAINED, flowing[k].text);
        convo_model *model = make_model(text, 3);
        cv_hops *hops;
        must(cv_hops_new(model, false, 160, false, &hops, &err), &err);
        if (hops->program->flowing != calls[k][0] || hops->program->calls != calls[k][1])
            fail_msg("%s: %d of %d calls, not %d of %d", flowing[k].name, hops->program->flowing, hops->program->calls,
                     calls[k][0], calls[k][1]);
        cv_hops_free(hops);
        convo_model_free(model);
        free(text);
    }
}

static void layers_without_padding_in_time_compute_only_what_is_new(void **state) {
    (void)state;
    for (size_t k = 0; k < CV_COUNT(flowing); k++) {
        char *text = cv_format("%s%s", flowing[k].text == net ? "" : TRAINED, flowing[k].text), got[64] = "";
        convo_model *model = make_model(text, 3);
        const cv_flow features = cv_features_flow(model->front, &model->normal);
        cv_layout *layout;
        convo_error err = {0};
        must(cv_layout_new(model->net, &features, 160, false, &layout, &err), &err);
        for (int i = 0; i <= layout->nodes; i++) {
            cv_append(got, sizeof got, "%c", layout->flow[i].flows ? '~' : '.');
            if (!layout->flow[i].flows != (layout->flow[i].why != NULL)) fail_msg("%s: no reason", flowing[k].name);
        }
        if (strcmp(got, flowing[k].flows) != 0) fail_msg("%s: %s, not %s", flowing[k].name, got, flowing[k].flows);
        cv_layout_free(layout);
        convo_model_free(model);
        free(text);
    }
}

// A recurrent layer that keeps its state has, in every window, what it has at the end of one clip that begins with the
// stream.
static void a_state_that_is_kept_is_that_of_one_long_clip(void **state) {
    (void)state;
    static const char *const nets[] = {
        "model: [conv2d: {out: 3, kernel: 3, stride: [2, 3]}, relu, transpose, sequence, gru: {hidden: 9, layers: 2, "
        "output: last}, linear: 3]\n",
        "model: [conv2d: {out: 3, kernel: 3, stride: [2, 3]}, transpose, sequence, lstm: {hidden: 5}, relu, gru: "
        "{hidden: 4, output: last}, linear: 3]\n",
    };
    static float sound[LENGTH];
    static record r, apart;
    make_sound(sound, LENGTH);
    for (size_t k = 0; k < CV_COUNT(nets); k++) {
        char *text = cv_format(TRAINED MEL "%s", nets[k]);
        convo_model *model = make_model(text, 3);
        convo_listening l = settings(model, 0.02);
        for (int carry = 0; carry < 2; carry++) {
            l.carry = carry;
            convo_stream *stream = open_stream(model, &l, 0, false);
            for (int round = 0; round < 2; round++, convo_stream_clear(stream))
                listen(stream, sound, LENGTH, 0, carry ? &r : &apart);
            convo_stream_free(stream);
        }
        for (int n = 0; n < 40; n += 13) {
            char *at = strstr(text, "samples: 1600"), *longer;
            longer =
                cv_format("%.*ssamples: %d%s", (int)(at - text), text, WINDOW + 160 * n, at + strlen("samples: 1600"));
            convo_model *clip = make_model(longer, 3);
            convo_error err = {0};
            float want[3];
            must(convo_model_predict(clip, sound, (size_t)(WINDOW + 160 * n), RATE, want, &err), &err);
            if (memcmp(want, r.probability[n], sizeof want) != 0)
                fail_msg("net %zu, window %d: %.9g, not %.9g", k, n, (double)r.probability[n][0], (double)want[0]);
            assert_true(n == 0 || memcmp(want, apart.probability[n], sizeof want) != 0);
            convo_model_free(clip);
            free(longer);
        }
        convo_listening_free(&l);
        convo_model_free(model);
        free(text);
    }
}

static void only_what_goes_one_way_keeps_a_state(void **state) {
    (void)state;
    for (int both = 0; both < 2; both++) {
        char *text = cv_format(TRAINED MEL "model: [transpose, sequence, gru: {hidden: 4, output: last, bidirectional: "
                                           "%s}, linear: 3]\n",
                               both ? "true" : "false");
        convo_model *model = make_model(text, 3);
        const cv_flow features = cv_features_flow(model->front, &model->normal);
        cv_layout *layout;
        convo_error err = {0};
        int carried = 0;
        must(cv_layout_new(model->net, &features, 160, true, &layout, &err), &err);
        for (int i = 0; i <= layout->nodes; i++) carried += layout->flow[i].carries;
        assert_int_equal(carried, both ? 0 : 1);
        cv_layout_free(layout);
        convo_model_free(model);
        free(text);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(windows_made_of_the_last_ones_have_the_same_bits),
        cmocka_unit_test(a_device_computes_only_what_is_new),
        cmocka_unit_test(layers_without_padding_in_time_compute_only_what_is_new),
        cmocka_unit_test(a_state_that_is_kept_is_that_of_one_long_clip),
        cmocka_unit_test(only_what_goes_one_way_keeps_a_state),
        cmocka_unit_test(a_window_is_predicted_as_a_recording_is),
        cmocka_unit_test(events_do_not_depend_on_packets),
        cmocka_unit_test(another_rate_is_resampled),
        cmocka_unit_test(events_are_those_of_the_smoothed_probabilities),
        cmocka_unit_test(a_gate_keeps_quiet_windows_silent),
        cmocka_unit_test(samples_that_are_none_are_refused),
        cmocka_unit_test(a_model_on_a_device_listens_as_it_predicts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

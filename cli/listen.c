// convo listen: what is heard in a microphone, a file or a pipe, and when.
#include "evaluation.h"
#include "interrupt.h"
#include "listen/keep.h"
#include "listen/source.h"
#include "paths.h"
#include "quote.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

typedef struct listen_values {
    cli_list set;
    const char *threshold, *device, *format, *save_heard, *data, *on, *in_floats;
    int64_t rate;
    bool list_devices, real_time, scores, write, int8;
} listen_values;

#define VALUES listen_values
static const cli_option options[] = {
    TEXT_OPTION("threshold", 0, threshold, "T", "of the smoothed probability, of all words (the model's, else 0.5)"),
    LIST_OPTION("set", 0, set, "KEY=VALUE", "change a setting: threshold.yes=0.8, smooth=0.5, gap=2, ...; repeatable"),
    FLAG_OPTION("write", 0, write, "write the settings into the model's file, and listen to nothing"),
    TEXT_OPTION("device", 0, device, "NAME", "microphone: its name or the beginning of it (the usual one)"),
    FLAG_OPTION("list-devices", 0, list_devices, "list the microphones"),
    NUMBER_OPTION("rate", 0, rate, 1000, 1000000, "HZ", "of raw samples or the microphone (the model's)"),
    TEXT_OPTION("format", 0, format, "u8|s16|s24|s32|f32", "of raw samples, little-endian, one channel (s16)"),
    FLAG_OPTION("real-time", 0, real_time, "read a file no faster than it sounds"),
    TEXT_OPTION("save-heard", 0, save_heard, "DIR", "write what is heard there as WAV, in a folder for each word"),
    FLAG_OPTION("scores", 0, scores, "with --json: also the probabilities of every hop"),
    ON_OPTION,
    INT8_OPTION,
    FLOAT_OPTION,
    TEXT_OPTION("data", 0, data, "DIR", "with --int8: folder of the data set (that of the run)"),
    {0},
};

typedef struct listener {
    const cli_context *context;
    const listen_values *values;
    convo_model *model;
    convo_listening listening;
    convo_stream *stream;
    cli_source *source;
    cli_keep *keep;
    cli_bar bar;
    int label_width;
    int64_t samples, heard, lost;
    convo_event last; // hop
    bool scored;      // there is one
} listener;

// --- what is heard ------------------------------------------------------------------------------------------------

static int print_heard(listener *l, const convo_event *e) {
    const char *label = convo_model_label(l->model, e->heard), *path = NULL;
    if (l->keep && keep_event(l->keep, e, label, &path)) return FAILED;
    l->heard++;
    if (l->context->json) {
        json_t *line =
            json_pack("{s:f, s:s, s:f, s:f}", "time", e->time, "label", label, "score", e->score, "level", e->level);
        if (line && path) json_object_set_new(line, "file", json_text(path));
        const int status = print_json(line, true);
        fflush(stdout);
        return status;
    }
    bar_clear(&l->bar);
    say(stdout, "%9.2f s  %-*s  %.2f", e->time, l->label_width, label, e->score);
    if (path) say(stdout, "  %s", path);
    putchar('\n');
    fflush(stdout);
    return ferror(stdout) ? FAILED : DONE;
}

static int print_scores(const listener *l, const convo_event *e) {
    json_t *all = json_object();
    for (int k = 0; k < e->classes; k++)
        json_object_set_new(all, convo_model_label(l->model, k), json_real((double)e->probabilities[k]));
    return print_json(json_pack("{s:f, s:f, s:o}", "time", e->time, "level", e->level, "probabilities", all), true);
}

static int take_event(listener *l, const convo_event *e) {
    if (e->kind == CONVO_HEARD) return print_heard(l, e);
    if (l->keep) keep_scores(l->keep, e);
    l->last = *e;
    l->scored = true;
    return l->values->scores ? print_scores(l, e) : DONE;
}

// The likeliest word as it is now.
static void draw(listener *l) {
    if (!l->scored || !bar_due(&l->bar)) return;
    const convo_event *e = &l->last;
    int best = -1;
    for (int k = 0; k < e->classes; k++)
        if (!l->listening.of[k].silent && (best < 0 || e->smoothed[k] > e->smoothed[best])) best = k;
    if (best < 0) return;
    char before[128], after[64], *label = shown(convo_model_label(l->model, best));
    snprintf(before, sizeof before, "%9.2f s  %-*.60s  %.2f ", e->time, l->label_width, label ? label : "",
             (double)e->smoothed[best]);
    snprintf(after, sizeof after, " %4.0f dB", e->level);
    bar_draw(&l->bar, before, (double)e->smoothed[best], after);
    free(label);
}

static int hear(listener *l, const float *samples, size_t count) {
    convo_error err;
    convo_event event;
    int status = DONE;
    if (l->keep) keep_samples(l->keep, samples, count);
    l->samples += (int64_t)count;
    if (convo_stream_push(l->stream, samples, count, &err)) return fail(&err);
    for (;;) {
        if (convo_stream_next(l->stream, &event, &err)) return fail(&err);
        if (event.kind == CONVO_NOTHING) break;
        if ((status = take_event(l, &event))) return status;
    }
    draw(l);
    if (source_lost(l->source) > l->lost && !l->context->quiet) {
        bar_clear(&l->bar);
        say(stderr, "%9.2f s  samples were lost: this computer is too slow, or was busy\n", l->last.time);
    }
    l->lost = source_lost(l->source);
    return DONE;
}

// A file ends in silence, in which its last word is heard.
static int hear_silence(listener *l) {
    static const float silence[1024];
    double left = convo_stream_window(l->stream) * source_rate(l->source);
    int status = DONE;
    for (; left > 0 && !status; left -= 1024) status = hear(l, silence, left < 1024 ? (size_t)left + 1 : 1024);
    return status;
}

static int hear_all(listener *l, bool file) {
    const volatile int *stop = stop_on_signals();
    float samples[2048];
    bool end = false;
    int status = DONE;
    while (!status && !end && !*stop) {
        size_t count;
        status = source_read(l->source, samples, COUNT(samples), &count, &end);
        if (!status && count) status = hear(l, samples, count);
    }
    const int64_t heard = l->samples;
    if (!status && file && !*stop) status = hear_silence(l);
    l->samples = heard;
    bar_clear(&l->bar);
    return status;
}

// --- around it ----------------------------------------------------------------------------------------------------

static int print_end(const listener *l, double work) {
    const double seconds = (double)l->samples / source_rate(l->source), share = seconds > 0 ? work / seconds : 0;
    if (l->context->json)
        return print_json(json_pack("{s:f, s:I, s:I, s:f}", "seconds", seconds, "heard", (json_int_t)l->heard, "lost",
                                    (json_int_t)l->lost, "share_of_real_time", share),
                          true);
    if (l->context->quiet) return DONE;
    say(stderr, "heard %lld in %.1f s; computing took %.2f %% of that time", (long long)l->heard, seconds, 100 * share);
    if (l->lost) say(stderr, "; samples were lost %lld times", (long long)l->lost);
    fputc('\n', stderr);
    return DONE;
}

static int choose_settings(listener *l) {
    convo_error err;
    if (convo_model_listening(l->model, &l->listening, &err)) return fail(&err);
    char *threshold = l->values->threshold ? text_of("threshold=%s", l->values->threshold) : NULL;
    convo_status status = threshold ? convo_listening_set(&l->listening, l->model, threshold, &err) : CONVO_OK;
    free(threshold);
    for (size_t k = 0; k < l->values->set.count && !status; k++)
        status = convo_listening_set(&l->listening, l->model, l->values->set.text[k], &err);
    return status ? fail(&err) : DONE;
}

static int write_settings(const listener *l, const char *model) {
    convo_error err;
    char *path = is_folder(model) ? text_of("%s/best.safetensors", model) : text_of("%s", model);
    if (!path) return no_memory();
    convo_status status = convo_model_listen_with(l->model, &l->listening, &err);
    if (!status) status = convo_model_save(l->model, path, &err);
    if (!status && !l->context->quiet) say(stdout, "%s listens so from now on\n", path);
    free(path);
    return status ? fail(&err) : DONE;
}

static int open_all(listener *l, const char *path) {
    const listen_values *v = l->values;
    const convo_listening *how = &l->listening;
    const cli_source_options from = {.path = path,
                                     .device = v->device,
                                     .format = v->format,
                                     .rate = v->rate,
                                     .model_rate = convo_model_rate(l->model),
                                     .real_time = v->real_time};
    convo_error err;
    int status = source_open(&from, &l->source);
    if (status) return status;
    const convo_stream_options opened = {.listening = how, .rate = source_rate(l->source), .scores = true};
    if (convo_stream_new(l->model, &opened, &l->stream, &err)) return fail(&err);
    for (int k = 0; k < convo_model_classes(l->model); k++) {
        const size_t width = shown_width(convo_model_label(l->model, k));
        if (!how->of[k].silent && width > (size_t)l->label_width && width < 60) l->label_width = (int)width;
    }
    if (!path && !l->context->quiet)
        say(stderr, "listening to %s at %d Hz; Ctrl-C ends it\n", v->device ? v->device : "the microphone",
            source_rate(l->source));
    if (!v->save_heard) return DONE;
    const int hops = (int)fmin(10000, fmax(1, round(how->smooth / how->hop)));
    return keep_open(v->save_heard, path, source_rate(l->source), convo_stream_window(l->stream), how->hop, hops,
                     convo_model_classes(l->model), &l->keep);
}

static int listen(listener *l) {
    const cli_context *context = l->context;
    const char *path = context->words > 1 ? context->word[1] : NULL;
    cli_data d;
    int status = data_open(&d, NULL, l->values->data, 0);
    data_show(&d, context);
    d.how.in_floats = l->values->in_floats;
    if (!status) status = run_on("listen", l->model, l->values->on, l->values->int8, &d.how);
    data_close(&d);
    if (!status) status = open_all(l, path);
    if (status) return status;
    l->bar = bar_new(context);
    const clock_t began = clock();
    status = hear_all(l, path && strcmp(path, "-") != 0);
    return status ? status : print_end(l, (double)(clock() - began) / CLOCKS_PER_SEC);
}

static int check_listening(const cli_context *context, const listen_values *v) {
    const char *path = context->words > 1 ? context->word[1] : NULL;
    const bool raw = path && !strcmp(path, "-"), file = path && !raw;
    if (!context->words) return usage_error("listen", "missing argument MODEL: convo listen MODEL [FILE|-]");
    if (path && v->device) return usage_error("listen", "--device and %s are mutually exclusive", path);
    if (v->format && !raw) return usage_error("listen", "--format requires -, raw samples on standard input");
    if (v->rate > 0 && file) return usage_error("listen", "--rate requires - or a microphone: a file has its own");
    if (v->real_time && !file) return usage_error("listen", "--real-time requires a FILE");
    if (v->scores && !context->json) return usage_error("listen", "--scores requires --json");
    if (v->write && path) return usage_error("listen", "--write and %s are mutually exclusive", path);
    if (v->data && !v->int8) return usage_error("listen", "--data requires --int8");
    if (v->in_floats && !v->int8) return usage_error("listen", "--float requires --int8");
    return DONE;
}

static int run_listen(const cli_context *context, const void *given) {
    const listen_values *values = given;
    listener l = {.context = context, .values = values};
    convo_error err;
    if (values->list_devices) return list_microphones(context);
    int status = check_listening(context, values);
    if (status) return status;
    if (convo_model_load(context->word[0], &l.model, &err)) return fail(&err);
    status = choose_settings(&l);
    if (!status) status = values->write ? write_settings(&l, context->word[0]) : listen(&l);
    keep_close(l.keep);
    convo_stream_free(l.stream);
    source_close(l.source);
    convo_listening_free(&l.listening);
    convo_model_free(l.model);
    return status;
}

const cli_command command_listen = {
    .name = "listen",
    .help = "hear words in a microphone, a recording or a pipe as they are said",
    .words = "[MODEL|RUN] [FILE|-]",
    .least_words = 0,
    .most_words = 2,
    .examples = "  convo listen runs/gsc12-ds-cnn-s-0                       the microphone, until Ctrl-C\n"
                "  convo listen runs/gsc12-ds-cnn-s-0 kitchen.flac          a recording of any length\n"
                "  arecord -f S16_LE -r 16000 | convo listen RUN -          a pipe: a WAV file, or raw samples\n"
                "  convo listen RUN kitchen.flac --set threshold.yes=0.8 --save-heard heard\n"
                "  convo listen RUN --threshold 0.7 --write                 keep a setting in the model\n",
    .notes =
        "A line for each word that is heard: when, which, and its smoothed probability. Every `hop` seconds the net\n"
        "hears the last window; `smooth` seconds of probabilities are averaged; a word is heard where they reach its\n"
        "threshold, and not again within `gap` seconds. Other settings: smoothing (mean or max), gate (in dB, below\n"
        "which nothing is heard), reset.WORD (a level below which the probability has to fall before the word is\n"
        "heard again), silent.WORD (it is never heard), carry. See docs/listening.md.\n"
        "--json prints one object per line, the last one with the sums.\n",
    .options = options,
    .size = sizeof(listen_values),
    .run = run_listen,
};

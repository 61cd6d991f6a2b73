// Examples, and mistakes, as people see them: pictures in a grid, spectrograms of recordings, points.
#include "chart/chart.h"
#include "chart/plot.h"
#include "evaluation.h"
#include "output.h"
#include "paths.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { USUAL = 24, USUAL_POINTS = 1000 };

// A recording's spectrogram: what it sounds like, whatever the net reads. The first 2 seconds, up to half the rate of
// the first recording, 60 dB of it.
enum { BANDS = 48, RANGE = 60, HOP = 10 /* ms */, LEAST_RATE = 8000, MOST_RATE = 48000 };

static int rate_of(const char *path) {
    convo_recording beginning = {0};
    convo_recording_read(path, 0.001, &beginning, NULL);
    const int rate = beginning.rate;
    convo_recording_free(&beginning);
    return rate < LEAST_RATE ? LEAST_RATE : rate > MOST_RATE ? MOST_RATE : rate;
}

static int spectrogram_recipe(int rate, convo_recipe **recipe) {
    convo_error err;
    char *text = text_of("data: {set: audiofolder}\n"
                         "features: {kind: logmel, rate: %d, samples: %d, filters: %d, window_ms: 32, hop_ms: %d,\n"
                         "           log: db, layout: channels, pad: zero}\n"
                         "model: [flatten, linear: 2]\n",
                         rate, 2 * rate, BANDS, HOP);
    int status = text ? DONE : no_memory();
    if (!status && convo_recipe_parse(text, strlen(text), "spectrogram", recipe, &err)) status = fail(&err);
    free(text);
    return status;
}

typedef struct gallery {
    cli_tile *tile;
    float *value; // of all tiles, where they are not the examples' own
    int count;
    int64_t frames; // of spectrograms: as many as the longest has
    int rate;
} gallery;

static bool is_recording(const plot *p, const convo_examples *e) {
    convo_array features = {0};
    const bool recording = e->count && e->file[0] && !convo_features(p->recipe, e->file[0], &features, NULL);
    convo_array_free(&features);
    return recording;
}

// --- spectrograms -----------------------------------------------------------------------------------------------

// [BANDS][frames] in decibels below the loudest. *last: the last frame that has any sound.
static void show_sound(const convo_array *features, float *out, int64_t *last) {
    const int64_t frames = features->dim[features->dims - 1];
    float loudest = -INFINITY;
    for (int64_t i = 0; i < BANDS * frames; i++) loudest = fmaxf(loudest, features->value[i]);
    for (int64_t i = 0; i < BANDS * frames; i++) {
        out[i] = fmaxf(features->value[i] - loudest, -RANGE);
        if (out[i] > -RANGE && i % frames > *last) *last = i % frames;
    }
}

static int read_sounds(const convo_examples *e, gallery *g) {
    convo_recipe *recipe = NULL;
    convo_error err;
    int64_t last = 9, frames = 0;
    g->rate = rate_of(e->file[0]);
    int status = spectrogram_recipe(g->rate, &recipe);
    for (int64_t i = 0; !status && i < e->count; i++) {
        convo_array features = {0};
        if (convo_features(recipe, e->file[i], &features, &err)) {
            status = fail(&err);
            break;
        }
        frames = features.dim[features.dims - 1];
        if (!g->value && !(g->value = calloc((size_t)(e->count * BANDS * frames), sizeof *g->value)))
            status = no_memory();
        if (!status) show_sound(&features, g->value + i * BANDS * frames, &last);
        convo_array_free(&features);
    }
    g->frames = last + 1;
    for (int64_t i = 0; !status && i < e->count; i++) { // silence at the end of all of them is cut off
        float *sound = g->value + i * BANDS * frames;
        for (int64_t b = 0; b < BANDS; b++)
            memmove(sound + b * g->frames, sound + b * frames, (size_t)g->frames * sizeof *sound);
        g->tile[i] = (cli_tile){.rows = BANDS, .columns = g->frames, .value = sound};
    }
    convo_recipe_free(recipe);
    return status;
}

// --- other values -----------------------------------------------------------------------------------------------

// [3, rows, columns] in colour, else a map: [1, rows, columns] and [rows, columns].
static void show_values(const convo_examples *e, gallery *g) {
    const convo_array *a = &e->values;
    const bool colour = a->dims == 4 && a->dim[1] == 3;
    int64_t size = 1;
    for (int k = 1; k < a->dims; k++) size *= a->dim[k];
    const int64_t columns = a->dim[a->dims - 1];
    for (int64_t i = 0; i < e->count; i++)
        g->tile[i] = (cli_tile){.rows = colour ? a->dim[2] : size / columns,
                                .columns = columns,
                                .value = a->value + i * size,
                                .colour = colour};
}

// --- both -------------------------------------------------------------------------------------------------------

// titles: of the tiles, [count].
static int draw_gallery(const plot *p, const convo_examples *e, const char *what, char (*titles)[160]) {
    gallery g = {.tile = calloc((size_t)e->count, sizeof *g.tile), .count = (int)e->count};
    const bool sound = is_recording(p, e);
    int status = g.tile ? DONE : no_memory();
    if (!status && sound)
        status = read_sounds(e, &g);
    else if (!status)
        show_values(e, &g);
    char *heading = sound ? text_of("%s; spectrograms of %.2f s, up to %g kHz (mel)", what,
                                    (double)g.frames * HOP / 1000, g.rate / 2000.0)
                          : text_of("%s", what);
    if (!status && !heading) status = no_memory();
    for (int k = 0; !status && k < g.count; k++) memcpy(g.tile[k].title, titles[k], sizeof titles[k]);
    const cli_tiles tiles = {.heading = heading,
                             .value = sound ? "dB below the loudest" : "value",
                             .tile = g.tile,
                             .count = g.count,
                             .spectra = sound};
    if (!status) status = draw_tiles(p->stem, &tiles);
    free(heading);
    free(g.value);
    free(g.tile);
    return status;
}

// --- as changes make them ---------------------------------------------------------------------------------------

enum { VERSIONS = 4, LEAST_COUNT = USUAL / VERSIONS }; // an example as it is, and as the first epochs have it

// Every example VERSIONS times, in a row. epochs: [count], -1 for the example as it is.
static int repeat_examples(const plot *p, convo_examples *e, int64_t **epochs) {
    const int64_t count = e->count * VERSIONS;
    convo_examples repeated = {0};
    convo_error err;
    int64_t *index = calloc((size_t)count + 1, sizeof *index);
    *epochs = calloc((size_t)count + 1, sizeof **epochs);
    int status = index && *epochs ? DONE : no_memory();
    for (int64_t i = 0; !status && i < count; i++) {
        index[i] = e->index[i / VERSIONS];
        (*epochs)[i] = i % VERSIONS - 1;
    }
    if (!status && convo_examples_read(p->recipe, &p->data.how, e->part, index, count, &repeated, &err))
        status = fail(&err);
    free(index);
    if (!status) {
        convo_examples_free(e);
        *e = repeated;
    }
    return status;
}

static int plot_changed(plot *p, convo_part part) {
    convo_examples e = {0};
    convo_error err;
    int64_t *epochs = NULL;
    const int64_t asked = p->values->count;
    if (convo_examples_read(p->recipe, &p->data.how, part, NULL, asked > 0 ? asked : LEAST_COUNT, &e, &err))
        return fail(&err);
    char *what = text_of("%s: examples of the %s part, each as it is and as the first epochs have it",
                         convo_recipe_name(p->recipe), part_name(e.part));
    int status = what ? repeat_examples(p, &e, &epochs) : no_memory();
    if (!status && convo_examples_change(p->recipe, &p->data.how, epochs, &e, &err)) status = fail(&err);
    char(*titles)[160] = calloc((size_t)e.count + 1, sizeof *titles);
    if (!status && !titles) status = no_memory();
    for (int64_t i = 0; !status && i < e.count; i++)
        if (epochs[i] < 0)
            snprintf(titles[i], sizeof titles[i], "%s", e.labels[e.truth[i]]);
        else
            snprintf(titles[i], sizeof titles[i], "epoch %lld", (long long)epochs[i] + 1);
    if (!status && (!e.count || is_plane(&e.values)))
        status = complain(p->word,
                          e.count ? "reads points in the plane, which have no changes to show" : "the part is empty");
    if (!status) status = draw_gallery(p, &e, what, titles);
    free(what);
    free(titles);
    free(epochs);
    convo_examples_free(&e);
    return status;
}

// --- examples ---------------------------------------------------------------------------------------------------

int plot_examples(plot *p) {
    convo_examples e = {0};
    convo_error err;
    const convo_part part = p->values->split ? p->part : CONVO_TRAIN;
    const int64_t asked = p->values->count;
    if (p->values->augment) return plot_changed(p, part);
    if (convo_examples_read(p->recipe, &p->data.how, part, NULL, asked > 0 ? asked : USUAL, &e, &err))
        return fail(&err);
    if (asked <= 0 && is_plane(&e.values)) { // dots take less room
        convo_examples_free(&e);
        if (convo_examples_read(p->recipe, &p->data.how, part, NULL, USUAL_POINTS, &e, &err)) return fail(&err);
    }
    char *what = text_of("%s: %lld examples of the %s part", convo_recipe_name(p->recipe), (long long)e.count,
                         part_name(e.part));
    char(*titles)[160] = calloc((size_t)e.count + 1, sizeof *titles);
    int status = what && titles ? DONE : no_memory();
    for (int64_t i = 0; !status && i < e.count; i++) snprintf(titles[i], sizeof titles[i], "%s", e.labels[e.truth[i]]);
    if (!status && !e.count) status = complain(p->word, "the %s part is empty", part_name(e.part));
    if (!status) status = is_plane(&e.values) ? draw_points(p, &e) : draw_gallery(p, &e, what, titles);
    free(what);
    free(titles);
    convo_examples_free(&e);
    return status;
}

// --- mistakes ---------------------------------------------------------------------------------------------------

static int draw_mistakes(const plot *p, const cli_mistake *wrong, int64_t count, int64_t all) {
    const convo_evaluation *e = &p->evaluation;
    convo_examples x = {0};
    convo_error err;
    int64_t *index = calloc((size_t)count, sizeof *index);
    char(*titles)[160] = calloc((size_t)count, sizeof *titles);
    char *what = text_of("%s, %s part: %lld surest of %lld mistakes (truth as predicted class, probability)",
                         convo_recipe_name(p->recipe), part_name(e->part), (long long)count, (long long)all);
    int status = index && titles && what ? DONE : no_memory();
    for (int64_t i = 0; !status && i < count; i++) {
        const int64_t row = wrong[i].row;
        index[i] = e->index[row];
        snprintf(titles[i], sizeof titles[i], "%s as %s, %.2f", e->labels[e->truth[row]], e->labels[e->predicted[row]],
                 wrong[i].probability);
    }
    if (!status && convo_examples_read(convo_model_recipe(p->model), &p->data.how, CONVO_ALL, index, count, &x, &err))
        status = fail(&err);
    if (!status && is_plane(&x.values))
        status = complain(p->word, "reads points in the plane: use --boundary to show its mistakes");
    else if (!status)
        status = draw_gallery(p, &x, what, titles);
    convo_examples_free(&x);
    free(index);
    free(titles);
    free(what);
    return status;
}

int plot_mistakes(plot *p) {
    const convo_evaluation *e = &p->evaluation;
    int64_t count = 0;
    if (!e->probabilities)
        return complain(p->word, "has a loss without probabilities, so its mistakes cannot be ranked");
    cli_mistake *wrong = NULL;
    if (list_mistakes(e, &wrong, &count)) return FAILED;
    const int64_t asked = p->values->count > 0 ? p->values->count : USUAL;
    int status =
        count ? draw_mistakes(p, wrong, count < asked ? count : asked, count)
              : complain(p->word, "makes no mistakes in the %s part: there is nothing to draw", part_name(e->part));
    free(wrong);
    return status;
}

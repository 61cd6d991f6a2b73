// convo features: what the net sees of a recording.
#include "chart/chart.h"
#include "chart/plot.h"
#include "output.h"
#include "paths.h"
#include "quote.h"

#include <errno.h>
#include <math.h>
#include <sndfile.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

typedef struct features_values {
    cli_list set;
    const char *recipe, *out, *data, *wav;
    int64_t augment;
} features_values;

enum { MOST_VERSIONS = 64 };

#define VALUES features_values
static const cli_option options[] = {
    TEXT_OPTION("recipe", 'r', recipe, "RECIPE|MODEL|RUN", "front end to use (fsdd-mfcc)"),
    SET_OPTION,
    TEXT_OPTION("out", 'o', out, "FILE", "write FILE.npy, or draw FILE.png and FILE.svg"),
    NUMBER_OPTION("augment", 'n', augment, 1, MOST_VERSIONS, "N", "as the recipe's changes make it, in N epochs"),
    TEXT_OPTION("wav", 0, wav, "DIR", "write the changed recordings to DIR/1.wav, ..."),
    TEXT_OPTION("data", 0, data, "DIR", "folder of the data set, for its noise"),
    {0},
};

// --- figures ----------------------------------------------------------------------------------------------------

typedef struct moments {
    double min, max, mean, std;
} moments;

static size_t count_of(const convo_array *a) {
    size_t count = 1;
    for (int k = 0; k < a->dims; k++) count *= (size_t)a->dim[k];
    return count;
}

static moments measure_values(const convo_array *a) {
    size_t count = count_of(a);
    moments m = {INFINITY, -INFINITY, 0, 0};
    for (size_t k = 0; k < count; k++) {
        double x = (double)a->value[k];
        m.min = fmin(m.min, x);
        m.max = fmax(m.max, x);
        m.mean += x / (double)count;
    }
    for (size_t k = 0; k < count; k++) m.std += pow((double)a->value[k] - m.mean, 2) / (double)count;
    m.std = sqrt(m.std);
    return m;
}

static int print_features(const convo_array *a, const char *file, bool json) {
    moments m = measure_values(a);
    if (json) {
        json_t *shape = json_array();
        for (int k = 0; k < a->dims; k++) json_array_append_new(shape, json_integer(a->dim[k]));
        return print_json(json_pack("{s:o, s:o, s:o, s:o, s:o, s:o}", "file", json_text(file), "shape", shape, "min",
                                    json_number(m.min), "max", json_number(m.max), "mean", json_number(m.mean), "std",
                                    json_number(m.std)),
                          false);
    }
    fputs("shape (", stdout);
    for (int k = 0; k < a->dims; k++) say(stdout, "%s%lld", k ? ", " : "", (long long)a->dim[k]);
    printf(")\nmin   %.6g\nmax   %.6g\nmean  %.6g\nstd   %.6g\n", m.min, m.max, m.mean, m.std);
    return DONE;
}

// --- picture ----------------------------------------------------------------------------------------------------

// Shapes say what an axis is: [1, samples] a waveform, [features, frames] channels for 1-d layers, [maps, frames,
// features] pictures for 2-d layers; the features of further maps, which are deltas, stand above those of the first.
typedef struct features_view {
    size_t frames, features, of_map; // features of a map
    size_t frame_step, feature_step, map_step;
} features_view;

static features_view view_of(const convo_array *a) {
    size_t last = a->dims ? (size_t)a->dim[a->dims - 1] : 1;
    size_t before = last ? count_of(a) / last : 0;
    if (a->dims < 3) return (features_view){last, before, before, 1, last, 0};
    const size_t frames = (size_t)a->dim[1], maps = (size_t)a->dim[0];
    return (features_view){frames, maps * last, last, last, 1, frames * last};
}

static float view_at(const float *value, features_view v, size_t feature, size_t frame) {
    return value[feature / v.of_map * v.map_step + feature % v.of_map * v.feature_step + frame * v.frame_step];
}

static void write_data(const convo_array *a, features_view v, FILE *data) {
    for (size_t i = 0; i < v.features; i++)
        for (size_t j = 0; j < v.frames; j++)
            fprintf(data, "%g%c", (double)view_at(a->value, v, i, j),
                    v.features == 1 || j + 1 == v.frames ? '\n' : ' ');
}

static void write_script(features_view v, FILE *out) {
    if (v.features == 1) {
        fprintf(out,
                "  set xlabel 'sample'\n  set ylabel 'value'\n  set xrange [0:%zu]\n"
                "  plot data using 0:1 with lines lc rgb '#0072B2' notitle\n",
                v.frames > 1 ? v.frames - 1 : 1);
        return;
    }
    fprintf(out,
            "%s  unset grid\n  set xlabel 'frame'\n  set ylabel 'feature'\n  set xrange [-0.5:%zu.5]\n"
            "  set yrange [-0.5:%zu.5]\n  set cblabel 'value'\n  plot data matrix with image notitle\n",
            chart_viridis, v.frames - 1, v.features - 1);
}

static int draw_features(const convo_array *a, const char *file, const char *stem) {
    const features_view v = view_of(a);
    cli_chart c;
    if (chart_open(&c)) {
        write_data(a, v, c.data);
        chart_begin(&c, stem, 420);
        chart_set(&c, "title", "%s", base_name(file));
        write_script(v, c.script);
    }
    return chart_draw(&c, stem, NULL);
}

// --- changes ----------------------------------------------------------------------------------------------------

// [features][frames], whichever of the two comes first in the values.
static void show_features(const float *value, features_view v, float *out) {
    for (size_t i = 0; i < v.features; i++)
        for (size_t j = 0; j < v.frames; j++) out[i * v.frames + j] = view_at(value, v, i, j);
}

// The recording as it is, then its versions.
static int draw_sheet(const convo_array *plain, const convo_array *changed, const char *file, const char *stem) {
    const features_view v = view_of(plain);
    const size_t size = count_of(plain), count = (size_t)changed->dim[0] + 1;
    cli_tile *tile = calloc(count, sizeof *tile);
    float *value = calloc(count * size, sizeof *value);
    char *heading = text_of("%s, as it is and as the first epochs have it", base_name(file));
    int status = tile && value && heading ? DONE : no_memory();
    for (size_t k = 0; !status && k < count; k++) {
        show_features(k ? changed->value + (k - 1) * size : plain->value, v, value + k * size);
        tile[k] = (cli_tile){.rows = (int64_t)v.features, .columns = (int64_t)v.frames, .value = value + k * size};
        snprintf(tile[k].title, sizeof tile[k].title, k ? "epoch %zu" : "as it is", k);
    }
    const cli_tiles tiles = {.heading = heading, .value = "value", .tile = tile, .count = (int)count, .spectra = true};
    if (!status) status = draw_tiles(stem, &tiles);
    free(heading);
    free(value);
    free(tile);
    return status;
}

// As floats: what a change makes louder than a 16-bit file can hold is not cut off.
static int write_wav(const char *folder, int64_t number, int rate, const convo_array *samples) {
    SF_INFO info = {.samplerate = rate, .channels = 1, .format = SF_FORMAT_WAV | SF_FORMAT_FLOAT};
    char *path = text_of("%s/%lld.wav", folder, (long long)number);
    SNDFILE *file = path ? sf_open(path, SFM_WRITE, &info) : NULL;
    int status = file ? DONE : path ? complain(path, "cannot be written: %s", sf_strerror(NULL)) : no_memory();
    if (file && sf_write_float(file, samples->value, samples->dim[0]) != samples->dim[0])
        status = complain(path, "cannot be written: %s", sf_strerror(file));
    if (file && sf_close(file) && !status) status = complain(path, "cannot be written");
    free(path);
    return status;
}

static int show_changed(const features_values *values, const convo_recipe *recipe, const char *file,
                        const convo_array *plain, const char *stem, bool is_array) {
    char **search = data_folders(NULL);
    const convo_train_options how = {.data = values->data, .search = (const char *const *)search};
    convo_versions versions = {0};
    convo_error err;
    int status = search ? DONE : no_memory();
    if (!status && convo_features_changed(recipe, &how, file, values->augment, &versions, &err)) status = fail(&err);
    if (!status && is_array && convo_array_save(&versions.features, values->out, &err)) status = fail(&err);
    if (!status && stem) status = draw_sheet(plain, &versions.features, file, stem);
    if (!status && values->wav && mkdir(values->wav, 0777) && errno != EEXIST)
        status = complain(values->wav, "cannot be made: %s", strerror(errno));
    for (int64_t k = 0; !status && values->wav && k < versions.count; k++)
        status = write_wav(values->wav, k + 1, versions.rate, &versions.samples[k]);
    convo_versions_free(&versions);
    free_texts(search);
    return status;
}

// --- the command ------------------------------------------------------------------------------------------------

static int run_features(const cli_context *context, const void *given) {
    const features_values *values = given;
    const char *file = context->word[0];
    convo_recipe *recipe = NULL;
    convo_array array = {0};
    convo_error err;
    char *stem = NULL;
    bool is_array = false;
    if (values->wav && values->augment <= 0) return usage_error("features", "--wav belongs to --augment");
    int status = values->out ? chart_stem("features", values->out, &stem, &is_array) : DONE;
    if (!status) status = open_recipe_or_model(values->recipe ? values->recipe : "fsdd-mfcc", &values->set, &recipe);
    if (!status && convo_features(recipe, file, &array, &err)) status = fail(&err);
    if (!status && values->augment > 0)
        status = show_changed(values, recipe, file, &array, stem, is_array);
    else if (!status && is_array && convo_array_save(&array, values->out, &err))
        status = fail(&err);
    else if (!status && stem)
        status = draw_features(&array, file, stem);
    if (!status) status = print_features(&array, file, context->json);
    free(stem);
    convo_array_free(&array);
    convo_recipe_free(recipe);
    return status;
}

const cli_command command_features = {
    .name = "features",
    .help = "the features that the net reads of a recording",
    .words = "FILE",
    .examples =
        "  convo features seven.wav\n"
        "  convo features yes.wav --recipe fsdd-mfcc -o yes.npy\n"
        "  convo features yes.wav --recipe runs/fsdd-mfcc-0 -o yes.png\n"
        "  convo features yes.wav --set 'augment={shift: 0.1, noise: 20}' --augment 8 --wav heard -o sheet.png\n",
    .notes =
        "Values are those before the normalisation that training measures. A picture keeps its gnuplot script and\n"
        "data beside it. With --augment, FILE shows the recording and its versions, one for each of the first N "
        "epochs;\n"
        "the changes are those of the recipe's `augment`, which --set can give it. For pictures, see plot --examples\n"
        "--augment.\n",
    .options = options,
    .size = sizeof(features_values),
    .run = run_features,
};

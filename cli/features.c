// convo features: what the net sees of a recording.
#include "command.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

typedef struct features_values {
    cli_list set;
    const char *recipe, *out;
} features_values;

static const cli_option options[] = {
    {"recipe", 'r', OPTION_TEXT, offsetof(features_values, recipe), 0, 0, "RECIPE|MODEL|RUN",
     "whose features (fsdd-mfcc)"},
    {"set", 0, OPTION_LIST, offsetof(features_values, set), 0, 0, "KEY=VALUE",
     "change a setting of the recipe; repeatable"},
    {"out", 'o', OPTION_TEXT, offsetof(features_values, out), 0, 0, "FILE",
     "write FILE.npy, or draw FILE.png or FILE.svg"},
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

static moments measure(const convo_array *a) {
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

static int print(const convo_array *a, const char *file, bool json) {
    moments m = measure(a);
    if (json) {
        json_t *shape = json_array();
        for (int k = 0; k < a->dims; k++) json_array_append_new(shape, json_integer(a->dim[k]));
        return print_json(json_pack("{s:s, s:o, s:o, s:o, s:o, s:o}", "file", file, "shape", shape, "min",
                                    json_number(m.min), "max", json_number(m.max), "mean", json_number(m.mean), "std",
                                    json_number(m.std)),
                          false);
    }
    fputs("shape (", stdout);
    for (int k = 0; k < a->dims; k++) printf("%s%lld", k ? ", " : "", (long long)a->dim[k]);
    printf(")\nmin   %.6g\nmax   %.6g\nmean  %.6g\nstd   %.6g\n", m.min, m.max, m.mean, m.std);
    return DONE;
}

// --- picture ----------------------------------------------------------------------------------------------------

// Shapes say what an axis is: [1, samples] a waveform, [features, frames] channels for 1-d layers, [1, frames,
// features] a picture for 2-d layers.
typedef struct view {
    size_t frames, features, frame_step, feature_step;
} view;

static view view_of(const convo_array *a) {
    size_t last = a->dims ? (size_t)a->dim[a->dims - 1] : 1;
    size_t before = last ? count_of(a) / last : 0;
    if (a->dims > 2) return (view){before, last, last, 1};
    return (view){last, before, 1, last};
}

static char *data_text(const convo_array *a, view v) {
    char *text = NULL;
    size_t size = 0;
    FILE *stream = open_memstream(&text, &size);
    if (!stream) return NULL;
    for (size_t i = 0; i < v.features; i++)
        for (size_t j = 0; j < v.frames; j++)
            fprintf(stream, "%g%c", (double)a->value[i * v.feature_step + j * v.frame_step],
                    v.features == 1 || j + 1 == v.frames ? '\n' : ' ');
    if (!fclose(stream)) return text;
    free(text);
    return NULL;
}

// Viridis: even steps look even, also without colour vision. https://bids.github.io/colormap
static const char palette[] = "set palette defined (0 '#440154', 1 '#472d7b', 2 '#3b528b', 3 '#2c728e', 4 '#21918c', "
                              "5 '#28ae80', 6 '#5ec962', 7 '#addc30', 8 '#fde725')\n";

static char *script_text(const char *out, const char *title, view v) {
    bool svg = !strcmp(out + strlen(out) - 4, ".svg");
    char *name = gnuplot_quoted(base_name(out)), *quoted = gnuplot_quoted(title), *text = NULL;
    char *data = text_of("%.*s.dat", (int)strlen(base_name(out)) - 4, base_name(out));
    char *data_quoted = data ? gnuplot_quoted(data) : NULL;
    const char *head = "# Drawn by convo features; edit it and run gnuplot on it to draw again.\n"
                       "set terminal %s font 'DejaVu Sans,11'\nset output %s\nset title %s noenhanced\n"
                       "set tics out nomirror\nset border 3\n";
    const char *terminal = svg ? "svg size 1000,420 dynamic background '#ffffff'" : "pngcairo size 1000,420";
    char *start = name && quoted ? text_of(head, terminal, name, quoted) : NULL;
    if (start && data_quoted && v.features == 1)
        text = text_of("%sset xlabel 'sample'\nset ylabel 'value'\nset grid lc rgb '#dddddd' lt 1\n"
                       "set xrange [0:%zu]\nplot %s using 0:1 with lines lc rgb '#0072B2' notitle\n",
                       start, v.frames > 1 ? v.frames - 1 : 1, data_quoted);
    else if (start && data_quoted)
        text =
            text_of("%s%sset xlabel 'frame'\nset ylabel 'feature'\nset xrange [-0.5:%zu.5]\nset yrange [-0.5:%zu.5]\n"
                    "set cblabel 'value'\nplot %s matrix with image notitle\n",
                    start, palette, v.frames - 1, v.features - 1, data_quoted);
    free(name);
    free(quoted);
    free(data);
    free(data_quoted);
    free(start);
    return text;
}

static int draw(const convo_array *a, const char *file, const char *out) {
    view v = view_of(a);
    char *stem = text_of("%.*s", (int)strlen(out) - 4, out);
    char *data = data_text(a, v), *script = script_text(out, base_name(file), v);
    bool drawn = false;
    int status = stem && data && script ? draw_chart(stem, data, script, &drawn) : no_memory();
    if (!status && !drawn) status = complain(out, "cannot be drawn: gnuplot is not installed; write FILE.npy instead");
    free(stem);
    free(data);
    free(script);
    return status;
}

// --- the command ------------------------------------------------------------------------------------------------

static const char *const endings[] = {".npy", ".png", ".svg"};

static int ending_of(const char *out) {
    size_t length = strlen(out);
    for (size_t k = 0; k < COUNT(endings); k++)
        if (length > 4 && !strcmp(out + length - 4, endings[k])) return (int)k;
    return -1;
}

static int run(const cli_context *context, const void *given) {
    const features_values *values = given;
    int ending = values->out ? ending_of(values->out) : -1;
    if (values->out && ending < 0)
        return usage_error("features", "--out ends in .npy, .png or .svg, which '%s' does not", values->out);
    const char *file = context->word[0];
    convo_recipe *recipe = NULL;
    convo_array array = {0};
    convo_error err;
    int status = open_recipe_or_model(values->recipe ? values->recipe : "fsdd-mfcc", &values->set, &recipe);
    if (!status && convo_features(recipe, file, &array, &err)) status = fail(&err);
    if (!status && ending == 0 && convo_array_save(&array, values->out, &err)) status = fail(&err);
    if (!status && ending > 0) status = draw(&array, file, values->out);
    if (!status) status = print(&array, file, context->json);
    convo_array_free(&array);
    convo_recipe_free(recipe);
    return status;
}

const cli_command command_features = {
    .name = "features",
    .help = "what the net sees of a recording",
    .words = "FILE",
    .least_words = 1,
    .most_words = 1,
    .examples = "  convo features data/fsdd/7_theo_3.flac\n"
                "  convo features yes.wav --recipe fsdd-mfcc -o yes.npy\n"
                "  convo features yes.wav --recipe runs/fsdd-mfcc-0 -o yes.png\n",
    .notes =
        "Values are those before the normalisation that training measures. A picture keeps its gnuplot script and\n"
        "data beside it.\n",
    .options = options,
    .size = sizeof(features_values),
    .run = run,
};

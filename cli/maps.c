// convo maps: what the layers of a net make of a picture or a recording.
#include "chart/chart.h"
#include "output.h"
#include "paths.h"
#include "quote.h"
#include "sweep/trial.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_TILES = 64 };

typedef struct maps_values {
    cli_list set, layers;
    const char *out;
    bool ones, random, shared;
    int64_t seed;
} maps_values;

#define VALUES maps_values
static const cli_option options[] = {
    LIST_OPTION("layer", 'l', layers, "N", "layer to show (the last one with pixels); repeatable"),
    TEXT_OPTION("out", 'o', out, "FILE", "draw FILE.png and FILE.svg, or write one layer as FILE.npy"),
    FLAG_OPTION("shared", 0, shared, "use one gray scale for all maps, not one for each"),
    FLAG_OPTION("ones", 0, ones, "use an input of ones instead of a file"),
    FLAG_OPTION("random", 0, random, "use an input of standard normal numbers"),
    NUMBER_OPTION("seed", 's', seed, 0, INT64_MAX, "N", "seed of --random (0)"),
    SET_OPTION,
    {0},
};

// What was asked for: the input, and the output of some layers.
typedef struct maps_view {
    const char *source; // of the input
    convo_array input;
    convo_map *map;
    size_t count;
} maps_view;

static void free_view(maps_view *v) {
    convo_array_free(&v->input);
    for (size_t k = 0; k < v->count; k++) convo_array_free(&v->map[k].values);
    free(v->map);
}

static int64_t rows_of(const convo_array *a) {
    return a->dims == 3 ? a->dim[1] : 1;
}

static int64_t columns_of(const convo_array *a) {
    return a->dims == 1 ? 1 : a->dim[a->dims - 1];
}

// "(10, 380, 508)"
static cli_text shape_of(const convo_array *a) {
    cli_text t = {"("};
    for (int d = 0; d < a->dims; d++) {
        const size_t used = strlen(t.text);
        snprintf(t.text + used, sizeof t.text - used, "%s%lld", d ? ", " : "", (long long)a->dim[d]);
    }
    strncat(t.text, ")", sizeof t.text - strlen(t.text) - 1);
    return t;
}

// --- numbers ----------------------------------------------------------------------------------------------------

typedef struct figures {
    double least, mean, most;
} figures;

static figures measure_channel(const convo_map *m, int64_t channel) {
    const int64_t size = rows_of(&m->values) * columns_of(&m->values);
    const float *x = m->values.value + channel * size;
    figures f = {INFINITY, 0, -INFINITY};
    for (int64_t i = 0; i < size; i++) {
        f.least = fmin(f.least, (double)x[i]);
        f.most = fmax(f.most, (double)x[i]);
        f.mean += (double)x[i] / (double)size;
    }
    return f;
}

static int print_maps(const maps_view *v) {
    cli_table table = {0};
    table_row(&table, "layer\ttype\toutput shape\tmap\tmin\tmean\tmax");
    for (size_t k = 0; k < v->count; k++)
        for (int64_t c = 0; c < v->map[k].values.dim[0]; c++) {
            const figures f = measure_channel(&v->map[k], c);
            table_row(&table, "%s\t%s\t%s\t%lld\t%.6g\t%.6g\t%.6g", c ? "" : v->map[k].path, c ? "" : v->map[k].type,
                      c ? "" : shape_of(&v->map[k].values).text, (long long)c, f.least, f.mean, f.most);
        }
    return table_print(&table, "lllrrrr", stdout);
}

static json_t *maps_json(const maps_view *v, const char *recipe) {
    json_t *layers = json_array();
    for (size_t k = 0; k < v->count; k++) {
        const convo_array *a = &v->map[k].values;
        json_t *maps = json_array(), *shape = json_array();
        for (int d = 0; d < a->dims; d++) json_array_append_new(shape, json_integer(a->dim[d]));
        for (int64_t c = 0; c < a->dim[0]; c++) {
            const figures f = measure_channel(&v->map[k], c);
            json_array_append_new(maps, json_pack("{s:o, s:o, s:o}", "min", json_number(f.least), "mean",
                                                  json_number(f.mean), "max", json_number(f.most)));
        }
        json_array_append_new(layers, json_pack("{s:s, s:s, s:o, s:o}", "layer", v->map[k].path, "type", v->map[k].type,
                                                "shape", shape, "maps", maps));
    }
    return json_pack("{s:s, s:o, s:o}", "recipe", recipe, "input", json_text(v->source), "layers", layers);
}

// --- picture ----------------------------------------------------------------------------------------------------

// A picture's maps, each a tile, after the picture itself where it has colours.
static size_t picture_tiles(const maps_view *v, cli_tile *tile) {
    size_t count = 0;
    const convo_array *in = &v->input;
    if (in->dims == 3 && in->dim[0] == 3) {
        tile[count] = (cli_tile){.rows = in->dim[1], .columns = in->dim[2], .value = in->value, .colour = true};
        snprintf(tile[count++].title, sizeof tile->title, "input %s", shape_of(in).text);
    }
    for (size_t k = 0; k < v->count; k++) {
        const convo_array *a = &v->map[k].values;
        if (a->dims == 3 && a->dim[0] == 3 && count <= MOST_TILES) { // three maps are a colour picture as well
            tile[count] = (cli_tile){.rows = rows_of(a), .columns = columns_of(a), .value = a->value, .colour = true};
            snprintf(tile[count++].title, sizeof tile->title, "%s in colour", v->map[k].path);
        }
        for (int64_t c = 0; c < a->dim[0] && count <= MOST_TILES; c++) {
            tile[count] = (cli_tile){.rows = rows_of(a), .columns = columns_of(a)};
            tile[count].value = a->value + c * rows_of(a) * columns_of(a);
            char *title = tile[count++].title;
            if (a->dim[0] == 1)
                snprintf(title, sizeof tile->title, "layer %s", v->map[k].path);
            else if (v->count == 1)
                snprintf(title, sizeof tile->title, "%lld", (long long)c);
            else
                snprintf(title, sizeof tile->title, "%s/%lld", v->map[k].path, (long long)c);
        }
    }
    return count;
}

// 1-d: the maps of a layer are the rows of one tile, above that of the input.
static size_t sequence_tiles(const maps_view *v, cli_tile *tile) {
    size_t count = 0;
    for (size_t k = 0; k <= v->count && count <= MOST_TILES; k++) {
        const convo_array *a = k ? &v->map[k - 1].values : &v->input;
        tile[count] = (cli_tile){.rows = a->dim[0], .columns = columns_of(a), .value = a->value};
        snprintf(tile[count++].title, sizeof tile->title, "%s%s%s %s", k ? "layer " : "input",
                 k ? v->map[k - 1].path : "", k ? ":" : "", shape_of(a).text);
    }
    return count;
}

static int draw_maps(const maps_view *v, const char *recipe, const char *stem, bool shared) {
    const bool sequence = v->map[0].values.dims == 2;
    int64_t maps = 0;
    for (size_t k = 0; k < v->count; k++) maps += v->map[k].values.dim[0];
    cli_tile *tile = calloc(MOST_TILES + 1, sizeof *tile);
    char *what = v->count > 1 ? text_of("feature maps")
                              : text_of("layer %s, %s", v->map[0].path, shape_of(&v->map[0].values).text);
    char *part = maps > MOST_TILES && !sequence ? text_of(", the first %d of %lld", MOST_TILES, (long long)maps)
                                                : text_of("%s", "");
    char *heading = what && part ? text_of("%s: %s of %s%s%s", recipe, what, v->source, part,
                                           shared ? "" : ", each from dark to bright")
                                 : NULL;
    int status = tile && heading ? DONE : no_memory();
    if (!status) {
        cli_tiles tiles = {.heading = heading, .value = "value", .tile = tile, .apart = !shared, .stretched = sequence};
        if (sequence) tiles.across = "position", tiles.down = "map";
        tiles.count = (int)(sequence ? sequence_tiles : picture_tiles)(v, tile);
        status = draw_tiles(stem, &tiles);
    }
    free(tile);
    free(what);
    free(part);
    free(heading);
    return status;
}

// --- the command ------------------------------------------------------------------------------------------------

static int read_input(const maps_values *values, const cli_context *context, const convo_recipe *recipe,
                      const convo_model *model, maps_view *v) {
    convo_error err;
    bool resized = false;
    const convo_filling filling = values->ones ? CONVO_ONES : CONVO_NORMAL;
    v->source = values->ones ? "ones" : values->random ? "random numbers" : base_name(context->word[1]);
    if (values->ones || values->random
            ? convo_input_make(recipe, filling, values->seed > 0 ? (uint64_t)values->seed : 0, &v->input, &err)
            : convo_input_read(recipe, model, context->word[1], &v->input, &resized, &err))
        return fail(&err);
    if (resized && !context->quiet)
        say(stderr, "%s is resized to %s, the size that the net reads\n", context->word[1], shape_of(&v->input).text);
    return DONE;
}

static int find_maps(const maps_values *values, const convo_recipe *recipe, const convo_model *model, maps_view *v) {
    const size_t count = values->layers.count ? values->layers.count : 1;
    convo_error err;
    v->map = calloc(count, sizeof *v->map);
    if (!v->map) return no_memory();
    for (size_t k = 0; k < count; k++) {
        const char *layer = values->layers.count ? values->layers.text[k] : NULL;
        if (convo_map_find(recipe, model, &v->input, layer, &v->map[v->count], &err)) return fail(&err);
        v->count++;
    }
    return DONE;
}

static int write_maps(const maps_values *values, const maps_view *v, const char *recipe, const char *stem) {
    convo_error err;
    if (stem) return draw_maps(v, recipe, stem, values->shared);
    if (values->out && convo_array_save(&v->map[0].values, values->out, &err)) return fail(&err);
    return DONE;
}

static int run_maps(const cli_context *context, const void *given) {
    const maps_values *values = given;
    if (values->ones + values->random + (context->words > 1) != 1)
        return usage_error("maps", "maps needs one input: a picture, a recording, --ones or --random");
    convo_recipe *recipe = NULL;
    convo_model *model = NULL;
    char *stem = NULL;
    bool is_array = false;
    maps_view v = {0};
    int status = values->out ? chart_stem("maps", values->out, &stem, &is_array) : DONE;
    if (!status && is_array && values->layers.count > 1)
        return usage_error("maps", "an .npy file can hold one layer only");
    if (!status) status = open_net(context->word[0], &values->set, NULL, &recipe, &model);
    if (!status) status = read_input(values, context, recipe, model, &v);
    if (!status) status = find_maps(values, recipe, model, &v);
    if (!status) status = write_maps(values, &v, convo_recipe_name(recipe), stem);
    if (!status) status = context->json ? print_json(maps_json(&v, convo_recipe_name(recipe)), false) : print_maps(&v);
    free_view(&v);
    free(stem);
    convo_recipe_free(recipe);
    convo_model_free(model);
    return status;
}

const cli_command command_maps = {
    .name = "maps",
    .help = "feature maps: what the layers make of a picture or a recording",
    .words = "RECIPE|MODEL|RUN [FILE]",
    .least_words = 1,
    .most_words = 2,
    .examples = "  convo maps blocks/edges picture.png -o edges.png\n"
                "  convo maps runs/fsdd-mfcc-0 seven.wav --layer 0 --layer 3 -o maps.png\n"
                "  convo maps fields/padding --ones --layer 4 --layer 14 --layer 24 --shared -o padding.png\n",
    .notes =
        "A recipe's weights are those that its training starts from. A picture of another size than the recipe's is\n"
        "kept where all layers can slide over it, else it is resized.\n",
    .options = options,
    .size = sizeof(maps_values),
    .run = run_maps,
};

// convo field: what one output pixel sees of every layer below it.
#include "chart/chart.h"
#include "output.h"
#include "paths.h"
#include "sweep/trial.h"

#include <stdlib.h>

typedef struct field_values {
    cli_list set;
    const char *layer, *at, *out;
    bool heat;
} field_values;

#define VALUES field_values
static const cli_option options[] = {
    TEXT_OPTION("layer", 'l', layer, "N", "layer to inspect (the last one with pixels)"),
    TEXT_OPTION("at", 0, at, "ROW,COLUMN", "the output pixel; 1-d: COLUMN (the middle, (n - 1) / 2 rounded down)"),
    FLAG_OPTION("heat", 0, heat, "weigh pixels by their gradient, with all weights one"),
    TEXT_OPTION("out", 'o', out, "FILE", "draw FILE.png and FILE.svg"),
    SET_OPTION,
    {0},
};

static const convo_field_grid *output_of(const convo_field *f) {
    return &f->grid[f->count - 1];
}

// "9 x 9"; one number where there are only columns.
static cli_text sides(const convo_field *f, int64_t rows, int64_t columns) {
    cli_text t;
    if (f->dims == 1)
        snprintf(t.text, sizeof t.text, "%lld", (long long)columns);
    else
        snprintf(t.text, sizeof t.text, "%lld x %lld", (long long)rows, (long long)columns);
    return t;
}

// What is seen of a grid, as a box; its sides are 0 where only padding is.
static cli_text box(const convo_field *f, const convo_field_grid *g) {
    if (!g->seen) return sides(f, 0, 0);
    return sides(f, g->last[0] - g->first[0] + 1, g->last[1] - g->first[1] + 1);
}

// "4,4", "4" in 1-d
static cli_text pixel_text(const convo_field *f, const int64_t at[2]) {
    cli_text t;
    if (f->dims == 1)
        snprintf(t.text, sizeof t.text, "%lld", (long long)at[1]);
    else
        snprintf(t.text, sizeof t.text, "%lld,%lld", (long long)at[0], (long long)at[1]);
    return t;
}

// --- numbers ----------------------------------------------------------------------------------------------------

static json_t *pair(const int64_t p[2]) {
    return json_pack("[I, I]", (json_int_t)p[0], (json_int_t)p[1]);
}

// The rows of the box around what is seen.
static json_t *shares(const convo_field_grid *g) {
    json_t *rows = json_array();
    for (int64_t y = g->first[0]; y <= g->last[0]; y++) {
        json_t *row = json_array();
        for (int64_t x = g->first[1]; x <= g->last[1]; x++)
            json_array_append_new(row, json_real(g->share[y * g->columns + x]));
        json_array_append_new(rows, row);
    }
    return rows;
}

static json_t *field_json(const convo_field *f, const char *recipe) {
    json_t *grids = json_array();
    for (int k = 0; k < f->count; k++) {
        const convo_field_grid *g = &f->grid[k];
        json_array_append_new(grids, json_pack("{s:s, s:s, s:s, s:o, s:o, s:o, s:I, s:o, s:o, s:o}", "layer", g->path,
                                               "type", g->type, "shape", g->shape, "field", pair(g->size), "jump",
                                               pair(g->jump), "start", pair(g->start), "seen", (json_int_t)g->seen,
                                               "first", pair(g->first), "last", pair(g->last), "share", shares(g)));
    }
    return json_pack("{s:s, s:s, s:o, s:I, s:o}", "recipe", recipe, "layer", output_of(f)->path, "at", pair(f->at),
                     "parameters", (json_int_t)f->parameters, "values", grids);
}

static int print_field(const convo_field *f) {
    cli_table table = {0};
    table_row(&table, "layer\ttype\toutput shape\tfield\tjump\tstart\tseen\tfrom\tto\tpixels");
    for (int k = 0; k < f->count; k++) {
        const convo_field_grid *g = &f->grid[k];
        table_row(&table, "%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%lld", g->path, g->type, g->shape,
                  sides(f, g->size[0], g->size[1]).text, sides(f, g->jump[0], g->jump[1]).text,
                  pixel_text(f, g->start).text, box(f, g).text, g->seen ? pixel_text(f, g->first).text : "",
                  g->seen ? pixel_text(f, g->last).text : "", (long long)g->seen);
    }
    int status = table_print(&table, "lllrrrrrrr", stdout);
    const convo_field_grid *input = &f->grid[0], *output = output_of(f);
    say(stdout, "\npixel %s of layer %s sees %lld pixels of the input, within %s\n", pixel_text(f, f->at).text,
        output->path, (long long)input->seen, box(f, input).text);
    return status;
}

// --- the command ------------------------------------------------------------------------------------------------

// "4,7", or "7" for a 1-d net.
static int read_pixel(const char *text, int64_t at[2]) {
    int used = 0;
    long long first, second;
    if (sscanf(text, "%lld,%lld%n", &first, &second, &used) == 2 && !text[used]) {
        at[0] = first;
        at[1] = second;
        return DONE;
    }
    if (sscanf(text, "%lld%n", &first, &used) == 1 && !text[used]) {
        at[0] = 0;
        at[1] = first;
        return DONE;
    }
    return usage_error("field", "--at needs a pixel such as 4,7 (row, column), not '%s'", text);
}

static int run_field(const cli_context *context, const void *given) {
    const field_values *values = given;
    convo_recipe *recipe = NULL;
    convo_field field = {0};
    convo_error err;
    int64_t at[2];
    int status = values->at ? read_pixel(values->at, at) : DONE;
    char *stem = NULL;
    if (!status && values->out) status = chart_stem("field", values->out, &stem, NULL);
    if (!status) status = open_recipe_or_model(context->word[0], &values->set, &recipe);
    if (!status && convo_field_find(recipe, values->layer, values->at ? at : NULL, values->heat, &field, &err))
        status = fail(&err);
    if (!status && stem) status = draw_field(stem, convo_recipe_name(recipe), &field, values->heat);
    if (!status)
        status = context->json ? print_json(field_json(&field, convo_recipe_name(recipe)), false) : print_field(&field);
    free(stem);
    convo_field_free(&field);
    convo_recipe_free(recipe);
    return status;
}

const cli_command command_field = {
    .name = "field",
    .help = "receptive field: what one output pixel sees of every layer",
    .words = "RECIPE|MODEL|RUN",
    .examples = "  convo field fields/nine-four\n"
                "  convo field fields/nine-pool --heat -o field.png\n"
                "  convo field fields/same5x5 --at 0,0 --json\n",
    .notes =
        "field: pixels of the net's input that one pixel of a layer's output sees, rows x columns. jump: input pixels\n"
        "from one to the next. start: where the field of pixel 0 begins; below 0 it lies in the padding. seen, from,\n"
        "to, pixels: what the chosen output pixel sees of the layer's output.\n",
    .options = options,
    .size = sizeof(field_values),
    .run = run_field,
};

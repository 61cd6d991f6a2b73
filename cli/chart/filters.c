// The filters of a first layer as pictures: in colour for three input channels, else one map for each input channel;
// filters over one sequence as curves.
#include "chart/chart.h"
#include "output.h"
#include "paths.h"
#include "quote.h"

#include <math.h>
#include <stdlib.h>

enum { MOST_TILES = 64 };

// Weights in [0, 1] for the screen: zero is middle gray, the largest weight of all filters black or white.
static void show_colours(float *value, size_t count) {
    float largest = 0;
    for (size_t i = 0; i < count; i++) largest = fmaxf(largest, fabsf(value[i]));
    for (size_t i = 0; i < count; i++) value[i] = largest > 0 ? 0.5f + value[i] / (2 * largest) : 0.5f;
}

int draw_filters(const char *stem, const char *recipe, convo_map *filters) {
    const convo_array *a = &filters->values;
    const bool colour = a->dims == 4 && a->dim[1] == 3, sequence = a->dims == 3;
    const int64_t rows = sequence ? a->dim[1] : a->dim[2], columns = a->dim[a->dims - 1];
    const int64_t maps = a->dims == 4 && !colour ? a->dim[0] * a->dim[1] : a->dim[0];
    const int64_t shown = maps < MOST_TILES ? maps : MOST_TILES, size = rows * columns * (colour ? 3 : 1);
    cli_tile *tile = calloc((size_t)shown, sizeof *tile);
    const bool curves = sequence && rows == 1;
    char *part =
        shown < maps ? text_of(", the first %lld of %lld", (long long)shown, (long long)maps) : text_of("%s", "");
    const char *note = colour ? ", gray is zero" : sequence && !curves ? ", input channels down, positions across" : "";
    char *heading =
        part ? text_of("%s: filters of layer %s (%s)%s%s", recipe, filters->path, filters->type, part, note) : NULL;
    int status = tile && heading ? DONE : no_memory();
    if (!status && colour) show_colours(a->value, (size_t)(maps * size));
    for (int64_t k = 0; !status && k < shown; k++) {
        tile[k] = (cli_tile){.rows = rows, .columns = columns, .value = a->value + k * size, .colour = colour};
        if (colour || sequence || a->dim[1] == 1)
            snprintf(tile[k].title, sizeof tile->title, "%lld", (long long)k);
        else
            snprintf(tile[k].title, sizeof tile->title, "%lld, channel %lld", (long long)(k / a->dim[1]),
                     (long long)(k % a->dim[1]));
    }
    cli_tiles tiles = {.heading = heading, .value = "weight", .tile = tile, .count = (int)shown, .signs = true};
    if (curves) tiles.across = "position";
    if (!status) status = draw_tiles(stem, &tiles);
    free(tile);
    free(part);
    free(heading);
    return status;
}

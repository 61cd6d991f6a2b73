// Charts drawn by gnuplot.
#pragma once

#include "command.h"

// A chart drawn by gnuplot. What is written to the streams becomes STEM.dat and STEM.gp, which are kept so that they
// can be edited; gnuplot makes STEM.png and STEM.svg from them.
typedef struct cli_chart {
    FILE *data, *script;
    char *data_text, *script_text;
    size_t data_size, script_size;
} cli_chart;
// Returns false if memory runs out; chart_draw then reports it.
bool chart_open(cli_chart *chart);
// Writes the beginning of the script: the style, and the loop over PNG and SVG, 1,000 pixels wide and `height` high.
// The script then refers to the data as `data`.
void chart_begin(cli_chart *chart, const char *stem, int height);
// Writes "  set WHAT 'text'" to the script; the format is that of the text. what: "title", "multiplot title".
void chart_set(cli_chart *chart, const char *what, const char *format, ...) PRINTF(3, 4);
// Ends the script, writes both files and runs gnuplot. *drawn tells whether gnuplot was found; if drawn is NULL, its
// absence is an error. Frees the chart.
int chart_draw(cli_chart *chart, const char *stem, bool *drawn);
void chart_free(cli_chart *chart); // without drawing it
// Returns the distance of ticks from 0 to last that leaves room for their labels: 1, 2, 5, 10, 20, ...
int64_t chart_step(int64_t last);
// Splits FILE.png or FILE.svg, the value of --out, from its extension; the caller frees *stem. Another extension is a
// usage error of the command. If array is not NULL, FILE.npy sets *array to true and leaves *stem alone.
int chart_stem(const char *command, const char *out, char **stem, bool *array);
// Sets the palette of a heat map: viridis, whose even steps look even, also without colour vision.
// https://bids.github.io/colormap
extern const char chart_viridis[];
// Colours that can be told apart without full colour vision (Okabe and Ito, 2008). They repeat after the last one.
enum { CHART_COLOURS = 7 };
const char *chart_colour(size_t k);
// Draws curves.png and curves.svg in a run folder from its metrics.jsonl, and curves-steps.png and .svg if there is a
// steps.jsonl.
int draw_curves(const char *folder, const char *recipe, const convo_train_result *result, bool *drawn);
// Draws STEM.png and STEM.svg with the curves of all runs, by epoch or by iteration.
int draw_runs(const char *stem, const char *title, const char *const *folder, const convo_train_result *result,
              size_t count, bool by_step, bool *drawn);
// Draws STEM.png and STEM.svg of a receptive field.
int draw_field(const char *stem, const char *recipe, const convo_field *field, bool heat);

// Maps of numbers side by side: pictures, or curves where a map has one row.
typedef struct cli_tile {
    char title[160];
    int64_t rows, columns;
    const float *value; // [rows][columns]; in colour [3][rows][columns], scaled to [0, 1] if outside
    bool colour;
} cli_tile;

typedef struct cli_tiles {
    const char *heading;
    const char *value;         // what a number is: "weight"
    const char *across, *down; // what columns and rows are; their axes then have numbers; NULL: pixels
    cli_tile *tile;
    int count;
    bool apart;     // each map has its own scale, from its smallest to its largest value; else all share one
    bool signs;     // the scale is centred at zero and has two colours
    bool stretched; // rows and columns have different units: one tile per line, pixels not square
    bool spectra;   // rows are frequencies, from the lowest, which is drawn at the bottom
} cli_tiles;
// Draws STEM.png and STEM.svg.
int draw_tiles(const char *stem, const cli_tiles *tiles);
// Draws the weights of a first layer. Changes *filters.
int draw_filters(const char *stem, const char *recipe, convo_map *filters);

// Charts drawn by gnuplot.
#ifndef CLI_CHART_H
#define CLI_CHART_H

#include "command.h"

// A picture that gnuplot draws: what is written to the streams becomes STEM.dat and STEM.gp (kept, so that they can be
// edited), and these STEM.png and STEM.svg.
typedef struct cli_chart {
    FILE *data, *script;
    char *data_text, *script_text;
    size_t data_size, script_size;
} cli_chart;
// false without memory, which chart_draw says.
bool chart_open(cli_chart *chart);
// The first lines of the script: the look, and the loop over PNG and SVG, 1,000 pixels wide. `data` is then the name of
// the data in the script.
void chart_begin(cli_chart *chart, const char *stem, int height);
// Ends the script, writes both files and has them drawn. *drawn tells whether gnuplot was there; where drawn is NULL
// its absence is an error. Frees the chart.
int chart_draw(cli_chart *chart, const char *stem, bool *drawn);
void chart_free(cli_chart *chart); // without drawing it
// Between ticks from 0 to last, so that their labels have room: 1, 2, 5, 10, 20, ...
int64_t chart_step(int64_t last);
// FILE.png or FILE.svg, as --out says, without its ending; free it. Another ending is a usage error of the command;
// where array is not NULL, FILE.npy makes it true and leaves *stem alone.
int chart_stem(const char *command, const char *out, char **stem, bool *array);
// Colours that stay apart without full colour vision (Okabe and Ito, 2008); after the last comes the first again.
enum { CHART_COLOURS = 7 };
const char *chart_colour(size_t k);
// curves.png and curves.svg in a run folder, from its metrics.jsonl; curves-steps.png and .svg where there is a
// steps.jsonl.
int draw_curves(const char *folder, const char *recipe, const convo_train_result *result, bool *drawn);
// STEM.png and STEM.svg with the curves of all runs, by epoch or by iteration.
int draw_runs(const char *stem, const char *title, const char *const *folder, const convo_train_result *result,
              size_t count, bool by_step, bool *drawn);
// STEM.png and STEM.svg of a receptive field.
int draw_field(const char *stem, const char *recipe, const convo_field *field, bool heat);

// Maps of numbers side by side: pictures, or curves where a map has one row.
typedef struct cli_tile {
    char title[160];
    int64_t rows, columns;
    const float *value; // [rows][columns]; in colour [3][rows][columns], in [0, 1] or then scaled to it
    bool colour;
} cli_tile;

typedef struct cli_tiles {
    const char *heading;
    const char *value;         // what a number is: "weight"
    const char *across, *down; // what columns and rows are, which then get numbers; NULL: pixels
    cli_tile *tile;
    int count;
    bool apart;     // each has a scale of its own, from its smallest to its largest value; else all share one
    bool signs;     // the scale has its middle at zero, and two colours
    bool stretched; // rows and columns are not the same thing: one tile a line, no square pixels
    bool spectra;   // rows are frequencies, from the lowest, which is drawn at the bottom
} cli_tiles;
// STEM.png and STEM.svg.
int draw_tiles(const char *stem, const cli_tiles *tiles);
// The weights of a first layer, which are changed.
int draw_filters(const char *stem, const char *recipe, convo_map *filters);

#endif

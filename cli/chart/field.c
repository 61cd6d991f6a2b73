// The picture of a receptive field. 2-d nets: a grid per layer, from the input on the left to the output on the right.
// 1-d nets: a row per layer, from the input at the bottom to the output on top, every pixel above the middle of what it
// sees of the input.
#include "chart/chart.h"
#include "chart/plot.h"
#include "paths.h"
#include "quote.h"

#include <stdlib.h>

enum { MOST_CELLS = 40, PER_LINE = 6, ROW = 34, MOST_BOXES = 120 };

// Of boxes: columns 3 and 4 of the data are half a width and the share.
#define EMPTY "using 1:2:3:(0.5) with boxxyerror fc rgb '#f4f4f4' fs solid border lc rgb '#cccccc' notitle"
#define SEEN  "using ($4>0?$1:NaN):2:3:(0.5) with boxxyerror fc rgb '#0072B2' fs solid border lc rgb '#ffffff' notitle"
#define HEAT  "using ($4>0?$1:NaN):2:3:(0.5):4 with boxxyerror fc palette fs solid border lc rgb '#ffffff' notitle"
#define IMAGE "using 1:2:($4>0?$4:NaN) with image notitle"

// Viridis, dark for much.
static const char palette[] = "  set palette defined (0 '#fde725', 1 '#addc30', 2 '#5ec962', 3 '#28ae80', 4 '#21918c', "
                              "5 '#2c728e', 6 '#3b528b', 7 '#472d7b', 8 '#440154')\n"
                              "  set cbrange [0:1]\n";

// The input, the output, and the layers that change which pixels are seen.
static bool is_drawn(const convo_field *f, int k) {
    return k == 0 || k == f->count - 1 || f->grid[k].moves;
}

static int count_drawn(const convo_field *f) {
    int count = 0;
    for (int k = 0; k < f->count; k++) count += is_drawn(f, k);
    return count;
}

// Of one line of grids, in pixels; fewer grids are drawn larger.
static int panel_height(int drawn) {
    return drawn <= 2 ? 480 : drawn == 3 ? 340 : drawn == 4 ? 280 : 225;
}

// "3: conv2d", and below or beside it the shape.
static void write_name(const convo_field_grid *g, const char *between, FILE *out) {
    char *text = text_of("%s%s%s", g->path, *g->path ? ": " : "", g->type);
    gnuplot_text(text ? text : "", out);
    free(text);
    fprintf(out, ".\"%s\".", between);
    gnuplot_text(g->shape, out);
}

// --- 2-d --------------------------------------------------------------------------------------------------------

static void write_grid(const convo_field_grid *g, FILE *data) {
    for (int64_t i = 0; i < g->rows * g->columns; i++)
        fprintf(data, "%lld %lld 0.5 %.6g\n", (long long)(i % g->columns), (long long)(i / g->columns), g->share[i]);
    fputs("\n\n", data);
}

// narrow: there is room for half as many numbers along the sides.
static void write_panel(const convo_field_grid *g, int block, bool heat, bool narrow, FILE *out) {
    const long long rows = g->rows, columns = g->columns, few = narrow ? 2 : 1;
    const bool cells = rows <= MOST_CELLS && columns <= MOST_CELLS;
    fputs("  set title ", out);
    write_name(g, "\\n", out);
    fprintf(out, "\n  set xlabel '%lld of %lld pixels'\n", (long long)g->seen, rows * columns);
    fprintf(out, "  set xrange [-0.5:%lld.5]\n  set yrange [%lld.5:-0.5]\n  set xtics %lld\n  set ytics %lld\n",
            columns - 1, rows - 1, (long long)chart_step(few * columns), (long long)chart_step(few * rows));
    if (cells)
        fprintf(out, "  plot data index %d " EMPTY ", data index %d %s\n", block, block, heat ? HEAT : SEEN);
    else
        fprintf(out, "  plot data index %d " IMAGE "\n", block);
}

static void write_grids(const convo_field *f, bool heat, FILE *data, FILE *out) {
    const int drawn = count_drawn(f), across = drawn < PER_LINE ? drawn : PER_LINE,
              lines = (drawn + across - 1) / across;
    const double height = panel_height(drawn) * lines + 60;
    fprintf(out,
            "  set size ratio -1\n  set tics scale 0 font ',8'\n  set title font ',10'\n  set xlabel font ',9' offset "
            "0,0.4\n"
            "  set object 1 rectangle from graph 0,0 to graph 1,1 behind fc rgb '#f4f4f4' fs solid border lc rgb "
            "'#cccccc'\n"
            "  set multiplot layout %d,%d title heading margins screen 0.05,%s,%.3f,%.3f "
            "spacing screen 0.045,%.3f\n",
            lines, across, heat ? "0.91" : "0.985", 46 / height, 1 - 82 / height, 84 / height);
    if (!heat) fputs("  set palette defined (0 '#0072B2', 1 '#0072B2')\n  set cbrange [0:1]\n  unset colorbox\n", out);
    if (heat) fprintf(out, "%s  unset colorbox\n", palette);
    for (int k = 0, block = 0; k < f->count; k++) {
        if (!is_drawn(f, k)) continue;
        write_grid(&f->grid[k], data);
        if (heat && k == f->count - 1)
            fputs("  set colorbox user origin screen 0.93,0.2 size screen 0.012,0.55\n  set cbtics font ',9'\n"
                  "  set cblabel 'share of the largest gradient' font ',9'\n",
                  out);
        write_panel(&f->grid[k], block++, heat, across == PER_LINE, out);
    }
    fputs("  unset multiplot\n", out);
}

// --- 1-d --------------------------------------------------------------------------------------------------------

// The pixels of a value whose middles lie within [first, last] of the input.
static void write_row(const convo_field_grid *g, int row, double first, double last, FILE *data) {
    for (int64_t i = 0; i < g->columns; i++) {
        const double middle = (double)(g->start[1] + i * g->jump[1]) + (double)(g->size[1] - 1) / 2;
        if (middle >= first && middle <= last)
            fprintf(data, "%.10g %d %.10g %.6g\n", middle, row, (double)g->jump[1] / 2, g->share[i]);
    }
}

static void write_rows(const convo_field *f, bool heat, FILE *data, FILE *out) {
    const convo_field_grid *input = &f->grid[0];
    const int64_t from = input->seen ? input->first[1] : 0, to = input->seen ? input->last[1] : input->columns - 1;
    const double width = (double)(to - from + 1), margin = width / 10 + 2;
    const double first = (double)from - margin, last = (double)to + margin;
    int row = 0;
    fputs("  set ytics (", out);
    for (int k = 0; k < f->count; k++) {
        if (!is_drawn(f, k)) continue;
        write_row(&f->grid[k], row, first, last, data);
        fputs(row ? ", " : "", out);
        write_name(&f->grid[k], " ", out);
        fprintf(out, " %d", row++);
    }
    fprintf(out,
            ") scale 0\n  set xlabel 'position in the input (pixel number)'\n  set title heading\n"
            "  set xrange [%.10g:%.10g]\n  set yrange [-0.7:%d.7]\n",
            first, last, row - 1);
    if (heat) fprintf(out, "%s  set cblabel 'share of the largest gradient'\n", palette);
    // Of many pixels the borders would hide the rest.
    const char *border = width > MOST_BOXES ? "noborder" : "border lc rgb '#ffffff'";
    fprintf(out,
            "  plot data using 1:2:3:(0.38) with boxxyerror fc rgb '#e4e4e4' fs solid %s notitle, "
            "data using ($4>0?$1:NaN):2:3:(0.38)%s with boxxyerror fc %s fs solid %s notitle\n",
            border, heat ? ":4" : "", heat ? "palette" : "rgb '#0072B2'", border);
}

// --- the whole --------------------------------------------------------------------------------------------------

int draw_field(const char *stem, const char *recipe, const convo_field *f, bool heat) {
    const int drawn = count_drawn(f), lines = (drawn + PER_LINE - 1) / PER_LINE;
    char at[64], *heading = NULL;
    cli_chart c;
    if (f->dims == 1)
        snprintf(at, sizeof at, "%lld", (long long)f->at[1]);
    else
        snprintf(at, sizeof at, "%lld,%lld", (long long)f->at[0], (long long)f->at[1]);
    if (chart_open(&c) && (heading = text_of("%s: %s pixel %s of layer %s sees", recipe, heat ? "how much" : "what", at,
                                             f->grid[f->count - 1].path))) {
        chart_begin(&c, stem, f->dims == 1 ? ROW * drawn + 110 : panel_height(drawn) * lines + 60);
        fputs("  heading = ", c.script);
        gnuplot_text(heading, c.script);
        fputs("\n  unset grid\n  set border 0\n", c.script);
        fputs("# x, y, half a width, share of the largest; a block per value of a 2-d net\n", c.data);
        (f->dims == 1 ? write_rows : write_grids)(f, heat, c.data, c.script);
    }
    free(heading);
    return chart_draw(&c, stem, NULL);
}

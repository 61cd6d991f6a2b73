// Maps of numbers side by side, drawn by gnuplot from a file of floats.
#include "command.h"

#include <math.h>
#include <stdlib.h>

enum { WIDTH = 1000, LEFT = 12, RIGHT = 90, HEAD = 34, TITLE = 26, GAP = 10, STRIP = 230 };

// Gray as a picture. Viridis for what is none. Blue to red through white for signs: it survives colour blindness.
static const char gray[] = "  set palette defined (0 '#000000', 1 '#ffffff')\n",
                  viridis[] = "  set palette defined (0 '#440154', 1 '#472d7b', 2 '#3b528b', 3 '#2c728e', 4 '#21918c', "
                              "5 '#28ae80', 6 '#5ec962', 7 '#addc30', 8 '#fde725')\n",
                  two_colours[] = "  set palette defined (-1 '#0072B2', -0.5 '#8fc1de', 0 '#ffffff', 0.5 '#eeb58c', "
                                  "1 '#D55E00')\n";

typedef struct range {
    double least, most;
} range;

static void extend(range *r, const cli_tile *tile) {
    for (int64_t i = 0; i < tile->rows * tile->columns; i++) {
        r->least = fmin(r->least, (double)tile->value[i]);
        r->most = fmax(r->most, (double)tile->value[i]);
    }
}

// A range that gnuplot can draw, with zero in its middle where signs count.
static range settle(range r, bool signs) {
    if (signs) r.most = fmax(fabs(r.least), fabs(r.most));
    if (signs) r.least = -r.most;
    if (r.most > r.least && isfinite(r.least) && isfinite(r.most)) return r;
    return isfinite(r.least) ? (range){r.least - 0.5, r.least + 0.5} : (range){0, 1};
}

// Where a line of tiles is, in pixels of a picture of WIDTH x height.
typedef struct layout {
    int across, lines;
    double width, tile, height; // of a tile, the same without its title, of the picture
} layout;

// As many in a line as make the picture about square: tall tiles get more of them.
static layout lay_out(const cli_tiles *t) {
    layout l = {1, t->count, WIDTH - LEFT - RIGHT, STRIP, 0};
    const double shape = (double)t->tile[0].rows / (double)t->tile[0].columns;
    if (!t->stretched) {
        while (l.across < 8 && l.across < t->count && (double)l.across * l.across < shape * t->count * 1.4) l.across++;
        l.lines = (t->count + l.across - 1) / l.across;
        const double most = 340 / fmax(shape, 0.2);
        l.width = fmin((double)(WIDTH - LEFT - RIGHT - GAP * (l.across - 1)) / l.across, most);
        l.tile = l.width * shape;
    }
    l.height = HEAD + l.lines * (TITLE + l.tile + (t->across ? 42 : GAP)) + 8;
    return l;
}

// Places the next plot: tile k.
static void place_tile(const cli_tiles *t, const layout *l, int k, FILE *out) {
    const double left = LEFT + (k % l->across) * (l->width + GAP) + (t->stretched ? 60 : 0);
    const double right = LEFT + (k % l->across) * (l->width + GAP) + l->width;
    const double top = HEAD + TITLE + (k / l->across) * (TITLE + l->tile + (t->across ? 42 : GAP));
    fprintf(out, "  set lmargin at screen %.5f\n  set rmargin at screen %.5f\n", left / WIDTH, right / WIDTH);
    fprintf(out, "  set tmargin at screen %.5f\n  set bmargin at screen %.5f\n", 1 - top / l->height,
            1 - (top + l->tile) / l->height);
}

static void draw_tile(const cli_tiles *t, const cli_tile *tile, range r, size_t skip, FILE *out) {
    const long long rows = tile->rows, columns = tile->columns;
    char *title = gnuplot_quoted(tile->title);
    fprintf(out, "  set title %s noenhanced\n  set xrange [-0.5:%lld.5]\n", title ? title : "''", columns - 1);
    free(title);
    if (t->apart) {
        extend(&r, tile);
        r = settle(r, t->signs);
    }
    if (rows == 1 && !tile->colour) {
        fprintf(
            out,
            "  set yrange [%.9g:%.9g]\n  plot data binary record=%lld format='%%float' skip=%zu using 0:1 with lines "
            "lw 1.5 lc rgb '#0072B2' notitle\n",
            r.least, r.most, columns, skip);
        return;
    }
    fprintf(out, "  set yrange [%lld.5:-0.5]\n  set cbrange [%.9g:%.9g]\n", rows - 1, r.least, r.most);
    if (tile->colour)
        fprintf(out,
                "  plot data binary array=(%lld,%lld) format='%%float%%float%%float' skip=%zu using 1:2:3 with "
                "rgbimage notitle\n",
                columns, rows, skip);
    else
        fprintf(out, "  plot data binary array=(%lld,%lld) format='%%float' skip=%zu with image notitle\n", columns,
                rows, skip);
}

// Colours from 0 to 255, the three numbers of a pixel together; other values as they are.
static void write_values(const cli_tile *tile, FILE *data) {
    const size_t pixels = (size_t)(tile->rows * tile->columns);
    if (!tile->colour) fwrite(tile->value, sizeof *tile->value, pixels, data);
    for (size_t i = 0; tile->colour && i < pixels; i++)
        for (size_t k = 0; k < 3; k++) {
            const float level = roundf(255 * fminf(fmaxf(tile->value[k * pixels + i], 0), 1));
            fwrite(&level, sizeof level, 1, data);
        }
}

static void write_axes(const cli_tiles *t, FILE *out) {
    fputs("  unset grid\n  set border 15 lw 0.5 lc rgb '#999999'\n  set title font ',9' offset 0,-0.7\n  unset "
          "colorbox\n",
          out);
    if (!t->across) fputs("  unset tics\n", out);
    if (t->across)
        fprintf(out, "  set tics scale 0.5 font ',9'\n  set xlabel '%s' font ',9' offset 0,0.6\n", t->across);
    if (t->down) fprintf(out, "  set ylabel '%s' font ',9'\n", t->down);
    fputs(t->signs ? two_colours : t->stretched ? viridis : gray, out);
}

static void write_tiles(const cli_tiles *t, const layout *l, FILE *data, FILE *out) {
    range all = {INFINITY, -INFINITY};
    size_t skip = 0;
    bool bar = false;
    for (int k = 0; k < t->count; k++)
        if (!t->tile[k].colour) extend(&all, &t->tile[k]);
    for (int k = 0; k < t->count; k++) bar = bar || (!t->tile[k].colour && t->tile[k].rows > 1 && !t->apart);
    const range shared = settle(all, t->signs);
    for (int k = 0; k < t->count; k++) {
        const cli_tile *tile = &t->tile[k];
        place_tile(t, l, k, out);
        if (bar && k == t->count - 1 && !tile->colour)
            fprintf(out,
                    "  set colorbox user origin screen 0.925,%.3f size screen 0.014,%.3f\n  set cbtics font ',9'\n"
                    "  set cblabel '%s' font ',9'\n",
                    1 - fmin(l->height - 20, HEAD + TITLE + 340) / l->height,
                    (fmin(l->height - 20, HEAD + TITLE + 340) - HEAD - TITLE) / l->height,
                    t->value ? t->value : "value");
        draw_tile(t, tile, t->apart ? (range){INFINITY, -INFINITY} : shared, skip, out);
        write_values(tile, data);
        skip += sizeof(float) * (size_t)(tile->rows * tile->columns) * (tile->colour ? 3 : 1);
    }
}

int draw_tiles(const char *stem, const cli_tiles *t) {
    char *values = NULL, *script = NULL, *file = text_of("%s.dat", base_name(stem));
    size_t size = 0, script_size = 0;
    const layout l = lay_out(t);
    FILE *data = open_memstream(&values, &size), *out = open_memstream(&script, &script_size);
    char *name = file ? gnuplot_quoted(file) : NULL, *heading = gnuplot_quoted(t->heading);
    bool whole = data && out && name && heading, drawn = false;
    if (whole) {
        chart_begin(out, base_name(stem), (int)l.height);
        fprintf(out, "  data = %s # floats, one map after the other\n", name);
        write_axes(t, out);
        fprintf(out, "  set multiplot title %s noenhanced\n", heading);
        write_tiles(t, &l, data, out);
        fputs("  unset multiplot\n", out);
        chart_end(out);
    }
    if (data && fclose(data)) whole = false;
    if (out && fclose(out)) whole = false;
    int status = whole ? draw_chart_of(stem, values, size, script, &drawn) : no_memory();
    if (!status && !drawn) status = complain(stem, "cannot be drawn: gnuplot is not installed");
    free(values);
    free(script);
    free(file);
    free(name);
    free(heading);
    return status;
}

// Maps of numbers side by side, drawn by gnuplot from a file of floats.
#include "chart/chart.h"
#include "chart/plot.h"

#include <math.h>
#include <string.h>

// Of the picture, in pixels.
enum { WIDTH = 1000, LEFT = 12, BAR = 100, HEAD = 34, TITLE = 26, GAP = 10, TICS = 54, STRIP = 210, MOST_HEIGHT = 340 };
enum { LETTER = 6 };       // width in a title
enum { MOST_POINTS = 60 }; // of a curve that shows its points

// Gray as a picture. Viridis for what is none. Blue to red through white for signs: it survives colour blindness.
static const char gray[] = "  set palette defined (0 '#000000', 1 '#ffffff')\n",
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
    double width, tile; // of a tile, without its title and its numbers
    double tics;        // room for numbers at the left and below, 0 without
    double height;      // of the picture
} layout;

// Tiles that share a scale have a bar that tells it; curves have numbers instead.
static bool has_bar(const cli_tiles *t) {
    bool pictures = false;
    for (int k = 0; k < t->count; k++) pictures = pictures || (!t->tile[k].colour && t->tile[k].rows > 1);
    return pictures && !t->apart;
}

// As many as leave room for their titles.
static int most_across(const cli_tiles *t, double room) {
    size_t longest = 1;
    for (int k = 0; k < t->count; k++)
        if (strlen(t->tile[k].title) > longest) longest = strlen(t->tile[k].title);
    const int fit = (int)(room / (LETTER * (double)longest + GAP));
    return fit < 1 ? 1 : fit < (t->apart ? 8 : 16) ? fit : t->apart ? 8 : 16;
}

// As many in a line as make the picture about square: tall tiles get more of them, and those with a range in their
// title no more than leave room for it.
static layout lay_out(const cli_tiles *t) {
    const cli_tile *first = &t->tile[0];
    const double shape = first->rows > 1 ? (double)first->rows / (double)first->columns : 0.6;
    const double room = WIDTH - LEFT - (has_bar(t) ? BAR : LEFT);
    layout l = {1, t->count, room, STRIP, t->across ? TICS : 0, 0};
    if (!t->stretched) {
        const int most = most_across(t, room);
        while (l.across < most && l.across < t->count && l.across * l.across < shape * t->count * 2.2) l.across++;
        l.lines = (t->count + l.across - 1) / l.across;
        l.across = (t->count + l.lines - 1) / l.lines; // the last line as full as the others
        l.width = fmin((room - GAP * (l.across - 1)) / l.across, MOST_HEIGHT / fmax(shape, 0.2));
        l.tile = (l.width - l.tics) * shape;
    }
    l.height = HEAD + l.lines * (TITLE + l.tile + l.tics + GAP);
    return l;
}

// Places the next plot: tile k.
static void position_tile(const layout *l, int k, FILE *out) {
    const double left = LEFT + (k % l->across) * (l->width + GAP);
    const double top = HEAD + TITLE + (k / l->across) * (TITLE + l->tile + l->tics + GAP);
    fprintf(out, "  set lmargin at screen %.5f\n  set rmargin at screen %.5f\n", (left + l->tics) / WIDTH,
            (left + l->width) / WIDTH);
    fprintf(out, "  set tmargin at screen %.5f\n  set bmargin at screen %.5f\n", 1 - top / l->height,
            1 - (top + l->tile) / l->height);
}

// A curve is drawn with a tenth of its range above and below.
static void draw_curve(const cli_tiles *t, const cli_tile *tile, range r, size_t skip, FILE *out) {
    const double room = (r.most - r.least) / 10;
    if (t->across) fprintf(out, "  set ylabel '%s' font ',9' offset 1.5,0\n  set ytics auto\n", t->value);
    fprintf(out,
            "  set yrange [%.9g:%.9g]\n  set xzeroaxis lt 1 lw 0.5 lc rgb '#999999'\n"
            "  plot data binary record=%lld format='%%float' skip=%zu using 0:1 with %s lc rgb '#0072B2' notitle\n",
            r.least - room, r.most + room, (long long)tile->columns, skip,
            tile->columns > MOST_POINTS ? "lines lw 1" : "linespoints pt 7 ps 0.6 lw 2");
}

static void draw_tile(const cli_tiles *t, const cli_tile *tile, range r, size_t skip, cli_chart *c) {
    FILE *out = c->script;
    const long long rows = tile->rows, columns = tile->columns;
    char span[64] = "";
    if (t->apart && !tile->colour) {
        extend(&r, tile);
        snprintf(span, sizeof span, ": %.2g to %.2g", r.least, r.most);
        r = settle(r, t->signs);
    }
    chart_set(c, "title", "%s%s", tile->title, span);
    fprintf(out, "  set xrange [-0.5:%lld.5]\n", columns - 1);
    if (t->across) fprintf(out, "  set xtics %lld\n", (long long)chart_step(columns));
    if (rows == 1 && !tile->colour) {
        draw_curve(t, tile, r, skip, out);
        return;
    }
    if (t->down)
        fprintf(out, "  set ylabel '%s' font ',9' offset 1.5,0\n  set ytics %lld\n", t->down,
                (long long)chart_step(rows));
    fprintf(out, t->spectra ? "  set yrange [-0.5:%lld.5]\n" : "  set yrange [%lld.5:-0.5]\n", rows - 1);
    if (!tile->colour) fprintf(out, "  set cbrange [%.9g:%.9g]\n", r.least, r.most);
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
    const int64_t pixels = tile->rows * tile->columns;
    if (!tile->colour) fwrite(tile->value, sizeof *tile->value, (size_t)pixels, data);
    if (!tile->colour) return;
    range r = {0, 1};
    for (int64_t k = 0; k < 3; k++)
        extend(&r, &(cli_tile){.rows = 1, .columns = pixels, .value = tile->value + k * pixels});
    for (int64_t i = 0; i < pixels; i++)
        for (int64_t k = 0; k < 3; k++) {
            const float level =
                (float)round(255 * ((double)tile->value[k * pixels + i] - r.least) / (r.most - r.least));
            fwrite(&level, sizeof level, 1, data);
        }
}

static void write_axes(const cli_tiles *t, FILE *out) {
    fputs("  unset grid\n  set border 15 lw 0.5 lc rgb '#999999'\n  set title font ',9' offset 0,-0.7\n  unset "
          "colorbox\n",
          out);
    if (!t->across) fputs("  unset tics\n", out);
    if (t->across)
        fprintf(out,
                "  set tics scale 0.5 font ',9' textcolor rgb '#444444'\n  set xlabel '%s' font ',9' offset 0,0.6\n",
                t->across);
    fputs(t->signs ? two_colours : t->stretched || t->spectra ? chart_viridis : gray, out);
}

// One for all tiles, at the right, drawn with the last of them.
static void write_bar(const cli_tiles *t, const layout *l, FILE *out) {
    const double top = HEAD + TITLE, size = fmin(l->height - top - GAP, MOST_HEIGHT);
    fprintf(out,
            "  set colorbox user origin screen %.3f,%.3f size screen 0.014,%.3f\n  set cbtics font ',9' textcolor rgb "
            "'#444444'\n"
            "  set cblabel '%s' font ',9'\n",
            (LEFT + l->across * (l->width + GAP) + 6) / WIDTH, 1 - (top + size) / l->height, size / l->height,
            t->value);
}

static void write_tiles(const cli_tiles *t, const layout *l, cli_chart *c) {
    range all = {INFINITY, -INFINITY};
    size_t skip = 0;
    const bool bar = has_bar(t);
    for (int k = 0; k < t->count; k++)
        if (!t->tile[k].colour) extend(&all, &t->tile[k]);
    const range shared = settle(all, t->signs);
    for (int k = 0; k < t->count; k++) {
        const cli_tile *tile = &t->tile[k];
        position_tile(l, k, c->script);
        if (bar && k == t->count - 1) write_bar(t, l, c->script);
        draw_tile(t, tile, t->apart ? (range){INFINITY, -INFINITY} : shared, skip, c);
        write_values(tile, c->data);
        skip += sizeof(float) * (size_t)(tile->rows * tile->columns) * (tile->colour ? 3 : 1);
    }
}

int draw_tiles(const char *stem, const cli_tiles *t) {
    const layout l = lay_out(t);
    cli_chart c;
    if (chart_open(&c)) { // the data are floats, one map after the other
        chart_begin(&c, stem, (int)l.height);
        write_axes(t, c.script);
        chart_set(&c, "multiplot title", "%s", t->heading);
        write_tiles(t, &l, &c);
        fputs("  unset multiplot\n", c.script);
    }
    return chart_draw(&c, stem, NULL);
}

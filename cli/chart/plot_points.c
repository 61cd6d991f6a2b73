// Points in the plane: examples as dots, and the regions that a model divides the plane into.
#include "chart/chart.h"
#include "chart/plot.h"
#include "evaluation.h"
#include "output.h"
#include "quote.h"

#include <math.h>
#include <stdlib.h>

enum { SIDE = 200, MOST_POINTS = 2000 }; // of the grid of regions; dots

bool is_plane(const convo_array *values) {
    int64_t size = 1;
    for (int k = 1; k < values->dims; k++) size *= values->dim[k];
    return size == 2;
}

typedef struct point_span {
    double low, high;
} point_span;

// Where the points are along an axis, with room around them.
static point_span span_of(const convo_examples *e, int axis) {
    point_span s = {INFINITY, -INFINITY};
    for (int64_t i = 0; i < e->count; i++) {
        s.low = fmin(s.low, (double)e->values.value[2 * i + axis]);
        s.high = fmax(s.high, (double)e->values.value[2 * i + axis]);
    }
    const double room = s.high > s.low ? 0.08 * (s.high - s.low) : 1;
    return (point_span){s.low - room, s.high + room};
}

static double at(point_span s, double k) {
    return s.low + (s.high - s.low) * (k + 0.5) / SIDE;
}

// Blocks of the data: a class each, in its order.
static void put_points(FILE *data, const convo_examples *e) {
    for (int k = 0; k < e->classes; k++) {
        fprintf(data, "# class %s\n", e->labels[k]);
        bool any = false;
        for (int64_t i = 0; i < e->count; i++) {
            if (e->truth[i] != k) continue;
            any = true;
            fprintf(data, "%.6g %.6g\n", (double)e->values.value[2 * i], (double)e->values.value[2 * i + 1]);
        }
        fputs(any ? "\n\n" : "? ?\n\n\n", data);
    }
}

static void put_axes(FILE *out, point_span x, point_span y) {
    fprintf(out,
            "  set xlabel 'first number'\n  set ylabel 'second number'\n  set xrange [%.6g:%.6g]\n"
            "  set yrange [%.6g:%.6g]\n  set size ratio %.3f\n  set rmargin 16\n"
            "  set key at graph 1.03,1 left top Left reverse title 'class'\n",
            x.low, x.high, y.low, y.high, fmin(fmax((y.high - y.low) / (x.high - x.low), 0.6), 1));
}

static const char *const shapes[] = {"7", "9", "5", "13", "11", "15"}; // circle, triangle, square, ...

// A dot on white, so that it shows on its own colour.
static void plot_classes(FILE *out, const convo_examples *e, int first, const char *comma) {
    for (int k = 0; k < e->classes; k++) {
        const char *shape = shapes[k % (int)COUNT(shapes)];
        fprintf(out,
                "%s data index %d using 1:2 with points pt %s ps 1.1 lc rgb '#ffffff' notitle, \\\n"
                "       data index %d using 1:2 with points pt %s ps 0.7 lc rgb '%s' title ",
                comma, first + k, shape, first + k, shape, chart_colour((size_t)k));
        gnuplot_text(e->labels[k], out);
        comma = ", \\\n      ";
    }
}

int draw_points(const plot *p, const convo_examples *e) {
    const point_span x = span_of(e, 0), y = span_of(e, 1);
    cli_chart f;
    if (chart_open(&f)) {
        chart_begin(&f, p->stem, 700);
        put_points(f.data, e);
        chart_set(&f, "title", "%s: %lld examples of the %s part", convo_recipe_name(p->recipe), (long long)e->count,
                  part_name(e->part));
        put_axes(f.script, x, y);
        fputs("  plot", f.script);
        plot_classes(f.script, e, 0, "");
        fputc('\n', f.script);
    }
    return chart_draw(&f, p->stem, NULL);
}

// --- regions ----------------------------------------------------------------------------------------------------

static int likeliest(const float *probabilities, int classes) {
    int best = 0;
    for (int k = 1; k < classes; k++)
        if (probabilities[k] > probabilities[best]) best = k;
    return best;
}

// The colour of the likeliest class, the whiter the less sure.
static void put_pixel(FILE *data, const float *here, int classes) {
    const int best = likeliest(here, classes);
    const long colour = strtol(chart_colour((size_t)best) + 1, NULL, 16);
    const double sure = ((double)here[best] * classes - 1) / (classes - 1);
    for (int shift = 16; shift >= 0; shift -= 8)
        fprintf(data, " %.0f", 255 - (0.08 + 0.47 * sure) * (double)(255 - (colour >> shift & 255)));
    fputc('\n', data);
}

// How far from a to b their two classes are equally likely, by linear interpolation; below 0: of one class.
static double border_between(const float *a, const float *b, int classes) {
    const int of_a = likeliest(a, classes), of_b = likeliest(b, classes);
    const double before = (double)a[of_a] - (double)a[of_b], after = (double)b[of_b] - (double)b[of_a];
    return of_a == of_b ? -1 : before + after > 0 ? before / (before + after) : 0.5;
}

// Where the border crosses the sides of a square of the grid: a line between two crossings, a star of more.
static void put_square(FILE *data, const float *grid, int classes, point_span x, point_span y, int row, int column) {
    static const int corner[5][2] = {{0, 0}, {0, 1}, {1, 1}, {1, 0}, {0, 0}}; // row, column
    double cross[4][2], middle[2] = {0, 0};
    int count = 0;
    for (int s = 0; s < 4; s++) {
        const int *from = corner[s], *to = corner[s + 1];
        const double share = border_between(grid + ((row + from[0]) * SIDE + column + from[1]) * classes,
                                            grid + ((row + to[0]) * SIDE + column + to[1]) * classes, classes);
        if (share < 0) continue;
        cross[count][0] = at(x, column + from[1] + share * (to[1] - from[1]));
        cross[count++][1] = at(y, row + from[0] + share * (to[0] - from[0]));
    }
    for (int k = 0; k < count; k++)
        for (int axis = 0; axis < 2; axis++) middle[axis] += cross[k][axis] / count;
    for (int k = 0; k < count; k++)
        fprintf(data, "%.6g %.6g\n%.6g %.6g\n\n", cross[k][0], cross[k][1], middle[0], middle[1]);
}

static void put_borders(FILE *data, const float *grid, int classes, point_span x, point_span y) {
    fputs("# borders of the regions\n? ?\n\n", data);
    for (int row = 0; row + 1 < SIDE; row++)
        for (int column = 0; column + 1 < SIDE; column++) put_square(data, grid, classes, x, y, row, column);
    fputc('\n', data);
}

// Points that the model takes for another class.
static int64_t put_mistakes(FILE *data, const convo_examples *e, const float *probabilities) {
    int64_t wrong = 0;
    fputs("# mistakes\n", data);
    for (int64_t i = 0; i < e->count; i++) {
        if (likeliest(probabilities + i * e->classes, e->classes) == e->truth[i]) continue;
        fprintf(data, "%.6g %.6g\n", (double)e->values.value[2 * i], (double)e->values.value[2 * i + 1]);
        wrong++;
    }
    fputs(wrong ? "\n\n" : "? ?\n\n\n", data);
    return wrong;
}

static int draw_regions(const plot *p, const convo_examples *e, const float *grid, const float *probabilities,
                        point_span x, point_span y) {
    cli_chart f;
    if (chart_open(&f)) {
        chart_begin(&f, p->stem, 700);
        fputs("# what the model says: two numbers, red, green, blue\n", f.data);
        for (int k = 0; k < SIDE * SIDE; k++) {
            fprintf(f.data, "%.6g %.6g", at(x, k % SIDE), at(y, k / SIDE));
            put_pixel(f.data, grid + k * e->classes, e->classes);
        }
        fputs("\n\n", f.data);
        put_borders(f.data, grid, e->classes, x, y);
        put_points(f.data, e);
        const int64_t wrong = put_mistakes(f.data, e, probabilities);
        chart_set(&f, "title", "%s: regions of the classes, and %lld points of the %s part (%lld wrong)",
                  convo_recipe_name(p->recipe), (long long)e->count, part_name(e->part), (long long)wrong);
        put_axes(f.script, x, y);
        fputs("  unset grid\n  plot data index 0 using 1:2:3:4:5 with rgbimage notitle, \\\n"
              "       data index 1 using 1:2 with lines lw 1.5 lc rgb '#333333' notitle",
              f.script);
        plot_classes(f.script, e, 2, ", \\\n      ");
        if (wrong)
            fprintf(
                f.script,
                ", \\\n       data index %d using 1:2 with points pt 6 ps 1.5 lw 1.5 lc rgb '#000000' title 'wrong'",
                2 + e->classes);
        fputc('\n', f.script);
    }
    return chart_draw(&f, p->stem, NULL);
}

int plot_boundary(plot *p) {
    convo_examples e = {0};
    convo_error err;
    const convo_part part = p->values->split ? p->part : CONVO_TRAIN;
    if (convo_examples_read(convo_model_recipe(p->model), &p->data.how, part, NULL, MOST_POINTS, &e, &err))
        return fail(&err);
    int status = DONE;
    if (!is_plane(&e.values))
        status = complain(p->word, "the network has more than two inputs: --boundary draws only points in the plane");
    else if (!e.count)
        status = complain(p->word, "the %s part is empty", part_name(e.part));
    else if (e.classes != convo_model_classes(p->model))
        status =
            complain(p->word, "several labels may be true of its examples: --boundary is for models that give one");
    const size_t pixels = SIDE * SIDE, classes = (size_t)e.classes;
    float *points = calloc(pixels, 2 * sizeof *points), *grid = calloc(pixels * classes, sizeof *grid);
    float *probabilities = calloc((size_t)e.count * classes + 1, sizeof *probabilities);
    if (!status && !(points && grid && probabilities)) status = no_memory();
    if (!status) {
        const point_span x = span_of(&e, 0), y = span_of(&e, 1);
        for (int k = 0; k < SIDE * SIDE; k++) {
            points[2 * k] = (float)at(x, k % SIDE);
            points[2 * k + 1] = (float)at(y, k / SIDE);
        }
        if (convo_model_predict_arrays(p->model, points, SIDE * SIDE, grid, &err) ||
            convo_model_predict_arrays(p->model, e.values.value, e.count, probabilities, &err))
            status = fail(&err);
        else
            status = draw_regions(p, &e, grid, probabilities, x, y);
    }
    free(points);
    free(grid);
    free(probabilities);
    convo_examples_free(&e);
    return status;
}

#include "chart/chart.h"
#include "quote.h"
#include "report/curves.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { WIDTH = 420, HEIGHT = 250, LEFT = 44, RIGHT = 12, TOP = 12, BOTTOM = 38, MOST_POINTS = 60 };

typedef struct axes {
    double last;      // epoch or step
    double low, high; // of the values
    bool cut;         // some are higher
    const char *key;
} axes;

static double across(const axes *a, double at) {
    return LEFT + (WIDTH - LEFT - RIGHT) * (a->last > 1 ? (at - 1) / (a->last - 1) : 0.5);
}

static double down(const axes *a, double value) {
    return TOP + (HEIGHT - TOP - BOTTOM) * (a->high - fmin(value, a->high)) / (a->high - a->low);
}

// 1, 2 or 5 times a power of ten: at most five steps in the range.
static double step_of(double range) {
    const double ten = pow(10, floor(log10(range / 5))), rest = range / 5 / ten;
    return ten * (rest <= 1 ? 1 : rest <= 2 ? 2 : rest <= 5 ? 5 : 10);
}

bool has_values(const history *h, int series) {
    for (int k = 0; k < h->count; k++)
        if (isfinite(h->point[k].low[series])) return true;
    return false;
}

static int by_value(const void *a, const void *b) {
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double first_value(const page_curve *c) {
    for (int k = 0; k < c->of->count; k++)
        if (isfinite(c->of->point[k].high[c->series])) return c->of->point[k].high[c->series];
    return INFINITY;
}

// The largest value; but a loss far above those that trainings begin with is that of one that diverges, and is cut off,
// so that the others are not squeezed flat.
static double top_of(const page_curve *curve, size_t count, bool *cut) {
    const double far = 4;
    double *first = calloc(count, sizeof *first), top = -INFINITY;
    for (size_t c = 0; c < count; c++)
        for (int k = 0; k < curve[c].of->count; k++) top = fmax(top, curve[c].of->point[k].high[curve[c].series]);
    size_t begun = 0;
    for (size_t c = 0; first && c < count; c++)
        if (isfinite(first_value(&curve[c]))) first[begun++] = first_value(&curve[c]);
    if (begun) qsort(first, begun, sizeof *first, by_value);
    const double usual = begun ? first[(begun - 1) / 2] : INFINITY;
    free(first);
    *cut = usual > 0 && top > far * usual;
    return *cut ? far * usual : top;
}

static axes axes_of(const page_curve *curve, size_t count, const char *what) {
    axes a = {.low = INFINITY, .key = curve[0].of->key};
    a.high = top_of(curve, count, &a.cut);
    for (size_t c = 0; c < count; c++) {
        a.last = fmax(a.last, history_last(curve[c].of));
        for (int k = 0; k < curve[c].of->count; k++) a.low = fmin(a.low, curve[c].of->point[k].low[curve[c].series]);
    }
    const bool share = !strcmp(what, "accuracy");
    a.high = share ? 1 : a.high;
    a.low = share ? a.low : fmin(a.low, 0);
    if (!(a.high > a.low)) a.low = a.high - 1;
    const double step = step_of(a.high - a.low);
    a.low = step * floor(a.low / step + 1e-9);
    a.high = step * ceil(a.high / step - 1e-9);
    return a;
}

static void write_svg_axes(const axes *a, FILE *out) {
    const double step = step_of(a->high - a->low);
    const int64_t last = (int64_t)a->last, every = chart_step(last);
    for (int k = 0; a->low + k * step <= a->high + step / 2; k++) {
        const double value = a->low + k * step, y = down(a, value);
        fprintf(out, "<path class=\"grid\" d=\"M%d %.1fH%d\"/><text x=\"%d\" y=\"%.1f\" class=\"end\">%.3g</text>\n",
                LEFT, y, WIDTH - RIGHT, LEFT - 6, y + 4, fabs(value) < step / 2 ? 0.0 : value);
    }
    for (int64_t k = last < 2 * every ? 1 : every; k <= last; k += every)
        fprintf(out, "<text x=\"%.1f\" y=\"%d\" class=\"mid\">%lld</text>\n", across(a, (double)k),
                HEIGHT - BOTTOM + 16, (long long)k);
    fprintf(out, "<text x=\"%d\" y=\"%d\" class=\"mid\">%s</text>\n", (LEFT + WIDTH - RIGHT) / 2, HEIGHT - 5, a->key);
    if (a->cut)
        fprintf(out, "<text x=\"%d\" y=\"%d\" class=\"end\">higher values are cut off</text>\n", WIDTH - RIGHT,
                TOP + 14);
}

// A point of several lines is a stroke from its lowest to its highest value, the nearer one first.
static void write_svg_curve(const page_curve *c, const axes *a, FILE *out) {
    const char *join = "M";
    double before = NAN;
    fprintf(out, "<path class=\"curve %s\" d=\"", c->classes);
    for (int k = 0; k < c->of->count; k++) {
        const history_point *p = &c->of->point[k];
        const double low = p->low[c->series], high = p->high[c->series], x = across(a, (p->first + p->last) / 2);
        if (!isfinite(low)) continue;
        const bool falls = fabs(before - high) < fabs(before - low);
        fprintf(out, "%s%.1f %.1f", join, x, down(a, falls ? high : low));
        if (high > low) fprintf(out, "L%.1f %.1f", x, down(a, falls ? low : high));
        before = falls ? low : high;
        join = "L";
    }
    fputs("\"><title>", out);
    html_text(c->name, out);
    fputs("</title></path>\n", out);
}

static void write_dots(const page_curve *c, const axes *a, const char *what, FILE *out) {
    for (int k = 0; k < c->of->count; k++) {
        const history_point *p = &c->of->point[k];
        const double value = p->low[c->series];
        if (!isfinite(value)) continue;
        fprintf(out, "<circle class=\"%s\" cx=\"%.1f\" cy=\"%.1f\" r=\"3\"><title>", c->classes, across(a, p->last),
                down(a, value));
        html_print(out, "%s %.0f, %s %s %.4f", c->of->key, p->last, c->name, what, value);
        fputs("</title></circle>\n", out);
    }
}

void write_curves(const page_curve *curve, size_t count, const char *what, bool dots, FILE *out) {
    size_t drawn = 0;
    for (size_t c = 0; c < count; c++) drawn += has_values(curve[c].of, curve[c].series);
    if (!drawn) return;
    const axes a = axes_of(curve, count, what);
    fprintf(out, "<svg viewBox=\"0 0 %d %d\" role=\"img\" aria-label=\"%s by %s\">\n", WIDTH, HEIGHT, what, a.key);
    write_svg_axes(&a, out);
    for (size_t c = 0; c < count; c++) {
        write_svg_curve(&curve[c], &a, out);
        if (dots && curve[c].of->lines <= MOST_POINTS) write_dots(&curve[c], &a, what, out);
    }
    fputs("</svg>\n", out);
}

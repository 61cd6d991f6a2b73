// Charts of an evaluation: confusion matrix, ROC and DET curves, calibration.
#include "chart/chart.h"
#include "chart/plot.h"
#include "evaluation.h"
#include "output.h"
#include "paths.h"
#include "quote.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static const char *name_of(const plot *p) {
    return convo_recipe_name(p->recipe);
}

static const char *part_of(const plot *p) {
    return part_name(p->evaluation.part);
}

// --- confusion --------------------------------------------------------------------------------------------------

enum { MOST_NUMBERS = 24, MOST_NAMES = 60 }; // classes whose cells have numbers, whose lines have names

static void put_names(FILE *out, const convo_evaluation *e, const char *axis, const char *turned) {
    fprintf(out, "  set %stics %s (", axis, turned);
    for (int k = 0; k < e->classes; k++) {
        fputs(k ? ", " : "", out);
        gnuplot_tick(e->labels[k], out);
        fprintf(out, " %d", k);
    }
    fputs(")\n", out);
}

// A line for each cell: column, row, share of the row, count.
static void put_cells(FILE *out, const convo_evaluation *e) {
    fputs("# predicted, truth, share of the truth, count\n", out);
    for (int k = 0; k < e->classes; k++) {
        const double count = (double)convo_class_figures(e, k).count;
        for (int j = 0; j < e->classes; j++) {
            const int64_t n = e->confusion[k * e->classes + j];
            fprintf(out, "%d %d %.6g %lld\n", j, k, count > 0 ? (double)n / count : 0, (long long)n);
        }
    }
}

int plot_confusion(plot *p) {
    const convo_evaluation *e = &p->evaluation;
    const int last = e->classes - 1;
    size_t longest = 0;
    for (int k = 0; k <= last; k++) longest = strlen(e->labels[k]) > longest ? strlen(e->labels[k]) : longest;
    cli_chart f;
    if (chart_open(&f)) {
        chart_begin(&f, p->stem, 860);
        put_cells(f.data, e);
        chart_set(&f, "title", "%s, %s part: accuracy %.4f (%lld of %lld)", name_of(p), part_of(p), e->score.accuracy,
                  (long long)e->score.correct, (long long)e->score.count);
        fprintf(f.script,
                "  set size ratio 1\n  unset grid\n  set border 15 lw 0.5\n  set tics scale 0\n"
                "  set xlabel 'predicted'\n  set ylabel 'truth'\n"
                "  set xrange [-0.5:%d.5]\n  set yrange [%d.5:-0.5]\n  set cbrange [0:1]\n"
                "  set palette defined (0 '#ffffff', 0.5 '#6aaed6', 1 '#08408a')\n"
                "  set cblabel 'share of the truth'\n",
                last, last);
        if (e->classes <= MOST_NAMES) {
            put_names(f.script, e, "x", longest > 4 && (int)longest * e->classes > 60 ? "rotate by 90 right" : "");
            put_names(f.script, e, "y", "");
        }
        fputs("  plot data using 1:2:3 with image notitle", f.script);
        if (e->classes <= MOST_NUMBERS) // white where the cell is dark
            fprintf(f.script,
                    ", \\\n       data using 1:2:($4 > 0 ? sprintf('%%d', $4) : ''):($3 > 0.6 ? 0xffffff : 0x222222) "
                    "with labels font ',%d' tc rgb variable notitle",
                    e->classes > 12 ? 9 : 12);
        fputc('\n', f.script);
    }
    return chart_draw(&f, p->stem, NULL);
}

// --- ROC and DET ------------------------------------------------------------------------------------------------

enum { MOST_CURVES = 10 };

typedef struct class_curve {
    int k;
    convo_roc roc;
} class_curve;

// By the figure that stands in the legend.
static int least_area_first(const void *a, const void *b) {
    const double x = ((const class_curve *)a)->roc.area, y = ((const class_curve *)b)->roc.area;
    return (x > y) - (x < y);
}

static int most_errors_first(const void *a, const void *b) {
    const double x = ((const class_curve *)a)->roc.eer, y = ((const class_curve *)b)->roc.eer;
    return (x < y) - (x > y);
}

static void free_curves(class_curve *curve, size_t count) {
    for (size_t k = 0; k < count; k++) convo_roc_free(&curve[k].roc);
    free(curve);
}

// The curves of the classes that have one, the worst first; of two classes one, the other is its mirror image.
static int find_curves(const plot *p, bool det, class_curve **curves, size_t *count) {
    const convo_evaluation *e = &p->evaluation;
    convo_error err = {0};
    *count = 0;
    if (!(*curves = calloc((size_t)e->classes, sizeof **curves))) return no_memory();
    for (int k = e->classes == 2; k < e->classes; k++) {
        class_curve *curve = &(*curves)[*count];
        const convo_status failed = convo_roc_find(e, k, &curve->roc, &err);
        if (failed && failed != CONVO_ARGUMENT) return fail(&err);
        curve->k = k;
        *count += !failed;
    }
    if (!*count) return fail(&err);
    qsort(*curves, *count, sizeof **curves, det ? most_errors_first : least_area_first);
    return DONE;
}

// As many points as are seen: those on a straight line between their neighbours are left out.
static void put_curve(FILE *out, const class_curve *c, const char *label) {
    const convo_roc *r = &c->roc;
    fprintf(out, "# %s: false alarms, found, threshold\n", label);
    for (int k = 0; k < r->count; k++) {
        const bool inside = k > 0 && k + 1 < r->count;
        if (inside && r->found[k] == r->found[k - 1] && r->found[k] == r->found[k + 1]) continue;
        if (inside && r->false_alarm[k] == r->false_alarm[k - 1] && r->false_alarm[k] == r->false_alarm[k + 1])
            continue;
        fprintf(out, "%.6g %.6g ", r->false_alarm[k], r->found[k]);
        fprintf(out, isfinite(r->threshold[k]) ? "%.6g\n" : "?\n", r->threshold[k]);
    }
    fputs("\n\n", out);
}

static int draw_roc(plot *p, bool det) {
    const convo_evaluation *e = &p->evaluation;
    class_curve *curve = NULL;
    size_t count = 0;
    int status = find_curves(p, det, &curve, &count);
    const size_t shown = count > MOST_CURVES ? MOST_CURVES : count;
    cli_chart f;
    if (status) return free_curves(curve, count), status;
    if (chart_open(&f)) {
        chart_begin(&f, p->stem, 680);
        FILE *out = f.script;
        char part[64] = "";
        if (shown < count) snprintf(part, sizeof part, ", the %zu worst of %zu classes", shown, count);
        chart_set(&f, "title", "%s, %s part: %s, each class against the rest%s", name_of(p), part_of(p),
                  det ? "DET" : "ROC", part);
        fputs("  set size ratio 1\n  set key outside right center vertical Left reverse samplen 2 title '", out);
        fputs(det ? "class, EER in %'\n" : "class, area under the curve'\n", out);
        if (det)
            fputs("  p(x) = x > 0 && x < 1 ? invnorm(x) : NaN # normal deviates, as Martin et al. (1997) draw them\n"
                  "  set xlabel 'false alarms (%)'\n  set ylabel 'missed (%)'\n"
                  "  set xrange [invnorm(0.0005):invnorm(0.6)]\n  set yrange [invnorm(0.0005):invnorm(0.6)]\n"
                  "  tics = '0.001 0.002 0.005 0.01 0.02 0.05 0.1 0.2 0.4'\n"
                  "  set xtics ()\n  set ytics ()\n"
                  "  do for [t in tics] {\n"
                  "    set xtics add (sprintf('%g', 100 * t) invnorm(real(t)))\n"
                  "    set ytics add (sprintf('%g', 100 * t) invnorm(real(t)))\n  }\n"
                  "  plot x with lines lw 1 dt '- ' lc rgb '#999999' title 'as many of both'",
                  out);
        else
            fputs("  set xlabel 'false alarms (share of the rest)'\n  set ylabel 'found (share of the class)'\n"
                  "  set xrange [0:1]\n  set yrange [0:1]\n"
                  "  plot x with lines lw 1 dt '- ' lc rgb '#999999' title 'chance'",
                  out);
        for (size_t k = 0; k < shown; k++) {
            const char *label = e->labels[curve[k].k];
            char *title = det ? text_of("%s, %.2f", label, 100 * curve[k].roc.eer)
                              : text_of("%s, %.4f", label, curve[k].roc.area);
            put_curve(f.data, &curve[k], label);
            fprintf(out, ", \\\n       data index %zu using %s with lines lw 2 dt %zu lc rgb '%s' title ", k,
                    det ? "(p($1)):(p(1 - $2))" : "1:2", k / CHART_COLOURS + 1, chart_colour(k));
            gnuplot_text(title, out);
            free(title);
        }
        fputc('\n', out);
    }
    free_curves(curve, count);
    return chart_draw(&f, p->stem, NULL);
}

int plot_roc(plot *p) {
    return draw_roc(p, false);
}

int plot_det(plot *p) {
    return draw_roc(p, true);
}

// --- calibration ------------------------------------------------------------------------------------------------

int plot_calibration(plot *p) {
    const convo_evaluation *e = &p->evaluation;
    convo_calibration c;
    convo_error err;
    cli_chart f;
    if (convo_calibration_find(e, &c, &err)) return fail(&err);
    if (chart_open(&f)) {
        chart_begin(&f, p->stem, 760);
        FILE *out = f.script;
        fputs("# middle of the bin, confidence, accuracy with its 95 % interval, share of the examples\n", f.data);
        for (int b = 0; b < CONVO_BINS; b++) {
            if (!c.count[b]) continue;
            const int64_t right = (int64_t)llround(c.accuracy[b] * (double)c.count[b]);
            const convo_interval i = convo_accuracy_interval(right, c.count[b]);
            fprintf(f.data, "%.6f %.6g %.6g %.6g %.6g %.6g\n", (b + 0.5) / CONVO_BINS, c.confidence[b], c.accuracy[b],
                    i.low, i.high, (double)c.count[b] / (double)e->score.count);
        }
        chart_set(&f, "multiplot title", "%s, %s part: calibration, ECE %.4f", name_of(p), part_of(p), c.error);
        fprintf(out,
                "  set xrange [0:1]\n  set lmargin at screen 0.1\n  set rmargin at screen 0.97\n"
                "  set boxwidth %.6f absolute\n  set style fill solid 0.85 border lc rgb '#ffffff'\n"
                "  set tmargin at screen 0.93\n  set bmargin at screen 0.36\n  set yrange [0:1]\n"
                "  set format x ''\n  set ylabel 'accuracy (fraction correct)'\n  set key top left\n"
                "  plot data using 1:3 with boxes lc rgb '#56B4E9' title 'accuracy in the bin', \\\n"
                "       data using 2:3:4:5 with yerrorbars pt 7 ps 0.8 lw 1.5 lc rgb '#0072B2' title 'at the mean "
                "confidence, 95 %% interval', \\\n"
                "       x with lines lw 2 dt '- ' lc rgb '#D55E00' title 'perfectly calibrated'\n"
                "  set tmargin at screen 0.31\n  set bmargin at screen 0.09\n  set format x '%%g'\n  unset key\n"
                "  set yrange [0:*]\n  set ytics 0.2\n  set xlabel 'confidence (largest probability)'\n"
                "  set ylabel 'share of the examples'\n"
                "  plot data using 1:6 with boxes lc rgb '#999999' notitle\n  unset multiplot\n",
                1.0 / CONVO_BINS);
    }
    return chart_draw(&f, p->stem, NULL);
}

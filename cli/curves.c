// The learning curves of a run: loss and accuracy against the epoch.
#include "command.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

// The parts of the data, and colours that stay apart without full colour vision (Okabe and Ito, 2008).
static const struct {
    const char *name, *colour;
} parts[] = {{"train", "#0072B2"}, {"validation", "#E69F00"}, {"test", "#009E73"}};

typedef struct curve_set {
    int epochs;
    bool measured[COUNT(parts)]; // in at least one epoch
} curve_set;

static void add_value(FILE *stream, const json_t *epoch, const char *part, const char *what, bool *measured) {
    char key[32];
    snprintf(key, sizeof key, "%s_%s", part, what);
    const json_t *value = json_object_get(epoch, key);
    if (json_is_number(value)) {
        fprintf(stream, " %.9g", json_number_value(value));
        *measured = true;
    } else
        fputs(" ?", stream); // not measured in this epoch
}

// metrics.jsonl as columns: the epoch, then loss and accuracy of each part.
static char *read_metrics(const char *folder, curve_set *curves) {
    char *path = text_of("%s/metrics.jsonl", folder), *text = NULL;
    size_t size = 0;
    FILE *in = path ? fopen(path, "r") : NULL, *out = open_memstream(&text, &size);
    if (in && out) {
        fputs("# epoch, then loss and accuracy of train, validation and test; ? is not measured\n", out);
        for (json_t *epoch; (epoch = json_loadf(in, JSON_DISABLE_EOF_CHECK, NULL)); json_decref(epoch)) {
            curves->epochs = (int)json_integer_value(json_object_get(epoch, "epoch"));
            fprintf(out, "%d", curves->epochs);
            for (size_t k = 0; k < COUNT(parts); k++) {
                add_value(out, epoch, parts[k].name, "loss", &curves->measured[k]);
                add_value(out, epoch, parts[k].name, "accuracy", &curves->measured[k]);
            }
            fputc('\n', out);
        }
    }
    bool whole = in && out;
    if (in) fclose(in);
    if (out && fclose(out)) whole = false;
    free(path);
    if (whole) return text;
    free(text);
    return NULL;
}

static const char head[] = "# Drawn by convo; edit it and run `gnuplot curves.gp` here to draw again.\n"
                           "set datafile missing '?'\n"
                           "set tics out nomirror\n"
                           "set border 3 lc rgb '#444444'\n"
                           "set grid lt 1 lw 0.5 lc rgb '#dddddd'\n"
                           "set xlabel 'epoch'\n";

// One panel. column: of the train part in curves.dat. last: the kept model's figure on the test part, where the epochs
// have none.
static void add_panel(FILE *out, const curve_set *curves, const char *label, int column, double last, int last_epoch) {
    fprintf(out, "  set ylabel '%s'\n  plot", label);
    const char *comma = "";
    for (size_t k = 0; k < COUNT(parts); k++, column += 2) {
        if (!curves->measured[k]) continue;
        fprintf(out, "%s 'curves.dat' using 1:%d with linespoints pt 7 ps 0.4 lw 2 lc rgb '%s' title '%s'", comma,
                column, parts[k].colour, parts[k].name);
        comma = ", \\\n      ";
    }
    if (isfinite(last) && !curves->measured[2])
        fprintf(out,
                "%s '+' using (%d):(%.6g) every ::::0 with points pt 13 ps 1.6 lc rgb '#D55E00' title 'test: %.4f'",
                comma, last_epoch, last, last);
    fputc('\n', out);
}

// Between ticks, so that there are at most ten: 1, 2, 5, 10, 20, ... epochs.
static int whole_step(int epochs) {
    static const int steps[] = {1, 2, 5};
    int step = 1;
    for (int k = 0, ten = 1; epochs / step > 10; step = steps[++k % 3] * ten)
        if (k % 3 == 2) ten *= 10;
    return step;
}

static char *write_script(const char *title, const curve_set *curves, const convo_train_result *result) {
    char *text = NULL, *quoted = gnuplot_quoted(title);
    size_t size = 0;
    FILE *out = quoted ? open_memstream(&text, &size) : NULL;
    if (out) {
        bool tested = result->test.count > 0;
        int last = curves->epochs > 1 ? curves->epochs : 2;
        fprintf(out, "%sset xrange [%d:%d]\nset xtics %d\n", head, curves->epochs > 1, last, whole_step(last));
        fprintf(out,
                "do for [kind in 'png svg'] {\n"
                "  if (kind eq 'png') { set terminal pngcairo size 1000,420 font 'DejaVu Sans,11' }\n"
                "  else { set terminal svg size 1000,420 dynamic font 'DejaVu Sans,13' background '#ffffff' }\n"
                "  set output 'curves.'.kind\n"
                "  set multiplot layout 1,2 title %s noenhanced\n"
                "  set key top right\n  set yrange [0:*]\n",
                quoted);
        add_panel(out, curves, "loss (mean per example)", 2, tested ? result->test.loss : NAN, result->best_epoch);
        fputs("  set key bottom right\n  set yrange [*:1]\n", out);
        add_panel(out, curves, "accuracy (fraction correct)", 3, tested ? result->test.accuracy : NAN,
                  result->best_epoch);
        fputs("  unset multiplot\n  unset output\n}\n", out);
        if (fclose(out)) {
            free(text);
            text = NULL;
        }
    }
    free(quoted);
    return text;
}

int draw_curves(const char *folder, const char *recipe, const convo_train_result *result, bool *drawn) {
    curve_set curves = {0};
    char *stem = text_of("%s/curves", folder), *data = read_metrics(folder, &curves);
    char *title = text_of("%s, seed %llu", recipe, (unsigned long long)result->seed);
    char *script = data && title ? write_script(title, &curves, result) : NULL;
    int status = DONE;
    *drawn = true;
    if (stem && data && curves.epochs) status = script ? draw_chart(stem, data, script, drawn) : no_memory();
    free(stem);
    free(data);
    free(title);
    free(script);
    return status;
}

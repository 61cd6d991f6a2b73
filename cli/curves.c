// The learning curves of a run: loss and accuracy against the epoch, and against the iteration where these were
// recorded.
#include "command.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

// The parts of the data, and colours that stay apart without full colour vision (Okabe and Ito, 2008).
static const struct {
    const char *name, *colour;
} parts[] = {{"train", "#0072B2"}, {"validation", "#E69F00"}, {"test", "#009E73"}};

// What is drawn: a file of the run folder, an object a line, and the key of its horizontal axis.
static const struct source {
    const char *file, *key, *label, *stem, *style;
} epochs = {"metrics.jsonl", "epoch", "epoch", "curves", "linespoints pt 7 ps 0.4 lw 2"},
  steps = {"steps.jsonl", "step", "iteration", "curves-steps", "lines lw 1"};

typedef struct curve_set {
    const struct source *of;
    int64_t last;                // epoch or iteration
    bool measured[COUNT(parts)]; // in at least one of them
} curve_set;

static void add_value(FILE *stream, const json_t *line, const char *part, const char *what, bool *measured) {
    char key[32];
    snprintf(key, sizeof key, "%s_%s", part, what);
    const json_t *value = json_object_get(line, key);
    if (json_is_number(value)) {
        fprintf(stream, " %.9g", json_number_value(value));
        *measured = true;
    } else
        fputs(" ?", stream); // not measured here
}

// The lines of the file as columns: the epoch or iteration, then loss and accuracy of each part.
static char *read_lines(FILE *in, curve_set *curves) {
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);
    if (!out) return NULL;
    fprintf(out, "# %s, then loss and accuracy of train, validation and test; ? is not measured\n", curves->of->label);
    for (json_t *line; (line = json_loadf(in, JSON_DISABLE_EOF_CHECK, NULL)); json_decref(line)) {
        curves->last = json_integer_value(json_object_get(line, curves->of->key));
        fprintf(out, "%lld", (long long)curves->last);
        for (size_t k = 0; k < COUNT(parts); k++) {
            add_value(out, line, parts[k].name, "loss", &curves->measured[k]);
            add_value(out, line, parts[k].name, "accuracy", &curves->measured[k]);
        }
        fputc('\n', out);
    }
    if (!fclose(out)) return text;
    free(text);
    return NULL;
}

// One panel. column: of the train part in the data. last: the kept model's figure on the test part, where it was not
// measured on the way.
static void add_panel(FILE *out, const curve_set *curves, const char *label, int column, double last, int64_t at) {
    fprintf(out, "  set ylabel '%s'\n  plot", label);
    const char *comma = "";
    for (size_t k = 0; k < COUNT(parts); k++, column += 2) {
        if (!curves->measured[k]) continue;
        fprintf(out, "%s '%s.dat' using 1:%d with %s lc rgb '%s' title '%s'", comma, curves->of->stem, column,
                curves->of->style, parts[k].colour, parts[k].name);
        comma = ", \\\n      ";
    }
    if (isfinite(last) && !curves->measured[2])
        fprintf(out,
                "%s '+' using (%lld):(%.6g) every ::::0 with points pt 13 ps 1.6 lc rgb '#D55E00' title 'test: %.4f'",
                comma, (long long)at, last, last);
    fputc('\n', out);
}

int64_t chart_step(int64_t last) {
    static const int factors[] = {1, 2, 5};
    int64_t step = 1;
    for (int64_t k = 0, ten = 1; last / step > (last < 1000 ? 10 : 5); step = factors[++k % 3] * ten)
        if (k % 3 == 2) ten *= 10;
    return step;
}

static char *write_script(const char *title, const curve_set *curves, const convo_train_result *result) {
    char *text = NULL, *quoted = gnuplot_quoted(title);
    size_t size = 0;
    FILE *out = quoted ? open_memstream(&text, &size) : NULL;
    if (out) {
        bool tested = result->test.count > 0;
        int64_t last = curves->last > 1 ? curves->last : 2, kept = result->best_epoch;
        if (curves->of == &steps && result->epochs) kept *= result->steps / result->epochs;
        chart_begin(out, curves->of->stem, 420);
        fprintf(out,
                "  set xlabel '%s'\n  set xrange [%d:%lld]\n  set xtics %lld\n"
                "  set multiplot layout 1,2 title %s noenhanced\n"
                "  set key top right\n  set yrange [0:*]\n",
                curves->of->label, curves->last > 1, (long long)last, (long long)chart_step(last), quoted);
        add_panel(out, curves, "loss (mean per example)", 2, tested ? result->test.loss : NAN, kept);
        fputs("  set key bottom right\n  set yrange [*:1]\n", out);
        add_panel(out, curves, "accuracy (fraction correct)", 3, tested ? result->test.accuracy : NAN, kept);
        fputs("  unset multiplot\n", out);
        chart_end(out);
        if (fclose(out)) {
            free(text);
            text = NULL;
        }
    }
    free(quoted);
    return text;
}

static int draw(const char *folder, const struct source *of, const char *title, const convo_train_result *result,
                bool *drawn) {
    curve_set curves = {.of = of};
    char *stem = text_of("%s/%s", folder, of->stem), *file = text_of("%s/%s", folder, of->file);
    FILE *in = file ? fopen(file, "r") : NULL;
    char *data = in ? read_lines(in, &curves) : NULL, *script = data ? write_script(title, &curves, result) : NULL;
    int status = stem && file && (!in || script) ? DONE : no_memory();
    if (!status && curves.last) status = draw_chart(stem, data, script, drawn);
    if (in) fclose(in);
    free(stem);
    free(file);
    free(data);
    free(script);
    return status;
}

int draw_curves(const char *folder, const char *recipe, const convo_train_result *result, bool *drawn) {
    char *title = text_of("%s, seed %llu", recipe, (unsigned long long)result->seed);
    *drawn = true;
    int status = title ? draw(folder, &epochs, title, result, drawn) : no_memory();
    if (!status) status = draw(folder, &steps, title, result, drawn);
    free(title);
    return status;
}

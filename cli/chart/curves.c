// Learning curves: loss and accuracy against the epoch, and against the iteration where these were recorded; of one
// run, or of several over each other.
#include "chart/chart.h"
#include "chart/plot.h"
#include "output.h"
#include "paths.h"
#include "quote.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

// The parts of the data; colours for one run, dashes where colours tell runs apart.
static const struct {
    const char *name, *colour, *dashes;
} parts[] = {{"train", "#0072B2", "solid"}, {"validation", "#E69F00", "(8,4)"}, {"test", "#009E73", "(2,3)"}};

// What is drawn: a file of the run folder, an object a line, and the key of its horizontal axis.
static const struct source {
    const char *file, *key, *label, *stem, *style;
} epochs = {"metrics.jsonl", "epoch", "epoch", "curves", "linespoints pt 7 ps 0.4 lw 2"},
  steps = {"steps.jsonl", "step", "iteration", "curves-steps", "lines lw 1"};

typedef struct curve {
    const char *name;
    int64_t last, kept;          // epoch or iteration; of the model that is kept, 0: not known
    double final[2];             // its loss and accuracy on the test part; NaN: not known
    bool measured[COUNT(parts)]; // in at least one line
    bool varies[2];              // not every loss is 0, not every accuracy 1
} curve;

typedef struct chart {
    const struct source *of;
    const char *stem, *title;
    curve *run;
    size_t runs;
} chart;

// --- data -------------------------------------------------------------------------------------------------------

static void add_value(FILE *stream, const json_t *line, curve *run, size_t part, int what) {
    static const char *const names[] = {"loss", "accuracy"};
    char key[32];
    snprintf(key, sizeof key, "%s_%s", parts[part].name, names[what]);
    const json_t *value = json_object_get(line, key);
    if (json_is_number(value)) {
        fprintf(stream, " %.9g", json_number_value(value));
        run->measured[part] = true;
        run->varies[what] = run->varies[what] || json_number_value(value) != what;
    } else
        fputs(" ?", stream); // not measured here
}

// The lines of the file as columns: the epoch or iteration, then loss and accuracy of each part.
static void add_lines(FILE *in, const struct source *of, curve *run, FILE *out) {
    fprintf(out, "# %s: %s, then loss and accuracy of train, validation and test; ? is not measured\n", run->name,
            of->label);
    for (json_t *line; (line = json_loadf(in, JSON_DISABLE_EOF_CHECK, NULL)); json_decref(line)) {
        run->last = json_integer_value(json_object_get(line, of->key));
        fprintf(out, "%lld", (long long)run->last);
        for (size_t k = 0; k < COUNT(parts); k++)
            for (int what = 0; what < 2; what++) add_value(out, line, run, k, what);
        fputc('\n', out);
    }
}

// A block for each run. *missing: the first file that is not there.
static bool collect_curves(chart *c, const char *const *folder, FILE *out, char **missing) {
    for (size_t r = 0; r < c->runs; r++) {
        char *file = text_of("%s/%s", folder[r], c->of->file);
        if (!file) return false;
        FILE *in = fopen(file, "r");
        if (r) fputs("\n\n", out);
        if (in) add_lines(in, c->of, &c->run[r], out);
        if (in) fclose(in);
        if (!in && !*missing)
            *missing = file;
        else
            free(file);
    }
    return true;
}

static void set_result(curve *run, const struct source *of, const convo_train_result *result) {
    run->final[0] = result->test.count ? result->test.loss : NAN;
    run->final[1] = result->test.count ? result->test.accuracy : NAN;
    run->kept = result->best_epoch;
    if (of == &steps && result->epochs) run->kept *= result->steps / result->epochs;
}

// --- script -----------------------------------------------------------------------------------------------------

// A run has a colour and each part its dashes, which the key tells apart; a run alone has a colour for each part.
static void add_runs(FILE *out, const chart *c, int what, const char **comma) {
    bool measured[COUNT(parts)] = {false}, final = false;
    for (size_t r = 0; r < c->runs; r++) {
        const curve *run = &c->run[r];
        bool named = false;
        for (size_t k = 0; k < COUNT(parts); k++) {
            if (!run->measured[k]) continue;
            fprintf(out, "%s data index %zu using 1:%zu with ", *comma, r, 2 + 2 * k + (size_t)what);
            if (c->runs == 1)
                fprintf(out, "%s lc rgb '%s' title '%s'", c->of->style, parts[k].colour, parts[k].name);
            else
                fprintf(out, "lines lw %s dt %s lc rgb '%s' ", c->of == &epochs ? "2" : "1", parts[k].dashes,
                        chart_colour(r));
            if (c->runs > 1) fputs(named ? "notitle" : "title ", out);
            if (c->runs > 1 && !named) gnuplot_text(run->name, out);
            *comma = ", \\\n      ";
            named = measured[k] = true;
        }
    }
    for (size_t r = 0; r < c->runs; r++) { // where it was not measured on the way
        const curve *run = &c->run[r];
        if (!isfinite(run->final[what]) || run->measured[2]) continue;
        final = true;
        fprintf(out, "%s '+' using (%lld):(%.6g) every ::::0 with points pt 13 ps 1.6 lc rgb '%s' ", *comma,
                (long long)run->kept, run->final[what], c->runs > 1 ? chart_colour(r) : "#D55E00");
        if (c->runs > 1)
            fputs("notitle", out);
        else
            fprintf(out, "title 'test: %.4f'", run->final[what]);
    }
    if (c->runs == 1) return;
    for (size_t k = 0; k < COUNT(parts); k++)
        if (measured[k])
            fprintf(out, "%s NaN with lines lw 2 dt %s lc rgb '#444444' title '%s'", *comma, parts[k].dashes,
                    parts[k].name);
    if (final) fprintf(out, "%s NaN with points pt 13 ps 1.6 lc rgb '#444444' title 'test, of the model kept'", *comma);
}

// From 0, or to 1. gnuplot has no range for a line on that border.
static void add_panel(FILE *out, const chart *c, int what) {
    static const char *const labels[] = {"loss (mean per example)", "accuracy (fraction correct)"};
    const char *comma = "", *const ranges[] = {"0:*", "*:1"};
    bool varies = false;
    for (size_t r = 0; r < c->runs; r++) {
        const double final = c->run[r].final[what];
        varies = varies || c->run[r].varies[what] || (isfinite(final) && final != what);
    }
    fprintf(out, "  set yrange [%s]\n  set ylabel '%s'\n  plot", varies ? ranges[what] : "0:1", labels[what]);
    add_runs(out, c, what, &comma);
    fputc('\n', out);
}

// The key of several runs stands below both panels.
static void position_panels(cli_chart *files, const chart *c, int key, int height) {
    char layout[96] = "multiplot layout 1,2 title";
    if (c->runs == 1)
        fputs("  set rmargin 4\n", files->script); // room for the last number below
    else
        snprintf(layout, sizeof layout, "multiplot layout 1,2 margins 0.08,0.97,%.3f,0.9 spacing 0.1 title",
                 (key + 60.0) / height);
    chart_set(files, layout, "%s", c->title);
    if (c->runs > 1)
        fprintf(files->script, "  set key at screen 0.5,%.3f center vertical maxrows %d\n", 0.5 * key / height,
                key / 20);
}

static void write_script(const chart *c, cli_chart *files) {
    FILE *out = files->script;
    size_t longest = 20;
    int64_t first = 1, last = 2;
    for (size_t r = 0; r < c->runs; r++) {
        if (c->run[r].last > last) last = c->run[r].last;
        if (c->run[r].last == 1) first = 0; // a point has room at its left
        if (strlen(c->run[r].name) > longest) longest = strlen(c->run[r].name);
    }
    const int across = (int)(900 / (8 * longest + 70)), entries = (int)c->runs + 4;
    const int key = c->runs > 1 ? 20 * (across > 1 ? (entries + across - 1) / across : entries) : 0;
    const int height = 420 + key;
    chart_begin(files, c->stem, height);
    fprintf(out, "  set xlabel '%s'\n  set xrange [%lld:%lld]\n  set xtics %lld\n", c->of->label, (long long)first,
            (long long)last, (long long)chart_step(last));
    position_panels(files, c, key, height);
    if (c->runs == 1) fputs("  set key top right\n", out);
    add_panel(out, c, 0);
    fputs(c->runs == 1 ? "  set key bottom right\n" : "  unset key\n", out);
    add_panel(out, c, 1);
    fputs("  unset multiplot\n", out);
}

// --- charts -----------------------------------------------------------------------------------------------------

// needed: a file that is not there is an error.
static int draw_curve_chart(chart *c, const char *const *folder, const convo_train_result *result, bool needed,
                            bool *drawn) {
    char *missing = NULL;
    int64_t last = 0;
    cli_chart files = {0};
    for (size_t r = 0; r < c->runs; r++) set_result(&c->run[r], c->of, &result[r]);
    const bool whole = c->stem && c->title && chart_open(&files) && collect_curves(c, folder, files.data, &missing);
    int status = whole ? DONE : no_memory();
    for (size_t r = 0; r < c->runs; r++) last = c->run[r].last > last ? c->run[r].last : last;
    if (!status && needed && missing)
        status = complain(missing, c->of == &steps ? "not found: to record steps, train with --set record_every=1"
                                                   : "not found: expected it in the run folder");
    else if (!status && needed && !last)
        status = complain(folder[0], "contains no records yet");
    free(missing);
    if (status || !last) return chart_free(&files), status;
    write_script(c, &files);
    return chart_draw(&files, c->stem, drawn);
}

int draw_curves(const char *folder, const char *recipe, const convo_train_result *result, bool *drawn) {
    char *title = text_of("%s, seed %llu", recipe, (unsigned long long)result->seed);
    int status = DONE;
    *drawn = true;
    for (int k = 0; k < 2 && !status; k++) {
        curve run = {.name = recipe};
        chart c = {.of = k ? &steps : &epochs, .title = title, .run = &run, .runs = 1};
        char *stem = text_of("%s/%s", folder, c.of->stem);
        c.stem = stem;
        status = draw_curve_chart(&c, &folder, result, false, drawn);
        free(stem);
    }
    free(title);
    return status;
}

int draw_runs(const char *stem, const char *title, const char *const *folder, const convo_train_result *result,
              size_t count, bool by_step, bool *drawn) {
    curve *run = calloc(count, sizeof *run);
    if (!run) return no_memory();
    for (size_t r = 0; r < count; r++) run[r].name = folder[r];
    chart c = {.of = by_step ? &steps : &epochs, .stem = stem, .title = title, .run = run, .runs = count};
    *drawn = true;
    const int status = draw_curve_chart(&c, folder, result, true, drawn);
    free(run);
    return status;
}

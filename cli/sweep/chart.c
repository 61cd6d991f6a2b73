// The charts of a sweep: final errors with error bars, and errors against the epoch, and the iteration where these were
// recorded, with bands.
#include "chart/chart.h"
#include "chart/plot.h"
#include "output.h"
#include "paths.h"
#include "quote.h"
#include "sweep/sweep.h"
#include "sweep/trial.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

typedef struct cli_line {
    char text[1024];
} cli_line;

static const char *const parts[] = {"train", "validation", "test"};
static const char *const part_colours[] = {"#0072B2", "#E69F00", "#009E73"}; // as in a run's curves

// "7, 0.02", or the keys, "out, lr"
static cli_line values_text(const sweep *s, size_t setting, bool keys) {
    cli_line line = {""};
    for (size_t a = 0, used = 0; a < s->axes && used < sizeof line.text; a++)
        used += (size_t)snprintf(line.text + used, sizeof line.text - used, "%s%s", a ? ", " : "",
                                 keys ? s->axis[a].key : sweep_value(s, setting, a));
    return line;
}

static void put_title(cli_chart *c, const char *set, const sweep *s, const char *what) {
    if (s->trials > 1)
        chart_set(c, set, "%s: %s, mean and standard deviation of %zu runs", s->recipe, what, s->trials);
    else
        chart_set(c, set, "%s: %s", s->recipe, what);
}

static void put_spread(FILE *out, const cli_spread *spread) {
    if (spread->count)
        fprintf(out, " %.9g %.9g", spread->mean, spread->count > 1 ? spread_deviation(spread) : 0);
    else
        fputs(" ? ?", out);
}

// Room for the figures: from a little below 0, so that points there are seen, to a little above the highest bar.
static void put_range(FILE *out, double highest) {
    double top = highest > 0 ? 1.08 * highest : 0.1;
    fprintf(out, "  set yrange [%.6g:%.6g]\n", -0.02 * top, top);
}

// --- final errors -----------------------------------------------------------------------------------------------

static int write_errors(const sweep *s, cli_chart *c, bool *any) {
    FILE *data = c->data, *script = c->script;
    double highest = 0;
    size_t length = 0;
    *any = sweep_measured(s, CONVO_TRAIN);
    if (!*any) return DONE; // all diverged
    fprintf(data, "# number, then mean and standard deviation of the error: train, validation, test\n");
    chart_begin(c, "errors", 460);
    put_title(c, "title", s, "final errors");
    chart_set(c, "xlabel", "%s", values_text(s, 0, true).text);
    fputs("  set ylabel 'error (fraction wrong)'\n  set bmargin 6\n  set key at screen 0.5,0.04 center "
          "horizontal\n  set xtics (",
          script);
    for (size_t k = 0; k < s->settings; k++) {
        const sweep_total total = sweep_totals(s, k);
        cli_line label = values_text(s, k, false);
        const size_t used = strlen(label.text);
        if (total.diverged)
            snprintf(label.text + used, sizeof label.text - used, " (%d of %d diverged)", total.diverged, total.done);
        fprintf(script, "%s", k ? ", " : "");
        gnuplot_tick(label.text, script);
        fprintf(script, " %zu", k + 1);
        fprintf(data, "%zu", k + 1);
        for (int part = 0; part < 3; part++) {
            put_spread(data, &total.error[part]);
            double bar = total.error[part].count > 1 ? spread_deviation(&total.error[part]) : 0;
            if (total.error[part].count) highest = fmax(highest, total.error[part].mean + bar);
        }
        fprintf(data, "  # %s\n", label.text);
        length += strlen(label.text) + 2;
    }
    fprintf(script, ")%s\n  set xrange [0.5:%zu.5]\n", length > 110 ? " rotate by -25" : "", s->settings);
    put_range(script, highest);
    fputs("  plot", script);
    const char *comma = "";
    for (int part = 0; part < 3; part++) {
        if (!sweep_measured(s, part)) continue;
        // Beside each other, so that bars of equal errors are seen.
        fprintf(script, "%s data using ($1%+.2f):%d:%d with %s pt 7 ps 1 lw 1.6 lc rgb '%s' title '%s'", comma,
                0.06 * (part - 1), 2 * part + 2, 2 * part + 3,
                s->axes == 1 && !sweep_crosses(s) ? "yerrorlines" : "yerrorbars", part_colours[part], parts[part]);
        comma = ", \\\n      ";
    }
    fputc('\n', script);
    return DONE;
}

// --- errors against the epoch or the iteration ------------------------------------------------------------------

// A file of each run folder, an object a line, and the key of the horizontal axis.
typedef struct curve_source {
    const char *file, *key, *label, *stem;
} curve_source;

typedef struct point_error {
    cli_spread part[3];
} point_error;

enum { MOST_POINTS = 1 << 20 };

typedef struct error_curves {
    const curve_source *of;
    point_error *point; // of one setting; the first is epoch or iteration 1
    size_t points;
    size_t last; // of all settings
    double highest;
    bool measured[3];
} error_curves;

static bool add_point(error_curves *curves, const json_t *line) {
    json_int_t at = json_integer_value(json_object_get(line, curves->of->key));
    if (at < 1 || at > MOST_POINTS) return true;
    if ((size_t)at > curves->points) {
        point_error *grown = realloc(curves->point, (size_t)at * sizeof *grown);
        if (!grown) return false;
        memset(grown + curves->points, 0, ((size_t)at - curves->points) * sizeof *grown);
        curves->point = grown;
        curves->points = (size_t)at;
    }
    for (int part = 0; part < 3; part++) {
        char key[32];
        snprintf(key, sizeof key, "%s_accuracy", parts[part]);
        const json_t *accuracy = json_object_get(line, key);
        if (!json_is_number(accuracy)) continue;
        spread_add(&curves->point[at - 1].part[part], 1 - json_number_value(accuracy));
        curves->measured[part] = true;
    }
    return true;
}

static bool add_run(error_curves *curves, const sweep_run *run) {
    char *path = text_of("%s/%s", run->folder, curves->of->file);
    FILE *in = path ? fopen(path, "r") : NULL;
    bool complete = path;
    for (json_t *line; in && complete && (line = json_loadf(in, JSON_DISABLE_EOF_CHECK, NULL)); json_decref(line))
        complete = add_point(curves, line);
    if (in) fclose(in);
    free(path);
    return complete;
}

// One block of columns for the setting, a line a point. Writes nothing when all its runs diverged.
static bool put_setting(const sweep *s, size_t setting, error_curves *curves, FILE *data) {
    curves->points = 0;
    for (size_t t = 0; t < s->trials; t++) {
        const sweep_run *run = &s->run[setting * s->trials + t];
        if (run->done && !run->result.diverged && !add_run(curves, run)) return false;
    }
    if (!curves->points) return true;
    fprintf(data, "%s# %s: %s, then mean and standard deviation of the error: train, validation, test\n",
            curves->last ? "\n\n" : "", values_text(s, setting, false).text, curves->of->label);
    for (size_t e = 0; e < curves->points; e++) {
        const cli_spread *at = curves->point[e].part;
        if (!at[0].count && !at[1].count && !at[2].count) continue; // not recorded here
        fprintf(data, "%zu", e + 1);
        for (int part = 0; part < 3; part++) {
            const cli_spread *spread = &at[part];
            put_spread(data, spread);
            if (spread->count)
                curves->highest =
                    fmax(curves->highest, spread->mean + (spread->count > 1 ? spread_deviation(spread) : 0));
        }
        fputc('\n', data);
    }
    if (curves->points > curves->last) curves->last = curves->points;
    return true;
}

static void put_panel(const sweep *s, int part, bool key, FILE *script) {
    size_t shown = 0;
    const char *comma = "";
    int mean = 2 * part + 2, deviation = 2 * part + 3;
    fprintf(script, "  set ylabel '%s error (fraction wrong)'\n  plot", parts[part]);
    for (int line = 0; line < 2; line++, shown = 0) // bands first, lines over them
        for (size_t k = 0; k < s->settings; k++) {
            const sweep_total total = sweep_totals(s, k);
            if (total.done == total.diverged) continue;
            const char *colour = chart_colour(k);
            if (line) {
                fprintf(script, "%s data index %zu using 1:%d with lines lw 2 dt %zu lc rgb '%s' ", comma, shown++,
                        mean, k / CHART_COLOURS + 1, colour);
                fputs(key ? "title " : "notitle", script);
                if (key) gnuplot_text(values_text(s, k, false).text, script);
            } else
                fprintf(script,
                        "%s data index %zu using 1:($%d > $%d ? $%d - $%d : 0):($%d + $%d) with filledcurves fs "
                        "transparent solid 0.15 noborder lc rgb '%s' notitle",
                        comma, shown++, mean, deviation, mean, deviation, mean, deviation, colour);
            comma = ", \\\n      ";
        }
    fputc('\n', script);
}

// Room below the panels, for the names of the settings in as many columns as fit.
typedef struct key_box {
    int rows, height; // in pixels
} key_box;

static key_box key_of(const sweep *s) {
    enum { CHARACTER = 8, SAMPLE = 70, WIDTH = 900, LINE = 20 };
    size_t longest = 0;
    for (size_t k = 0; k < s->settings; k++) {
        const size_t length = strlen(values_text(s, k, false).text);
        if (length > longest) longest = length;
    }
    size_t columns = WIDTH / (CHARACTER * longest + SAMPLE);
    if (columns < 1) columns = 1;
    int rows = (int)((s->settings + columns - 1) / columns);
    return (key_box){rows, LINE * (rows + 1)}; // and the title
}

static int write_curves(const sweep *s, const curve_source *of, cli_chart *c, bool *any) {
    FILE *script = c->script;
    error_curves curves = {.of = of};
    bool complete = true;
    for (size_t k = 0; complete && k < s->settings; k++) complete = put_setting(s, k, &curves, c->data);
    free(curves.point);
    *any = curves.last > 0;
    if (!complete) return no_memory();
    if (!*any) return DONE;
    // Beside the training part: validation, or the test part where only that was followed.
    int held_out = curves.measured[1] ? 1 : curves.measured[2] ? 2 : 0;
    char layout[96], below[96];
    size_t last = curves.last > 1 ? curves.last : 2;
    const key_box key = key_of(s);
    chart_begin(c, of->stem, 400 + key.height);
    fprintf(script, "  set xlabel '%s'\n  set xrange [1:%zu]\n  set xtics %lld\n", of->label, last,
            (long long)chart_step((int64_t)last));
    put_range(script, curves.highest);
    snprintf(layout, sizeof layout, "multiplot layout 1,%d margins 0.09,0.97,%.3f,0.9 spacing 0.1 title",
             held_out ? 2 : 1, (60.0 + key.height) / (400 + key.height));
    put_title(c, layout, s, "errors");
    snprintf(below, sizeof below, "key at screen 0.5,%.3f center vertical maxrows %d title",
             0.5 * key.height / (400 + key.height), key.rows);
    chart_set(c, below, "%s", values_text(s, 0, true).text);
    put_panel(s, 0, true, script);
    fputs("  unset key\n", script);
    if (held_out) put_panel(s, held_out, false, script);
    fputs("  unset multiplot\n", script);
    return DONE;
}

static int write_epochs(const sweep *s, cli_chart *c, bool *any) {
    static const curve_source epochs = {"metrics.jsonl", "epoch", "epoch", "curves"};
    return write_curves(s, &epochs, c, any);
}

static int write_steps(const sweep *s, cli_chart *c, bool *any) {
    static const curve_source steps = {"steps.jsonl", "step", "iteration", "curves-steps"};
    return write_curves(s, &steps, c, any);
}

// --- all --------------------------------------------------------------------------------------------------------

typedef int write_chart(const sweep *s, cli_chart *c, bool *any);

static int draw_sweep_chart(const sweep *s, const char *name, write_chart *write, bool *drawn) {
    char *stem = text_of("%s/%s", s->out, name);
    cli_chart c = {0};
    bool any = true;
    int status = stem && chart_open(&c) ? write(s, &c, &any) : no_memory();
    if (status || !any)
        chart_free(&c);
    else
        status = chart_draw(&c, stem, drawn);
    free(stem);
    return status;
}

int draw_sweep(const sweep *s, bool *drawn) {
    int status = draw_sweep_chart(s, "errors", write_errors, drawn);
    if (!status) status = draw_sweep_chart(s, "curves", write_epochs, drawn);
    return status ? status : draw_sweep_chart(s, "curves-steps", write_steps, drawn);
}

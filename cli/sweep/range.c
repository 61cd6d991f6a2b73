// A range test of the learning rate: one training whose rate rises from step to step. Smith, Cyclical learning rates
// for training neural networks, WACV 2017.
#include "chart/chart.h"
#include "output.h"
#include "quote.h"
#include "sweep/range.h"

#include <math.h>
#include <stdlib.h>

enum { LEAST_STEPS = 100 }; // fewer say little

typedef struct range_point {
    double rate, loss, smooth;
} range_point;

typedef struct range_curve {
    range_point *point;
    size_t points, lowest, steepest; // the latter two: which points
    bool diverged;
} range_curve;

// --- the training -------------------------------------------------------------------------------------------------

static int set_all(convo_recipe *recipe, double low, double high, int epochs) {
    char rate[48], length[48], schedule[128];
    snprintf(rate, sizeof rate, "lr=%.9g", low);
    snprintf(length, sizeof length, "train.epochs=%d", epochs);
    snprintf(schedule, sizeof schedule, "train.schedule={exponential: {gamma: %.17g, each_step: true}}",
             pow(high / low, 1.0 / epochs));
    const char *const settings[] = {rate,
                                    length,
                                    schedule,
                                    "train.record_every=1",
                                    "train.record_full=false",
                                    "train.record_validation=false",
                                    "train.keep=last",
                                    "train.watch=loss",
                                    "train.patience=0"};
    convo_error err;
    for (size_t k = 0; k < COUNT(settings); k++)
        if (convo_recipe_set(recipe, settings[k], &err)) return fail(&err);
    return DONE;
}

// As many epochs as make enough steps. Stops where the loss is no longer a number.
static int train_range(const cli_trials *how, convo_recipe *recipe, const char *folder, double low, double high,
                       bool *diverged) {
    convo_train_result result;
    int epochs = 1, status;
    for (;;) {
        if ((status = set_all(recipe, low, high, epochs))) return status;
        if ((status = run_trial(how, recipe, folder, "range", &result))) return status;
        *diverged = result.diverged;
        if (result.diverged || epochs > 1 || result.steps >= LEAST_STEPS || result.steps == 0) return DONE;
        epochs = (int)((LEAST_STEPS + result.steps - 1) / result.steps);
    }
}

// --- the curve ----------------------------------------------------------------------------------------------------

static int read_losses(const char *folder, range_curve *c) {
    char *path = text_of("%s/steps.jsonl", folder);
    FILE *in = path ? fopen(path, "r") : NULL;
    int status = !path ? no_memory() : in ? DONE : complain(path, "not found: the training recorded nothing");
    size_t room = 0;
    for (json_t *line; !status && (line = json_loadf(in, JSON_DISABLE_EOF_CHECK, NULL)); json_decref(line)) {
        if (c->points == room) {
            range_point *more = realloc(c->point, (room = 2 * room + 64) * sizeof *more);
            if (!more) {
                status = no_memory();
                continue;
            }
            c->point = more;
        }
        c->point[c->points++] = (range_point){json_number_value(json_object_get(line, "learning_rate")),
                                              json_number_value(json_object_get(line, "train_loss")), 0};
    }
    if (in) fclose(in);
    free(path);
    return status;
}

// A moving average without the bias of its beginning, as Adam's. Its lowest point, and where it falls most steeply over
// the logarithm of the rate.
static void judge_curve(range_curve *c) {
    const double memory = 1 - 1 / fmax(5, (double)c->points / 30);
    const size_t reach = c->points / 20 + 1; // over which a slope is measured
    double sum = 0, most = 0;
    for (size_t k = 0; k < c->points; k++) {
        sum = memory * sum + (1 - memory) * c->point[k].loss;
        c->point[k].smooth = sum / (1 - pow(memory, (double)k + 1));
        if (c->point[k].smooth < c->point[c->lowest].smooth) c->lowest = k;
    }
    for (size_t k = reach; k <= c->lowest; k++) {
        const double fall = c->point[k - reach].smooth - c->point[k].smooth;
        if (fall > most) most = fall, c->steepest = k - reach / 2;
    }
}

// The rate to begin with: a tenth of where the loss is lowest, above which it soon grows.
static double suggested(const range_curve *c) {
    return c->point[c->lowest].rate / 10;
}

static int draw_range(const range_curve *c, const char *stem, const char *recipe, bool *drawn) {
    cli_chart files;
    double top = 0, bottom = INFINITY;
    if (!chart_open(&files)) return chart_free(&files), no_memory();
    fputs("# learning rate, loss of the step's batch, the same smoothed\n", files.data);
    for (size_t k = 0; k < c->points; k++) {
        fprintf(files.data, "%.9g %.9g %.9g\n", c->point[k].rate, c->point[k].loss, c->point[k].smooth);
        if (k <= c->lowest) top = fmax(top, c->point[k].smooth);
        bottom = fmin(bottom, fmin(c->point[k].loss, c->point[k].smooth));
    }
    chart_begin(&files, stem, 480);
    chart_set(&files, "title", "%s: range test of the learning rate", recipe);
    fprintf(files.script,
            "  set xlabel 'learning rate'\n  set ylabel 'loss of the batch'\n  set logscale x\n  set format x '%%g'\n"
            "  set xrange [%.9g:%.9g]\n  set yrange [%.9g:%.9g]\n  set key top left\n",
            c->point[0].rate, c->point[c->points - 1].rate, fmin(0, bottom), 2 * top);
    const struct {
        double rate;
        const char *colour, *name;
    } marks[] = {{c->point[c->lowest].rate, "#D55E00", "lowest"}, {suggested(c), "#009E73", "a tenth of it"}};
    for (size_t k = 0; k < COUNT(marks); k++)
        fprintf(files.script, "  set arrow from %.9g, graph 0 to %.9g, graph 1 nohead lw 2 dt (6,4) lc rgb '%s'\n",
                marks[k].rate, marks[k].rate, marks[k].colour);
    fputs("  plot data using 1:2 with lines lw 1 lc rgb '#bbccdd' title 'each step', \\\n"
          "       data using 1:3 with lines lw 2 lc rgb '#0072B2' title 'smoothed'",
          files.script);
    for (size_t k = 0; k < COUNT(marks); k++)
        fprintf(files.script, ", \\\n       NaN with lines lw 2 dt (6,4) lc rgb '%s' title '%s: %.2g'", marks[k].colour,
                marks[k].name, marks[k].rate);
    fputc('\n', files.script);
    return chart_draw(&files, stem, drawn);
}

static json_t *range_json(const range_curve *c, const char *recipe) {
    json_t *curve = json_array();
    for (size_t k = 0; k < c->points; k++)
        json_array_append_new(curve, json_pack("{s:f, s:f, s:f}", "lr", c->point[k].rate, "loss", c->point[k].loss,
                                               "smoothed", c->point[k].smooth));
    return json_pack("{s:s, s:f, s:f, s:f, s:b, s:o}", "recipe", recipe, "lowest", c->point[c->lowest].rate, "steepest",
                     c->point[c->steepest].rate, "suggested", suggested(c), "diverged", c->diverged, "curve", curve);
}

static int tell_range(const cli_context *context, const range_curve *c, const char *recipe, const char *out) {
    char *stem = text_of("%s/range", out);
    bool drawn = true;
    int status = stem ? draw_range(c, stem, recipe, &drawn) : no_memory();
    free(stem);
    if (status) return status;
    if (!context->quiet && drawn) say(stderr, "%s: range.png\n", out);
    if (!drawn && context->verbose) fputs("no picture: gnuplot is not installed\n", stderr);
    if (context->json) return print_json(range_json(c, recipe), false);
    say(stdout, "loss falls most steeply at lr %.2g, is lowest at %.2g", c->point[c->steepest].rate,
        c->point[c->lowest].rate);
    if (c->diverged) say(stdout, ", is no number beyond %.2g", c->point[c->points - 1].rate);
    say(stdout, "\ntry lr=%.2g\n", suggested(c));
    return DONE;
}

int sweep_range(const cli_trials *how, convo_recipe *recipe, const char *out, double low, double high) {
    range_curve c = {0};
    char *folder = text_of("%s/run", out);
    int status = folder ? train_range(how, recipe, folder, low, high, &c.diverged) : no_memory();
    if (!status) status = read_losses(folder, &c);
    if (!status && c.points < 2)
        status = complain(convo_recipe_name(recipe), "diverged at once: begin with a lower rate, --over lr=LOW,HIGH");
    if (!status) {
        judge_curve(&c);
        status = tell_range(how->context, &c, convo_recipe_name(recipe), out);
    }
    free(c.point);
    free(folder);
    return status;
}

// Trainings repeated with different seeds, and the averages of their results.
#include "output.h"
#include "paths.h"
#include "sweep/trial.h"

#include <math.h>
#include <stdlib.h>

// --- mean and standard deviation --------------------------------------------------------------------------------

void spread_add(cli_spread *s, double x) {
    if (!isfinite(x)) return;
    double before = x - s->mean;
    s->mean += before / ++s->count;
    s->squares += before * (x - s->mean);
}

double spread_deviation(const cli_spread *s) {
    return s->count > 1 ? sqrt(s->squares / (s->count - 1)) : NAN;
}

json_t *spread_json(const cli_spread *s) {
    if (!s->count) return json_null();
    return json_pack("{s:f, s:o, s:i}", "mean", s->mean, "std", json_number(spread_deviation(s)), "count", s->count);
}

cli_text spread_text(const cli_spread *s) {
    cli_text text = {"-"};
    if (s->count == 1) snprintf(text.text, sizeof text.text, "%.4f", s->mean);
    if (s->count > 1) snprintf(text.text, sizeof text.text, "%.4f ± %.4f", s->mean, spread_deviation(s));
    return text;
}

// --- one training -----------------------------------------------------------------------------------------------

typedef struct trial_screen {
    const char *folder, *name;
    bool redraw, started;
} trial_screen;

static void show_trial(const convo_progress *p, void *user) {
    trial_screen *display = user;
    if (!display->started) forget_run(display->folder);
    display->started = true;
    if (!display->redraw) return;
    fputc('\r', stderr);
    say(stderr, "%s  epoch %d/%d  accuracy %.4f  %s left", display->name, p->epoch, p->epochs, p->train.accuracy,
        clock_of(p->seconds_left).text);
    fputs("\033[K", stderr);
}

static void on_note(const char *sentence, void *user) {
    (void)user;
    say(stderr, "%s\n", sentence);
}

static bool has_checkpoint(const char *folder) {
    char *path = text_of("%s/last.checkpoint", folder);
    bool there = path && is_file(path);
    free(path);
    return there;
}

int run_trial(const cli_trials *how, const convo_recipe *recipe, const char *folder, const char *name,
              convo_train_result *result) {
    trial_screen display = {.folder = folder, .name = name, .redraw = can_redraw() && !how->context->quiet};
    convo_train_options train = how->data.how;
    train.out = folder;
    train.resume = how->resume && has_checkpoint(folder);
    train.note = how->notes && !how->context->quiet ? on_note : NULL;
    train.stop = how->stop;
    train.progress = show_trial;
    train.user = &display;
    convo_error err = {0};
    *result = (convo_train_result){0};
    convo_status failed = convo_train(recipe, &train, result, NULL, &err);
    if (display.redraw && display.started) fputs("\r\033[K", stderr);
    if (failed && !result->diverged) return fail(&err);
    if (failed && how->context->verbose) say(stderr, "%s: %s\n", name, err.message);
    return result->interrupted ? INTERRUPTED : DONE;
}

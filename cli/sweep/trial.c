// Trainings repeated with different seeds, and the averages of their results.
#include "output.h"
#include "paths.h"
#include "ranks.h"
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
    const cli_trials *how;
    const char *folder, *name;
    cli_progress own, *progress;
    bool started;
} trial_screen;

static void show_trial(const convo_progress *p, void *user) {
    trial_screen *display = user;
    const cli_trials *how = display->how;
    char after[120], number[48] = "";
    if (!display->started) forget_run(display->folder);
    display->started = true;
    const double share = (p->epoch - 1 + (p->steps ? (double)p->step / p->steps : 0)) / p->epochs;
    if (how->total) snprintf(number, sizeof number, "run %zu/%zu  ", how->done + 1, how->total);
    snprintf(after, sizeof after, "%s%s  epoch %d/%d  accuracy %.4f", number, display->name, p->epoch, p->epochs,
             p->train.accuracy);
    progress_show(display->progress, "training", how->total ? ((double)how->done + share) / (double)how->total : share,
                  after);
}

static void show_trial_reading(int64_t done, int64_t total, void *user) {
    const trial_screen *display = user;
    progress_reading(done, total, display->progress);
}

static void on_note(const char *sentence, void *user) {
    const trial_screen *display = user;
    progress_note(sentence, display->progress);
}

int run_trial(const cli_trials *how, const convo_recipe *recipe, const char *folder, const char *name,
              convo_train_result *result) {
    trial_screen display = {.how = how, .folder = folder, .name = name, .own = progress_new(how->context)};
    char *checkpoint = text_of("%s/last.checkpoint", folder);
    display.progress = how->screen ? how->screen : &display.own;
    convo_train_options train = how->data.how;
    train.out = folder;
    // Should this rank fail before it empties the folder, rank 0 would take an earlier run for the new one.
    if (checkpoint && how->ranks && !how->resume) remove(checkpoint);
    train.resume = how->resume && checkpoint && is_file(checkpoint);
    free(checkpoint);
    train.note = how->notes && !how->ranks && !how->context->quiet ? on_note : NULL;
    train.stop = how->stop;
    train.reading = show_trial_reading;
    train.progress = show_trial;
    train.user = &display;
    convo_error err = {0};
    *result = (convo_train_result){0};
    convo_status failed = convo_train(recipe, &train, result, NULL, &err);
    bar_clear(&display.progress->bar);
    if (failed && !result->diverged) return how->ranks ? FAILED : fail(&err);
    if (failed && how->context->verbose && !how->ranks) say(stderr, "%s: %s\n", name, err.message);
    return result->interrupted ? INTERRUPTED : DONE;
}

// --- ranks ------------------------------------------------------------------------------------------------------

int share_trials(cli_trials *how, int (*all)(void *user), void *user) {
    int *threads = &how->data.how.threads;
    const int each = *threads;
    int status = join_ranks(&how->ranks);
    if (status || !how->ranks) return status ? status : all(user);
    const bool first = convo_ranks_rank(how->ranks) == 0;
    if (!each) *threads = convo_ranks_threads(how->ranks);
    how->taken = -1;
    status = all(user);
    convo_ranks_leave(how->ranks); // which waits for the others
    how->ranks = NULL;
    if (!first || status == INTERRUPTED) return status == INTERRUPTED ? INTERRUPTED : DONE;
    *threads = each;
    how->resume = true;
    return all(user);
}

// Numbers are handed out in order, so the one that is taken when `asked` lies beyond the last is not below it.
bool trial_is_ours(cli_trials *how) {
    if (!how->ranks) return true;
    if (how->taken < how->asked) how->taken = convo_ranks_take(how->ranks);
    return how->asked++ == how->taken;
}

// Trainings repeated with different seeds.
#pragma once

#include "paths.h"

// Running mean and standard deviation. Welford, Technometrics 4 (1962).
typedef struct cli_spread {
    int count;
    double mean, squares; // sum of squared distances from the mean
} cli_spread;
void spread_add(cli_spread *spread, double x);     // ignores values that are not finite
double spread_deviation(const cli_spread *spread); // of the sample; NaN for fewer than two numbers
json_t *spread_json(const cli_spread *spread);
typedef struct cli_text {
    char text[48];
} cli_text;
cli_text spread_text(const cli_spread *spread); // "0.9760 ± 0.0035"; "0.9760" for one value, "-" for none

// How a command that runs many trainings runs them.
typedef struct cli_trials {
    const cli_context *context;
    cli_data data;
    bool resume;
    bool notes;           // report what is found in the data
    size_t done, total;   // trainings of several, whose progress is shown together; total 0: each for itself
    cli_progress *screen; // of them all; NULL with total 0
    const volatile int *stop;
    convo_ranks *ranks;   // while they train; NULL: results are collected, or there is one process
    int64_t asked, taken; // trials that trial_is_ours was asked about; the last one that this rank took
} cli_trials;

// Calls `all`, which goes through all trials. Under mpirun, every rank first trains those that it takes, silently, and
// rank 0 then collects what has been trained, as --resume does; a trial that failed elsewhere fails there again.
int share_trials(cli_trials *how, int (*all)(void *user), void *user);
// Whether to run the next trial here. Ask about each once, in order.
bool trial_is_ours(cli_trials *how);
// Runs one training. name: its label in the progress line. Returns INTERRUPTED if it was stopped; a run that diverged
// returns DONE, see the result.
int run_trial(const cli_trials *how, const convo_recipe *recipe, const char *folder, const char *name,
              convo_train_result *result);

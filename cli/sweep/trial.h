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
} cli_trials;
// Runs one training. name: its label in the progress line. Returns INTERRUPTED if it was stopped; a run that diverged
// returns DONE, see the result.
int run_trial(const cli_trials *how, const convo_recipe *recipe, const char *folder, const char *name,
              convo_train_result *result);

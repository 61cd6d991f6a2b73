// Trainings that are repeated with other seeds.
#ifndef CLI_TRIAL_H
#define CLI_TRIAL_H

#include "command.h"

// Mean and standard deviation of numbers that come one by one. Welford, Technometrics 4 (1962).
typedef struct cli_spread {
    int count;
    double mean, squares; // sum of squared distances from the mean
} cli_spread;
void spread_add(cli_spread *spread, double x);     // what is not finite does not count
double spread_deviation(const cli_spread *spread); // of the sample; NaN for fewer than two numbers
json_t *spread_json(const cli_spread *spread);
typedef struct cli_text {
    char text[48];
} cli_text;
cli_text spread_text(const cli_spread *spread); // "0.9760 ± 0.0035", "0.9760" of one, "-" of none

// How trainings are run inside a command that runs many.
typedef struct cli_trials {
    const cli_context *context;
    const char *data;  // or NULL
    char **search;     // folders of data sets
    const char *cache; // of features, or NULL
    int threads;
    bool resume;
    bool notes; // say what is found in the data
    const volatile int *stop;
} cli_trials;
// name: what the progress calls it. INTERRUPTED when it was stopped; a run that diverged is DONE, see the result.
int run_trial(const cli_trials *how, const convo_recipe *recipe, const char *folder, const char *name,
              convo_train_result *result);

#endif

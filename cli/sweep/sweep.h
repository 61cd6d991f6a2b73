// A sweep: every combination of several settings, each trained with several seeds.
#pragma once

#include "sweep/trial.h"

typedef struct sweep_axis { // --over KEY=VALUE,VALUE
    char *key;
    char **value;
    size_t values;
} sweep_axis;

typedef struct sweep_run {
    size_t setting; // number of the combination
    convo_recipe *recipe;
    char *name;   // "lr=0.2 seed 1"
    char *folder; // OUT/lr=0.2-1
    bool done;
    convo_train_result result;
} sweep_run;

// Results of the trials of one setting. Trials that diverged count in `diverged` only.
typedef struct sweep_total {
    int done, diverged;
    cli_spread loss[3], error[3], seconds; // train, validation, test
} sweep_total;

typedef struct sweep {
    const char *recipe; // its name
    sweep_axis *axis;
    size_t axes, settings, runs, trials;
    sweep_run *run;     // [settings][trials]
    bool leave_one_out; // the axis is the group that is the test part
    int folds;          // the axis is the fold that is the test part; 0: it is not
    const char *out;
} sweep;

// Returns the value of an axis in a setting; the last axis varies fastest.
const char *sweep_value(const sweep *s, size_t setting, size_t axis);
sweep_total sweep_totals(const sweep *s, size_t setting);
bool sweep_measured(const sweep *s, int part); // whether a finished run has scores of this part

// Whether the settings are test parts of one cross-validation, whose mean is of interest.
bool sweep_crosses(const sweep *s);

// Prints one line about run k on standard error.
void sweep_print_run(const sweep *s, size_t k);
// Prints one line per setting: mean and standard deviation of the final errors and of the held-out accuracy.
int sweep_print_table(const sweep *s);
// Writes OUT/runs.csv, one line per finished run. It is rewritten after each run, so that a killed sweep leaves its
// results.
int sweep_write_csv(const sweep *s);
json_t *sweep_json(const sweep *s);
// OUT/errors: final errors with their standard deviations. OUT/curves: errors against the epoch, with bands.
// OUT/curves-steps: against the iteration, where the recipe records steps.
int draw_sweep(const sweep *s, bool *drawn);

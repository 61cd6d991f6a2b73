// A sweep: every combination of some settings, each trained with several seeds.
#ifndef CLI_SWEEP_H
#define CLI_SWEEP_H

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

// What the trials of one setting came to. Those that diverged count only as such.
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
    const char *out;
} sweep;

// Value of an axis in a setting; the last axis changes fastest.
const char *sweep_value(const sweep *s, size_t setting, size_t axis);
sweep_total sweep_totals(const sweep *s, size_t setting);
// Over the settings, each of which counts the same.
sweep_total sweep_mean(const sweep *s);
bool sweep_measured(const sweep *s, int part); // in a run that is done

// A line about run k, on standard error.
void sweep_print_run(const sweep *s, size_t k);
// One line a setting: mean and standard deviation of the final errors, and of the accuracy on what is held out.
int sweep_print_table(const sweep *s);
// OUT/runs.csv: a line for each run that is done. Written anew after each: a sweep that is killed leaves what it has.
int sweep_write_csv(const sweep *s);
json_t *sweep_json(const sweep *s);
// OUT/errors: final errors with their standard deviations. OUT/curves: errors against the epoch, with bands.
// OUT/curves-steps: against the iteration, where the recipe records steps.
int draw_sweep(const sweep *s, bool *drawn);

#endif

// What `convo reproduce` collects, and how it is shown.
#ifndef CLI_REPRODUCE_H
#define CLI_REPRODUCE_H

#include "sweep/sweep.h"
#include "sweep/trial.h"

typedef struct reproduced { // a recipe
    char *name, *source;
    char *missing; // data set that is not there, or how to get it; NULL
    int64_t parameters, multiply_adds;
    double published; // NaN: nothing is
    unsigned long long seed;
    int epochs, runs, diverged;
    bool on_validation; // ours is measured there: the recipe has no test part
    cli_spread ours, speakers, seconds, epoch_seconds, speed;
} reproduced;

typedef struct reproduction {
    cli_trials trials;
    const cli_list *set;
    const char *out;
    size_t count; // trials of each
    bool quick, loso, force;
    double load; // of the machine, before
    int threads; // that were used
    char isa[16];
    reproduced *row;
    size_t rows;
} reproduction;

double load_average(void); // processes that want to run, over the last minute; NaN: not known
int print_reproduction(const reproduction *r);
int write_markdown(const cli_context *context, const reproduction *r, const char *path);
json_t *reproduction_json(const reproduction *r);

// The course's table of receptive fields; FAILED when one is not what the course states.
int reproduce_fields(bool json);

#endif

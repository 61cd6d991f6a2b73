// What `convo reproduce` collects, and the functions that show it.
#pragma once

#include "sweep/sweep.h"
#include "sweep/trial.h"

typedef struct reproduced { // a recipe
    char *name, *source;
    char *missing; // the data set that is missing, or how to get it; NULL: none
    int64_t parameters, multiply_adds;
    double published; // NaN: nothing is published
    unsigned long long seed;
    int epochs, runs, diverged;
    bool on_validation; // our accuracy is that on validation, since the recipe has no test part
    cli_spread ours, speakers, seconds, epoch_seconds, speed;
} reproduced;

typedef struct reproduction {
    cli_trials trials;
    const cli_list *set;
    const char *out;
    size_t count; // trials per recipe
    bool quick, loso, force;
    double load; // load average of the machine at the start
    int threads; // that were used
    char isa[16];
    reproduced *row;
    size_t rows;
} reproduction;

double load_average(void); // runnable processes, averaged over the last minute; NaN: unknown
int print_reproduction(const reproduction *r);
int write_markdown(const cli_context *context, const reproduction *r, const char *path);
json_t *reproduction_json(const reproduction *r);

// Prints the course's table of receptive fields. Returns FAILED if one differs from what the course states.
int reproduce_fields(bool json);

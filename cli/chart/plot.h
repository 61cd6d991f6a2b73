// convo plot: what its kinds of pictures share.
#pragma once

#include "paths.h"

typedef struct plot_values {
    cli_list set;
    const char *out, *data, *split;
    int64_t count, threads;
    bool filters, confusion, roc, det, calibration, boundary, examples, mistakes, steps, augment;
} plot_values;

// What a picture shows. Fields that its kind does not need are zero.
typedef struct plot {
    const cli_context *context;
    const plot_values *values;
    const char *word; // the run, model or recipe
    cli_data data;
    convo_part part;
    char *stem;
    convo_recipe *recipe;
    convo_model *model;
    convo_evaluation evaluation;
} plot;

// The kinds of pictures. Each function draws STEM.png and STEM.svg.
typedef int plot_kind(plot *p);
plot_kind plot_filters, plot_confusion, plot_roc, plot_det, plot_calibration, plot_boundary, plot_examples,
    plot_mistakes;

// Points in the plane: is_plane tells whether each example is two numbers, draw_points draws the examples.
bool is_plane(const convo_array *values);
int draw_points(const plot *p, const convo_examples *examples);

// Curves over epochs or steps as SVG.
#pragma once

#include "report/history.h"

typedef struct page_curve {
    const history *of;
    int series;
    const char *name;    // "train"; the caller's, shown as text
    const char *classes; // of CSS, which give it its colour
} page_curve;

// what: what the values are, "loss". Accuracies are shares. dots: a circle for each value where there are few. Writes
// nothing if no curve has a value.
void write_curves(const page_curve *curve, size_t count, const char *what, bool dots, FILE *out);
bool has_values(const history *h, int series);

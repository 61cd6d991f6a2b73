// Texts of nodes, and the nodes of a graph that they stand for: import_pattern.c and import_own.c.
#pragma once

#include "exchange/import.h"

enum { CV_PATTERN_NODES = 40 };

// The nodes of a text, and the nodes and constants of the graph that they stand for.
typedef struct cv_pattern {
    const cv_import *import;
    cv_graph text;
    const cv_graph_node *found[CV_PATTERN_NODES];
    const char *x; // what the first one reads
    struct {
        const char *name; // of the text
        const cv_constant *constant;
    } bound[CV_PATTERN_NODES];
    size_t count;
} cv_pattern;

// Whether the text begins at the node that is number `first` in import->order.
bool cv_pattern_fits(cv_pattern *p, size_t first);
// Returns the name of what its last node makes.
const char *cv_pattern_claim(cv_import *d, const cv_pattern *p);

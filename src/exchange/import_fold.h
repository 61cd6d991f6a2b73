// Constant folding: import_fold.c moves numbers, import_arithmetic.c computes with them.
#pragma once

#include "exchange/import.h"

enum { CV_FOLD_INPUTS = 16 };

// A node and its inputs. Copies of constants: the graph's list moves as it grows.
typedef struct cv_folding {
    cv_import *d;
    const cv_graph_node *n;
    cv_constant in[CV_FOLD_INPUTS];
    int inputs;
    bool failed; // no memory
} cv_folding;

typedef struct cv_sizes {
    int dims;
    int64_t dim[CV_GRAPH_DIMS];
} cv_sizes;

// Each returns false if it cannot compute the node.
typedef bool cv_fold_function(cv_folding *f);
cv_fold_function cv_fold_binary, cv_fold_where, cv_fold_unary, cv_fold_reduce, cv_fold_quantize, cv_fold_dequantize;

cv_sizes cv_fold_sizes(const cv_constant *constant);
int64_t cv_fold_whole(const cv_constant *constant, size_t i);
void cv_fold_put(void *data, enum cv_constant_type type, size_t i, double x);
// The node's output, to be filled. NULL: too large, or no memory.
void *cv_fold_output(cv_folding *f, enum cv_constant_type type, const cv_sizes *s);

// Receptive fields: what one output pixel sees of the values below it.
#pragma once

#include "net/net.h"

// Pixel i of a value sees `size` pixels of the net's input, starting at `start + i jump`, in rows and columns; those
// outside the input are padding. size 0: the whole input for every i.
typedef struct cv_view {
    int64_t size[2], jump[2], start[2];
} cv_view;

// views: [nodes + 1], the net's input first.
void cv_field_views(const cv_net *net, cv_view *views);

// Finds how pixel `at` of the output of `node` depends on the pixels of every value below it. ways: [nodes + 1] grids
// of [rows][columns], that of the net's input first; NULL if nothing is seen or the value has no pixels. The caller
// frees them. heat: the grids hold the number of paths to the pixel through all feature maps, which is, up to a factor,
// the gradient if every weight is one and pooling sums; else 1 if there is any path.
convo_status cv_field_trace(const cv_net *net, int node, const int64_t at[2], bool heat, double **ways,
                            convo_error *err);

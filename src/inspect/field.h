// Receptive fields: what one output pixel sees of the values below it.
#ifndef CV_FIELD_H
#define CV_FIELD_H

#include "net/net.h"

// Pixel i of a value sees `size` pixels of the net's input from `start + i jump` on, rows and columns; where that lies
// outside the input it sees padding. size 0: all of it, whatever i is.
typedef struct cv_view {
    int64_t size[2], jump[2], start[2];
} cv_view;

// views: [nodes + 1], the net's input first.
void cv_field_views(const cv_net *net, cv_view *views);

// How pixel `at` of the output of `node` depends on the pixels of every value below it. ways: [nodes + 1] grids of
// [rows][columns], the net's input first; NULL where nothing is seen, or where the value has no pixels. The caller
// frees them. heat: the number of ways from there to the pixel through all feature maps, which is the gradient when
// every weight is one and a pool sums, up to a factor; else 1 where there is any way.
convo_status cv_field_trace(const cv_net *net, int node, const int64_t at[2], bool heat, double **ways,
                            convo_error *err);

#endif

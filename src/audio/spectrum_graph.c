// What front ends made of frames share when they are written down as a graph. Everything is in doubles, as it is in
// cv_fft and cv_bank: in floats, the quiet bins of a loud frame would differ in their third digit.
#include "audio/spectrum.h"

#include <math.h>
#include <stdlib.h>

// Largest transform written as a matrix, in numbers.
#define MATRIX_LIMIT ((size_t)1 << 25)

// The transform as two matrices, [window][bins]: row t is what becomes of a frame whose only sample is 1 at place t.
static void add_transform(cv_graph *graph, const cv_spectrum *s, cv_spectrum_shape *shape, const void *context) {
    const cv_frames *f = &s->frames;
    const int64_t dim[] = {(int64_t)f->window, (int64_t)f->bins};
    double *cosine = cv_graph_add_constant(graph, "front.cosine", CV_CONST_F64, 2, dim);
    double *sine = cv_graph_add_constant(graph, "front.sine", CV_CONST_F64, 2, dim);
    double *frame = cv_alloc(f->fft + cv_fft_work(s->fft), sizeof *frame);
    if (!frame) graph->failed = true;
    for (size_t t = 0; !graph->failed && t < f->window; t++) {
        for (size_t k = 0; k < f->fft; k++) frame[k] = k == t;
        if (shape) shape(context, s, frame);
        for (size_t k = 0; k < f->window; k++) frame[k] *= s->window[k];
        cv_fft_real(s->fft, frame, cosine + t * f->bins, sine + t * f->bins, frame + f->fft);
    }
    free(frame);
}

static void add_bank(cv_graph *graph, const cv_frames *f, const cv_bank *bank) {
    double *matrix =
        cv_graph_add_constant(graph, "front.bank", CV_CONST_F64, 2, (int64_t[]){(int64_t)f->bins, (int64_t)f->filters});
    double *one = cv_alloc(f->bins, sizeof *one);
    if (!one) graph->failed = true;
    for (size_t b = 0; !graph->failed && b < f->bins; b++) { // row b: what the filters make of a single bin
        one[b] = 1;
        cv_bank_apply(bank, one, matrix + b * f->filters);
        one[b] = 0;
    }
    free(one);
}

// The table of cv_spectrum_fill.
static int64_t *add_index(cv_graph *graph, const cv_frames *f, size_t count, char *why, size_t why_size) {
    if (f->window * f->bins > MATRIX_LIMIT || count * f->window > MATRIX_LIMIT) {
        cv_print(why, why_size, "a transform of %zu points over %zu frames is too large to be a matrix", f->fft, count);
        return NULL;
    }
    return cv_graph_add_constant(graph, "front.index", CV_CONST_I64, 2,
                                 (int64_t[]){(int64_t)count, (int64_t)f->window});
}

void cv_spectrum_graph(const cv_spectrum *s, cv_spectrum_shape *frame, const void *context, cv_graph *graph) {
    add_transform(graph, s, frame, context);
    add_bank(graph, &s->frames, s->bank);
    cv_graph_print(graph, "front.padded = Pad(front.signal, #[0, 0, 0, 1]); "
                          "front.frames = Gather(front.padded, front.index) axis=1; "
                          "front.re = MatMul(front.frames, front.cosine); front.im = MatMul(front.frames, front.sine); "
                          "front.re2 = Mul(front.re, front.re); front.im2 = Mul(front.im, front.im); "
                          "front.energy = Add(front.re2, front.im2)");
}

void cv_cosine_graph(const cv_spectrum *s, size_t cepstra, size_t first, cv_graph *graph) {
    const size_t filters = s->frames.filters;
    const int64_t dim[] = {(int64_t)filters, (int64_t)(cepstra - first)};
    double *matrix = cv_graph_add_constant(graph, "front.transform", CV_CONST_F64, 2, dim);
    for (size_t j = 0; matrix && j < filters; j++)
        for (size_t k = first; k < cepstra; k++) *matrix++ = s->table[k * filters + j];
}

// See spectrum.h. s is NULL if its tables could not be allocated, which the graph records as its failure.
int64_t cv_spectrum_nodes(cv_spectrum *s, const void *config, cv_spectrum_fill *fill, cv_graph *graph, char *why,
                          size_t why_size) {
    int64_t *index = s ? add_index(graph, &s->frames, s->count, why, why_size) : NULL;
    const int64_t samples = index ? (int64_t)s->frames.samples : -1;
    if (!s) graph->failed = true;
    if (index) fill(config, s, graph, index);
    cv_spectrum_free(s);
    return samples;
}

// The op contract. One file per layer or loss, src/op/layers/NAME.c, says everything there is to say about it:
//
//     CV_OP(relu) = {.name = "relu", .help = "...", .infer = ..., .forward = ..., .backward = ..., .torch = ..., ...};
//
// The build collects every CV_OP in src/op/layers/*.c into one table per instruction set. Recipe reader, help, summary,
// gradient check, golden test, save, load and exporters read the table, so adding a layer edits no other file.
//
// A block of LANES samples lies in memory as [channel][row][column][LANES]: one vector per pixel. Ops are loop nests
// over pixels whose body is one vector operation. Wherever a comment says `lanes`, it means one such vector.
#pragma once

#include "base/base.h"
#include "base/option.h"
#include "base/random.h"
#include "op/shape.h"
#include "op/share.h"

enum { CV_MAX_INPUTS = 2, CV_MAX_TENSORS = 32, CV_MAX_LANES = 16 };

// A parameter or a buffer, under its PyTorch name and in its PyTorch layout.
typedef struct cv_tensor {
    const char *name; // "weight"
    int dims;
    int64_t dim[4];
    // PyTorch's defaults: kaiming_uniform_(a = sqrt 5) for weights, uniform in +-1/sqrt(fan_in) for biases.
    enum cv_init {
        CV_INIT_KAIMING,
        CV_INIT_UNIFORM,
        CV_INIT_ZERO,
        CV_INIT_ONE,
        CV_INIT_NORMAL,
        CV_INIT_FILL,
        CV_INIT_XAVIER,     // xavier_uniform_; fan_in: of inputs and outputs
        CV_INIT_DRAWN_ZERO, // uniform numbers are drawn, and then it is zero after all
    } init;
    int64_t fan_in;
    float fill;   // CV_INIT_FILL: the value
    float std;    // CV_INIT_NORMAL; 0: 1
    bool buffer;  // not trained: running statistics
    bool integer; // stored as I64 in files (num_batches_tracked)
} cv_tensor;

// CV_INSERTED: a layer that training puts into a net; no recipe and no model has it.
typedef enum cv_kind { CV_LAYER, CV_LOSS, CV_INSERTED } cv_kind;

// One call of an op on one block. Pointers to values are [c][h][w] of lanes; parameters are plain reals.
typedef struct cv_pass {
    const void *config;
    cv_shape in, in1, out; // of x[0], x[1] and y
    const void *x[CV_MAX_INPUTS];
    void *y;
    const void *dy;
    void *dx[CV_MAX_INPUTS];      // written, not added to; NULL: the input gradient is not needed
    void *tensor[CV_MAX_TENSORS]; // in the order of .tensors
    void *grad[CV_MAX_TENSORS];   // for trained tensors
    bool set;                     // gradients are overwritten (the first block of a shard), else added to
    void *saved;                  // .saved lanes kept from forward to backward
    void *scratch[2];        // of the forward and of the backward pass: .scratch lanes, free to use within the call
    void *state;             // a .single that carries: its state, from call to call; NULL: it begins with zeros
    const void *noise;       // .noise lanes of random numbers drawn for this step, training only
    const double *merged[2]; // statistics of the whole batch for the forward and the backward pass, see cv_statistics
    bool training;
    int active;                // samples in the (last) block; the other lanes are idle and must add nothing
    const int32_t *label;      // losses: [LANES], class of each sample
    double scale;              // losses: dx is multiplied by this (1/N for the mean)
    const float *class_weight; // losses: [classes], how much a sample of each counts; NULL: all the same
    const uint8_t *truth;      // losses: [labels][outputs], the outputs that are true for each label; NULL: the label's
    cv_share share;            // how the plan shares the pass out, for ops that ask for it
} cv_pass;

// An op that needs the whole batch between its input and its output (batch norm): every block is gathered into `size`
// doubles, the blocks are merged in order, and the pass of each block then reads `merged`.
typedef struct cv_statistics {
    size_t (*size)(const void *config, cv_shape in);
    void (*gather)(const cv_pass *pass, double *partial /* [size] */);
    // partial: [blocks][size], count: [blocks] samples each; merged: [size]. pass has the tensors and gradients.
    void (*merge)(const cv_pass *pass, const double *partial, const int *count, int blocks, double *merged);
} cv_statistics;

// Kernel geometry for receptive fields, rows and columns.
typedef struct cv_window {
    int64_t kernel[2], stride[2], padding[2], dilation[2];
} cv_window;

// A case of the golden and the gradient test: an input, options as in a recipe, and a batch size.
typedef struct cv_case {
    cv_shape in;
    const char *options; // "{out: 4, kernel: 3}"; NULL: none
    int batch;
} cv_case;
#define CV_CASES(...) ((const cv_case[]){__VA_ARGS__, {.batch = 0}})

// One example alone has its channels in the lanes, [block of LANES channels][row][column][LANES], and shapes that count
// blocks of channels. An op with .by_channel and without tensors does not see the difference. Any other needs a second
// op for it, .single, whose config begins with this, and the layer's own options follow. Lanes past the last channel
// hold anything.
typedef struct cv_single {
    cv_shape in, out; // in channels
    bool plain;       // x is the net's input as it comes, [channel][row][column]
} cv_single;

typedef struct cv_affine {
    double mean, factor, shift;
} cv_affine;

typedef struct cv_op cv_op;
struct cv_op {
    const char *name; // as recipes write it
    const char *help; // one line
    cv_kind kind;
    const cv_option *schema;         // options; a bare value in a recipe sets the first one. NULL: none
    size_t config_size;              // of the struct the schema fills
    int inputs;                      // 1 or 2; 0 means 1
    bool many;                       // of two inputs: a recipe may name more, which are joined one after the other
    cv_shape (*second)(cv_shape in); // shape of the second input in its cases; NULL: that of the first
    int dims;                        // input must have this many (1, 2, 3); 0: any

    // What memory may be shared. y must not overwrite what the backward pass reads.
    bool reads_x, reads_y; // backward reads x; y
    bool in_place;         // y may be x, and dx may be dy
    bool dx_in_place;      // only dx may be dy
    // What the plan may do with it.
    bool by_channel; // may be called for one channel: values, what is saved, noise, tensors and statistics of the
                     // channels lie one behind the other and do not depend on each other
    bool sum;        // y = x + x1: where their shapes are the same, dy is the gradient of both
    bool number;     // a loss without classes: the net's one output is what it predicts
    bool linear;     // y[c] = weight[c] . x + bias[c]: an affine op behind it can be folded into the two
    int64_t (*channel)(const void *config, cv_shape in, int64_t weight); // of a linear one, where weights are not in
                                                                         // the order of c: the c of a weight
    bool by_pixel; // in inference a row (column) of y is made of the same row (column) of x and x1 alone; or rows
                   // become columns
    bool (*carries)(const void *config); // whether it goes along the columns from the first to the last, with a state,
                                         // so that a stream may keep that
    bool products;                       // of matrices, as a linear one's: a benchmark counts its multiply-adds
    bool monotonic; // pixel by pixel, never falling, without gradient where it is flat: may trade places with ...
    bool maximum;   // ... the largest of several pixels
    bool by_output; // a loss whose outputs have a label each, none of which excludes another: it reads .truth;
                    // class_weight counts where its output is true, and does not count in the mean over samples
    bool lockstep, in_parts, splits, adds_dx; // see share.h
    bool normalises; // its statistics merge to a cv_norm_channel and a cv_norm_gradient per channel and are gathered of
                     // any region; it cuts y
    bool along;      // says which regions are done
    bool cuts;       // y = x, cut to limits[0]..limits[1], without gradient at the limits
    double limits[2];
    bool plain_input; // of a .single: x may also be the net's input as it comes, see cv_single

    // Output shape, or false and a sentence in why. May complete the config (a stride that defaults to the kernel).
    // NULL: the shape of x.
    bool (*infer)(void *config, const cv_shape *in, cv_shape *out, char *why, size_t why_size);
    int (*tensors)(const void *config, cv_shape in, cv_tensor out[CV_MAX_TENSORS]);
    // Multiply-adds of one sample, and the number of parameters as a formula ("5*5*32*16 + 16"). NULL: none.
    int64_t (*cost)(const void *config, cv_shape in, cv_shape out, char *formula, size_t size);
    cv_window (*window)(const void *config,
                        cv_shape in); // NULL: pixel by pixel, or everything if the shape is flattened
    // In place of a window: the rows (d 0) or columns (d 1) of the input that row or column `at` of the output is made
    // from. They may lie outside.
    cv_span (*sees)(const void *config, cv_shape in, cv_shape out, int d, int64_t at);

    size_t (*saved)(const void *config, cv_shape in, cv_shape out);   // in lanes
    size_t (*scratch)(const void *config, cv_shape in, cv_shape out); // in lanes
    size_t (*opened)(const void *config, cv_shape in, cv_shape out);  // the same where share.x_norm is set; NULL: it
                                                                      // may not be
    size_t (*noise)(const void *config, cv_shape in);                 // in lanes
    void (*draw)(const void *config, cv_random *random, float *out,
                 size_t count); // count noise values, sample by sample

    void (*forward)(const cv_pass *pass);
    void (*backward)(const cv_pass *pass);
    const cv_statistics *statistics;          // in training, before forward
    const cv_statistics *backward_statistics; // in training, before backward
    // In inference y = (x - mean) factor + shift, with the three of `channel`. Such an op can be folded into a linear
    // one in front of it. NULL: it is not of that form.
    cv_affine (*affine)(const void *config, const void *const *tensor, int64_t channel);
    // Losses: probabilities of the classes from the net's outputs, one sample.
    void (*probabilities)(const float *outputs, int count, float *probabilities);

    // PyTorch expression for the golden test. Names: x (x1 for a second input), the tensors, label, training, and the
    // options in braces.
    const char *torch;
    // The layer as ONNX nodes, in the language of format/graph.h. Names: x (x1 for a second input), y, the tensors
    // (where the layer does not have one, bias? is left out and bias|0 is a channel's worth of zeros; weight^ has a
    // number for each channel and stands beside maps, (c, 1, 1)), any other for what lies between. Options in braces;
    // {kernel*} is the product of the option's numbers. "": y is x. NULL: it cannot be said in ONNX. A loss: from the
    // net's outputs to the probabilities of the classes.
    const char *onnx;
    // The same where it depends on the shapes: fills text, which stands for .onnx; false: it cannot be said in ONNX.
    bool (*say_onnx)(const void *config, cv_shape in, cv_shape in1, cv_shape out, char *text, size_t size);
    // A constant that the text names and that no tensor is: numbers of the tensors in another order, or numbers that
    // have nothing to do with them. Returns its dimensions, 0: there is none of that name. values: NULL, or where they
    // go; tensor: the values of each.
    int (*constant)(const void *config, cv_shape in, const char *name, const float *const *tensor, int64_t dim[4],
                    float *values);
    const cv_case *cases; // ends with batch 0
    double case_range;    // their inputs are between -case_range and case_range; 0: between -1 and 1

    const cv_op *single; // the same for one example, inference only; .infer refuses what it cannot do
    // Of a .single: lanes of its pass's state. NULL: it has none.
    size_t (*state)(const void *config);
    // Of a .single: fills its tensors from the layer's. config: its own.
    void (*arrange)(const void *config, const void *const *from, void *const *to);
};

// The op contract. One file per layer or loss, src/op/NAME.c, says everything there is to say about it:
//
//     CV_OP(relu) = {.name = "relu", .help = "...", .infer = ..., .forward = ..., .backward = ..., .torch = ..., ...};
//
// The build collects every CV_OP in src/op/*.c into one table per instruction set. Recipe reader, help, summary,
// gradient check, golden test, save, load and exporters read the table, so adding a layer edits no other file.
//
// A block of LANES samples lies in memory as [channel][row][column][LANES]: one vector per pixel. Ops are loop nests
// over pixels whose body is one vector operation. Wherever a comment says `lanes`, it means one such vector.
#ifndef CV_OP_H
#define CV_OP_H

#include "base/base.h"
#include "base/option.h"
#include "base/random.h"

enum { CV_MAX_INPUTS = 2, CV_MAX_TENSORS = 5, CV_MAX_LANES = 16, CV_MOST_PARTS = 16 };

// One sample's feature maps: (c), (c, w) or (c, h, w); unused sizes are 1.
typedef struct cv_shape {
    int dims; // 1, 2 or 3
    int64_t c, h, w;
} cv_shape;

static inline int64_t cv_shape_size(cv_shape s) {
    return s.c * s.h * s.w;
}
static inline int64_t cv_shape_pixels(cv_shape s) {
    return s.h * s.w;
}

// A parameter or a buffer, under its PyTorch name and in its PyTorch layout.
typedef struct cv_tensor {
    const char *name; // "weight"
    int dims;
    int64_t dim[4];
    // PyTorch's defaults: kaiming_uniform_(a = sqrt 5) for weights, uniform in +-1/sqrt(fan_in) for biases.
    enum cv_init { CV_INIT_KAIMING, CV_INIT_UNIFORM, CV_INIT_ZERO, CV_INIT_ONE, CV_INIT_NORMAL } init;
    int64_t fan_in;
    bool buffer;  // not trained: running statistics
    bool integer; // stored as I64 in files (num_batches_tracked)
} cv_tensor;

// What the plan must know to share memory between values.
enum {
    CV_READS_X = 1,        // backward reads x
    CV_READS_Y = 2,        // backward reads y
    CV_INPLACE = 4,        // y may be x, and dx may be dy
    CV_INPLACE_BACK = 512, // only dx may be dy
    CV_RISING = 8, // pixel by pixel, never falling, and without gradient where it is flat: it may trade places with ...
    CV_MAXIMUM = 16,     // ... the largest of several pixels
    CV_LINEAR = 32,      // y[c] = weight[c] . x + bias[c]: a batch norm behind it can be folded into the two
    CV_LOCKSTEP = 64,    // takes several blocks in one call, to read its many weights once for all of them
    CV_BY_CHANNEL = 128, // may be called for one channel: values, what is saved, noise, tensors and statistics of the
                         // channels lie one behind the other and do not depend on each other
    CV_IN_PARTS = 1024,  // a call may ask for a part of a pass, so that several threads share its work: see cv_part
    CV_ADDS_DX = 2048,   // backward can add to dx[0] in place of writing it: see .add
    CV_PLAIN = 256,      // of a .lone: x may also be the net's input as it comes, see cv_alone
};

typedef enum cv_kind { CV_LAYER, CV_LOSS } cv_kind;

// Takes `count` numbers of the gradient of tensor `tensor` of an op, from number `first` on.
typedef void cv_take_gradient(void *taker, int tensor, int64_t first, int64_t count, const void *gradient);

// One call of an op on one block. Pointers to values are [c][h][w] of lanes; parameters are plain reals.
typedef struct cv_pass {
    const void *config;
    cv_shape in, out; // of x[0] and y
    const void *x[CV_MAX_INPUTS];
    void *y;
    const void *dy;
    void *dx[CV_MAX_INPUTS];      // written, not added to; NULL: not wanted
    bool add;                     // for CV_ADDS_DX: dx[0] is added to
    void *tensor[CV_MAX_TENSORS]; // in the order of .tensors
    void *grad[CV_MAX_TENSORS];   // for those that are trained
    bool set;                     // gradients are set (the first block of a shard), else added to
    cv_take_gradient *take;       // of CV_IN_PARTS: is given the gradients in place of .grad; NULL: they go there
    void *taker;
    void *saved;             // .saved lanes kept from forward to backward
    void *scratch[2];        // of the forward and of the backward pass: .scratch lanes, free to use within the call
    const void *noise;       // .noise lanes of random numbers drawn for this step, training only
    const double *merged[2]; // whole-batch statistics of the forward and the backward pass, see cv_statistics
    bool training;
    int active; // samples in the (last) block; the other lanes are idle and must add nothing
    int blocks; // of this call: 1, but more for CV_LOCKSTEP; the values of block i are i * apart lanes further on
    size_t apart;
    int part, parts;      // for CV_IN_PARTS: which part of the pass to do, of how many; below 2: all of it
    const int32_t *label; // losses: [LANES], class of each sample
    double scale;         // losses: dx is multiplied by this (1/N for the mean)
} cv_pass;

typedef struct cv_span {
    int64_t first, end;
} cv_span;

// Those of `count` things that are the part's, in whole groups of `unit` but for the last.
static inline cv_span cv_part(const cv_pass *p, int64_t count, int64_t unit) {
    if (p->parts < 2) return (cv_span){0, count};
    const int64_t units = (count + unit - 1) / unit, first = units * p->part / p->parts * unit,
                  end = units * (p->part + 1) / p->parts * unit;
    return (cv_span){first, end < count ? end : count};
}

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

// For the golden and the gradient test: an input, options as a recipe writes them, and a batch size.
typedef struct cv_case {
    cv_shape in;
    const char *options; // "{out: 4, kernel: 3}"; NULL: none
    int batch;
} cv_case;

// One example alone has its channels in the lanes, [block of LANES channels][row][column][LANES], and shapes that count
// blocks of channels. A CV_BY_CHANNEL op without tensors does not see the difference. Any other needs a second op for
// it, .lone, whose config begins with this, and the layer's own options follow. Lanes past the last channel hold
// anything.
typedef struct cv_alone {
    cv_shape in, out; // in channels
    bool plain;       // x is the net's input as it comes, [channel][row][column]
} cv_alone;

typedef struct cv_op cv_op;
struct cv_op {
    const char *name; // as recipes write it
    const char *help; // one line
    cv_kind kind;
    const cv_option *schema; // options; a bare value in a recipe sets the first one. NULL: none
    size_t config_size;      // of the struct the schema fills
    int inputs;              // 0 means 1
    int dims;                // input must have this many (1, 2, 3); 0: any
    unsigned traits;

    // Output shape, or false and a sentence in why. May complete the config (a stride that defaults to the kernel).
    // NULL: the shape of x.
    bool (*infer)(void *config, const cv_shape *in, cv_shape *out, char *why, size_t why_size);
    int (*tensors)(const void *config, cv_shape in, cv_tensor out[CV_MAX_TENSORS]);
    // Multiply-adds of one sample, and the number of parameters as a formula ("5*5*32*16 + 16"). NULL: none.
    int64_t (*cost)(const void *config, cv_shape in, cv_shape out, char *formula, size_t size);
    cv_window (*window)(const void *config,
                        cv_shape in); // NULL: pixel by pixel, or everything if the shape is flattened

    size_t (*saved)(const void *config, cv_shape in, cv_shape out);   // in lanes
    size_t (*scratch)(const void *config, cv_shape in, cv_shape out); // in lanes
    size_t (*noise)(const void *config, cv_shape in);                 // in lanes
    void (*draw)(const void *config, cv_random *random, float *out,
                 size_t count); // count noise values, sample by sample

    void (*forward)(const cv_pass *pass);
    void (*backward)(const cv_pass *pass);
    const cv_statistics *statistics;          // in training, before forward
    const cv_statistics *backward_statistics; // in training, before backward
    // Losses: probabilities of the classes from the net's outputs, one sample.
    void (*probabilities)(const float *outputs, int count, float *probabilities);

    // PyTorch expression for the golden test. Names: x (x1 for a second input), the tensors, label, training, and the
    // options in braces.
    const char *torch;
    // The layer as ONNX nodes, in the language of base/graph.h. Names: x (x1 for a second input), y, the tensors (where
    // the layer does not have one, bias? is left out and bias|0 is a channel's worth of zeros), any other for what lies
    // between. Options in braces; {kernel*} is the product of the option's numbers. "": y is x. NULL: it cannot be said
    // in ONNX. A loss: from the net's outputs to the probabilities of the classes.
    const char *onnx;
    const cv_case *cases; // ends with batch 0

    const cv_op *lone; // the same for one example, inference only; .infer refuses what it cannot do
    // Of a .lone: fills its tensors from the layer's. config: its own.
    void (*turn)(const void *config, const void *const *from, void *const *to);
};

// The ops and a few kernels, compiled for one instruction set.
typedef struct cv_isa {
    // "baseline", "avx2", "avx512"; "bf16": avx512, convolutions in training in bf16; "double": in doubles, for checks
    const char *name;
    int lanes;   // samples per block
    size_t real; // bytes of a number
    const cv_op *const *ops;
    int op_count;
    // rows[count] of `size` floats each -> [size] lanes. Further lanes repeat the last row.
    void (*pack)(const float *const *rows, int count, int64_t size, void *out);
    void (*pack_bytes)(const uint8_t *const *rows, int count, const float *of_byte /* [256] */, int64_t size,
                       void *out);
    // [size] lanes -> rows[active] of floats
    void (*unpack)(const void *lanes, int64_t size, int active, float *const *rows);
    void (*add)(void *y, const void *x, int64_t size); // y += x, size lanes
    bool (*finite)(const void *x, int64_t size, int active);
    // `rounds` rounds of as many multiply-adds between registers as run side by side: what the processor can do at
    // best. Returns how many it did, counting each number of a vector; *sum is what came of them.
    int64_t (*peak)(int64_t rounds, double *sum);
} cv_isa;

// The best table this processor can run, not above `cap` ("avx2", ...; NULL: no cap). NULL when cap is unknown.
const cv_isa *cv_isa_find(const char *cap);
// The table that trains in bf16 in place of `isa`, or `isa` itself and in *why a sentence that says why.
const cv_isa *cv_isa_in_bf16(const cv_isa *isa, const char **why);
// Name k of those that can be asked for, NULL at the end.
const char *cv_isa_name(size_t k);
const cv_op *cv_op_find(const cv_isa *isa, const char *name);

// "(16, 44, 14)"
void cv_shape_text(cv_shape shape, char *text, size_t size);

#endif

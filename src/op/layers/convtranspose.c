// Transposed convolution, 1-d and 2-d: every input pixel adds its kernel to the output, a stride apart.
// torch.nn.ConvTranspose1d, torch.nn.ConvTranspose2d
//
//   y[m][p s - padding + i d] += w[c][m][i] x[c][p],   y[m] += b[m]
//
// Of a convolution with the same weights from y's maps to x's, y is the gradient of the input where x is that of the
// output; so conv.c computes all of it, with x and y exchanged:
//
//   y = its dx,   dx = its y,   dw = its dw
#include "op/layers/conv.h"
#include "op/layers/single.h"

extern const cv_op CV_JOIN(cv_op_conv2d, CV_ISA);

typedef struct transposed {
    conv c;
    int64_t more[2]; // rows and columns behind
} transposed;

static bool transposed_infer(void *config, const cv_shape *in, cv_shape *out, char *why, size_t why_size) {
    transposed *t = config;
    conv *c = &t->c;
    const int64_t size[2] = {in->h, in->w};
    int64_t result[2];
    if (!groups_divide(c, in->c, why, why_size)) return false;
    for (int d = 0; d < 2; d++) {
        const int64_t reach = reach_of(c, d) + 1, padding = c->padding[d] + c->padding[2 + d];
        if (t->more[d] >= c->stride[d]) {
            cv_print(why, why_size, "output_padding %lld must be smaller than the stride %lld", (long long)t->more[d],
                     (long long)c->stride[d]);
            return false;
        }
        const int64_t all = (size[d] - 1) * c->stride[d] + reach + t->more[d];
        result[d] = all - padding;
        if (result[d] < 1) {
            cv_print(why, why_size, "padding %lld leaves nothing of an output of %lld", (long long)padding,
                     (long long)all);
            return false;
        }
    }
    *out = (cv_shape){in->dims, c->out, result[0], result[1]};
    return true;
}

static int transposed_tensors(const void *config, cv_shape in, cv_tensor *out) {
    const conv *c = &((const transposed *)config)->c;
    const int64_t maps = c->out / c->groups, fan_in = maps * c->kernel[0] * c->kernel[1]; // as PyTorch counts it
    out[0] =
        (cv_tensor){.name = "weight", .dims = 4, .dim = {in.c, maps, c->kernel[0], c->kernel[1]}, .fan_in = fan_in};
    if (in.dims == 2) out[0].dims = 3, out[0].dim[2] = c->kernel[1];
    out[1] = (cv_tensor){.name = "bias", .dims = 1, .dim = {c->out}, .init = CV_INIT_UNIFORM, .fan_in = fan_in};
    return c->bias ? 2 : 1;
}

static int64_t transposed_cost(const void *config, cv_shape in, cv_shape out, char *formula, size_t size) {
    const conv *c = &((const transposed *)config)->c;
    const int64_t maps = c->out / c->groups;
    (void)out;
    formula[0] = 0;
    if (in.dims == 3) cv_append(formula, size, "%lld*", (long long)c->kernel[0]);
    cv_append(formula, size, "%lld*%lld*%lld", (long long)c->kernel[1], (long long)maps, (long long)in.c);
    if (c->bias) cv_append(formula, size, " + %lld", (long long)c->out);
    return c->kernel[0] * c->kernel[1] * maps * cv_shape_size(in);
}

static int64_t floor_of(int64_t a, int64_t b) {
    return a >= 0 ? a / b : -((b - 1 - a) / b);
}

// Position `at` is made of those positions i with at = i s - padding + k d for a k of the kernel: of a dilated one, not
// of all between the first and the last.
static cv_span transposed_sees(const void *config, cv_shape in, cv_shape out, int d, int64_t at) {
    const conv *c = &((const transposed *)config)->c;
    const int64_t last = at + c->padding[d];
    (void)in, (void)out;
    return (cv_span){floor_of(last - reach_of(c, d) - 1, c->stride[d]) + 1, floor_of(last, c->stride[d]) + 1};
}

// The output channel of a weight.
static int64_t transposed_channel(const void *config, cv_shape in, int64_t weight) {
    const conv *c = &((const transposed *)config)->c;
    const int64_t maps = c->out / c->groups, pair = weight / (c->kernel[0] * c->kernel[1]);
    return pair / maps / (in.c / c->groups) * maps + pair % maps;
}

// --- the passes ---------------------------------------------------------------------------------------------------

static conv exchanged(const void *config, cv_shape in) {
    conv c = ((const transposed *)config)->c;
    c.out = in.c;
    c.bias = false;
    return c;
}

// A pass of the convolution from y's maps to x's.
static cv_pass pass_back(const cv_pass *p, const conv *c, void *scratch) {
    return (cv_pass){.config = c,
                     .in = p->out,
                     .out = p->in,
                     .tensor = {p->tensor[0]},
                     .scratch = {scratch, scratch},
                     .training = p->training,
                     .active = p->active};
}

static size_t transposed_scratch(const void *config, cv_shape in, cv_shape out) {
    const conv c = exchanged(config, in);
    return CV_JOIN(cv_op_conv2d, CV_ISA).scratch(&c, out, in);
}

static void transposed_forward(const cv_pass *p) {
    const transposed *t = p->config;
    const conv c = exchanged(t, p->in);
    const int64_t pixels = cv_shape_pixels(p->out);
    const real *bias = p->tensor[1];
    lanes *y = p->y;
    cv_pass back = pass_back(p, &c, p->scratch[0]);
    back.dy = p->x[0];
    back.dx[0] = p->y;
    CV_JOIN(cv_op_conv2d, CV_ISA).backward(&back);
    for (int64_t m = 0; t->c.bias && m < p->out.c; m++)
        for (int64_t i = 0; i < pixels; i++) y[m * pixels + i] += bias[m];
}

static void add_up_bias(const cv_pass *p) {
    const int64_t pixels = cv_shape_pixels(p->out);
    const lanes *dy = p->dy;
    real *db = p->grad[1];
    for (int64_t m = 0; m < p->out.c; m++) {
        lanes sum = {0};
        for (int64_t i = 0; i < pixels; i++) sum += dy[m * pixels + i];
        db[m] = (p->set ? 0 : db[m]) + sum_lanes(sum);
    }
}

static void transposed_backward(const cv_pass *p) {
    const transposed *t = p->config;
    const conv c = exchanged(t, p->in);
    cv_pass back = pass_back(p, &c, p->scratch[1]);
    back.x[0] = p->dy;
    if (p->dx[0]) {
        back.y = p->dx[0];
        CV_JOIN(cv_op_conv2d, CV_ISA).forward(&back);
    }
    if (p->grad[0]) {
        back.dy = p->x[0];
        back.grad[0] = p->grad[0];
        back.set = p->set;
        CV_JOIN(cv_op_conv2d, CV_ISA).backward(&back);
    }
    if (t->c.bias && p->grad[1]) add_up_bias(p);
}

// --- one example --------------------------------------------------------------------------------------------------

typedef struct single_transposed {
    cv_single single;
    transposed layer;
} single_transposed;

static int64_t kernel_size(const conv *c) {
    return c->kernel[0] * c->kernel[1];
}

static int single_transposed_tensors(const void *config, cv_shape in, cv_tensor *out) {
    const single_transposed *l = config;
    const conv *c = &l->layer.c;
    const int64_t blocks = lane_blocks(c->out);
    (void)in;
    out[0] =
        (cv_tensor){.name = "weight", .dims = 4, .dim = {blocks, l->single.in.c / c->groups, kernel_size(c), LANES}};
    out[1] = (cv_tensor){.name = "bias", .dims = 2, .dim = {blocks, LANES}};
    return 2;
}

// to[block][channel of the group][tap][LANES]
static void single_transposed_arrange(const void *config, const void *const *from, void *const *to) {
    const single_transposed *l = config;
    const conv *c = &l->layer.c;
    const int64_t depth = l->single.in.c / c->groups, maps = c->out / c->groups, taps = kernel_size(c);
    const real *weight = from[0];
    for (int64_t m = 0; m < c->out; m++)
        for (int64_t k = 0; k < depth; k++)
            for (int64_t t = 0; t < taps; t++)
                ((real *)to[0])[((m / LANES * depth + k) * taps + t) * LANES + m % LANES] =
                    weight[((m / maps * depth + k) * maps + m % maps) * taps + t];
    if (c->bias) memcpy(to[1], from[1], (size_t)c->out * sizeof *weight);
}

// Channel k of the group of each lane's output channel, at a pixel.
static lanes channels_at(const single_transposed *l, const real *x, int64_t block, int64_t k, int64_t pixel) {
    const conv *c = &l->layer.c;
    const int64_t depth = l->single.in.c / c->groups, maps = c->out / c->groups, pixels = cv_shape_pixels(l->single.in),
                  first = block * LANES, last = first + LANES < c->out ? first + LANES - 1 : c->out - 1;
    lanes v = lanes_of(x[single_place(first / maps * depth + k, pixel, pixels)]);
    if (first / maps == last / maps) return v;
    for (int64_t m = first; m <= last; m++) v[m - first] = x[single_place(m / maps * depth + k, pixel, pixels)];
    return v;
}

// Adds the kernel times v to the output around input pixel (row, column).
static void add_kernel(const single_transposed *l, lanes *y, const lanes *w, lanes v, int64_t row, int64_t column) {
    const conv *c = &l->layer.c;
    const cv_shape out = l->single.out;
    for (int64_t i = 0; i < c->kernel[0]; i++) {
        const int64_t to = row * c->stride[0] - c->padding[0] + i * c->dilation[0];
        if (to < 0 || to >= out.h) continue;
        for (int64_t j = 0; j < c->kernel[1]; j++) {
            const int64_t at = column * c->stride[1] - c->padding[1] + j * c->dilation[1];
            if (at >= 0 && at < out.w) y[to * out.w + at] += v * w[i * c->kernel[1] + j];
        }
    }
}

static void single_transposed_forward(const cv_pass *p) {
    const single_transposed *l = p->config;
    const conv *c = &l->layer.c;
    const cv_shape in = l->single.in;
    const int64_t depth = in.c / c->groups, taps = kernel_size(c), pixels = cv_shape_pixels(p->out);
    const lanes *w = p->tensor[0], *bias = p->tensor[1];
    for (int64_t b = 0; b < p->out.c; b++) {
        lanes *y = (lanes *)p->y + b * pixels;
        for (int64_t i = 0; i < pixels; i++) y[i] = bias[b];
        for (int64_t k = 0; k < depth; k++, w += taps)
            for (int64_t row = 0; row < in.h; row++)
                for (int64_t column = 0; column < in.w; column++)
                    add_kernel(l, y, w, channels_at(l, p->x[0], b, k, row * in.w + column), row, column);
    }
}

static const cv_op single_of_transposed = {
    .name = "convtranspose",
    .config_size = sizeof(single_transposed),
    .infer = single_infer,
    .tensors = single_transposed_tensors,
    .arrange = single_transposed_arrange,
    .forward = single_transposed_forward,
};

// --- the ops ------------------------------------------------------------------------------------------------------

#define TRANSPOSED_OPTIONS(pair, sides)                                                                                \
    CV_OPTIONS(                                                                                                        \
        CV_OPTION("out", CV_INT, transposed, c.out, "output feature maps; 'channels': as many as come in",             \
                  .required = true, CV_RANGE(1, 1 << 20), .words = "channels"),                                        \
        CV_OPTION("kernel", pair, transposed, c.kernel, "kernel size", .required = true, CV_RANGE(1, 1 << 20),         \
                  .unit = 1),                                                                                          \
        CV_OPTION("stride", pair, transposed, c.stride, "how many output pixels an input pixel is from the next",      \
                  .fallback = 1, CV_RANGE(1, 1 << 20), .unit = 1),                                                     \
        CV_OPTION("padding", sides, transposed, c.padding, "rows and columns taken off the output's sides",            \
                  CV_RANGE(0, 1 << 20)),                                                                               \
        CV_OPTION("output_padding", pair, transposed, more, "rows and columns more behind, less than the stride",      \
                  CV_RANGE(0, 1 << 20)),                                                                               \
        CV_OPTION("dilation", pair, transposed, c.dilation, "distance between kernel points", .fallback = 1,           \
                  CV_RANGE(1, 1 << 20), .unit = 1),                                                                    \
        CV_OPTION("groups", CV_INT, transposed, c.groups, "independent groups of channels; 'channels': one for each",  \
                  .fallback = 1, CV_RANGE(1, 1 << 20), .words = "channels"),                                           \
        CV_OPTION("bias", CV_BOOL, transposed, c.bias, "add a bias", .fallback = true))

#define TRANSPOSED(pair, sides, dims_)                                                                                 \
    .name = "convtranspose" #dims_ "d", .help = "transposed convolution, " #dims_ "-d: makes maps larger",             \
    .dims = dims_ + 1, .schema = TRANSPOSED_OPTIONS(pair, sides), .config_size = sizeof(transposed), .reads_x = true,  \
    .linear = true, .channel = transposed_channel, .infer = transposed_infer, .tensors = transposed_tensors,           \
    .cost = transposed_cost, .sees = transposed_sees, .scratch = transposed_scratch, .forward = transposed_forward,    \
    .backward = transposed_backward, .single = &single_of_transposed,                                                  \
    .onnx = "y = ConvTranspose(x, weight, bias?) kernel_shape=[{kernel}] strides=[{stride}] pads=[{padding}] "         \
            "dilations=[{dilation}] group={groups} output_padding=[{output_padding}]"
// Padding is what is cut off, on each side for itself.
#define TRANSPOSED_TORCH(dims)                                                                                         \
    "F.pad(F.conv_transpose" #dims "d(x, weight, bias, {stride}, 0, {output_padding}, {groups}, {dilation}), [-n for " \
    "n in {padding}])"

CV_OP(convtranspose1d) = {
    TRANSPOSED(CV_LENGTH, CV_ENDS, 1),
    .torch = TRANSPOSED_TORCH(1),
    .cases = CV_CASES({{2, 1, 1, 5}, "{out: 1, kernel: 1}", 1}, {{2, 3, 1, 7}, "{out: 5, kernel: 4, stride: 2}", 17},
                      {{2, 4, 1, 6}, "{out: 6, kernel: 3, stride: 2, padding: 1, output_padding: 1, groups: 2}", 8},
                      {{2, 3, 1, 9}, "{out: 2, kernel: 3, dilation: 3, padding: [2, 1], bias: false}", 16},
                      {{2, 2, 1, 4}, "{out: 3, kernel: 2, stride: 5, output_padding: 3}", 7},
                      {{2, 2, 1, 700}, "{out: 3, kernel: 5, stride: 2}", 1}),
};
CV_OP(convtranspose2d) = {
    TRANSPOSED(CV_PAIR, CV_SIDES, 2),
    .torch = TRANSPOSED_TORCH(2),
    .cases = CV_CASES(
        {{3, 2, 3, 5}, "{out: 3, kernel: 3}", 8}, {{3, 4, 3, 4}, "{out: 3, kernel: 4, stride: 2, padding: 1}", 17},
        {{3, 3, 4, 3},
         "{out: 4, kernel: [3, 2], stride: [2, 3], padding: [0, 1], output_padding: [1, 2], bias: false}",
         7},
        {{3, 4, 2, 5}, "{out: channels, kernel: 2, stride: 2, groups: channels}", 15},
        {{3, 6, 3, 3}, "{out: 4, kernel: 3, stride: 2, dilation: 2, padding: [0, 1, 2, 1], groups: 2}", 33},
        {{3, 2, 4, 3}, "{out: 2, kernel: 2, stride: 3, dilation: 2, output_padding: 2}", 16},
        {{3, 2, 30, 41}, "{out: 2, kernel: 3, stride: 2, padding: 1, output_padding: 1}", 1}),
};

// What a transformer puts into a sequence and takes out again. Dosovitskiy et al. 2020,
// https://arxiv.org/abs/2010.11929
//   class_token         a column of parameters in front
//   position_embedding  parameters of its own added to each column     torch.nn.Embedding(columns, channels).weight
//   column              one column, as a vector                        x[:, :, at]
#include "op/layers/single.h"

// --- class_token --------------------------------------------------------------------------------------------------

static bool class_token_infer(void *config, const cv_shape *in, cv_shape *out, char *why, size_t why_size) {
    (void)config, (void)why, (void)why_size;
    *out = (cv_shape){2, in->c, 1, in->w + 1};
    return true;
}

// Starts as vision transformers start.
static int class_token_tensors(const void *config, cv_shape in, cv_tensor *out) {
    (void)config;
    out[0] = (cv_tensor){.name = "weight", .dims = 1, .dim = {in.c}, .init = CV_INIT_NORMAL, .std = 0.02f};
    return 1;
}

static int64_t class_token_cost(const void *config, cv_shape in, cv_shape out, char *formula, size_t size) {
    (void)config, (void)out;
    cv_print(formula, size, "%lld", (long long)in.c);
    return 0;
}

static cv_span class_token_sees(const void *config, cv_shape in, cv_shape out, int d, int64_t at) {
    (void)config, (void)in, (void)out;
    return d ? (cv_span){at - 1, at} : (cv_span){at, at + 1};
}

static void class_token_forward(const cv_pass *p) {
    const real *weight = p->tensor[0];
    const lanes *x = p->x[0];
    lanes *y = p->y;
    for (int64_t c = 0; c < p->in.c; c++, x += p->in.w, y += p->out.w) {
        y[0] = lanes_of(weight[c]);
        memcpy(y + 1, x, (size_t)p->in.w * sizeof *y);
    }
}

static void class_token_backward(const cv_pass *p) {
    const lanes *dy = p->dy;
    lanes *dx = p->dx[0];
    real *dw = p->grad[0];
    for (int64_t c = 0; c < p->in.c; c++, dy += p->out.w) {
        if (dw) dw[c] = (p->set ? 0 : dw[c]) + sum_lanes(dy[0]);
        if (dx) memcpy(dx + c * p->in.w, dy + 1, (size_t)p->in.w * sizeof *dy);
    }
}

static bool class_token_say(const void *config, cv_shape in, cv_shape in1, cv_shape out, char *text, size_t size) {
    (void)config, (void)in, (void)in1, (void)out;
    cv_print(text, size, "room = Pad(x, #[0, 0, 1, 0, 0, 0]); y = Add(room, TOKEN)");
    return true;
}

// The token, and zeros for the other columns.
static int class_token_constant(const void *config, cv_shape in, const char *name, const float *const *tensor,
                                int64_t dim[4], float *values) {
    (void)config;
    if (strcmp(name, "TOKEN") != 0) return 0;
    dim[0] = in.c;
    dim[1] = in.w + 1;
    for (int64_t i = 0; values && i < dim[0] * dim[1]; i++) values[i] = i % dim[1] ? 0 : tensor[0][i / dim[1]];
    return 2;
}

static int single_token_tensors(const void *config, cv_shape in, cv_tensor *out) {
    (void)config;
    out[0] = (cv_tensor){.name = "weight", .dims = 2, .dim = {in.c, LANES}};
    return 1;
}

static void single_token_arrange(const void *config, const void *const *from, void *const *to) {
    memcpy(to[0], from[0], (size_t)((const cv_single *)config)->in.c * sizeof(real));
}

static void single_token_forward(const cv_pass *p) {
    const lanes *x = p->x[0], *token = p->tensor[0];
    lanes *y = p->y;
    for (int64_t b = 0; b < p->in.c; b++, x += p->in.w, y += p->out.w) {
        y[0] = token[b];
        memcpy(y + 1, x, (size_t)p->in.w * sizeof *y);
    }
}

static const cv_op single_class_token = {
    .name = "class_token",
    .config_size = sizeof(cv_single),
    .infer = single_infer,
    .tensors = single_token_tensors,
    .arrange = single_token_arrange,
    .forward = single_token_forward,
};

CV_OP(class_token) = {
    .name = "class_token",
    .help = "a column of learned numbers in front of a sequence",
    .dims = 2,
    .infer = class_token_infer,
    .tensors = class_token_tensors,
    .cost = class_token_cost,
    .sees = class_token_sees,
    .forward = class_token_forward,
    .backward = class_token_backward,
    .torch = "torch.cat([weight.view(1, -1, 1).expand(len(x), -1, 1), x], 2)",
    .say_onnx = class_token_say,
    .constant = class_token_constant,
    .single = &single_class_token,
    .cases = CV_CASES({{2, 5, 1, 4}, NULL, 17}, {{2, 18, 1, 1}, NULL, 8}),
};

// --- position_embedding -------------------------------------------------------------------------------------------

static int position_tensors(const void *config, cv_shape in, cv_tensor *out) {
    (void)config;
    out[0] = (cv_tensor){.name = "weight", .dims = 2, .dim = {in.w, in.c}, .init = CV_INIT_NORMAL, .std = 0.02f};
    return 1;
}

static int64_t position_cost(const void *config, cv_shape in, cv_shape out, char *formula, size_t size) {
    (void)config, (void)out;
    cv_print(formula, size, "%lld*%lld", (long long)in.w, (long long)in.c);
    return 0;
}

static void position_forward(const cv_pass *p) {
    const real *weight = p->tensor[0];
    const lanes *x = p->x[0];
    lanes *y = p->y;
    for (int64_t c = 0; c < p->in.c; c++)
        for (int64_t t = 0; t < p->in.w; t++) y[c * p->in.w + t] = x[c * p->in.w + t] + weight[t * p->in.c + c];
}

static void position_backward(const cv_pass *p) {
    const lanes *dy = p->dy;
    real *dw = p->grad[0];
    for (int64_t c = 0; dw && c < p->in.c; c++)
        for (int64_t t = 0; t < p->in.w; t++) {
            real *to = &dw[t * p->in.c + c];
            *to = (p->set ? 0 : *to) + sum_lanes(dy[c * p->in.w + t]);
        }
    if (p->dx[0] && p->dx[0] != p->dy) memcpy(p->dx[0], dy, (size_t)cv_shape_size(p->in) * sizeof *dy);
}

static bool position_say(const void *config, cv_shape in, cv_shape in1, cv_shape out, char *text, size_t size) {
    (void)config, (void)in, (void)in1, (void)out;
    cv_print(text, size, "y = Add(x, POSITIONS)");
    return true;
}

static int position_constant(const void *config, cv_shape in, const char *name, const float *const *tensor,
                             int64_t dim[4], float *values) {
    (void)config;
    if (strcmp(name, "POSITIONS") != 0) return 0;
    dim[0] = in.c;
    dim[1] = in.w;
    for (int64_t i = 0; values && i < in.c * in.w; i++) values[i] = tensor[0][i % in.w * in.c + i / in.w];
    return 2;
}

static int single_position_tensors(const void *config, cv_shape in, cv_tensor *out) {
    (void)config;
    out[0] = (cv_tensor){.name = "weight", .dims = 3, .dim = {in.c, in.w, LANES}};
    return 1;
}

static void single_position_arrange(const void *config, const void *const *from, void *const *to) {
    const cv_shape in = ((const cv_single *)config)->in;
    const real *weight = from[0];
    for (int64_t t = 0; t < in.w; t++)
        for (int64_t c = 0; c < in.c; c++) ((real *)to[0])[single_place(c, t, in.w)] = weight[t * in.c + c];
}

static void single_position_forward(const cv_pass *p) {
    const lanes *x = p->x[0], *positions = p->tensor[0];
    lanes *y = p->y;
    for (int64_t i = 0; i < p->in.c * p->in.w; i++) y[i] = x[i] + positions[i];
}

static const cv_op single_position = {
    .name = "position_embedding",
    .config_size = sizeof(cv_single),
    .in_place = true,
    .infer = single_infer,
    .tensors = single_position_tensors,
    .arrange = single_position_arrange,
    .forward = single_position_forward,
};

CV_OP(position_embedding) = {
    .name = "position_embedding",
    .help = "learned numbers for each column, added to it",
    .dims = 2,
    .in_place = true,
    .tensors = position_tensors,
    .cost = position_cost,
    .forward = position_forward,
    .backward = position_backward,
    .torch = "x + weight.t()",
    .say_onnx = position_say,
    .constant = position_constant,
    .single = &single_position,
    .cases = CV_CASES({{2, 5, 1, 4}, NULL, 17}, {{2, 18, 1, 3}, NULL, 8}),
};

// --- column -------------------------------------------------------------------------------------------------------

typedef struct column {
    int64_t at;
} column;

static bool column_infer(void *config, const cv_shape *in, cv_shape *out, char *why, size_t why_size) {
    column *c = config;
    const int64_t at = c->at < 0 ? c->at + in->w : c->at;
    *out = (cv_shape){1, in->c, 1, 1};
    if (at >= 0 && at < in->w) return true;
    cv_print(why, why_size, "there is no column %lld: they are 0 to %lld, or -%lld to -1 from the last",
             (long long)c->at, (long long)in->w - 1, (long long)in->w);
    return false;
}

static int64_t place_of_column(const cv_pass *p) {
    const int64_t at = ((const column *)p->config)->at;
    return at < 0 ? at + p->in.w : at;
}

static cv_span column_sees(const void *config, cv_shape in, cv_shape out, int d, int64_t at) {
    const int64_t place = ((const column *)config)->at, first = place < 0 ? place + in.w : place;
    (void)out;
    return d ? (cv_span){first, first + 1} : (cv_span){at, at + 1};
}

static void column_forward(const cv_pass *p) {
    const int64_t at = place_of_column(p);
    for (int64_t c = 0; c < p->in.c; c++) ((lanes *)p->y)[c] = ((const lanes *)p->x[0])[c * p->in.w + at];
}

static void column_backward(const cv_pass *p) {
    const int64_t at = place_of_column(p);
    memset(p->dx[0], 0, (size_t)cv_shape_size(p->in) * sizeof(lanes));
    for (int64_t c = 0; c < p->in.c; c++) ((lanes *)p->dx[0])[c * p->in.w + at] = ((const lanes *)p->dy)[c];
}

static bool column_say(const void *config, cv_shape in, cv_shape in1, cv_shape out, char *text, size_t size) {
    const long long place = ((const column *)config)->at, first = place < 0 ? place + in.w : place;
    (void)in1, (void)out;
    cv_print(text, size, "one = Slice(x, #[%lld], #[%lld], #[2]); y = Flatten(one) axis=1", first, first + 1);
    return true;
}

CV_OP(column) = {
    .name = "column",
    .help = "one column of a sequence, as a vector",
    .dims = 2,
    .schema = CV_OPTIONS(CV_OPTION("at", CV_INT, column, at, "which; below 0: counted from behind the last",
                                   CV_RANGE(-(1 << 28), 1 << 28))),
    .config_size = sizeof(column),
    .by_channel = true,
    .infer = column_infer,
    .sees = column_sees,
    .forward = column_forward,
    .backward = column_backward,
    .torch = "x[:, :, {at}]",
    .say_onnx = column_say,
    .cases = CV_CASES({{2, 5, 1, 4}, "{at: 0}", 17}, {{2, 18, 1, 3}, "{at: -1}", 8}, {{2, 3, 1, 9}, "{at: 4}", 7}),
};

// concat: the channels of x, then those of x1.    torch.cat
// split: `count` channels of x from `first` on.    x[:, first:first + count]
#include "op/layers/single.h"

typedef struct split {
    int64_t first, count;
} split;

static bool concat_infer(void *config, const cv_shape *in, cv_shape *out, char *why, size_t why_size) {
    (void)config;
    *out = in[0];
    out->c += in[1].c;
    if (in[0].dims == in[1].dims && in[0].h == in[1].h && in[0].w == in[1].w) return true;
    char a[48], b[48];
    cv_shape_text(in[0], a, sizeof a);
    cv_shape_text(in[1], b, sizeof b);
    cv_print(why, why_size, "its inputs differ in more than channels: %s and %s", a, b);
    return false;
}

static bool split_infer(void *config, const cv_shape *in, cv_shape *out, char *why, size_t why_size) {
    const split *c = config;
    *out = in[0];
    out->c = c->count;
    if (c->first + c->count <= in[0].c) return true;
    cv_print(why, why_size, "channels %lld to %lld are wanted of an input that has %lld", (long long)c->first,
             (long long)(c->first + c->count - 1), (long long)in[0].c);
    return false;
}

static void copy_maps(lanes *to, const lanes *from, cv_shape s) {
    memcpy(to, from, (size_t)cv_shape_size(s) * sizeof *to);
}

static void concat_forward(const cv_pass *p) {
    copy_maps(p->y, p->x[0], p->in);
    copy_maps((lanes *)p->y + cv_shape_size(p->in), p->x[1], p->in1);
}
static void concat_backward(const cv_pass *p) {
    if (p->dx[0]) copy_maps(p->dx[0], p->dy, p->in);
    if (p->dx[1]) copy_maps(p->dx[1], (const lanes *)p->dy + cv_shape_size(p->in), p->in1);
}

static void split_forward(const cv_pass *p) {
    const split *c = p->config;
    copy_maps(p->y, (const lanes *)p->x[0] + c->first * cv_shape_pixels(p->in), p->out);
}
static void split_backward(const cv_pass *p) {
    const split *c = p->config;
    memset(p->dx[0], 0, (size_t)cv_shape_size(p->in) * sizeof(lanes));
    copy_maps((lanes *)p->dx[0] + c->first * cv_shape_pixels(p->in), p->dy, p->out);
}

// --- one example: channels move to other lanes --------------------------------------------------------------------

static void move_channels(lanes *to, int64_t to_first, const lanes *from, int64_t from_first, int64_t count,
                          int64_t pixels) {
    if (to_first % LANES == 0 && from_first % LANES == 0) {
        memcpy(to + to_first / LANES * pixels, from + from_first / LANES * pixels,
               (size_t)(lane_blocks(count) * pixels) * sizeof *to);
        return;
    }
    for (int64_t c = 0; c < count; c++) {
        const int64_t a = to_first + c, b = from_first + c;
        for (int64_t i = 0; i < pixels; i++)
            to[a / LANES * pixels + i][a % LANES] = from[b / LANES * pixels + i][b % LANES];
    }
}

static void single_concat_forward(const cv_pass *p) {
    const cv_single *s = p->config;
    const int64_t pixels = cv_shape_pixels(s->in);
    move_channels(p->y, 0, p->x[0], 0, s->in.c, pixels);
    move_channels(p->y, s->in.c, p->x[1], 0, s->out.c - s->in.c, pixels);
}

typedef struct single_split {
    cv_single single;
    split layer;
} single_split;

static void single_split_forward(const cv_pass *p) {
    const single_split *s = p->config;
    move_channels(p->y, 0, p->x[0], s->layer.first, s->layer.count, cv_shape_pixels(p->in));
}

static const cv_op single_concat = {
    .name = "concat",
    .config_size = sizeof(cv_single),
    .inputs = 2,
    .infer = single_infer,
    .forward = single_concat_forward,
};
static const cv_op single_split_op = {
    .name = "split",
    .config_size = sizeof(single_split),
    .infer = single_infer,
    .forward = single_split_forward,
};

// --- the ops ------------------------------------------------------------------------------------------------------

static cv_shape one_channel_more(cv_shape in) {
    in.c++;
    return in;
}

CV_OP(concat) = {
    .name = "concat",
    .help = "the channels of two values, one behind the other. `from` may name more than two",
    .inputs = 2,
    .many = true,
    .second = one_channel_more,
    .infer = concat_infer,
    .by_pixel = true,
    .forward = concat_forward,
    .backward = concat_backward,
    .torch = "torch.cat([x, x1], 1)",
    .onnx = "y = Concat(x, x1) axis=1",
    .cases = CV_CASES({{1, 5, 1, 1}, NULL, 3}, {{2, 3, 1, 7}, NULL, 15}, {{3, 17, 2, 3}, NULL, 17}),
    .single = &single_concat,
};

static bool split_say(const void *config, cv_shape in, cv_shape in1, cv_shape out, char *text, size_t size) {
    const split *c = config;
    (void)in, (void)in1, (void)out;
    cv_print(text, size, "y = Slice(x, #[%lld], #[%lld], #[1])", (long long)c->first, (long long)(c->first + c->count));
    return true;
}

CV_OP(split) = {
    .name = "split",
    .help = "some of the channels",
    .schema = CV_OPTIONS(CV_OPTION("first", CV_INT, split, first, "the first of them, counted from 0", .required = true,
                                   CV_RANGE(0, 1 << 20)),
                         CV_OPTION("count", CV_INT, split, count, "their number", .required = true,
                                   CV_RANGE(1, 1 << 20))),
    .config_size = sizeof(split),
    .infer = split_infer,
    .by_pixel = true,
    .forward = split_forward,
    .backward = split_backward,
    .torch = "x[:, {first}:{first} + {count}]",
    .say_onnx = split_say,
    .cases = CV_CASES({{1, 9, 1, 1}, "{first: 2, count: 5}", 3}, {{2, 5, 1, 7}, "{first: 0, count: 4}", 16},
                      {{3, 37, 2, 3}, "{first: 16, count: 20}", 17}),
    .single = &single_split_op,
};

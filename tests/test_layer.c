// Convolution: the numbers of docs/layer.md, and the fast passes of conv.c held to the plain ones of conv_plain.h.
#include "drive.h"

#include "base/file.h"
#include "op/layers/conv_plain.h"

enum { NETS = 200 };

// --- docs/layer.md ------------------------------------------------------------------------------------------------

// The numbers that follow `NAME =` in a block of the page, rows of a matrix one below the other.
static void page_numbers(const char *page, const char *name, double *out, int count) {
    char head[16];
    snprintf(head, sizeof head, "\n%s =", name);
    const char *at = strstr(page, head);
    if (!at) fail_msg("docs/layer.md has no line that begins with '%s ='", name);
    char *end = NULL;
    at += strlen(head);
    for (int i = 0; i < count; i++, at = end) {
        out[i] = strtod(at, &end);
        if (end == at) fail_msg("docs/layer.md: '%s =' is followed by %d numbers, expected %d", name, i, count);
    }
}

static void check_page(const char *page, const char *name, const double *got, int count) {
    double expected[16];
    page_numbers(page, name, expected, count);
    for (int i = 0; i < count; i++)
        if (got[i] != expected[i])
            fail_msg("docs/layer.md: number %d of %s is %g, the plain convolution gives %g", i, name, expected[i],
                     got[i]);
}

static void test_the_example_of_the_page_is_right(void **state) {
    (void)state;
    const conv c = {.out = 1, .kernel = {3, 3}, .stride = {1, 1}, .dilation = {1, 1}, .groups = 1, .bias = true};
    const cv_shape in = {3, 1, 4, 4}, out = {3, 1, 2, 2};
    double x[16], w[9], b[1], y[4], dx[16] = {0}, dw[9] = {0}, db[1] = {0}, dy[4];
    conv_values v = {x, w, b, y, dx, dw, db, dy};
    convo_error err = {0};
    cv_bytes page;
    must(cv_file_read("docs/layer.md", 1 << 20, &page, &err), &err);
    const char *text = (const char *)page.data;
    page_numbers(text, "x", x, 16);
    page_numbers(text, "w", w, 9);
    page_numbers(text, "b", b, 1);
    page_numbers(text, "dy", dy, 4);
    conv_plain_forward(&c, in, out, &v);
    conv_plain_backward(&c, in, out, &v);
    check_page(text, "y", y, 4);
    check_page(text, "dw", dw, 9);
    check_page(text, "db", db, 1);
    check_page(text, "dx", dx, 16);
    free(page.data);
}

// --- the fast passes ----------------------------------------------------------------------------------------------

static uint32_t drawn;
static int pick(int least, int most) {
    return least + made_up_class(7, drawn++, most - least + 1);
}

static double *made_up_values(uint32_t stream, size_t count) {
    double *values = test_memory(count, sizeof *values);
    for (size_t i = 0; i < count; i++) values[i] = (double)made_up(stream, (uint32_t)i);
    return values;
}

static double *zeros(size_t count) {
    return memset(test_memory(count, sizeof(double)), 0, count * sizeof(double));
}

// terms: of the sum that each number is. Its rounding errors add up like a random walk.
static void check_values(const drive *d, const char *what, const char *where, const double *got, const double *want,
                         size_t count, int64_t terms) {
    const double allowed = (d->isa->real == sizeof(double) ? 1e-15 : 1e-6) * (1 + sqrt((double)terms));
    size_t worst = 0;
    for (size_t i = 0; i < count; i++)
        if (!(fabs(got[i] - want[i]) <= fabs(got[worst] - want[worst]))) worst = i;
    if (!(fabs(got[worst] - want[worst]) <= allowed))
        fail_msg("%s: %s: number %zu of %zu is %.9g, by the formula it is %.9g", where, what, worst, count, got[worst],
                 want[worst]);
}

// Compares the passes of `d`, which has random values, with the formula, example by example.
static void check_passes(drive *d, const char *where) {
    const conv *c = (const conv *)d->config.bytes;
    const size_t in = (size_t)cv_shape_size(d->in), out = (size_t)cv_shape_size(d->out), n = (size_t)d->count;
    const int64_t taps = (int64_t)d->size[0] / c->out, pixels = d->count * cv_shape_pixels(d->out);
    double *x = made_up_values(1, n * in), *dy = made_up_values(2, n * out), *got = zeros(n * (in > out ? in : out));
    double *w = made_up_values(3, d->size[0]), *b = made_up_values(4, (size_t)c->out);
    double *y = zeros(n * out), *dx = zeros(n * in), *dw = zeros(d->size[0]), *db = zeros((size_t)c->out);
    for (size_t i = 0; i < n; i++) {
        conv_values v = {x + i * in,  w,  c->bias ? b : NULL,  y + i * out,
                         dx + i * in, dw, c->bias ? db : NULL, dy + i * out};
        conv_plain_forward(c, d->in, d->out, &v);
        conv_plain_backward(c, d->in, d->out, &v);
    }
    drive_poison(d);
    drive_put(d, d->x[0], (int64_t)in, x, false);
    drive_put(d, d->dy, (int64_t)out, dy, true);
    for (size_t i = 0; i < d->size[0]; i++) real_set(d->isa, d->tensor[0], i, w[i]);
    for (int64_t i = 0; c->bias && i < c->out; i++) real_set(d->isa, d->tensor[1], (size_t)i, b[i]);
    drive_forward(d, true);
    drive_backward(d);
    drive_take(d, d->y, (int64_t)out, got);
    check_values(d, "y", where, got, y, n * out, taps);
    drive_take(d, d->dx[0], (int64_t)in, got);
    check_values(d, "dx", where, got, dx, n * in, (int64_t)d->size[0]);
    double *gradient[2] = {dw, db};
    for (int t = 0; t < d->tensors; t++) {
        double *sum = zeros(d->size[t]);
        for (size_t i = 0; i < d->size[t]; i++) sum[i] = real_get(d->isa, d->grad[t], i);
        check_values(d, t ? "db" : "dw", where, sum, gradient[t], d->size[t], pixels);
        free(sum);
    }
    double *all[] = {x, dy, got, w, b, y, dx, dw, db};
    for (size_t i = 0; i < CV_COUNT(all); i++) free(all[i]);
}

static void check_conv(const cv_isa *isa, const char *options, cv_shape in, int count) {
    const cv_op *op = cv_op_find(isa, "conv2d");
    const op_config config = op_options(op, options);
    char where[256];
    snprintf(where, sizeof where, "%s, input %lldx%lldx%lld, %d examples, %s", options, (long long)in.c,
             (long long)in.h, (long long)in.w, count, isa->name);
    drive d = drive_new(isa, op, config.bytes, in, count);
    check_passes(&d, where);
    drive_free(&d);
}

static void check_random_conv(const cv_isa *isa) {
    const int groups = pick(1, 3) == 1 ? pick(2, 4) : 1, rows = pick(1, 4), columns = pick(1, 5);
    char options[192];
    snprintf(
        options, sizeof options,
        "{out: %d, kernel: [%d, %d], stride: [%d, %d], padding: [%d, %d], dilation: [%d, %d], groups: %d, bias: %s}",
        groups * pick(1, 7), rows, columns, pick(1, 3), pick(1, 3), pick(0, 4), pick(0, 4), pick(1, 3), pick(1, 3),
        groups, pick(0, 1) ? "true" : "false");
    const op_config config = op_options(cv_op_find(isa, "conv2d"), options);
    const conv *c = (const conv *)config.bytes;
    check_conv(isa, options,
               (cv_shape){3, groups * pick(1, 4), c->dilation[0] * (rows - 1) + pick(1, 30),
                          c->dilation[1] * (columns - 1) + pick(1, 30)},
               pick(1, 2 * isa->lanes + 1));
}

static void test_the_fast_convolution_equals_the_plain_one(void **state) {
    (void)state;
    const cv_isa *isa;
    for (size_t k = 0; (isa = isa_at(k)); k++)
        for (int n = 0; n < NETS; n++) check_random_conv(isa);
    for (int n = 0; n < NETS; n++) check_random_conv(cv_isa_find("double"));
}

// A group of one channel has tiles of its own; here it has so many pixels that it is worked on in bands, too.
static void test_long_maps_of_single_channels_equal_the_plain_ones(void **state) {
    (void)state;
    const cv_isa *isa;
    for (size_t k = 0; (isa = isa_at(k)); k++) {
        check_conv(isa, "{out: 2, kernel: [1, 13], padding: [0, 6], groups: 2}", (cv_shape){3, 2, 1, 2300}, 1);
        check_conv(isa, "{out: 2, kernel: [3, 1], padding: [1, 0], stride: [2, 1], groups: 2, bias: false}",
                   (cv_shape){3, 4, 2400, 1}, 3);
        check_conv(isa, "{out: 6, kernel: 3, padding: 1, groups: 3}", (cv_shape){3, 3, 63, 47}, 2);
        check_conv(isa, "{out: 5, kernel: 3, padding: 1, dilation: [2, 1], groups: 5}", (cv_shape){3, 5, 81, 33}, 1);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_example_of_the_page_is_right),
        cmocka_unit_test(test_the_fast_convolution_equals_the_plain_one),
        cmocka_unit_test(test_long_maps_of_single_channels_equal_the_plain_ones),
    };
    return cmocka_run_group_tests_name("layer", tests, NULL, NULL);
}

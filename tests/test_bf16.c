// Layers in bf16: rounded inputs, exact products, sums in fp32; in pairs on every processor by the same code with four
// lanes, in C.
#include "bf16.h" // first: see amx.h

#include "lesson.h"

enum { X = 1, OUTPUT_GRADIENT = 3, TENSOR = 10 };

extern const cv_isa cv_isa_pairs; // of this test: conv.c and linear.c in pairs

static const cv_isa *bf16(int table) {
    return table == PAIRS_BY_HAND ? &cv_isa_pairs : bf16_of_processor(table);
}

static int table_of(void **state) {
    const int table = *(const int *)*state;
    if (!bf16(table)) skip();
    BF16_BEGIN(table);
    return table;
}

// --- one layer against sums of doubles ----------------------------------------------------------------------------

// Channels enough that every pass is worth its tiles, or pairs, unless `tiles` and `pairs` say otherwise: 1 y, 2 dw, 4
// dx.
typedef struct layer_case {
    const char *op, *options;
    cv_shape in;
    int batch, tiles, pairs;
} layer_case;

static const layer_case layers[] = {
    {"conv2d", "{out: 16, kernel: 5}", {3, 32, 7, 8}, 16, 7, 7},
    {"conv2d", "{out: 32, kernel: 5}", {3, 1, 9, 12}, 33, 1, 7},             // five kernel rows of one channel
    {"conv2d", "{out: 16, kernel: 5}", {3, 3, 9, 8}, 7, 5, 7},               // channels and kernel rows paired
    {"conv2d", "{out: 50, kernel: 3, padding: 1}", {3, 17, 5, 6}, 17, 7, 7}, // three tiles high, the last of two rows
    {"conv2d", "{out: 24, kernel: [3, 5], padding: [2, 1], stride: [2, 3]}", {3, 35, 8, 13}, 16, 7, 7},
    {"conv2d", "{out: 33, kernel: 3, dilation: [2, 3], padding: 3, stride: 2}", {3, 33, 7, 9}, 5, 7, 7},
    {"conv2d", "{out: 64, kernel: 3, groups: 2, bias: false}", {3, 64, 5, 5}, 18, 7, 7},
    {"conv2d", "{out: 32, kernel: 2, padding: 4}", {3, 64, 3, 4}, 8, 7, 7}, // more padding than the kernel reaches
    {"conv1d", "{out: 48, kernel: 7, stride: 2, padding: 3}", {2, 40, 1, 19}, 16, 7, 7},
    {"conv1d", "{out: 32, kernel: 9}", {2, 32, 1, 9}, 1, 7, 5}, // one pixel
    {"conv1d", "{out: 16, kernel: 1}", {2, 64, 1, 5}, 16, 7, 7},
    {"conv2d", "{out: 6, kernel: 3, groups: 6}", {3, 6, 5, 7}, 16, 0, 0},        // in fp32
    {"conv2d", "{out: 7, kernel: [2, 3], padding: 1}", {3, 5, 40, 30}, 3, 5, 7}, // several bands; odd channels
    {"conv2d", "{out: 9, kernel: 3, stride: 2, groups: 3, padding: [0, 1, 2, 3]}", {3, 9, 21, 41}, 5, 1, 4},
    {"conv1d", "{out: 21, kernel: 4, padding: [3, 0]}", {2, 6, 1, 701}, 2, 7, 7}, // a column
    {"conv1d", "{out: 32, kernel: 5, stride: 3, dilation: 2}", {2, 1, 1, 1003}, 4, 0, 1},
    {"conv2d", "{out: 8, kernel: 1, stride: [1, 2]}", {3, 40, 8, 3}, 7, 5, 4},
    {"conv2d", "{out: 64, kernel: 1, stride: 2}", {3, 32, 9, 8}, 16, 7, 7}, // most pixels have no part in it
    {"conv2d", "{out: 32, kernel: 3, stride: 2, padding: 1}", {3, 16, 8, 8}, 17, 7, 7},
    {"conv2d", "{out: 40, kernel: [2, 4], stride: [3, 2], dilation: [2, 3], padding: 2}", {3, 19, 11, 15}, 9, 7, 7},
    {"conv2d", "{out: 32, kernel: [4, 3], stride: 30000, padding: [1, 0]}", {3, 32, 3, 3}, 16, 7, 5}, // one step
    {"linear", "{out: 16}", {1, 16, 1, 1}, 16, 0, 7},
    {"linear", "{out: 32}", {1, 32, 1, 1}, 16, 7, 7},
    {"linear", "{out: 53}", {1, 283, 1, 1}, 17, 7, 7},             // a second run of inputs
    {"linear", "{out: 259, bias: false}", {1, 99, 1, 1}, 1, 7, 7}, // a second run of outputs
    {"linear", "{out: 33}", {1, 1060, 1, 1}, 7, 7, 7},             // more tiles of inputs than are made at a time
    {"linear", "{out: 1031}", {1, 49, 1, 1}, 3, 7, 7},             // and of outputs
    {"linear", "{out: 10}", {1, 64, 1, 1}, 16, 0, 0},              // in fp32
};

static double nearest_bf16(double value) {
    int exponent;
    const double fraction = frexp(value, &exponent); // 8 bits, the first of which is not stored
    return ldexp(rint(fraction * 256), exponent - 8);
}

static double as_is(double value) {
    return value;
}

// The same numbers in both, changed on the way.
static void put_numbers(const drive *d, double (*change)(double)) {
    const int64_t in = cv_shape_size(d->in), out = cv_shape_size(d->out);
    double *rows = test_memory((size_t)(d->count * (in > out ? in : out)), sizeof *rows);
    for (int64_t i = 0; i < d->count * in; i++) rows[i] = change((double)made_up(X, (uint32_t)i));
    drive_put(d, d->x[0], in, rows, false);
    for (int64_t i = 0; i < d->count * out; i++) rows[i] = change((double)made_up(OUTPUT_GRADIENT, (uint32_t)i));
    drive_put(d, d->dy, out, rows, true);
    for (int t = 0; t < d->tensors; t++)
        for (size_t i = 0; i < d->size[t]; i++) {
            const double value = (double)made_up((uint32_t)(TENSOR + t), (uint32_t)i);
            real_set(d->isa, d->tensor[t], i, t ? value : change(value)); // a bias is added to the sum
        }
    free(rows);
}

// The largest difference, as a share of the largest number.
static double worst_of(const double *a, const double *b, size_t n) {
    double largest = 0, worst = 0;
    for (size_t i = 0; i < n; i++) {
        largest = fmax(largest, fabs(b[i]));
        if (!(fabs(a[i] - b[i]) <= worst)) worst = fabs(a[i] - b[i]); // a NaN is the worst
    }
    return worst / largest;
}

static double compare_maps(const drive *a, const drive *b, const void *of_a, const void *of_b, cv_shape s) {
    const size_t n = (size_t)(a->count * cv_shape_size(s));
    double *x = test_memory(2 * n, sizeof *x);
    drive_take(a, of_a, cv_shape_size(s), x);
    drive_take(b, of_b, cv_shape_size(s), x + n);
    const double worst = worst_of(x, x + n, n);
    free(x);
    return worst;
}

static double compare_tensor(const drive *a, const drive *b, int t) {
    const size_t n = a->size[t];
    double *x = test_memory(2 * n, sizeof *x);
    for (size_t i = 0; i < n; i++) {
        x[i] = real_get(a->isa, a->grad[t], i);
        x[n + i] = real_get(b->isa, b->grad[t], i);
    }
    const double worst = worst_of(x, x + n, n);
    free(x);
    return worst;
}

typedef struct difference {
    double y, dw, db, dx;
} difference;

static drive drive_layer(const cv_isa *isa, const layer_case *l, double (*change)(double)) {
    const cv_op *op = cv_op_find(isa, l->op);
    const op_config config = op_options(op, l->options);
    drive d = drive_new(isa, op, config.bytes, l->in, l->batch);
    drive_poison(&d);
    put_numbers(&d, change);
    drive_forward(&d, true);
    memset(d.scratch, 0xff, op->scratch(config.bytes, d.in, d.out) * (size_t)isa->lanes * isa->real);
    drive_backward(&d);
    return d;
}

// A layer in bf16 against one whose numbers were changed before.
static difference compare(const cv_isa *isa, const layer_case *l, double (*change)(double)) {
    drive a = drive_layer(isa, l, as_is), b = drive_layer(cv_isa_find("double"), l, change);
    const difference worst = {.y = compare_maps(&a, &b, a.y, b.y, a.out),
                              .dw = compare_tensor(&a, &b, 0),
                              .db = a.tensors > 1 ? compare_tensor(&a, &b, 1) : 0,
                              .dx = compare_maps(&a, &b, a.dx[0], b.dx[0], a.in)};
    drive_free(&a);
    drive_free(&b);
    return worst;
}

static void check_pass(const layer_case *l, const char *pass, bool in_bf16, double of_rounded, double of_plain) {
    if (!((in_bf16 ? of_rounded : of_plain) < 1e-6))
        fail_msg("%s %s: %s differs by %.2g of the largest from that of %s numbers", l->op, l->options, pass,
                 in_bf16 ? of_rounded : of_plain, in_bf16 ? "rounded" : "the same");
    if (in_bf16 && !(of_plain > 1e-4 && of_plain < 1e-2))
        fail_msg("%s %s: %s differs by %.2g of the largest from fp32, unlike bf16", l->op, l->options, pass, of_plain);
}

static void layers_are_those_of_rounded_numbers(void **state) {
    const int table = table_of(state);
    double worst = 0;
    for (size_t k = 0; k < CV_COUNT(layers); k++) {
        const layer_case *l = &layers[k];
        const difference rounded = compare(bf16(table), l, nearest_bf16), plain = compare(bf16(table), l, as_is);
        const int passes = table == TILES ? l->tiles : l->pairs;
        check_pass(l, "y", passes & 1, rounded.y, plain.y);
        check_pass(l, "dw", passes & 2, rounded.dw, plain.dw);
        check_pass(l, "dx", passes & 4, rounded.dx, plain.dx);
        worst = fmax(worst, fmax(plain.y, fmax(plain.dw, plain.dx)));
    }
    print_message("%zu layers, at most %.1e of the largest number from fp32\n", CV_COUNT(layers), worst);
}

// --- linear layers: blocks that go together, parts of a pass, gradients that are handed over ------------------------

// The passes of a linear layer for all blocks of a batch in one call, or in one for each part.
typedef struct together {
    char *arena;         // [blocks][x, y, dy, dx, work] lanes
    char *dw;            // [out][in]
    size_t bytes, apart; // of dw; of a block, in lanes
} together;

// Every number once, each in its place.
static void receive_gradient(void *receiver, int tensor, int64_t first, int64_t count, const void *gradient) {
    const together *t = receiver;
    if (tensor == 0) memcpy(t->dw + first * (int64_t)sizeof(float), gradient, (size_t)count * sizeof(float));
}

static together run_together(const drive *d, int parts, bool received) {
    const size_t vector = (size_t)d->isa->lanes * sizeof(float), in = (size_t)d->in.c, out = (size_t)d->out.c,
                 apart = 2 * (in + out) + d->op->scratch(d->config.bytes, d->in, d->out);
    together t = {.bytes = d->size[0] * sizeof(float), .apart = apart};
    t.arena = test_memory((size_t)d->blocks * apart, vector);
    t.dw = test_memory(d->size[0], sizeof(float));
    memset(t.arena, 0xff, (size_t)d->blocks * apart * vector);
    memset(t.dw, 0xff, t.bytes);
    cv_pass p = drive_pass(d, d->blocks - 1, true);
    p.x[0] = t.arena;
    p.y = t.arena + in * vector;
    p.dy = t.arena + (in + out) * vector;
    p.dx[0] = t.arena + (in + 2 * out) * vector;
    p.scratch[0] = p.scratch[1] = t.arena + 2 * (in + out) * vector;
    p.grad[0] = received ? NULL : t.dw;
    p.set = true;
    p.share = (cv_share){.blocks = d->blocks, .apart = apart, .parts = parts};
    if (received) p.share.receive = receive_gradient, p.share.receiver = &t;
    for (int b = 0; b < d->blocks; b++) {
        memcpy(t.arena + (size_t)b * apart * vector, block_of(d, d->x[0], d->in.c, b), in * vector);
        memcpy(t.arena + ((size_t)b * apart + in + out) * vector, block_of(d, d->dy, d->out.c, b), out * vector);
    }
    for (p.share.part = 0; p.share.part < parts; p.share.part++) d->op->forward(&p);
    for (p.share.part = 0; p.share.part < parts; p.share.part++) d->op->backward(&p);
    return t;
}

// What a block gets does not depend on those that go with it.
static void check_blocks(const drive *d, const together *t) {
    const size_t vector = (size_t)d->isa->lanes * sizeof(float), in = (size_t)d->in.c, out = (size_t)d->out.c;
    for (int b = 0; b < d->blocks; b++) {
        const char *y = t->arena + ((size_t)b * t->apart + in) * vector;
        assert_memory_equal(y, block_of(d, d->y, d->out.c, b), out * vector);
        assert_memory_equal(y + 2 * out * vector, block_of(d, d->dx[0], d->in.c, b), in * vector);
    }
}

static double largest_error_of_weights(const drive *d, const together *t) {
    double *dw = test_memory(2 * d->size[0], sizeof *dw);
    for (size_t i = 0; i < d->size[0]; i++) {
        dw[i] = real_get(d->isa, t->dw, i);
        dw[d->size[0] + i] = real_get(d->isa, d->grad[0], i);
    }
    const double worst = worst_of(dw, dw + d->size[0], d->size[0]);
    free(dw);
    return worst;
}

static void blocks_together_and_parts_change_no_bit(void **state) {
    const int table = table_of(state);
    for (size_t k = 0; k < CV_COUNT(layers); k++) {
        if (strcmp(layers[k].op, "linear") != 0) continue;
        for (int count = 17; count <= 65; count += 48) { // 2 and 5 blocks of 16
            layer_case l = layers[k];
            l.batch = count;
            drive d = drive_layer(bf16(table), &l, as_is); // block by block
            together t[4];
            for (int way = 0; way < 4; way++) {
                t[way] = run_together(&d, way % 2 ? 3 : 1, way >= 2);
                check_blocks(&d, &t[way]);
            }
            for (int way = 1; way < 4; way++) assert_memory_equal(t[way].dw, t[0].dw, t[0].bytes);
            assert_true(largest_error_of_weights(&d, &t[0]) < 1e-6);
            for (int way = 0; way < 4; way++) free(t[way].arena), free(t[way].dw);
            drive_free(&d);
        }
    }
}

// There tiles of two samples of each would have no room: such a pass is in fp32.
static void any_number_of_blocks_go_together(void **state) {
    const layer_case l = {"linear", "{out: 32}", {1, 32, 1, 1}, .batch = 1041};
    drive d = drive_layer(bf16(table_of(state)), &l, as_is);
    const together t = run_together(&d, 1, false);
    assert_true(largest_error_of_weights(&d, &t) < 0.01);
    free(t.arena);
    free(t.dw);
    drive_free(&d);
}

static void inference_is_in_fp32(void **state) {
    const int table = table_of(state);
    const cv_isa *isa[2] = {bf16(table), cv_isa_find(table == PAIRS_BY_HAND ? "baseline" : "avx512")};
    for (const layer_case *l = layers; l < layers + CV_COUNT(layers); l++) {
        drive d[2];
        for (int k = 0; k < 2; k++) {
            const cv_op *op = cv_op_find(isa[k], l->op);
            const op_config config = op_options(op, l->options);
            d[k] = drive_new(isa[k], op, config.bytes, l->in, l->batch);
            put_numbers(&d[k], as_is);
            drive_forward(&d[k], false);
        }
        const size_t bytes = (size_t)(cv_shape_size(d[0].out) * l->batch) * sizeof(float);
        if (isa[0]->lanes == isa[1]->lanes) assert_memory_equal(d[0].y, d[1].y, bytes);
        drive_forward(&d[0], true);
        if ((table == TILES ? l->tiles : l->pairs) & 1) assert_memory_not_equal(d[0].y, d[1].y, bytes);
        for (int k = 0; k < 2; k++) drive_free(&d[k]);
    }
}

// --- trainings ----------------------------------------------------------------------------------------------------

static const layer small_layers[] = {{"0", "conv1d", "{out: 16, kernel: 3, padding: 1}", {FROM_INPUT}},
                                     {"1", "relu", NULL, {0}},
                                     {"2", "conv1d", "{out: 16, kernel: 3, stride: 2}", {0}},
                                     {"3", "flatten", NULL, {0}},
                                     {"4", "linear", "{out: 32}", {0}},
                                     {"5", "relu", NULL, {0}},
                                     {"6", "linear", "{out: 4}", {0}},
                                     {.op = NULL}};

// More blocks than shards, the last of them not full.
static const syllabus small = {.layers = small_layers,
                               .input = {2, 5, 1, 12},
                               .classes = 4,
                               .examples = 180,
                               .validation = 32,
                               .noise = 0.6f,
                               .scale = 2,
                               .loss = "cross_entropy",
                               .optimizer = "sgd",
                               .optimizer_options = "{lr: 0.1, momentum: 0.9}",
                               .schedule = "constant",
                               .train = {.batch = 140, .epochs = 12, .keep = CV_KEEP_LAST}};

static void train(lesson *l, const cv_isa *isa, int threads, int64_t stop_after) {
    lesson_new(l, &small, isa, threads);
    l->stop_after = stop_after;
    must(lesson_run(l), &l->err);
}

static void check_same_weights(const lesson *a, const lesson *b) {
    assert_memory_equal(a->net->values, b->net->values, a->net->total * sizeof(float));
}

static void threads_and_interruptions_do_not_change_a_bit(void **state) {
    const int table = table_of(state);
    lesson first, other, stopped;
    train(&first, bf16(table), 1, 0);
    for (int threads = 2; threads <= 3; threads++) {
        train(&other, bf16(table), threads, 0);
        check_same_weights(&first, &other);
        lesson_free(&other);
    }
    train(&stopped, bf16(table), 2, 3);
    assert_true(stopped.result.interrupted);
    lesson_new(&other, &small, bf16(table), 1);
    copy_state(&other.state, &stopped.saved, other.net);
    memcpy(other.net->values, stopped.saved_values, other.net->total * sizeof(float));
    must(lesson_run(&other), &other.err);
    check_same_weights(&first, &other);
    lesson_free(&first);
    lesson_free(&other);
    lesson_free(&stopped);
}

static void a_training_in_bf16_stays_near_that_in_fp32(void **state) {
    const int table = table_of(state);
    lesson half, full;
    train(&half, bf16(table), 1, 0);
    train(&full, cv_isa_find(table == PAIRS_BY_HAND ? "baseline" : "avx512"), 1, 0);
    const int last = full.epochs - 1;
    const double loss = full.epoch[last].score[CONVO_VALIDATION].loss;
    assert_true(loss < full.epoch[0].score[CONVO_VALIDATION].loss / 2); // it learns
    if (!(fabs(half.epoch[last].score[CONVO_VALIDATION].loss / loss - 1) < 0.05))
        fail_msg("validation loss %g in bf16, %g in fp32", half.epoch[last].score[CONVO_VALIDATION].loss, loss);
    assert_true(half.loss[0] != full.loss[0]);
    lesson_free(&half);
    lesson_free(&full);
}

// --- where it cannot be had ---------------------------------------------------------------------------------------

static void without_either_there_is_a_sentence_and_fp32(void **state) {
    (void)state;
    const char *why = NULL;
    assert_ptr_equal(cv_isa_in_bf16(cv_isa_find("baseline"), &why), cv_isa_find("baseline"));
    assert_non_null(strstr(why, "fp32"));
    const cv_isa *best = cv_isa_find(NULL), *isa = cv_isa_in_bf16(best, &why);
    assert_true(isa == best || isa == bf16(cv_cpu_amx() ? TILES : PAIRS_BY_PROCESSOR));
    if (isa == best) assert_non_null(strstr(why, "fp32"));
}

#define BY_TABLE(test)                                                                                                 \
    {#test " (AMX)", test, NULL, NULL, &tables[TILES]}, {#test " (pairs)", test, NULL, NULL, &tables[PAIRS_BY_HAND]},  \
    {                                                                                                                  \
#test " (AVX512_BF16)", test, NULL, NULL, &tables[PAIRS_BY_PROCESSOR]                                          \
    }

int main(void) {
    static int tables[TABLES] = {TILES, PAIRS_BY_HAND, PAIRS_BY_PROCESSOR};
    const struct CMUnitTest tests[] = {
        BY_TABLE(layers_are_those_of_rounded_numbers),
        BY_TABLE(blocks_together_and_parts_change_no_bit),
        BY_TABLE(any_number_of_blocks_go_together),
        BY_TABLE(inference_is_in_fp32),
        BY_TABLE(threads_and_interruptions_do_not_change_a_bit),
        BY_TABLE(a_training_in_bf16_stays_near_that_in_fp32),
        cmocka_unit_test(without_either_there_is_a_sentence_and_fp32),
    };
    return cmocka_run_group_tests_name("bf16", tests, NULL, NULL);
}

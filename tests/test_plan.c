// Plans: random nets, run by plans in which values share memory, give the same bits as the same ops called one by one
// in memory of their own; and the same but for rounding with channels in the lanes.
#include "drive.h"

enum { MAX_NODES = 64, GRAPHS = 400 };

// --- random nets --------------------------------------------------------------------------------------------------

typedef struct graph {
    cv_net *net;
    const cv_op *loss; // or NULL
    op_config loss_config;
    uint32_t stream, drawn; // of random choices
    int last;               // node, -1: the input
} graph;

static int pick(graph *g, int n) {
    return (int)made_up_class(g->stream, g->drawn++, n);
}

static cv_shape shape_of(const graph *g, int node) {
    return node < 0 ? g->net->input : g->net->node[node].out;
}

static void add_node(graph *g, const char *op, const char *options, int a, int b) {
    char path[32];
    snprintf(path, sizeof path, "%d", g->net->nodes);
    const layer l = {path, op, options, {a < 0 ? FROM_INPUT : a + 1, b < 0 ? FROM_INPUT : b + 1}};
    add_layer(g->net, &l);
    g->last = g->net->nodes - 1;
}

// A layer that keeps the shape.
static void add_unary(graph *g, int from) {
    static const struct {
        const char *op, *options;
    } choices[] = {
        {"relu", NULL},
        {"relu", NULL},
        {"tanh", NULL},
        {"sigmoid", NULL},
        {"softmax", NULL},
        {"maxpool2d", "{kernel: 3, stride: 1, padding: 1}"},
        {"maxpool2d", "{kernel: [1, 3], stride: 1, padding: [0, 1]}"},
        {"dropout", "{p: 0}"},
        {"dropout", NULL},
        {"batchnorm", NULL},
    };
    const size_t k = (size_t)pick(g, CV_COUNT(choices));
    add_node(g, choices[k].op, choices[k].options, from, from);
}

// An earlier value of the same shape, as it is or changed once or twice more, is added: it then has several readers.
static void add_residual(graph *g) {
    const cv_shape want = shape_of(g, g->last);
    const int body = g->last;
    int from = pick(g, g->net->nodes + 1) - 1;
    for (;; from = from < g->net->nodes - 1 ? from + 1 : -1) {
        const cv_shape s = shape_of(g, from);
        if (s.dims == want.dims && s.c == want.c && s.h == want.h && s.w == want.w) break; // body itself at the latest
    }
    for (int n = pick(g, 3); n > 0; n--) {
        add_unary(g, from);
        from = g->last;
    }
    if (pick(g, 2))
        add_node(g, "add", NULL, body, from);
    else
        add_node(g, "add", NULL, from, body);
}

// A number for each map, or a row or a column, made of the maps: the maps times it, or it added to all rows. At times
// the maps are a body with layers of its own, or what is made of them is read twice.
static void add_broadcast(graph *g) {
    const int maps = g->last;
    if (pick(g, 2)) {
        add_node(g, "globalavgpool", NULL, maps, maps);
        add_node(g, pick(g, 2) ? "sigmoid" : "softmax", NULL, g->last, g->last);
    } else {
        add_node(g, "mean", pick(g, 2) ? "{over: rows}" : "{over: columns}", maps, maps);
    }
    const int small = g->last;
    int body = maps;
    if (pick(g, 2)) {
        add_unary(g, maps);
        body = g->last;
    }
    add_node(g, pick(g, 2) ? "scale" : "add", NULL, body, small);
    if (pick(g, 2)) add_node(g, pick(g, 2) ? "scale" : "add", NULL, g->last, small);
}

// Some of the channels beside all of them.
static void add_concat(graph *g) {
    const int maps = g->last;
    if (shape_of(g, maps).c > 20) return;
    add_node(g, "split", "{first: 0, count: 1}", maps, maps);
    if (pick(g, 2))
        add_node(g, "concat", NULL, maps, g->last);
    else
        add_node(g, "concat", NULL, g->last, maps);
}

// Convolutions with norms between them, which do the norms' work.
static void add_normed(graph *g) {
    static const char *const convs[] = {"{out: 3, kernel: 3, padding: 1}", "{out: 2, kernel: 1, bias: false}",
                                        "{out: channels, kernel: 3, padding: 1, groups: channels}",
                                        "{out: 4, kernel: [3, 1], padding: same, stride: [1, 2]}"};
    static const char *const between[] = {"relu", "relu6", "tanh"};
    for (int n = 2 + pick(g, 2); n > 0; n--) {
        add_node(g, "conv2d", convs[pick(g, CV_COUNT(convs))], g->last, g->last);
        if (n == 1 && pick(g, 2)) break;
        add_node(g, "batchnorm", pick(g, 4) ? NULL : "{affine: false}", g->last, g->last);
        const int k = pick(g, 4);
        if (k < 3) add_node(g, between[k], NULL, g->last, g->last);
    }
}

static void add_random(graph *g) {
    const cv_shape s = shape_of(g, g->last);
    char options[64];
    switch (pick(g, 12)) {
    case 0:
        snprintf(options, sizeof options, "{out: %d, kernel: 3, padding: 1}", 1 + pick(g, pick(g, 4) ? 4 : 40));
        add_node(g, "conv2d", options, g->last, g->last);
        break;
    case 1:
        if (s.h < 3 || s.w < 3) break;
        if (pick(g, 2)) add_node(g, "relu", NULL, g->last, g->last); // trades places with a maximum
        add_node(g, pick(g, 2) ? "maxpool2d" : "avgpool2d", pick(g, 2) ? "{kernel: 2, stride: 1}" : "{kernel: 2}",
                 g->last, g->last);
        break;
    case 2:
    case 3:
    case 4: add_residual(g); break;
    case 8: add_broadcast(g); break;
    case 9: add_concat(g); break;
    case 11: add_normed(g); break;
    default: add_unary(g, g->last);
    }
}

static graph make_graph(const cv_isa *isa, uint32_t stream) {
    static const char *const losses[] = {"cross_entropy", "mse", NULL};
    graph g = {.stream = stream, .last = -1};
    convo_error err = {0};
    cv_random random;
    const cv_shape input = {3, 1 + pick(&g, 3), 3 + pick(&g, 4), 3 + pick(&g, 4)};
    must(cv_net_new(isa, input, &g.net, &err), &err);
    for (int steps = 3 + pick(&g, 10); steps > 0; steps--) add_random(&g);
    if (g.last < 0 || pick(&g, 4)) {
        add_node(&g, "flatten", NULL, g.last, g.last);
        add_node(&g, "linear", "{out: 3}", g.last, g.last);
        const char *loss = losses[pick(&g, CV_COUNT(losses))];
        if (loss) g.loss = cv_op_find(isa, loss);
        if (loss) g.loss_config = op_options(g.loss, NULL);
    }
    must(cv_net_finish(g.net, &err), &err);
    cv_random_seed(&random, stream);
    must(cv_net_init(g.net, &random, &err), &err);
    return g;
}

// --- the same, one by one -----------------------------------------------------------------------------------------

typedef struct reference {
    const graph *graph;
    drive input, node[MAX_NODES], loss; // of input only y and dy count
    bool reached[MAX_NODES + 1];        // by a gradient; the input is the last
    int count;
    bool any_size; // steps may be joint
} reference;

static size_t batch_bytes(const drive *d, cv_shape s) {
    return (size_t)d->blocks * (size_t)cv_shape_size(s) * (size_t)d->isa->lanes * d->isa->real;
}

static void reference_new(reference *r, const graph *g, int count) {
    const cv_net *net = g->net;
    *r = (reference){.graph = g, .count = count};
    assert_in_range(net->nodes, 1, MAX_NODES);
    r->input = drive_new(net->isa, cv_op_find(net->isa, "relu"), NULL, net->input, count);
    for (int i = 0; i < net->nodes; i++) {
        const cv_node *n = &net->node[i];
        r->node[i] = drive_joining(net->isa, n->op, n->config, n->in, n->in1, count);
        r->node[i].apart = true;
        for (int t = 0; t < n->tensors; t++) {
            const cv_net_tensor *s = &net->tensor[n->tensor + t];
            memcpy(r->node[i].tensor[t], (const float *)net->values + s->offset, s->size * sizeof(float));
        }
    }
    if (g->loss) r->loss = drive_new(net->isa, g->loss, g->loss_config.bytes, cv_net_output(net), count);
}

static void reference_free(reference *r) {
    drive_free(&r->input);
    for (int i = 0; i < r->graph->net->nodes; i++) drive_free(&r->node[i]);
    if (r->graph->loss) drive_free(&r->loss);
}

static drive *value_of(reference *r, int node) {
    return node < 0 ? &r->input : &r->node[node];
}

static void reference_forward(reference *r, bool training) {
    const cv_net *net = r->graph->net;
    for (int i = 0; i < net->nodes; i++) {
        for (int k = 0; k < r->node[i].inputs; k++)
            memcpy(r->node[i].x[k], value_of(r, net->node[i].input[k])->y,
                   batch_bytes(&r->input, drive_shape(&r->node[i], k)));
        drive_forward(&r->node[i], training);
    }
    if (!r->graph->loss) return;
    memcpy(r->loss.x[0], r->node[net->nodes - 1].y, batch_bytes(&r->input, r->loss.in));
    drive_forward(&r->loss, training);
}

// The first gradient to reach a value is copied, the others are added, last node first: the order of the plan.
static void send_gradient(reference *r, int to, const void *gradient) {
    drive *d = value_of(r, to);
    bool *reached = &r->reached[to < 0 ? MAX_NODES : to];
    if (*reached)
        d->isa->add(d->dy, gradient, (int64_t)d->blocks * cv_shape_size(d->out));
    else
        memcpy(d->dy, gradient, batch_bytes(d, d->out));
    *reached = true;
}

static void reference_backward(reference *r, const double *output_gradient) {
    const cv_net *net = r->graph->net;
    drive *last = &r->node[net->nodes - 1];
    memset(r->reached, 0, sizeof r->reached);
    if (r->graph->loss) {
        drive_backward(&r->loss);
        send_gradient(r, net->nodes - 1, r->loss.dx[0]);
    } else {
        drive_put(last, last->dy, cv_shape_size(last->out), output_gradient, true);
    }
    for (int i = net->nodes - 1; i >= 0; i--) {
        drive_backward(&r->node[i]);
        for (int k = 0; k < r->node[i].inputs; k++) send_gradient(r, net->node[i].input[k], r->node[i].dx[k]);
    }
}

// --- compared -----------------------------------------------------------------------------------------------------

static char described[1600];

static const char *describe(const graph *g, int count, unsigned flags) {
    snprintf(described, sizeof described, "%s, net %u, batch %d, flags %u:", g->net->isa->name, g->stream, count,
             flags);
    for (int i = 0; i < g->net->nodes; i++) {
        const cv_node *n = &g->net->node[i];
        cv_append(described, sizeof described, " %d=%s(%d", i, n->op->name, n->input[0]);
        if (n->op->inputs == 2) cv_append(described, sizeof described, ",%d", n->input[1]);
        cv_append(described, sizeof described, ")");
    }
    if (g->loss) cv_append(described, sizeof described, " %s", g->loss->name);
    return described;
}

static void check_rows(const char *where, const char *what, const drive *d, const void *lanes, cv_shape s,
                       const float *got) {
    const size_t n = (size_t)(d->count * cv_shape_size(s));
    double *rows = test_memory(n, sizeof *rows);
    drive_take(d, lanes, cv_shape_size(s), rows);
    for (size_t i = 0; i < n; i++)
        if ((double)got[i] != rows[i])
            fail_msg("%s: %s[%zu] is %.9g, one by one %.9g", where, what, i, (double)got[i], rows[i]);
    free(rows);
}

static void check_floats(const char *where, const char *what, const float *got, const float *want, size_t n) {
    for (size_t i = 0; i < n; i++)
        if (got[i] != want[i])
            fail_msg("%s: %s[%zu] is %.9g, one by one %.9g", where, what, i, (double)got[i], (double)want[i]);
}

// The sum of numbers `apart` from each other: that of the largest power of two of them that leaves some, plus the rest.
static float tree_sum(const float *x, size_t apart, int count) {
    int half = 1;
    if (count == 1) return *x;
    while (2 * half < count) half *= 2;
    return tree_sum(x, apart, half) + tree_sum(x + (size_t)half * apart, apart, count - half);
}

// The gradient of a tensor: of every block, which here is a shard of its own, added up in a tree. A joint gradient is
// one sum over all blocks, and rounded elsewhere.
static void check_gradient(const char *where, const cv_net_tensor *s, const float *of_blocks, int blocks, bool joint,
                           const cv_runner *runner) {
    float *want = test_memory(s->size, sizeof *want), *got = test_memory(s->size, sizeof *got);
    for (size_t i = 0; i < s->size; i++) {
        float most = 0;
        want[i] = tree_sum(of_blocks + i, s->size, blocks);
        for (int b = 0; b < blocks; b++) most = fmaxf(most, fabsf(of_blocks[(size_t)b * s->size + i]));
        got[i] = *(const float *)cv_runner_gradient(runner, s->offset + i, 1, &got[i]);
        if (joint && fabsf(got[i] - want[i]) <= 1e-5f * most + 1e-8f) got[i] = want[i];
    }
    check_floats(where, s->name, got, want, s->size);
    free(want);
    free(got);
}

// Parameters, running statistics and gradients.
static void check_tensors(const char *where, const reference *r, cv_runner *runner) {
    const cv_net *net = r->graph->net;
    for (int i = 0; i < net->nodes; i++)
        for (int t = 0; t < net->node[i].tensors; t++) {
            const cv_net_tensor *s = &net->tensor[net->node[i].tensor + t];
            const drive *d = &r->node[i];
            check_floats(where, s->name, (const float *)net->values + s->offset, d->tensor[t], s->size);
            if (d->grad[t])
                check_gradient(where, s, d->grad[t], d->blocks, r->any_size && net->node[i].op->in_parts, runner);
        }
}

typedef struct arrays {
    float *values, *output_gradient, *input_gradient, *output, *loss;
    double *wide; // the output gradient
    int32_t *index, *label;
} arrays;

static void fill_batch(const arrays *a, reference *r, uint32_t stream) {
    const int64_t in = cv_shape_size(r->graph->net->input), out = cv_shape_size(cv_net_output(r->graph->net));
    double *rows = test_memory((size_t)(r->count * in), sizeof *rows);
    for (int64_t i = 0; i < r->count * in; i++) rows[i] = (double)(a->values[i] = made_up(stream, (uint32_t)i));
    for (int64_t i = 0; i < r->count * out; i++)
        a->wide[i] = (double)(a->output_gradient[i] = made_up(stream + 1, (uint32_t)i));
    for (int i = 0; i < r->count; i++) {
        a->index[i] = i;
        a->label[i] = made_up_class(stream + 2, (uint32_t)i, 3);
    }
    drive_put(&r->input, r->input.y, in, rows, false);
    if (r->graph->loss)
        for (int i = 0; i < r->loss.blocks * r->loss.isa->lanes; i++)
            r->loss.label[i] = a->label[i < r->count ? i : r->count - 1];
    free(rows);
}

static void compare_pass(const char *where, const arrays *a, reference *r, cv_runner *train, cv_runner *infer,
                         uint32_t stream) {
    const cv_net *net = r->graph->net;
    const drive *last = &r->node[net->nodes - 1];
    const bool loss = r->graph->loss != NULL;
    const cv_batch batch = {.values = CV_FLOATS(a->values),
                            .index = a->index,
                            .label = a->label,
                            .count = r->count,
                            .output_gradient = loss ? NULL : a->output_gradient,
                            .input_gradient = a->input_gradient};
    cv_random random, again;
    fill_batch(a, r, stream);
    cv_random_seed(&random, stream);
    again = random;
    for (int k = 0; k < net->nodes; k++) // the runner draws in the order of its plan
        drive_draw(&r->node[atoi(cv_runner_node(train, k)->path)], &again);
    reference_forward(r, true);
    reference_backward(r, a->wide);
    cv_runner_train(train, &batch, &random, a->output, a->loss);
    check_rows(where, "output", last, last->y, last->out, a->output);
    if (loss) check_rows(where, "loss", &r->loss, r->loss.y, r->loss.out, a->loss);
    if (a->input_gradient) check_rows(where, "input gradient", &r->input, r->input.dy, net->input, a->input_gradient);
    check_tensors(where, r, train);
    reference_forward(r, false);
    cv_runner_forward(infer, &batch, a->output, a->loss);
    check_rows(where, "output for inference", last, last->y, last->out, a->output);
    if (loss) check_rows(where, "loss for inference", &r->loss, r->loss.y, r->loss.out, a->loss);
}

// a->output: what the runner for inference gave.
static void compare_alone(const char *where, const arrays *a, const graph *g, int count) {
    const size_t n = (size_t)count * (size_t)cv_shape_size(cv_net_output(g->net));
    float *alone = test_memory(n, sizeof *alone);
    double largest = 0;
    assert_true(has_single_form(g->net));
    forward_alone(g->net, a->values, count, alone);
    for (size_t i = 0; i < n; i++) largest = fmax(largest, fabs((double)a->output[i]));
    for (size_t i = 0; i < n; i++)
        if (!(fabs((double)alone[i] - (double)a->output[i]) <= 1e-6 + 1e-5 * largest))
            fail_msg("%s: output[%zu] is %.9g alone, %.9g in a batch", where, i, (double)alone[i],
                     (double)a->output[i]);
    free(alone);
}

static void check_graph(const cv_isa *isa, uint32_t stream, cv_pool *pool) {
    graph g = make_graph(isa, stream);
    const size_t in = (size_t)cv_shape_size(g.net->input), out = (size_t)cv_shape_size(cv_net_output(g.net));
    const int count = 1 + pick(&g, 8 * isa->lanes); // at most 8 blocks, each a shard
    const size_t n = (size_t)count;
    const bool input_gradient = pick(&g, 2) || g.net->parameters == 0;
    const unsigned flags = CV_TRAINING | (input_gradient ? CV_INPUT_GRADIENT : 0u) | (pick(&g, 2) ? CV_ANY_SIZE : 0u);
    const char *where = describe(&g, count, flags);
    cv_runner *train, *infer;
    reference r;
    convo_error err = {0};
    reference_new(&r, &g, count);
    r.any_size = flags & CV_ANY_SIZE;
    must(cv_runner_new(g.net, g.loss, g.loss_config.bytes, count, flags, pool, &train, &err), &err);
    must(cv_runner_new(g.net, g.loss, g.loss_config.bytes, count, flags & CV_ANY_SIZE, pool, &infer, &err), &err);
    arrays a = {test_memory(n * in, 4),  test_memory(n * out, 4), input_gradient ? test_memory(n * in, 4) : NULL,
                test_memory(n * out, 4), test_memory(n, 4),       test_memory(n * out, 8),
                test_memory(n, 4),       test_memory(n, 4)};
    for (uint32_t pass = 0; pass < 2; pass++) compare_pass(where, &a, &r, train, infer, 1000 * stream + 10 * pass);
    compare_alone(where, &a, &g, count < 3 ? count : 3);
    free(a.values);
    free(a.output_gradient);
    free(a.input_gradient);
    free(a.output);
    free(a.loss);
    free(a.wide);
    free(a.index);
    free(a.label);
    cv_runner_free(train);
    cv_runner_free(infer);
    reference_free(&r);
    cv_net_free(g.net);
}

static void look_away(void *watcher, int count, int task, int64_t began, int64_t ended) {
    (void)watcher, (void)count, (void)task, (void)began, (void)ended;
}

// With more threads than blocks, planned for and not run, passes go in parts.
static void shared_memory_does_not_change_a_bit(void **state) {
    (void)state;
    cv_pool *pool[3] = {make_pool(2), NULL, NULL};
    must(cv_pool_new_watched(&pool[1], 7, look_away, NULL, NULL), NULL);
    must(cv_pool_new_watched(&pool[2], 40, look_away, NULL, NULL), NULL);
    for (size_t k = 0; isa_at(k); k++)
        for (uint32_t stream = 1; stream <= GRAPHS; stream++) check_graph(isa_at(k), stream, pool[stream % 3]);
    for (int p = 0; p < 3; p++) cv_pool_free(pool[p]);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(shared_memory_does_not_change_a_bit)};
    return cmocka_run_group_tests_name("plan", tests, NULL, NULL);
}

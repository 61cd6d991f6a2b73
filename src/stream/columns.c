#include "stream/columns.h"

#include "base/cpu.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

// The last `keep` columns of a value, for a node that reads the first `used` of them.
typedef struct memory {
    int from;            // node, -1: the features
    cv_reach reach;      // keep 0: it reads all that there is, as it comes
    size_t outer, inner; // the value is [outer][columns][inner] numbers
    size_t fresh;        // columns that come with every window
    size_t period;
    float *kept; // [period][outer][keep][inner]
    float *read; // [outer][used][inner], where some are not read
} memory;

typedef struct column_step {
    cv_pass pass;
    const cv_op *op;
    void *config;
    bool flows;
    int64_t carried; // columns that come with every window, if it keeps its state; else 0
    size_t state;    // bytes of it
    memory input[CV_MAX_INPUTS];
    int inputs;
} column_step;

struct cv_columns {
    const convo_model *model;
    cv_layout *layout; // of the net; NULL: only the front end computes what is new
    cv_net *folded, *single;
    column_step *step;
    cv_front *front; // computes the new frames
    size_t first;    // sample of a window that they begin with
    void *work;
    cv_normal normal; // of the new frames
    float *fresh;     // their features
    memory features;  // all of them, where the net does not flow
    cv_shape fresh_shape;
};

static void free_memory(memory *m) {
    free(m->kept);
    free(m->read);
}

void cv_columns_free(cv_columns *c) {
    if (!c) return;
    for (int i = 0; c->step && i < c->single->nodes; i++) {
        column_step *s = &c->step[i];
        for (int k = 0; k < s->inputs; k++) free_memory(&s->input[k]);
        free(s->pass.y);
        free(s->pass.scratch[0]);
        free(s->pass.state);
        free(s->config);
    }
    free(c->step);
    free_memory(&c->features);
    cv_net_free(c->single);
    cv_net_free(c->folded);
    cv_layout_free(c->layout);
    cv_front_free(c->front);
    cv_normal_free(&c->normal);
    free(c->work);
    free(c->fresh);
    free(c);
}

// --- what is kept -------------------------------------------------------------------------------------------------

static size_t memory_size(const memory *m, int64_t columns) {
    return m->outer * (size_t)columns * m->inner;
}

// flow, shape: of the value. unit: numbers per pixel.
static bool new_memory(memory *m, int from, const cv_flow *flow, cv_shape shape, int64_t unit, cv_reach reach) {
    *m = (memory){.from = from, .fresh = (size_t)flow->fresh, .period = (size_t)flow->period};
    if (!flow->flows || (reach.keep == flow->fresh && reach.used == flow->fresh)) return true; // as it comes
    m->reach = reach;
    m->outer = (size_t)(flow->along ? shape.c * shape.h : shape.c);
    m->inner = (size_t)(flow->along ? unit : shape.w * unit);
    m->kept = cv_alloc_aligned(m->period * memory_size(m, reach.keep), sizeof *m->kept);
    if (reach.used < reach.keep) m->read = cv_alloc_aligned(memory_size(m, reach.used), sizeof *m->read);
    return m->kept && (reach.used == reach.keep || m->read);
}

static void clear_memory(memory *m) {
    if (m->kept) memset(m->kept, 0, m->period * memory_size(m, m->reach.keep) * sizeof *m->kept);
}

static size_t phase_of(int64_t number, size_t period) {
    const int64_t rest = number % (int64_t)period;
    return (size_t)(rest < 0 ? rest + (int64_t)period : rest);
}

// Takes the new columns of window `number`; returns what is read then.
static const float *update(memory *m, int64_t number, const float *fresh) {
    if (!m->reach.keep) return fresh;
    const size_t keep = (size_t)m->reach.keep * m->inner, come = m->fresh * m->inner,
                 used = (size_t)m->reach.used * m->inner;
    float *kept = m->kept + phase_of(number, m->period) * m->outer * keep;
    for (size_t o = 0; o < m->outer; o++) {
        float *row = kept + o * keep;
        const float *from = fresh + o * come;
        if (come < keep) {
            memmove(row, row + come, (keep - come) * sizeof *row);
            memcpy(row + keep - come, from, come * sizeof *row);
        } else {
            memcpy(row, from + come - keep, keep * sizeof *row);
        }
        if (m->read) memcpy(m->read + o * used, row, used * sizeof *row);
    }
    return m->read ? m->read : kept;
}

// --- the front end ------------------------------------------------------------------------------------------------

cv_flow cv_features_flow(const cv_front *front, const cv_normal *normal) {
    const cv_shape shape = cv_front_shape(front);
    cv_flow flow = {.flows = true, .along = shape.dims == 3 ? 0 : 1};
    size_t hop = 0, reach = 0;
    flow.columns = cv_flow_columns(shape, flow.along);
    if (!cv_front_apart(front, &hop, &reach))
        flow.why = "a frame depends on where it lies in the window";
    else if (cv_normal_count(normal) > 1 && normal->dim[1 + flow.along] > 1)
        flow.why = "each frame of a window is normalised by itself";
    flow.step = (int64_t)hop;
    flow.flows = !flow.why;
    if (!flow.flows) flow.step = 1;
    return flow;
}

// The front end of the new frames, and how they are normalised.
static convo_status make_front(cv_columns *c, const cv_flow *flow, convo_error *err) {
    size_t hop, reach;
    cv_front_apart(c->model->front, &hop, &reach);
    c->first = (size_t)(flow->columns - flow->fresh) * hop;
    CV_TRY(cv_front_resize(c->model->front, (int64_t)((size_t)(flow->fresh - 1) * hop + reach), &c->front, err));
    c->fresh_shape = cv_front_shape(c->front);
    c->work = cv_alloc_aligned(cv_front_work(c->front) + 1, 1);
    c->fresh = cv_alloc_aligned((size_t)cv_shape_size(c->fresh_shape), sizeof *c->fresh);
    if (!c->work || !c->fresh || !cv_normal_copy(&c->model->normal, &c->normal)) return cv_no_memory(err, "a stream");
    c->normal.row[1] = (size_t)c->fresh_shape.h;
    c->normal.row[2] = (size_t)c->fresh_shape.w;
    return CONVO_OK;
}

static void compute_features(cv_columns *c, const float *window) {
    cv_front_compute_in(c->front, window + c->first, (size_t)cv_front_samples(c->front), c->work, c->fresh);
    cv_normal_apply(&c->normal, 0, (size_t)cv_shape_size(c->fresh_shape), c->fresh);
}

// --- the net ------------------------------------------------------------------------------------------------------

static int lanes_of_net(const cv_columns *c) {
    return c->single->isa->lanes;
}

// Whether the first layers read the features as they come.
static bool reads_plain(const cv_columns *c) {
    return c->single->input.dims == 1 && c->folded->input.dims > 1;
}

static cv_shape blocks_of_shape(const cv_columns *c, cv_shape s) {
    s.c = (s.c + lanes_of_net(c) - 1) / lanes_of_net(c);
    return s;
}

// The shape in channels of input k of node i as the step reads it; 2 stands for its output.
static cv_shape step_shape(const cv_columns *c, int i, int k) {
    const cv_node *n = &c->folded->node[i];
    const cv_flow *out = &c->layout->flow[i + 1];
    if (k == 2) return out->flows ? cv_flow_shape(n->out, out->along, out->fresh) : n->out;
    const cv_shape whole = cv_node_shape(n, k);
    const cv_flow *in = &c->layout->flow[n->input[k] + 1];
    return out->flows || out->carries ? cv_flow_shape(whole, in->along, c->layout->reach[i][k].used) : whole;
}

static bool make_inputs(cv_columns *c, int i) {
    const cv_node *n = &c->folded->node[i];
    column_step *s = &c->step[i];
    s->inputs = cv_node_inputs(n);
    for (int k = 0; k < s->inputs; k++) {
        const bool plain = n->input[k] < 0 && reads_plain(c);
        const cv_shape shape = plain ? cv_node_shape(n, k) : blocks_of_shape(c, cv_node_shape(n, k));
        if (!new_memory(&s->input[k], n->input[k], &c->layout->flow[n->input[k] + 1], shape,
                        plain ? 1 : lanes_of_net(c), c->layout->reach[i][k]))
            return false;
    }
    return true;
}

// The layer's own options, with the shapes of the step.
static bool make_config(cv_columns *c, int i) {
    const cv_node *n = &c->folded->node[i], *made = &c->single->node[i];
    column_step *s = &c->step[i];
    s->op = made->op;
    s->config = cv_alloc(1, made->op->config_size + 1);
    if (!s->config) return false;
    if (made->op->config_size) memcpy(s->config, made->config, made->op->config_size);
    if (!n->op->single) return true;
    cv_single *shapes = s->config;
    shapes->in = step_shape(c, i, 0);
    shapes->out = step_shape(c, i, 2);
    return true;
}

static convo_status make_step(cv_columns *c, int i, convo_error *err) {
    column_step *s = &c->step[i];
    const cv_node *made = &c->single->node[i];
    const size_t lane = (size_t)lanes_of_net(c) * sizeof(float);
    cv_shape in = step_shape(c, i, 0);
    if (made->input[0] < 0 && reads_plain(c)) in = (cv_shape){1, cv_shape_size(in), 1, 1};
    s->flows = c->layout->flow[i + 1].flows;
    if (!make_inputs(c, i) || !make_config(c, i)) return cv_no_memory(err, "a stream");
    s->pass = (cv_pass){.config = s->config,
                        .in = blocks_of_shape(c, in),
                        .in1 = s->inputs > 1 ? blocks_of_shape(c, step_shape(c, i, 1)) : (cv_shape){0},
                        .out = blocks_of_shape(c, step_shape(c, i, 2)),
                        .active = 1,
                        .share.blocks = 1};
    const size_t scratch = s->op->scratch ? s->op->scratch(s->config, s->pass.in, s->pass.out) : 0;
    s->pass.y = cv_alloc_aligned((size_t)cv_shape_size(s->pass.out), lane);
    s->pass.scratch[0] = cv_alloc_aligned(scratch + 1, lane);
    if (!s->pass.y || !s->pass.scratch[0]) return cv_no_memory(err, "a stream");
    cv_node_tensors(c->single, made, s->pass.tensor);
    if (!c->layout->flow[i + 1].carries || !s->op->state) return CONVO_OK;
    s->carried = c->layout->flow[i + 1].fresh;
    s->state = s->op->state(s->config) * lane;
    s->pass.state = cv_alloc_aligned(s->state, 1);
    return s->pass.state ? CONVO_OK : cv_no_memory(err, "a stream");
}

// The net for one example, and the same layers as they are.
static convo_status make_nets(cv_columns *c, convo_error *err) {
    CV_TRY(cv_net_single(c->model->net, &c->single, err));
    return c->single ? cv_net_fold(c->model->net, &c->folded, err) : CONVO_OK;
}

static convo_status make_steps(cv_columns *c, convo_error *err) {
    if (!(c->step = cv_alloc((size_t)c->single->nodes, sizeof *c->step))) return cv_no_memory(err, "a stream");
    for (int i = 0; i < c->single->nodes; i++) CV_TRY(make_step(c, i, err));
    return CONVO_OK;
}

// --- all of it ----------------------------------------------------------------------------------------------------

// A net none of whose layers flows is left to the predictor.
static convo_status open_columns(cv_columns *c, cv_flow *features, size_t hop, bool carry, convo_error *err) {
    bool flows = false;
    CV_TRY(make_front(c, features, err));
    CV_TRY(make_nets(c, err));
    if (c->single) CV_TRY(cv_layout_new(c->folded, features, (int64_t)hop, carry, &c->layout, err));
    for (int i = 0; c->single && i < c->folded->nodes; i++) flows = flows || c->layout->flow[i + 1].flows;
    if (flows) return make_steps(c, err);
    const cv_reach all = {features->columns, features->columns};
    if (!new_memory(&c->features, -1, features, cv_front_shape(c->model->front), 1, all))
        return cv_no_memory(err, "a stream");
    return CONVO_OK;
}

convo_status cv_columns_new(const convo_model *model, size_t hop, bool carry, cv_columns **columns, convo_error *err) {
    cv_flow features = cv_features_flow(model->front, &model->normal);
    *columns = NULL;
    cv_flow_settle(&features, (int64_t)hop);
    if (!features.flows) return CONVO_OK;
    cv_columns *c = cv_alloc(1, sizeof *c);
    if (!c) return cv_no_memory(err, "a stream");
    c->model = model;
    const convo_status status = open_columns(c, &features, hop, carry, err);
    if (status)
        cv_columns_free(c);
    else
        *columns = c;
    return status;
}

void cv_columns_clear(cv_columns *c) {
    clear_memory(&c->features);
    for (int i = 0; c->step && i < c->single->nodes; i++) {
        for (int k = 0; k < c->step[i].inputs; k++) clear_memory(&c->step[i].input[k]);
        if (c->step[i].carried) memset(c->step[i].pass.state, 0, c->step[i].state);
    }
}

// A state begins with the first columns that all belong to the stream; others with the first window.
static bool is_due(const cv_columns *c, int i, int64_t number) {
    const column_step *s = &c->step[i];
    if (!s->carried) return s->flows || number >= 0;
    const int from = c->folded->node[i].input[0];
    return (number - 1) * s->carried + c->layout->flow[from + 1].columns >= 0;
}

static void run_steps(cv_columns *c, int64_t number) {
    const unsigned setting = cv_cpu_flush_denormals();
    for (int i = 0; i < c->single->nodes; i++) {
        column_step *s = &c->step[i];
        for (int k = 0; k < s->inputs; k++)
            s->pass.x[k] =
                update(&s->input[k], number, s->input[k].from < 0 ? c->fresh : c->step[s->input[k].from].pass.y);
        if (is_due(c, i, number)) s->op->forward(&s->pass);
    }
    cv_cpu_restore(setting);
}

convo_status cv_columns_hear(cv_columns *c, const float *window, int64_t number, cv_predictor *predictor,
                             float *probabilities, convo_error *err) {
    const convo_model *model = c->model;
    compute_features(c, window);
    if (!c->step) {
        const float *all = update(&c->features, number, c->fresh);
        if (number < 0) return CONVO_OK;
        memcpy(predictor->features, all, (size_t)cv_shape_size(model->net->input) * sizeof *all);
        return cv_predictor_see(model, predictor, "", probabilities, err);
    }
    run_steps(c, number);
    if (number < 0) return CONVO_OK;
    const column_step *last = &c->step[c->single->nodes - 1];
    cv_single_unload(c->single, cv_net_output(model->net), last->pass.y, predictor->outputs);
    return cv_predictor_judge(model, predictor, "", probabilities, err);
}

// Attention as other programs write it out: softmax(q k' / sqrt(d)) v over heads, where q, k and v are linear layers of
// the same values, or parts of one. The operators in front have been read as layers by then; here the two products and
// the softmax become one layer, `attention`, that reads what those layers read. They are left without a reader.
#include "exchange/import.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

// --- where queries, keys and values come from -----------------------------------------------------------------------

// Channels first ... first + count - 1 of a linear layer's output, times a factor.
typedef struct part {
    const cv_node *linear;
    int64_t first, count;
    double factor;
} part;

static int64_t option_of(const cv_node *node, const char *name) {
    char text[64];
    cv_option_get(cv_option_find(node->op->schema, name), node->config, text, sizeof text);
    return strtoll(text, NULL, 10);
}

static const cv_net_tensor *tensor_named(const cv_import *d, const cv_node *node, const char *name) {
    for (int t = node->tensor; t < node->tensor + node->tensors; t++)
        if (!strcmp(d->net->tensor[t].spec.name, name)) return &d->net->tensor[t];
    return NULL;
}

// A batch norm that multiplies everything by one number (cv_import_scale).
static bool scales(const cv_import *d, const cv_node *node, double *factor) {
    const cv_net_tensor *weight = tensor_named(d, node, "weight"), *bias = tensor_named(d, node, "bias");
    if (strcmp(node->op->name, "batchnorm") != 0 || !weight || !weight->start || !bias || !bias->start) return false;
    for (size_t i = 0; i < weight->size; i++)
        if (weight->start[i] != weight->start[0] || bias->start[i] != 0) return false;
    *factor *= (double)weight->start[0];
    return true;
}

static bool is_linear(const cv_node *node) {
    return !strcmp(node->op->name, "conv1d") && option_of(node, "kernel") == 1 && option_of(node, "stride") == 1 &&
           option_of(node, "groups") == 1 && node->out.w == node->in.w;
}

static bool find_part(const cv_import *d, const cv_import_value *value, part *p) {
    *p = (part){.factor = 1};
    for (int i = value->node; i >= 0; i = d->net->node[i].input[0]) {
        const cv_node *node = &d->net->node[i];
        if (!p->count) p->count = node->out.c;
        const cv_net_tensor *weight = is_linear(node) ? tensor_named(d, node, "weight") : NULL;
        if (weight && weight->start) {
            p->linear = node;
            return true;
        }
        if (!strcmp(node->op->name, "split"))
            p->first += option_of(node, "first");
        else if (!scales(d, node, &p->factor))
            return false;
    }
    return false;
}

// --- how they lie -----------------------------------------------------------------------------------------------------

static bool is_run(const cv_import_view *v, int dim, int axis, int64_t size, int64_t step) {
    const int first = dim ? v->end[dim - 1] : 0;
    const cv_import_run *run = &v->run[first];
    if (size == 1) return v->end[dim] == first;
    return v->end[dim] == first + 1 && run->axis == axis && run->size == size && run->step == step;
}

// A tensor [examples and heads, columns, channels of a head]; turned: the last two are exchanged. Of one example the
// first may be left out.
static bool in_heads(const cv_import *d, const cv_import_view *v, bool turned, int64_t channels, int64_t columns,
                     int64_t heads) {
    const int last = v->dims - 1, lead = v->dims - 2;
    if (lead < 1 || !is_run(v, turned ? lead : last, 0, channels / heads, 1) ||
        !is_run(v, turned ? last : lead, 2, columns, 1))
        return false;
    int examples = 0, others = 0;
    for (int r = 0; r < v->end[lead - 1]; r++) {
        const cv_import_run *run = &v->run[r];
        if (run->axis == CV_IMPORT_EXAMPLES)
            examples++;
        else if (run->axis == 0 && run->size == heads && run->step == channels / heads)
            others++;
        else
            return false;
    }
    return (examples == 1 || cv_import_batch(d) == 1) && others == (heads > 1);
}

// Runs of examples and heads (in_heads) in the same order.
static bool same_front(const cv_import_view *a, const cv_import_view *b) {
    if (a->dims != b->dims) return false;
    for (int k = 0; k < a->dims - 2; k++)
        if (a->end[k] != b->end[k]) return false;
    for (int r = 0; r < a->end[a->dims - 3]; r++)
        if (a->run[r].axis != b->run[r].axis) return false;
    return true;
}

// --- the layer --------------------------------------------------------------------------------------------------------

// Rows of the input projection, [3 channels][channels], and its biases, [3 channels], NULL without. The layer multiplies
// scores by 1 / sqrt(channels of a head); factor: what the graph does beyond that, which goes into the queries.
static void fill_projection(const cv_import *d, const part of[3], int64_t channels, double factor, float *weight,
                            float *bias) {
    const size_t in = (size_t)channels;
    for (size_t k = 0; k < 3; k++) {
        const cv_net_tensor *w = tensor_named(d, of[k].linear, "weight"), *b = tensor_named(d, of[k].linear, "bias");
        const double scale = k == 0 ? factor : k == 1 ? 1 : of[k].factor;
        for (size_t i = 0; i < in; i++) {
            const size_t row = (size_t)of[k].first + i, to = k * in + i;
            for (size_t j = 0; j < in; j++) weight[to * in + j] = (float)(scale * (double)w->start[row * in + j]);
            if (bias) bias[to] = b && b->start ? (float)(scale * (double)b->start[row]) : 0;
        }
    }
}

static bool moves_only(const char *type) {
    static const char *const moves[] = {"Transpose", "Reshape", "Squeeze", "Unsqueeze", "Flatten", "Identity"};
    for (size_t k = 0; k < CV_COUNT(moves); k++)
        if (!strcmp(type, moves[k])) return true;
    return false;
}

// The product with constants that alone reads what the attention makes: its output projection. NULL: there is none.
static const cv_graph_node *find_projection(const cv_import *d, const cv_graph_node *n) {
    do n = cv_import_only_user(d, n->output[0]);
    while (n && n->outputs && moves_only(n->type));
    const bool product = n && (!strcmp(n->type, "MatMul") || !strcmp(n->type, "Gemm"));
    return product && cv_import_constant(d, n, 1) ? n : NULL;
}

static bool has_bias(const cv_import *d, const cv_graph_node *product) {
    const cv_graph_node *next = cv_import_only_reader(d, product->output[0]);
    if (!strcmp(product->type, "Gemm") && cv_import_has(product, 2)) return true;
    return next && !strcmp(next->type, "Add") && (cv_import_constant(d, next, 0) || cv_import_constant(d, next, 1));
}

static float *identity(size_t size) {
    float *values = cv_alloc(size * size, sizeof *values);
    for (size_t i = 0; values && i < size; i++) values[i * size + i] = 1;
    return values;
}

static convo_status add_attention(cv_import *d, const cv_graph_node *n, const part of[3], int64_t heads, double factor,
                                  const cv_import_view *view) {
    const cv_node linear = *of[0].linear;
    const size_t channels = (size_t)linear.in.c;
    bool biases = false;
    for (int k = 0; k < 3; k++) biases = biases || tensor_named(d, of[k].linear, "bias");
    const cv_graph_node *projection = find_projection(d, n);
    float *weight = cv_alloc(3 * channels * channels, sizeof *weight);
    float *bias = cv_alloc(3 * channels, sizeof *bias);
    if (!weight || !bias) {
        free(weight);
        free(bias);
        return cv_no_memory(d->err, d->path);
    }
    fill_projection(d, of, linear.in.c, factor, weight, biases ? bias : NULL);
    cv_setting s[3] = {{.name = "heads"}, {.name = "bias"}, {.name = "qkv_bias"}};
    cv_print(s[0].text, sizeof s[0].text, "%" PRId64, heads);
    cv_print(s[1].text, sizeof s[1].text, "%s", projection && has_bias(d, projection) ? "true" : "false");
    cv_print(s[2].text, sizeof s[2].text, "%s", biases ? "true" : "false");
    cv_import_value x = {.node = linear.input[0], .normal = d->used_normal};
    convo_status status = cv_import_fresh(d, n, "attention", s, 3, &x);
    if (!status) {
        status = cv_import_tensor(d, n, "in_proj_weight", weight, 3 * channels * channels);
        weight = NULL; // it was taken
    }
    if (!status && biases) {
        status = cv_import_tensor(d, n, "in_proj_bias", bias, 3 * channels);
        bias = NULL;
    }
    free(weight);
    free(bias);
    if (!status) status = cv_import_tensor(d, n, "out_proj.weight", identity(channels), channels * channels);
    if (status) return status;
    d->projection = projection;
    d->projected = x.node;
    x.view = *view;
    return cv_import_name(d, &x, n->output[0]);
}

// softmax(q k') v is complete.
static convo_status close_scores(cv_import *d, const cv_graph_node *n, const cv_import_scores *s,
                                 const cv_import_value *v) {
    const cv_import_value *const value[3] = {&s->q, &s->k, v};
    part of[3];
    for (int k = 0; k < 3; k++)
        if (!find_part(d, value[k], &of[k]))
            return cv_import_refuse(d, n, "multiplies values that are not queries, keys and values of attention: "
                                          "linear layers of the same columns");
    const cv_node *from = of[0].linear;
    const int64_t channels = from->in.c, head = cv_import_size(&s->q.view, s->q.view.dims - 1),
                  heads = head > 0 && channels % head == 0 ? channels / head : 0;
    bool fits = heads > 0;
    for (int k = 0; fits && k < 3; k++)
        fits = of[k].linear->input[0] == from->input[0] && of[k].count == channels &&
               in_heads(d, &value[k]->view, k == 1, channels, from->in.w, heads) &&
               same_front(&s->q.view, &value[k]->view);
    if (!fits)
        return cv_import_refuse(d, n, "is attention of a kind that convo does not have: self-attention with as many "
                                      "channels in all heads as it reads, without a mask");
    return add_attention(d, n, of, heads, of[0].factor * of[1].factor * s->factor * sqrt((double)head), &v->view);
}

// --- scores -----------------------------------------------------------------------------------------------------------

static convo_status add_scores(cv_import *d, const char *name, const cv_import_scores *scores) {
    const cv_import_value value = {
        .name = name, .kind = CV_IMPORT_PRODUCT, .view = {.dims = scores->q.view.dims}, .scores = d->all_scores};
    if (!cv_grow(&d->scores, &d->score_room, d->all_scores + 1, sizeof *d->scores))
        return cv_no_memory(d->err, d->path);
    d->scores[d->all_scores++] = *scores;
    return cv_import_add(d, &value);
}

static const cv_import_value *scores_of(const cv_import *d, const cv_graph_node *n, size_t input) {
    const cv_import_value *v = input < n->inputs ? cv_import_find(d, n->input[input]) : NULL;
    return v && v->kind == CV_IMPORT_PRODUCT ? v : NULL;
}

static convo_status go_on(cv_import *d, const cv_graph_node *n, size_t at, cv_import_scores s) {
    const int dims = s.q.view.dims;
    double number;
    cv_import_value v;
    if (!strcmp(n->type, "MatMul") && at == 0 && s.soft) {
        CV_TRY(cv_import_input(d, n, 1, false, &v));
        return close_scores(d, n, &s, &v);
    }
    if (!strcmp(n->type, "Softmax") && !s.soft) {
        const int64_t axis = cv_import_whole(n, "axis", d->graph->opset < 13 ? 1 : -1);
        s.soft = cv_import_axis(axis, dims) == dims - 1;
        if (s.soft) return add_scores(d, n->output[0], &s);
    }
    const bool times = !strcmp(n->type, "Mul"), over = !strcmp(n->type, "Div") && at == 0;
    if ((times || over) && !s.soft && cv_import_scalar(d, n, 1 - at, &number)) {
        s.factor *= times ? number : 1 / number;
        return add_scores(d, n->output[0], &s);
    }
    if (!strcmp(n->type, "Identity") || !strcmp(n->type, "Cast")) return add_scores(d, n->output[0], &s);
    return cv_import_refuse(d, n, "reads a product of two values: convo has such products in attention only, "
                                  "softmax(q k') v without a mask");
}

convo_status cv_import_attention(cv_import *d, const cv_graph_node *n, bool *done) {
    *done = true;
    for (size_t at = 0; at < 2; at++) {
        const cv_import_value *v = scores_of(d, n, at);
        if (v) return go_on(d, n, at, d->scores[v->scores]);
    }
    *done = !strcmp(n->type, "MatMul") && n->inputs == 2 && !cv_import_constant(d, n, 0) && !cv_import_constant(d, n, 1);
    if (!*done) return CONVO_OK;
    cv_import_scores s = {.factor = 1};
    CV_TRY(cv_import_input(d, n, 0, false, &s.q));
    CV_TRY(cv_import_input(d, n, 1, false, &s.k));
    if (s.q.view.dims < 3) return cv_import_refuse(d, n, "multiplies examples");
    return add_scores(d, n->output[0], &s);
}

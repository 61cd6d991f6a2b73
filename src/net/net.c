#include "net/net.h"

#include "base/limits.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

convo_status cv_net_new(const cv_isa *isa, cv_shape input, cv_net **out, convo_error *err) {
    cv_net *net = cv_alloc(1, sizeof *net);
    if (!net) return cv_no_memory(err, "a net");
    net->isa = isa;
    net->input = input;
    *out = net;
    return CONVO_OK;
}

void cv_net_free(cv_net *net) {
    if (!net) return;
    for (int i = 0; i < net->nodes; i++) free(net->node[i].config);
    for (int t = 0; t < net->tensors; t++) free(net->tensor[t].start);
    free(net->node);
    free(net->tensor);
    free(net->values);
    free(net);
}

void cv_node_tensors(const cv_net *net, const cv_node *node, void *tensor[CV_MAX_TENSORS]) {
    for (int t = 0; t < CV_MAX_TENSORS; t++)
        tensor[t] =
            t < node->tensors ? (char *)net->values + net->tensor[node->tensor + t].offset * net->isa->real : NULL;
}

cv_shape cv_net_output(const cv_net *net) {
    return net->nodes ? net->node[net->nodes - 1].out : net->input;
}

// No size is 0, and one example has at most CV_LIMIT_MAP values; divided, so that no product overflows.
static bool size_fits(cv_shape s) {
    return s.c > 0 && s.h > 0 && s.w > 0 && s.c <= CV_LIMIT_MAP && s.h <= CV_LIMIT_MAP / s.c &&
           s.w <= CV_LIMIT_MAP / (s.c * s.h);
}

// Numbers of a tensor; false: more than `most`.
static bool tensor_size(const cv_tensor *t, size_t most, size_t *size) {
    *size = 1;
    for (int d = 0; d < t->dims; d++)
        if (!cv_mul(*size, (size_t)t->dim[d], size)) return false;
    return *size <= most;
}

static convo_status add_tensors(cv_net *net, cv_node *node, convo_error *err) {
    cv_tensor spec[CV_MAX_TENSORS];
    node->tensor = net->tensors;
    node->tensors = node->op->tensors ? node->op->tensors(node->config, node->in, spec) : 0;
    if (!cv_grow(&net->tensor, &net->tensor_capacity, (size_t)(net->tensors + node->tensors), sizeof *net->tensor))
        return cv_no_memory(err, "the parameters' names");
    for (int k = 0; k < node->tensors; k++) {
        cv_net_tensor *t = &net->tensor[net->tensors];
        *t = (cv_net_tensor){.spec = spec[k]};
        if (!tensor_size(&spec[k], CV_LIMIT_PARAMETERS - net->total, &t->size))
            return cv_fail(err, CONVO_LIMIT, node->where,
                           "with the %ss of layer %s, the net has more than %d parameters", spec[k].name, node->path,
                           CV_LIMIT_PARAMETERS);
        cv_print(t->name, sizeof t->name, "%s.%s", node->path, spec[k].name);
        net->total += t->size;
        net->tensors++;
    }
    return CONVO_OK;
}

static convo_status refuse_dims(const cv_node *node, const char *shape, convo_error *err) {
    static const char *const wants[] = {"", "a vector", "channels x length", "channels x height x width"};
    const int is = node->in.dims, expected = node->op->dims;
    const char *advice = expected == 1 ? "; add a flatten layer before it"
                         : is == 3     ? "; use a layer whose name ends in 2d"
                         : is == 2     ? "; use a layer whose name ends in 1d"
                                       : "";
    return cv_fail(err, CONVO_SHAPE, node->where, "layer %s: %s needs %s, but its input is %s%s", node->path,
                   node->op->name, wants[expected], shape, advice);
}

// Shape rules that hold for every op, then the op's own.
static convo_status infer(const cv_net *net, cv_node *node, convo_error *err) {
    const cv_op *op = node->op;
    cv_shape in[CV_MAX_INPUTS] = {{0}};
    char why[256] = "", shape[48];
    for (int k = 0; k < (op->inputs ? op->inputs : 1); k++)
        in[k] = node->input[k] < 0 ? net->input : net->node[node->input[k]].out;
    node->in = node->out = in[0];
    node->in1 = in[1];
    // NOLINTNEXTLINE(*CallAndMessage): inputs is 0 (one) or the number of them
    cv_shape_text(in[0], shape, sizeof shape);
    if (op->dims && in[0].dims != op->dims) return refuse_dims(node, shape, err);
    if (op->infer && !op->infer(node->config, in, &node->out, why, sizeof why))
        return cv_fail(err, CONVO_SHAPE, node->where, "layer %s: %s", node->path, why);
    if (!size_fits(node->out))
        return cv_fail(err, CONVO_LIMIT, node->where, "layer %s: the output of %s exceeds 2^28 values per example",
                       node->path, op->name);
    return CONVO_OK;
}

convo_status cv_net_add(cv_net *net, const cv_op *op, const void *config, const int *input, const char *path,
                        const char *where, convo_error *err) {
    if (!size_fits(net->input))
        return cv_fail(err, CONVO_LIMIT, where, "the network's input has more than 2^28 values");
    if (!cv_grow(&net->node, &net->node_capacity, (size_t)net->nodes + 1, sizeof *net->node))
        return cv_no_memory(err, "a layer");
    cv_node *node = &net->node[net->nodes];
    *node = (cv_node){.op = op, .config = cv_alloc(1, op->config_size ? op->config_size : 1)};
    if (!node->config) return cv_no_memory(err, "a layer");
    net->nodes++;
    if (op->config_size) memcpy(node->config, config, op->config_size);
    memcpy(node->input, input, sizeof *input * (size_t)(op->inputs ? op->inputs : 1));
    cv_print(node->path, sizeof node->path, "%s", path);
    cv_print(node->where, sizeof node->where, "%s", where);
    CV_TRY(infer(net, node, err));
    return add_tensors(net, node, err);
}

// The trained tensors first, then the buffers, each from a cache line on.
enum { LINE = 64 / sizeof(float) };

void cv_net_lay_out(cv_net *net) {
    size_t at = 0;
    net->parameters = 0;
    for (int pass = 0; pass < 2; pass++) {
        for (int t = 0; t < net->tensors; t++) {
            cv_net_tensor *tensor = &net->tensor[t];
            if (tensor->spec.buffer != (pass == 1)) continue;
            tensor->offset = at;
            at += (tensor->size + LINE - 1) / LINE * LINE;
            if (pass == 0) net->parameters += (int64_t)tensor->size;
        }
        if (pass == 0) net->trained = at;
    }
    net->total = at;
}

convo_status cv_net_finish(cv_net *net, convo_error *err) {
    cv_net_lay_out(net);
    net->values = cv_alloc_aligned(net->total + LINE, net->isa->real);
    return net->values ? CONVO_OK : cv_no_memory(err, "the parameters");
}

void cv_net_read(const cv_net *net, int t, float *out) {
    const cv_net_tensor *tensor = &net->tensor[t];
    for (size_t i = 0; i < tensor->size; i++)
        out[i] = net->isa->real == sizeof(float) ? ((const float *)net->values)[tensor->offset + i]
                                                 : (float)((const double *)net->values)[tensor->offset + i];
}

static void write_one(cv_net *net, size_t at, float value) {
    if (net->isa->real == sizeof(float))
        ((float *)net->values)[at] = value;
    else
        ((double *)net->values)[at] = (double)value;
}

void cv_net_write(cv_net *net, int t, const float *values) {
    for (size_t i = 0; i < net->tensor[t].size; i++) write_one(net, net->tensor[t].offset + i, values[i]);
}

// torch.nn.init.kaiming_uniform_(a=sqrt(5)) and uniform_(+-1/sqrt(fan_in)): the same number but for the rounding, which
// is why the two are computed as PyTorch computes them.
static float bound_of(const cv_tensor *spec) {
    if (spec->fan_in == 0) return 0;
    const double fan_in = (double)spec->fan_in;
    if (spec->init == CV_INIT_XAVIER) return (float)(sqrt(3.0) * sqrt(2.0 / fan_in));
    if (spec->init == CV_INIT_KAIMING) return (float)(sqrt(3.0) * (sqrt(2.0 / (1 + 5)) / sqrt(fan_in)));
    return (float)(1 / sqrt(fan_in));
}

void cv_net_start(cv_net *net, int t, enum cv_init init) {
    net->tensor[t].spec.init = init;
    net->tensor[t].spec.std = 0;
}

void cv_net_fill(cv_net *net, int t, float value) {
    net->tensor[t].filled = true;
    net->tensor[t].fill = value;
}

convo_status cv_net_start_with(cv_net *net, int t, const float *values, convo_error *err) {
    cv_net_tensor *tensor = &net->tensor[t];
    if (!tensor->start) tensor->start = cv_alloc(tensor->size, sizeof *values);
    if (!tensor->start) return cv_no_memory(err, tensor->name);
    memcpy(tensor->start, values, tensor->size * sizeof *values);
    return CONVO_OK;
}

static void draw(const cv_net_tensor *tensor, cv_random *random, float *values) {
    const float bound = bound_of(&tensor->spec);
    switch (tensor->spec.init) {
    case CV_INIT_KAIMING:
    case CV_INIT_XAVIER:
    case CV_INIT_UNIFORM:
        for (size_t i = 0; i < tensor->size; i++) values[i] = cv_random_uniform(random, -bound, bound);
        break;
    case CV_INIT_DRAWN_ZERO:
        for (size_t i = 0; i < tensor->size; i++) (void)cv_random_uniform(random, -bound, bound);
        break;
    case CV_INIT_NORMAL:
        cv_random_normal(random, 0, tensor->spec.std > 0 ? tensor->spec.std : 1, values, tensor->size);
        break;
    case CV_INIT_FILL:
        for (size_t i = 0; i < tensor->size; i++) values[i] = tensor->spec.fill;
        break;
    case CV_INIT_ONE:
        for (size_t i = 0; i < tensor->size; i++) values[i] = 1;
        break;
    case CV_INIT_ZERO: break;
    }
}

// As PyTorch does, the default is drawn also of what then starts otherwise.
convo_status cv_net_init(cv_net *net, cv_random *random, convo_error *err) {
    for (int t = 0; t < net->tensors; t++) {
        const cv_net_tensor *tensor = &net->tensor[t];
        float *values = cv_alloc(tensor->size, sizeof *values);
        if (!values) return cv_no_memory(err, tensor->name);
        draw(tensor, random, values);
        for (size_t i = 0; tensor->filled && i < tensor->size; i++) values[i] = tensor->fill;
        cv_net_write(net, t, tensor->start ? tensor->start : values);
        free(values);
    }
    return CONVO_OK;
}

convo_status cv_net_copy(const cv_net *from, cv_net *to, convo_error *err) {
    for (int t = 0; t < from->tensors; t++) {
        float *values = cv_alloc(from->tensor[t].size, sizeof *values);
        if (!values) return cv_no_memory(err, from->tensor[t].name);
        cv_net_read(from, t, values);
        cv_net_write(to, t, values);
        free(values);
    }
    return CONVO_OK;
}

// What a net costs in a stream: which layers compute only what is new.
#include "stream/columns.h"

#include <math.h>
#include <stdlib.h>

// Columns of an output: those along the time where it has any.
static int64_t columns_of(const cv_flow *f, const cv_node *n, int along) {
    return f->flows ? f->columns : cv_flow_columns(n->out, along);
}

static int64_t cost_of(const cv_layout *l, const cv_node *n, int i) {
    char formula[256];
    const cv_flow *out = &l->flow[i + 1], *in = &l->flow[n->input[0] + 1];
    if (!n->op->cost) return 0;
    if (!out->flows) return n->op->cost(n->config, n->in, n->out, formula, sizeof formula);
    return n->op->cost(n->config, cv_flow_shape(n->in, in->along, l->reach[i][0].used),
                       cv_flow_shape(n->out, out->along, out->fresh), formula, sizeof formula);
}

static void fill_layers(const cv_net *net, const cv_layout *l, convo_stream_cost *cost) {
    const double windows = 1 / cost->hop;
    char formula[256];
    for (int i = 0; i < net->nodes; i++) {
        const cv_node *n = &net->node[i];
        const cv_flow *f = &l->flow[i + 1];
        convo_stream_layer *layer = &cost->layers[cost->count++];
        cv_print(layer->path, sizeof layer->path, "%s", n->path);
        cv_print(layer->type, sizeof layer->type, "%s", n->op->name);
        layer->moves = f->flows;
        layer->why = f->why;
        layer->columns = columns_of(f, n, l->flow[0].along);
        layer->fresh = f->flows ? f->fresh : layer->columns;
        layer->multiply_adds = (int64_t)((double)cost_of(l, n, i) * windows);
        cost->multiply_adds += layer->multiply_adds;
        if (n->op->cost)
            cost->whole += (int64_t)((double)n->op->cost(n->config, n->in, n->out, formula, sizeof formula) * windows);
    }
}

static convo_status find_cost(const convo_recipe *recipe, const cv_net *net, const cv_front *front,
                              convo_stream_cost *cost, convo_error *err) {
    cv_normal normal = {0};
    cv_layout *layout = NULL;
    CV_TRY(cv_recipe_normal(recipe, net->input, &normal, err));
    const int64_t samples = llround(cost->hop * recipe->rate);
    const cv_flow features = cv_features_flow(front, &normal);
    convo_status status = cv_layout_new(net, &features, samples > 1 ? samples : 1, false, &layout, err);
    cost->layers = cv_alloc((size_t)net->nodes + 1, sizeof *cost->layers);
    if (!status && !cost->layers) status = cv_no_memory(err, "a summary");
    if (!status) {
        const cv_flow *f = &layout->flow[0];
        cost->window = (double)cv_front_samples(front) / recipe->rate;
        cost->moves = f->flows;
        cost->why = f->why;
        cost->frames = f->columns;
        cost->fresh = f->flows ? f->fresh : f->columns;
        fill_layers(net, layout, cost);
    }
    cv_layout_free(layout);
    cv_normal_free(&normal);
    return status;
}

convo_status convo_stream_cost_find(const convo_recipe *recipe, double hop, convo_stream_cost *cost, convo_error *err) {
    cv_net *net = NULL;
    cv_front *front = NULL;
    if (!recipe || !cost || !(hop >= 0.001 && hop <= 10))
        return cv_fail(err, CONVO_ARGUMENT, "", "a recipe, a hop from 0.001 to 10 s and room for the cost are needed");
    *cost = (convo_stream_cost){.hop = hop};
    if (!recipe->feature)
        return cv_fail(err, CONVO_STATE, recipe->file, "the recipe has no 'features', its net hears nothing");
    convo_status status = cv_recipe_outline(recipe, cv_isa_find("baseline"), &net, err);
    if (!status) status = cv_front_new(recipe->feature, recipe->feature_config, recipe->rate, &front, err);
    if (!status) status = find_cost(recipe, net, front, cost, err);
    cv_front_free(front);
    cv_net_free(net);
    if (status) convo_stream_cost_free(cost);
    return status;
}

void convo_stream_cost_free(convo_stream_cost *cost) {
    if (!cost) return;
    free(cost->layers);
    *cost = (convo_stream_cost){0};
}

// What a net is made of: shapes, parameters with their formula, multiply-adds, receptive fields.
#include "inspect/field.h"
#include "recipe/recipe.h"

#include <stdlib.h>
#include <string.h>

static void options_text(const cv_node *n, char *text, size_t size) {
    text[0] = 0;
    for (const cv_option *o = n->op->schema; o && o->name; o++) {
        char now[64], usual[64];
        unsigned char blank[256] = {0};
        if (n->op->config_size > sizeof blank) return;
        cv_options_default(n->op->schema, blank);
        cv_option_get(o, n->config, now, sizeof now);
        cv_option_get(o, blank, usual, sizeof usual);
        if (strcmp(now, usual) != 0) cv_append(text, size, "%s%s %s", text[0] ? ", " : "", o->name, now);
    }
}

static int64_t parameters_of(const cv_net *net, const cv_node *n) {
    int64_t sum = 0;
    for (int t = 0; t < n->tensors; t++)
        if (!net->tensor[n->tensor + t].spec.buffer) sum += (int64_t)net->tensor[n->tensor + t].size;
    return sum;
}

static void describe_layer(const cv_net *net, const cv_node *n, const cv_view *v, convo_layer *out) {
    cv_print(out->path, sizeof out->path, "%s", n->path);
    cv_print(out->type, sizeof out->type, "%s", n->op->name);
    options_text(n, out->options, sizeof out->options);
    cv_shape_text(n->out, out->shape, sizeof out->shape);
    out->parameters = parameters_of(net, n);
    if (n->op->cost) out->multiply_adds = n->op->cost(n->config, n->in, n->out, out->formula, sizeof out->formula);
    if (out->formula[0]) cv_append(out->formula, sizeof out->formula, " = %lld", (long long)out->parameters);
    memcpy(out->field, v->size, sizeof out->field);
    memcpy(out->jump, v->jump, sizeof out->jump);
    memcpy(out->start, v->start, sizeof out->start);
}

convo_status convo_summarize(const convo_recipe *recipe, convo_summary *summary, convo_error *err) {
    cv_net *net = NULL;
    cv_view *views = NULL;
    if (!recipe || !summary) return cv_fail(err, CONVO_ARGUMENT, "", "a recipe and room for its summary are needed");
    *summary = (convo_summary){0};
    convo_status status = cv_recipe_outline(recipe, cv_isa_find("baseline"), &net, err);
    if (status) return status;
    summary->layers = cv_alloc((size_t)net->nodes, sizeof *summary->layers);
    views = cv_alloc((size_t)net->nodes + 1, sizeof *views);
    if (!summary->layers || !views) status = cv_no_memory(err, "a summary");
    if (!status) cv_field_views(net, views);
    for (int i = 0; !status && i < net->nodes; i++) {
        const cv_node *n = &net->node[i];
        convo_layer *layer = &summary->layers[summary->count++];
        describe_layer(net, n, &views[i + 1], layer);
        summary->parameters += layer->parameters;
        summary->multiply_adds += layer->multiply_adds;
        if (!summary->flattened && n->in.dims > 1 && n->out.dims == 1) summary->flattened = n->out.c;
    }
    cv_shape_text(net->input, summary->input, sizeof summary->input);
    if (recipe->feature) {
        const char *why = cv_feature_whole(recipe->feature, recipe->feature_config);
        cv_print(summary->front_end, sizeof summary->front_end, "%s", recipe->feature->name);
        cv_print(summary->whole_clip, sizeof summary->whole_clip, "%s", why ? why : "");
    }
    cv_net_free(net);
    free(views);
    if (status) convo_summary_free(summary);
    return status;
}

void convo_summary_free(convo_summary *summary) {
    if (!summary) return;
    free(summary->layers);
    *summary = (convo_summary){0};
}

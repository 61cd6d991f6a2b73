// The net of a recipe's `model:`.
#include "recipe/block.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const cv_block *const blocks[] = {&cv_block_bc,         &cv_block_dense,     &cv_block_inverted_residual,
                                         &cv_block_residual,   &cv_block_separable, &cv_block_squeeze_excite,
                                         &cv_block_transformer};

const cv_block *cv_block_at(size_t k) {
    return k < CV_COUNT(blocks) ? blocks[k] : NULL;
}

static const cv_block *find_block(const char *name) {
    for (size_t k = 0; k < CV_COUNT(blocks); k++)
        if (!strcmp(blocks[k]->name, name)) return blocks[k];
    return NULL;
}

// Blocks and layers, for the suggestion.
static const char *next_layer(const void *isa, size_t k) {
    const cv_op_names layers = {isa, CV_LAYER};
    return k < CV_COUNT(blocks) ? blocks[k]->name : cv_op_names_next(&layers, k - CV_COUNT(blocks));
}

static convo_status find_layer(const cv_builder *b, const yaml_node_t *name, const cv_op **op, convo_error *err) {
    const char *text = cv_yaml_text(name);
    *op = cv_op_find(b->isa, text);
    cv_where where = cv_yaml_where(&b->yaml, name);
    if (!*op || (*op)->kind == CV_INSERTED)
        return cv_fail(err, CONVO_ARGUMENT, where.text, "unknown layer '%s'%s", text,
                       cv_did_you_mean(text, next_layer, b->isa).text);
    if ((*op)->kind == CV_LOSS)
        return cv_fail(err, CONVO_ARGUMENT, where.text, "'%s' is a loss, not a layer: put it in 'train: {loss: %s}'",
                       text, text);
    return CONVO_OK;
}

convo_status cv_build_node(cv_builder *b, const cv_op *op, const void *config, const int *input, const char *path,
                           const yaml_node_t *at, convo_error *err) {
    cv_where where = cv_yaml_where(&b->yaml, at);
    if (b->net->nodes >= CV_LIMIT_LAYERS)
        return cv_fail(err, CONVO_LIMIT, where.text, "a network can have at most %d layers", CV_LIMIT_LAYERS);
    return cv_net_add(b->net, op, config, input, path, where.text, err);
}

// --- init: how a layer's parameters start -------------------------------------------------------------------------

// Counts the numbers of nested lists. out: where they go, in order; NULL: nowhere.
static convo_status flatten_numbers(const cv_builder *b, const yaml_node_t *node, float *out, size_t *count,
                                    convo_error *err) {
    static const cv_option number = {.name = "init", .type = CV_FLOAT};
    if (node->type == YAML_SEQUENCE_NODE) {
        convo_status status = CONVO_OK;
        for (yaml_node_item_t *item = node->data.sequence.items.start; !status && item < node->data.sequence.items.top;
             item++)
            status = flatten_numbers(b, cv_yaml_node(&b->yaml, *item), out, count, err);
        return status;
    }
    double value;
    char why[256];
    const char *text = cv_yaml_text(node);
    if (!cv_option_set(&number, &value, text ? text : "{}", why, sizeof why))
        return cv_fail(err, CONVO_ARGUMENT, cv_yaml_where(&b->yaml, node).text, "'init' must be %s", why);
    if (out) out[*count] = (float)value;
    ++*count;
    return CONVO_OK;
}

// A word, one number for all, or as many numbers as the tensor has.
static convo_status start_tensor(cv_builder *b, int t, const yaml_node_t *node, convo_error *err) {
    static const struct {
        const char *word;
        enum cv_init init;
    } words[] = {
        {"uniform", CV_INIT_UNIFORM}, {"normal", CV_INIT_NORMAL}, {"zero", CV_INIT_ZERO}, {"one", CV_INIT_ONE}};
    const char *text = cv_yaml_text(node);
    for (size_t k = 0; text && k < CV_COUNT(words); k++)
        if (strcmp(text, words[k].word) == 0) {
            if (words[k].init == CV_INIT_UNIFORM && !b->net->tensor[t].spec.fan_in)
                return cv_fail(err, CONVO_ARGUMENT, cv_yaml_where(&b->yaml, node).text,
                               "%s has no uniform initialisation: its bound depends on a number of inputs, which this "
                               "layer lacks; use zero, one, normal or a number",
                               b->net->tensor[t].name);
            cv_net_start(b->net, t, words[k].init);
            return CONVO_OK;
        }
    const size_t size = b->net->tensor[t].size;
    size_t given = 0, count = 0;
    float one = 0;
    convo_status status = flatten_numbers(b, node, text ? &one : NULL, &given, err);
    if (!status && text) cv_net_fill(b->net, t, one);
    if (status || text) return status;
    if (given != size)
        return cv_fail(err, CONVO_SHAPE, cv_yaml_where(&b->yaml, node).text,
                       "%s has %zu elements, but %zu values are given", b->net->tensor[t].name, size, given);
    float *values = cv_alloc(size, sizeof *values);
    if (!values) return cv_no_memory(err, "initial weights");
    status = flatten_numbers(b, node, values, &count, err);
    if (!status) status = cv_net_start_with(b->net, t, values, err);
    free(values);
    return status;
}

static const char *next_tensor(const void *net, size_t k) {
    const cv_net *n = net;
    const cv_node *last = &n->node[n->nodes - 1];
    return k < (size_t)last->tensors ? n->tensor[last->tensor + (int)k].spec.name : NULL;
}

// init: {weight: normal, bias: zero} of the last node.
static convo_status read_init(cv_builder *b, const yaml_node_t *init, convo_error *err) {
    const cv_node *last = &b->net->node[b->net->nodes - 1];
    if (!init) return CONVO_OK;
    if (init->type != YAML_MAPPING_NODE)
        return cv_fail(err, CONVO_ARGUMENT, cv_yaml_where(&b->yaml, init).text,
                       "'init' must map parameters to values, such as {weight: normal, bias: zero}");
    for (yaml_node_pair_t *p = init->data.mapping.pairs.start; p < init->data.mapping.pairs.top; p++) {
        const yaml_node_t *key = cv_yaml_node(&b->yaml, p->key);
        size_t k;
        convo_status status = cv_yaml_word(&b->yaml, key, "parameter", next_tensor, b->net, &k, err);
        if (!status) status = start_tensor(b, last->tensor + (int)k, cv_yaml_node(&b->yaml, p->value), err);
        if (status) return status;
    }
    return CONVO_OK;
}

// --- layers -------------------------------------------------------------------------------------------------------

const char *const cv_layer_keys[] = {"name", "from", NULL};

// One op; of two inputs, once for every value but the first: ((a, b), c).
static convo_status add_joined(cv_builder *b, const cv_op *op, const void *config, const int *input, int count,
                               const char *path, const yaml_node_t *at, convo_error *err) {
    const int least = op->inputs > 1 ? 2 : 1;
    if (count < least)
        return cv_fail(err, CONVO_ARGUMENT, cv_yaml_where(&b->yaml, at).text,
                       "'%s' joins two values: name them, as in '%s: {from: [a, b]}'%s", op->name, op->name,
                       op->sum ? ", or use 'residual: {body: [...]}'" : "");
    if (count > least && !op->many)
        return cv_fail(err, CONVO_ARGUMENT, cv_yaml_where(&b->yaml, at).text, "'%s' reads %s, but 'from' names %d",
                       op->name, least == 1 ? "one value" : "two values", count);
    int both[CV_MAX_INPUTS] = {input[0]};
    for (int k = least - 1; k < count; k++) {
        char part[sizeof((cv_node *)0)->path + 16];
        snprintf(part, sizeof part, k + 1 < count ? "%s.%d" : "%s", path, k);
        both[least - 1] = input[k];
        CV_TRY(cv_build_node(b, op, config, both, part, at, err));
        both[0] = b->net->nodes - 1;
    }
    return CONVO_OK;
}

static convo_status add_layer(cv_builder *b, const yaml_node_t *name, const yaml_node_t *options, const char *path,
                              const int *input, int count, int *from, convo_error *err) {
    static const yaml_node_t empty = {.type = YAML_MAPPING_NODE};
    const cv_op *op;
    CV_TRY(find_layer(b, name, &op, err));
    void *config = cv_alloc(1, op->config_size + 1);
    if (!config) return cv_no_memory(err, "a layer's options");
    static const char *const also[] = {"init", NULL};
    const cv_yaml_block block = {.what = op->name,
                                 .at = name,
                                 .part = {{op->schema, config}},
                                 .also = op->tensors ? also : NULL,
                                 .common = cv_layer_keys,
                                 .bare = true};
    convo_status status = cv_yaml_read(&b->yaml, options ? options : &empty, &block, err);
    if (!status) status = add_joined(b, op, config, input, count, path, name, err);
    if (!status) *from = b->net->nodes - 1;
    if (!status) status = read_init(b, cv_yaml_find(&b->yaml, options, "init"), err);
    free(config);
    return status;
}

convo_status cv_build_layers(cv_builder *b, const yaml_node_t *list, const char *prefix, int *from, convo_error *err) {
    if (list->type != YAML_SEQUENCE_NODE || list->data.sequence.items.start == list->data.sequence.items.top)
        return cv_fail(err, CONVO_ARGUMENT, cv_yaml_where(&b->yaml, list).text,
                       "expected a list of layers, such as [relu, flatten, {linear: 10}]");
    const yaml_node_item_t *start = list->data.sequence.items.start, *top = list->data.sequence.items.top;
    for (const yaml_node_item_t *item = start; item < top; item++) {
        const yaml_node_t *node = cv_yaml_node(&b->yaml, *item), *name, *options;
        cv_where where = cv_yaml_where(&b->yaml, node);
        char path[sizeof((cv_node *)0)->path];
        if (snprintf(path, sizeof path, "%s%td", prefix, item - start) >= (int)sizeof path)
            return cv_fail(err, CONVO_LIMIT, where.text, "blocks are nested too deep");
        if (!cv_yaml_named(&b->yaml, node, &name, &options))
            return cv_fail(err, CONVO_ARGUMENT, where.text,
                           "a layer must be a word ('relu') or a word with options ('conv1d: {out: 16, kernel: 3}')");
        const cv_block *block = find_block(cv_yaml_text(name));
        int input[CV_MOST_JOINED], count;
        CV_TRY(cv_wire_inputs(b, options, *from, input, &count, err));
        if (block && count > 1)
            return cv_fail(err, CONVO_ARGUMENT, where.text, "'%s' reads one value, but 'from' names %d", block->name,
                           count);
        if (block) *from = input[0];
        CV_TRY(!block       ? add_layer(b, name, options, path, input, count, from, err)
               : block->add ? block->add(b, name, options, path, from, err)
                            : cv_block_expand(b, block, name, options, path, from, err));
        CV_TRY(cv_wire_name(b, options, *from, err));
    }
    return CONVO_OK;
}

convo_status cv_recipe_outline(const convo_recipe *recipe, const cv_isa *isa, cv_net **net, convo_error *err) {
    *net = NULL;
    cv_builder b = {.yaml = cv_recipe_yaml(recipe), .isa = isa};
    const yaml_node_t *model = cv_yaml_find(&b.yaml, cv_yaml_root(&b.yaml), "model");
    if (!model) return cv_fail(err, CONVO_ARGUMENT, recipe->file, "the recipe has no 'model', a list of layers");
    if (!recipe->input.dims)
        return cv_fail(
            err, CONVO_ARGUMENT, recipe->file,
            "the recipe has no 'input', the shape of an example, and its data were not read: add one, such as "
            "'input: [3, 32, 32]'");
    convo_status status = cv_net_new(isa, recipe->input, &b.net, err);
    int from = -1;
    if (!status) status = cv_build_layers(&b, model, "", &from, err);
    if (!status) status = cv_wire_check(b.net, err);
    free(b.named);
    if (status) {
        cv_net_free(b.net);
        return status;
    }
    cv_net_lay_out(b.net);
    *net = b.net;
    return CONVO_OK;
}

convo_status cv_recipe_net(const convo_recipe *recipe, const cv_isa *isa, cv_net **net, convo_error *err) {
    convo_status status = cv_recipe_outline(recipe, isa, net, err);
    if (!status) status = cv_net_finish(*net, err);
    if (status) {
        cv_net_free(*net);
        *net = NULL;
    }
    return status;
}

convo_status cv_recipe_check_classes(const convo_recipe *recipe, const cv_net *net, int classes, convo_error *err) {
    const cv_node *last = &net->node[net->nodes - 1];
    cv_shape out = cv_net_output(net), loss;
    char why[256] = "", shape[64];
    if (classes > CV_LIMIT_CLASSES)
        return cv_fail(err, CONVO_LIMIT, recipe->file, "%d classes are more than the %d that are accepted", classes,
                       CV_LIMIT_CLASSES);
    if (recipe->loss->number && classes != 1)
        return cv_fail(err, CONVO_SHAPE, recipe->file,
                       "the loss '%s' is that of a number, but there are %d classes: use cross_entropy or logistic",
                       recipe->loss->name, classes);
    if (classes < 2 && !recipe->loss->number)
        return cv_fail(err, CONVO_SHAPE, recipe->file,
                       "the data set has one class only: a classifier needs at least two");
    if (recipe->loss->infer && !recipe->loss->infer(recipe->loss_config, &out, &loss, why, sizeof why))
        return cv_fail(err, CONVO_SHAPE, last->where, "%s", why);
    if (out.dims == 1 && (out.c == classes || (classes == 2 && out.c == 1))) return CONVO_OK;
    cv_shape_text(out, shape, sizeof shape);
    return cv_fail(err, CONVO_SHAPE, last->where,
                   "the network's output is %s, but %d classes need (%d): make the last layer 'linear: %d'", shape,
                   classes, classes, classes);
}

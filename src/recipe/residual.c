// body(x) + shortcut(x).    He et al. 2015, https://arxiv.org/abs/1512.03385
#include "recipe/block.h"

#include <stdio.h>

static bool is_empty(const yaml_node_t *list) {
    return cv_yaml_is_null(list) ||
           (list->type == YAML_SEQUENCE_NODE && list->data.sequence.items.start == list->data.sequence.items.top);
}

static convo_status add_residual(cv_builder *b, const yaml_node_t *name, const yaml_node_t *options, const char *path,
                                 int *from, convo_error *err) {
    static const char *const keys[] = {"body", "shortcut", NULL};
    const cv_yaml_block block = {.what = "residual", .at = name, .also = keys, .common = cv_layer_keys};
    const yaml_node_t *body = cv_yaml_find(&b->yaml, options, "body");
    const yaml_node_t *shortcut = cv_yaml_find(&b->yaml, options, "shortcut");
    CV_TRY(cv_yaml_read(&b->yaml, options, &block, err));
    if (!body)
        return cv_fail(err, CONVO_ARGUMENT, cv_yaml_where(&b->yaml, name).text,
                       "'residual' needs 'body', a list of layers");
    int input[CV_MAX_INPUTS] = {*from, *from};
    char prefix[96]; // longer than any path that cv_net_add takes
    snprintf(prefix, sizeof prefix, "%.80s.body.", path);
    convo_status status = cv_build_layers(b, body, prefix, &input[0], err);
    snprintf(prefix, sizeof prefix, "%.80s.shortcut.", path);
    if (!status && !is_empty(shortcut)) status = cv_build_layers(b, shortcut, prefix, &input[1], err);
    if (!status) status = cv_build_node(b, cv_op_find(b->isa, "add"), NULL, input, path, name, err);
    if (!status) *from = b->net->nodes - 1;
    return status;
}

const cv_block cv_block_residual = {
    .name = "residual",
    .help =
        "`- residual: {body: [...], shortcut: [...]}` adds what two lists of layers make of the same input; without a "
        "`shortcut` the input itself is added",
    .add = add_residual,
};

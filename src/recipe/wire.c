// `name` and `from` of layers: which values a layer reads, where it is not the one before it.
#include "recipe/block.h"

#include <stdlib.h>
#include <string.h>

static convo_status find_value(const cv_builder *b, const yaml_node_t *node, int previous, int *value,
                               convo_error *err) {
    const char *text = cv_yaml_text(node);
    if (!text)
        return cv_fail(err, CONVO_ARGUMENT, cv_yaml_where(&b->yaml, node).text,
                       "'from' must be the name of a layer or a list of names");
    *value = !strcmp(text, "previous") ? previous : !strcmp(text, "@block") ? b->block_reads : -1;
    if (*value >= 0 || !strcmp(text, "previous") || !strcmp(text, "input") || !strcmp(text, "@block")) return CONVO_OK;
    for (size_t k = 0; k < b->names; k++)
        if (!strcmp(b->named[k].name, text)) {
            *value = b->named[k].node;
            return CONVO_OK;
        }
    return cv_fail(err, CONVO_ARGUMENT, cv_yaml_where(&b->yaml, node).text,
                   "no layer before this one has the name '%s': give it one, as in 'relu: {name: %s}'", text, text);
}

convo_status cv_wire_inputs(const cv_builder *b, const yaml_node_t *options, int previous, int input[CV_MOST_JOINED],
                            int *count, convo_error *err) {
    const yaml_node_t *from = cv_yaml_find(&b->yaml, options, "from");
    *count = 1;
    input[0] = previous;
    if (!from) return CONVO_OK;
    if (from->type != YAML_SEQUENCE_NODE) return find_value(b, from, previous, &input[0], err);
    const yaml_node_item_t *start = from->data.sequence.items.start, *top = from->data.sequence.items.top;
    if (start == top || top - start > CV_MOST_JOINED)
        return cv_fail(err, CONVO_ARGUMENT, cv_yaml_where(&b->yaml, from).text, "'from' must name 1 to %d layers",
                       CV_MOST_JOINED);
    for (*count = 0; start < top; start++)
        CV_TRY(find_value(b, cv_yaml_node(&b->yaml, *start), previous, &input[(*count)++], err));
    return CONVO_OK;
}

convo_status cv_wire_name(cv_builder *b, const yaml_node_t *options, int node, convo_error *err) {
    const yaml_node_t *name = cv_yaml_find(&b->yaml, options, "name");
    const char *text = cv_yaml_text(name);
    if (!name) return CONVO_OK;
    const cv_where where = cv_yaml_where(&b->yaml, name);
    if (!text || !*text) return cv_fail(err, CONVO_ARGUMENT, where.text, "'name' must be a word");
    if (!strcmp(text, "input") || !strcmp(text, "previous") || text[0] == '@')
        return cv_fail(err, CONVO_ARGUMENT, where.text,
                       "'%s' cannot be a layer's name: 'input' is what the net reads, 'previous' the layer before, and "
                       "no name begins with @",
                       text);
    for (size_t k = 0; k < b->names; k++)
        if (!strcmp(b->named[k].name, text))
            return cv_fail(err, CONVO_ARGUMENT, where.text, "two layers have the name '%s'", text);
    if (!cv_grow(&b->named, &b->name_room, b->names + 1, sizeof *b->named)) return cv_no_memory(err, "a layer's name");
    b->named[b->names++] = (struct cv_named){text, node};
    return CONVO_OK;
}

convo_status cv_wire_check(const cv_net *net, convo_error *err) {
    bool *read = cv_alloc((size_t)net->nodes + 1, sizeof *read);
    int unread = -1;
    if (!read) return cv_no_memory(err, "a net");
    for (int i = 0; i < net->nodes; i++)
        for (int k = 0; k < cv_node_inputs(&net->node[i]); k++) read[net->node[i].input[k] + 1] = true;
    for (int i = net->nodes - 2; i >= 0; i--)
        if (!read[i + 1]) unread = i;
    free(read);
    if (unread < 0) return CONVO_OK;
    return cv_fail(err, CONVO_ARGUMENT, net->node[unread].where,
                   "no layer reads the output of layer %s (%s): the one behind it reads another by 'from'",
                   net->node[unread].path, net->node[unread].op->name);
}

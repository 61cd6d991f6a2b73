#include "format/graph.h"

#include <stdlib.h>
#include <string.h>

static void free_texts(char **text, size_t count) {
    for (size_t k = 0; k < count; k++) free(text[k]);
    free(text);
}

static void empty_node(cv_graph_node *node) {
    free(node->type);
    free_texts(node->input, node->inputs);
    for (size_t k = 0; k < node->attributes; k++) {
        free(node->attribute[k].name);
        free(node->attribute[k].ints);
        free(node->attribute[k].text);
    }
    free(node->attribute);
}

static void free_node(cv_graph_node *node) {
    empty_node(node);
    free(node->name);
    free_texts(node->output, node->outputs);
}

void cv_graph_free(cv_graph *graph) {
    for (size_t k = 0; k < graph->nodes; k++) free_node(&graph->node[k]);
    for (size_t k = 0; k < graph->constants; k++) {
        free(graph->constant[k].name);
        free(graph->constant[k].data);
    }
    for (size_t k = 0; k < graph->texts; k++) {
        free(graph->text[k].key);
        free(graph->text[k].value);
    }
    free(graph->node);
    free(graph->constant);
    free(graph->text);
    for (size_t k = 0; k < graph->sources; k++) free(graph->source[k].name);
    for (size_t k = 0; k < graph->results; k++) free(graph->result[k].name);
    free(graph->source);
    free(graph->result);
    *graph = (cv_graph){0};
}

// --- adding -------------------------------------------------------------------------------------------------------

static char *copy(cv_graph *graph, const char *text) {
    char *made = cv_format("%s", text);
    if (!made) graph->failed = true;
    return made;
}

cv_graph_node *cv_graph_add_node(cv_graph *graph, const char *type, const char *name) {
    if (!cv_grow(&graph->node, &graph->node_room, graph->nodes + 1, sizeof *graph->node)) graph->failed = true;
    if (graph->failed) return NULL;
    cv_graph_node *node = &graph->node[graph->nodes++];
    *node = (cv_graph_node){.type = copy(graph, type), .name = copy(graph, name)};
    return graph->failed ? NULL : node;
}

bool cv_graph_reset_node(cv_graph *graph, cv_graph_node *node, const char *type) {
    empty_node(node);
    *node = (cv_graph_node){
        .type = copy(graph, type), .name = node->name, .output = node->output, .outputs = node->outputs};
    return !graph->failed;
}

static void add_name(cv_graph *graph, char ***list, size_t *count, const char *name) {
    size_t room = *count; // lists are short
    if (graph->failed || !cv_grow(list, &room, *count + 1, sizeof **list)) {
        graph->failed = true;
        return;
    }
    (*list)[*count] = copy(graph, name);
    if ((*list)[*count]) ++*count;
}

void cv_graph_add_input(cv_graph *graph, cv_graph_node *node, const char *value) {
    if (node) add_name(graph, &node->input, &node->inputs, value);
}

void cv_graph_add_output(cv_graph *graph, cv_graph_node *node, const char *value) {
    if (node) add_name(graph, &node->output, &node->outputs, value);
}

cv_attribute *cv_graph_add_attribute(cv_graph *graph, cv_graph_node *node, const char *name) {
    size_t room = node ? node->attributes : 0;
    if (!node || graph->failed || !cv_grow(&node->attribute, &room, node->attributes + 1, sizeof *node->attribute)) {
        graph->failed = true;
        return NULL;
    }
    cv_attribute *attribute = &node->attribute[node->attributes];
    *attribute = (cv_attribute){.name = copy(graph, name)};
    if (!attribute->name) return NULL;
    node->attributes++;
    return attribute;
}

void cv_graph_add_text(cv_graph *graph, const char *key, const char *value) {
    if (!cv_grow(&graph->text, &graph->text_room, graph->texts + 1, sizeof *graph->text)) graph->failed = true;
    if (graph->failed) return;
    struct cv_graph_text *text = &graph->text[graph->texts];
    *text = (struct cv_graph_text){copy(graph, key), copy(graph, value)};
    if (text->key)
        graph->texts++;
    else
        free(text->value);
}

static cv_graph_value *add_value(cv_graph *graph, cv_graph_value **list, size_t *count, size_t *room, const char *name,
                                 int dims, const int64_t *dim) {
    if (!cv_grow(list, room, *count + 1, sizeof **list)) graph->failed = true;
    if (graph->failed) return NULL;
    cv_graph_value *value = &(*list)[*count];
    *value = (cv_graph_value){.name = copy(graph, name), .type = "FLOAT", .dims = dims};
    if (!value->name) return NULL;
    if (dims > 0) memcpy(value->dim, dim, (size_t)dims * sizeof *dim);
    ++*count;
    return value;
}

cv_graph_value *cv_graph_add_source(cv_graph *graph, const char *name, int dims, const int64_t *dim) {
    return add_value(graph, &graph->source, &graph->sources, &graph->source_room, name, dims, dim);
}

cv_graph_value *cv_graph_add_result(cv_graph *graph, const char *name, int dims, const int64_t *dim) {
    return add_value(graph, &graph->result, &graph->results, &graph->result_room, name, dims, dim);
}

size_t cv_constant_size(enum cv_constant_type type) {
    static const size_t sizes[] = {
        [CV_CONST_F32] = 4, [CV_CONST_F64] = 8, [CV_CONST_I64] = 8, [CV_CONST_I32] = 4, [CV_CONST_U8] = 1};
    return sizes[type];
}

void *cv_graph_add_constant(cv_graph *graph, const char *name, enum cv_constant_type type, int dims,
                            const int64_t *dim) {
    cv_constant made = {.type = type, .dims = dims, .count = 1};
    for (int d = 0; d < dims; d++) {
        made.dim[d] = dim[d];
        if (!cv_mul(made.count, (size_t)dim[d], &made.count)) graph->failed = true;
    }
    if (graph->failed || !cv_grow(&graph->constant, &graph->constant_room, graph->constants + 1, sizeof made)) {
        graph->failed = true;
        return NULL;
    }
    made.name = copy(graph, name);
    made.data = made.name ? cv_alloc(made.count, cv_constant_size(type)) : NULL;
    if (!made.data) { // what cannot be found by its name is not added
        free(made.name);
        graph->failed = true;
        return NULL;
    }
    graph->constant[graph->constants++] = made;
    return made.data;
}

// --- finding ------------------------------------------------------------------------------------------------------

const cv_constant *cv_graph_constant(const cv_graph *graph, const char *name) {
    for (size_t k = 0; k < graph->constants; k++)
        if (!strcmp(graph->constant[k].name, name)) return &graph->constant[k];
    return NULL;
}

const cv_attribute *cv_graph_attribute(const cv_graph_node *node, const char *name) {
    for (size_t k = 0; k < node->attributes; k++)
        if (!strcmp(node->attribute[k].name, name)) return &node->attribute[k];
    return NULL;
}

const char *cv_graph_text(const cv_graph *graph, const char *key) {
    for (size_t k = 0; k < graph->texts; k++)
        if (!strcmp(graph->text[k].key, key)) return graph->text[k].value;
    return NULL;
}

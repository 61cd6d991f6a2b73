// Blocks that are said as a list of layers.
#include "recipe/block.h"

#include <stdlib.h>
#include <string.h>

// In a scope of its own: names, and what '@block' is.
static convo_status build_text(cv_builder *b, const char *text, const yaml_node_t *name, const char *path, int *from,
                               convo_error *err) {
    const cv_where where = cv_yaml_where(&b->yaml, name);
    yaml_document_t parsed, layers;
    char prefix[sizeof((cv_node *)0)->path + 8];
    CV_TRY(cv_yaml_parse(text, strlen(text), where.text, &parsed, err));
    const bool copied = cv_yaml_copy(&parsed, 1, false, &layers); // errors are where the block stands
    yaml_document_delete(&parsed);
    if (!copied) return cv_no_memory(err, "a block");
    cv_builder inside = {.yaml = {.file = b->yaml.file, .document = &layers, .setting = where.text},
                         .isa = b->isa,
                         .net = b->net,
                         .block_reads = *from};
    cv_print(prefix, sizeof prefix, "%s.", path);
    const convo_status status = cv_build_layers(&inside, cv_yaml_root(&inside.yaml), prefix, from, err);
    free(inside.named);
    yaml_document_delete(&layers);
    return status;
}

convo_status cv_block_expand(cv_builder *b, const cv_block *block, const yaml_node_t *name, const yaml_node_t *options,
                             const char *path, int *from, convo_error *err) {
    static const yaml_node_t empty = {.type = YAML_MAPPING_NODE};
    const cv_shape in = *from < 0 ? b->net->input : b->net->node[*from].out;
    char *text = cv_alloc(CV_BLOCK_TEXT, 1), why[256] = "";
    void *config = cv_alloc(1, block->config_size);
    const cv_yaml_block reading = {
        .what = block->name, .at = name, .part = {{block->schema, config}}, .common = cv_layer_keys, .bare = true};
    convo_status status = text && config ? CONVO_OK : cv_no_memory(err, "a block");
    if (!status) status = cv_yaml_read(&b->yaml, options ? options : &empty, &reading, err);
    if (!status && !block->text(config, in, text, CV_BLOCK_TEXT, why, sizeof why))
        status = cv_fail(err, CONVO_SHAPE, cv_yaml_where(&b->yaml, name).text, "%s: %s", block->name, why);
    if (!status && strlen(text) + 1 >= CV_BLOCK_TEXT)
        status =
            cv_fail(err, CONVO_LIMIT, cv_yaml_where(&b->yaml, name).text, "%s stands for too many layers", block->name);
    if (!status) status = build_text(b, text, name, path, from, err);
    free(config);
    free(text);
    return status;
}

bool cv_block_activation(const char *activation, char *text, size_t size, char *why, size_t why_size) {
    if (!*activation || activation[strspn(activation, "abcdefghijklmnopqrstuvwxyz0123456789_")]) {
        cv_print(why, why_size, "'%.60s' is no activation: name a layer such as relu, or none", activation);
        return false;
    }
    if (strcmp(activation, "none") != 0) cv_append(text, size, ", %s", activation);
    return true;
}

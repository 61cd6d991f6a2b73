// Blocks: words of `model` that expand into layers. One file per block, src/recipe/NAME.c, with one cv_block; its name
// goes into the list in recipe_model.c.
#pragma once

#include "recipe/recipe.h"

// A net under construction from a recipe.
typedef struct cv_builder {
    cv_yaml yaml;
    const cv_isa *isa;
    cv_net *net;
    struct cv_named { // layers that carry a name
        const char *name;
        int node;
    } * named;
    size_t names, name_room;
    int block_reads; // what the block that is being expanded reads: `from: '@block'` of its layers
} cv_builder;

typedef struct cv_block {
    const char *name; // its name in recipes
    const char *help; // with an example
    // Adds the block's layers. name, options: its nodes in the recipe. path: prefix of the paths of its layers ("3").
    // *from: the node that it reads; set to its last node.
    convo_status (*add)(cv_builder *b, const yaml_node_t *name, const yaml_node_t *options, const char *path, int *from,
                        convo_error *err);
} cv_block;

extern const cv_block cv_block_residual;

// Returns block k; NULL past the last one.
const cv_block *cv_block_at(size_t k);

// Adds a list of layers; the path of each is prefix and its number. *from: as above.
convo_status cv_build_layers(cv_builder *b, const yaml_node_t *list, const char *prefix, int *from, convo_error *err);
// Adds one op; at: its position in the recipe.
convo_status cv_build_node(cv_builder *b, const cv_op *op, const void *config, const int *input, const char *path,
                           const yaml_node_t *at, convo_error *err);

// --- `name` and `from` --------------------------------------------------------------------------------------------

enum { CV_MOST_JOINED = 64 };
extern const char *const cv_layer_keys[]; // the options of every layer and block: name, from

// Gets the nodes that a layer reads: those of its `from`, else `previous`.
convo_status cv_wire_inputs(const cv_builder *b, const yaml_node_t *options, int previous, int input[CV_MOST_JOINED],
                            int *count, convo_error *err);
// Remembers the name of a node, if its options give it one.
convo_status cv_wire_name(cv_builder *b, const yaml_node_t *options, int node, convo_error *err);
// Refuses a net in which a layer's output goes nowhere.
convo_status cv_wire_check(const cv_net *net, convo_error *err);

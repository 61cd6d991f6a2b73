// Blocks: words of `model` that expand into layers. One file per block, src/recipe/NAME.c, with one cv_block; its name
// goes into the list in recipe_model.c.
#pragma once

#include "recipe/recipe.h"

// A net under construction from a recipe.
typedef struct cv_builder {
    cv_yaml yaml;
    const cv_isa *isa;
    cv_net *net;
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

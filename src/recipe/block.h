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
    const char *help; // one line
    // The layers that it stands for, as a recipe would list them: fills text from the options, of which `schema` fills
    // a struct of config_size, and from the shape of what the block reads; false: a sentence in why. There `from:
    // '@block'` is what the block reads, and names are the block's own.
    const cv_option *schema;
    size_t config_size;
    bool (*text)(const void *config, cv_shape in, char *text, size_t size, char *why, size_t why_size);
    // Or adds the block's layers itself. name, options: its nodes in the recipe. path: prefix of the paths of its
    // layers
    // ("3"). *from: the node that it reads; set to its last node.
    convo_status (*add)(cv_builder *b, const yaml_node_t *name, const yaml_node_t *options, const char *path, int *from,
                        convo_error *err);
} cv_block;

extern const cv_block cv_block_bc, cv_block_dense, cv_block_inverted_residual, cv_block_residual, cv_block_separable,
    cv_block_squeeze_excite, cv_block_transformer;

enum { CV_BLOCK_TEXT = 8192 };
// Adds the layers of a block's text.
convo_status cv_block_expand(cv_builder *b, const cv_block *block, const yaml_node_t *name, const yaml_node_t *options,
                             const char *path, int *from, convo_error *err);
// Appends ", LAYER" for the name of an activation, unless it is "none". false: it is no name.
bool cv_block_activation(const char *activation, char *text, size_t size, char *why, size_t why_size);

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

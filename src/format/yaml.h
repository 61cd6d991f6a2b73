// A thin layer over libyaml: documents that are safe to walk, positions for errors, blocks read by an option table.
#pragma once

#include "base/limits.h"
#include "base/option.h"

#include <yaml.h>

typedef struct cv_yaml {
    const char *file; // what errors call it
    const yaml_document_t *document;
    const char *setting; // the assignment that made the nodes that have no position in the file; NULL: none
} cv_yaml;

// Parses one document. Refuses anchors, aliases, duplicate keys and keys that are not scalars. file: what errors call
// it. On success the caller deletes the document with yaml_document_delete.
convo_status cv_yaml_parse(const char *text, size_t size, const char *file, yaml_document_t *document,
                           convo_error *err);
// Copies the subtree `node` to a new document, whose first node it is. marks: whether nodes keep their position in the
// file.
bool cv_yaml_copy(const yaml_document_t *from, int node, bool marks, yaml_document_t *to);
// Sets the node at a dotted path ("train.optimizer.sgd.lr", list items by number) to a copy of value's root; mappings
// on the way that are missing are made. where: what errors call it.
convo_status cv_yaml_assign(yaml_document_t *document, const char *path, const yaml_document_t *value,
                            const char *where, convo_error *err);
// Writes the document as text, in its original style but without comments. Freed with free().
convo_status cv_yaml_dump(const yaml_document_t *document, char **text, convo_error *err);

// Receives the dotted path of a value that differs, and both in few words; "nothing" for one that is absent.
typedef void cv_yaml_difference(void *user, const char *path, const char *was, const char *is);
// Calls `tell` for each value that is not the same in both documents. The order of keys does not matter.
void cv_yaml_compare(const cv_yaml *a, const cv_yaml *b, cv_yaml_difference *tell, void *user);

// --- walking; NULL nodes are absent ones ------------------------------------------------------------------------

const yaml_node_t *cv_yaml_root(const cv_yaml *yaml);
const yaml_node_t *cv_yaml_node(const cv_yaml *yaml, int index);
// Returns the value of `key`; NULL if it is absent or `node` is not a mapping.
const yaml_node_t *cv_yaml_find(const cv_yaml *yaml, const yaml_node_t *node, const char *key);
// Returns the text of a scalar; NULL for anything else.
const char *cv_yaml_text(const yaml_node_t *node);
// Returns whether the node is absent, or written as nothing, ~ or null.
bool cv_yaml_is_null(const yaml_node_t *node);
// Splits `word`, `word: value` or `{word: value}`; *value is NULL for the first form. Returns false for any other node.
bool cv_yaml_named(const cv_yaml *yaml, const yaml_node_t *node, const yaml_node_t **name, const yaml_node_t **value);

// file:line:column, for cv_fail's `where`.
typedef struct cv_where {
    char text[512];
} cv_where;
cv_where cv_yaml_where(const cv_yaml *yaml, const yaml_node_t *node);

// --- blocks -----------------------------------------------------------------------------------------------------

typedef struct cv_yaml_block {
    const char *what;      // what errors call it: "conv1d"
    const yaml_node_t *at; // where errors about the whole block point
    struct {
        const cv_option *schema; // NULL: none
        void *values;            // the struct it fills
    } part[2];
    const char *const *also;   // NULL-terminated list of keys that the caller reads; may be NULL
    const char *const *common; // the same, of keys that any block of its kind may hold: they are not suggested
    bool bare;                 // a value that is not a mapping sets the first option of part[0]
} cv_yaml_block;

// Sets every option of the block to the value in `node`, else to its default. With an absent (NULL) node, all options
// get their defaults and none is required; an empty node lacks every required option.
convo_status cv_yaml_read(const cv_yaml *yaml, const yaml_node_t *node, const cv_yaml_block *block, convo_error *err);

// Sets *k to the index of `name` among the words that `next` returns; fails if it is none of them, naming the nearest
// one. what: "optimizer".
convo_status cv_yaml_word(const cv_yaml *yaml, const yaml_node_t *name, const char *what,
                          const char *(*next)(const void *context, size_t k), const void *context, size_t *k,
                          convo_error *err);

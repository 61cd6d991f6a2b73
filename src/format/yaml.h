// A thin layer over libyaml: documents that are safe to walk, places for errors, blocks read by an option table.
#ifndef CV_YAML_H
#define CV_YAML_H

#include "base/limits.h"
#include "base/option.h"

#include <yaml.h>

typedef struct cv_yaml {
    const char *file; // what errors call it
    const yaml_document_t *document;
    const char *setting; // the assignment that made the nodes which have no place in the file; NULL without
} cv_yaml;

// Parses one document without anchors, aliases, duplicate keys or keys that are no scalars. file: what errors call it.
// On success the caller deletes the document with yaml_document_delete.
convo_status cv_yaml_parse(const char *text, size_t size, const char *file, yaml_document_t *document,
                           convo_error *err);
// The subtree `node` as a new document whose first node it is; `places` says whether nodes keep their place in the
// file.
bool cv_yaml_copy(const yaml_document_t *from, int node, bool places, yaml_document_t *to);
// Sets the node at a dotted path ("train.optimizer.sgd.lr", list items by number) to a copy of value's root; mappings
// on the way that are missing are made. where: what errors call it.
convo_status cv_yaml_assign(yaml_document_t *document, const char *path, const yaml_document_t *value,
                            const char *where, convo_error *err);
// The document as text, in the style it was written; comments are lost. Freed with free().
convo_status cv_yaml_dump(const yaml_document_t *document, char **text, convo_error *err);

// --- walking; NULL nodes are absent ones ------------------------------------------------------------------------

const yaml_node_t *cv_yaml_root(const cv_yaml *yaml);
const yaml_node_t *cv_yaml_node(const cv_yaml *yaml, int index);
// Value of `key`; NULL when it is absent or `node` is no mapping.
const yaml_node_t *cv_yaml_find(const cv_yaml *yaml, const yaml_node_t *node, const char *key);
// A scalar's text, NULL for anything else.
const char *cv_yaml_text(const yaml_node_t *node);
// Absent, or written as nothing, ~ or null.
bool cv_yaml_is_null(const yaml_node_t *node);
// Splits `word`, `word: value` or `{word: value}`; *value is NULL for the first form. false: it is neither.
bool cv_yaml_named(const cv_yaml *yaml, const yaml_node_t *node, const yaml_node_t **name, const yaml_node_t **value);

// file:line:column, for cv_fail's `where`.
typedef struct cv_place {
    char text[512];
} cv_place;
cv_place cv_yaml_place(const cv_yaml *yaml, const yaml_node_t *node);

// --- blocks -----------------------------------------------------------------------------------------------------

typedef struct cv_yaml_block {
    const char *what;      // what errors call it: "conv1d"
    const yaml_node_t *at; // where errors about the whole block point
    struct {
        const cv_option *schema; // NULL: none
        void *values;            // the struct it fills
    } part[2];
    const char *const *also; // NULL-ended keys that the caller reads; may be NULL
    bool bare;               // a value that is no mapping sets the first option of part[0]
} cv_yaml_block;

// Sets every option of the block: to what `node` says, else to its default. An absent (NULL) node leaves the defaults
// and asks for nothing; an empty one must do without what is required.
convo_status cv_yaml_read(const cv_yaml *yaml, const yaml_node_t *node, const cv_yaml_block *block, convo_error *err);

// Fails when `name` is none of the words `next` yields, with the nearest one. what: "optimizer".
convo_status cv_yaml_word(const cv_yaml *yaml, const yaml_node_t *name, const char *what,
                          const char *(*next)(const void *context, size_t k), const void *context, size_t *k,
                          convo_error *err);

#endif

// In what two documents differ.
#include "format/yaml.h"

#include <string.h>

typedef struct comparison {
    const cv_yaml *a, *b;
    cv_yaml_difference *tell;
    void *user;
} comparison;

// A value in few words: 0.05, "cosine: ...", "3 entries".
static void summarise(const cv_yaml *yaml, const yaml_node_t *node, char *text, size_t size) {
    text[0] = 0;
    if (!node) {
        cv_print(text, size, "nothing");
    } else if (node->type == YAML_SCALAR_NODE) {
        cv_print(text, size, "%s", cv_yaml_text(node));
    } else if (node->type == YAML_MAPPING_NODE) {
        const yaml_node_pair_t *pair = node->data.mapping.pairs.start;
        for (; pair < node->data.mapping.pairs.top; pair++)
            cv_append(text, size, "%s%s: ...", text[0] ? ", " : "", cv_yaml_text(cv_yaml_node(yaml, pair->key)));
    } else {
        cv_print(text, size, "%td entries", node->data.sequence.items.top - node->data.sequence.items.start);
    }
}

static void tell_difference(const comparison *c, const char *path, const yaml_node_t *x, const yaml_node_t *y) {
    char was[128], is[128];
    summarise(c->a, x, was, sizeof was);
    summarise(c->b, y, is, sizeof is);
    c->tell(c->user, path, was, is);
}

static void compare(const comparison *c, const char *path, const yaml_node_t *x, const yaml_node_t *y);

static void compare_entry(const comparison *c, const char *path, const char *name, const yaml_node_t *x,
                          const yaml_node_t *y) {
    char below[256];
    cv_print(below, sizeof below, "%s%s%s", path, *path ? "." : "", name);
    compare(c, below, x, y);
}

static void compare_mappings(const comparison *c, const char *path, const yaml_node_t *x, const yaml_node_t *y) {
    for (int side = 0; side < 2; side++) {
        const yaml_node_t *from = side ? y : x;
        const yaml_node_pair_t *pair = from->data.mapping.pairs.start;
        for (; pair < from->data.mapping.pairs.top; pair++) {
            const char *key = cv_yaml_text(cv_yaml_node(side ? c->b : c->a, pair->key));
            const yaml_node_t *in_x = cv_yaml_find(c->a, x, key), *in_y = cv_yaml_find(c->b, y, key);
            if (!side || !in_x) compare_entry(c, path, key, in_x, in_y);
        }
    }
}

static void compare_sequences(const comparison *c, const char *path, const yaml_node_t *x, const yaml_node_t *y) {
    const yaml_node_item_t *p = x->data.sequence.items.start, *q = y->data.sequence.items.start;
    const ptrdiff_t count = x->data.sequence.items.top - p;
    if (count != y->data.sequence.items.top - q) {
        tell_difference(c, path, x, y);
        return;
    }
    for (ptrdiff_t k = 0; k < count; k++) {
        char name[24];
        cv_print(name, sizeof name, "%td", k);
        compare_entry(c, path, name, cv_yaml_node(c->a, p[k]), cv_yaml_node(c->b, q[k]));
    }
}

// Depth is bounded by CV_LIMIT_NESTING.
static void compare(const comparison *c, const char *path, const yaml_node_t *x, const yaml_node_t *y) {
    if (!x || !y || x->type != y->type)
        tell_difference(c, path, x, y);
    else if (x->type == YAML_MAPPING_NODE)
        compare_mappings(c, path, x, y);
    else if (x->type == YAML_SEQUENCE_NODE)
        compare_sequences(c, path, x, y);
    else if (strcmp(cv_yaml_text(x), cv_yaml_text(y)) != 0)
        tell_difference(c, path, x, y);
}

void cv_yaml_compare(const cv_yaml *a, const cv_yaml *b, cv_yaml_difference *tell, void *user) {
    const comparison c = {a, b, tell, user};
    compare(&c, "", cv_yaml_root(a), cv_yaml_root(b));
}

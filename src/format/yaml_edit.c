// Copying, changing and writing YAML documents.
#include "format/yaml.h"

#include <stdlib.h>
#include <string.h>

// --- copying ----------------------------------------------------------------------------------------------------

static void set_marks(yaml_document_t *document, int node, const yaml_node_t *like) {
    yaml_mark_t nowhere = {SIZE_MAX, SIZE_MAX, SIZE_MAX};
    yaml_node_t *to = document->nodes.start + node - 1;
    to->start_mark = like ? like->start_mark : nowhere;
    to->end_mark = like ? like->end_mark : nowhere;
}

// Number of the new node, 0 without memory. Depth is bounded by CV_LIMIT_NESTING.
static int copy_node(const yaml_document_t *from, int index, bool marks, yaml_document_t *to) {
    const yaml_node_t *node = from->nodes.start + index - 1;
    int made = 0;
    if (node->type == YAML_SCALAR_NODE)
        made = yaml_document_add_scalar(to, NULL, node->data.scalar.value, (int)node->data.scalar.length,
                                        node->data.scalar.style);
    else if (node->type == YAML_SEQUENCE_NODE)
        made = yaml_document_add_sequence(to, NULL, node->data.sequence.style);
    else if (node->type == YAML_MAPPING_NODE)
        made = yaml_document_add_mapping(to, NULL, node->data.mapping.style);
    if (!made) return 0;
    set_marks(to, made, marks ? node : NULL);
    if (node->type == YAML_SEQUENCE_NODE) {
        const yaml_node_item_t *item = node->data.sequence.items.start, *top = node->data.sequence.items.top;
        for (; item < top; item++) {
            int child = copy_node(from, *item, marks, to);
            if (!child || !yaml_document_append_sequence_item(to, made, child)) return 0;
        }
    } else if (node->type == YAML_MAPPING_NODE) {
        const yaml_node_pair_t *pair = node->data.mapping.pairs.start, *top = node->data.mapping.pairs.top;
        for (; pair < top; pair++) {
            int key = copy_node(from, pair->key, marks, to);
            int value = key ? copy_node(from, pair->value, marks, to) : 0;
            if (!value || !yaml_document_append_mapping_pair(to, made, key, value)) return 0;
        }
    }
    return made;
}

bool cv_yaml_copy(const yaml_document_t *from, int node, bool marks, yaml_document_t *to) {
    if (!yaml_document_initialize(to, NULL, NULL, NULL, 1, 1)) return false;
    if (copy_node(from, node, marks, to)) return true;
    yaml_document_delete(to);
    return false;
}

// --- changing ---------------------------------------------------------------------------------------------------

typedef struct assignment {
    yaml_document_t *document;
    const yaml_document_t *value;
    const char *where;
    convo_error *err;
} assignment;

static int no_memory(const assignment *a) {
    cv_no_memory(a->err, "a setting");
    return 0;
}

static int add_mapping(const assignment *a) {
    int made = yaml_document_add_mapping(a->document, NULL, YAML_FLOW_MAPPING_STYLE);
    if (!made) return no_memory(a);
    set_marks(a->document, made, NULL);
    return made;
}

static int assign(const assignment *a, int node, const char *path);

static int assign_pair(const assignment *a, int node, const char *key, size_t length, const char *rest) {
    cv_yaml yaml = {"", a->document, NULL};
    const yaml_node_t *mapping = cv_yaml_node(&yaml, node);
    ptrdiff_t count = mapping->data.mapping.pairs.top - mapping->data.mapping.pairs.start;
    for (ptrdiff_t k = 0; k < count; k++) {
        const yaml_node_pair_t *pair = cv_yaml_node(&yaml, node)->data.mapping.pairs.start + k;
        const char *name = cv_yaml_text(cv_yaml_node(&yaml, pair->key));
        if (strlen(name) != length || strncmp(name, key, length)) continue;
        int value = assign(a, pair->value, rest);
        if (value) // fetched again: nodes move when others are added
            a->document->nodes.start[node - 1].data.mapping.pairs.start[k].value = value;
        return value ? node : 0;
    }
    yaml_char_t *text = (yaml_char_t *)(uintptr_t)key; // libyaml before 0.2.3 has no const
    int made = yaml_document_add_scalar(a->document, NULL, text, (int)length, YAML_PLAIN_SCALAR_STYLE);
    if (!made) return no_memory(a);
    set_marks(a->document, made, NULL);
    int value = assign(a, 0, rest);
    if (!value) return 0;
    return yaml_document_append_mapping_pair(a->document, node, made, value) ? node : no_memory(a);
}

static int assign_item(const assignment *a, int node, const char *part, size_t length, const char *rest) {
    const yaml_node_t *list = a->document->nodes.start + node - 1;
    ptrdiff_t count = list->data.sequence.items.top - list->data.sequence.items.start;
    char *end;
    long k = part[0] >= '0' && part[0] <= '9' ? strtol(part, &end, 10) : -1;
    if (k < 0 || end != part + length || k >= count) {
        cv_fail(a->err, CONVO_ARGUMENT, a->where, "'%.*s' is not an index from 0 to %td", (int)length, part, count - 1);
        return 0;
    }
    int value = assign(a, list->data.sequence.items.start[k], rest);
    if (value) a->document->nodes.start[node - 1].data.sequence.items.start[k] = value;
    return value ? node : 0;
}

// The node that replaces `node` (0: absent) once `path` below it is set; 0 on failure.
static int assign(const assignment *a, int node, const char *path) {
    if (!path) {
        int made = copy_node(a->value, 1, false, a->document);
        return made ? made : no_memory(a);
    }
    size_t length = strcspn(path, ".");
    const char *rest = path[length] ? path + length + 1 : NULL;
    if (!length) {
        cv_fail(a->err, CONVO_ARGUMENT, a->where, "the path has an empty part: write it as 'train.epochs=5'");
        return 0;
    }
    cv_yaml yaml = {"", a->document, NULL};
    const yaml_node_t *at = node ? cv_yaml_node(&yaml, node) : NULL;
    const char *text = cv_yaml_text(at);
    // A lone word is short for a mapping with it: `optimizer: sgd` has a part optimizer.sgd.
    if (!at || cv_yaml_is_null(at) || (text && strlen(text) == length && !strncmp(text, path, length))) {
        node = add_mapping(a);
        return node ? assign_pair(a, node, path, length, rest) : 0;
    }
    if (at->type == YAML_MAPPING_NODE) return assign_pair(a, node, path, length, rest);
    if (at->type == YAML_SEQUENCE_NODE) return assign_item(a, node, path, length, rest);
    cv_fail(a->err, CONVO_ARGUMENT, a->where, "'%s' has no part '%.*s': set the whole value", text, (int)length, path);
    return 0;
}

convo_status cv_yaml_assign(yaml_document_t *document, const char *path, const yaml_document_t *value,
                            const char *where, convo_error *err) {
    convo_error local = {0};
    assignment a = {document, value, where, err ? err : &local};
    return assign(&a, 1, path) ? CONVO_OK : a.err->code;
}

// --- writing ----------------------------------------------------------------------------------------------------

typedef struct buffer {
    char *text;
    size_t size, capacity;
} buffer;

static int append(void *data, unsigned char *text, size_t size) {
    buffer *out = data;
    if (!cv_grow(&out->text, &out->capacity, out->size + size + 1, 1)) return 0;
    memcpy(out->text + out->size, text, size);
    out->size += size;
    out->text[out->size] = '\0';
    return 1;
}

static bool emit_node(yaml_emitter_t *emitter, const yaml_document_t *document, int index) {
    const yaml_node_t *node = document->nodes.start + index - 1;
    yaml_event_t event;
    bool ok = true;
    if (node->type == YAML_SCALAR_NODE) {
        bool null = cv_yaml_is_null(node); // in full: in a flow mapping the emitter would write nothing as ''
        yaml_char_t *text = null ? (yaml_char_t *)(uintptr_t) "null" : node->data.scalar.value;
        int length = null ? 4 : (int)node->data.scalar.length;
        return yaml_scalar_event_initialize(&event, NULL, NULL, text, length, 1, 1, node->data.scalar.style) &&
               yaml_emitter_emit(emitter, &event);
    }
    if (node->type == YAML_SEQUENCE_NODE) {
        ok = yaml_sequence_start_event_initialize(&event, NULL, NULL, 1, node->data.sequence.style) &&
             yaml_emitter_emit(emitter, &event);
        const yaml_node_item_t *item = node->data.sequence.items.start;
        for (; ok && item < node->data.sequence.items.top; item++) ok = emit_node(emitter, document, *item);
        return ok && yaml_sequence_end_event_initialize(&event) && yaml_emitter_emit(emitter, &event);
    }
    ok = yaml_mapping_start_event_initialize(&event, NULL, NULL, 1, node->data.mapping.style) &&
         yaml_emitter_emit(emitter, &event);
    const yaml_node_pair_t *pair = node->data.mapping.pairs.start;
    for (; ok && pair < node->data.mapping.pairs.top; pair++)
        ok = emit_node(emitter, document, pair->key) && emit_node(emitter, document, pair->value);
    return ok && yaml_mapping_end_event_initialize(&event) && yaml_emitter_emit(emitter, &event);
}

// yaml_emitter_dump would delete the document.
convo_status cv_yaml_dump(const yaml_document_t *document, char **text, convo_error *err) {
    buffer out = {0};
    yaml_emitter_t emitter;
    if (!yaml_emitter_initialize(&emitter)) return cv_no_memory(err, "a recipe's text");
    yaml_emitter_set_output(&emitter, append, &out);
    yaml_emitter_set_unicode(&emitter, 1);
    yaml_emitter_set_width(&emitter, 120);
    yaml_event_t event;
    bool ok = yaml_stream_start_event_initialize(&event, YAML_UTF8_ENCODING) && yaml_emitter_emit(&emitter, &event) &&
              yaml_document_start_event_initialize(&event, NULL, NULL, NULL, 1) &&
              yaml_emitter_emit(&emitter, &event) && emit_node(&emitter, document, 1) &&
              yaml_document_end_event_initialize(&event, 1) && yaml_emitter_emit(&emitter, &event) &&
              yaml_stream_end_event_initialize(&event) && yaml_emitter_emit(&emitter, &event) &&
              yaml_emitter_flush(&emitter);
    yaml_emitter_delete(&emitter);
    if (ok && out.text) {
        *text = out.text;
        return CONVO_OK;
    }
    free(out.text);
    return cv_no_memory(err, "a recipe's text");
}

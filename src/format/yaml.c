#include "format/yaml.h"

#include <stdio.h>
#include <string.h>

// --- parsing ----------------------------------------------------------------------------------------------------

static cv_where where_at(const char *file, yaml_mark_t mark) {
    cv_where where;
    snprintf(where.text, sizeof where.text, "%.460s:%zu:%zu", file, mark.line + 1, mark.column + 1);
    return where;
}

static convo_status parser_failed(const yaml_parser_t *parser, const char *file, convo_error *err) {
    if (parser->error == YAML_MEMORY_ERROR) return cv_no_memory(err, "a recipe");
    const char *problem = parser->problem ? parser->problem : "it cannot be read";
    if (parser->error != YAML_READER_ERROR)
        return cv_fail(err, CONVO_FORMAT, where_at(file, parser->problem_mark).text, "this is not YAML: %s%s", problem,
                       parser->error == YAML_SCANNER_ERROR && strstr(problem, "cannot start any token")
                           ? " (a tab? YAML is indented by spaces)"
                           : "");
    cv_where where;
    snprintf(where.text, sizeof where.text, "%.460s@%zu", file, parser->problem_offset);
    return cv_fail(err, CONVO_FORMAT, where.text, "this is not UTF-8 text: %s", problem);
}

// One event against what documents may not have: anchors (aliases make small files large, and cycles), a second
// document, deep nesting.
static convo_status check_event(const yaml_event_t *event, const char *file, int *depth, int *documents,
                                convo_error *err) {
    const yaml_char_t *anchor = NULL;
    switch (event->type) {
    case YAML_ALIAS_EVENT: anchor = event->data.alias.anchor; break;
    case YAML_SCALAR_EVENT: anchor = event->data.scalar.anchor; break;
    case YAML_SEQUENCE_START_EVENT:
        anchor = event->data.sequence_start.anchor;
        ++*depth;
        break;
    case YAML_MAPPING_START_EVENT:
        anchor = event->data.mapping_start.anchor;
        ++*depth;
        break;
    case YAML_SEQUENCE_END_EVENT:
    case YAML_MAPPING_END_EVENT: --*depth; break;
    case YAML_DOCUMENT_START_EVENT: ++*documents; break;
    default: break;
    }
    cv_where where = where_at(file, event->start_mark);
    if (anchor)
        return cv_fail(err, CONVO_UNSUPPORTED, where.text, "anchors and aliases are not supported: write out '%s'",
                       (const char *)anchor);
    if (*depth > CV_LIMIT_NESTING)
        return cv_fail(err, CONVO_LIMIT, where.text, "nested deeper than %d levels", CV_LIMIT_NESTING);
    if (*documents > 1) return cv_fail(err, CONVO_FORMAT, where.text, "expected one document, found a second one");
    return CONVO_OK;
}

static void feed(yaml_parser_t *parser, const char *text, size_t size) {
    yaml_parser_set_encoding(parser, YAML_UTF8_ENCODING);
    yaml_parser_set_input_string(parser, (const unsigned char *)text, size);
}

// The first of two passes: nothing is built before the whole text is known to be harmless.
static convo_status check_events(const char *text, size_t size, const char *file, convo_error *err) {
    yaml_parser_t parser;
    if (!yaml_parser_initialize(&parser)) return cv_no_memory(err, "a recipe");
    feed(&parser, text, size);
    convo_status status = CONVO_OK;
    int depth = 0, documents = 0;
    for (bool done = false; !done && !status;) {
        yaml_event_t event;
        if (!yaml_parser_parse(&parser, &event)) {
            status = parser_failed(&parser, file, err);
            break;
        }
        done = event.type == YAML_STREAM_END_EVENT;
        status = check_event(&event, file, &depth, &documents, err);
        yaml_event_delete(&event);
    }
    yaml_parser_delete(&parser);
    return status;
}

static convo_status check_mapping(const cv_yaml *yaml, const yaml_node_t *node, convo_error *err) {
    const yaml_node_pair_t *start = node->data.mapping.pairs.start, *top = node->data.mapping.pairs.top;
    if (top - start > CV_LIMIT_KEYS)
        return cv_fail(err, CONVO_LIMIT, cv_yaml_where(yaml, node).text, "a mapping holds at most %d keys",
                       CV_LIMIT_KEYS);
    for (const yaml_node_pair_t *pair = start; pair < top; pair++) {
        const yaml_node_t *key = cv_yaml_node(yaml, pair->key);
        const char *text = cv_yaml_text(key);
        if (!text) return cv_fail(err, CONVO_FORMAT, cv_yaml_where(yaml, key).text, "a key must be a word");
        for (const yaml_node_pair_t *other = start; other < pair; other++)
            if (!strcmp(text, cv_yaml_text(cv_yaml_node(yaml, other->key))))
                return cv_fail(err, CONVO_FORMAT, cv_yaml_where(yaml, key).text, "duplicate key '%s'", text);
    }
    return CONVO_OK;
}

static convo_status check_nodes(const cv_yaml *yaml, convo_error *err) {
    for (const yaml_node_t *node = yaml->document->nodes.start; node < yaml->document->nodes.top; node++) {
        if (node->type == YAML_MAPPING_NODE) CV_TRY(check_mapping(yaml, node, err));
        if (node->type == YAML_SCALAR_NODE && strlen(cv_yaml_text(node)) != node->data.scalar.length)
            return cv_fail(err, CONVO_FORMAT, cv_yaml_where(yaml, node).text, "text cannot contain a NUL byte");
    }
    return CONVO_OK;
}

convo_status cv_yaml_parse(const char *text, size_t size, const char *file, yaml_document_t *document,
                           convo_error *err) {
    if (size > CV_LIMIT_RECIPE)
        return cv_fail(err, CONVO_LIMIT, file, "is too large for a recipe: %zu bytes, at most %d are accepted", size,
                       CV_LIMIT_RECIPE);
    convo_status status = check_events(text, size, file, err);
    if (status) return status;

    yaml_parser_t parser;
    if (!yaml_parser_initialize(&parser)) return cv_no_memory(err, "a recipe");
    feed(&parser, text, size);
    if (!yaml_parser_load(&parser, document)) {
        status = parser_failed(&parser, file, err);
        yaml_parser_delete(&parser);
        return status;
    }
    yaml_parser_delete(&parser);
    cv_yaml yaml = {file, document, NULL};
    status = cv_yaml_root(&yaml) ? check_nodes(&yaml, err) : cv_fail(err, CONVO_FORMAT, file, "is empty");
    if (status) yaml_document_delete(document);
    return status;
}

// --- walking ----------------------------------------------------------------------------------------------------

const yaml_node_t *cv_yaml_node(const cv_yaml *yaml, int index) {
    return yaml->document->nodes.start + index - 1; // libyaml counts from 1
}

const yaml_node_t *cv_yaml_root(const cv_yaml *yaml) {
    const yaml_document_t *document = yaml->document;
    return document->nodes.top > document->nodes.start ? document->nodes.start : NULL;
}

const yaml_node_t *cv_yaml_find(const cv_yaml *yaml, const yaml_node_t *node, const char *key) {
    if (!node || node->type != YAML_MAPPING_NODE) return NULL;
    for (const yaml_node_pair_t *pair = node->data.mapping.pairs.start; pair < node->data.mapping.pairs.top; pair++)
        if (!strcmp(cv_yaml_text(cv_yaml_node(yaml, pair->key)), key)) return cv_yaml_node(yaml, pair->value);
    return NULL;
}

const char *cv_yaml_text(const yaml_node_t *node) {
    return node && node->type == YAML_SCALAR_NODE ? (const char *)node->data.scalar.value : NULL;
}

bool cv_yaml_is_null(const yaml_node_t *node) {
    const char *text = cv_yaml_text(node);
    if (!text) return !node;
    return node->data.scalar.style == YAML_PLAIN_SCALAR_STYLE &&
           (!*text || !strcmp(text, "~") || !strcmp(text, "null"));
}

bool cv_yaml_named(const cv_yaml *yaml, const yaml_node_t *node, const yaml_node_t **name, const yaml_node_t **value) {
    *name = node;
    *value = NULL;
    if (node->type == YAML_MAPPING_NODE) {
        const yaml_node_pair_t *pair = node->data.mapping.pairs.start;
        if (node->data.mapping.pairs.top - pair != 1) return false;
        *name = cv_yaml_node(yaml, pair->key);
        *value = cv_yaml_node(yaml, pair->value);
    }
    return cv_yaml_text(*name) && !cv_yaml_is_null(*name);
}

cv_where cv_yaml_where(const cv_yaml *yaml, const yaml_node_t *node) {
    if (node && node->start_mark.line != SIZE_MAX) return where_at(yaml->file, node->start_mark);
    cv_where where;
    snprintf(where.text, sizeof where.text, "%.460s", node && yaml->setting ? yaml->setting : yaml->file);
    return where;
}

// --- blocks -----------------------------------------------------------------------------------------------------

// Every key a block may hold, for the suggestion.
static const char *next_key(const void *context, size_t k) {
    const cv_yaml_block *block = context;
    for (size_t p = 0; p < CV_COUNT(block->part); p++)
        for (const cv_option *option = block->part[p].schema; option && option->name; option++)
            if (!k--) return option->name;
    for (const char *const *also = block->also; also && *also; also++)
        if (!k--) return *also;
    return NULL;
}

// The items of a list, each on a line. false: one of them is no such item.
static bool list_text(const cv_yaml *yaml, const yaml_node_t *node, char *text, size_t size) {
    text[0] = '\0';
    const yaml_node_item_t *item = node->data.sequence.items.start, *top = node->data.sequence.items.top;
    for (; item < top; item++) {
        const char *scalar = cv_yaml_text(cv_yaml_node(yaml, *item));
        if (!scalar || !*scalar || strchr(scalar, '\n')) return false;
        cv_append(text, size, "%s\n", scalar);
    }
    return true;
}

// Appends the text of a scalar or of a list of scalars in the form cv_option_set reads.
static void value_text(const cv_yaml *yaml, const yaml_node_t *node, char *text, size_t size) {
    text[0] = '\0';
    if (node->type == YAML_MAPPING_NODE) {
        cv_append(text, size, "{...}");
    } else if (node->type == YAML_SCALAR_NODE) {
        cv_append(text, size, "%s", cv_yaml_text(node));
    } else {
        const yaml_node_item_t *start = node->data.sequence.items.start, *top = node->data.sequence.items.top;
        for (const yaml_node_item_t *item = start; item < top; item++) {
            const char *scalar = cv_yaml_text(cv_yaml_node(yaml, *item));
            cv_append(text, size, "%s%s", item == start ? "[" : ", ", scalar ? scalar : "...");
        }
        cv_append(text, size, "%s", start == top ? "[]" : "]");
    }
}

static convo_status read_option(const cv_yaml *yaml, const yaml_node_t *node, const cv_option *option, void *values,
                                convo_error *err) {
    char text[CV_WRITTEN_SIZE], why[256];
    if (option->type == CV_TEXT && !cv_yaml_text(node))
        return cv_fail(err, CONVO_ARGUMENT, cv_yaml_where(yaml, node).text, "'%s' must be text", option->name);
    if (option->type != CV_LIST || node->type != YAML_SEQUENCE_NODE)
        value_text(yaml, node, text, sizeof text);
    else if (!list_text(yaml, node, text, sizeof text))
        return cv_fail(err, CONVO_ARGUMENT, cv_yaml_where(yaml, node).text, "'%s' must be a list of single-line names",
                       option->name);
    if (cv_option_set(option, values, text, why, sizeof why)) return CONVO_OK;
    return cv_fail(err, CONVO_ARGUMENT, cv_yaml_where(yaml, node).text, "'%s' must be %s", option->name, why);
}

static convo_status read_pair(const cv_yaml *yaml, const yaml_node_t *key, const yaml_node_t *value,
                              const cv_yaml_block *block, convo_error *err) {
    const char *name = cv_yaml_text(key);
    for (size_t p = 0; p < CV_COUNT(block->part); p++) {
        const cv_option *option = block->part[p].schema ? cv_option_find(block->part[p].schema, name) : NULL;
        if (option) return read_option(yaml, value, option, block->part[p].values, err);
    }
    for (const char *const *also = block->also; also && *also; also++)
        if (!strcmp(*also, name)) return CONVO_OK;
    for (const char *const *common = block->common; common && *common; common++)
        if (!strcmp(*common, name)) return CONVO_OK;
    if (!next_key(block, 0))
        return cv_fail(err, CONVO_ARGUMENT, cv_yaml_where(yaml, key).text, "%s takes no options", block->what);
    return cv_fail(err, CONVO_ARGUMENT, cv_yaml_where(yaml, key).text, "%s has no option '%s'%s", block->what, name,
                   cv_did_you_mean(name, next_key, block).text);
}

convo_status cv_yaml_read(const cv_yaml *yaml, const yaml_node_t *node, const cv_yaml_block *block, convo_error *err) {
    for (size_t p = 0; p < CV_COUNT(block->part); p++)
        if (block->part[p].schema) cv_options_default(block->part[p].schema, block->part[p].values);
    if (!node) return CONVO_OK;

    convo_status status = CONVO_OK;
    const cv_option *first = block->part[0].schema, *given = NULL;
    if (node->type == YAML_MAPPING_NODE) {
        const yaml_node_pair_t *pair = node->data.mapping.pairs.start;
        for (; !status && pair < node->data.mapping.pairs.top; pair++)
            status = read_pair(yaml, cv_yaml_node(yaml, pair->key), cv_yaml_node(yaml, pair->value), block, err);
    } else if (!cv_yaml_is_null(node)) {
        if (!block->bare)
            return cv_fail(err, CONVO_ARGUMENT, cv_yaml_where(yaml, node).text, "%s must be a mapping, 'key: value'",
                           block->what);
        if (!first || !first->name)
            return cv_fail(err, CONVO_ARGUMENT, cv_yaml_where(yaml, node).text, "%s takes no options", block->what);
        given = first;
        status = read_option(yaml, node, given, block->part[0].values, err);
    }
    for (size_t p = 0; p < CV_COUNT(block->part); p++)
        for (const cv_option *option = block->part[p].schema; !status && option && option->name; option++)
            if (option->required && option != given && !cv_yaml_find(yaml, node, option->name))
                status = cv_fail(err, CONVO_ARGUMENT, cv_yaml_where(yaml, block->at).text, "%s needs '%s' (%s)",
                                 block->what, option->name, option->help ? option->help : "it has no default");
    return status;
}

convo_status cv_yaml_word(const cv_yaml *yaml, const yaml_node_t *name, const char *what,
                          const char *(*next)(const void *context, size_t k), const void *context, size_t *k,
                          convo_error *err) {
    const char *text = cv_yaml_text(name);
    for (*k = 0; next(context, *k); ++*k)
        if (!strcmp(next(context, *k), text)) return CONVO_OK;
    return cv_fail(err, CONVO_ARGUMENT, cv_yaml_where(yaml, name).text, "unknown %s '%s'%s", what, text,
                   cv_did_you_mean(text, next, context).text);
}

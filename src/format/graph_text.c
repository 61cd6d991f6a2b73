// Nodes of a graph as text: the language in which ops and front ends define their ONNX form.
#include "format/graph.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct parser {
    cv_graph *graph;
    const cv_graph_scope *scope;
    const char *at;
    bool wrong;
} parser;

static bool skip_char(parser *p, char c) {
    while (*p->at == ' ') p->at++;
    if (*p->at != c) return false;
    p->at++;
    return true;
}

static void expect(parser *p, char c) {
    if (!skip_char(p, c)) p->wrong = true;
}

static void read_word(parser *p, char out[CV_GRAPH_NAME]) {
    while (*p->at == ' ') p->at++;
    const size_t length = strcspn(p->at, " ,;()=[]#");
    if (length == 0 || length >= CV_GRAPH_NAME) p->wrong = true;
    cv_print(out, CV_GRAPH_NAME, "%.*s", (int)length, p->at);
    p->at += length;
}

static void parse_value(parser *p, char out[CV_GRAPH_NAME]) {
    char name[CV_GRAPH_NAME];
    read_word(p, name);
    if (p->scope)
        p->scope->resolve(p->scope->context, name, out);
    else
        memcpy(out, name, sizeof name);
}

// Whole numbers up to ']', which is read.
static size_t read_list(parser *p, int64_t out[CV_GRAPH_DIMS]) {
    size_t count = 0;
    while (!p->wrong && count < CV_GRAPH_DIMS) {
        char word[CV_GRAPH_NAME], *end = word;
        read_word(p, word);
        out[count++] = strtoll(word, &end, 10);
        p->wrong |= *end != 0;
        if (!skip_char(p, ',')) break;
    }
    expect(p, ']');
    return count;
}

// #0.5, #0.5d, #[1, -1]: a constant called after what it holds.
static void parse_constant(parser *p, char name[CV_GRAPH_NAME]) {
    const char *start = p->at;
    int64_t whole[CV_GRAPH_DIMS], dims = 0;
    double number = 0;
    enum cv_constant_type type = CV_CONST_I64;
    if (skip_char(p, '[')) {
        dims = (int64_t)read_list(p, whole);
    } else {
        char word[CV_GRAPH_NAME], *end;
        read_word(p, word);
        number = strtod(word, &end);
        type = *end == 'd' ? CV_CONST_F64 : CV_CONST_F32;
        p->wrong |= end == word || (*end && strcmp(end, "d") != 0);
    }
    cv_print(name, CV_GRAPH_NAME, "#%.*s", (int)(p->at - start), start);
    if (p->wrong || cv_graph_constant(p->graph, name)) return;
    void *data = cv_graph_add_constant(p->graph, name, type, type == CV_CONST_I64 ? 1 : 0, &dims);
    if (!data) return;
    if (type == CV_CONST_F32) *(float *)data = (float)number;
    if (type == CV_CONST_F64) *(double *)data = number;
    if (type == CV_CONST_I64) memcpy(data, whole, (size_t)dims * sizeof *whole);
}

static void read_inputs(parser *p, cv_graph_node *node) {
    size_t given = 0, last = 0; // inputs that are left out at the end are not written at all
    char name[8][CV_GRAPH_NAME];
    expect(p, '(');
    do {
        if (given == CV_COUNT(name)) p->wrong = true;
        if (p->wrong) return;
        if (skip_char(p, '#'))
            parse_constant(p, name[given]);
        else
            parse_value(p, name[given]);
        if (*name[given++]) last = given;
    } while (skip_char(p, ','));
    expect(p, ')');
    for (size_t k = 0; k < last; k++) cv_graph_add_input(p->graph, node, name[k]);
}

static void parse_attribute(parser *p, cv_graph_node *node) {
    char name[CV_GRAPH_NAME], word[CV_GRAPH_NAME], *end = word;
    int64_t whole[CV_GRAPH_DIMS];
    read_word(p, name);
    expect(p, '=');
    cv_attribute made = {.list = skip_char(p, '['), .count = 1};
    if (made.list) {
        made.count = read_list(p, whole);
    } else {
        read_word(p, word);
        const bool is_word = (*word >= 'a' && *word <= 'z') || (*word >= 'A' && *word <= 'Z');
        made.kind = is_word ? CV_ATTRIBUTE_TEXT : strpbrk(word, ".e") ? CV_ATTRIBUTE_FLOAT : CV_ATTRIBUTE_INTS;
        if (is_word)
            end = word + strlen(word);
        else if (made.kind == CV_ATTRIBUTE_FLOAT)
            made.number = strtof(word, &end);
        else
            whole[0] = strtoll(word, &end, 10);
        p->wrong |= end == word || *end;
    }
    cv_attribute *attribute = p->wrong ? NULL : cv_graph_add_attribute(p->graph, node, name);
    if (!attribute) return;
    made.name = attribute->name;
    if (made.kind == CV_ATTRIBUTE_INTS && !(made.ints = cv_alloc(made.count, sizeof *made.ints)))
        p->graph->failed = true;
    else if (made.kind == CV_ATTRIBUTE_INTS)
        memcpy(made.ints, whole, made.count * sizeof *whole);
    if (made.kind == CV_ATTRIBUTE_TEXT && !(made.text = cv_format("%s", word))) p->graph->failed = true;
    *attribute = made;
}

enum { MOST_OUTPUTS = 2 };

bool cv_graph_parse(cv_graph *graph, const char *text, const cv_graph_scope *scope) {
    parser p = {.graph = graph, .scope = scope, .at = text};
    do {
        char output[MOST_OUTPUTS][CV_GRAPH_NAME], type[CV_GRAPH_NAME];
        size_t outputs = 0;
        do {
            if (skip_char(&p, '_'))
                output[outputs][0] = 0;
            else
                parse_value(&p, output[outputs]);
        } while (++outputs < MOST_OUTPUTS && skip_char(&p, ','));
        expect(&p, '=');
        read_word(&p, type);
        cv_graph_node *node = p.wrong ? NULL : cv_graph_add_node(graph, type, output[outputs - 1]);
        if (!node) return false;
        for (size_t k = 0; k < outputs; k++) cv_graph_add_output(graph, node, output[k]);
        read_inputs(&p, node);
        while (!p.wrong && !graph->failed && !skip_char(&p, ';') && *p.at) parse_attribute(&p, node);
        if (p.at[-1] != ';') expect(&p, 0);
    } while (!p.wrong && !graph->failed && p.at[-1] == ';');
    return !p.wrong && !graph->failed;
}

bool cv_graph_print(cv_graph *graph, const char *format, ...) {
    char text[1024];
    va_list args;
    va_start(args, format);
    const int length = vsnprintf(text, sizeof text, format, args);
    va_end(args);
    return length >= 0 && length < (int)sizeof text && cv_graph_parse(graph, text, NULL);
}

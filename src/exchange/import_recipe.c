// Expresses a net that was read as a recipe: chains of layers, and sums as residual blocks; where values join
// otherwise, layers by name.
#include "exchange/import.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// A sum joins two branches that began at the same node: the nearest one through which every way to the sum leads, its
// dominator. All other layers have one input, which is theirs. Cooper, Harvey & Kennedy 2001, for graphs without loops.
typedef struct recipe_writer {
    cv_import *import;
    int *dominator; // [nodes] -1: the input
    int *depth;     // [nodes] steps along dominators from the input
    bool *written;  // [nodes]
    bool crosses;   // residual blocks cannot say it
    char *text;
    size_t size, room;
    bool failed; // no memory
} recipe_writer;

static bool joins(const cv_node *node) {
    return node->op->inputs > 1;
}

static bool is_residual(const cv_node *node) {
    return node->op->sum && cv_shape_size(node->in) == cv_shape_size(node->in1);
}

static int depth_of(const recipe_writer *w, int node) {
    return node < 0 ? 0 : w->depth[node];
}

static void find_dominators(recipe_writer *w) {
    for (int i = 0; i < w->import->net->nodes; i++) {
        const cv_node *node = &w->import->net->node[i];
        int a = node->input[0], b = joins(node) ? node->input[1] : a;
        while (a != b)
            if (depth_of(w, a) >= depth_of(w, b))
                a = w->dominator[a];
            else
                b = w->dominator[b];
        w->dominator[i] = a;
        w->depth[i] = depth_of(w, a) + 1;
    }
}

// --- text ---------------------------------------------------------------------------------------------------------

static void put(recipe_writer *w, const char *format, ...) CV_PRINTF(2, 3);
static void put(recipe_writer *w, const char *format, ...) {
    char text[512];
    va_list args;
    va_start(args, format);
    const int length = vsnprintf(text, sizeof text, format, args);
    va_end(args);
    if (length < 0 || length >= (int)sizeof text || !cv_grow(&w->text, &w->room, w->size + (size_t)length + 1, 1)) {
        w->failed = true;
        return;
    }
    memcpy(w->text + w->size, text, (size_t)length + 1);
    w->size += (size_t)length;
}

// Options that are not as they would be anyway. A stride of the kernel's size is a pool's default.
// wire: further ones, "name: a, from: b".
static void put_options(recipe_writer *w, const cv_node *node, const char *wire) {
    char text[512] = "", now[64], usual[64], kernel[64] = "", first[64] = "";
    int count = 0;
    void *blank = cv_alloc(1, node->op->config_size + 1);
    if (!blank) w->failed = true;
    if (!blank) return;
    if (node->op->schema) cv_options_default(node->op->schema, blank);
    for (const cv_option *o = node->op->schema; o && o->name; o++) {
        cv_option_get(o, node->config, now, sizeof now);
        cv_option_get(o, blank, usual, sizeof usual);
        if (!strcmp(o->name, "kernel")) memcpy(kernel, now, sizeof kernel);
        if (!o->required && !strcmp(now, usual)) continue;
        if (!strcmp(o->name, "stride") && strstr(node->op->name, "pool") && !strcmp(now, kernel)) continue;
        if (o == node->op->schema) memcpy(first, now, sizeof first);
        cv_append(text, sizeof text, "%s%s: %s", count++ ? ", " : "", o->name, now);
    }
    free(blank);
    if (*wire) cv_append(text, sizeof text, "%s%s", count ? ", " : "", wire);
    count += *wire ? 2 : 0;
    if (!count)
        put(w, "%s\n", node->op->name);
    else if (count == 1 && first[0])
        put(w, "%s: %s\n", node->op->name, first);
    else
        put(w, "%s: {%s}\n", node->op->name, text);
}

// --- layers -------------------------------------------------------------------------------------------------------

static convo_status put_chain(recipe_writer *w, int from, int to, const char *prefix, int indent);

static convo_status put_sum(recipe_writer *w, cv_node *node, int indent) {
    const int fork = w->dominator[node - w->import->net->node];
    const int body = node->input[0] == fork ? 1 : 0; // the branch that has layers
    char prefix[sizeof node->path + 16];
    put(w, "residual:\n%*sbody:\n", indent + 4, "");
    snprintf(prefix, sizeof prefix, "%s.body.", node->path);
    convo_status status = put_chain(w, fork, node->input[body], prefix, indent + 6);
    if (status || node->input[1 - body] == fork) return status;
    put(w, "%*sshortcut:\n", indent + 4, "");
    snprintf(prefix, sizeof prefix, "%s.shortcut.", node->path);
    return put_chain(w, fork, node->input[1 - body], prefix, indent + 6);
}

// The layers between two nodes, the first one not included. prefix: of their paths.
static convo_status put_chain(recipe_writer *w, int from, int to, const char *prefix, int indent) {
    cv_net *net = w->import->net;
    convo_error *err = w->import->err;
    int count = 0;
    for (int i = to; i != from; i = w->dominator[i]) count++;
    int *chain = cv_alloc((size_t)count + 1, sizeof *chain);
    if (!chain) return cv_no_memory(err, "a recipe");
    for (int i = to, k = count; i != from; i = w->dominator[i]) chain[--k] = i;
    convo_status status = CONVO_OK;
    if (!count && *prefix) // a value is added to itself: a body whose layers do nothing but in training
        put(w, "%*s- dropout: 0\n", indent, "");
    else if (!count)
        status = cv_fail(err, CONVO_UNSUPPORTED, w->import->path, "the graph computes nothing");
    for (int k = 0; !status && k < count; k++) {
        cv_node *node = &net->node[chain[k]];
        w->crosses |= w->written[chain[k]] || (joins(node) && !is_residual(node));
        if (w->crosses) break;
        if (snprintf(node->path, sizeof node->path, "%s%d", prefix, k) >= (int)sizeof node->path)
            status = cv_fail(err, CONVO_LIMIT, w->import->path, "sums within sums are nested too deep");
        if (status) break;
        w->written[chain[k]] = true;
        put(w, "%*s- ", indent, "");
        if (joins(node))
            status = put_sum(w, node, indent);
        else
            put_options(w, node, "");
    }
    free(chain);
    return status;
}

// --- layers by name -----------------------------------------------------------------------------------------------

// What a layer reads, as `from` has it. previous: the layer above it.
static void value_name(int node, int previous, char out[24]) {
    if (node == previous)
        cv_print(out, 24, "previous");
    else if (node < 0)
        cv_print(out, 24, "input");
    else
        cv_print(out, 24, "v%d", node);
}

// Marks the nodes that the output is computed from, and those that another layer than the next one reads.
static void mark(const cv_net *net, int output, bool *used, bool *named) {
    int next = -1;
    used[output] = true;
    for (int i = output; i >= 0; i--)
        for (int k = 0; used[i] && k < cv_node_inputs(&net->node[i]); k++)
            if (net->node[i].input[k] >= 0) used[net->node[i].input[k]] = true;
    for (int i = output; i >= 0; i--) {
        if (!used[i]) continue;
        for (int j = i + 1; j <= output; j++)
            for (int k = 0; used[j] && j != next && k < cv_node_inputs(&net->node[j]); k++)
                named[i] |= net->node[j].input[k] == i;
        next = i;
    }
}

// In the order of the net; what is not read from the layer above has a name.
static convo_status put_flat(recipe_writer *w, int indent) {
    cv_net *net = w->import->net;
    const int output = w->import->output;
    bool *used = cv_alloc((size_t)net->nodes, sizeof *used), *named = cv_alloc((size_t)net->nodes, sizeof *named);
    if (used && named) mark(net, output, used, named);
    int previous = -1, count = 0;
    for (int i = 0; used && named && i <= output; i++) {
        cv_node *node = &net->node[i];
        char wire[96] = "", a[24], b[24];
        if (!used[i]) continue;
        if (named[i]) cv_append(wire, sizeof wire, "name: v%d", i);
        value_name(node->input[0], previous, a);
        value_name(node->input[1], previous, b);
        if (joins(node))
            cv_append(wire, sizeof wire, "%sfrom: [%s, %s]", *wire ? ", " : "", a, b);
        else if (node->input[0] != previous)
            cv_append(wire, sizeof wire, "%sfrom: %s", *wire ? ", " : "", a);
        cv_print(node->path, sizeof node->path, "%d", count++);
        put(w, "%*s- ", indent, "");
        put_options(w, node, wire);
        previous = i;
    }
    const bool done = used && named;
    free(used);
    free(named);
    return done ? CONVO_OK : cv_no_memory(w->import->err, "a recipe");
}

// --- the recipe ---------------------------------------------------------------------------------------------------

static void put_head(recipe_writer *w) {
    const cv_shape s = w->import->net->input, out = w->import->net->node[w->import->output].out;
    int64_t size[3] = {s.c, s.dims == 3 ? s.h : s.w, s.w};
    put(w, "input: [%" PRId64, size[0]);
    // NOLINTNEXTLINE(*CallAndMessage): there are at most 3
    for (int k = 1; k < s.dims; k++) put(w, ", %" PRId64, size[k]);
    put(w, "]\n");
    const bool two = w->import->two_classes || w->import->ended == CV_IMPORT_SIGMOID;
    if (out.dims == 1 && out.c == 1) // for two classes, or for a number
        put(w, "train: {loss: %s, optimizer: adam}\n", two ? "logistic" : "regression");
    else if (w->import->ended == CV_IMPORT_SIGMOID) // of each output: several may be true
        put(w, "train: {loss: binary_cross_entropy, optimizer: adam}\n");
    put(w, "model:\n");
}

static convo_status replace_model(const recipe_writer *w, const convo_recipe *base, const char *name,
                                  convo_recipe **recipe, convo_error *err) {
    char *text = NULL;
    yaml_document_t document, list;
    convo_status status = cv_yaml_parse(w->text, w->size, name, &list, err);
    if (status) return status;
    if (!cv_yaml_copy(&base->document, 1, false, &document)) status = cv_no_memory(err, name);
    if (!status) {
        status = cv_yaml_assign(&document, "model", &list, name, err);
        if (!status) status = cv_yaml_dump(&document, &text, err);
        yaml_document_delete(&document);
    }
    yaml_document_delete(&list);
    if (!status) status = cv_recipe_parse(text, strlen(text), name, w->import->path, recipe, err);
    free(text);
    return status;
}

static convo_status check_input(const cv_import *d, const convo_recipe *recipe) {
    const cv_shape a = recipe->input, b = d->net->input;
    char have[48], need[48];
    if (a.dims == b.dims && a.c == b.c && a.h == b.h && a.w == b.w) return CONVO_OK;
    cv_shape_text(a, have, sizeof have);
    cv_shape_text(b, need, sizeof need);
    return cv_fail(d->err, CONVO_SHAPE, d->path, "its net reads %s, but the recipe '%s' provides %s", need,
                   recipe->name, have);
}

// A recipe that leaves `input` to its data gets the graph's.
static convo_status give_input(const cv_import *d, convo_recipe **recipe) {
    convo_recipe *given;
    CV_TRY(cv_recipe_with_input(*recipe, d->net->input, &given, d->err));
    convo_recipe_free(*recipe);
    *recipe = given;
    return CONVO_OK;
}

convo_status cv_import_recipe(cv_import *d, const convo_recipe *base, const char *name, convo_recipe **recipe) {
    const size_t nodes = (size_t)d->net->nodes + 1;
    recipe_writer w = {.import = d,
                       .dominator = cv_alloc(nodes, sizeof *w.dominator),
                       .depth = cv_alloc(nodes, sizeof *w.depth),
                       .written = cv_alloc(nodes, sizeof *w.written)};
    *recipe = NULL;
    convo_status status = w.dominator && w.depth && w.written ? CONVO_OK : cv_no_memory(d->err, "a recipe");
    if (!status) find_dominators(&w);
    if (!status && !base) put_head(&w);
    const size_t head = w.size;
    if (!status) status = put_chain(&w, -1, d->output, "", base ? 0 : 2);
    if (!status && w.crosses) {
        w.size = head;
        status = put_flat(&w, base ? 0 : 2);
    }
    if (!status && w.failed) status = cv_no_memory(d->err, "a recipe");
    if (!status && base)
        status = replace_model(&w, base, name, recipe, d->err);
    else if (!status)
        status = cv_recipe_parse(w.text, w.size, name, d->path, recipe, d->err);
    if (!status) status = (*recipe)->input.dims ? check_input(d, *recipe) : give_input(d, recipe);
    free(w.dominator);
    free(w.depth);
    free(w.written);
    free(w.text);
    if (status) {
        convo_recipe_free(*recipe);
        *recipe = NULL;
    }
    return status;
}

// Which output is imported, and the nodes that it needs, each behind those it reads. Files need not be in order, and
// most of a graph with several outputs may not be wanted.
#include "exchange/import.h"
#include "model/weights.h"

#include <stdlib.h>
#include <string.h>

typedef struct producer {
    const char *value;
    size_t node;
} producer;

typedef struct sorter {
    producer *producer; // by value
    size_t producers;
    bool *needed, *placed; // [nodes]
    size_t *open;          // [nodes] whose inputs are to be looked at
} sorter;

static int compare_producers(const void *a, const void *b) {
    return strcmp(((const producer *)a)->value, ((const producer *)b)->value);
}

static const producer *find_producer(const sorter *s, const char *value) {
    const producer key = {value, 0};
    return *value ? bsearch(&key, s->producer, s->producers, sizeof key, compare_producers) : NULL;
}

static convo_status choose_output(cv_import *d, const sorter *s) {
    const cv_graph *g = d->graph;
    cv_name_list names = {0};
    for (size_t k = 0; k < g->results; k++) cv_name_list_add(&names, "%.40s", g->result[k].name);
    cv_name_list_end(&names);
    d->result = g->result[0].name;
    if (d->wanted) {
        const producer *made = find_producer(s, d->wanted);
        if (!made)
            return cv_fail(d->err, CONVO_ARGUMENT, d->path, "no node produces '%.100s': its outputs are %s", d->wanted,
                           names.text);
        d->result = made->value;
    } else if (g->results > 1) {
        cv_import_note(d, "%s: of the outputs %s, '%s' is imported (--output VALUE imports another)", d->path,
                       names.text, d->result);
    }
    return CONVO_OK;
}

static void mark_needed(const cv_import *d, sorter *s) {
    size_t count = 0;
    const producer *first = find_producer(s, d->result);
    if (first) s->needed[s->open[count++] = first->node] = true;
    while (count) {
        const cv_graph_node *n = &d->graph->node[s->open[--count]];
        for (size_t i = 0; i < n->inputs; i++) {
            const producer *p = find_producer(s, n->input[i]);
            if (p && !s->needed[p->node]) s->needed[s->open[count++] = p->node] = true;
        }
    }
}

static bool is_ready(const cv_import *d, const sorter *s, size_t node) {
    const cv_graph_node *n = &d->graph->node[node];
    for (size_t i = 0; i < n->inputs; i++) {
        const producer *p = find_producer(s, n->input[i]);
        if (p && !s->placed[p->node]) return false;
    }
    return true;
}

// In the order of the file as far as it is one.
static convo_status place_nodes(cv_import *d, sorter *s) {
    size_t last = 0, need = 0;
    for (size_t k = 0; k < d->graph->nodes; k++) need += s->needed[k];
    do {
        last = d->nodes;
        for (size_t k = 0; k < d->graph->nodes; k++) {
            if (!s->needed[k] || s->placed[k] || !is_ready(d, s, k)) continue;
            s->placed[k] = true;
            d->order[d->nodes++] = k;
        }
    } while (d->nodes > last && d->nodes < need);
    if (d->nodes == need) return CONVO_OK;
    return cv_fail(d->err, CONVO_FORMAT, d->path, "its nodes read each other's outputs in a circle");
}

// The one input that the needed nodes read.
static void choose_input(cv_import *d, const sorter *s) {
    const cv_graph *g = d->graph;
    for (size_t k = 0; k < g->sources; k++) {
        const cv_graph_value *source = &g->source[k];
        bool read = !strcmp(source->name, d->result);
        for (size_t n = 0; n < g->nodes && !read; n++)
            for (size_t i = 0; s->needed[n] && i < g->node[n].inputs; i++)
                read = read || !strcmp(g->node[n].input[i], source->name);
        if (read && d->source && !*d->several)
            cv_print(d->several, sizeof d->several,
                     "a net has one input, but '%.60s' is computed from '%.60s' and '%.60s'", d->result,
                     d->source->name, source->name);
        if (read && !d->source) d->source = source;
    }
    if (!d->source) d->source = &g->source[0]; // read within a node, or not at all
}

static convo_status sort_nodes(cv_import *d, sorter *s) {
    for (size_t k = 0; k < d->graph->nodes; k++)
        for (size_t o = 0; o < d->graph->node[k].outputs; o++)
            if (*d->graph->node[k].output[o]) s->producer[s->producers++] = (producer){d->graph->node[k].output[o], k};
    qsort(s->producer, s->producers, sizeof *s->producer, compare_producers);
    for (size_t k = 1; k < s->producers; k++)
        if (!strcmp(s->producer[k].value, s->producer[k - 1].value))
            return cv_fail(d->err, CONVO_FORMAT, d->path, "'%.100s' is produced twice", s->producer[k].value);
    CV_TRY(choose_output(d, s));
    mark_needed(d, s);
    CV_TRY(place_nodes(d, s));
    choose_input(d, s);
    return CONVO_OK;
}

convo_status cv_import_order(cv_import *d) {
    const size_t nodes = d->graph->nodes;
    size_t outputs = 0;
    for (size_t k = 0; k < nodes; k++) outputs += d->graph->node[k].outputs;
    sorter s = {.producer = cv_alloc(outputs + 1, sizeof *s.producer),
                .needed = cv_alloc(nodes + 1, sizeof *s.needed),
                .placed = cv_alloc(nodes + 1, sizeof *s.placed),
                .open = cv_alloc(nodes + 1, sizeof *s.open)};
    d->order = cv_alloc(nodes + 1, sizeof *d->order);
    const bool room = s.producer && s.needed && s.placed && s.open && d->order;
    const convo_status status = room ? sort_nodes(d, &s) : cv_no_memory(d->err, d->path);
    free(s.producer);
    free(s.needed);
    free(s.placed);
    free(s.open);
    return status;
}

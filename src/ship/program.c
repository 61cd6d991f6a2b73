#include "ship/program.h"

#include <float.h>
#include <stdlib.h>
#include <string.h>

void cv_program_free(cv_program *p) {
    if (!p) return;
    for (int t = 0; t < p->tables; t++) free(p->table[t].values);
    free(p->table);
    free(p->value);
    free(p->call);
    free(p->made);
    free(p);
}

int cv_program_add_value(cv_program *p, cv_maps maps, size_t count) {
    if (!cv_grow(&p->value, &p->value_capacity, (size_t)p->values + 1, sizeof *p->value)) return -1;
    p->value[p->values] = (cv_device_value){.maps = maps, .count = count, .born = -1, .dies = -1, .shares = -1};
    return p->values++;
}

int cv_program_add_call(cv_program *p, const char *kernel, int x, int x1, int y, const char *path) {
    if (!cv_grow(&p->call, &p->call_capacity, (size_t)p->calls + 1, sizeof *p->call)) return -1;
    cv_device_call *c = &p->call[p->calls];
    *c = (cv_device_call){.kernel = cv_kernel_find(kernel), .x = x, .x1 = x1, .y = y};
    cv_print(c->path, sizeof c->path, "%s", path);
    c->f32.g.groups = 1;
    c->f32.least = -FLT_MAX;
    c->f32.most = FLT_MAX;
    return p->calls++;
}

size_t cv_table_size(cv_table_type type) {
    static const size_t sizes[] = {[CV_TABLE_F32] = sizeof(float),
                                   [CV_TABLE_I32] = sizeof(int32_t),
                                   [CV_TABLE_I16] = sizeof(int16_t),
                                   [CV_TABLE_I8] = 1,
                                   [CV_TABLE_U8] = 1};
    return sizes[type];
}

void *cv_program_add_table(cv_program *p, cv_table_type type, size_t count, const char *path, const char *name) {
    if (!cv_grow(&p->table, &p->table_capacity, (size_t)p->tables + 1, sizeof *p->table)) return NULL;
    void *values = cv_alloc(count, cv_table_size(type));
    if (!values) return NULL;
    cv_table *t = &p->table[p->tables++];
    *t = (cv_table){.type = type, .count = count, .values = values};
    cv_print(t->name, sizeof t->name, "%s%s_%s", *path >= '0' && *path <= '9' ? "layer_" : "", path, name);
    for (char *c = t->name; *c; c++) // paths have letters, digits and dots
        if (*c == '.') *c = '_';
    return values;
}

// The kernel that makes probabilities of so many outputs as the loss does: of its own name, but for these. NULL: none.
static const char *kernel_of(const char *loss, int64_t outputs) {
    if (!strcmp(loss, "cross_entropy") || !strcmp(loss, "focal")) return "softmax";
    if (!strcmp(loss, "binary_cross_entropy")) return outputs > 1 ? "sigmoid" : "logistic";
    return cv_kernel_find(loss) ? loss : NULL;
}

// What the net's outputs say about the classes.
static convo_status add_probabilities(const cv_ship *ship, cv_program *p, convo_error *err) {
    const char *loss = ship->recipe->loss->name;
    const char *kernel = kernel_of(loss, p->outputs);
    if (!kernel || !ship->recipe->loss->probabilities)
        return cv_fail(err, CONVO_UNSUPPORTED, ship->recipe->file,
                       "the probabilities of the loss '%s' have no form for devices", loss);
    const int call = cv_program_add_call(p, kernel, p->logits, -1, -1, "probabilities");
    if (call < 0) return cv_no_memory(err, "a program");
    p->call[call].f32.g.in = (cv_maps){1, 1, p->outputs};
    return CONVO_OK;
}

convo_status cv_program_new(const cv_ship *ship, cv_program **program, convo_error *err) {
    cv_net *folded = NULL;
    *program = NULL;
    cv_program *p = cv_alloc(1, sizeof *p);
    if (!p) return cv_no_memory(err, "a program");
    p->work = -1;
    p->classes = ship->classes;
    convo_status status = cv_net_fold(ship->net, &folded, err);
    cv_ship as = *ship;
    as.net = folded;
    if (!status) status = cv_program_front(&as, p, err);
    if (!status) status = cv_program_layers(&as, p, err);
    if (!status) status = add_probabilities(&as, p, err);
    if (!status) status = cv_program_plan(p, err);
    cv_net_free(folded);
    if (status)
        cv_program_free(p);
    else
        *program = p;
    return status;
}

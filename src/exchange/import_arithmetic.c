// Constant folding: arithmetic.
#include "exchange/import_fold.h"

#include <math.h>
#include <string.h>

typedef enum operation { ADD, SUB, MUL, DIV, POW, LEAST, MOST, EQUAL, LESS, MORE, BOTH, EITHER } operation;
static const char *const binary_names[] = {"Add", "Sub",   "Mul",  "Div",     "Pow", "Min",
                                           "Max", "Equal", "Less", "Greater", "And", "Or"};

static double compute_number(operation op, double a, double b) {
    switch (op) {
    case ADD: return a + b;
    case SUB: return a - b;
    case MUL: return a * b;
    case DIV: return a / b;
    case POW: return pow(a, b);
    case LEAST: return fmin(a, b);
    case MOST: return fmax(a, b);
    case EQUAL: return a == b;
    case LESS: return a < b;
    case MORE: return a > b;
    case BOTH: return a != 0 && b != 0;
    default: return a != 0 || b != 0;
    }
}

// The number of examples stays what it is where nothing is done to it; all else with it is not known.
static int64_t compute_whole(operation op, int64_t a, int64_t b) {
    int64_t y = CV_IMPORT_UNKNOWN;
    if (op >= EQUAL)
        return op == EQUAL  ? a == b
               : op == LESS ? a < b
               : op == MORE ? a > b
                            : compute_number(op, (double)a, (double)b) != 0;
    if (a <= CV_IMPORT_UNKNOWN || b <= CV_IMPORT_UNKNOWN) {
        const int64_t neutral = op == MUL || op == DIV ? 1 : 0;
        if (op <= DIV && b == neutral) return a;
        return (op == ADD || op == MUL) && a == neutral ? b : CV_IMPORT_UNKNOWN;
    }
    switch (op) {
    case ADD: return __builtin_add_overflow(a, b, &y) ? CV_IMPORT_UNKNOWN : y;
    case SUB: return __builtin_sub_overflow(a, b, &y) ? CV_IMPORT_UNKNOWN : y;
    case MUL: return __builtin_mul_overflow(a, b, &y) ? CV_IMPORT_UNKNOWN : y;
    case DIV: return b ? a / b : CV_IMPORT_UNKNOWN;
    case LEAST: return a < b ? a : b;
    case MOST: return a > b ? a : b;
    default: return CV_IMPORT_UNKNOWN;
    }
}

// Where element i of the output comes from in a constant whose sizes are spread over it.
static size_t spread_place(const cv_constant *c, const cv_sizes *s, size_t i) {
    size_t place = 0, step = 1;
    for (int k = s->dims - 1, a = c->dims - 1; a >= 0; k--, a--) {
        const size_t at = i % (size_t)s->dim[k];
        i /= (size_t)s->dim[k];
        if (c->dim[a] != 1) place += at * step;
        step *= (size_t)c->dim[a];
    }
    return place;
}

static bool spread_sizes(const cv_folding *f, cv_sizes *s) {
    for (int i = 0; i < f->inputs; i++) s->dims = f->in[i].dims > s->dims ? f->in[i].dims : s->dims;
    for (int k = 0; k < s->dims; k++) s->dim[k] = 1;
    for (int i = 0; i < f->inputs; i++)
        for (int a = 0, k = s->dims - f->in[i].dims; a < f->in[i].dims; a++, k++) {
            if (s->dim[k] != 1 && f->in[i].dim[a] != 1 && f->in[i].dim[a] != s->dim[k]) return false;
            if (f->in[i].dim[a] != 1) s->dim[k] = f->in[i].dim[a];
        }
    return true;
}

bool cv_fold_binary(cv_folding *f) {
    const cv_constant a = f->in[0], b = f->in[1];
    size_t op = 0;
    cv_sizes s = {0};
    while (strcmp(binary_names[op], f->n->type) != 0) op++;
    const bool whole = a.type == CV_CONST_I64 && b.type == CV_CONST_I64, logical = op >= EQUAL;
    if (f->inputs != 2 || (whole && op == POW) || cv_graph_attribute(f->n, "axis") || !spread_sizes(f, &s))
        return false;
    const enum cv_constant_type type = whole || logical ? CV_CONST_I64 : a.type == CV_CONST_F64 ? a.type : CV_CONST_F32;
    void *to = cv_fold_output(f, type, &s);
    size_t count = to ? f->d->graph->constant[f->d->graph->constants - 1].count : 0;
    for (size_t i = 0; i < count; i++) {
        const size_t x = spread_place(&a, &s, i), y = spread_place(&b, &s, i);
        if (whole)
            ((int64_t *)to)[i] = compute_whole((operation)op, cv_fold_whole(&a, x), cv_fold_whole(&b, y));
        else if (logical)
            ((int64_t *)to)[i] = compute_number((operation)op, cv_import_element(&a, x), cv_import_element(&b, y)) != 0;
        else
            cv_fold_put(to, type, i, compute_number((operation)op, cv_import_element(&a, x), cv_import_element(&b, y)));
    }
    return to;
}

bool cv_fold_where(cv_folding *f) {
    cv_sizes s = {0};
    const cv_constant a = f->in[1], b = f->in[2], which = f->in[0];
    if (f->inputs != 3 || a.type != b.type || !spread_sizes(f, &s)) return false;
    const size_t size = a.type == CV_CONST_F32 ? sizeof(float) : sizeof(int64_t);
    uint8_t *to = cv_fold_output(f, a.type, &s);
    const size_t count = to ? f->d->graph->constant[f->d->graph->constants - 1].count : 0;
    for (size_t i = 0; i < count; i++) {
        const bool first = cv_import_element(&which, spread_place(&which, &s, i)) != 0;
        const cv_constant *from = first ? &a : &b;
        memcpy(to + i * size, (const uint8_t *)from->data + spread_place(from, &s, i) * size, size);
    }
    return to;
}

static double reciprocal(double x) {
    return 1 / x;
}
static double negative(double x) {
    return -x;
}

bool cv_fold_unary(cv_folding *f) {
    static const struct {
        const char *name;
        double (*function)(double x);
    } functions[] = {{"Sqrt", sqrt},   {"Exp", exp},  {"Log", log},    {"Floor", floor},
                     {"Ceil", ceil},   {"Abs", fabs}, {"Round", rint}, {"Reciprocal", reciprocal},
                     {"Neg", negative}};
    const cv_constant c = f->in[0];
    const cv_sizes s = cv_fold_sizes(&c);
    size_t k = 0;
    while (strcmp(functions[k].name, f->n->type) != 0) k++;
    if (c.type == CV_CONST_I64) return false;
    void *to = cv_fold_output(f, c.type, &s);
    for (size_t i = 0; to && i < c.count; i++)
        cv_fold_put(to, c.type, i, functions[k].function(cv_import_element(&c, i)));
    return to;
}

// The product, sum, largest or smallest of all numbers of a list.
bool cv_fold_reduce(cv_folding *f) {
    const cv_constant c = f->in[0];
    const operation op = !strcmp(f->n->type, "ReduceProd")  ? MUL
                         : !strcmp(f->n->type, "ReduceSum") ? ADD
                         : !strcmp(f->n->type, "ReduceMax") ? MOST
                                                            : LEAST;
    const cv_sizes s = {c.dims && cv_import_whole(f->n, "keepdims", 1) ? 1 : 0, {1}};
    if (c.dims > 1 || c.type != CV_CONST_I64 || !c.count) return false;
    int64_t *to = cv_fold_output(f, CV_CONST_I64, &s), y = cv_fold_whole(&c, 0);
    for (size_t i = 1; i < c.count; i++) y = compute_whole(op, y, cv_fold_whole(&c, i));
    if (to) *to = y;
    return to;
}

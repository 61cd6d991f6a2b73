// The structs of src/device, field by field, tables, and the sequence of a program's calls.
#include "ship/write_parts.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

// --- numbers and names --------------------------------------------------------------------------------------------

static void write_float(float v, FILE *to) {
    char text[40];
    cv_print(text, sizeof text, "%.9g", (double)v);
    fprintf(to, "%s%sf", text, strpbrk(text, ".e") ? "" : ".0");
}

// "DIGITS" of "digits"
void cv_write_upper(const char *name, char out[64]) {
    size_t k = 0;
    for (; name[k] && k < 63; k++) out[k] = (char)toupper((unsigned char)name[k]);
    out[k] = 0;
}

// A C string: other than plain letters as octal numbers, which end after three digits.
void cv_write_string(const char *text, FILE *to) {
    putc('"', to);
    for (const unsigned char *c = (const unsigned char *)text; *c; c++)
        if (*c < 32 || *c > 126 || strchr("\"\\?", *c))
            fprintf(to, "\\%03o", *c);
        else
            putc(*c, to);
    putc('"', to);
}

// What stands in a comment has no end of a comment or line in it.
void cv_write_comment(const char *text, FILE *to) {
    for (const char *c = text; *c; c++) putc((unsigned char)*c < 32 || *c == '\\' ? ' ' : *c, to);
}

static void write_number(const cv_table *t, size_t i, FILE *to) {
    switch (t->type) {
    case CV_TABLE_F32: write_float(((const float *)t->values)[i], to); break;
    case CV_TABLE_I32: fprintf(to, "%" PRId32, ((const int32_t *)t->values)[i]); break;
    case CV_TABLE_I16: fprintf(to, "%d", ((const int16_t *)t->values)[i]); break;
    case CV_TABLE_I8: fprintf(to, "%d", ((const int8_t *)t->values)[i]); break;
    case CV_TABLE_U8: fprintf(to, "%d", ((const uint8_t *)t->values)[i]); break;
    }
}

void cv_write_table(const cv_table *t, FILE *to) {
    static const char *const types[] = {"float", "int32_t", "int16_t", "int8_t",
                                        "uint8_t"}; // as cv_table_type has them
    const size_t columns = t->type == CV_TABLE_F32 || t->type == CV_TABLE_I32 ? 8 : 20;
    fprintf(to, "static const %s %s[%zu] = {", types[t->type], t->name, t->count);
    for (size_t i = 0; i < t->count; i++) {
        fputs(i % columns ? " " : "\n    ", to);
        write_number(t, i, to);
        putc(',', to);
    }
    fputs("\n};\n", to);
}

// The name of the table that a field points to.
static const char *table_at(const cv_program *p, const void *values) {
    for (int t = 0; values && t < p->tables; t++)
        if (p->table[t].values == values) return p->table[t].name;
    return "NULL";
}

// --- the structs of src/device, field by field --------------------------------------------------------------------

_Static_assert(sizeof(cv_geometry) == 18 * sizeof(int32_t), "write_layer has all fields");
_Static_assert(sizeof(cv_f32_layer) == sizeof(cv_geometry) + 4 * sizeof(float) + 3 * sizeof(void *),
               "write_layer has all fields");
_Static_assert(sizeof(cv_f32_front) == 17 * sizeof(int32_t) + 11 * sizeof(float) + 10 * sizeof(void *),
               "write_front has all fields");

_Static_assert(sizeof(cv_i8_layer) ==
                   sizeof(cv_geometry) + 8 * sizeof(int32_t) + 3 * sizeof(float) + 4 + 4 * sizeof(void *),
               "write_i8_layer has all fields");

static void write_geometry(const cv_geometry *g, FILE *to) {
    const cv_maps *maps[] = {&g->in, &g->in1, &g->out};
    const int32_t *pairs[] = {g->kernel, g->stride, g->before, g->dilation};
    putc('{', to);
    for (int k = 0; k < 3; k++) fprintf(to, "{%d, %d, %d}, ", maps[k]->h, maps[k]->w, maps[k]->c);
    for (int k = 0; k < 4; k++) fprintf(to, "{%d, %d}, ", pairs[k][0], pairs[k][1]);
    fprintf(to, "%d},\n    ", g->groups);
}

static void write_f32_layer(const cv_program *p, const cv_f32_layer *l, const char *name, FILE *to) {
    const float numbers[] = {l->least, l->most, l->a, l->b};
    fprintf(to, "static const cv_f32_layer %s = {\n    ", name);
    write_geometry(&l->g, to);
    for (int k = 0; k < 4; k++) write_float(numbers[k], to), fputs(", ", to);
    fprintf(to, "%s, %s, %s,\n};\n", table_at(p, l->weight), table_at(p, l->bias), table_at(p, l->third));
}

static void write_i8_layer(const cv_program *p, const cv_i8_layer *l, const char *name, FILE *to) {
    const int32_t whole[] = {l->zero, l->zero1, l->zero_y, l->least, l->most, l->factor, l->factor1, l->shift};
    const float numbers[] = {l->scale, l->a, l->b};
    fprintf(to, "static const cv_i8_layer %s = {\n    ", name);
    write_geometry(&l->g, to);
    for (size_t k = 0; k < CV_COUNT(whole); k++) fprintf(to, "%" PRId32 ", ", whole[k]);
    for (size_t k = 0; k < CV_COUNT(numbers); k++) write_float(numbers[k], to), fputs(", ", to);
    fprintf(to, "\n    %s, %s, %s, %s,\n};\n", table_at(p, l->weight), table_at(p, l->bias), table_at(p, l->factors),
            table_at(p, l->shifts));
}

static void write_layer(const cv_program *p, int i, const char *prefix, FILE *to) {
    char name[32];
    cv_print(name, sizeof name, "%s_%d", prefix, i);
    if (p->call[i].i8)
        write_i8_layer(p, &p->call[i].i8_layer, name, to);
    else
        write_f32_layer(p, &p->call[i].f32, name, to);
}

static void write_front(const cv_program *p, const char *name, FILE *to) {
    const cv_f32_front *f = &p->f32_front;
    const int32_t whole[] = {f->samples,  f->window,  f->hop,    f->fft,       f->frames, f->filters,
                             f->row,      f->cosines, f->before, f->first_bin, f->period, f->mirror,
                             f->relative, f->scaled,  f->deltas, f->reach,     f->apart};
    const float numbers[] = {f->gain,  f->preemphasis, f->scale, f->exponent, f->offset, f->floor,
                             f->below, f->unit,        f->range, f->mean,     f->factor};
    const void *tables[] = {f->shape,  f->turn,   f->bank,    f->bins,  f->peak,
                            f->cosine, f->normal, f->numbers, f->whole, f->words};
    fprintf(to, "static const cv_f32_front %s = {\n    ", name);
    for (size_t k = 0; k < CV_COUNT(whole); k++) fprintf(to, "%d, ", whole[k]);
    fputs("\n    ", to);
    for (size_t k = 0; k < CV_COUNT(numbers); k++) write_float(numbers[k], to), fputs(", ", to);
    fputs("\n    ", to);
    for (size_t k = 0; k < CV_COUNT(tables); k++) fprintf(to, "%s, ", table_at(p, tables[k]));
    fputs("\n};\n", to);
}

// --- calls --------------------------------------------------------------------------------------------------------

void cv_write_structs(const cv_program *p, const cv_call_names *names, FILE *to) {
    if (p->front) write_front(p, names->front, to);
    if (p->front && p->value[0].i8) write_i8_layer(p, &p->i8_front, names->front_i8, to);
    for (int i = 0; i < p->calls; i++) write_layer(p, i, names->call, to);
}

// A value's place, which begins at a float, from one of its columns on.
static void write_place(const cv_program *p, int value, int32_t column, const char *otherwise, FILE *to) {
    if (value < 0) {
        fputs(otherwise, to);
        return;
    }
    const cv_device_value *v = &p->value[value];
    const size_t first = v->offset / sizeof(float), skipped = (size_t)column * v->kept.column;
    fprintf(to, v->i8 ? "(int8_t *)(m + %zu)" : "m + %zu", v->i8 ? first : first + skipped);
    if (v->i8 && skipped) fprintf(to, " + %zu", skipped);
    if (v->kept.period > 1)
        fprintf(to, " + phase %% %d * %zu", v->kept.period, (size_t)v->kept.columns * v->kept.column);
}

// What is kept of a value makes room for what a call writes.
static void write_shift(const cv_program *p, int value, FILE *to) {
    if (value < 0 || !p->value[value].kept.stays) return;
    const cv_device_value *v = &p->value[value];
    fputs("    cv_shift(", to);
    write_place(p, value, 0, "", to);
    fprintf(to, ", %zu, %zu);\n", cv_kept_size(v), (size_t)v->kept.fresh * v->kept.column * cv_device_number(v));
}

static void write_written(const cv_program *p, int value, const char *otherwise, FILE *to) {
    const cv_kept *k = value < 0 ? NULL : &p->value[value].kept;
    write_place(p, value, k ? k->columns - k->fresh : 0, otherwise, to);
}

void cv_write_front_call(const cv_program *p, const cv_call_names *names, FILE *to) {
    const bool i8 = p->value[0].i8;
    if (!p->front) return;
    write_shift(p, 0, to);
    fprintf(to, "    cv_%s_%s(&%s, ", i8 ? "i8" : "f32", p->front->name, names->front);
    if (i8) fprintf(to, "&%s, ", names->front_i8);
    fprintf(to, "%s, ", names->samples);
    write_place(p, p->work, 0, "NULL", to);
    fputs(", ", to);
    write_written(p, 0, "", to);
    fputs(");\n", to);
}

void cv_write_calls(const cv_program *p, int first, int end, const cv_call_names *names, FILE *to) {
    for (int i = first; i < end; i++) {
        const cv_device_call *c = &p->call[i];
        const bool converts = c->i8 && !c->kernel->i8;
        write_shift(p, c->y, to);
        fprintf(to, "    cv_%s_%s(&%s_%d, ", c->i8 ? "i8" : "f32", c->kernel->name, names->call, i);
        write_place(p, c->x, c->skip[0], "value", to);
        if (!converts) fputs(", ", to), write_place(p, c->x1, c->skip[1], "NULL", to);
        fputs(", ", to);
        write_written(p, c->y, names->probability, to);
        fputs("); // ", to);
        cv_write_comment(c->path, to);
        putc('\n', to);
    }
}

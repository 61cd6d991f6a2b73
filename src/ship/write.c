// The text of src/device's files that a program needs, its tables, and the sequence of its calls.
#include "ship/write.h"

#include "base/hash.h"

#include <ctype.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

// --- numbers and names --------------------------------------------------------------------------------------------

static void write_float(float v, FILE *to) {
    char text[40];
    cv_print(text, sizeof text, "%.9g", (double)v);
    fprintf(to, "%s%sf", text, strpbrk(text, ".e") ? "" : ".0");
}

// "DIGITS" of "digits"
static void upper_case(const char *name, char out[64]) {
    size_t k = 0;
    for (; name[k] && k < 63; k++) out[k] = (char)toupper((unsigned char)name[k]);
    out[k] = 0;
}

// A C string: other than plain letters as octal numbers, which end after three digits.
static void write_string(const char *text, FILE *to) {
    putc('"', to);
    for (const unsigned char *c = (const unsigned char *)text; *c; c++)
        if (*c < 32 || *c > 126 || strchr("\"\\?", *c))
            fprintf(to, "\\%03o", *c);
        else
            putc(*c, to);
    putc('"', to);
}

// What stands in a comment has no end of a comment or line in it.
static void write_comment(const char *text, FILE *to) {
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

static void write_table(const cv_table *t, FILE *to) {
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

static void write_layer(const cv_program *p, int i, FILE *to) {
    char name[32];
    cv_print(name, sizeof name, "call_%d", i);
    if (p->call[i].i8)
        write_i8_layer(p, &p->call[i].i8_layer, name, to);
    else
        write_f32_layer(p, &p->call[i].f32, name, to);
}

static void write_front(const cv_program *p, FILE *to) {
    const cv_f32_front *f = &p->f32_front;
    const int32_t whole[] = {f->samples,  f->window,  f->hop,    f->fft,       f->frames, f->filters,
                             f->row,      f->cosines, f->before, f->first_bin, f->period, f->mirror,
                             f->relative, f->scaled,  f->deltas, f->reach,     f->apart};
    const float numbers[] = {f->gain,  f->preemphasis, f->scale, f->exponent, f->offset, f->floor,
                             f->below, f->unit,        f->range, f->mean,     f->factor};
    const void *tables[] = {f->shape,  f->turn,   f->bank,    f->bins,  f->peak,
                            f->cosine, f->normal, f->numbers, f->whole, f->words};
    fputs("static const cv_f32_front front = {\n    ", to);
    for (size_t k = 0; k < CV_COUNT(whole); k++) fprintf(to, "%d, ", whole[k]);
    fputs("\n    ", to);
    for (size_t k = 0; k < CV_COUNT(numbers); k++) write_float(numbers[k], to), fputs(", ", to);
    fputs("\n    ", to);
    for (size_t k = 0; k < CV_COUNT(tables); k++) fprintf(to, "%s, ", table_at(p, tables[k]));
    fputs("\n};\n", to);
}

// --- the text of kernels ------------------------------------------------------------------------------------------

enum { MOST_TEXTS = 128 };

// Writes the text of a file once, what it includes first.
static void write_text(const char *name, bool *written, FILE *to) {
    static const char include[] = "#include \"device/", kernel[] = "CV_KERNEL ";
    int k = 0;
    while (cv_device_texts[k].name && strcmp(cv_device_texts[k].name, name) != 0) k++;
    if (!cv_device_texts[k].name || written[k] || !strcmp(name, "device.h")) return;
    written[k] = true;
    const char *text = cv_device_texts[k].text;
    for (const char *line = text; (line = strstr(line, include)); line++) {
        char other[64];
        const char *from = line + strlen(include);
        cv_print(other, sizeof other, "%.*s", (int)strcspn(from, "\""), from);
        write_text(other, written, to);
    }
    bool blank = true, hidden = false; // hidden: what is for convo only
    for (const char *line = text, *next; *line; line = next) {
        const size_t length = strcspn(line, "\n");
        next = line + length + (line[length] == '\n');
        if (!strncmp(line, "#ifndef CV_KERNEL", 17)) hidden = true;
        const bool skip = hidden || !strncmp(line, include, strlen(include)) || !strncmp(line, "#pragma once", 12);
        if (hidden && !strncmp(line, "#endif", 6)) hidden = false;
        if (skip || (blank && length == 0)) continue;
        blank = length == 0;
        const size_t start = strncmp(line, kernel, strlen(kernel)) ? 0 : strlen(kernel);
        fprintf(to, "%s%.*s\n", start ? "static " : "", (int)(length - start), line + start);
    }
    if (!blank) putc('\n', to);
}

static void write_kernels(const cv_program *p, FILE *to) {
    bool written[MOST_TEXTS] = {false};
    char file[64];
    for (int k = 0; !(p->f32_front.fft & (p->f32_front.fft - 1)) && cv_device_texts[k].name; k++)
        if (!strcmp(cv_device_texts[k].name, "dft.h")) written[k] = true; // nobody needs it
    write_text("layer.h", written, to);
    for (int i = -1; i < p->calls; i++) {
        const cv_kernel *kernel = i < 0 ? p->front : p->call[i].kernel;
        const bool i8 = i < 0 ? p->value[0].i8 : p->call[i].i8;
        if (!kernel) continue;
        cv_print(file, sizeof file, "%s%s.c", kernel->name, i8 ? "_i8" : "");
        write_text(file, written, to);
    }
}

// --- the file -----------------------------------------------------------------------------------------------------

// A value's place; every one begins at a float.
static void write_place(const cv_program *p, int value, const char *otherwise, FILE *to) {
    if (value < 0)
        fputs(otherwise, to);
    else
        fprintf(to, p->value[value].i8 ? "(int8_t *)(m + %zu)" : "m + %zu", p->value[value].offset / sizeof(float));
}

static void write_calls(const cv_program *p, FILE *to) {
    fputs("    float *m = state->memory;\n", to);
    if (p->front) {
        const bool i8 = p->value[0].i8;
        fprintf(to, "    cv_%s_%s(&front, %ssample, count, ", i8 ? "i8" : "f32", p->front->name,
                i8 ? "&front_i8, " : "");
        write_place(p, p->work, "NULL", to);
        fputs(", ", to);
        write_place(p, 0, "", to);
        fputs(");\n", to);
    }
    for (int i = 0; i < p->calls; i++) {
        const cv_device_call *c = &p->call[i];
        const bool converts = c->i8 && !c->kernel->i8;
        fprintf(to, "    cv_%s_%s(&call_%d, ", c->i8 ? "i8" : "f32", c->kernel->name, i);
        write_place(p, c->x, "value", to);
        if (!converts) fputs(", ", to), write_place(p, c->x1, "NULL", to);
        fputs(", ", to);
        write_place(p, c->y, "probability", to);
        fputs("); // ", to);
        write_comment(c->path, to);
        putc('\n', to);
    }
}

static const char *parameters(const cv_program *p) {
    return p->front ? "const int16_t *sample, int32_t count" : "const float *value";
}

// A word spoken to nobody: harmonics under an envelope, and a little noise.
static void fill_clip(int16_t *sample, int count, int rate) {
    uint32_t noise = 1;
    double phase = 0;
    for (int i = 0; i < count; i++) {
        const double t = (double)i / count, pitch = 120 + 60 * sin(2 * M_PI * t);
        phase += 2 * M_PI * pitch / (rate > 0 ? rate : 8000);
        noise = noise * 1664525 + 1013904223;
        double v = 0.002 * ((double)(noise >> 16) / 32768 - 1);
        for (int k = 1; k < 12; k++) v += 0.3 / k * sin(k * phase) * exp(-8 * pow(t - 0.08 * k, 2));
        sample[i] = (int16_t)lrint(fmax(-1, fmin(1, v * sin(M_PI * t))) * 32000);
    }
}

// A clip, or an array, and the probabilities that the program must find for it, bit for bit.
static convo_status write_self_test(const cv_program *p, const cv_ship *ship, const char *name, const char *upper,
                                    FILE *to, convo_error *err) {
    const size_t count = (size_t)(p->front ? p->f32_front.samples : cv_shape_size(p->input));
    int16_t *sample = cv_alloc(count, sizeof *sample);
    float *memory = cv_alloc(p->memory / sizeof(float) + count + (size_t)p->classes, sizeof *memory);
    if (!sample || !memory) {
        free(sample), free(memory);
        return cv_no_memory(err, "a self-test");
    }
    float *values = memory + p->memory / sizeof(float), *expected = values + count;
    fill_clip(sample, (int)count, p->rate);
    for (size_t i = 0; i < count; i++) values[i] = ship->mean + ship->std * (float)sample[i] / 8192;
    cv_program_run(p, &(cv_device_input){sample, count, values, NULL}, memory, NULL, expected);
    cv_table clip = {.name = "test_input", .count = count, .type = CV_TABLE_F32, .values = values};
    if (p->front) clip.type = CV_TABLE_I16, clip.values = sample;
    const cv_table scores = {
        .name = "test_output", .count = (size_t)p->classes, .type = CV_TABLE_F32, .values = expected};
    fprintf(to, "\n// --- self-test: with -D%s_SELF_TEST --------------------------------------------------\n\n",
            upper);
    fprintf(to, "#ifdef %s_SELF_TEST\n", upper);
    write_table(&clip, to);
    write_table(&scores, to);
    fprintf(to, "\nint %s_self_test(%s_state *state) {\n    float probability[%d];\n", name, name, p->classes);
    fprintf(to, "    %s_predict(state, test_input, %sprobability);\n", name,
            p->front ? "(int32_t)(sizeof test_input / sizeof *test_input), " : "");
    fprintf(to,
            "    for (int k = 0; k < %d; k++)\n        if (probability[k] != test_output[k]) return k + 1;\n"
            "    return 0;\n}\n#endif\n",
            p->classes);
    free(sample), free(memory);
    return CONVO_OK;
}

static uint64_t hash_of(const cv_program *p) {
    uint64_t hash = 0;
    for (int t = 0; t < p->tables; t++)
        hash = hash * 31 + cv_hash_bytes(p->table[t].values, p->table[t].count * cv_table_size(p->table[t].type));
    return hash;
}

static size_t table_bytes(const cv_program *p) {
    size_t bytes = 0;
    for (int t = 0; t < p->tables; t++) bytes += p->table[t].count * cv_table_size(p->table[t].type);
    return bytes;
}

static convo_status check_finite(const cv_program *p, const cv_ship *ship, convo_error *err) {
    for (int t = 0; t < p->tables; t++)
        for (size_t i = 0; p->table[t].type == CV_TABLE_F32 && i < p->table[t].count; i++)
            if (!isfinite(((const float *)p->table[t].values)[i]))
                return cv_fail(err, CONVO_NUMERIC, ship->recipe->file, "a number of %s is not finite",
                               p->table[t].name);
    return CONVO_OK;
}

convo_status cv_program_write_source(const cv_program *p, const cv_ship *ship, const char *name, const char *header,
                                     FILE *to, convo_error *err) {
    char upper[64];
    upper_case(name, upper);
    CV_TRY(check_finite(p, ship, err));
    fprintf(to, "// A net that convo %s wrote: recipe ", convo_version());
    write_comment(convo_recipe_name(ship->recipe), to);
    fprintf(to,
            ", weights %016" PRIx64 ". Do not edit; see %s for how to call it.\n"
            "// Tables: %zu bytes of constants. Memory: %zu bytes. Multiply-adds of a net's run: %" PRId64 ".\n"
            "// SPDX-License-Identifier: MIT (the code); the tables are the model's.\n#include \"%s\"\n\n",
            hash_of(p), header, table_bytes(p), p->memory, p->macs, header);
    write_kernels(p, to);
    fputs("// --- tables ---------------------------------------------------------------------------------------\n\n",
          to);
    for (int t = 0; t < p->tables; t++) write_table(&p->table[t], to);
    fputs("\n// --- the program ----------------------------------------------------------------------------------\n\n",
          to);
    if (p->front) write_front(p, to);
    if (p->front && p->value[0].i8) write_i8_layer(p, &p->i8_front, "front_i8", to);
    for (int i = 0; i < p->calls; i++) write_layer(p, i, to);
    fprintf(to, "\nconst char *const %s_label[%s_CLASSES] = {\n", name, upper);
    for (int k = 0; k < ship->classes; k++) fputs("    ", to), write_string(ship->labels[k], to), fputs(",\n", to);
    fprintf(to, "};\n\nvoid %s_predict(%s_state *state, %s, float *probability) {\n", name, name, parameters(p));
    write_calls(p, to);
    fputs("}\n", to);
    return write_self_test(p, ship, name, upper, to, err);
}

static bool is_picture(const cv_ship *ship) {
    const convo_recipe *r = ship->recipe;
    const cv_shape in = ship->net->input;
    const bool pictures = !r->feature && r->data && (r->data->read || (r->data->shape && !r->data->generated));
    return pictures && in.dims == 3 && (in.c == 1 || in.c == 3);
}

void cv_program_write_header(const cv_program *p, const cv_ship *ship, const char *name, FILE *to) {
    char upper[64];
    upper_case(name, upper);
    fputs("// ", to);
    write_comment(convo_recipe_name(ship->recipe), to);
    fprintf(to,
            ", written by convo %s.\n//\n//     static %s_state state;\n//     float probability[%s_CLASSES];\n"
            "//     %s_predict(&state, %s, probability);\n//\n"
            "// The state needs no initialisation and keeps nothing between two calls.\n"
            "#ifndef %s_NET_H\n#define %s_NET_H\n\n#include <stdint.h>\n\n",
            convo_version(), name, upper, name, p->front ? "sample, count" : "value", upper, upper);
    if (p->front)
        fprintf(to, "#define %s_RATE %d // hertz\n#define %s_SAMPLES %d // of a clip\n", upper, p->rate, upper,
                p->f32_front.samples);
    else
        fprintf(to, "#define %s_VALUES %" PRId64 " // of the input\n", upper, cv_shape_size(p->input));
    if (is_picture(ship))
        fprintf(to,
                "#define %s_CHANNELS %" PRId64 " // of a picture, from 0 to 1: gray, or red, green, blue\n"
                "#define %s_ROWS %" PRId64 "\n#define %s_COLUMNS %" PRId64 "\n",
                upper, p->input.c, upper, p->input.h, upper, p->input.w);
    fprintf(to,
            "#define %s_CLASSES %d\n\n#ifdef __cplusplus\nextern \"C\" {\n#endif\n\n"
            "typedef struct %s_state {\n    float memory[%zu];\n} %s_state;\n\n"
            "extern const char *const %s_label[%s_CLASSES];\n\n",
            upper, p->classes, name, p->memory / sizeof(float), name, name, upper);
    if (p->front)
        fprintf(to,
                "// sample: [count], 16 bits at %s_RATE; of more than %s_SAMPLES the rest is not heard, fewer are "
                "followed by silence.\n",
                upper, upper);
    else
        fprintf(to,
                "// value: (%" PRId64 " channels, %" PRId64 " rows, %" PRId64 " columns), as convo reads them, not "
                "normalised.\n",
                p->input.c, p->input.h, p->input.w);
    fprintf(to,
            "// probability: [%s_CLASSES], filled.\nvoid %s_predict(%s_state *state, %s, float *probability);\n\n"
            "// With -D%s_SELF_TEST: 0 if the net finds the same scores here as where it was exported, bit for bit;\n"
            "// else the number of the first that differs, counted from 1.\nint %s_self_test(%s_state *state);\n\n"
            "#ifdef __cplusplus\n}\n#endif\n\n#endif\n",
            upper, name, name, parameters(p), upper, name, name);
}

// The text of src/device's files that a program needs, its tables, and the sequence of its calls.
#include "ship/write.h"
#include "ship/write_parts.h"

#include "base/hash.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

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

static void write_kernels(const cv_program *p, const cv_ship_stream *stream, FILE *to) {
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
    if (stream) write_text("listener.c", written, to), write_text("detect.c", written, to);
    if (stream && stream->gate) write_text("gate.c", written, to);
}

// --- the file -----------------------------------------------------------------------------------------------------

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
static convo_status write_self_test(const cv_program *p, const cv_ship *ship, const cv_ship_stream *stream,
                                    const char *name, const char *upper, FILE *to, convo_error *err) {
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
    cv_write_table(&clip, to);
    cv_write_table(&scores, to);
    fprintf(to, "\nint %s_self_test(%s_state *state) {\n    float probability[%d];\n", name, name, p->classes);
    fprintf(to, "    %s_predict(state, test_input, %sprobability);\n", name,
            p->front ? "(int32_t)(sizeof test_input / sizeof *test_input), " : "");
    fprintf(to,
            "    for (int k = 0; k < %d; k++)\n        if (probability[k] != test_output[k]) return k + 1;\n"
            "    return 0;\n}\n",
            p->classes);
    if (stream) cv_write_stream_test(stream, p->classes, name, to);
    fputs("#endif\n", to);
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

convo_status cv_program_write_source(const cv_program *p, const cv_ship *ship, const cv_ship_stream *stream,
                                     const char *name, const char *header, FILE *to, convo_error *err) {
    static const cv_call_names names = {"front", "front_i8", "call", "sample, count", "probability"};
    char upper[64];
    cv_write_upper(name, upper);
    CV_TRY(check_finite(p, ship, err));
    fprintf(to, "// A net that convo %s wrote: recipe ", convo_version());
    cv_write_comment(convo_recipe_name(ship->recipe), to);
    fprintf(to,
            ", weights %016" PRIx64 ". Do not edit; see %s for how to call it.\n"
            "// Tables: %zu bytes of constants. Memory: %zu bytes. Multiply-adds of a net's run: %" PRId64 ".\n"
            "// SPDX-License-Identifier: MIT (the code); the tables are the model's.\n#include \"%s\"\n\n",
            hash_of(p), header, table_bytes(p), p->memory, p->macs, header);
    write_kernels(p, stream, to);
    fputs("// --- tables ---------------------------------------------------------------------------------------\n\n",
          to);
    for (int t = 0; t < p->tables; t++) cv_write_table(&p->table[t], to);
    fputs("\n// --- the program ----------------------------------------------------------------------------------\n\n",
          to);
    cv_write_structs(p, &names, to);
    fprintf(to, "\nconst char *const %s_label[%s_CLASSES] = {\n", name, upper);
    for (int k = 0; k < ship->classes; k++) fputs("    ", to), cv_write_string(ship->labels[k], to), fputs(",\n", to);
    fprintf(to, "};\n\nvoid %s_predict(%s_state *state, %s, float *probability) {\n", name, name, parameters(p));
    fputs("    float *m = state->memory;\n", to);
    cv_write_front_call(p, &names, to);
    cv_write_calls(p, 0, p->calls, &names, to);
    fputs("}\n", to);
    if (stream) cv_write_stream(stream, p->classes, name, upper, to);
    return write_self_test(p, ship, stream, name, upper, to, err);
}

static bool is_picture(const cv_ship *ship) {
    const convo_recipe *r = ship->recipe;
    const cv_shape in = ship->net->input;
    const bool pictures = !r->feature && r->data && (r->data->read || (r->data->shape && !r->data->generated));
    return pictures && in.dims == 3 && (in.c == 1 || in.c == 3);
}

void cv_program_write_header(const cv_program *p, const cv_ship *ship, const cv_ship_stream *stream, const char *name,
                             FILE *to) {
    char upper[64];
    cv_write_upper(name, upper);
    fputs("// ", to);
    cv_write_comment(convo_recipe_name(ship->recipe), to);
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
            "// else the number of the first that differs, counted from 1.\nint %s_self_test(%s_state *state);\n\n",
            upper, name, name, parameters(p), upper, name, name);
    if (stream) cv_write_stream_header(stream, name, upper, to);
    fputs("#ifdef __cplusplus\n}\n#endif\n\n#endif\n", to);
}

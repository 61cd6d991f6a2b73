// The text of a model that listens: a struct that holds a stream, and the function that it is pushed through.
#include "ship/write_parts.h"

#include <inttypes.h>
#include <string.h>

static const cv_call_names names = {"hop_front", "hop_front_i8", "hop", "s->sample, hop_front.samples",
                                    "s->probability"};

static void write_numbers(const char *name, const float *values, int classes, FILE *to) {
    cv_table t = {.type = CV_TABLE_F32, .count = (size_t)classes, .values = (void *)(uintptr_t)values};
    cv_print(t.name, sizeof t.name, "%s", name);
    cv_write_table(&t, to);
}

static void write_constants(const cv_ship_stream *s, int classes, FILE *to) {
    const cv_listener *l = &s->listener;
    const cv_detector *d = &s->detector;
    if (s->moves) cv_write_structs(s->program, &names, to);
    write_numbers("listen_threshold", d->threshold, classes, to);
    write_numbers("listen_reset", d->reset, classes, to);
    fprintf(to, "static const cv_listener listener = {%d, %d, %d, %d};\n", l->window, l->hop, l->first, l->keep);
    fprintf(to, "static const cv_detector detector = {%d, %d, %d, %d, listen_threshold, listen_reset};\n", d->classes,
            d->smooth, d->largest, d->gap);
    if (s->gate)
        fprintf(to, "static const cv_gate gate = {%d, %d, %" PRIu64 "u};\n", s->gate->unit, s->gate->units,
                s->gate->least);
}

// The probabilities of a window; quiet: they are 0.
static void write_window(const cv_ship_stream *s, const char *name, FILE *to) {
    const cv_program *p = s->program;
    const char *quiet = s->gate ? ", int32_t quiet" : "";
    fprintf(to, "\n// Returns 1 if there is a window with this hop, and fills in its probabilities.\n");
    fprintf(to, "static int %s_hop(%s_stream *s%s) {\n", name, name, quiet);
    if (s->moves) {
        fputs("    float *m = s->memory;\n", to);
        if (s->phases > 1)
            fprintf(to, "    const int32_t phase = s->phase;\n    s->phase = (phase + 1) %% %d;\n", s->phases);
        cv_write_front_call(p, &names, to);
        cv_write_calls(p, 0, p->flowing, &names, to);
        if (s->early)
            fprintf(to, "    if (s->early < %d) {\n        s->early++;\n        return 0;\n    }\n", s->early);
    }
    if (s->gate) fputs("    memset(s->probability, 0, sizeof s->probability);\n    if (quiet) return 1;\n", to);
    if (s->moves)
        cv_write_calls(p, p->flowing, p->calls, &names, to);
    else
        fprintf(to, "    %s_predict(&s->state, s->sample, %d, s->probability);\n", name, s->listener.window);
    fputs("    return 1;\n}\n", to);
}

static void write_push(const cv_ship_stream *s, const char *name, FILE *to) {
    const char *gated = s->gate ? ", int32_t gated" : "";
    fprintf(to, "\n%sint32_t %s_%s(%s_stream *s, const int16_t *sample, int32_t count%s) {\n", s->gate ? "static " : "",
            name, s->gate ? "hear" : "push", name, gated);
    fputs("    cv_listener_state l = {s->sample, s->left, s->begun};\n"
          "    cv_detector_state d = {&s->last[0][0], s->score, s->wait, s->locked, s->at};\n"
          "    int32_t heard;\n"
          "    const int32_t taken = cv_listener_take(&listener, &l, sample, count, &heard);\n",
          to);
    if (s->gate)
        fputs("    cv_gate_state g = {s->square, s->sum, s->counted, s->ring};\n"
              "    const int32_t quiet = cv_gate_take(&gate, &g, sample + taken - heard, heard) && gated;\n"
              "    s->sum = g.sum;\n    s->counted = g.count;\n    s->ring = g.at;\n",
              to);
    fprintf(to,
            "    s->left = l.left;\n    s->begun = l.begun;\n    s->samples += (uint64_t)taken;\n"
            "    s->ended = 0;\n    memset(s->heard, 0, sizeof s->heard);\n"
            "    if (s->left > 0 || !%s_hop(s%s)) return taken;\n"
            "    cv_f32_detect(&detector, &d, s->probability, s->heard);\n"
            "    s->at = d.at;\n    s->ended = 1;\n    return taken;\n}\n",
            name, s->gate ? ", quiet" : "");
    if (s->gate)
        fprintf(to,
                "\nint32_t %s_push(%s_stream *s, const int16_t *sample, int32_t count) {\n"
                "    return %s_hear(s, sample, count, 1);\n}\n",
                name, name, name);
}

void cv_write_stream(const cv_ship_stream *s, int classes, const char *name, const char *upper, FILE *to) {
    (void)upper;
    fputs("\n// --- listening ------------------------------------------------------------------------------------\n\n",
          to);
    write_constants(s, classes, to);
    write_window(s, name, to);
    write_push(s, name, to);
}

void cv_write_stream_test(const cv_ship_stream *s, int classes, const char *name, FILE *to) {
    fprintf(to,
            "\nint %s_stream_self_test(%s_stream *stream) {\n"
            "    const int32_t count = (int32_t)(sizeof test_input / sizeof *test_input);\n    int k = 0;\n"
            "    memset(stream, 0, sizeof *stream);\n"
            "    for (int32_t at = 0; at < count;) at += %s_%s(stream, test_input + at, count - at%s);\n"
            "    while (k < %d && stream->probability[k] == test_output[k]) k++;\n"
            "    memset(stream, 0, sizeof *stream);\n    return k < %d ? k + 1 : 0;\n}\n",
            name, name, name, s->gate ? "hear" : "push", s->gate ? ", 0" : "", classes, classes);
}

void cv_write_stream_header(const cv_ship_stream *s, const char *name, const char *upper, FILE *to) {
    const cv_listener *l = &s->listener;
    fprintf(to,
            "// --- listening to a stream\n//\n//     static %s_stream stream;\n"
            "//     for (int32_t at = 0; at < count;) {\n//         at += %s_push(&stream, sample + at, count - at);\n"
            "//         for (int k = 0; k < %s_CLASSES; k++)\n//             if (stream.heard[k]) ... %s_label[k]\n//  "
            "   }\n\n",
            name, name, upper, name);
    fprintf(to, "#define %s_HOP %d // samples from one window of %s_SAMPLES to the next\n\n", upper, l->hop, upper);
    fprintf(to,
            "// All of a stream. Zeros are one that has heard nothing yet.\ntypedef struct %s_stream {\n"
            "    uint64_t samples;              // heard so far: what is heard now is samples / %s_RATE seconds in\n"
            "    uint8_t ended;                 // 1: a window ended with the last push\n"
            "    uint8_t heard[%s_CLASSES];     // 1: a word was heard in it\n"
            "    float probability[%s_CLASSES]; // of the last window\n"
            "    float score[%s_CLASSES];       // the same, smoothed\n"
            "    // The rest is its own.\n"
            "    uint8_t locked[%s_CLASSES];\n    int32_t wait[%s_CLASSES], at, left, begun%s%s;\n"
            "    float last[%d][%s_CLASSES];\n    int16_t sample[%d];\n",
            name, upper, upper, upper, upper, upper, upper, s->moves ? ", early" : "", s->phases > 1 ? ", phase" : "",
            s->detector.smooth, upper, l->keep);
    if (s->gate) fprintf(to, "    uint64_t square[%d], sum;\n    int32_t counted, ring;\n", s->gate->units);
    if (s->moves)
        fprintf(to, "    float memory[%zu];\n", s->program->memory / sizeof(float));
    else
        fprintf(to, "    %s_state state;\n", name);
    fprintf(
        to,
        "} %s_stream;\n\n"
        "// Hears the next samples, at most up to the end of a window, and returns how many: call it again with the "
        "rest.\n"
        "// The packets in which they come make no difference.\n"
        "int32_t %s_push(%s_stream *stream, const int16_t *sample, int32_t count);\n\n"
        "// With -D%s_SELF_TEST: as %s_self_test, through the stream, which is new afterwards.\n"
        "int %s_stream_self_test(%s_stream *stream);\n\n",
        name, name, name, upper, name, name, name);
}

// A program as one C file and its header.
#pragma once

#include "ship/program.h"

#include <stdio.h>

// How it listens to a stream.
typedef struct cv_ship_stream {
    const cv_program *program; // of hops, or of windows
    bool moves;                // of hops
    cv_listener listener;
    int32_t early, phases; // hops before there is a whole window; hops until everything lies in the same place again
    cv_detector detector;
    const cv_gate *gate; // NULL: none
} cv_ship_stream;

// name: of the functions and constants, a word of C. header: the file name of the header. stream: NULL: it does not
// listen.
convo_status cv_program_write_source(const cv_program *program, const cv_ship *ship, const cv_ship_stream *stream,
                                     const char *name, const char *header, FILE *file, convo_error *err);
void cv_program_write_header(const cv_program *program, const cv_ship *ship, const cv_ship_stream *stream,
                             const char *name, FILE *file);

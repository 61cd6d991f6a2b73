// Pieces of the text of a program in C.
#pragma once

#include "ship/write.h"

// "DIGITS" of "digits"
void cv_write_upper(const char *name, char out[64]);
void cv_write_string(const char *text, FILE *to);
// What stands in a comment has no end of a comment or line in it.
void cv_write_comment(const char *text, FILE *to);
void cv_write_table(const cv_table *table, FILE *to);

// What the structs and variables of a program are called in its text.
typedef struct cv_call_names {
    const char *front, *front_i8, *call; // call: in front of its number
    const char *samples;                 // "sample, count"
    const char *probability;             // where the last call writes
} cv_call_names;

// The constants of the front end and of all calls.
void cv_write_structs(const cv_program *program, const cv_call_names *names, FILE *to);
// Calls of kernels on the memory m: the front end's, if there is one, and those from first to end - 1.
void cv_write_front_call(const cv_program *program, const cv_call_names *names, FILE *to);
void cv_write_calls(const cv_program *program, int first, int end, const cv_call_names *names, FILE *to);

// What listens: its functions, the test of them, and what the header says of it. upper: the name in capitals.
void cv_write_stream(const cv_ship_stream *stream, int classes, const char *name, const char *upper, FILE *to);
void cv_write_stream_test(const cv_ship_stream *stream, int classes, const char *name, FILE *to);
void cv_write_stream_header(const cv_ship_stream *stream, const char *name, const char *upper, FILE *to);

// A program as one C file and its header.
#pragma once

#include "ship/program.h"

#include <stdio.h>

// name: of the functions and constants, a word of C. header: the file name of the header.
convo_status cv_program_write_source(const cv_program *program, const cv_ship *ship, const char *name,
                                     const char *header, FILE *stream, convo_error *err);
void cv_program_write_header(const cv_program *program, const cv_ship *ship, const char *name, FILE *stream);

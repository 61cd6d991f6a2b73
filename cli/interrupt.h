// Ctrl-C, and the line that goes on afterwards.
#ifndef CLI_INTERRUPT_H
#define CLI_INTERRUPT_H

#include "command.h"

// From now on the first SIGINT or SIGTERM makes *flag nonzero, and the second ends the program.
const volatile int *stop_on_signals(void);
// The words after `convo` as typed, each after a space and in a form that a shell reads; without --force and --resume.
void print_words(const cli_context *context, FILE *stream);
// The whole line with --resume, on standard error.
void print_resume(const cli_context *context);

#endif

// Ctrl-C, and the command line that continues an interrupted run.
#pragma once

#include "command.h"

// Installs signal handlers: the first SIGINT or SIGTERM makes the returned flag nonzero, the second ends the program.
const volatile int *stop_on_signals(void);
// Prints the words after `convo` as typed, each after a space and quoted for a shell, without --force and --resume.
void print_words(const cli_context *context, FILE *stream);
// Prints the complete command line with --resume on standard error.
void print_resume(const cli_context *context);

// Other programs that the command starts.
#pragma once

#include <stdbool.h>

// Runs a program that is found on PATH; line: its name and arguments, NULL-terminated. It reads nothing; what it prints
// goes to the file `said`, NULL: to standard error, which is not the result. Returns whether it succeeded; *problem:
// errno where it could not be started (ENOENT: there is none of this name), else 0.
bool run_program(char *const line[], const char *said, int *problem);

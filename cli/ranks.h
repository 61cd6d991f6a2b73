// Commands under mpirun, which starts the same command line several times.
#pragma once

#include "command.h"

// For main: in a process that is not the first of its job, the command prints nothing from here on. Returns whether it
// has nothing to do either: only trainings are shared.
bool rank_is_idle(const char *verb);
bool is_first_rank(void); // or the only process
// Joins the others where there are some; *ranks is NULL else. Prints an error.
int join_ranks(convo_ranks **ranks);
// Tells the others about an error and prints it, unless another rank does. Returns FAILED.
int fail_rank(convo_ranks *ranks, convo_error *err);

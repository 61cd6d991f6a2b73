// convo VERB ...: finds the verb.
#include "chart/plot.h"
#include "output.h"
#include "ranks.h"
#include "sweep/sweep.h"

#include <string.h>
#include <unistd.h>

#define COMMANDS(X)                                                                                                    \
    X(train)                                                                                                           \
    X(eval)                                                                                                            \
    X(predict)                                                                                                         \
    X(listen)                                                                                                          \
    X(summary)                                                                                                         \
    X(field)                                                                                                           \
    X(gradcheck)                                                                                                       \
    X(maps)                                                                                                            \
    X(plot)                                                                                                            \
    X(report) X(view) X(features) X(data) X(sweep) X(reproduce) X(export) X(import) X(init) X(bench) X(recipe) X(help)

#define DECLARE(name) extern const cli_command command_##name;
COMMANDS(DECLARE)
#define POINTER(name) &command_##name,
static const cli_command *const commands[] = {COMMANDS(POINTER) NULL};

static int run(int argc, char **argv) {
    if (argc < 2) return print_overview(commands, stderr), USAGE;
    const char *verb = argv[1];
    if (!strcmp(verb, "--version")) return say(stdout, "convo %s\n", convo_version()), DONE;
    if (!strcmp(verb, "--help") || !strcmp(verb, "-h")) return print_overview(commands, stdout), DONE;
    if (verb[0] == '-') return usage_error(NULL, "expected a command before the option %s", verb);
    const cli_command *command = find_command(commands, verb);
    return command ? command_run(commands, command, argc, argv) : USAGE;
}

int main(int argc, char **argv) {
    if (rank_is_idle(argc < 2 ? NULL : argv[1])) return DONE;
    int status = run(argc, argv);
    // A full disk behind a redirected output shows here, and must not look like success.
    if (fflush(stdout) || ferror(stdout)) return complain("standard output", "the output could not be written in full");
    // mpirun ends a job with the first process that fails: let that be rank 0, which says why.
    if (status && !is_first_rank()) sleep(1);
    return status;
}

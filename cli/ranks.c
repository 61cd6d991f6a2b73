#include "ranks.h"
#include "output.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

// Where standard error is meanwhile, in a process that prints nothing.
enum { SPARE = 100 };

// What mpirun, or srun by way of PMIx or PMI, tells a process. NULL: nothing started it.
static const char *told(const char *const *name, size_t count) {
    const char *value = NULL;
    for (size_t k = 0; k < count && !value; k++) value = getenv(name[k]);
    return value;
}

static const char *told_rank(void) {
    static const char *const name[] = {"OMPI_COMM_WORLD_RANK", "PMIX_RANK", "PMI_RANK"};
    return told(name, COUNT(name));
}

static bool is_alone(void) {
    static const char *const name[] = {"OMPI_COMM_WORLD_SIZE", "PMI_SIZE"};
    const char *size = told(name, COUNT(name));
    return !told_rank() || (size && !strcmp(size, "1"));
}

bool is_first_rank(void) {
    const char *rank = told_rank();
    return !rank || atoi(rank) <= 0;
}

bool rank_is_idle(const char *verb) {
    if (is_first_rank()) return false;
    const char *const shared[] = {"train", "sweep", "reproduce"};
    size_t k = 0;
    while (k < COUNT(shared) && (!verb || strcmp(verb, shared[k]) != 0)) k++;
    if (k == COUNT(shared)) return true;
    if (dup2(STDERR_FILENO, SPARE) == SPARE) fcntl(SPARE, F_SETFD, FD_CLOEXEC);
    return !freopen("/dev/null", "w", stdout) || !freopen("/dev/null", "w", stderr);
}

int join_ranks(convo_ranks **ranks) {
    convo_error err;
    *ranks = NULL;
    return !is_alone() && convo_ranks_join(ranks, &err) ? fail(&err) : DONE;
}

int fail_rank(convo_ranks *ranks, convo_error *err) {
    if (!convo_ranks_fail(ranks, err)) return FAILED;
    if (convo_ranks_rank(ranks)) dup2(SPARE, STDERR_FILENO);
    return fail(err);
}

#define _GNU_SOURCE // environ
#include "program.h"

#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

bool run_program(char *const line[], const char *said, int *problem) {
    posix_spawn_file_actions_t actions;
    int status = -1;
    pid_t child;
    *problem = posix_spawn_file_actions_init(&actions);
    if (*problem) return false;
    *problem = posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    if (!*problem && said)
        *problem = posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, said, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    if (!*problem)
        *problem = said ? posix_spawn_file_actions_adddup2(&actions, STDOUT_FILENO, STDERR_FILENO)
                        : posix_spawn_file_actions_adddup2(&actions, STDERR_FILENO, STDOUT_FILENO);
    if (!*problem) *problem = posix_spawnp(&child, line[0], &actions, NULL, line, environ);
    if (!*problem)
        while (waitpid(child, &status, 0) < 0 && errno == EINTR) {}
    posix_spawn_file_actions_destroy(&actions);
    return !*problem && status == 0;
}

// Charts: a data file and a script beside the picture, drawn by gnuplot.
#define _GNU_SOURCE // environ
#include "command.h"

#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

char *gnuplot_quoted(const char *text) {
    char *quoted = malloc(2 * strlen(text) + 3), *end = quoted;
    if (!quoted) return NULL;
    *end++ = '\'';
    for (; *text; text++) {
        if (*text == '\'') *end++ = '\''; // doubled inside single quotes
        *end++ = (unsigned char)*text < ' ' ? '?' : *text;
    }
    *end++ = '\'';
    *end = '\0';
    return quoted;
}

// Written beside and renamed: a reader never sees half a file, nor does a full disk leave one.
static int write_file(const char *stem, const char *ending, const char *text) {
    char *path = text_of("%s%s", stem, ending), *part = text_of("%s%s.part", stem, ending);
    int status = path && part ? DONE : no_memory();
    FILE *stream = status ? NULL : fopen(part, "w");
    if (!status && !stream) status = complain(part, "cannot be written: %s", strerror(errno));
    if (stream) {
        bool written = fputs(text, stream) >= 0;
        int problem = errno;
        if (fclose(stream)) {
            written = false;
            problem = errno;
        }
        if (written && rename(part, path)) {
            written = false;
            problem = errno;
        }
        if (!written) {
            status = complain(path, "cannot be written: %s", strerror(problem));
            unlink(part);
        }
    }
    free(path);
    free(part);
    return status;
}

// Runs gnuplot in `folder`, so that the script can name its files without one. *problem: errno or an exit status.
static bool run_gnuplot(const char *folder, char *script, int *problem) {
    char *quoted = gnuplot_quoted(*folder ? folder : ".");
    char *go = quoted ? text_of("cd %s", quoted) : NULL;
    char *line[] = {"gnuplot", "-e", go, script, NULL};
    posix_spawn_file_actions_t actions;
    int exit = -1;
    pid_t child;
    *problem = ENOMEM;
    if (go && !posix_spawn_file_actions_init(&actions)) {
        *problem = posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
        if (!*problem) *problem = posix_spawn_file_actions_adddup2(&actions, STDERR_FILENO, STDOUT_FILENO);
        if (!*problem) *problem = posix_spawnp(&child, "gnuplot", &actions, NULL, line, environ);
        if (!*problem)
            while (waitpid(child, &exit, 0) < 0 && errno == EINTR) {}
        posix_spawn_file_actions_destroy(&actions);
    }
    free(quoted);
    free(go);
    return !*problem && exit == 0;
}

int draw_chart(const char *stem, const char *data, const char *script, bool *drawn) {
    int status = write_file(stem, ".dat", data);
    if (!status) status = write_file(stem, ".gp", script);
    char *folder = text_of("%.*s", (int)(base_name(stem) - stem), stem), *name = text_of("%s.gp", base_name(stem));
    if (!status && !(folder && name)) status = no_memory();
    int problem = 0;
    *drawn = !status && run_gnuplot(folder, name, &problem);
    if (!status && !*drawn && problem != ENOENT) // no gnuplot: the caller knows whether that matters
        status = complain(stem, "gnuplot could not draw it; the script %s.gp is kept", stem);
    free(folder);
    free(name);
    return status;
}

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
int write_bytes(const char *path, const void *data, size_t size) {
    char *part = text_of("%s.part", path);
    int status = part ? DONE : no_memory();
    FILE *stream = status ? NULL : fopen(part, "w");
    if (!status && !stream) status = complain(part, "cannot be written: %s", strerror(errno));
    if (stream) {
        bool written = fwrite(data, 1, size, stream) == size;
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
    free(part);
    return status;
}

int write_text(const char *path, const char *text) {
    return write_bytes(path, text, strlen(text));
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

// Without their yellow, which is too light for lines, and with a gray.
const char *chart_colour(size_t k) {
    static const char *const colours[CHART_COLOURS] = {"#0072B2", "#D55E00", "#009E73", "#CC79A7",
                                                       "#E69F00", "#56B4E9", "#444444"};
    return colours[k % CHART_COLOURS];
}

void chart_begin(FILE *out, const char *name, int height) {
    fprintf(out,
            "# Drawn by convo; edit it and run `gnuplot %s.gp` here to draw again.\n"
            "set datafile missing '?'\n"
            "set tics out nomirror\n"
            "set border 3 lc rgb '#444444'\n"
            "set grid lt 1 lw 0.5 lc rgb '#dddddd'\n"
            "do for [kind in 'png svg'] {\n"
            "  if (kind eq 'png') { set terminal pngcairo size 1000,%d font 'DejaVu Sans,11' }\n"
            "  else { set terminal svg size 1000,%d dynamic font 'DejaVu Sans,13' background '#ffffff' }\n"
            "  set output '%s.'.kind\n",
            name, height, height, name);
}

void chart_end(FILE *out) {
    fputs("  unset output\n}\n", out);
}

int chart_stem(const char *command, const char *out, char **stem) {
    const size_t length = strlen(out);
    if (length < 5 || (strcmp(out + length - 4, ".png") && strcmp(out + length - 4, ".svg")))
        return usage_error(command, "--out ends in .png or .svg, which '%s' does not", out);
    *stem = text_of("%.*s", (int)length - 4, out);
    return *stem ? DONE : no_memory();
}

int draw_chart(const char *stem, const char *data, const char *script, bool *drawn) {
    return draw_chart_of(stem, data, strlen(data), script, drawn);
}

int draw_chart_of(const char *stem, const void *data, size_t size, const char *script, bool *drawn) {
    char *paths[] = {text_of("%s.dat", stem), text_of("%s.gp", stem)};
    int status = paths[0] && paths[1] ? write_bytes(paths[0], data, size) : no_memory();
    if (!status) status = write_text(paths[1], script);
    char *folder = text_of("%.*s", (int)(base_name(stem) - stem), stem), *name = text_of("%s.gp", base_name(stem));
    if (!status && !(folder && name)) status = no_memory();
    int problem = 0;
    *drawn = !status && run_gnuplot(folder, name, &problem);
    if (!status && !*drawn && problem != ENOENT) // no gnuplot: the caller knows whether that matters
        status = complain(stem, "gnuplot could not draw it; the script %s.gp is kept", stem);
    free(folder);
    free(name);
    for (size_t k = 0; k < COUNT(paths); k++) free(paths[k]);
    return status;
}

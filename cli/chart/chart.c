// Charts: a data file and a script beside the picture, drawn by gnuplot.
#include "chart/chart.h"
#include "output.h"
#include "paths.h"
#include "program.h"
#include "quote.h"

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

static int write_bytes(const char *path, const void *data, size_t size) {
    convo_error err;
    return convo_file_write(path, data, size, &err) ? fail(&err) : DONE;
}

int write_text(const char *path, const char *text) {
    return write_bytes(path, text, strlen(text));
}

// "cd 'FOLDER/'": a path that begins with ./ or / is no pipe, no option and no home to gnuplot, whatever its name is.
static char *change_folder(const char *folder) {
    char *text = NULL, *path = text_of("%s%s", *folder == '/' ? "" : "./", folder);
    size_t size;
    FILE *out = path ? open_memstream(&text, &size) : NULL;
    if (out) {
        fputs("cd ", out);
        gnuplot_bytes(path, out);
    }
    free(path);
    return out && !fclose(out) ? text : (free(text), NULL);
}

// Runs the script in the folder, so that it can name its files without one. *problem: errno or an exit status.
static bool run_gnuplot(const char *folder, char *script, int *problem) {
    char *go = change_folder(folder);
    char *line[] = {"gnuplot", "-e", go, script, NULL};
    *problem = ENOMEM;
    const bool ran = go && run_program(line, NULL, problem);
    free(go);
    return ran;
}

const char chart_viridis[] = "  set palette defined (0 '#440154', 1 '#472d7b', 2 '#3b528b', 3 '#2c728e', 4 '#21918c', "
                             "5 '#28ae80', 6 '#5ec962', 7 '#addc30', 8 '#fde725')\n";

// Without their yellow, which is too light for lines, and with a gray.
const char *chart_colour(size_t k) {
    static const char *const colours[CHART_COLOURS] = {"#0072B2", "#D55E00", "#009E73", "#CC79A7",
                                                       "#E69F00", "#56B4E9", "#444444"};
    return colours[k % CHART_COLOURS];
}

int64_t chart_step(int64_t last) {
    static const int factors[] = {1, 2, 5};
    int64_t step = 1;
    for (int64_t k = 0, ten = 1; last / step > (last < 1000 ? 10 : 5); step = factors[++k % 3] * ten)
        if (k % 3 == 2) ten *= 10;
    return step;
}

bool chart_open(cli_chart *c) {
    *c = (cli_chart){0};
    c->data = open_memstream(&c->data_text, &c->data_size);
    c->script = open_memstream(&c->script_text, &c->script_size);
    return c->data && c->script;
}

// Texts are plain: `_` and `^` are no subscripts.
void chart_begin(cli_chart *c, const char *stem, int height) {
    char *path = text_of("./%s", base_name(stem));
    fputs("# Drawn by convo; edit it and run gnuplot on it here to draw again.\nstem = ", c->script);
    gnuplot_bytes(path ? path : "", c->script);
    free(path);
    fprintf(c->script,
            "\ndata = stem.'.dat'\n"
            "set datafile missing '?'\n"
            "set tics out nomirror\n"
            "set border 3 lc rgb '#444444'\n"
            "set grid lt 1 lw 0.5 lc rgb '#dddddd'\n"
            "do for [kind in 'png svg'] {\n"
            "  if (kind eq 'png') { set terminal pngcairo size 1000,%d noenhanced font 'DejaVu Sans,11' }\n"
            "  else { set terminal svg size 1000,%d dynamic noenhanced font 'DejaVu Sans,13' background '#ffffff' }\n"
            "  set output stem.'.'.kind\n",
            height, height);
}

void chart_set(cli_chart *c, const char *what, const char *format, ...) {
    char text[1024];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    fprintf(c->script, "  set %s ", what);
    gnuplot_text(text, c->script);
    fputc('\n', c->script);
}

int chart_stem(const char *command, const char *out, char **stem, bool *array) {
    const size_t length = strlen(out);
    const char *ending = length > 4 ? out + length - 4 : "";
    if (array && (*array = !strcmp(ending, ".npy"))) return DONE;
    if (strcmp(ending, ".png") && strcmp(ending, ".svg"))
        return usage_error(command, "--out must end in %s.png or .svg, not '%s'", array ? ".npy, " : "", out);
    *stem = text_of("%.*s", (int)length - 4, out);
    return *stem ? DONE : no_memory();
}

// Closes the streams; false when something did not fit into memory.
static bool chart_close(cli_chart *c) {
    const bool data = c->data && !fclose(c->data), script = c->script && !fclose(c->script);
    c->data = c->script = NULL;
    return data && script;
}

void chart_free(cli_chart *c) {
    chart_close(c);
    free(c->data_text);
    free(c->script_text);
}

static int draw_files(const cli_chart *c, const char *stem, bool *drawn) {
    char *data = text_of("%s.dat", stem), *script = text_of("%s.gp", stem);
    char *folder = text_of("%.*s", (int)(base_name(stem) - stem), stem), *name = text_of("./%s.gp", base_name(stem));
    int problem = 0, status = data && script && folder && name ? DONE : no_memory();
    if (!status) status = write_bytes(data, c->data_text, c->data_size);
    if (!status) status = write_bytes(script, c->script_text, c->script_size);
    *drawn = !status && run_gnuplot(folder, name, &problem);
    if (!status && !*drawn && problem != ENOENT) // no gnuplot: the caller knows whether that matters
        status = complain(stem, "gnuplot could not draw it; the script %s is kept", script);
    free(data);
    free(script);
    free(folder);
    free(name);
    return status;
}

int chart_draw(cli_chart *c, const char *stem, bool *drawn) {
    bool there = false;
    if (c->script) fputs("  unset output\n}\n", c->script);
    int status = chart_close(c) ? draw_files(c, stem, &there) : no_memory();
    if (!status && !there && !drawn) status = complain(stem, "cannot be drawn: install gnuplot");
    if (drawn) *drawn = there;
    chart_free(c);
    return status;
}

// convo data get: a published data set, downloaded once.
#include "data.h"
#include "interrupt.h"
#include "output.h"
#include "paths.h"
#include "quote.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

typedef struct get_screen {
    cli_bar bar;
    bool quiet;
    char stage[16], file[128], trouble[512]; // reported last
} get_screen;

// In a log, a line for each stage; on a terminal they are redrawn.
static void print_stage(get_screen *display, const convo_get_progress *p) {
    if (!strcmp(display->stage, p->stage) && !strcmp(display->file, p->file)) return;
    snprintf(display->stage, sizeof display->stage, "%s", p->stage);
    snprintf(display->file, sizeof display->file, "%s", p->file);
    if (display->bar.redraw) return;
    say(stderr, "%s %s", p->stage, p->file);
    if (p->total) say(stderr, " (%s)", bytes_of((double)p->total).text);
    fputc('\n', stderr);
}

static void print_trouble(get_screen *display, const convo_get_progress *p) {
    if (!strcmp(display->trouble, p->trouble)) return;
    snprintf(display->trouble, sizeof display->trouble, "%s", p->trouble);
    if (!*p->trouble) return;
    bar_clear(&display->bar);
    say(stderr, "trying again: %s\n", p->trouble);
}

static void draw_get(get_screen *display, const convo_get_progress *p) {
    if (!bar_due(&display->bar)) return;
    char before[160], after[160];
    snprintf(before, sizeof before, "%s %s  ", p->stage, p->file);
    int length = snprintf(after, sizeof after, "  %s", bytes_of((double)p->done).text);
    if (p->total)
        length += snprintf(after + length, sizeof after - (size_t)length, " of %s", bytes_of((double)p->total).text);
    if (p->bytes_per_second > 0)
        length += snprintf(after + length, sizeof after - (size_t)length, "  %s/s", bytes_of(p->bytes_per_second).text);
    if (isfinite(p->seconds_left))
        snprintf(after + length, sizeof after - (size_t)length, "  %s left", clock_of(p->seconds_left).text);
    bar_draw(&display->bar, before, p->total ? (double)p->done / (double)p->total : 0, after);
}

static void show_get(const convo_get_progress *p, void *user) {
    get_screen *display = user;
    if (display->quiet) return;
    print_trouble(display, p);
    print_stage(display, p);
    draw_get(display, p);
}

static int print_result(const cli_context *context, const char *name, const char *folder, const convo_get_result *r) {
    if (context->json) {
        int status =
            print_json(json_pack("{s:s, s:o, s:b, s:b, s:I, s:I, s:f}", "name", name, "folder", json_text(folder),
                                 "already_there", r->there, "interrupted", r->interrupted, "files",
                                 (json_int_t)r->files, "bytes", (json_int_t)r->bytes, "seconds", r->seconds),
                       false);
        return r->interrupted ? INTERRUPTED : status;
    }
    if (r->interrupted) {
        fputs("stopped; what was downloaded is kept, and the same command goes on from there\n", stderr);
        return INTERRUPTED;
    }
    if (r->there)
        say(stdout, "%s is already in %s (--force gets it again)\n", name, folder);
    else
        say(stdout, "%s is in %s: %lld files, %s\n", name, folder, (long long)r->files,
            bytes_of((double)r->bytes).text);
    return DONE;
}

static int get_into(const cli_context *context, const char *home, const char *name, const char *from, bool force) {
    get_screen display = {.bar = bar_new(context), .quiet = context->quiet};
    const convo_get_options options = {.folder = home,
                                       .from = from,
                                       .force = force,
                                       .stop = stop_on_signals(),
                                       .progress = show_get,
                                       .user = &display};
    convo_get_result result;
    convo_error err;
    convo_status failed = convo_data_get(name, &options, &result, &err);
    bar_clear(&display.bar);
    if (failed) return fail(&err);
    char *folder = text_of("%s/%s", home, name);
    int status = folder ? print_result(context, name, folder, &result) : no_memory();
    free(folder);
    return status;
}

int get_data(const cli_context *context, const char *name, const char *from, bool force) {
    convo_error ignored; // not to be anywhere is why it is got
    char **search = data_folders(NULL), *home = home_folder(), *found = NULL;
    int status = DONE;
    if (!search)
        status = no_memory();
    else if (!force && !convo_data_find(name, (const char *const *)search, &found, &ignored) && *found)
        status = print_result(context, name, found, &(convo_get_result){.there = true});
    else if (!home)
        status = complain("", "no folder for data sets: set CONVO_HOME");
    else
        status = get_into(context, home, name, from, force);
    free(found);
    free(home);
    free_texts(search);
    return status;
}

// Progress on a terminal, redrawn in place.
#include "output.h"

#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

cli_bar bar_new(const cli_context *context) {
    struct winsize size;
    bool known = !ioctl(STDERR_FILENO, TIOCGWINSZ, &size) && size.ws_col;
    return (cli_bar){
        .redraw = can_redraw() && !context->quiet, .colour = can_colour(), .columns = known ? size.ws_col : 80};
}

static struct timespec clock_now(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now;
}

static double seconds_between(struct timespec from, struct timespec to) {
    return difftime(to.tv_sec, from.tv_sec) + 1e-9 * (double)(to.tv_nsec - from.tv_nsec);
}

bool bar_due(cli_bar *bar) {
    const struct timespec now = clock_now();
    if (!bar->redraw || seconds_between(bar->drawn, now) < 0.1) return false;
    bar->drawn = now;
    return true;
}

void bar_draw(const cli_bar *bar, const char *before, double share, const char *after) {
    enum { WIDTH = 24 };
    static const char full[WIDTH + 1] = "########################", empty[WIDTH + 1] = "........................";
    // A line that wraps could not be redrawn: the bar gives way, then the text is cut.
    int room = bar->columns - 1 - (int)strlen(before), width = room - (int)strlen(after);
    width = width < 0 ? 0 : width > WIDTH ? WIDTH : width;
    int done = share > 0 ? (int)(width * (share < 1 ? share : 1)) : 0;
    fputc('\r', stderr);
    say(stderr, "%s", before);
    if (bar->colour) fputs("\033[32m", stderr);
    say(stderr, "%.*s", done, full);
    if (bar->colour) fputs("\033[0m", stderr);
    say(stderr, "%.*s%.*s", width - done, empty, room > width ? room - width : 0, after);
    fputs("\033[K", stderr);
    fflush(stderr);
}

void bar_clear(const cli_bar *bar) {
    if (bar->redraw) fputs("\r\033[K", stderr);
}

// --- long work --------------------------------------------------------------------------------------------------

cli_progress progress_new(const cli_context *context) {
    return (cli_progress){.bar = bar_new(context), .quiet = context->quiet, .work = ""};
}

void progress_show(cli_progress *p, const char *work, double share, const char *after) {
    if (!p->bar.redraw) return;
    if (strcmp(p->work, work) != 0) {
        p->work = work;
        p->began = clock_now();
        p->first = share;
    }
    if (share >= 1)
        bar_clear(&p->bar);
    else if (bar_due(&p->bar)) {
        char before[64], behind[160];
        const double seconds = seconds_between(p->began, clock_now());
        snprintf(before, sizeof before, "%s  ", work);
        int length = snprintf(behind, sizeof behind, "%s%s", *after ? "  " : "", after);
        if (share > p->first && seconds > 0.5 && length < (int)sizeof behind)
            snprintf(behind + length, sizeof behind - (size_t)length, "  %s left",
                     clock_of(seconds * (1 - share) / (share - p->first)).text);
        bar_draw(&p->bar, before, share, behind);
    }
}

static void show_count(cli_progress *p, const char *work, int64_t done, int64_t total, const char *what) {
    char after[80];
    snprintf(after, sizeof after, "%lld of %lld %s", (long long)done, (long long)total, what);
    progress_show(p, work, total > 0 ? (double)done / (double)total : 1, after);
}

void progress_reading(int64_t done, int64_t total, void *user) {
    show_count(user, "reading", done, total, "files");
}

void progress_scoring(int64_t done, int64_t total, void *user) {
    show_count(user, "scoring", done, total, "examples");
}

void progress_note(const char *sentence, void *user) {
    cli_progress *p = user;
    if (p->quiet || !strcmp(p->said, sentence)) return; // what is read twice is said once
    snprintf(p->said, sizeof p->said, "%s", sentence);
    bar_clear(&p->bar);
    say(stderr, "%s\n", sentence);
}

void say_reading(const cli_context *context, const convo_reading *r) {
    if (!context->verbose || !r->examples) return;
    say(stderr,
        "read %lld files in %.2f s: %d thread%s decoded for %.2f s and computed features for %.2f s, %.0f %% of the "
        "time\n",
        (long long)r->examples, r->seconds, r->threads, r->threads == 1 ? "" : "s", r->decoding, r->computing,
        100 * (r->decoding + r->computing) / (r->threads * r->seconds));
}

// The progress bar, redrawn in place.
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

bool bar_due(cli_bar *bar) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    double passed = difftime(now.tv_sec, bar->drawn.tv_sec) + 1e-9 * (double)(now.tv_nsec - bar->drawn.tv_nsec);
    if (!bar->redraw || passed < 0.1) return false;
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

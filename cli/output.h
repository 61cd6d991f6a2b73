// What the command says: errors, hints, tables, JSON, progress.
#pragma once

#include "command.h"

#include <time.h>

// --- what went wrong ---------------------------------------------------------------------------------------------

// printf for people: what names and messages bring along is shown (convo_text_show), not obeyed. Only line ends at the
// beginning and the end of the format are line ends. Everything that is printed with a text in it goes this way.
void say(FILE *stream, const char *format, ...) PRINTF(2, 3);
// Both print one line, `convo: WHERE: MESSAGE`, on standard error. fail returns FAILED, complain returns USAGE.
int fail(const convo_error *err);
int complain(const char *where, const char *format, ...) PRINTF(2, 3);
#ifdef __clang_analyzer__ // which does not see into other files
#define fail(err)     (fail(err), FAILED)
#define complain(...) (complain(__VA_ARGS__), FAILED)
#endif
int usage_error(const char *command, const char *format, ...) PRINTF(2, 3);
static inline int no_memory(void) {
    complain("", "not enough memory");
    return FAILED;
}

// ", did you mean 'X'?" for the candidate nearest to `word`, or "". Pass every candidate to hint_offer.
typedef struct cli_hint {
    const char *word;
    size_t distance;
    char text[320];
} cli_hint;
cli_hint hint_start(const char *word);
void hint_offer(cli_hint *hint, const char *candidate);

// --- output ------------------------------------------------------------------------------------------------------

// can_redraw: whether standard error is a terminal that can redraw a line. can_colour: whether it shows colour
// (NO_COLOR is respected).
bool can_redraw(void);
bool can_colour(void);
// "0:07", "1:02:03"
typedef struct cli_clock {
    char text[32];
} cli_clock;
cli_clock clock_of(double seconds);

// "1.5 GB"
typedef struct cli_bytes {
    char text[16];
} cli_bytes;
cli_bytes bytes_of(double bytes);

// A progress bar on standard error. Nothing is drawn with --quiet or without a terminal.
typedef struct cli_bar {
    bool redraw, colour;
    int columns;
    struct timespec drawn;
} cli_bar;
cli_bar bar_new(const cli_context *context);
bool bar_due(cli_bar *bar); // whether it is time to redraw
void bar_draw(const cli_bar *bar, const char *before, double share, const char *after);
void bar_clear(const cli_bar *bar);

// Progress of long work, one kind after the other: a bar, how much is done, and the time left. It removes itself when
// all is done.
typedef struct cli_progress {
    cli_bar bar;
    bool quiet;
    const char *work;      // at hand: "reading"
    struct timespec began; // with it
    double first;          // share that was done when it began
    char said[320];        // the last note
} cli_progress;
cli_progress progress_new(const cli_context *context);
// Shows that a share of the work is done. after: what else there is to say, or "".
void progress_show(cli_progress *progress, const char *work, double share, const char *after);
// The callbacks of the library (convo_train_options): user is a cli_progress.
void progress_reading(int64_t done, int64_t total, void *user);
void progress_scoring(int64_t done, int64_t total, void *user);
void progress_note(const char *sentence, void *user); // prints it on a line of its own, not twice
                                                      // in a row; not with --quiet
// Says how long examples were read, and how busy the threads were, with --verbose and if any were.
void say_reading(const cli_context *context, const convo_reading *reading);

// Prints a value on standard output, on one line if `line` is set, and frees it. NULL stands for a value that could not
// be made.
int print_json(json_t *value, bool line);
json_t *json_number(double x); // null if x is not finite
json_t *json_score(const convo_score *score);
json_t *json_reading(const convo_reading *reading);

// Cells collected row by row and printed in columns as wide as needed. table_print reports a lack of memory.
typedef struct cli_table {
    char **cell;
    size_t cells, capacity, columns;
    bool failed;
} cli_table;
void table_cell(cli_table *table, const char *format, ...) PRINTF(2, 3);
// Adds as many cells as the format has, with tabs between them.
void table_row(cli_table *table, const char *format, ...) PRINTF(2, 3);
// Prints and frees the table. align: one letter per column, 'l' or 'r'. Returns the exit status.
int table_print(cli_table *table, const char *align, FILE *stream);
// Does the same as a Markdown table.
int table_markdown(cli_table *table, const char *align, FILE *stream);

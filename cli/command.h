// The command: one file per verb, each with one `cli_command` that says everything about it. A new verb is a file that
// defines `const cli_command command_NAME` and a line in COMMANDS (main.c). Uses convo.h only.
#ifndef CLI_COMMAND_H
#define CLI_COMMAND_H

#include "convo.h"

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#define COUNT(array)        (sizeof(array) / sizeof((array)[0]))
#define PRINTF(text, first) __attribute__((format(printf, text, first)))

enum { MOST_THREADS = 1024 };
static inline int thread_count(int64_t asked) {
    return asked > 0 ? (int)asked : 0;
} // 0: one per processor

enum { DONE = 0, FAILED = 1, USAGE = 2, INTERRUPTED = 130 }; // exit status

// --- what a command is ------------------------------------------------------------------------------------------

typedef enum option_type {
    OPTION_FLAG,   // bool
    OPTION_TEXT,   // const char *, NULL when absent
    OPTION_NUMBER, // int64_t, from `least` to `most`; -1 when absent
    OPTION_LIST,   // cli_list, one entry each time the option is given
} option_type;

typedef struct cli_list {
    const char **text;
    size_t count;
} cli_list;

typedef struct cli_option {
    const char *name; // "out" for --out; NULL ends a table
    char letter;      // 'o' for -o; 0 for none
    option_type type;
    size_t offset;       // of its field in the command's struct of values
    int64_t least, most; // OPTION_NUMBER
    const char *argument, *help;
} cli_option;

// What every command is given: the common options, what the terminal can do, the words that are not options.
typedef struct cli_context {
    bool json, quiet, verbose;
    int argc; // of the whole line, as typed
    char **argv;
    char **word;
    int words;
} cli_context;

typedef struct cli_command {
    const char *name, *help; // one line
    const char *words;       // "MODEL FILE..."
    int least_words, most_words;
    const char *examples; // one a line, shown first by --help
    const char *notes;    // shown last by --help; NULL for none
    const cli_option *options;
    size_t size; // of the struct of values
    int (*run)(const cli_context *context, const void *values);
} cli_command;

// Reads the options of a whole line, `convo NAME ...`, and runs the command. Returns the exit status.
int command_run(const cli_command *command, int argc, char **argv);
void command_help(const cli_command *command, FILE *stream);

// --- what went wrong --------------------------------------------------------------------------------------------

// Both print one line, `convo: WHERE: MESSAGE`, on standard error. They return FAILED and USAGE.
int fail(const convo_error *err);
int complain(const char *where, const char *format, ...) PRINTF(2, 3);
int usage_error(const char *command, const char *format, ...) PRINTF(2, 3);
int no_memory(void);

// ", did you mean 'X'?" for the candidate nearest to `word`, or "". Give every candidate to hint_offer.
typedef struct cli_hint {
    const char *word;
    size_t distance;
    char text[320];
} cli_hint;
cli_hint hint_start(const char *word);
void hint_offer(cli_hint *hint, const char *candidate);

// --- output -----------------------------------------------------------------------------------------------------

// Standard error is a terminal that can redraw a line; and one that shows colour (NO_COLOR is honoured).
bool can_redraw(void);
bool can_colour(void);
// "0:07", "1:02:03"
typedef struct cli_clock {
    char text[32];
} cli_clock;
cli_clock clock_of(double seconds);

// Prints a value on standard output, one line when `line`, and frees it. NULL is a value that could not be made.
int print_json(json_t *value, bool line);
json_t *json_number(double x); // null when x is not finite
json_t *json_score(const convo_score *score);

// Cells collected row by row, printed with every column as wide as it needs. Memory failures show in table_print.
typedef struct cli_table {
    char **cell;
    size_t cells, capacity, columns;
    bool failed;
} cli_table;
void table_cell(cli_table *table, const char *format, ...) PRINTF(2, 3);
// align: one letter per column, 'l' or 'r'. Frees the table. Returns the exit status.
int table_print(cli_table *table, const char *align, FILE *stream);

// --- finding things: the only readers of the environment --------------------------------------------------------

// Folders that hold data sets by name, NULL-ended. recipe: the recipe's file, or NULL. NULL without memory.
char **data_folders(const char *recipe);
void free_texts(char **texts); // NULL-ended
// Finds RECIPE, a path or a bare name, and applies --set. *file (may be NULL) receives the path; free it.
int open_recipe(const char *word, const cli_list *settings, convo_recipe **recipe, char **file);
// The same where a model may be named as well: a .safetensors file or a run folder gives the recipe it was trained by.
int open_recipe_or_model(const char *word, const cli_list *settings, convo_recipe **recipe);

bool is_file(const char *path);
bool is_folder(const char *path);
char *text_of(const char *format, ...) PRINTF(1, 2); // new, or NULL without memory
const char *base_name(const char *path);

// --- charts -----------------------------------------------------------------------------------------------------

// Draws with gnuplot: writes STEM.dat and STEM.gp (kept, so that they can be edited) and runs the script in their
// folder. `data` and `script` are whole files. *drawn tells whether gnuplot was there.
int draw_chart(const char *stem, const char *data, const char *script, bool *drawn);
// Text in single quotes for a gnuplot script. Free it.
char *gnuplot_quoted(const char *text);
// curves.png and curves.svg in a run folder, from its metrics.jsonl.
int draw_curves(const char *folder, const char *recipe, const convo_train_result *result, bool *drawn);

#endif

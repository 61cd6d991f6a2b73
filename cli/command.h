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
#include <time.h>

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
    size_t offset;        // of its field in the command's struct of values
    int64_t least, most;  // OPTION_NUMBER
    const char *argument; // as `words` below: "FILE|DIR", "train|validation|test|all"; NULL for a flag
    const char *help;
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
    const char *words; // "MODEL FILE...": what they are; small letters are the word itself: "list|info [NAME|DIR]"
    int least_words, most_words;
    const char *examples; // one a line, shown first by --help
    const char *notes;    // shown last by --help; NULL for none
    const cli_option *options;
    size_t size; // of the struct of values
    int (*run)(const cli_context *context, const void *values);
} cli_command;

// Reads the options of a whole line, `convo NAME ...`, and runs the command. Returns the exit status.
int command_run(const cli_command *command, int argc, char **argv);
void print_help(const cli_command *command, FILE *stream);
extern const cli_option common_options[]; // of every command

// --- all commands -----------------------------------------------------------------------------------------------

extern const cli_command *const commands[]; // NULL-ended
// NULL when there is none; it complains then.
const cli_command *find_command(const char *name);
void print_overview(FILE *stream); // convo --help
extern const char overview_examples[];

// The manual page of a command in the language of man(7); of NULL the one about convo itself.
void write_manual(const cli_command *command, FILE *stream);
// All of them, as FOLDER/convo.1, FOLDER/convo-train.1, ...
int write_manuals(const char *folder);
// What the last of the words typed after `convo` may become, one candidate a line, with a tab and what it is.
// "@files" (or "@folders") stands for those whose names begin so.
int complete_line(char *const *word, int words);

// --- what went wrong --------------------------------------------------------------------------------------------

// printf, for people: what names and messages bring along is shown (convo_text_show), not obeyed. Only line ends at
// the beginning and at the end of the format are line ends. Everything that is printed with a text in it goes this way.
void say(FILE *stream, const char *format, ...) PRINTF(2, 3);
// Both print one line, `convo: WHERE: MESSAGE`, on standard error. They return FAILED and USAGE.
int fail(const convo_error *err);
int complain(const char *where, const char *format, ...) PRINTF(2, 3);
#ifdef __clang_analyzer__ // which does not look into another file
#define fail(err)     (fail(err), FAILED)
#define complain(...) (complain(__VA_ARGS__), FAILED)
#endif
int usage_error(const char *command, const char *format, ...) PRINTF(2, 3);
static inline int no_memory(void) {
    complain("", "not enough memory");
    return FAILED;
}

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

// "1.5 GB"
typedef struct cli_bytes {
    char text[16];
} cli_bytes;
cli_bytes bytes_of(double bytes);

// A line with a bar, on standard error, while something goes on. Nothing is drawn with --quiet or without a terminal.
typedef struct cli_bar {
    bool redraw, colour;
    int columns;
    struct timespec drawn;
} cli_bar;
cli_bar bar_new(const cli_context *context);
bool bar_due(cli_bar *bar); // it is time to draw again
void bar_draw(const cli_bar *bar, const char *before, double share, const char *after);
void bar_clear(const cli_bar *bar);

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
// The same as a table of Markdown.
int table_markdown(cli_table *table, const char *align, FILE *stream);

// --- finding things: the only readers of the environment --------------------------------------------------------

// Folders that hold data sets by name, NULL-ended. recipe: the recipe's file, or NULL. NULL without memory.
char **data_folders(const char *recipe);
// What convo keeps between runs: $CONVO_HOME, else the user's cache. NULL when there is no such place. Free it.
char *home_folder(void);
// Folder for computed features; NULL when there is no place for it. Free it.
char *feature_folder(void);
void free_texts(char **texts); // NULL-ended
// Finds RECIPE, a path or a bare name, and applies --set. *file (may be NULL) receives the path; free it.
int open_recipe(const char *word, const cli_list *settings, convo_recipe **recipe, char **file);
// The same where a model may be named as well: a .safetensors file or a run folder gives the recipe it was trained by.
int open_recipe_or_model(const char *word, const cli_list *settings, convo_recipe **recipe);
// The same, and the model itself where the word names one, else NULL. data: folder of the data set of a recipe that has
// no `input`; NULL: where it says, or is found.
int open_net(const char *word, const cli_list *settings, const char *data, convo_recipe **recipe, convo_model **model);

// Names of the recipes ("moons", "fields/padding") in recipes/ and where convo is installed, sorted, NULL-ended. NULL
// without memory.
char **recipe_names(void);
int no_recipes(void); // says that there are none, and where they were looked for

// A run folder: whether there is one; says that it is not replaced, returns FAILED; removes what would lie about a new
// run, once that has begun.
bool holds_run(const char *folder);
int refuse_run(const char *folder);
void forget_run(const char *folder);

bool is_file(const char *path);
bool is_folder(const char *path);
// Writes a whole file, or nothing.
int write_text(const char *path, const char *text);
int write_bytes(const char *path, const void *data, size_t size);
char *text_of(const char *format, ...) PRINTF(1, 2); // new, or NULL without memory
const char *base_name(const char *path);

// --- Ctrl-C -----------------------------------------------------------------------------------------------------

// From now on the first SIGINT or SIGTERM makes *flag nonzero, and the second ends the program.
const volatile int *stop_on_signals(void);
// The words after `convo` as typed, each after a space and in a form that a shell reads; without --force and --resume.
void print_words(const cli_context *context, FILE *stream);
// The whole line with --resume, on standard error.
void print_resume(const cli_context *context);

// --- trials: trainings that are repeated with other seeds -------------------------------------------------------

// Mean and standard deviation of numbers that come one by one. Welford, Technometrics 4 (1962).
typedef struct cli_spread {
    int count;
    double mean, squares; // sum of squared distances from the mean
} cli_spread;
void spread_add(cli_spread *spread, double x);     // what is not finite does not count
double spread_deviation(const cli_spread *spread); // of the sample; NaN for fewer than two numbers
json_t *spread_json(const cli_spread *spread);
typedef struct cli_text {
    char text[48];
} cli_text;
cli_text spread_text(const cli_spread *spread); // "0.9760 ± 0.0035", "0.9760" of one, "-" of none

// How trainings are run inside a command that runs many.
typedef struct cli_trials {
    const cli_context *context;
    const char *data;  // or NULL
    char **search;     // folders of data sets
    const char *cache; // of features, or NULL
    int threads;
    bool resume;
    bool notes; // say what is found in the data
    const volatile int *stop;
} cli_trials;
// name: what the progress calls it. INTERRUPTED when it was stopped; a run that diverged is DONE, see the result.
int run_trial(const cli_trials *how, const convo_recipe *recipe, const char *folder, const char *name,
              convo_train_result *result);

// --- data sets --------------------------------------------------------------------------------------------------

// What is wrong with a data set. report: prints all of it; FAILED where something is a fault.
json_t *findings_json(const convo_findings *found);
void print_findings(const convo_findings *found);
int report_findings(const cli_context *context, const char *word, const convo_findings *found);

// convo data get
int get_data(const cli_context *context, const char *name, const char *from, bool force);

// --- evaluations ------------------------------------------------------------------------------------------------

// "test"
const char *part_name(convo_part part);
// --split; NULL: what is held out.
int find_part(const char *command, const char *name, convo_part *part);
// top: 0 for none.
int print_evaluation(const convo_evaluation *evaluation, int top, bool by_group);
json_t *evaluation_json(const convo_evaluation *evaluation, int top, bool by_group);

// --- charts -----------------------------------------------------------------------------------------------------

// A picture that gnuplot draws: what is written to the streams becomes STEM.dat and STEM.gp (kept, so that they can be
// edited), and these STEM.png and STEM.svg.
typedef struct cli_chart {
    FILE *data, *script;
    char *data_text, *script_text;
    size_t data_size, script_size;
} cli_chart;
// false without memory, which chart_draw says.
bool chart_open(cli_chart *chart);
// The first lines of the script: the look, and the loop over PNG and SVG, 1,000 pixels wide. `data` is then the name of
// the data in the script.
void chart_begin(cli_chart *chart, const char *stem, int height);
// Ends the script, writes both files and has them drawn. *drawn tells whether gnuplot was there; where drawn is NULL
// its absence is an error. Frees the chart.
int chart_draw(cli_chart *chart, const char *stem, bool *drawn);
void chart_free(cli_chart *chart); // without drawing it
// Between ticks from 0 to last, so that their labels have room: 1, 2, 5, 10, 20, ...
int64_t chart_step(int64_t last);
// FILE.png or FILE.svg, as --out says, without its ending; free it. Another ending is a usage error of the command;
// where array is not NULL, FILE.npy makes it true and leaves *stem alone.
int chart_stem(const char *command, const char *out, char **stem, bool *array);
// Colours that stay apart without full colour vision (Okabe and Ito, 2008); after the last comes the first again.
enum { CHART_COLOURS = 7 };
const char *chart_colour(size_t k);
// curves.png and curves.svg in a run folder, from its metrics.jsonl; curves-steps.png and .svg where there is a
// steps.jsonl.
int draw_curves(const char *folder, const char *recipe, const convo_train_result *result, bool *drawn);
// STEM.png and STEM.svg with the curves of all runs, by epoch or by iteration.
int draw_runs(const char *stem, const char *title, const char *const *folder, const convo_train_result *result,
              size_t count, bool by_step, bool *drawn);
// STEM.png and STEM.svg of a receptive field.
int draw_field(const char *stem, const char *recipe, const convo_field *field, bool heat);

// Maps of numbers side by side: pictures, or curves where a map has one row.
typedef struct cli_tile {
    char title[160];
    int64_t rows, columns;
    const float *value; // [rows][columns]; in colour [3][rows][columns], in [0, 1] or then scaled to it
    bool colour;
} cli_tile;

typedef struct cli_tiles {
    const char *heading;
    const char *value;         // what a number is: "weight"
    const char *across, *down; // what columns and rows are, which then get numbers; NULL: pixels
    cli_tile *tile;
    int count;
    bool apart;     // each has a scale of its own, from its smallest to its largest value; else all share one
    bool signs;     // the scale has its middle at zero, and two colours
    bool stretched; // rows and columns are not the same thing: one tile a line, no square pixels
    bool spectra;   // rows are frequencies, from the lowest, which is drawn at the bottom
} cli_tiles;
// STEM.png and STEM.svg.
int draw_tiles(const char *stem, const cli_tiles *tiles);
// The weights of a first layer, which are changed.
int draw_filters(const char *stem, const char *recipe, convo_map *filters);

// --- reproduce --------------------------------------------------------------------------------------------------

// The course's table of receptive fields; FAILED when one is not what the course states.
int reproduce_fields(bool json);

#endif

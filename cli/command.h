// The command: one file per verb, with one `cli_command` that describes it completely. A new verb is a file that
// defines `const cli_command command_NAME` and a line in COMMANDS (main.c). Uses convo.h only.
#pragma once

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

// --- what a command is -------------------------------------------------------------------------------------------

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

// Entries of a table of options; VALUES is the struct that they fill, `field` is a field of it.
#define FLAG_OPTION(name, letter, field, help)                                                                         \
    { name, letter, OPTION_FLAG, offsetof(VALUES, field), 0, 0, NULL, help }
#define TEXT_OPTION(name, letter, field, argument, help)                                                               \
    { name, letter, OPTION_TEXT, offsetof(VALUES, field), 0, 0, argument, help }
#define LIST_OPTION(name, letter, field, argument, help)                                                               \
    { name, letter, OPTION_LIST, offsetof(VALUES, field), 0, 0, argument, help }
#define NUMBER_OPTION(name, letter, field, least, most, argument, help)                                                \
    { name, letter, OPTION_NUMBER, offsetof(VALUES, field), least, most, argument, help }
#define SET_OPTION  LIST_OPTION("set", 0, set, "KEY=VALUE", "change a setting of the recipe; repeatable")
#define DATA_OPTION TEXT_OPTION("data", 0, data, "DIR", "folder of the data set")
#define FROM_OPTION TEXT_OPTION("from", 0, from, "MODEL", "start from the weights of this model (fine-tuning)")
#define ISA_OPTION  TEXT_OPTION("isa", 0, isa, "baseline|avx2|avx512", "highest instruction set to use (best available)")
#define ON_OPTION                                                                                                      \
    TEXT_OPTION("on", 0, on, "host|device", "run on this computer, or bit for bit as on a microcontroller (host)")
#define INT8_OPTION                                                                                                    \
    FLAG_OPTION("int8", 0, int8, "on a device: the net in 8-bit numbers, whose ranges training examples give")
#define FLOAT_OPTION                                                                                                   \
    TEXT_OPTION("float", 0, in_floats, "LAYERS", "with --int8: these layers stay in floats, such as 0-2 or 3.body")
#define SKIP_UNREADABLE_OPTION                                                                                         \
    FLAG_OPTION("skip-unreadable", 0, skip_unreadable, "leave out files that cannot be read, and say which")
#define THREADS_OPTION                                                                                                 \
    NUMBER_OPTION("threads", 0, threads, 1, MOST_THREADS, "N",                                                         \
                  "number of threads (all processors); results do not depend on it")

typedef struct cli_command cli_command;

// What every command receives: the common options and the words that are not options.
typedef struct cli_context {
    const cli_command *const *commands; // all of them, NULL-terminated
    bool json, quiet, verbose;
    int argc; // of the whole line, as typed
    char **argv;
    char **word;
    int words;
} cli_context;

struct cli_command {
    const char *name, *help; // one line
    const char *words; // "MODEL FILE...": the arguments; lower case stands for the word itself: "list|info [NAME|DIR]"
    int least_words, most_words; // both 0: exactly one
    const char *examples;        // one per line, shown first by --help
    const char *notes;           // shown last by --help; NULL for none
    const cli_option *options;
    size_t size; // of the struct of values
    int (*run)(const cli_context *context, const void *values);
};

// Parses a complete line, `convo NAME ...`, and runs the command. Returns the exit status.
int command_run(const cli_command *const *commands, const cli_command *command, int argc, char **argv);
void print_help(const cli_command *command, FILE *stream);
extern const cli_option common_options[]; // accepted by every command

// --- all commands ------------------------------------------------------------------------------------------------

// commands: all of them, NULL-terminated.
// Returns NULL, after an error message, if there is no such command.
const cli_command *find_command(const cli_command *const *commands, const char *name);
void print_overview(const cli_command *const *commands, FILE *stream); // convo --help
extern const char overview_examples[];

// Writes the manual page of a command in the language of man(7); for NULL, that of convo itself.
void write_manual(const cli_command *const *commands, const cli_command *command, FILE *stream);
// Writes all manual pages, as FOLDER/convo.1, FOLDER/convo-train.1, ...
int write_manuals(const cli_command *const *commands, const char *folder);
// Prints the completions of the last word typed after `convo`, one per line, each followed by a tab and a description.
// "@files" (or "@folders") stands for the files (or folders) that match the word.
int complete_line(const cli_command *const *commands, char *const *word, int words);

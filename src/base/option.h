// Options: one table defines what a block of a recipe may contain. Reader, help, summary and the PyTorch expression use
// it.
#pragma once

#include "base/base.h"

typedef enum cv_option_type {
    CV_INT,     // int64_t
    CV_FLOAT,   // double; may be written as a fraction: 2/3
    CV_BOOL,    // bool
    CV_WORD,    // int: index into .words
    CV_TEXT,    // char[CV_TEXT_SIZE]
    CV_LIST,    // char[CV_LIST_SIZE]: "bed\nhey mycroft\n", each item ended by a newline; cv_list_next goes through it
    CV_NUMBERS, // the same of numbers; one number alone is a list of one; cv_list_numbers reads it
    CV_PAIR,    // int64_t[2], rows and columns; one number sets both
    CV_SPAN,    // double[2], lowest and highest, the first not above the second; one number sets both
    CV_LENGTH,  // int64_t[2], the 1-d form of CV_PAIR: one number, stored in [1]; [0] gets .unit
    CV_SIDES, // int64_t[4]: rows and columns before, rows and columns behind, the order of ONNX; written as one number
              // for all, [rows, columns] or [top, bottom, left, right]
    CV_ENDS,  // int64_t[4], the 1-d form of CV_SIDES: one number or [left, right]
} cv_option_type;

// Sizes of a text, of a list, and of a value in written form.
enum { CV_TEXT_SIZE = 256, CV_LIST_SIZE = 4096, CV_WRITTEN_SIZE = CV_LIST_SIZE + CV_TEXT_SIZE };

typedef struct cv_option {
    const char *name; // NULL ends a table
    cv_option_type type;
    size_t offset;     // of the field in the block's struct
    bool required;     // no default
    double fallback;   // the default (a word: its index)
    double min, max;   // allowed range of a written number; both 0: any
    double unit;       // CV_LENGTH: what the other dimension gets (1 for a kernel, 0 for padding)
    const char *words; // CV_WORD: "none|global"; CV_INT, CV_SIDES, CV_ENDS: words that stand for -1, -2, ...
    const char *text;  // CV_TEXT, CV_LIST, CV_NUMBERS: the default, NULL for ""; CV_SPAN: the default, if it is not one
                       // number
    const char *help;  // one line
} cv_option;

// One line of a table. `block` is the struct and `field` a field of it; further fields of cv_option follow the help:
//     CV_OPTION("kernel", CV_PAIR, conv, kernel, "kernel size", .required = true, CV_RANGE(1, 1 << 20), .unit = 1),
#define CV_RANGE(least, most) .min = least, .max = most
#define CV_OPTION(name_, type_, block, field, help_, ...)                                                              \
    { .name = name_, .type = type_, .offset = offsetof(block, field), .help = help_, __VA_ARGS__ }
// A whole table.
#define CV_OPTIONS(...) ((const cv_option[]){__VA_ARGS__, {.name = NULL}})

// Sets every field of *block to its default.
void cv_options_default(const cv_option *schema, void *block);
// Parses `text` ("3", "2/3", "true", "[3, 5]", a word) for one option and stores it in its field. On failure, `why`
// receives what is expected ("a whole number from 1 to 64, not 'x'") and *block is unchanged. A list is given in stored
// form, or as words separated by spaces or commas, without a newline.
bool cv_option_set(const cv_option *option, void *block, const char *text, char *why, size_t why_size);
// Writes what a value must be: "a whole number from 1 to 64".
void cv_option_expects(const cv_option *option, char *text, size_t size);
// Writes the value in the form that cv_option_set reads.
void cv_option_get(const cv_option *option, const void *block, char *text, size_t size);
// Advances *list to the next item and returns its text and length; a newline follows the item. Returns false at the
// end.
bool cv_list_next(const char **list, const char **item, size_t *length);
// Reads the numbers of a CV_NUMBERS to out, [most]; returns how many there are, which may be more than most.
size_t cv_list_numbers(const char *list, double *out, size_t most);
const cv_option *cv_option_find(const cv_option *schema, const char *name);

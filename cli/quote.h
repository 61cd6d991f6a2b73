// Text that goes into another language. Each language has one function that knows how text is quoted there, and names
// from outside (files, classes, runs, recipes, groups) get nowhere without it.
#ifndef CLI_QUOTE_H
#define CLI_QUOTE_H

#include "command.h"

// The text as convo_text_show has it; NULL without memory. Free it.
char *shown(const char *text);
size_t shown_width(const char *text); // in characters

// JSON, which is UTF-8: other bytes as they are shown. NULL becomes null.
json_t *json_text(const char *text);

// HTML, in elements and in attributes with quotes, and SVG; lines stay lines.
void html_text(const char *text, FILE *out);
void html_bytes(const char *text, size_t size, FILE *out);
void html_print(FILE *out, const char *format, ...) PRINTF(2, 3);

// A word of a shell's line; and whether it is one without quotes.
void shell_word(const char *word, FILE *out);
bool is_shell_word(const char *word);

void csv_text(const char *text, FILE *out);

// man(7): a hyphen is one that can be copied, and no line is taken for a request.
void man_text(const char *text, FILE *out);

// gnuplot, with the quotes: the bytes as they are; text to be read in a picture; the same as the label of a tick, in
// which gnuplot looks for a number's format.
void gnuplot_bytes(const char *text, FILE *out);
void gnuplot_text(const char *text, FILE *out);
void gnuplot_tick(const char *text, FILE *out);

#endif

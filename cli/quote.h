// Quoting of text for other languages. Each language has one function that knows its rules. Every string from outside
// (files, classes, runs, recipes, groups) must pass through it.
#pragma once

#include "command.h"

// Returns the text in the form of convo_text_show; NULL if memory runs out. The caller frees it.
char *shown(const char *text);
size_t shown_width(const char *text); // in characters

// JSON, which is UTF-8: other bytes are escaped as in convo_text_show. NULL becomes null.
json_t *json_text(const char *text);

// HTML, for elements and quoted attributes, and SVG; line breaks are kept.
void html_text(const char *text, FILE *out);
void html_bytes(const char *text, size_t size, FILE *out);
void html_base64(const unsigned char *data, size_t size, FILE *out); // in a data URI (RFC 4648)
void html_print(FILE *out, const char *format, ...) PRINTF(2, 3);

// shell_word writes a word of a shell command, quoted if needed; is_shell_word tells whether it needs no quotes.
void shell_word(const char *word, FILE *out);
bool is_shell_word(const char *word);

void csv_text(const char *text, FILE *out);

// man(7): hyphens can be copied as such, and no line is taken for a request.
void man_text(const char *text, FILE *out);

// gnuplot, including the quotes. gnuplot_bytes: the bytes as they are; gnuplot_text: text shown in a picture;
// gnuplot_tick: the same for the label of a tick, in which gnuplot looks for a number format.
void gnuplot_bytes(const char *text, FILE *out);
void gnuplot_text(const char *text, FILE *out);
void gnuplot_tick(const char *text, FILE *out);

// Text that goes into another language. Each language has one function that knows how text is quoted there, and names
// from outside (files, classes, runs, recipes, groups) get nowhere without it.
#ifndef CLI_QUOTE_H
#define CLI_QUOTE_H

#include "command.h"

// The text as convo_text_show has it; NULL without memory. Free it.
char *shown(const char *text);

// gnuplot, with the quotes: the bytes as they are; text to be read in a picture; the same as the label of a tick, in
// which gnuplot looks for a number's format.
void gnuplot_bytes(const char *text, FILE *out);
void gnuplot_text(const char *text, FILE *out);
void gnuplot_tick(const char *text, FILE *out);

#endif

#include "quote.h"

#include <stdlib.h>
#include <string.h>

#define LETTERS_AND_DIGITS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"

char *shown(const char *text) {
    const size_t size = convo_text_show(text, NULL, 0) + 1;
    char *copy = malloc(size);
    if (copy) convo_text_show(text, copy, size);
    return copy;
}

// --- gnuplot ----------------------------------------------------------------------------------------------------

static bool is_plain(char c) {
    return c && ((unsigned char)c >= 0x80 || strchr(LETTERS_AND_DIGITS " _-./,:+=%()", c));
}

// Single quotes where nothing in the text means anything to gnuplot; else double quotes, with all that might as an
// octal number: quotes, backslashes, backticks (which run a command even in double quotes), line ends, and the braces
// that gnuplot counts in a loop.
void gnuplot_bytes(const char *text, FILE *out) {
    bool plain = true;
    for (const char *c = text; *c; c++) plain = plain && is_plain(*c);
    fputc(plain ? '\'' : '"', out);
    for (; *text; text++)
        if (is_plain(*text))
            fputc(*text, out);
        else
            fprintf(out, "\\%03o", (unsigned)(unsigned char)*text);
    fputc(plain ? '\'' : '"', out);
}

void gnuplot_text(const char *text, FILE *out) {
    char *copy = shown(text);
    gnuplot_bytes(copy ? copy : "", out);
    free(copy);
}

void gnuplot_tick(const char *text, FILE *out) {
    char *twice = malloc(2 * strlen(text) + 1), *end = twice;
    for (; twice && *text; text++) {
        *end++ = *text;
        if (*text == '%') *end++ = '%';
    }
    if (twice) *end = '\0';
    gnuplot_text(twice ? twice : "", out);
    free(twice);
}

#include "paths.h"
#include "quote.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#define LETTERS_AND_DIGITS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"

char *shown(const char *text) {
    const size_t size = convo_text_show(text, NULL, 0) + 1;
    char *copy = malloc(size);
    if (copy) convo_text_show(text, copy, size);
    return copy;
}

size_t shown_width(const char *text) {
    size_t width = 0;
    char *copy = shown(text);
    for (const char *c = copy; c && *c; c++) width += (*c & 0xC0) != 0x80;
    free(copy);
    return width;
}

static bool is_shown_as_it_is(const char *text) {
    return convo_text_show(text, NULL, 0) == strlen(text);
}

// --- JSON -------------------------------------------------------------------------------------------------------

json_t *json_text(const char *text) {
    json_t *json = text ? json_string(text) : json_null();
    char *copy = json ? NULL : shown(text); // it is not UTF-8, which JSON is
    if (copy) json = json_string(copy);
    free(copy);
    return json;
}

// --- HTML and SVG -----------------------------------------------------------------------------------------------

static void html_line(const char *text, size_t size, FILE *out) {
    char *part = text_of("%.*s", (int)size, text), *line = part ? shown(part) : NULL;
    for (const char *c = line; c && *c; c++) switch (*c) {
        case '&': fputs("&amp;", out); break;
        case '<': fputs("&lt;", out); break;
        case '>': fputs("&gt;", out); break;
        case '"': fputs("&quot;", out); break;
        case '\'': fputs("&#39;", out); break;
        default: fputc(*c, out);
        }
    free(part);
    free(line);
}

void html_bytes(const char *text, size_t size, FILE *out) {
    const char *end = text + size, *line_end;
    for (; (line_end = memchr(text, '\n', (size_t)(end - text))); text = line_end + 1) {
        html_line(text, (size_t)(line_end - text), out);
        fputc('\n', out);
    }
    html_line(text, (size_t)(end - text), out);
}

void html_text(const char *text, FILE *out) {
    html_bytes(text, strlen(text), out);
}

void html_base64(const unsigned char *data, size_t size, FILE *out) {
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    for (size_t k = 0; k < size; k += 3) {
        const size_t there = size - k;
        const unsigned bits = (unsigned)data[k] << 16 | (there > 1 ? (unsigned)data[k + 1] << 8 : 0) |
                              (there > 2 ? (unsigned)data[k + 2] : 0);
        fputc(digits[bits >> 18], out);
        fputc(digits[bits >> 12 & 63], out);
        fputc(there > 1 ? digits[bits >> 6 & 63] : '=', out);
        fputc(there > 2 ? digits[bits & 63] : '=', out);
    }
}

void html_print(FILE *out, const char *format, ...) {
    char text[1024]; // what is longer is cut
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    html_text(text, out);
}

// --- shells -----------------------------------------------------------------------------------------------------

bool is_shell_word(const char *word) {
    return *word && strspn(word, LETTERS_AND_DIGITS "_-./,:+@%=") == strlen(word);
}

// 'single quotes' as all shells have them; what must not come to a terminal, in $'dollar quotes' (POSIX 2024; bash,
// zsh).
void shell_word(const char *word, FILE *out) {
    const bool plain = is_shell_word(word), readable = is_shown_as_it_is(word);
    if (!plain) fputs(readable ? "'" : "$'", out);
    for (; *word; word++)
        if (readable)
            fputs(*word == '\'' ? "'\\''" : (char[]){*word, 0}, out);
        else if (strchr(LETTERS_AND_DIGITS " _-./,:+@%=", *word))
            fputc(*word, out);
        else
            fprintf(out, "\\%03o", (unsigned)(unsigned char)*word);
    if (!plain) fputc('\'', out);
}

// --- CSV --------------------------------------------------------------------------------------------------------

void csv_text(const char *text, FILE *out) {
    const size_t length = strlen(text);
    const bool trimmed = length && (strchr(" \t", text[0]) || strchr(" \t", text[length - 1])); // unless quoted
    if (!trimmed && !strpbrk(text, ",\"\r\n")) {
        fputs(text, out);
        return;
    }
    fputc('"', out);
    for (; *text; text++) fputs(*text == '"' ? "\"\"" : (char[]){*text, 0}, out);
    fputc('"', out);
}

// --- man --------------------------------------------------------------------------------------------------------

void man_text(const char *text, FILE *out) {
    bool first = true; // of a line
    for (; *text; text++) {
        if (first && (*text == '.' || *text == '\'')) fputs("\\&", out);
        if (*text == '-' || *text == '\\' || *text == '`')
            fputs(*text == '-' ? "\\-" : *text == '`' ? "\\(ga" : "\\e", out);
        else
            fputc(*text, out);
        first = *text == '\n';
    }
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

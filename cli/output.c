// What the command says: errors, hints, tables, JSON.
#define _GNU_SOURCE // vasprintf
#include "output.h"
#include "quote.h"

#include <math.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

// --- the terminal -----------------------------------------------------------------------------------------------

bool can_redraw(void) {
    const char *term = getenv("TERM");
    return isatty(STDERR_FILENO) && term && *term && strcmp(term, "dumb");
}

bool can_colour(void) {
    const char *no = getenv("NO_COLOR"); // https://no-color.org
    return can_redraw() && !(no && *no);
}

cli_clock clock_of(double seconds) {
    cli_clock clock;
    long long s = seconds > 0 && seconds < 1e9 ? (long long)(seconds + 0.5) : 0;
    if (s >= 3600)
        snprintf(clock.text, sizeof clock.text, "%lld:%02lld:%02lld", s / 3600, s / 60 % 60, s % 60);
    else
        snprintf(clock.text, sizeof clock.text, "%lld:%02lld", s / 60, s % 60);
    return clock;
}

cli_bytes bytes_of(double bytes) {
    static const char *const unit[] = {"B", "kB", "MB", "GB", "TB"};
    size_t k = 0;
    for (; bytes >= 999.95 && k + 1 < COUNT(unit); k++) bytes /= 1000;
    cli_bytes out;
    snprintf(out.text, sizeof out.text, "%.*f %s", k > 0, bytes, unit[k]);
    return out;
}

// --- errors -----------------------------------------------------------------------------------------------------

static void say_all(FILE *stream, const char *format, va_list args) {
    char *text = NULL, *copy = NULL;
    const size_t first = strspn(format, "\n");
    size_t last = strlen(format);
    while (last > first && format[last - 1] == '\n') last--;
    const int length = vasprintf(&text, format, args), tail = (int)strlen(format + last);
    if (length >= 0) text[length - tail] = '\0'; // the line ends of the format itself stay
    if (length >= 0) copy = shown(text + first);
    fprintf(stream, "%.*s%s%s", (int)first, format, copy ? copy : "", format + last);
    if (length >= 0) free(text);
    free(copy);
}

void say(FILE *stream, const char *format, ...) {
    va_list args;
    va_start(args, format);
    say_all(stream, format, args);
    va_end(args);
}

static void say_name(void) {
    if (can_redraw()) fputs("\r\033[K", stderr); // in place of a bar
    fputs(can_colour() ? "\033[1;31mconvo:\033[0m " : "convo: ", stderr);
}

int(fail)(const convo_error *err) {
    return complain(err->where, "%s", err->message);
}

int(complain)(const char *where, const char *format, ...) {
    fflush(stdout); // the order on a terminal is the order of events
    say_name();
    if (where && *where) say(stderr, "%s: ", where);
    va_list args;
    va_start(args, format);
    say_all(stderr, format, args);
    va_end(args);
    fputc('\n', stderr);
    return FAILED;
}

int usage_error(const char *command, const char *format, ...) {
    say_name();
    va_list args;
    va_start(args, format);
    say_all(stderr, format, args);
    va_end(args);
    say(stderr, " (see convo %s%s--help)\n", command ? command : "", command ? " " : "");
    return USAGE;
}

// --- hints ------------------------------------------------------------------------------------------------------

// Near means within a third of the word: 'summry' is near 'summary', 'x' is near nothing.
cli_hint hint_start(const char *word) {
    return (cli_hint){word, strlen(word) / 3 + 1, ""};
}

void hint_offer(cli_hint *hint, const char *candidate) {
    size_t distance = convo_text_distance(hint->word, candidate);
    if (distance >= hint->distance) return;
    hint->distance = distance;
    snprintf(hint->text, sizeof hint->text, ", did you mean '%s'?", candidate);
}

// --- JSON -------------------------------------------------------------------------------------------------------

json_t *json_number(double x) {
    return isfinite(x) ? json_real(x) : json_null();
}

json_t *json_score(const convo_score *score) {
    if (!score->count) return json_null();
    return json_pack("{s:o, s:o, s:I, s:I}", "loss", json_number(score->loss), "accuracy", json_number(score->accuracy),
                     "correct", (json_int_t)score->correct, "count", (json_int_t)score->count);
}

json_t *json_reading(const convo_reading *r) {
    return json_pack("{s:I, s:f, s:f, s:f, s:i}", "examples", (json_int_t)r->examples, "seconds", r->seconds,
                     "decoding", r->decoding, "computing", r->computing, "threads", r->threads);
}

// Apart from the line ends that are between its values.
static bool json_is_plain(const char *text) {
    size_t lines = 0;
    for (const char *c = text; *c; c++) lines += *c == '\n';
    return convo_text_show(text, NULL, 0) == strlen(text) + lines;
}

int print_json(json_t *value, bool line) {
    const size_t flags = JSON_REAL_PRECISION(9) | (line ? JSON_COMPACT : JSON_INDENT(2));
    char *text = value ? json_dumps(value, flags) : NULL;
    if (text && !json_is_plain(text)) { // what a terminal would obey, as \u202e
        free(text);
        text = json_dumps(value, flags | JSON_ENSURE_ASCII);
    }
    json_decref(value);
    if (!text) return no_memory();
    for (const char *c = text; *c; c++) fputs(*c == 0x7f ? "\\u007f" : (char[]){*c, 0}, stdout);
    putchar('\n'); // main looks at the state of stdout
    free(text);
    return DONE;
}

// --- tables -----------------------------------------------------------------------------------------------------

static void add_cell(cli_table *table, const char *text) {
    if (table->cells == table->capacity) {
        const size_t capacity = table->capacity ? 2 * table->capacity : 64;
        char **grown = realloc(table->cell, capacity * sizeof *grown);
        table->failed = table->failed || !grown;
        if (!grown) return;
        table->cell = grown;
        table->capacity = capacity;
    }
    char *copy = text ? shown(text) : NULL;
    if (copy)
        table->cell[table->cells++] = copy;
    else
        table->failed = true;
}

void table_cell(cli_table *table, const char *format, ...) {
    char *text = NULL;
    va_list args;
    va_start(args, format);
    if (vasprintf(&text, format, args) < 0) text = NULL;
    va_end(args);
    add_cell(table, text);
    free(text);
}

static size_t occurrences(const char *text, char c) {
    size_t count = 0;
    for (; *text; text++) count += *text == c;
    return count;
}

// What is printed may hold tabs itself: the cells are separated by a control character that none of it holds.
void table_row(cli_table *table, const char *format, ...) {
    char *form = strdup(format), *text = NULL;
    bool done = false;
    for (char mark = 1; form && !done && mark < ' '; mark++) {
        for (size_t k = 0; format[k]; k++) form[k] = format[k] == '\t' ? mark : format[k];
        va_list args;
        va_start(args, format);
        if (vasprintf(&text, form, args) < 0) text = NULL;
        va_end(args);
        done = !text || occurrences(text, mark) == occurrences(format, '\t');
        for (char *cell = text, *end; done && cell; cell = end ? end + 1 : NULL) {
            if ((end = strchr(cell, mark))) *end = '\0';
            add_cell(table, cell);
        }
        table->failed = table->failed || !text;
        free(text);
    }
    table->failed = table->failed || !done;
    free(form);
}

// Characters, not bytes: labels may be in any language.
static size_t width_of(const char *text) {
    size_t width = 0;
    for (; *text; text++) width += (*text & 0xC0) != 0x80;
    return width;
}

static void print_cell(FILE *stream, const char *text, size_t width, bool right, bool last) {
    int gap = (int)(width - width_of(text));
    if (right)
        fprintf(stream, "%*s%s", gap, "", text);
    else
        fprintf(stream, "%s%*s", text, last ? 0 : gap, "");
    fputs(last ? "\n" : "  ", stream);
}

static int table_end(cli_table *table, bool failed) {
    for (size_t k = 0; k < table->cells; k++) free(table->cell[k]);
    free(table->cell);
    *table = (cli_table){0};
    return failed ? no_memory() : DONE;
}

int table_print(cli_table *table, const char *align, FILE *stream) {
    size_t columns = strlen(align);
    size_t *width = calloc(columns, sizeof *width);
    bool failed = table->failed || !width;
    for (size_t k = 0; !failed && k < table->cells; k++) {
        size_t w = width_of(table->cell[k]);
        if (w > width[k % columns]) width[k % columns] = w;
    }
    for (size_t k = 0; !failed && k < table->cells; k++) {
        size_t column = k % columns;
        print_cell(stream, table->cell[k], width[column], align[column] == 'r', column + 1 == columns);
    }
    free(width);
    return table_end(table, failed);
}

int table_markdown(cli_table *table, const char *align, FILE *stream) {
    size_t columns = strlen(align);
    for (size_t k = 0; !table->failed && k < table->cells; k++) {
        fputs(k % columns ? " | " : "| ", stream);
        for (const char *c = table->cell[k]; *c; c++) fputs(*c == '|' ? "\\|" : (char[]){*c, 0}, stream);
        if ((k + 1) % columns) continue;
        fputs(" |\n", stream);
        for (size_t j = 0; k + 1 == columns && j < columns; j++) // below the heads
            fprintf(stream, "%s%s", align[j] == 'r' ? "|--:" : "|---", j + 1 == columns ? "|\n" : "");
    }
    return table_end(table, table->failed);
}

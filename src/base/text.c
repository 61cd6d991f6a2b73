#include "base/base.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

char *cv_format(const char *format, ...) {
    va_list arguments, again;
    va_start(arguments, format);
    va_copy(again, arguments);
    int length = vsnprintf(NULL, 0, format, arguments);
    va_end(arguments);
    char *text = length < 0 ? NULL : malloc((size_t)length + 1);
    if (text) vsnprintf(text, (size_t)length + 1, format, again);
    va_end(again);
    return text;
}

void cv_print(char *text, size_t size, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, size, format, arguments);
    va_end(arguments);
}

void cv_append(char *text, size_t size, const char *format, ...) {
    size_t used = strnlen(text, size);
    if (used == size) return;
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text + used, size - used, format, arguments);
    va_end(arguments);
}

// --- text that people see ---------------------------------------------------------------------------------------

// The code point at `text`, a byte by itself and *valid false where there is no UTF-8 (RFC 3629); *size: its bytes.
static uint32_t code_point(const unsigned char *text, size_t *size, bool *valid) {
    static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
    const size_t bytes = *text < 0x80 ? 1 : *text >> 5 == 6 ? 2 : *text >> 4 == 14 ? 3 : *text >> 3 == 30 ? 4 : 0;
    uint32_t point = bytes > 1 ? *text & 0x7fU >> bytes : *text;
    size_t k = 1;
    while (k < bytes && text[k] >> 6 == 2) point = point << 6 | (text[k++] & 63U);
    *valid = k == bytes && point >= least[bytes] && point <= 0x10ffff && point >> 11 != 27; // no half of UTF-16
    *size = *valid ? bytes : 1;
    return *valid ? point : *text;
}

// C0, DEL and C1; separators of lines; marks, embeddings, overrides and isolates of direction (Unicode, annex 9).
static bool is_obeyed(uint32_t point) {
    return point < 0x20 || (point >= 0x7f && point < 0xa0) || point == 0x61c || point == 0x200e || point == 0x200f ||
           (point >= 0x2028 && point <= 0x202e) || (point >= 0x2066 && point <= 0x2069);
}

size_t convo_text_show(const char *text, char *out, size_t size) {
    static const char letters[] = "abtnvfr"; // of \a to \r
    size_t length = 0, used;
    bool valid, fits = size > 0;
    for (; *text; text += used) {
        char shown[16];
        const uint32_t point = code_point((const unsigned char *)text, &used, &valid);
        if (valid && !is_obeyed(point))
            cv_print(shown, sizeof shown, "%.*s", (int)used, text);
        else if (point >= '\a' && point <= '\r')
            cv_print(shown, sizeof shown, "\\%c", letters[point - '\a']);
        else
            cv_print(shown, sizeof shown, valid && point > 0x7f ? "\\u%04x" : "\\x%02x", (unsigned)point);
        const size_t more = strlen(shown);
        fits = fits && length + more < size;
        if (fits) memcpy(out + length, shown, more + 1);
        length += more;
    }
    if (size && !length) *out = 0;
    return length;
}

char *cv_name(const char *text, size_t length) {
    char *name = cv_format("%.*s", (int)length, text);
    bool valid = true;
    for (size_t k = 0, used; name && valid && name[k]; k += used)
        code_point((const unsigned char *)name + k, &used, &valid);
    if (!name || valid) return name;
    const size_t size = convo_text_show(name, NULL, 0) + 1;
    char *shown = cv_alloc(size, 1);
    if (shown) convo_text_show(name, shown, size);
    free(name);
    return shown;
}

// --- words that are nearly right --------------------------------------------------------------------------------

enum { WORD_LIMIT = 64 }; // names are shorter

static bool same_letter(char a, char b) {
    return tolower((unsigned char)a) == tolower((unsigned char)b);
}

// Letters to insert, drop, change or swap with their neighbour, upper and lower case being equal ("optimal string
// alignment"). d[i][j]: for the first i letters of a and j of b.
size_t convo_text_distance(const char *a, const char *b) {
    size_t d[WORD_LIMIT][WORD_LIMIT], rows = strlen(a), columns = strlen(b);
    if (rows >= WORD_LIMIT || columns >= WORD_LIMIT) return SIZE_MAX;
    for (size_t i = 0; i <= rows; i++)
        for (size_t j = 0; j <= columns; j++) {
            if (i == 0 || j == 0) {
                d[i][j] = i + j;
                continue;
            }
            size_t best = d[i - 1][j - 1] + !same_letter(a[i - 1], b[j - 1]);
            if (d[i - 1][j] + 1 < best) best = d[i - 1][j] + 1;
            if (d[i][j - 1] + 1 < best) best = d[i][j - 1] + 1;
            if (i > 1 && j > 1 && same_letter(a[i - 1], b[j - 2]) && same_letter(a[i - 2], b[j - 1]) &&
                d[i - 2][j - 2] + 1 < best)
                best = d[i - 2][j - 2] + 1;
            d[i][j] = best;
        }
    return d[rows][columns];
}

const char *cv_nearest(const char *word, const char *(*next)(const void *context, size_t k), const void *context) {
    size_t limit = (strlen(word) + 1) / 3; // a third of the letters may be wrong
    const char *nearest = NULL, *candidate;
    for (size_t k = 0; (candidate = next(context, k)); k++) {
        size_t distance = convo_text_distance(word, candidate);
        if (distance < limit || (distance == limit && !nearest)) {
            nearest = candidate;
            limit = distance;
        }
    }
    return nearest;
}

cv_hint cv_did_you_mean(const char *word, const char *(*next)(const void *context, size_t k), const void *context) {
    cv_hint hint = {""};
    const char *nearest = cv_nearest(word, next, context);
    if (nearest) snprintf(hint.text, sizeof hint.text, ", did you mean '%s'?", nearest);
    return hint;
}

void cv_dims_text(int dims, const int64_t *dim, char *text, size_t size) {
    cv_print(text, size, "[");
    for (int d = 0; d < dims; d++) cv_append(text, size, "%s%lld", d ? ", " : "", (long long)dim[d]);
    cv_append(text, size, "]");
}

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

enum { WORD_LIMIT = 64 }; // names are shorter; nothing longer is near to anything

static bool same_letter(char a, char b) {
    return tolower((unsigned char)a) == tolower((unsigned char)b);
}

// Letters to insert, drop, change or swap with their neighbour, upper and lower case being equal ("optimal string
// alignment"). d[i][j]: for the first i letters of a and j of b.
static size_t edit_distance(const char *a, const char *b) {
    size_t d[WORD_LIMIT][WORD_LIMIT], rows = strlen(a), columns = strlen(b);
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
    size_t length = strlen(word);
    if (length >= WORD_LIMIT) return NULL;
    size_t limit = (length + 1) / 3; // a third of the letters may be wrong
    const char *nearest = NULL, *candidate;
    for (size_t k = 0; (candidate = next(context, k)); k++) {
        if (strlen(candidate) >= WORD_LIMIT) continue;
        size_t distance = edit_distance(word, candidate);
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

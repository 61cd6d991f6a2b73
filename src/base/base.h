// What every other folder uses: errors, checked memory, text.
#pragma once

#include "convo.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CV_COUNT(array)        (sizeof(array) / sizeof((array)[0]))
#define CV_PRINTF(text, first) __attribute__((format(printf, text, first)))

// --- errors -----------------------------------------------------------------------------------------------------

// Fills err (may be NULL) and returns code, so that a function can end with `return cv_fail(...)`. where: file,
// file:line:column, file@byte or a layer's name; "" if the error has no position.
convo_status cv_fail(convo_error *err, convo_status code, const char *where, const char *format, ...) CV_PRINTF(4, 5);
#ifdef __clang_analyzer__ // which does not see into other files
#define cv_fail(err, code, ...) (cv_fail(err, code, __VA_ARGS__), code)
#endif
static inline convo_status cv_no_memory(convo_error *err, const char *what) {
    cv_fail(err, CONVO_MEMORY, "", "not enough memory for %s", what);
    return CONVO_MEMORY;
}

// Calls what returns a status and hands its error on to the caller; only where there is nothing to clean up.
#define CV_TRY(call)                                                                                                   \
    do {                                                                                                               \
        const convo_status cv_try_status = (call);                                                                     \
        if (cv_try_status) return cv_try_status;                                                                       \
    } while (0)

// --- memory -----------------------------------------------------------------------------------------------------

// Sets *product = a * b; returns false if it overflows.
bool cv_mul(size_t a, size_t b, size_t *product);
// Allocates count * size zeroed bytes; returns NULL if memory runs out or the product overflows. Freed with free().
void *cv_alloc(size_t count, size_t size);
// Does the same, aligned to 64 bytes (a cache line, the widest vector). Freed with free().
void *cv_alloc_aligned(size_t count, size_t size);
// Grows *array (elements of `size` bytes) to hold at least `need`; updates *capacity. Returns false if memory runs out.
bool cv_grow(void *array /* T ** */, size_t *capacity, size_t need, size_t size);

// --- time -------------------------------------------------------------------------------------------------------

// Returns the seconds of a monotonic clock.
double cv_now(void);

// --- text -------------------------------------------------------------------------------------------------------

// Returns a new string; NULL if memory runs out. Freed with free().
char *cv_format(const char *format, ...) CV_PRINTF(1, 2);
// snprintf for messages: intentionally truncates what does not fit.
void cv_print(char *text, size_t size, const char *format, ...) CV_PRINTF(3, 4);
// Appends to a fixed buffer that already holds a string; truncates what does not fit.
void cv_append(char *text, size_t size, const char *format, ...) CV_PRINTF(3, 4);
// Copies the first `length` bytes of a name, such as that of a class or a recipe, which may end up in JSON: unchanged
// if they are UTF-8, else in the form of convo_text_show. Returns a new string; NULL if memory runs out. Freed with
// free().
char *cv_name(const char *text, size_t length);
// Returns the candidate nearest to `word` by edit distance; NULL if none is near. `next` returns the k-th candidate,
// NULL past the last one.
const char *cv_nearest(const char *word, const char *(*next)(const void *context, size_t k), const void *context);
// ", did you mean 'X'?" for the nearest candidate, else "".
typedef struct cv_hint {
    char text[96];
} cv_hint;
cv_hint cv_did_you_mean(const char *word, const char *(*next)(const void *context, size_t k), const void *context);

// "[16, 3, 5, 5]"
void cv_dims_text(int dims, const int64_t *dim, char *text, size_t size);

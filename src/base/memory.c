#include "base/base.h"

#include <stdlib.h>
#include <string.h>

enum { ALIGNMENT = 64 };

bool cv_mul(size_t a, size_t b, size_t *product) {
    return !__builtin_mul_overflow(a, b, product);
}

// At least one byte, so that NULL always means failure.
void *cv_alloc(size_t count, size_t size) {
    size_t bytes;
    return cv_mul(count, size, &bytes) ? calloc(bytes ? bytes : 1, 1) : NULL;
}

void *cv_alloc_aligned(size_t count, size_t size) {
    size_t bytes;
    if (!cv_mul(count, size, &bytes) || bytes > SIZE_MAX - ALIGNMENT) return NULL;
    // C11 wants a multiple of the alignment.
    bytes = bytes ? (bytes + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT : ALIGNMENT;
    void *memory = aligned_alloc(ALIGNMENT, bytes);
    return memory ? memset(memory, 0, bytes) : NULL;
}

bool cv_grow(void *array, size_t *capacity, size_t need, size_t size) {
    if (need <= *capacity) return true;
    size_t next = *capacity > SIZE_MAX / 2 || *capacity * 2 < need ? need : *capacity * 2;
    size_t bytes;
    if (!cv_mul(next, size, &bytes)) return false;
    void *old; // *array is a T *, which is read and written as bytes: T ** and void ** may not alias
    memcpy(&old, array, sizeof old);
    void *grown = realloc(old, bytes);
    if (!grown) return false;
    memcpy(array, &grown, sizeof grown);
    *capacity = next;
    return true;
}

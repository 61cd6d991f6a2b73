#ifdef __linux__
#define _GNU_SOURCE // madvise
#include <sys/mman.h>
#endif
#include "base/base.h"

#include <stdlib.h>
#include <string.h>

enum { ALIGNMENT = 64, HUGE_PAGE = 2 << 20 };

bool cv_mul(size_t a, size_t b, size_t *product) {
    return !__builtin_mul_overflow(a, b, product);
}

// At least one byte, so that NULL always means failure.
void *cv_alloc(size_t count, size_t size) {
    size_t bytes;
    return cv_mul(count, size, &bytes) ? calloc(bytes ? bytes : 1, 1) : NULL;
}

// Large blocks lie on huge pages where the system has them: feature maps of many megabytes are read again and again,
// and the processor remembers the addresses of a few thousand pages only. Measured: 7 % of a training of
// fsdd-raw-resnet.
void *cv_alloc_aligned(size_t count, size_t size) {
    size_t bytes;
    if (!cv_mul(count, size, &bytes) || bytes > SIZE_MAX - HUGE_PAGE) return NULL;
    const bool huge = bytes >= 2 * (size_t)HUGE_PAGE;
    const size_t alignment = huge ? HUGE_PAGE : ALIGNMENT;
    void *memory = NULL;
    if (posix_memalign(&memory, alignment, bytes ? bytes : 1)) return NULL;
#ifdef MADV_HUGEPAGE
    if (huge)
        (void)madvise(memory, bytes / HUGE_PAGE * HUGE_PAGE, MADV_HUGEPAGE); // the rest would be a whole page more
#endif
    return memset(memory, 0, bytes);
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
    // cppcheck-suppress memleak ; *array has it
    return true;
}

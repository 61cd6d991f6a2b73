// The tables of ops that multiply in bf16, for tests: by AMX on every processor with AVX512_BF16 (see amx.h), in pairs
// where the processor is AMD's.
#pragma once

#if defined(__x86_64__) && defined(__linux__)
#include "amx.h"
#endif

#include "base/cpu.h"
#include "drive.h"

enum { TILES, PAIRS_BY_PROCESSOR, PAIRS_BY_HAND, TABLES };

#if defined(__x86_64__) && defined(__linux__)
extern const cv_isa cv_isa_bf16 __attribute__((weak)); // a compiler may know neither
extern const cv_isa cv_isa_avx512bf16 __attribute__((weak));

// The table of ops, or NULL where it cannot run.
static inline const cv_isa *bf16_of_processor(int table) {
    if (table == TILES && &cv_isa_bf16 && __builtin_cpu_supports("avx512bf16")) return &cv_isa_bf16;
    if (table == PAIRS_BY_PROCESSOR && &cv_isa_avx512bf16 && cv_cpu_bf16()) return &cv_isa_avx512bf16;
    return NULL;
}
#else
static inline const cv_isa *bf16_of_processor(int table) {
    (void)table;
    return NULL;
}
static inline bool amx_begin(void) {
    return false;
}
#endif

// At the start of a test: cmocka has handlers of its own for signals.
#define BF16_BEGIN(table)                                                                                              \
    do {                                                                                                               \
        if ((table) == TILES && !amx_begin()) print_message("no AMX here: its instructions are done by hand\n");       \
    } while (0)

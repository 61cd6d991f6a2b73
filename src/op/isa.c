// Chooses the table of ops: the best that the processor can run, or a lower one on request.
#include "op/isa.h"

#include "base/cpu.h"

#include <string.h>

extern const cv_isa cv_isa_baseline, cv_isa_double;
#ifdef CONVO_HAS_avx512
extern const cv_isa cv_isa_avx2, cv_isa_avx512;
#endif
#ifdef CONVO_HAS_bf16
extern const cv_isa cv_isa_bf16;
#endif
#ifdef CONVO_HAS_avx512bf16
extern const cv_isa cv_isa_avx512bf16;
#endif

// In rising order; `double` stands apart and is never chosen by itself.
static const struct {
    const cv_isa *isa;
    cv_cpu_level level;
} tables[] = {
    {&cv_isa_baseline, CV_CPU_BASELINE},
#ifdef CONVO_HAS_avx512
    {&cv_isa_avx2, CV_CPU_AVX2},
    {&cv_isa_avx512, CV_CPU_AVX512},
#endif
};

const char *cv_isa_name(size_t k) {
    return k < CV_COUNT(tables) ? tables[k].isa->name : NULL;
}

const cv_isa *cv_isa_find(const char *cap) {
    const cv_cpu_level level = cv_cpu_detect();
    const cv_isa *best = NULL;
    if (cap && strcmp(cap, cv_isa_double.name) == 0) return &cv_isa_double;
    for (size_t k = 0; k < CV_COUNT(tables); k++) {
        if (tables[k].level <= level) best = tables[k].isa;
        if (cap && strcmp(cap, tables[k].isa->name) == 0) return best;
    }
    return cap ? NULL : best;
}

const cv_isa *cv_isa_in_bf16(const cv_isa *isa, const char **why) {
    *why = "precision: bf16 needs a processor with AMX and Linux 5.16 or later, or AMD's with AVX512_BF16, "
           "so this training is in fp32";
#ifdef CONVO_HAS_avx512
    if (isa != &cv_isa_avx512) {
        *why = "precision: bf16 needs the instruction set avx512, so this training is in fp32";
        return isa;
    }
#endif
#ifdef CONVO_HAS_bf16
    if (cv_cpu_amx()) return &cv_isa_bf16;
#endif
#ifdef CONVO_HAS_avx512bf16
    if (cv_cpu_bf16()) return &cv_isa_avx512bf16;
#else
    if (cv_cpu_bf16())
        *why = "precision: bf16 on this processor needs a convo compiled with GCC 10 or later, so this training is in "
               "fp32";
#endif
    return isa;
}

const cv_op *cv_op_find(const cv_isa *isa, const char *name) {
    for (int k = 0; k < isa->op_count; k++)
        if (strcmp(isa->ops[k]->name, name) == 0) return isa->ops[k];
    return NULL;
}

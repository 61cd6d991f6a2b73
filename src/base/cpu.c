#ifdef __linux__
#define _GNU_SOURCE // sched_getaffinity, syscall
#include <sched.h>
#include <sys/syscall.h>
#endif
#include "base/cpu.h"

#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>
#if defined(__x86_64__)
#include <cpuid.h>
#endif

cv_cpu_level cv_cpu_detect(void) {
#if defined(__x86_64__) || defined(__i386__)
    __builtin_cpu_init();
    bool avx2 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
    bool avx512 = __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") &&
                  __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl");
    return avx2 && avx512 ? CV_CPU_AVX512 : avx2 ? CV_CPU_AVX2 : CV_CPU_BASELINE;
#else
    return CV_CPU_BASELINE;
#endif
}

#if defined(__x86_64__)
// AVX512_BF16, which rounds to bf16 as well: all processors with AMX have it.
static bool has_pairs(void) {
    const unsigned avx512_bf16 = 1u << 5;
    unsigned a, b, c, d;
    return cv_cpu_detect() == CV_CPU_AVX512 && __get_cpuid_count(7, 1, &a, &b, &c, &d) && a & avx512_bf16;
}
#endif

#if defined(__x86_64__) && defined(SYS_arch_prctl)
// The tiles are 8 KiB of state for each thread, which Linux saves only for processes that asked
// (Documentation/arch/x86/ xstate.rst). The answer holds for all threads, and asking again changes nothing.
bool cv_cpu_amx(void) {
    enum { REQUEST_PERMISSION = 0x1023, TILE_DATA = 18 }; // ARCH_REQ_XCOMP_PERM, XFEATURE_XTILEDATA
    const unsigned amx_bf16 = 1u << 22, amx_tile = 1u << 24;
    unsigned a, b, c, d;
    return __get_cpuid_count(7, 0, &a, &b, &c, &d) && d & amx_bf16 && d & amx_tile && has_pairs() &&
           syscall(SYS_arch_prctl, REQUEST_PERMISSION, TILE_DATA) == 0;
}
#else
bool cv_cpu_amx(void) {
    return false;
}
#endif

// Intel's first processors with AVX512_BF16 take four times as long for a multiply-add of pairs as for one of
// floats; they have AMX for this.
bool cv_cpu_bf16(void) {
#if defined(__x86_64__)
    __builtin_cpu_init();
    return __builtin_cpu_is("amd") && has_pairs();
#else
    return false;
#endif
}

static int processors_allowed(void) {
#ifdef __linux__
    cpu_set_t set; // fewer than there are under taskset or in a container
    if (sched_getaffinity(0, sizeof set, &set) == 0) {
        int count = CPU_COUNT(&set);
        if (count > 0) return count;
    }
#endif
    return cv_cpu_online();
}

int cv_cpu_online(void) {
    long online = sysconf(_SC_NPROCESSORS_ONLN);
    return online > 0 ? (int)online : 1;
}

int cv_cpu_count(void) {
    const int allowed = processors_allowed();
    const double quota = cv_cpu_quota("");
    return quota > 0 && quota < allowed ? (int)ceil(quota) : allowed;
}

// The first line of Linux's /proc/stat, in clock ticks: cpu user nice system idle iowait irq softirq steal ...
double cv_cpu_busy(void) {
    double ticks[8] = {0};
    const long second = sysconf(_SC_CLK_TCK);
    FILE *file = fopen("/proc/stat", "r");
    if (!file) return NAN;
    bool known = fscanf(file, "cpu") == 0 && second > 0;
    for (int k = 0; k < 8; k++) known = known && fscanf(file, "%lf", &ticks[k]) == 1;
    fclose(file);
    const double busy = ticks[0] + ticks[1] + ticks[2] + ticks[5] + ticks[6] + ticks[7];
    return known ? busy / (double)second : NAN;
}

double cv_cpu_thread(void) {
    struct timespec spent = {0};
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &spent);
    return (double)spent.tv_sec + 1e-9 * (double)spent.tv_nsec;
}

#if defined(__SSE__)
enum { FLUSH_TO_ZERO = 1 << 15, DENORMALS_ARE_ZERO = 1 << 6 }; // bits of MXCSR

// Writing the register empties the pipeline, reading it does not: it is written only to change it.
static unsigned change_to(unsigned setting, unsigned before) {
    if (setting != before) __builtin_ia32_ldmxcsr(setting);
    return before;
}

unsigned cv_cpu_flush_denormals(void) {
    const unsigned before = __builtin_ia32_stmxcsr();
    return change_to(before | FLUSH_TO_ZERO | DENORMALS_ARE_ZERO, before);
}

void cv_cpu_restore(unsigned setting) {
    (void)change_to(setting, __builtin_ia32_stmxcsr());
}
#elif defined(__aarch64__)
enum { FLUSH_TO_ZERO = 1 << 24 }; // bit FZ of FPCR, for operands and results

unsigned cv_cpu_flush_denormals(void) {
    uint64_t before;
    __asm__ volatile("mrs %0, fpcr" : "=r"(before));
    __asm__ volatile("msr fpcr, %0" : : "r"(before | FLUSH_TO_ZERO));
    return (unsigned)before;
}

void cv_cpu_restore(unsigned setting) {
    __asm__ volatile("msr fpcr, %0" : : "r"((uint64_t)setting));
}
#else
unsigned cv_cpu_flush_denormals(void) {
    return 0;
}

void cv_cpu_restore(unsigned setting) {
    (void)setting;
}
#endif

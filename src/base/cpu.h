// What the processor supports, and how it treats very small numbers.
#pragma once

#include <stdbool.h>

typedef enum { CV_CPU_BASELINE, CV_CPU_AVX2, CV_CPU_AVX512 } cv_cpu_level;

// Returns the widest instruction set that convo has code for and that this processor and system support.
cv_cpu_level cv_cpu_detect(void);
// Returns whether the processor multiplies tiles of bf16 and the system lets this process do so; requests that
// permission.
bool cv_cpu_amx(void);
// Returns whether vectors of bf16 pairs are multiplied faster than floats.
bool cv_cpu_bf16(void);
// Returns the number of processors that this process may use, at least 1: those it may run on, or as many as the quota
// of its container amounts to, rounded up, if these are fewer.
int cv_cpu_count(void);
// Returns the quota of this process's control group, in processors; 0: there is none. root: "", or a folder that has
// proc/self/cgroup and sys/fs/cgroup, for tests.
double cv_cpu_quota(const char *root);
// Returns the number of processors of the machine, at least 1.
int cv_cpu_online(void);
// Returns the total busy time in seconds of all processors of the machine since it started; NaN if unknown.
double cv_cpu_busy(void);
// Returns the seconds that the calling thread has had a processor.
double cv_cpu_thread(void);
// Makes the calling thread treat denormal numbers, which cost a hundred times as much as others, as zero. Returns the
// previous setting, for cv_cpu_restore.
unsigned cv_cpu_flush_denormals(void);
void cv_cpu_restore(unsigned setting);

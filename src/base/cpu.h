// What the processor can do and how it treats very small numbers.
#ifndef CV_CPU_H
#define CV_CPU_H

#include <stdbool.h>

typedef enum { CV_CPU_BASELINE, CV_CPU_AVX2, CV_CPU_AVX512 } cv_cpu_level;

// The widest instruction set for which convo has code and that this processor and system can run.
cv_cpu_level cv_cpu_detect(void);
// The processor multiplies tiles of bf16, and the system lets this process do so: it is asked for leave here.
bool cv_cpu_amx(void);
// Processors this process may run on, at least 1.
int cv_cpu_count(void);
// Seconds that all processors of the machine together have worked since it started; NaN when that is not known.
double cv_cpu_busy(void);
// Makes the calling thread treat denormal numbers as zero; they cost a hundred times as much as others. Returns the
// setting before, for cv_cpu_restore.
unsigned cv_cpu_flush_denormals(void);
void cv_cpu_restore(unsigned setting);

#endif

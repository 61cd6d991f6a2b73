// Random numbers: mt19937, drawn as in PyTorch's CPU generator, so that a seed gives the same numbers in both.
#ifndef CV_RANDOM_H
#define CV_RANDOM_H

#include "base/base.h"

typedef struct cv_random {
    uint32_t state[624];
    uint32_t next; // index of the next word in state; 624: twist first
    // Box and Muller's second number, kept for the next cv_random_normal of fewer than 16, as PyTorch does.
    uint32_t has_spare; // 0 or 1
    double spare;
} cv_random;

// torch.manual_seed(seed): uses only the low 32 bits, as PyTorch does.
void cv_random_seed(cv_random *random, uint64_t seed);
uint32_t cv_random_u32(cv_random *random);
// Two words, the first one high: PyTorch's random64.
uint64_t cv_random_u64(cv_random *random);
// tensor.uniform_(low, high) for one float: 24 bits.
float cv_random_uniform(cv_random *random, float low, float high);
// tensor.normal_(mean, std) for count floats; from 16 on PyTorch's CPU path differs from the one below 16.
void cv_random_normal(cv_random *random, float mean, float std, float *out, size_t count);
// tensor.bernoulli_(probability) for one value
bool cv_random_bernoulli(cv_random *random, double probability);
// torch.randperm(count)
void cv_random_permutation(cv_random *random, int32_t *out, size_t count);

#endif

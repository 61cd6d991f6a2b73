// Random numbers: mt19937, drawn as in PyTorch's CPU generator, so that a seed gives the same numbers in both.
#pragma once

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

// --- draws -------------------------------------------------------------------------------------------------------

// A stream of random numbers that costs nothing to begin, for numbers that must depend on what they are for and on
// nothing else: not on threads, order or what was drawn before. SplitMix64: Guy Steele, Doug Lea, Christine Flood,
// "Fast splittable pseudorandom number generators", OOPSLA 2014.
typedef struct cv_draws {
    uint64_t state;
} cv_draws;

// Returns a number that has nothing in common with that of a neighbouring x: one step of SplitMix64.
uint64_t cv_random_mix(uint64_t x);

// Begins the stream of `purpose` for an example in an epoch. Streams that differ in any of the four have nothing in
// common.
cv_draws cv_draws_begin(uint64_t seed, uint64_t epoch, uint64_t example, uint64_t purpose);
uint64_t cv_draws_u64(cv_draws *draws);
double cv_draws_unit(cv_draws *draws);                             // [0, 1), 53 bits
double cv_draws_between(cv_draws *draws, double low, double high); // uniform
uint64_t cv_draws_below(cv_draws *draws, uint64_t count);          // 0 to count - 1; count > 0
double cv_draws_normal(cv_draws *draws);                           // mean 0, deviation 1
double cv_draws_beta(cv_draws *draws, double alpha);               // Beta(alpha, alpha), alpha > 0

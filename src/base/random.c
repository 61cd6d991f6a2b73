#include "base/random.h"

#include <math.h>

// Makoto Matsumoto and Takuji Nishimura, "Mersenne Twister", ACM TOMACS 8 (1998), as in PyTorch's MT19937RNGEngine.h.
enum { WORDS = 624, SHIFT = 397 };

void cv_random_seed(cv_random *random, uint64_t seed) {
    *random = (cv_random){.next = WORDS};
    random->state[0] = (uint32_t)seed;
    for (uint32_t i = 1; i < WORDS; i++) {
        uint32_t before = random->state[i - 1];
        random->state[i] = 1812433253u * (before ^ (before >> 30)) + i;
    }
}

static void twist(cv_random *random) {
    uint32_t *s = random->state;
    for (uint32_t i = 0; i < WORDS; i++) {
        uint32_t y = (s[i] & 0x80000000u) | (s[(i + 1) % WORDS] & 0x7fffffffu);
        s[i] = s[(i + SHIFT) % WORDS] ^ (y >> 1) ^ (y & 1 ? 0x9908b0dfu : 0);
    }
    random->next = 0;
}

uint32_t cv_random_u32(cv_random *random) {
    if (random->next >= WORDS) twist(random);
    uint32_t y = random->state[random->next++];
    y ^= y >> 11;
    y ^= (y << 7) & 0x9d2c5680u;
    y ^= (y << 15) & 0xefc60000u;
    return y ^ (y >> 18);
}

uint64_t cv_random_u64(cv_random *random) {
    uint64_t high = cv_random_u32(random);
    return high << 32 | cv_random_u32(random);
}

float cv_random_uniform(cv_random *random, float low, float high) {
    float unit = (float)(cv_random_u32(random) & 0xffffffu) * 0x1p-24f;
    return fmaf(unit, high - low, low); // rounded once, as PyTorch is on every processor with AVX2
}

static double uniform53(cv_random *random) {
    return (double)(cv_random_u64(random) & ((UINT64_C(1) << 53) - 1)) * 0x1p-53;
}

// PyTorch compares in double, also for tensors of floats.
bool cv_random_bernoulli(cv_random *random, double probability) {
    return uniform53(random) < probability;
}

// Box and Muller's transform in double, one number a time: at::normal_distribution<double>.
static double normal_sample(cv_random *random) {
    if (random->has_spare) {
        random->has_spare = 0;
        return random->spare;
    }
    double u1 = uniform53(random), u2 = uniform53(random);
    double radius = sqrt(-2.0 * log(1.0 - u2)), theta = 2.0 * M_PI * u1;
    random->spare = radius * sin(theta);
    random->has_spare = 1;
    return radius * cos(theta);
}

// The same over 16 floats: normal_fill_16_AVX2 in DistributionTemplates.h, up to its approximate log, sin and cos.
static void normal_fill_16(float mean, float std, float *out) {
    for (int j = 0; j < 8; j++) {
        float radius = sqrtf(-2.0f * logf(1.0f - out[j])), theta = (float)(2.0 * M_PI) * out[j + 8];
        out[j] = radius * cosf(theta) * std + mean;
        out[j + 8] = radius * sinf(theta) * std + mean;
    }
}

static void uniform_fill(cv_random *random, float *out, size_t count) {
    for (size_t i = 0; i < count; i++) out[i] = cv_random_uniform(random, 0, 1);
}

void cv_random_normal(cv_random *random, float mean, float std, float *out, size_t count) {
    if (count < 16) {
        for (size_t i = 0; i < count; i++) out[i] = (float)(normal_sample(random) * (double)std + (double)mean);
        return;
    }
    uniform_fill(random, out, count);
    for (size_t i = 0; i + 16 <= count; i += 16) normal_fill_16(mean, std, out + i);
    if (count % 16 == 0) return;
    uniform_fill(random, out + count - 16, 16); // the last 16 once more, some for the second time
    normal_fill_16(mean, std, out + count - 16);
}

// randperm_cpu for fewer than 2^32 / 20 elements.
void cv_random_permutation(cv_random *random, int32_t *out, size_t count) {
    for (size_t i = 0; i < count; i++) out[i] = (int32_t)i;
    for (size_t i = 0; i + 1 < count; i++) {
        size_t other = i + cv_random_u32(random) % (count - i);
        int32_t swapped = out[i];
        out[i] = out[other];
        out[other] = swapped;
    }
}

// --- draws --------------------------------------------------------------------------------------------------------

// The last step of SplitMix64: a bijection after which neighbouring numbers have nothing in common.
static uint64_t scramble(uint64_t x) {
    x = (x ^ x >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    x = (x ^ x >> 27) * UINT64_C(0x94d049bb133111eb);
    return x ^ x >> 31;
}

static const uint64_t golden_gamma = UINT64_C(0x9e3779b97f4a7c15); // 2^64 divided by the golden ratio

uint64_t cv_random_mix(uint64_t x) {
    return scramble(x + golden_gamma);
}

cv_draws cv_draws_begin(uint64_t seed, uint64_t epoch, uint64_t example, uint64_t purpose) {
    const uint64_t key[] = {seed, epoch, example, purpose};
    uint64_t state = 0;
    for (size_t k = 0; k < CV_COUNT(key); k++) state = cv_random_mix(state + key[k]);
    return (cv_draws){state};
}

uint64_t cv_draws_u64(cv_draws *draws) {
    return scramble(draws->state += golden_gamma);
}

double cv_draws_unit(cv_draws *draws) {
    return (double)(cv_draws_u64(draws) >> 11) * 0x1p-53;
}

double cv_draws_between(cv_draws *draws, double low, double high) {
    return low + (high - low) * cv_draws_unit(draws);
}

// The bias, count / 2^64, is far below what can be noticed.
uint64_t cv_draws_below(cv_draws *draws, uint64_t count) {
    return cv_draws_u64(draws) % count;
}

// Box and Muller.
double cv_draws_normal(cv_draws *draws) {
    const double radius = sqrt(-2 * log(1 - cv_draws_unit(draws)));
    return radius * cos(2 * M_PI * cv_draws_unit(draws));
}

// ln of a number from Gamma(alpha). George Marsaglia and Wai Wan Tsang, "A simple method for generating gamma
// variables", ACM TOMS 26 (2000). Below 1: Gamma(alpha) is Gamma(alpha + 1) times U^(1 / alpha), which underflows where
// alpha is small, but its logarithm does not.
static double log_gamma_draw(cv_draws *draws, double alpha) {
    const double boost = alpha < 1 ? log(1 - cv_draws_unit(draws)) / alpha : 0;
    const double d = (alpha < 1 ? alpha + 1 : alpha) - 1.0 / 3, c = 1 / sqrt(9 * d);
    for (;;) {
        const double x = cv_draws_normal(draws), root = 1 + c * x, v = root * root * root;
        if (root > 0 && log(1 - cv_draws_unit(draws)) < x * x / 2 + d - d * v + d * log(v)) return log(d * v) + boost;
    }
}

double cv_draws_beta(cv_draws *draws, double alpha) {
    const double a = log_gamma_draw(draws, alpha), b = log_gamma_draw(draws, alpha);
    return 1 / (1 + exp(b - a));
}

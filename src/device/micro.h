// The front end of TensorFlow Lite Micro, in whole numbers: src/audio/micro.c in another order, bit for bit.
//
// Of a front end's `whole`: numbers, and the gain of the noise estimates 0 and 1, and of every octave three numbers of
// a parabola.
#pragma once

#include "device/front.h"

enum {
    CV_MICRO_CORRECTION, // bits that the filters' outputs lack, may be negative
    CV_MICRO_SMOOTHING,  // bits behind the point of the noise estimate
    CV_MICRO_EVEN,       // share of a frame in it, of filters 0, 2, ..., 14 bits behind the point
    CV_MICRO_ODD,        // of filters 1, 3, ...
    CV_MICRO_LEAST,      // share of the signal that is left at least, 14 bits behind the point
    CV_MICRO_GAIN_SHIFT, // of signal times gain; -1: no amplitude normalisation
    CV_MICRO_LOG_SHIFT,  // of logarithms; -1: none are taken
    CV_MICRO_GAIN,       // 2, then 33 times 3
    CV_MICRO_WHOLE = CV_MICRO_GAIN + 2 + 3 * 33
};

// Of its `words`: the window, [window]; cosine and minus sine of 2 pi k / (fft / 2), [fft / 2][2]; the same turns for
// telling even from odd samples, [fft / 4][2]; the bend of a logarithm's segments, [129]; the first bin; the bins of
// each band, [filters + 1]; the weights of each band's bins, for the filter that rises there and then for the one that
// falls.
typedef struct cv_micro_words {
    const int16_t *shape, *turn, *split, *bend, *bands, *weights;
    int32_t first;
} cv_micro_words;

static cv_micro_words cv_micro_words_of(const cv_f32_front *f) {
    cv_micro_words w;
    w.shape = f->words;
    w.turn = w.shape + f->window;
    w.split = w.turn + f->fft;
    w.bend = w.split + f->fft / 2;
    w.first = w.bend[129];
    w.bands = w.bend + 130;
    w.weights = w.bands + f->filters + 1;
    return w;
}

static int32_t cv_micro_bits(uint64_t x) {
    const int wide = x > 0xffffffffu;
    uint32_t left = (uint32_t)(wide ? x >> 32 : x);
    int32_t bits = wide ? 32 : 0;
    for (int32_t half = 16; half; half /= 2) {
        if (!(left >> half)) continue;
        left >>= half;
        bits += half;
    }
    return bits + (int32_t)left;
}

// --- the transform ------------------------------------------------------------------------------------------------

// What lies in the memory of floats: compilers may not think otherwise.
#ifdef __GNUC__
#define CV_ALIASES __attribute__((may_alias))
#else
#define CV_ALIASES
#endif

// Numbers of 16 bits, as they lie in memory; what does not fit wraps around.
typedef struct CV_ALIASES cv_fixed_pair {
    int16_t re, im;
} cv_fixed_pair;
typedef uint32_t CV_ALIASES cv_word;

static int16_t cv_micro_narrow(int32_t x) {
    return (int16_t)(((x & 0xffff) ^ 0x8000) - 0x8000);
}
static void cv_micro_store(cv_fixed_pair *z, int32_t re, int32_t im) {
    z->re = cv_micro_narrow(re);
    z->im = cv_micro_narrow(im);
}
static int32_t cv_micro_rounded(int32_t product) {
    return (product + (1 << 14)) >> 15;
}

// As they are worked on: registers are wider, and a butterfly's numbers, divided first, fit 16 bits but for its
// results.
typedef struct cv_micro_number {
    int32_t re, im;
} cv_micro_number;

static cv_micro_number cv_micro_divided(int32_t re, int32_t im, int32_t by) {
    cv_micro_number z;
    z.re = cv_micro_rounded(re * (32767 / by));
    z.im = cv_micro_rounded(im * (32767 / by));
    return z;
}
// turn: cosine and sine
static cv_micro_number cv_micro_turned(cv_micro_number z, const int16_t *turn) {
    cv_micro_number y;
    y.re = cv_micro_rounded(z.re * turn[0] - z.im * turn[1]);
    y.im = cv_micro_rounded(z.re * turn[1] + z.im * turn[0]);
    return y;
}

static void cv_micro_join_two(cv_fixed_pair *z, const int16_t *turn) {
    const cv_micro_number a = cv_micro_divided(z[0].re, z[0].im, 2);
    const cv_micro_number b = cv_micro_turned(cv_micro_divided(z[1].re, z[1].im, 2), turn);
    cv_micro_store(z + 1, a.re - b.re, a.im - b.im);
    cv_micro_store(z, a.re + b.re, a.im + b.im);
}

static void cv_micro_join_four(cv_fixed_pair *z, const int16_t *turn, int32_t part, int32_t step) {
    for (int32_t k = 0; k < part; k++, z++) {
        cv_fixed_pair *const y = z + part, *const x = y + part, *const w = x + part;
        const cv_micro_number a = cv_micro_divided(z->re, z->im, 4);
        const cv_micro_number b = cv_micro_turned(cv_micro_divided(y->re, y->im, 4), turn + 2 * k * step);
        const cv_micro_number c = cv_micro_turned(cv_micro_divided(x->re, x->im, 4), turn + 4 * k * step);
        const cv_micro_number d = cv_micro_turned(cv_micro_divided(w->re, w->im, 4), turn + 6 * k * step);
        cv_micro_store(z, a.re + c.re + b.re + d.re, a.im + c.im + b.im + d.im);
        cv_micro_store(x, a.re + c.re - b.re - d.re, a.im + c.im - b.im - d.im);
        cv_micro_store(y, a.re - c.re + b.im - d.im, a.im - c.im - b.re + d.re);
        cv_micro_store(w, a.re - c.re - b.im + d.im, a.im - c.im + b.re - d.re);
    }
}

// The complex number k of `half` goes to the place of its digits turned round: of base 4, and of base 2 the last one
// where half is no power of 4. Returns the place of k + 1 from that of k: counts in digits that carry downwards.
static int32_t cv_micro_next_place(int32_t place, int32_t half) {
    int32_t digit = half / 4;
    while (digit > 0 && (place & 3 * digit) == 3 * digit) {
        place -= 3 * digit;
        digit /= 4;
    }
    return place + (digit > 0 ? digit : 1);
}

// z: [half + 1], numbers at their places. Afterwards bins 0 ... half.
static void cv_micro_transform(cv_fixed_pair *z, const cv_micro_words *w, int32_t half) {
    int32_t part = 1;
    cv_micro_number first;
    if (cv_micro_bits((uint64_t)half) % 2 == 0) { // a factor of two joins the smallest parts
        for (int32_t at = 0; at < half; at += 2) cv_micro_join_two(z + at, w->turn);
        part = 2;
    }
    for (; part < half; part *= 4)
        for (int32_t at = 0; at < half; at += 4 * part) cv_micro_join_four(z + at, w->turn, part, half / part / 4);
    first = cv_micro_divided(z->re, z->im, 2);
    cv_micro_store(z, first.re + first.im, 0);
    cv_micro_store(z + half, first.re - first.im, 0);
    for (int32_t k = 1; k <= half / 2; k++) {
        cv_fixed_pair *const mirror = z + half - k;
        const cv_micro_number a = cv_micro_divided(z[k].re, z[k].im, 2);
        const cv_micro_number b = cv_micro_divided(mirror->re, cv_micro_narrow(-mirror->im), 2);
        const int32_t re = a.re + b.re, im = a.im + b.im;
        cv_micro_number odd;
        odd.re = a.re - b.re;
        odd.im = a.im - b.im;
        odd = cv_micro_turned(odd, w->split + 2 * (k - 1));
        odd.re = cv_micro_narrow(odd.re);
        odd.im = cv_micro_narrow(odd.im);
        cv_micro_store(z + k, (re + odd.re) >> 1, (im + odd.im) >> 1);
        cv_micro_store(mirror, (re - odd.re) >> 1, (odd.im - im) >> 1);
    }
}

// --- one frame ----------------------------------------------------------------------------------------------------

// The root of x, rounded; digit by digit in base 4.
static uint32_t cv_micro_root(uint64_t x) {
    const int wide = x > 0xffffffffu;
    uint64_t root = 0;
    for (uint64_t bit = (uint64_t)1 << (cv_micro_bits(x / 2) & ~1); bit; bit >>= 2) {
        const int set = x >= root + bit;
        if (set) x -= root + bit;
        root = (root >> 1) + (set ? bit : 0);
    }
    return (uint32_t)(x > root && root != (wide ? 0xffffffffu : 0xffffu) ? root + 1 : root);
}

// Sample i of a frame under the window.
static int16_t cv_micro_sample(const cv_micro_words *w, const int16_t *sample, int32_t count, int32_t i) {
    return i < count ? cv_micro_narrow((sample[i] * w->shape[i]) >> 12) : 0;
}

// The frame, scaled up to 15 bits, at the places where the transform starts from; returns by how many bits.
static int32_t cv_micro_frame(const cv_f32_front *f, const cv_micro_words *w, const int16_t *sample, int32_t count,
                              cv_fixed_pair *z) {
    const int32_t half = f->fft / 2;
    int32_t largest = 0, place = 0, shift;
    for (int32_t i = 0; i < f->window; i++) {
        const int32_t v = cv_micro_sample(w, sample, count, i), size = v < 0 ? cv_micro_narrow(-v) : v;
        if (size > largest) largest = size;
    }
    shift = 15 - cv_micro_bits((uint64_t)largest);
    for (int32_t k = 0; k < half; k++, place = cv_micro_next_place(place, half)) {
        const int32_t even = 2 * k < f->window ? cv_micro_sample(w, sample, count, 2 * k) : 0;
        const int32_t odd = 2 * k + 1 < f->window ? cv_micro_sample(w, sample, count, 2 * k + 1) : 0;
        cv_micro_store(z + place, even * (1 << shift), odd * (1 << shift));
    }
    return shift;
}

// Magnitudes of the filters.
static void cv_micro_filters(const cv_f32_front *f, const cv_micro_words *w, const cv_fixed_pair *bin, int32_t shift,
                             cv_word *out) {
    const int16_t *weight = w->weights;
    uint64_t below = 0;
    bin += w->first;
    for (int32_t j = 0; j <= f->filters; j++) {
        const int32_t count = w->bands[j];
        uint64_t falling = below;
        below = 0;
        for (int32_t i = 0; i < count; i++, bin++) {
            const uint32_t sum = (uint32_t)(bin->re * bin->re) + (uint32_t)(bin->im * bin->im);
            const int32_t energy = sum > 0x7fffffff ? INT32_MIN : (int32_t)sum; // 2^31, as 32 bits have it
            below += (uint64_t)((int64_t)weight[i] * energy);
            falling += (uint64_t)((int64_t)weight[count + i] * energy);
        }
        weight += 2 * count;
        if (j > 0) out[j - 1] = cv_micro_root(falling) >> shift;
    }
}

// Subtracts a running mean from a filter's magnitudes.
static uint32_t cv_micro_without_noise(const int32_t *whole, uint32_t share, uint32_t signal, cv_word *noise) {
    const int32_t bits = whole[CV_MICRO_SMOOTHING];
    const uint32_t wide = (uint32_t)(((uint64_t)signal << bits) & 0xffffffffu);
    uint32_t left, least;
    *noise = (uint32_t)((((uint64_t)wide * share + (uint64_t)*noise * (16384 - share)) >> 14) & 0xffffffffu);
    left = (wide - (*noise > wide ? wide : *noise)) >> bits;
    least = (uint32_t)(((uint64_t)signal * (uint32_t)whole[CV_MICRO_LEAST]) >> 14);
    return left > least ? left : least;
}

static int32_t cv_micro_gain(const int32_t *gain, uint32_t noise) {
    const int32_t bits = cv_micro_bits(noise), *curve = gain + 2 + 3 * bits;
    int32_t place;
    int64_t y;
    if (noise < 2) return gain[noise];
    if (noise == 2) return curve[0];
    place = (int32_t)((bits < 11 ? noise << (11 - bits) : noise >> (bits - 11)) & 0x3ff);
    y = ((curve[2] * place) >> 5) + curve[1] * 32;
    y = (y * place) & 0xffffffff; // 32 bits, with a sign
    if (y >= 2147483648) y -= 4294967296;
    return cv_micro_narrow((int32_t)((y + (1 << 14)) >> 15) + curve[0]);
}

static uint32_t cv_micro_even_out(const int32_t *whole, uint32_t signal, uint32_t noise) {
    const uint64_t product = (uint64_t)signal * (uint32_t)cv_micro_gain(whole + CV_MICRO_GAIN, noise);
    const uint32_t snr = (uint32_t)((product >> whole[CV_MICRO_GAIN_SHIFT]) & 0xffffffffu);
    if (snr < 8192) return (snr * snr) >> 20;
    return (snr >> 6) - 64;
}

// 2^shift ln x
static uint32_t cv_micro_log(const int16_t *bend, uint32_t x, int32_t shift) {
    const int32_t whole = cv_micro_bits(x) - 1;
    const uint32_t rest = x - ((uint32_t)1 << whole);
    const uint32_t part = whole < 16 ? rest << (16 - whole) : rest >> (whole - 16), segment = part >> 9;
    const int32_t begin = bend[segment], inside = (int32_t)(part - (segment << 9));
    const int32_t more = begin + (((bend[segment + 1] - begin) * inside) >> 16);
    const uint32_t log2_of = ((uint32_t)whole << 16) + part + (uint32_t)more;
    const uint32_t ln = (uint32_t)(((uint64_t)45426 * log2_of + 32768) >> 16);
    return (uint32_t)((((uint64_t)ln << shift) + 32768) & 0xffffffffu) >> 16;
}

// Feature j of a frame, from its filter's magnitude.
static float cv_micro_value(const cv_f32_front *f, const cv_micro_words *w, int32_t j, uint32_t signal,
                            cv_word *noise) {
    const int32_t *whole = f->whole, correction = whole[CV_MICRO_CORRECTION];
    uint32_t x = cv_micro_without_noise(whole, (uint32_t)whole[j % 2 ? CV_MICRO_ODD : CV_MICRO_EVEN], signal, noise);
    if (whole[CV_MICRO_GAIN_SHIFT] >= 0) x = cv_micro_even_out(whole, x, *noise);
    if (whole[CV_MICRO_LOG_SHIFT] >= 0) {
        x = (uint32_t)((correction < 0 ? x >> -correction : (uint64_t)x << correction) & 0xffffffffu);
        x = x > 1 ? cv_micro_log(w->bend, x, whole[CV_MICRO_LOG_SHIFT]) : 0;
    }
    return (float)(x < 65535 ? x : 65535);
}

// The magnitudes of frame t. work: as micro.c has it.
static cv_word *cv_micro_magnitudes(const cv_f32_front *f, const cv_micro_words *w, const int16_t *sample,
                                    int32_t count, int32_t t, float *work) {
    cv_fixed_pair *z = (cv_fixed_pair *)(void *)work;
    cv_word *signal = (cv_word *)(void *)(work + f->fft / 2 + 1);
    const int32_t first = t * f->hop, left = count < f->samples ? count - first : f->samples - first;
    const int32_t shift = cv_micro_frame(f, w, sample + (left > 0 ? first : 0), left > 0 ? left : 0, z);
    cv_micro_transform(z, w, f->fft / 2);
    cv_micro_filters(f, w, z, shift, signal);
    return signal;
}

// The front end of TensorFlow Lite Micro (tensorflow/lite/experimental/microfrontend), bit for bit in its integers:
// what keyword spotters on microcontrollers hear. Window, 16-bit Fourier transform, mel filters, square root, noise
// reduction, per-channel amplitude normalisation, logarithm.
#include "audio/feature.h"
#include "audio/fixed_fft.h"
#include "audio/micro.h"
#include "audio/spectrum.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

typedef struct micro {
    int64_t samples, filters, smoothing_bits, gain_bits, log_shift;
    double window_ms, hop_ms, low, high, even_smoothing, odd_smoothing, least, strength, offset;
    bool pcan, log;
    cv_rows rows;
} micro;

static const cv_option schema[] = {
    CV_SAMPLES_OPTION(micro, samples),
    CV_OPTION("window_ms", CV_FLOAT, micro, window_ms, "length of a frame in milliseconds", .fallback = 30,
              CV_RANGE(1, 10000)),
    CV_OPTION("hop_ms", CV_FLOAT, micro, hop_ms, "distance between the beginnings of two frames in milliseconds",
              .fallback = 20, CV_RANGE(1, 10000)),
    CV_OPTION("filters", CV_INT, micro, filters, "mel filters", .fallback = 40, CV_RANGE(1, 1024)),
    CV_OPTION("low", CV_FLOAT, micro, low, "lower end of the first filter in hertz", .fallback = 125,
              CV_RANGE(0, CV_RATE_MAX)),
    CV_OPTION("high", CV_FLOAT, micro, high, "upper end of the last filter in hertz", .fallback = 7500,
              CV_RANGE(1, CV_RATE_MAX)),
    CV_OPTION("smoothing_bits", CV_INT, micro, smoothing_bits, "bits behind the point of the noise estimate",
              .fallback = 10, CV_RANGE(0, 15)),
    CV_OPTION("even_smoothing", CV_FLOAT, micro, even_smoothing,
              "share of a frame in the noise estimate of filters 0, 2, 4, ...", .fallback = 0.025, CV_RANGE(0, 1)),
    CV_OPTION("odd_smoothing", CV_FLOAT, micro, odd_smoothing, "the same of filters 1, 3, 5, ...", .fallback = 0.06,
              CV_RANGE(0, 1)),
    CV_OPTION("least", CV_FLOAT, micro, least, "share of the signal that noise reduction leaves at least",
              .fallback = 0.05, CV_RANGE(0, 1)),
    CV_OPTION("pcan", CV_BOOL, micro, pcan, "per-channel amplitude normalisation", .fallback = true),
    CV_OPTION("strength", CV_FLOAT, micro, strength, "of pcan: exponent of the noise estimate", .fallback = 0.95,
              CV_RANGE(0, 1)),
    CV_OPTION("offset", CV_FLOAT, micro, offset, "of pcan: added to the noise estimate", .fallback = 80,
              CV_RANGE(1e-3, 1e6)),
    CV_OPTION("gain_bits", CV_INT, micro, gain_bits, "of pcan: bits behind the point of the gain", .fallback = 21,
              CV_RANGE(12, 31)),
    CV_OPTION("log", CV_BOOL, micro, log, "the values are logarithms", .fallback = true),
    CV_OPTION("log_shift", CV_INT, micro, log_shift, "natural logarithms are multiplied by 2 to the power of this",
              .fallback = 6, CV_RANGE(0, 12)),
    CV_ROWS_OPTIONS(micro, rows, CV_ROWS_IMAGE),
    {0},
};

enum { WEIGHT_BITS = 12, NOISE_BITS = 14, SNR_BITS = 12, PCAN_BITS = 6, LOG_BITS = 16, SEGMENT_BITS = 7 };
enum { INTERVALS = 33, LN2 = 45426 }; // of the gain's curve; ln 2 with 16 bits behind the point

typedef struct band {
    size_t first, count; // bins
    int16_t *rising, *falling;
} band;

typedef struct micro_tables {
    size_t window, hop, fft, count;
    int correction; // bits that the filters' outputs lack
    int16_t *shape; // [window]
    cv_fixed_fft *transform;
    band *bands;      // [filters + 1]
    int16_t *weights; // of all bands
    int32_t gain[INTERVALS][3];
    int32_t small_gain[2];
} micro_tables;

static int bits_of(uint64_t x) {
    int bits = 0;
    for (; x; x >>= 1) bits++;
    return bits;
}

// --- sizes --------------------------------------------------------------------------------------------------------

static float mel_of(float hz) {
    return 1127.0f * log1pf(hz / 700.0f);
}

static float hz_per_bin(const micro_tables *t, int rate) {
    return 0.5f * (float)rate / (float)(t->fft / 2);
}

// The upper end of band j, in mel.
static float upper_end(const micro *o, int64_t j) {
    const float low = mel_of((float)o->low), span = mel_of((float)o->high) - low;
    return low + span / (float)(o->filters + 1) * (float)(j + 1);
}

// The bins of band j; `from` is where the band below ends.
static size_t band_width(const micro *o, const micro_tables *t, int rate, int64_t j, size_t from) {
    size_t k = from;
    while (k <= t->fft && mel_of((float)k * hz_per_bin(t, rate)) <= upper_end(o, j)) k++;
    return k - from;
}

static size_t first_bin(const micro *o, const micro_tables *t, int rate) {
    return (size_t)(1.5f + (float)o->low / hz_per_bin(t, rate)); // never the mean
}

static void find_sizes(const micro *o, int rate, micro_tables *t) {
    t->window = (size_t)(o->window_ms * rate / 1000);
    t->hop = (size_t)(o->hop_ms * rate / 1000);
    for (t->fft = 1; t->fft < t->window;) t->fft *= 2;
    t->correction = bits_of(t->fft) - 1 - WEIGHT_BITS / 2;
    const size_t n = (size_t)o->samples;
    t->count = n < t->window || t->hop < 1 ? 0 : 1 + (n - t->window) / t->hop;
}

static bool micro_infer(const void *config, int rate, cv_shape *out, char *why, size_t why_size) {
    const micro *o = config;
    micro_tables t = {0};
    if (o->samples < 1 || o->filters < 1) {
        cv_print(why, why_size, "samples and filters must be at least 1");
        return false;
    }
    find_sizes(o, rate, &t);
    if (t.fft < 4 || t.fft > 1 << 15 || t.hop < 1) {
        cv_print(why, why_size, "a window of %g ms and a hop of %g ms at %d Hz: a window has 3 to 32768 samples",
                 o->window_ms, o->hop_ms, rate);
        return false;
    }
    if (t.count < 1) {
        cv_print(why, why_size, "a window of %zu samples does not fit into a clip of %lld", t.window,
                 (long long)o->samples);
        return false;
    }
    if (o->low >= o->high) {
        cv_print(why, why_size, "low %g Hz is not below high %g Hz", o->low, o->high);
        return false;
    }
    size_t end = first_bin(o, &t, rate);
    for (int64_t j = 0; j <= o->filters; j++) end += band_width(o, &t, rate, j, end);
    if (end > t.fft / 2) {
        cv_print(why, why_size, "high %g Hz is not below half the sample rate of %d Hz", o->high, rate);
        return false;
    }
    const int64_t shift = o->gain_bits - t.correction - SNR_BITS;
    if (o->pcan && (shift < 0 || o->smoothing_bits < t.correction)) {
        cv_print(why, why_size, "gain_bits must be at least %d and smoothing_bits %d for a transform of %zu points",
                 t.correction + SNR_BITS, t.correction, t.fft);
        return false;
    }
    *out = (cv_shape){.dims = 3, .c = 1, .h = (int64_t)t.count, .w = o->filters};
    return true;
}

// --- tables -------------------------------------------------------------------------------------------------------

static int16_t weight_of(float x) {
    return (int16_t)floorf(x * (1 << WEIGHT_BITS) + 0.5f);
}

// A bin lies on the falling side of one filter and the rising side of the next; between them its weights add up to 1.
static void fill_bands(const micro *o, int rate, micro_tables *t) {
    size_t k = first_bin(o, t, rate);
    int16_t *weight = t->weights;
    for (int64_t j = 0; j <= o->filters; j++) {
        const float end = upper_end(o, j), begin = j ? upper_end(o, j - 1) : mel_of((float)o->low);
        band *b = &t->bands[j];
        b->first = k;
        b->count = band_width(o, t, rate, j, k);
        b->rising = weight;             // of filter j
        b->falling = weight + b->count; // of the one below
        for (size_t i = 0; i < b->count; i++, k++) {
            const float share = (end - mel_of((float)k * hz_per_bin(t, rate))) / (end - begin);
            b->falling[i] = weight_of(share);
            b->rising[i] = weight_of(1.0f - share);
        }
        weight += 2 * b->count;
    }
}

static int16_t gain_at(const micro *o, int input_bits, uint32_t noise) {
    const float level = (float)noise / (float)(1U << input_bits);
    const float gain = (float)(1U << o->gain_bits) * powf(level + (float)o->offset, -(float)o->strength);
    return gain > INT16_MAX ? INT16_MAX : (int16_t)(gain + 0.5f);
}

// A parabola through three points of each octave.
static void fill_gain(const micro *o, micro_tables *t) {
    const int input_bits = (int)o->smoothing_bits - t->correction;
    for (uint32_t x = 0; x < 2; x++) t->small_gain[x] = gain_at(o, input_bits, x);
    for (int bits = 2; bits < INTERVALS; bits++) {
        const uint32_t begin = 1U << (bits - 1), end = bits == 32 ? UINT32_MAX : 2 * begin;
        const int32_t y = gain_at(o, input_bits, begin), middle = gain_at(o, input_bits, begin + begin / 2) - y;
        const int32_t last = gain_at(o, input_bits, end) - y;
        t->gain[bits][0] = y;
        t->gain[bits][1] = (int16_t)(4 * middle - last);
        t->gain[bits][2] = (int16_t)(last - (4 * middle - last));
    }
}

static void micro_release(void *tables) {
    micro_tables *t = tables;
    if (!t) return;
    free(t->shape);
    free(t->transform);
    free(t->bands);
    free(t->weights);
    free(t);
}

static void *micro_prepare(const void *config, int rate) {
    const micro *o = config;
    micro_tables *t = cv_alloc(1, sizeof *t);
    if (!t) return NULL;
    find_sizes(o, rate, t);
    t->shape = cv_alloc(t->window, sizeof *t->shape);
    t->transform = cv_fixed_fft_new(t->fft);
    t->bands = cv_alloc((size_t)o->filters + 1, sizeof *t->bands);
    t->weights = cv_alloc(2 * t->fft, sizeof *t->weights);
    if (!t->shape || !t->transform || !t->bands || !t->weights) {
        micro_release(t);
        return NULL;
    }
    const float turn = (float)M_PI * 2.0f / (float)t->window;
    for (size_t i = 0; i < t->window; i++) t->shape[i] = weight_of(0.5f - 0.5f * cosf(turn * ((float)i + 0.5f)));
    fill_bands(o, rate, t);
    if (o->pcan) fill_gain(o, t);
    return t;
}

// --- one frame ----------------------------------------------------------------------------------------------------

// The root of x, rounded; digit by digit in base 4.
static uint32_t root_of(uint64_t x) {
    const bool wide = x >> 32;
    uint64_t root = 0;
    for (uint64_t bit = wide ? UINT64_C(1) << 62 : UINT64_C(1) << 30; bit; bit >>= 2) {
        const bool set = x >= root + bit;
        if (set) x -= root + bit;
        root = (root >> 1) + (set ? bit : 0);
    }
    return (uint32_t)(x > root && root != (wide ? UINT32_MAX : UINT16_MAX) ? root + 1 : root);
}

// The window's samples, scaled up to 15 bits; returns by how many bits.
static int shape_samples(const micro_tables *t, const int16_t *sample, int16_t *frame) {
    int largest = 0;
    for (size_t i = 0; i < t->window; i++) {
        frame[i] = (int16_t)((sample[i] * t->shape[i]) >> WEIGHT_BITS);
        const int size = frame[i] < 0 ? (int16_t)-frame[i] : frame[i];
        if (size > largest) largest = size;
    }
    const int shift = 15 - bits_of((uint64_t)largest);
    for (size_t i = 0; i < t->fft; i++) frame[i] = (int16_t)(i < t->window ? (uint16_t)((uint16_t)frame[i] << shift) : 0);
    return shift;
}

// Magnitudes of the filters.
static void filter_bins(const micro *o, const micro_tables *t, const cv_fixed *bin, int shift, uint32_t *out) {
    uint64_t below = 0;
    for (int64_t j = 0; j <= o->filters; j++) {
        const band *b = &t->bands[j];
        uint64_t falling = below;
        below = 0;
        for (size_t i = 0; i < b->count; i++) {
            const cv_fixed z = bin[b->first + i];
            const uint64_t energy = (uint64_t)(int32_t)((uint32_t)(z.re * z.re) + (uint32_t)(z.im * z.im));
            falling += (uint64_t)b->falling[i] * energy;
            below += (uint64_t)b->rising[i] * energy;
        }
        if (j > 0) out[j - 1] = root_of(falling) >> shift;
    }
}

// Subtracts a running mean from each filter.
static uint32_t without_noise(const micro *o, bool odd, uint32_t signal, uint32_t *noise) {
    const uint32_t share = (uint32_t)((float)(odd ? o->odd_smoothing : o->even_smoothing) * (1 << NOISE_BITS));
    const uint32_t least = (uint32_t)((float)o->least * (1 << NOISE_BITS));
    const uint32_t wide = signal << o->smoothing_bits;
    *noise = (uint32_t)(((uint64_t)wide * share + (uint64_t)*noise * ((1 << NOISE_BITS) - share)) >> NOISE_BITS);
    const uint32_t left = (wide - (*noise > wide ? wide : *noise)) >> o->smoothing_bits;
    const uint32_t floor = (uint32_t)(((uint64_t)signal * least) >> NOISE_BITS);
    return left > floor ? left : floor;
}

static int32_t gain_of(const micro_tables *t, uint32_t noise) {
    if (noise < 2) return t->small_gain[noise];
    const int bits = bits_of(noise);
    const int32_t *curve = t->gain[bits];
    if (noise == 2) return curve[0];
    const int32_t place = (int32_t)((bits < 11 ? noise << (11 - bits) : noise >> (bits - 11)) & 0x3FF);
    int32_t y = (int16_t)curve[2] * place >> 5;
    y += (int32_t)((uint32_t)curve[1] << 5);
    y = (int32_t)((uint32_t)y * (uint32_t)place);
    return (int16_t)(((y + (1 << 14)) >> 15) + curve[0]);
}

static uint32_t even_out(const micro *o, const micro_tables *t, uint32_t signal, uint32_t noise) {
    const int64_t shift = o->gain_bits - t->correction - SNR_BITS;
    const uint32_t snr = (uint32_t)(((uint64_t)signal * (uint32_t)gain_of(t, noise)) >> shift);
    if (snr < 2U << SNR_BITS) return (snr * snr) >> (2 + 2 * SNR_BITS - PCAN_BITS);
    return (snr >> (SNR_BITS - PCAN_BITS)) - (1 << PCAN_BITS);
}

// log2 of 1 + i/128, less i/128.
static int32_t bend_at(uint32_t i) {
    const double x = (double)i / (1 << SEGMENT_BITS);
    return (int32_t)floor((log2(1 + x) - x) * (1 << LOG_BITS) + 0.5);
}

static uint32_t logarithm(const micro *o, uint32_t x) {
    const int whole = bits_of(x) - 1;
    const uint32_t rest = x - (1U << whole);
    const uint32_t part = whole < LOG_BITS ? rest << (LOG_BITS - whole) : rest >> (whole - LOG_BITS);
    const uint32_t segment = part >> (LOG_BITS - SEGMENT_BITS), round = 1 << (LOG_BITS - 1);
    const int32_t begin = bend_at(segment), inside = (int32_t)(part - (segment << (LOG_BITS - SEGMENT_BITS)));
    const int32_t bend = begin + (((bend_at(segment + 1) - begin) * inside) >> LOG_BITS);
    const uint32_t log2_of = ((uint32_t)whole << LOG_BITS) + part + (uint32_t)bend;
    const uint32_t ln = (uint32_t)(((uint64_t)LN2 * log2_of + round) >> LOG_BITS);
    return ((ln << o->log_shift) + round) >> LOG_BITS;
}

static uint32_t value_of(const micro *o, const micro_tables *t, uint32_t x) {
    if (o->log) {
        x = t->correction < 0 ? x >> -t->correction : x << t->correction;
        x = x > 1 ? logarithm(o, x) : 0;
    }
    return x < UINT16_MAX ? x : UINT16_MAX;
}

// In the order of src/device/micro.h.
size_t cv_micro_tables(const void *config, const void *pointer, int32_t *whole, int16_t *words) {
    const micro *o = config;
    const micro_tables *t = pointer;
    const size_t turns = 3 * (t->fft / 2), segments = (1 << SEGMENT_BITS) + 1, bands = (size_t)o->filters + 1;
    const size_t bins = t->bands[bands - 1].first + t->bands[bands - 1].count - t->bands[0].first;
    if (whole && words) {
        const float one = 1 << NOISE_BITS;
        const int32_t numbers[] = {t->correction,
                                   (int32_t)o->smoothing_bits,
                                   (int32_t)((float)o->even_smoothing * one),
                                   (int32_t)((float)o->odd_smoothing * one),
                                   (int32_t)((float)o->least * one),
                                   o->pcan ? (int32_t)o->gain_bits - t->correction - SNR_BITS : -1,
                                   o->log ? (int32_t)o->log_shift : -1,
                                   t->small_gain[0],
                                   t->small_gain[1]};
        memcpy(whole, numbers, sizeof numbers);
        memcpy(whole + CV_COUNT(numbers), t->gain, sizeof t->gain);
        memcpy(words, t->shape, t->window * sizeof *words);
        words += t->window;
        memcpy(words, cv_fixed_fft_turns(t->transform), turns * sizeof *words);
        words += turns;
        for (size_t i = 0; i < segments; i++) *words++ = (int16_t)bend_at((uint32_t)i);
        *words++ = (int16_t)t->bands[0].first;
        for (size_t j = 0; j < bands; j++) *words++ = (int16_t)t->bands[j].count;
        memcpy(words, t->weights, 2 * bins * sizeof *words);
    }
    return t->window + turns + segments + 1 + bands + 2 * bins;
}

static size_t micro_work(const void *config, const void *tables) {
    const micro *o = config;
    const micro_tables *t = tables;
    return 2 * (size_t)o->filters * sizeof(uint32_t) + (t->fft + 1) * sizeof(cv_fixed) +
           ((size_t)o->samples + t->fft) * sizeof(int16_t);
}

static void micro_compute(const void *config, const void *pointer, const float *sample, size_t count, void *work,
                          float *out) {
    const micro *o = config;
    const micro_tables *t = pointer;
    const size_t n = (size_t)o->samples, filters = (size_t)o->filters;
    uint32_t *signal = work, *noise = signal + filters;
    cv_fixed *bin = (cv_fixed *)(void *)(noise + filters);
    int16_t *clip = (int16_t *)(void *)(bin + t->fft + 1), *frame = clip + n;
    for (size_t i = 0; i < n && i < count; i++)
        clip[i] = (int16_t)lrintf(fmaxf(-32768, fminf(32767, 32768 * sample[i])));
    for (size_t i = 0; i < t->count; i++) {
        const int shift = shape_samples(t, clip + i * t->hop, frame);
        cv_fixed_fft_real(t->transform, frame, bin, bin + t->fft / 2 + 1);
        filter_bins(o, t, bin, shift, signal);
        for (size_t j = 0; j < filters; j++) {
            uint32_t x = without_noise(o, j & 1, signal[j], &noise[j]);
            if (o->pcan) x = even_out(o, t, x, noise[j]);
            out[i * filters + j] = (float)value_of(o, t, x);
        }
    }
}

const cv_feature cv_feature_micro = {
    .name = "micro",
    .help = "the front end of TensorFlow Lite Micro, in its integers",
    .schema = schema,
    .config_size = sizeof(micro),
    .rows = offsetof(micro, rows),
    .infer = micro_infer,
    .prepare = micro_prepare,
    .release = micro_release,
    .work = micro_work,
    .compute = micro_compute,
};

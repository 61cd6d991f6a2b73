#include "audio/spectrum.h"

#include <math.h>
#include <stdlib.h>

bool cv_frames_of(const cv_framing *options, int rate, cv_frames *frames, char *why, size_t why_size) {
    double window = options->window_ms / 1000 * rate, high = options->high > 0 ? options->high : rate / 2.0;
    *frames = (cv_frames){.low = options->low, .high = high, .rate = rate};
    if (options->samples < 1 || options->filters < 1) {
        cv_print(why, why_size, "samples and filters must be at least 1");
        return false;
    }
    frames->samples = (size_t)options->samples;
    frames->filters = (size_t)options->filters;
    frames->window = (size_t)llround(window);
    frames->hop = (size_t)llround(options->hop_ms / 1000 * rate);
    if (frames->window < 1 || frames->hop < 1) {
        cv_print(why, why_size, "a window of %g ms or a hop of %g ms is less than one sample at %d Hz",
                 options->window_ms, options->hop_ms, rate);
        return false;
    }
    frames->fft = (size_t)options->fft;
    if (options->fft == 0)
        for (frames->fft = 2; (double)frames->fft < window;) frames->fft *= 2;
    frames->bins = frames->fft / 2 + 1;
    if (frames->fft < 2) {
        cv_print(why, why_size, "fft must be at least 2");
        return false;
    }
    if (frames->fft < frames->window) {
        cv_print(why, why_size, "fft %zu is smaller than the window of %g ms, %zu samples at %d Hz", frames->fft,
                 options->window_ms, frames->window, rate);
        return false;
    }
    if (high > rate / 2.0) {
        cv_print(why, why_size, "high %g Hz is above half the sample rate of %d Hz", high, rate);
        return false;
    }
    if (options->low >= high) {
        cv_print(why, why_size, "low %g Hz is not below high %g Hz", options->low, high);
        return false;
    }
    return true;
}

// --- mel scales ---------------------------------------------------------------------------------------------------

// Slaney's Auditory Toolbox: 200/3 Hz per mel below 1 kHz, then 27 mel for a factor of 6.4.
static const double slaney_step = 200.0 / 3, slaney_bend = 1000, slaney_octave = 27;

static double to_mel(double hz, cv_bank_kind kind) {
    if (kind != CV_BANK_SLANEY) return 2595 * log10(1 + hz / 700);
    if (hz < slaney_bend) return hz / slaney_step;
    return slaney_bend / slaney_step + slaney_octave * log(hz / slaney_bend) / log(6.4);
}

static double to_hz(double mel, cv_bank_kind kind) {
    if (kind != CV_BANK_SLANEY) return 700 * (pow(10, mel / 2595) - 1);
    if (mel < slaney_bend / slaney_step) return mel * slaney_step;
    return slaney_bend * exp((mel - slaney_bend / slaney_step) * log(6.4) / slaney_octave);
}

static double kaldi_mel(double hz) {
    return 1127 * log(1 + hz / 700);
}

// Where bin k lies in the unit of the edges: a bin, or a mel.
static double place(const cv_frames *frames, cv_bank_kind kind, size_t k) {
    return kind == CV_BANK_KALDI ? kaldi_mel((double)k * frames->rate / (double)frames->fft) : (double)k;
}

// Edge k of filters + 2, in that unit: filter j rises from edge j to edge j + 1 and falls to edge j + 2.
static double edge(const cv_frames *frames, cv_bank_kind kind, size_t k) {
    if (kind == CV_BANK_KALDI) {
        const double bottom = kaldi_mel(frames->low), step = (kaldi_mel(frames->high) - bottom);
        return bottom + (double)k * step / (double)(frames->filters + 1);
    }
    double low = to_mel(frames->low, kind), high = to_mel(frames->high, kind);
    double hz = to_hz(low + (double)k * ((high - low) / (double)(frames->filters + 1)), kind);
    if (kind == CV_BANK_PSF) return floor((double)(frames->fft + 1) * hz / frames->rate);
    return hz * (double)frames->fft / frames->rate;
}

// --- filters ------------------------------------------------------------------------------------------------------

typedef struct filter {
    size_t first, count, peak; // bins that it covers; the first one that it does not rise to
    double gain;               // at the peak
    double *weight;            // [count]
} filter;

struct cv_bank {
    size_t filters;
    double *weight; // of all filters; at most two of them cover the same bin
    filter filter[];
};

static double triangle(double x, double rise, double peak, double fall) {
    if (x < peak) return x > rise ? (x - rise) / (peak - rise) : 0;
    return x < fall ? (fall - x) / (fall - peak) : 0;
}

// weight of the result may be NULL: only the bins are found.
static filter filter_at(const cv_frames *frames, cv_bank_kind kind, size_t j, double *weight) {
    double rise = edge(frames, kind, j), peak = edge(frames, kind, j + 1), fall = edge(frames, kind, j + 2);
    double gain = kind == CV_BANK_SLANEY ? 2 * (double)frames->fft / (frames->rate * (fall - rise)) : 1;
    // Kaldi leaves the last bin out.
    const size_t bins = kind == CV_BANK_KALDI ? frames->fft / 2 : frames->bins;
    size_t k = kind == CV_BANK_KALDI ? 0 : (size_t)ceil(rise);
    while (kind == CV_BANK_KALDI && k < bins && place(frames, kind, k) <= rise) k++;
    if (kind != CV_BANK_KALDI && triangle((double)k, rise, peak, fall) <= 0) k++; // the bin on the foot
    size_t top = kind == CV_BANK_KALDI ? k : (size_t)ceil(peak);
    while (kind == CV_BANK_KALDI && top < bins && place(frames, kind, top) < peak) top++;
    filter f = {.first = k, .peak = top < bins ? top : bins, .gain = gain, .weight = weight};
    for (double y; k < bins && (y = triangle(place(frames, kind, k), rise, peak, fall)) > 0; k++, f.count++)
        if (weight) weight[f.count] = y * gain;
    return f;
}

bool cv_bank_full(const cv_frames *frames, cv_bank_kind kind, char *why, size_t why_size) {
    for (size_t j = 0; j < frames->filters; j++) {
        if (filter_at(frames, kind, j, NULL).count > 0) continue;
        double range[2];
        for (size_t k = 0; k < 2; k++) {
            const double at = edge(frames, kind, j + 2 * k);
            range[k] = kind == CV_BANK_KALDI ? 700 * (exp(at / 1127) - 1) : at * frames->rate / (double)frames->fft;
        }
        cv_print(why, why_size,
                 "filter %zu of %zu, %.0f to %.0f Hz, cannot be resolved by fft %zu, whose bins are %.1f Hz apart: "
                 "use fewer filters or a larger fft",
                 j + 1, frames->filters, range[0], range[1], frames->fft, frames->rate / (double)frames->fft);
        return false;
    }
    return true;
}

cv_bank *cv_bank_new(const cv_frames *frames, cv_bank_kind kind) {
    cv_bank *bank = cv_alloc(1, sizeof *bank + frames->filters * sizeof *bank->filter);
    if (!bank) return NULL;
    bank->filters = frames->filters;
    bank->weight = cv_alloc(2 * frames->bins, sizeof *bank->weight);
    if (!bank->weight) {
        cv_bank_free(bank);
        return NULL;
    }
    double *weight = bank->weight;
    for (size_t j = 0; j < bank->filters; j++) {
        bank->filter[j] = filter_at(frames, kind, j, weight);
        weight += bank->filter[j].count;
    }
    return bank;
}

void cv_bank_free(cv_bank *bank) {
    if (!bank) return;
    free(bank->weight);
    free(bank);
}

double cv_bank_gain(const cv_bank *bank, size_t j) {
    return bank->filter[j].gain;
}

size_t cv_bank_slope(const cv_bank *bank, size_t k, size_t *first, double *weight) {
    const filter *rising = k < bank->filters ? &bank->filter[k] : NULL, *falling = k ? &bank->filter[k - 1] : NULL;
    const size_t begin = falling ? falling->peak : rising->first;
    size_t end = rising ? rising->peak : falling->first + falling->count;
    if (end < begin) end = begin;
    *first = begin;
    for (size_t b = begin; b < end; b++) {
        const filter *f = rising ? rising : falling;
        const double part = b >= f->first && b < f->first + f->count ? f->weight[b - f->first] / f->gain : 0;
        weight[b - begin] = rising ? part : 1 - part;
    }
    return end - begin;
}

void cv_bank_apply(const cv_bank *bank, const double *spectrum, double *out) {
    for (size_t j = 0; j < bank->filters; j++) {
        const filter *f = &bank->filter[j];
        double sum = 0;
        for (size_t k = 0; k < f->count; k++) sum += f->weight[k] * spectrum[f->first + k];
        out[j] = sum;
    }
}

// --- frame by frame -----------------------------------------------------------------------------------------------

cv_spectrum *cv_spectrum_new(const cv_frames *frames, size_t count, cv_bank_kind kind, size_t table) {
    cv_spectrum *s = cv_alloc(1, sizeof *s);
    if (!s) return NULL;
    *s = (cv_spectrum){.frames = *frames, .count = count, .fft = cv_fft_new(frames->fft)};
    s->bank = cv_bank_new(frames, kind);
    s->window = cv_alloc(frames->window + table, sizeof *s->window);
    s->table = s->window ? s->window + frames->window : NULL;
    for (size_t i = 0; s->window && i < frames->window; i++) s->window[i] = 1;
    if (s->fft && s->bank && s->window) return s;
    cv_spectrum_free(s);
    return NULL;
}

void cv_spectrum_free(void *spectrum) {
    cv_spectrum *s = spectrum;
    if (!s) return;
    cv_fft_free(s->fft);
    cv_bank_free(s->bank);
    free(s->window);
    free(s);
}

size_t cv_spectrum_room(const cv_spectrum *s, size_t length) {
    const cv_frames *f = &s->frames;
    return length + f->fft + f->bins + f->filters + cv_fft_work(s->fft);
}

cv_spectrum_work cv_spectrum_work_in(const cv_spectrum *s, size_t length, void *memory) {
    const cv_frames *f = &s->frames;
    cv_spectrum_work w = {.signal = memory};
    w.frame = w.signal + length;
    w.power = w.frame + f->fft;
    w.mel = w.power + f->bins;
    w.fft = w.mel + f->filters;
    return w;
}

void cv_spectrum_frame(const cv_spectrum *s, const double *from, cv_spectrum_work *w) {
    for (size_t k = 0; k < s->frames.window; k++) w->frame[k] = from[k] * s->window[k]; // then zeros
    cv_fft_power(s->fft, w->frame, w->power, w->fft);
}

// --- cepstra ------------------------------------------------------------------------------------------------------

bool cv_cepstra_fit(int64_t cepstra, int64_t filters, char *why, size_t why_size) {
    if (cepstra >= 1 && cepstra <= filters) return true;
    cv_print(why, why_size, "%lld cepstra cannot be had from %lld filters", (long long)cepstra, (long long)filters);
    return false;
}

void cv_cosine_row(size_t k, size_t filters, double factor, double *row) {
    const double n = (double)filters, scale = factor * sqrt((k == 0 ? 1 : 2) / n);
    for (size_t j = 0; j < filters; j++) row[j] = scale * cos(M_PI * (double)k * (double)(2 * j + 1) / (2 * n));
}

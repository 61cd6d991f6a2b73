// Reverberation: the recording as it sounds in a room, by convolution with the room's impulse response. The direct
// sound (the response's largest sample) keeps its place, and the response has unit energy, as in torchaudio's tutorial
// on data augmentation.
#include "audio/fft.h"
#include "change/kind.h"
#include "change/recordings.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

typedef struct reverb {
    char path[CV_TEXT_SIZE];
} reverb;

static const cv_option reverb_schema[] = {
    CV_OPTION("path", CV_TEXT, reverb, path, "a folder of impulse responses", .required = true),
    {.name = NULL},
};

enum { LONGEST = 4, SIZES = 32 }; // seconds of a response; powers of two

typedef struct rooms {
    cv_recordings response;
    cv_fft *fft[SIZES]; // fft[k] of 2^k samples, where a response needs it
} rooms;

// Samples of a transform for a response: at least twice as many, so that half of each is of use.
static int size_for(size_t count) {
    int k = 8;
    while (((size_t)1 << k) < 2 * count) k++;
    return k;
}

// Cuts off what is before the direct sound and too far behind it.
static void trim(struct cv_kept *response, int rate) {
    const size_t most = (size_t)LONGEST * (size_t)rate;
    size_t direct = 0;
    double energy = 0;
    for (size_t t = 0; t < response->count; t++)
        if (abs(response->sample[t]) > abs(response->sample[direct])) direct = t;
    response->count -= direct;
    if (response->count > most) response->count = most;
    memmove(response->sample, response->sample + direct, response->count * sizeof *response->sample);
    for (size_t t = 0; t < response->count; t++) energy += (double)response->sample[t] * (double)response->sample[t];
    response->scale = (float)(1 / sqrt(energy));
}

static void reverb_release(void *tables) {
    rooms *r = tables;
    cv_recordings_free(&r->response);
    for (int k = 0; k < SIZES; k++) cv_fft_free(r->fft[k]);
    free(r);
}

static convo_status reverb_prepare(const void *config, const cv_change_setup *setup, void **tables, convo_error *err) {
    rooms *r = cv_alloc(1, sizeof *r);
    if (!r) return cv_no_memory(err, "reverb");
    convo_status status = cv_recordings_read(((const reverb *)config)->path, "reverb", setup->rate, &r->response, err);
    for (size_t k = 0; k < r->response.count && !status; k++) {
        trim(&r->response.recording[k], setup->rate);
        const int size = size_for(r->response.recording[k].count);
        if (!r->fft[size] && !(r->fft[size] = cv_fft_new((size_t)1 << size))) status = cv_no_memory(err, "reverb");
    }
    if (status)
        reverb_release(r);
    else
        *tables = r;
    return status;
}

// A spectrum, and what computes it.
typedef struct spectra {
    const cv_fft *fft;
    double *x, *work;          // [n], [cv_fft_work]
    double *re, *im;           // of x
    double *room_re, *room_im; // [n/2 + 1]
} spectra;

// x = the signal whose spectrum is re + i im. Real signals are the Hartley transform of their Hartley transform, which
// is re - im: R. N. Bracewell, "Discrete Hartley transform", J. Opt. Soc. Am. 73 (1983).
static void invert(spectra *s) {
    const size_t n = s->fft->size;
    for (size_t k = 0; k <= n / 2; k++) s->x[k] = s->re[k] - s->im[k];
    for (size_t k = 1; k < n / 2; k++) s->x[n - k] = s->re[k] + s->im[k];
    cv_fft_real(s->fft, s->x, s->re, s->im, s->work);
    for (size_t t = 0; t <= n / 2; t++) s->x[t] = (s->re[t] - s->im[t]) / (double)n;
    for (size_t t = 1; t < n / 2; t++) s->x[n - t] = (s->re[t] + s->im[t]) / (double)n;
}

// out += the samples from `start` on, as many as a transform has room for beside the response's tail.
static void convolve_block(spectra *s, const float *sample, size_t count, double *out, size_t out_count, size_t block) {
    const size_t n = s->fft->size, used = count < block ? count : block;
    for (size_t t = 0; t < n; t++) s->x[t] = t < used ? (double)sample[t] : 0;
    cv_fft_real(s->fft, s->x, s->re, s->im, s->work);
    for (size_t k = 0; k <= n / 2; k++) {
        const double re = s->re[k], im = s->im[k];
        s->re[k] = re * s->room_re[k] - im * s->room_im[k];
        s->im[k] = re * s->room_im[k] + im * s->room_re[k];
    }
    invert(s);
    for (size_t t = 0; t < n && t < out_count; t++) out[t] += s->x[t];
}

// Overlap-add. out: [count], of the convolution.
static bool convolve(const cv_fft *fft, const struct cv_kept *room, const float *sample, size_t sample_count,
                     double *out, size_t count) {
    const size_t n = fft->size, bins = n / 2 + 1, block = n - room->count + 1;
    const size_t work = cv_fft_work(fft);
    double *memory = cv_alloc(n + work + 4 * bins, sizeof *memory);
    if (!memory) return false;
    double *const bin = memory + n + work;
    spectra s = {fft, memory, memory + n, bin, bin + bins, bin + 2 * bins, bin + 3 * bins};
    for (size_t t = 0; t < room->count; t++) s.x[t] = (double)room->sample[t] * (double)room->scale;
    cv_fft_real(fft, s.x, s.room_re, s.room_im, s.work);
    for (size_t start = 0; start < sample_count; start += block)
        convolve_block(&s, sample + start, sample_count - start, out + start, count - start, block);
    free(memory);
    return true;
}

// The tail goes on behind the recording as far as the window.
static bool reverb_sound(const void *config, const void *tables, cv_draws *draws, cv_wave *wave) {
    (void)config;
    const rooms *r = tables;
    const struct cv_kept *room = &r->response.recording[cv_draws_below(draws, r->response.count)];
    const size_t whole = wave->count + room->count - 1, begin = wave->begin, end = wave->end;
    const size_t count = wave->count >= wave->window ? wave->count : whole < wave->window ? whole : wave->window;
    double *sum = cv_alloc(count, sizeof *sum);
    float *out = cv_alloc(count, sizeof *out);
    const bool good =
        sum && out && convolve(r->fft[size_for(room->count)], room, wave->sample, wave->count, sum, count);
    for (size_t t = 0; good && t < count; t++) out[t] = (float)sum[t];
    free(sum);
    if (!good) {
        free(out);
        return false;
    }
    cv_wave_replace(wave, out, count);
    wave->begin = begin;
    wave->end = end;
    return true;
}

const cv_change cv_change_reverb = {
    .name = "reverb",
    .help = "convolved with the impulse response of a room, which is scaled to unit energy; the direct sound keeps its "
            "place",
    .sort = CV_CHANGE_SOUND,
    .schema = reverb_schema,
    .config_size = sizeof(reverb),
    .prepare = reverb_prepare,
    .release = reverb_release,
    .sound = reverb_sound,
};

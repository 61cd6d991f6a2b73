// Band limits: what a telephone or a small loudspeaker leaves. Butterworth filters of the fourth order, each two
// biquads, by the bilinear transform: |H(f)|^2 = 1 / (1 + (tan(pi f / rate) / tan(pi corner / rate))^8), and the
// inverse fraction for the lower limit.
#include "change/kind.h"

#include <math.h>

typedef struct band {
    double low[2], high[2];
} band;

static const cv_option band_schema[] = {
    CV_OPTION("low", CV_SPAN, band, low, "hertz below which sound is filtered out, drawn from this range; 0: none",
              .text = "[50, 300]", CV_RANGE(0, 100000)),
    CV_OPTION("high", CV_SPAN, band, high,
              "hertz above which sound is filtered out, drawn from this range; half the sample rate and more: none",
              .text = "[3000, 8000]", CV_RANGE(1, 1000000)),
    {.name = NULL},
};

// A biquad with its poles at the corner: b of a low-pass are g (1, 2, 1), of a high-pass (1, -2, 1) / (1 + k/q + k^2).
static void filter(float *sample, size_t count, double corner, int rate, double quality, bool high_pass) {
    const double k = tan(M_PI * corner / rate), norm = 1 / (1 + k / quality + k * k);
    const double b0 = high_pass ? norm : k * k * norm, b1 = high_pass ? -2 * b0 : 2 * b0;
    const double a1 = 2 * (k * k - 1) * norm, a2 = (1 - k / quality + k * k) * norm;
    double s1 = 0, s2 = 0; // transposed direct form II
    for (size_t t = 0; t < count; t++) {
        const double x = (double)sample[t], y = b0 * x + s1;
        s1 = b1 * x - a1 * y + s2;
        s2 = b0 * x - a2 * y;
        sample[t] = (float)y;
    }
}

static bool band_sound(const void *config, const void *tables, cv_draws *draws, cv_wave *wave) {
    (void)tables;
    static const double quality[] = {0.54119610014619698, 1.3065629648763766}; // 1 / (2 cos(pi/8)), 1 / (2 cos(3 pi/8))
    const band *o = config;
    const double low = cv_draws_between(draws, o->low[0], o->low[1]),
                 high = cv_draws_between(draws, o->high[0], o->high[1]);
    for (size_t k = 0; k < CV_COUNT(quality); k++) {
        if (low > 0 && low < wave->rate / 2.0) filter(wave->sample, wave->count, low, wave->rate, quality[k], true);
        if (high < wave->rate / 2.0) filter(wave->sample, wave->count, high, wave->rate, quality[k], false);
    }
    return true;
}

const cv_change cv_change_band = {
    .name = "band",
    .help = "low and high frequencies filtered out, as by a telephone (Butterworth, fourth order)",
    .sort = CV_CHANGE_SOUND,
    .schema = band_schema,
    .config_size = sizeof(band),
    .sound = band_sound,
};

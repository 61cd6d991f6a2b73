#include "detect/spotting.h"

#include "device/device.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static const double alike = 1e-6; // seconds: times are sums, and rounded

// --- one pass -----------------------------------------------------------------------------------------------------

// The detector of src/device takes each threshold for a class of its own, all with the score of the same word.
typedef struct pass {
    const cv_spotting_rule *rule;
    size_t thresholds;
    cv_detector detector;
    cv_detector_state state;
    float *number;            // reset, score, last, smoothed: [4][thresholds]
    uint8_t *heard;           // [2][thresholds], then locked
    uint8_t *hit;             // [thresholds][words of the recording]
    cv_spotting_tally *tally; // [thresholds]
} pass;

static void free_pass(pass *p) {
    free(p->number);
    free(p->heard);
    free(p->state.wait);
}

static bool make_pass(pass *p, const cv_spotting_rule *rule, const float *threshold, size_t n,
                      cv_spotting_tally *tally) {
    *p = (pass){.rule = rule, .thresholds = n, .tally = tally};
    p->number = cv_alloc(4 * n, sizeof *p->number);
    p->heard = cv_alloc(2 * n, 1);
    p->state.wait = cv_alloc(n, sizeof *p->state.wait);
    if (!p->number || !p->heard || !p->state.wait) return false;
    for (size_t k = 0; k < n; k++) p->number[k] = rule->reset;
    p->detector =
        (cv_detector){.classes = (int32_t)n, .smooth = 1, .gap = rule->gap, .threshold = threshold, .reset = p->number};
    p->state.last = p->number + 2 * n;
    p->state.smoothed = p->number + 3 * n;
    p->state.locked = p->heard + n;
    memset(tally, 0, n * sizeof *tally);
    return true;
}

// The first word that the moment can hit and that has not been hit; -1: none. from: words before it are over.
static int64_t find_word(const cv_spotted *r, const uint8_t *hit, int64_t from, double time, double slack) {
    for (int64_t w = from; w < r->count && r->said[w].start <= time + alike; w++)
        if (!hit[w] && time <= r->said[w].end + slack + alike) return w;
    return -1;
}

static void pass_hop(pass *p, const cv_spotted *r, size_t recording, int64_t hop, int64_t from, double time,
                     cv_on_spotted *on_event, void *user) {
    float *score = p->number + p->thresholds;
    for (size_t k = 0; k < p->thresholds; k++) score[k] = r->score[hop];
    cv_f32_detect(&p->detector, &p->state, score, p->heard);
    for (size_t k = 0; k < p->thresholds; k++) {
        if (!p->heard[k]) continue;
        uint8_t *hit = p->hit + k * (size_t)r->count;
        const int64_t word = find_word(r, hit, from, time, p->rule->slack);
        if (word >= 0) hit[word] = 1;
        p->tally[k].hits += word >= 0;
        p->tally[k].false_accepts += word < 0;
        if (on_event) on_event(user, recording, hop, word);
    }
}

static void pass_recording(pass *p, const cv_spotted *r, size_t recording, cv_on_spotted *on_event, void *user) {
    memset(p->state.wait, 0, p->thresholds * sizeof *p->state.wait);
    memset(p->state.locked, 0, p->thresholds);
    int64_t from = 0;
    for (int64_t hop = 0; hop < r->hops; hop++) {
        const double time = r->first + (double)hop * r->hop;
        while (from < r->count && r->said[from].end + p->rule->slack + alike < time) from++;
        pass_hop(p, r, recording, hop, from, time, on_event, user);
    }
}

convo_status cv_spotting_count(const cv_spotted *recording, size_t recordings, const cv_spotting_rule *rule,
                               const float *threshold, size_t thresholds, cv_spotting_tally *tally,
                               cv_on_spotted *on_event, void *user, convo_error *err) {
    pass p;
    bool good = make_pass(&p, rule, threshold, thresholds, tally);
    for (size_t k = 0; k < recordings && good; k++) {
        p.hit = cv_alloc(thresholds, (size_t)recording[k].count + 1);
        good = p.hit;
        if (good) pass_recording(&p, &recording[k], k, on_event, user);
        free(p.hit);
    }
    free_pass(&p);
    return good ? CONVO_OK : cv_no_memory(err, "what was heard");
}

// --- thresholds ---------------------------------------------------------------------------------------------------

static bool is_peak(const cv_spotted *r, int64_t hop, int64_t reach) {
    const float score = r->score[hop];
    if (score <= 0) return false;
    const int64_t begin = hop > reach ? hop - reach : 0, end = hop + reach < r->hops ? hop + reach + 1 : r->hops;
    for (int64_t k = begin; k < end; k++)
        if (r->score[k] > score) return false;
    return true;
}

static int highest_first(const void *a, const void *b) {
    const float x = *(const float *)a, y = *(const float *)b;
    return (x < y) - (x > y);
}

// Each value once: the first 512, then ever fewer, each at least a hundredth further down the list. Scores that stay at
// 1 are many peaks of one value.
static size_t thin_out(float *threshold, size_t count) {
    enum { ALL = 512, SPREAD = 100 };
    size_t values = 0, kept = 0, next = 0;
    for (size_t k = 0; k < count; k++)
        if (!values || threshold[k] != threshold[values - 1]) threshold[values++] = threshold[k];
    for (size_t k = 0; k < values; k++) {
        if (k < next) continue;
        threshold[kept++] = threshold[k];
        if (k >= ALL) next = k + 1 + k / SPREAD;
    }
    return kept;
}

convo_status cv_spotting_thresholds(const cv_spotted *recording, size_t recordings, const cv_spotting_rule *rule,
                                    float **threshold, size_t *thresholds, convo_error *err) {
    size_t capacity = 0, count = 0;
    *threshold = NULL;
    for (size_t k = 0; k < recordings; k++)
        for (int64_t hop = 0; hop < recording[k].hops; hop++) {
            if (!is_peak(&recording[k], hop, rule->gap / 2)) continue;
            if (!cv_grow(threshold, &capacity, count + 1, sizeof **threshold)) {
                free(*threshold);
                *threshold = NULL;
                return cv_no_memory(err, "the thresholds");
            }
            (*threshold)[count++] = recording[k].score[hop];
        }
    if (count) qsort(*threshold, count, sizeof **threshold, highest_first);
    *thresholds = thin_out(*threshold, count);
    return CONVO_OK;
}

float cv_spotting_choose(const float *threshold, const cv_spotting_tally *tally, size_t thresholds, double hours,
                         double most_per_hour) {
    const double most = most_per_hour * hours;
    size_t first = 0, end = 0; // the best, side by side; none: 0, 0
    for (size_t k = 0; k < thresholds; k++) {
        if ((double)tally[k].false_accepts > most || (end && tally[k].hits < tally[end - 1].hits)) continue;
        if (!end || k > end || tally[k].hits > tally[end - 1].hits) first = k;
        end = k + 1;
    }
    const float above = end ? threshold[first] : 1, below = end < thresholds ? threshold[end] : 0;
    return (above + below) / 2;
}

// --- figures ------------------------------------------------------------------------------------------------------

double cv_spotting_rest(const cv_spotted *recording, size_t recordings, double slack) {
    double rest = 0;
    for (size_t k = 0; k < recordings; k++) {
        const cv_spotted *r = &recording[k];
        double until = 0; // what lies before it is counted
        for (int64_t w = 0; w < r->count; w++) {
            if (r->said[w].start > until) rest += fmin(r->said[w].start, r->seconds) - until;
            until = fmin(fmax(until, r->said[w].end + slack), r->seconds);
        }
        rest += r->seconds - until;
    }
    return rest;
}

static int smallest_first(const void *a, const void *b) {
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

double cv_quantile(double *value, int64_t count, double share) {
    if (count < 1) return NAN;
    qsort(value, (size_t)count, sizeof *value, smallest_first);
    const double at = share * (double)(count - 1);
    const int64_t below = (int64_t)at, above = below + 1 < count ? below + 1 : below;
    return value[below] + (at - (double)below) * (value[above] - value[below]);
}

// The probability of at most `count` events where `mean` are expected, by Poisson's law.
static double poisson_at_most(int64_t count, double mean) {
    double sum = 0;
    for (int64_t k = 0; k <= count; k++) sum += exp((double)k * log(mean) - mean - lgamma((double)k + 1));
    return sum;
}

// The mean at which at most `count` events have this probability.
static double mean_for(int64_t count, double probability) {
    const double spread = 10 * sqrt((double)count + 1);
    double low = 1e-12, high = (double)count + spread + 10;
    for (int k = 0; k < 100; k++) {
        const double middle = (low + high) / 2;
        if (poisson_at_most(count, middle) > probability)
            low = middle;
        else
            high = middle;
    }
    return (low + high) / 2;
}

convo_interval convo_rate_interval(int64_t count, double hours) {
    enum { MANY = 10000 }; // from here on the law is normal for all that matters
    if (count < 0 || !(hours > 0)) return (convo_interval){0, INFINITY};
    if (count == 0) return (convo_interval){0, 3 / hours};
    const double n = (double)count;
    if (count > MANY) return (convo_interval){(n - 1.96 * sqrt(n)) / hours, (n + 1.96 * sqrt(n)) / hours};
    return (convo_interval){mean_for(count - 1, 0.975) / hours, mean_for(count, 0.025) / hours};
}

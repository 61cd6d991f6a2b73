// Statistics of an evaluation: intervals, scores per class, calibration, ROC curves, groups.
#include "base/base.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

// Edwin Wilson, "Probable inference, the law of succession, and statistical inference", JASA 22 (1927).
convo_interval convo_accuracy_interval(int64_t correct, int64_t count) {
    if (count <= 0) return (convo_interval){0, 1}; // nothing is known
    const double z = 1.959963984540054;            // of the normal distribution's middle 95 %
    const double n = (double)count, p = (double)correct / n, whole = 1 + z * z / n;
    const double middle = (p + z * z / (2 * n)) / whole;
    const double side = z / whole * sqrt(p * (1 - p) / n + z * z / (4 * n * n));
    return (convo_interval){fmax(0, middle - side), fmin(1, middle + side)};
}

// The rank of the truth among the outputs, from 0; of equal outputs the first comes first, as in the prediction.
static int rank_of_truth(const convo_evaluation *e, int64_t row) {
    if (e->outputs < e->classes) return e->predicted[row] != e->truth[row]; // one output tells two classes apart
    const float *logits = e->logits + row * e->outputs;
    const int64_t truth = e->truth[row];
    int before = 0;
    for (int k = 0; k < e->outputs; k++)
        // cppcheck-suppress arrayIndexThenCheck ; that is no limit
        before += logits[k] > logits[truth] || (logits[k] == logits[truth] && k < truth);
    return before;
}

double convo_top_accuracy(const convo_evaluation *e, int k) {
    int64_t among = 0;
    if (e->truths) return NAN;
    for (int64_t i = 0; i < e->score.count; i++) among += rank_of_truth(e, i) < k;
    return (double)among / (double)e->score.count;
}

static bool is_right(const convo_evaluation *e, int64_t row) {
    const size_t classes = (size_t)e->classes, at = (size_t)row * classes;
    return e->truths ? !memcmp(e->truths + at, e->answers + at, classes) : e->predicted[row] == e->truth[row];
}

static bool is_of_class(const convo_evaluation *e, int64_t row, int k) {
    return e->truths ? e->truths[row * e->classes + k] : e->truth[row] == k;
}

convo_score convo_group_score(const convo_evaluation *e, int group) {
    convo_score s = {.loss = NAN};
    for (int64_t i = 0; i < e->score.count; i++) {
        if (e->group[i] != group) continue;
        s.count++;
        s.correct += is_right(e, i);
    }
    s.accuracy = s.count ? (double)s.correct / (double)s.count : NAN;
    return s;
}

// --- classes ----------------------------------------------------------------------------------------------------

static double ratio(double part, double whole) {
    return whole > 0 ? part / whole : 0;
}

static convo_class_score one_class(const convo_evaluation *e, int k) {
    convo_class_score s = {0};
    for (int64_t i = 0; e->truths && i < e->score.count; i++) {
        const bool is = e->truths[i * e->classes + k], said = e->answers[i * e->classes + k];
        s.count += is;
        s.predicted += said;
        s.hits += is && said;
    }
    if (e->confusion) s.hits = e->confusion[k * e->classes + k];
    for (int j = 0; e->confusion && j < e->classes; j++) {
        s.count += e->confusion[k * e->classes + j];
        s.predicted += e->confusion[j * e->classes + k];
    }
    s.precision = ratio((double)s.hits, (double)s.predicted);
    s.recall = ratio((double)s.hits, (double)s.count);
    s.f1 = ratio(2 * (double)s.hits, (double)(s.predicted + s.count));
    return s;
}

convo_class_score convo_class_figures(const convo_evaluation *e, int k) {
    if (k >= 0) return one_class(e, k);
    convo_class_score mean = {0};
    int occur = 0;
    for (int j = 0; j < e->classes; j++) {
        const convo_class_score s = one_class(e, j);
        occur += s.count || s.predicted;
        mean.hits += s.hits;
        mean.predicted += s.predicted;
        mean.count += s.count;
        mean.precision += s.precision;
        mean.recall += s.recall;
        mean.f1 += s.f1;
    }
    mean.precision = ratio(mean.precision, occur);
    mean.recall = ratio(mean.recall, occur);
    mean.f1 = ratio(mean.f1, occur);
    return mean;
}

// --- probabilities ----------------------------------------------------------------------------------------------

static convo_status need_probabilities(const convo_evaluation *e, convo_error *err) {
    if (e->probabilities) return CONVO_OK;
    return cv_fail(err, CONVO_STATE, "",
                   "the model's loss gives no probabilities: train with cross_entropy or logistic");
}

convo_status convo_calibration_find(const convo_evaluation *e, convo_calibration *c, convo_error *err) {
    if (!e || !c) return cv_fail(err, CONVO_ARGUMENT, "", "an evaluation and room for the result are needed");
    *c = (convo_calibration){0};
    CV_TRY(need_probabilities(e, err));
    if (e->truths)
        return cv_fail(err, CONVO_STATE, "",
                       "several labels may be true of an example: there is no most probable class");
    for (int64_t i = 0; i < e->score.count; i++) {
        double top = 0;
        for (int k = 0; k < e->classes; k++) top = fmax(top, (double)e->probabilities[i * e->classes + k]);
        const int bin = (int)fmin(fmax(ceil(top * CONVO_BINS) - 1, 0), CONVO_BINS - 1);
        c->count[bin]++;
        c->confidence[bin] += top;
        c->accuracy[bin] += e->predicted[i] == e->truth[i];
    }
    for (int b = 0; b < CONVO_BINS; b++) {
        const double n = (double)c->count[b];
        c->error += fabs(c->accuracy[b] - c->confidence[b]) / (double)e->score.count;
        c->accuracy[b] = n > 0 ? c->accuracy[b] / n : NAN;
        c->confidence[b] = n > 0 ? c->confidence[b] / n : NAN;
    }
    return CONVO_OK;
}

typedef struct ranked {
    float probability;
    bool of_class;
} ranked;

static int by_probability(const void *a, const void *b) { // the largest first
    const float x = ((const ranked *)a)->probability, y = ((const ranked *)b)->probability;
    return (x < y) - (x > y);
}

// Where the curve between two points crosses found = 1 - false_alarm.
static double crossing(const convo_roc *r, int k) {
    const double before = 1 - r->found[k - 1] - r->false_alarm[k - 1], after = 1 - r->found[k] - r->false_alarm[k];
    const double share = before / (before - after);
    return r->false_alarm[k - 1] + share * (r->false_alarm[k] - r->false_alarm[k - 1]);
}

// One point for each distinct probability: examples of the same probability are taken together.
static void trace(const ranked *rank, int64_t count, int64_t positives, convo_roc *r) {
    int64_t found = 0;
    bool crossed = false;
    r->threshold[0] = INFINITY;
    r->count = 1;
    for (int64_t i = 0; i < count; i++) {
        found += rank[i].of_class;
        if (i + 1 < count && rank[i + 1].probability == rank[i].probability) continue;
        const int k = r->count++;
        r->threshold[k] = (double)rank[i].probability;
        r->found[k] = (double)found / (double)positives;
        r->false_alarm[k] = (double)(i + 1 - found) / (double)(count - positives);
        r->area += (r->false_alarm[k] - r->false_alarm[k - 1]) * (r->found[k] + r->found[k - 1]) / 2;
        if (crossed || r->found[k] + r->false_alarm[k] < 1) continue;
        r->eer = crossing(r, k);
        crossed = true;
    }
}

convo_status convo_roc_find(const convo_evaluation *e, int k, convo_roc *roc, convo_error *err) {
    if (!e || !roc) return cv_fail(err, CONVO_ARGUMENT, "", "an evaluation and room for the result are needed");
    *roc = (convo_roc){0};
    CV_TRY(need_probabilities(e, err));
    if (k < 0 || k >= e->classes) return cv_fail(err, CONVO_ARGUMENT, "", "there is no class %d", k);
    const int64_t positives = convo_class_figures(e, k).count;
    if (!positives || positives == e->score.count)
        return cv_fail(err, CONVO_ARGUMENT, e->labels[k], "%s of the examples are of this class: it has no ROC curve",
                       positives ? "all" : "none");
    const size_t count = (size_t)e->score.count;
    ranked *rank = cv_alloc(count, sizeof *rank);
    roc->threshold = cv_alloc(count + 1, sizeof *roc->threshold);
    roc->false_alarm = cv_alloc(count + 1, sizeof *roc->false_alarm);
    roc->found = cv_alloc(count + 1, sizeof *roc->found);
    const bool ok = rank && roc->threshold && roc->false_alarm && roc->found;
    for (size_t i = 0; ok && i < count; i++)
        rank[i] = (ranked){e->probabilities[i * (size_t)e->classes + (size_t)k], is_of_class(e, (int64_t)i, k)};
    if (ok) {
        qsort(rank, count, sizeof *rank, by_probability);
        trace(rank, e->score.count, positives, roc);
    } else
        convo_roc_free(roc);
    free(rank);
    return ok ? CONVO_OK : cv_no_memory(err, "a ROC curve");
}

void convo_roc_free(convo_roc *roc) {
    if (!roc) return;
    free(roc->threshold);
    free(roc->false_alarm);
    free(roc->found);
    *roc = (convo_roc){0};
}

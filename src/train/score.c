#include "train/train.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { BATCH = 256 };

struct cv_scorer {
    cv_runner *runner;
    cv_loader *loader;
    int outputs;
    const uint8_t *truth;
    float *out, *loss;  // of a batch
    convo_ranks *ranks; // NULL: none
    float *losses;      // of all examples
    size_t room;
    void (*tell)(int64_t done, int64_t total, void *user);
    void *user;
};

int32_t cv_class_of(const float *outputs, int count) {
    int32_t best = 0;
    if (count == 1) return outputs[0] > 0;
    for (int32_t k = 1; k < count; k++)
        if (outputs[k] > outputs[best]) best = k;
    return best;
}

bool cv_is_right(const float *outputs, int count, int32_t label, const uint8_t *truth) {
    if (!truth) return cv_class_of(outputs, count) == label;
    for (int k = 0; k < count; k++)
        if ((outputs[k] > 0) != truth[(size_t)label * (size_t)count + (size_t)k]) return false;
    return true;
}

convo_status cv_scorer_new(const cv_runner *trainer, cv_net *net, const cv_op *loss, const void *loss_config,
                           const cv_source *source, cv_pool *pool, cv_scorer **scorer, convo_error *err) {
    cv_scorer *s = cv_alloc(1, sizeof *s);
    if (!s) return cv_no_memory(err, "scores");
    s->outputs = (int)cv_shape_size(cv_net_output(net));
    s->truth = source->truth;
    s->out = cv_alloc((size_t)BATCH * (size_t)s->outputs, sizeof *s->out);
    s->loss = cv_alloc(BATCH, sizeof *s->loss);
    convo_status status = s->out && s->loss ? CONVO_OK : cv_no_memory(err, "scores");
    cv_source as_scored = *source;
    if (!source->large) as_scored.make = NULL;
    if (!status) status = cv_loader_new(&as_scored, BATCH, cv_pool_running(pool), &s->loader, err);
    if (!status) status = cv_runner_borrow(trainer, net, loss, loss_config, BATCH, 0, pool, &s->runner, err);
    if (status)
        cv_scorer_free(s);
    else
        *scorer = s;
    return status;
}

void cv_scorer_free(cv_scorer *s) {
    if (!s) return;
    cv_runner_free(s->runner);
    cv_loader_free(s->loader);
    free(s->out);
    free(s->loss);
    free(s->losses);
    free(s);
}

void cv_scorer_share(cv_scorer *s, convo_ranks *ranks) {
    s->ranks = cv_ranks_any(ranks) ? ranks : NULL;
}

void cv_scorer_tell(cv_scorer *s, void (*tell)(int64_t done, int64_t total, void *user), void *user) {
    s->tell = tell;
    s->user = user;
}

// What an index gives: the losses of all examples, or the sum of them, in order.
static convo_status score_rows(cv_scorer *s, const int32_t *index, size_t count, float *outputs, float *losses,
                               double *sum, convo_score *score, convo_error *err) {
    cv_loader_begin(s->loader, -1, index, count, 0);
    for (size_t first = 0; first < count; first += BATCH) {
        cv_loaded loaded;
        const convo_status status = cv_loader_next(s->loader, &loaded, err);
        if (status) return status;
        cv_batch batch = cv_batch_of(&loaded);
        batch.truth = s->truth;
        cv_runner_forward(s->runner, &batch, s->out, s->loss);
        if (outputs)
            memcpy(outputs + first * (size_t)s->outputs, s->out,
                   (size_t)batch.count * (size_t)s->outputs * sizeof *outputs);
        if (losses) memcpy(losses + first, s->loss, (size_t)batch.count * sizeof *losses);
        for (int i = 0; i < batch.count; i++) {
            *sum += (double)s->loss[i];
            score->correct +=
                cv_is_right(s->out + (ptrdiff_t)i * s->outputs, s->outputs, batch.label[batch.index[i]], batch.truth);
        }
        if (s->tell) s->tell((int64_t)first + batch.count, (int64_t)count, s->user);
    }
    return CONVO_OK;
}

// Each rank scores a run of the examples.
static convo_status score_share(cv_scorer *s, const int32_t *index, size_t count, double *sum, convo_score *score,
                                convo_error *err) {
    const size_t size = (size_t)s->ranks->size, rank = (size_t)s->ranks->rank;
    int *first = cv_alloc(size + 1, sizeof *first);
    int64_t *correct = cv_alloc(size, sizeof *correct);
    convo_status status = CONVO_OK;
    if (!first || !correct || !cv_grow(&s->losses, &s->room, count + 1, sizeof *s->losses))
        status = cv_no_memory(err, "the losses of all examples");
    if (!status) {
        for (size_t k = 0; k <= size; k++) first[k] = (int)(count * k / size);
        status = score_rows(s, index + first[rank], (size_t)(first[rank + 1] - first[rank]), NULL,
                            s->losses + first[rank], sum, score, err);
    }
    if (!status) {
        correct[rank] = score->correct;
        cv_ranks_rows(s->ranks, s->losses, sizeof *s->losses, sizeof *s->losses, first);
        cv_ranks_gather(s->ranks, correct, sizeof *correct);
        status = cv_ranks_state(s->ranks, err);
        *sum = 0;
        score->correct = 0;
        for (size_t i = 0; i < count; i++) *sum += (double)s->losses[i];
        for (size_t k = 0; k < size; k++) score->correct += correct[k];
    }
    free(first);
    free(correct);
    return status;
}

convo_status cv_score(cv_scorer *s, const int32_t *index, size_t count, float *outputs /* [count][outputs] */,
                      convo_score *score, convo_error *err) {
    double sum = 0;
    *score = (convo_score){.loss = NAN, .accuracy = NAN, .count = (int64_t)count};
    const convo_status status = s->ranks && !outputs ? score_share(s, index, count, &sum, score, err)
                                                     : score_rows(s, index, count, outputs, NULL, &sum, score, err);
    if (!status && count) score->loss = sum / (double)count, score->accuracy = (double)score->correct / (double)count;
    return status;
}

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
    float *out, *loss; // of a batch
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
    free(s);
}

void cv_scorer_tell(cv_scorer *s, void (*tell)(int64_t done, int64_t total, void *user), void *user) {
    s->tell = tell;
    s->user = user;
}

convo_status cv_score(cv_scorer *s, const int32_t *index, size_t count, float *outputs /* [count][outputs] */,
                      convo_score *score, convo_error *err) {
    double sum = 0;
    *score = (convo_score){.loss = NAN, .accuracy = NAN, .count = (int64_t)count};
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
        for (int i = 0; i < batch.count; i++) {
            sum += (double)s->loss[i];
            score->correct +=
                cv_is_right(s->out + (ptrdiff_t)i * s->outputs, s->outputs, batch.label[batch.index[i]], batch.truth);
        }
        if (s->tell) s->tell((int64_t)first + batch.count, (int64_t)count, s->user);
    }
    if (count) score->loss = sum / (double)count, score->accuracy = (double)score->correct / (double)count;
    return CONVO_OK;
}

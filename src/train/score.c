#include "train/train.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { BATCH = 256 };

struct cv_scorer {
    cv_runner *runner;
    int outputs;
    float *out, *loss; // of a batch
};

int32_t cv_class_of(const float *outputs, int count) {
    int32_t best = 0;
    if (count == 1) return outputs[0] > 0;
    for (int32_t k = 1; k < count; k++)
        if (outputs[k] > outputs[best]) best = k;
    return best;
}

convo_status cv_scorer_new(const cv_runner *trainer, cv_net *net, const cv_op *loss, const void *loss_config,
                           cv_pool *pool, cv_scorer **scorer, convo_error *err) {
    cv_scorer *s = cv_alloc(1, sizeof *s);
    if (!s) return cv_no_memory(err, "scores");
    s->outputs = (int)cv_shape_size(cv_net_output(net));
    s->out = cv_alloc((size_t)BATCH * (size_t)s->outputs, sizeof *s->out);
    s->loss = cv_alloc(BATCH, sizeof *s->loss);
    convo_status status = s->out && s->loss ? CONVO_OK : cv_no_memory(err, "scores");
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
    free(s->out);
    free(s->loss);
    free(s);
}

convo_score cv_score(cv_scorer *s, const cv_values *values, const int32_t *label, const int32_t *index, size_t count,
                     float *outputs /* [count][outputs] */) {
    convo_score score = {.loss = NAN, .accuracy = NAN, .count = (int64_t)count};
    double sum = 0;
    for (size_t first = 0; first < count; first += BATCH) {
        const int n = (int)(count - first < BATCH ? count - first : BATCH);
        const cv_batch batch = cv_batch_of(values, index + first, label, n);
        cv_runner_forward(s->runner, &batch, s->out, s->loss);
        if (outputs)
            memcpy(outputs + first * (size_t)s->outputs, s->out, (size_t)n * (size_t)s->outputs * sizeof *outputs);
        for (int i = 0; i < n; i++) {
            sum += (double)s->loss[i];
            score.correct +=
                cv_class_of(s->out + (ptrdiff_t)i * s->outputs, s->outputs) == label[index[first + (size_t)i]];
        }
    }
    if (count) score.loss = sum / (double)count, score.accuracy = (double)score.correct / (double)count;
    return score;
}

#include "train/train.h"

#include <math.h>
#include <stdlib.h>

int32_t cv_class_of(const float *outputs, int count) {
    int32_t best = 0;
    if (count == 1) return outputs[0] > 0;
    for (int32_t k = 1; k < count; k++)
        if (outputs[k] > outputs[best]) best = k;
    return best;
}

convo_status cv_score(cv_runner *runner, int outputs, const float *values, const int32_t *label, const int32_t *index,
                      size_t count, convo_score *score, int32_t *prediction, convo_error *err) {
    float *out = cv_alloc((size_t)CV_SCORE_BATCH * (size_t)outputs, sizeof *out);
    float *loss = cv_alloc(CV_SCORE_BATCH, sizeof *loss);
    double sum = 0;
    *score = (convo_score){.loss = NAN, .accuracy = NAN};
    if (!out || !loss) {
        free(out);
        free(loss);
        return cv_no_memory(err, "scores");
    }
    for (size_t first = 0; first < count; first += CV_SCORE_BATCH) {
        const int n = (int)(count - first < CV_SCORE_BATCH ? count - first : CV_SCORE_BATCH);
        const cv_batch batch = {.values = values, .index = index + first, .label = label, .count = n};
        cv_runner_forward(runner, &batch, out, loss);
        for (int i = 0; i < n; i++) {
            const int32_t class = cv_class_of(out + (ptrdiff_t)i * outputs, outputs);
            sum += (double)loss[i];
            score->correct += class == label[index[first + (size_t)i]];
            if (prediction) prediction[first + (size_t)i] = class;
        }
    }
    score->count = (int64_t)count;
    if (count) score->loss = sum / (double)count, score->accuracy = (double)score->correct / (double)count;
    free(out);
    free(loss);
    return CONVO_OK;
}

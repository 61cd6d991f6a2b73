// Sampling that shows every class equally often: torch.utils.data.WeightedRandomSampler with replacement, the weight of
// an example being 1 / examples of its class. Drawn in two steps with the same distribution: a class, then one of its
// examples.
#include "train/train.h"

#include <stdlib.h>

bool cv_balanced_order(const int32_t *label, const int32_t *rows, size_t n, cv_random *random, int32_t *order) {
    int32_t most = 0;
    for (size_t i = 0; i < n; i++) most = label[rows[i]] > most ? label[rows[i]] : most;
    const size_t classes = (size_t)most + 1;
    size_t *end = cv_alloc(classes + 1, sizeof *end), *present = cv_alloc(classes, sizeof *present), there = 0;
    int32_t *sorted = cv_alloc(n, sizeof *sorted);
    const bool good = end && present && sorted;
    if (good) {
        for (size_t i = 0; i < n; i++) end[label[rows[i]] + 1]++;
        for (size_t k = 0; k < classes; k++) end[k + 1] += end[k];
        for (size_t i = 0; i < n; i++) sorted[end[label[rows[i]]]++] = rows[i]; // now the end of each class
        for (size_t k = 0; k < classes; k++)
            if (end[k] > (k ? end[k - 1] : 0)) present[there++] = k; // the classes that have examples
        for (size_t i = 0; i < n; i++) {
            const size_t k = present[cv_random_u32(random) % there], begin = k ? end[k - 1] : 0;
            order[i] = sorted[begin + cv_random_u32(random) % (end[k] - begin)];
        }
    }
    free(end);
    free(present);
    free(sorted);
    return good;
}

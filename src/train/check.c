// Checks the conditions for a training before the first step.
#include "train/train.h"

int64_t cv_batches_of_epoch(const cv_train_config *c, int64_t examples) {
    return (examples + (c->drop_last ? 0 : c->batch - 1)) / c->batch;
}

int64_t cv_steps_of_epoch(const cv_train_config *c, int64_t examples) {
    const int64_t batches = cv_batches_of_epoch(c, examples), each = c->accumulate > 1 ? c->accumulate : 1;
    return (batches + each - 1) / each;
}

// A variance needs two values. With one, batch norm would give its bias whatever comes in, and move its running
// variance to 0. PyTorch refuses such a batch as well.
static convo_status check_statistics(const cv_training *t, int64_t examples, convo_error *err) {
    const int64_t batch = t->config.batch, rest = examples % batch;
    const bool alone = rest == 1 && !t->config.drop_last; // the last batch, or the only one
    for (int i = 0; (batch == 1 || alone) && i < t->net->nodes; i++) {
        const cv_node *n = &t->net->node[i];
        if (!n->op->statistics || n->frozen || cv_shape_pixels(n->in) > 1) continue;
        char when[128] = "batches of one example", remedy[64] = "set train.batch to 2 or more";
        if (batch > 1)
            cv_print(when, sizeof when, "the last batch of an epoch, one example of %lld in batches of %lld",
                     (long long)examples, (long long)batch);
        if (batch > 1)
            cv_print(remedy, sizeof remedy,
                     examples > batch ? "set train.drop_last to true, or another train.batch"
                                      : "add training examples");
        return cv_fail(err, CONVO_ARGUMENT, n->where,
                       "layer %s (%s) would see one value per channel in %s, which has no variance: %s", n->path,
                       n->op->name, when, remedy);
    }
    return CONVO_OK;
}

convo_status cv_train_check(const cv_training *t, convo_error *err) {
    const int64_t examples = (int64_t)t->split->count[CONVO_TRAIN];
    if (examples == 0) return cv_fail(err, CONVO_ARGUMENT, "", "the training part is empty");
    if (cv_steps_of_epoch(&t->config, examples) == 0)
        return cv_fail(err, CONVO_ARGUMENT, "",
                       "train.drop_last leaves no batch: %lld training examples are fewer than one batch of %lld; "
                       "reduce train.batch",
                       (long long)examples, (long long)t->config.batch);
    if (t->config.balance && t->config.order == CV_FIXED)
        return cv_fail(err, CONVO_ARGUMENT, "", "train.balance draws the order anew: leave out train.order: fixed");
    if (t->config.ema_warmup && t->config.ema == 0)
        return cv_fail(err, CONVO_ARGUMENT, "", "train.ema_warmup is given without train.ema, such as 0.999");
    if (!t->split->count[CONVO_VALIDATION] && (t->config.patience || t->schedule->watches || t->config.watch))
        return cv_fail(err, CONVO_ARGUMENT, "", "train.%s needs a validation part: add one in data.split",
                       t->config.patience     ? "patience"
                       : t->schedule->watches ? "schedule.on_plateau"
                                              : "watch");
    if (t->net->isa->real != sizeof(float))
        return cv_fail(err, CONVO_UNSUPPORTED, "", "the instruction set '%s' is for checks, not for training",
                       t->net->isa->name);
    return check_statistics(t, examples, err);
}

// What `train:` of a recipe may say, but for loss, optimizer, schedule and teacher.
#include "train/train.h"

const cv_option cv_train_schema[] = {
    CV_OPTION("batch", CV_INT, cv_train_config, batch, "examples per step", .fallback = 32, CV_RANGE(1, 1 << 20)),
    CV_OPTION("drop_last", CV_BOOL, cv_train_config, drop_last,
              "leave out the last batch of an epoch where it is not full"),
    CV_OPTION("epochs", CV_INT, cv_train_config, epochs, "passes over the training data", .fallback = 10,
              CV_RANGE(1, 1 << 20)),
    CV_OPTION("seed", CV_INT, cv_train_config, seed, "of weights, order and dropout", CV_RANGE(0, 4294967295.0)),
    CV_OPTION("patience", CV_INT, cv_train_config, patience,
              "stop after this many epochs without a better validation score (see watch); 0: never",
              CV_RANGE(0, 1 << 20)),
    CV_OPTION("order", CV_WORD, cv_train_config, order,
              "of an epoch: a new permutation, always the same, or drawn with replacement",
              .words = "shuffle|fixed|replacement"),
    CV_OPTION("balance", CV_BOOL, cv_train_config, balance,
              "draw the examples of an epoch with replacement, each class equally often"),
    CV_OPTION("class_weights", CV_LIST, cv_train_config, class_weights,
              "how much the examples of each class count in training: balanced (examples / (classes * examples of the "
              "class)), a number for each class, or [unknown=2, silence=0.5], 1 for the others"),
    CV_OPTION("accumulate", CV_INT, cv_train_config, accumulate,
              "batches of a step, whose gradient is that of one large batch", .fallback = 1, CV_RANGE(1, 1 << 20)),
    CV_OPTION("clip_norm", CV_FLOAT, cv_train_config, clip_norm,
              "a gradient with a larger norm is scaled down to it; 0: never", CV_RANGE(0, 1e9)),
    CV_OPTION("clip_value", CV_FLOAT, cv_train_config, clip_value,
              "numbers of the gradient, after clip_norm, are cut to this size; 0: never", CV_RANGE(0, 1e9)),
    CV_OPTION("ema", CV_FLOAT, cv_train_config, ema,
              "decay of the moving average of the weights, such as 0.999, which is what is scored and kept; 0: none",
              CV_RANGE(0, 1)),
    CV_OPTION("ema_warmup", CV_BOOL, cv_train_config, ema_warmup,
              "the decay after n steps is at most (1 + n) / (10 + n)"),
    CV_OPTION(
        "keep", CV_WORD, cv_train_config, keep,
        "the model of the epoch with the best validation score (see watch), where there is a validation part, or of "
        "the last",
        .words = "best|last"),
    CV_OPTION("watch", CV_WORD, cv_train_config, watch,
              "the validation score by which epochs are compared: the lower loss, or the higher accuracy, is better",
              .words = "loss|accuracy"),
    CV_OPTION(
        "precision", CV_WORD, cv_train_config, precision,
        "bf16: layers multiply in bf16 where the processor has AMX, or is AMD's with AVX512_BF16; weights, sums and "
        "scores stay fp32",
        .words = "fp32|bf16"),
    CV_OPTION(
        "quantize", CV_WORD, cv_train_config, quantize,
        "int8: weights and values are rounded as in the device's 8-bit numbers, so that the net learns to do with "
        "them; it starts from a trained model (--from)",
        .words = "none|int8"),
    CV_OPTION("record_every", CV_INT, cv_train_config, record_every, "steps between two lines of steps.jsonl; 0: none",
              CV_RANGE(0, 1 << 30)),
    CV_OPTION("record_full", CV_BOOL, cv_train_config, record_full,
              "those lines score the whole training part, not the step's batch"),
    CV_OPTION("record_validation", CV_BOOL, cv_train_config, record_validation,
              "those lines score the validation part as well", .fallback = 1),
    CV_OPTION("test_each_epoch", CV_BOOL, cv_train_config, test_each_epoch,
              "also score the test part after every epoch (for curves; it chooses nothing)"),
    {.name = NULL},
};

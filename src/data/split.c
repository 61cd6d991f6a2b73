#include "base/random.h"
#include "data/split.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { TRAIN = CONVO_TRAIN, VALIDATION = CONVO_VALIDATION, TEST = CONVO_TEST, PARTS = CV_PARTS };

const char cv_split_where[] = "data.split";

#define FIELD(field) .offset = offsetof(cv_split_config, field)
const cv_option cv_split_schema[] = {
    {.name = "by",
     .type = CV_WORD,
     FIELD(by),
     .words = "random|official|group|list",
     .help = "how examples are divided: at random, as the data set says, by speaker, or by list files"},
    {.name = "train", .type = CV_FLOAT, FIELD(train), .max = 1, .help = "by random: fraction to train on; 0: what the others leave"},
    {.name = "validation",
     .type = CV_FLOAT,
     FIELD(validation),
     .max = 1,
     .help = "fraction to validate on: of all examples by random, and by group where `test` is a fraction (whole "
             "groups); else of what is left to train on"},
    {.name = "test",
     .type = CV_FLOAT,
     FIELD(test),
     .max = 1,
     .help = "by random or by group (whole groups): fraction to test on"},
    {.name = "stratified",
     .type = CV_BOOL,
     FIELD(stratified),
     .help = "what is dealt out at random has each class in the same proportions in every part"},
    {.name = "folds",
     .type = CV_INT,
     FIELD(folds),
     .max = 10000,
     .help = "k-fold cross-validation, by random or by group: the number of parts; 0: none"},
    {.name = "fold",
     .type = CV_INT,
     FIELD(fold),
     .fallback = 1,
     .min = 1,
     .max = 10000,
     .help = "the part to test on; the others are trained on"},
    {.name = "seed",
     .type = CV_INT,
     FIELD(seed),
     .fallback = -1,
     .min = -1,
     .max = INFINITY,
     .help = "of the division; -1: that of the training"},
    {.name = "leave_out", .type = CV_TEXT, FIELD(leave_out), .help = "by group: the group to test on"},
    {.name = "validation_group",
     .type = CV_TEXT,
     FIELD(validation_group),
     .help = "by group: the group to validate on"},
    {.name = "train_list",
     .type = CV_TEXT,
     FIELD(list[TRAIN]),
     .help = "by list: the file, in the data set's folder, that names what to train on, a line `word/name.wav` for "
             "each; without: all that is on no list"},
    {.name = "validation_list", .type = CV_TEXT, FIELD(list[VALIDATION]), .help = "by list: what to validate on"},
    {.name = "test_list", .type = CV_TEXT, FIELD(list[TEST]), .help = "by list: what to test on"},
    {0},
};

// --- dealing out ------------------------------------------------------------------------------------------------

// How many of n examples each part gets: torch.utils.data.random_split for fractions. What rounding down leaves over
// goes to the parts in turn, those of fraction 0 apart, when the fractions are to use up all.
static void part_sizes(const double fraction[PARTS], size_t n, size_t size[PARTS]) {
    size_t left = n;
    double sum = 0;
    for (int part = 0; part < PARTS; part++) {
        size[part] = (size_t)floor(fraction[part] * (double)n);
        if (size[part] > left) size[part] = left; // a sum that rounding carried above 1
        left -= size[part];
        sum += fraction[part];
    }
    if (fabs(sum - 1) > 1e-9) return;
    for (int part = 0; left > 0; part = (part + 1) % PARTS)
        if (fraction[part] > 0) {
            size[part]++;
            left--;
        }
}

static convo_status put(cv_split *split, int part, const int32_t *index, size_t count, convo_error *err) {
    int32_t *list = cv_alloc(count, sizeof *list);
    if (!list) return cv_no_memory(err, cv_split_where);
    for (size_t i = 0; i < count; i++) list[i] = index[i];
    free(split->index[part]);
    split->index[part] = list;
    split->count[part] = count;
    return CONVO_OK;
}

// Puts the examples of each class behind each other; within a class, and of the classes, the order stays.
static void sort_by_class(const cv_dataset *dataset, const int32_t *order, size_t n, size_t *first /* [classes + 1] */,
                          int32_t *sorted) {
    const size_t classes = (size_t)dataset->label_count;
    for (size_t i = 0; i < n; i++) first[dataset->example[order[i]].label + 1]++;
    for (size_t k = 0; k < classes; k++) first[k + 1] += first[k];
    for (size_t i = 0; i < n; i++) sorted[first[dataset->example[order[i]].label]++] = (int32_t)i;
}

// The places in `order`, class by class, so that every run of them has the classes' proportions; without `stratified`,
// the places as they are.
static convo_status list_places(const cv_split_config *config, const cv_dataset *dataset, const int32_t *order,
                                size_t n, int32_t *place, convo_error *err) {
    for (size_t i = 0; i < n; i++) place[i] = (int32_t)i;
    if (!config->stratified) return CONVO_OK;
    size_t *first = cv_alloc((size_t)dataset->label_count + 1, sizeof *first);
    if (!first) return cv_no_memory(err, cv_split_where);
    sort_by_class(dataset, order, n, first, place);
    free(first);
    return CONVO_OK;
}

// Each next example goes to the part that is furthest behind its fraction: at any time, and so for every class, no part
// is off by more than an example.
static void deal_in_turn(const double fraction[PARTS], const int32_t *place, size_t n, int32_t *part) {
    double wanted[PARTS + 1] = {0}, share[PARTS + 1] = {0}; // the last one: left out
    share[PARTS] = 1;
    for (int p = 0; p < PARTS; p++) share[PARTS] -= share[p] = fraction[p];
    if (share[PARTS] < 1e-9) share[PARTS] = 0;
    for (size_t i = 0; i < n; i++) {
        int most = TRAIN;
        for (int p = 0; p <= PARTS; p++) {
            wanted[p] += share[p];
            if (share[p] > 0 && wanted[p] > wanted[most] + 1e-9) most = p;
        }
        wanted[most]--;
        part[place[i]] = most;
    }
}

// torch.utils.data.random_split.
static void deal_in_runs(const double fraction[PARTS], size_t n, int32_t *part) {
    size_t size[PARTS], at = 0;
    part_sizes(fraction, n, size);
    for (int p = 0; p < PARTS; p++)
        for (size_t k = 0; k < size[p]; k++) part[at++] = p;
    while (at < n) part[at++] = CV_LEFT_OUT;
}

// Deals out n examples in random order to the parts whose fraction is above 0; the lists keep that order.
static convo_status deal(const cv_split_config *config, const cv_dataset *dataset, const int32_t *index, size_t n,
                         const double fraction[PARTS], uint64_t seed, cv_split *split, convo_error *err) {
    cv_random random;
    int32_t *order = cv_alloc(n, sizeof *order), *part = cv_alloc(n, sizeof *part), *list = cv_alloc(n, sizeof *list);
    convo_status status = order && part && list ? CONVO_OK : cv_no_memory(err, cv_split_where);
    if (status) goto done;
    cv_random_seed(&random, seed);
    cv_random_permutation(&random, order, n);
    for (size_t i = 0; i < n; i++) order[i] = index[order[i]];
    if ((status = list_places(config, dataset, order, n, list, err))) goto done;
    if (config->stratified)
        deal_in_turn(fraction, list, n, part);
    else
        deal_in_runs(fraction, n, part);
    for (int p = 0; p < PARTS && !status; p++) {
        size_t count = 0;
        for (size_t i = 0; i < n; i++)
            if (part[i] == p) list[count++] = order[i];
        if (fraction[p] > 0) status = put(split, p, list, count, err);
    }
done:
    free(order);
    free(part);
    free(list);
    return status;
}

// Every folds-th example, in random order, is the test set: scikit-learn's KFold and StratifiedKFold with shuffle.
static convo_status parts_by_fold(const cv_split_config *config, const cv_dataset *dataset, uint64_t seed,
                                  int32_t *part, convo_error *err) {
    const size_t n = dataset->count;
    cv_random random;
    if ((int64_t)n < config->folds)
        return cv_fail(err, CONVO_ARGUMENT, cv_split_where, "%s has %zu examples, and %lld folds need as many",
                       dataset->folder, n, (long long)config->folds);
    int32_t *order = cv_alloc(n, sizeof *order), *place = cv_alloc(n, sizeof *place);
    convo_status status = order && place ? CONVO_OK : cv_no_memory(err, cv_split_where);
    if (!status) {
        cv_random_seed(&random, seed);
        cv_random_permutation(&random, order, n);
        status = list_places(config, dataset, order, n, place, err);
    }
    for (size_t i = 0; i < n && !status; i++)
        part[order[place[i]]] = (int64_t)i % config->folds == config->fold - 1 ? TEST : TRAIN;
    free(order);
    free(place);
    return status;
}

// --- which part each example is in ------------------------------------------------------------------------------

static convo_status parts_official(const cv_dataset *dataset, int32_t *part, convo_error *err) {
    for (size_t i = 0; i < dataset->count; i++) {
        part[i] = dataset->example[i].part;
        if (part[i] < 0)
            return cv_fail(err, CONVO_ARGUMENT, cv_split_where,
                           "%s has no official split: give fractions, such as {train: 0.8, validation: 0.1, test: "
                           "0.1}; a model is scored on all of it with --split all",
                           dataset->folder);
    }
    return CONVO_OK;
}

// --- the ways -----------------------------------------------------------------------------------------------------

// The part of each example, and of the training part a fraction for validation.
static convo_status split_fixed(const cv_split_config *config, const cv_dataset *dataset, uint64_t seed,
                                cv_split *split, convo_error *err) {
    convo_status status;
    bool done = false;
    int32_t *part = cv_alloc(dataset->count, sizeof *part), *list = cv_alloc(dataset->count, sizeof *list);
    if (!part || !list) {
        status = cv_no_memory(err, cv_split_where);
        goto done;
    }
    switch (config->by) {
    case CV_BY_RANDOM: status = parts_by_fold(config, dataset, seed, part, err); break;
    case CV_BY_OFFICIAL: status = parts_official(dataset, part, err); break;
    case CV_BY_GROUP: status = cv_parts_by_group(config, dataset, seed, part, &done, err); break;
    default: status = cv_parts_by_list(config, dataset, part, &split->unlisted, err); break;
    }
    for (int k = 0; k < PARTS && !status; k++) {
        size_t count = 0;
        for (size_t i = 0; i < dataset->count; i++)
            if (part[i] == k) list[count++] = (int32_t)i;
        status = put(split, k, list, count, err);
    }
    if (status || done || config->validation == 0) goto done;
    if (split->count[VALIDATION]) {
        status = cv_fail(err, CONVO_ARGUMENT, cv_split_where,
                         "the validation set is given already: leave out either it or the fraction `validation`");
        goto done;
    }
    size_t count = split->count[TRAIN]; // dealt out anew
    memcpy(list, split->index[TRAIN], count * sizeof *list);
    split->count[TRAIN] = 0;
    const double fraction[PARTS] = {[TRAIN] = 1 - config->validation, [VALIDATION] = config->validation};
    status = deal(config, dataset, list, count, fraction, seed, split, err);
done:
    free(part);
    free(list);
    return status;
}

static convo_status split_random(const cv_split_config *config, const cv_dataset *dataset, uint64_t seed,
                                 cv_split *split, convo_error *err) {
    const double others = config->validation + config->test;
    const double train = config->train > 0 || others == 0 ? config->train : 1 - others;
    const double fraction[PARTS] = {[TRAIN] = train, [VALIDATION] = config->validation, [TEST] = config->test};
    if (config->train + others > 1 + 1e-9)
        return cv_fail(err, CONVO_ARGUMENT, cv_split_where,
                       "the fractions %g, %g and %g of train, validation and test add up to "
                       "more than 1",
                       config->train, config->validation, config->test);
    if (train <= 0)
        return cv_fail(err, CONVO_ARGUMENT, cv_split_where,
                       "by random needs fractions, such as {train: 2/3, test: 1/3}");
    int32_t *all = cv_alloc(dataset->count, sizeof *all);
    if (!all) return cv_no_memory(err, cv_split_where);
    for (size_t i = 0; i < dataset->count; i++) all[i] = (int32_t)i;
    convo_status status = deal(config, dataset, all, dataset->count, fraction, seed, split, err);
    free(all);
    return status;
}

// Options that another way of dividing has.
static convo_status check_options(const cv_split_config *config, convo_error *err) {
    const bool lists = config->list[TRAIN][0] || config->list[VALIDATION][0] || config->list[TEST][0];
    const char *wrong = NULL;
    if (config->by != CV_BY_GROUP && (config->leave_out[0] || config->validation_group[0]))
        wrong = "leave_out and validation_group need `by: group`";
    else if (config->by != CV_BY_LIST && lists)
        wrong = "train_list, validation_list and test_list need `by: list`";
    else if (config->by == CV_BY_LIST && (config->train > 0 || config->test > 0))
        wrong = "by list takes files, not the fractions `train` and `test`";
    else if (config->stratified && (config->by == CV_BY_GROUP ? !config->leave_out[0] || config->validation == 0
                                                              : config->by != CV_BY_RANDOM && config->validation == 0))
        wrong = "stratified applies where single examples are dealt out at random: by random, or the fraction "
                "`validation` of what is left to train on";
    else if (!config->folds && config->fold > 1)
        wrong = "fold needs folds, the number of parts";
    else if (config->folds && config->by != CV_BY_RANDOM && config->by != CV_BY_GROUP)
        wrong = "folds need `by: random` or `by: group`";
    else if (config->folds == 1)
        wrong = "folds must be at least 2";
    else if (config->folds && (config->train > 0 || config->test > 0))
        wrong = "folds decide what is trained and tested on: leave out the fractions `train` and `test`";
    else if (config->folds && config->validation >= 1)
        wrong = "the fraction `validation` leaves nothing to train on";
    else if (config->folds && config->fold > config->folds)
        return cv_fail(err, CONVO_ARGUMENT, cv_split_where, "there is no fold %lld of %lld", (long long)config->fold,
                       (long long)config->folds);
    return wrong ? cv_fail(err, CONVO_ARGUMENT, cv_split_where, "%s", wrong) : CONVO_OK;
}

// A part that was asked for and has no example would only be noticed in the results.
static convo_status check_parts(const cv_split_config *config, const cv_split *split, convo_error *err) {
    static const char *const name[PARTS] = {"train", "validation", "test"};
    const bool groups = config->by == CV_BY_GROUP;
    const bool wanted[PARTS] = {
        [TRAIN] = true,
        [VALIDATION] = config->validation > 0 || config->validation_group[0] || config->list[VALIDATION][0],
        [TEST] = (groups && config->leave_out[0]) || config->test > 0 || config->folds || config->list[TEST][0]};
    for (int part = 0; part < PARTS; part++)
        if (wanted[part] && split->count[part] == 0)
            return cv_fail(err, CONVO_ARGUMENT, cv_split_where, "no example is left for the %s part", name[part]);
    return CONVO_OK;
}

convo_status cv_split_deal(const cv_split_config *config, const cv_dataset *dataset, uint64_t seed, cv_split *split,
                           convo_error *err) {
    *split = (cv_split){0};
    convo_status status = check_options(config, err);
    if (config->seed >= 0) seed = (uint64_t)config->seed;
    const bool random = config->by == CV_BY_RANDOM && !config->folds;
    if (!status) status = (random ? split_random : split_fixed)(config, dataset, seed, split, err);
    if (status) cv_split_free(split);
    return status;
}

convo_status cv_split_make(const cv_split_config *config, const cv_dataset *dataset, uint64_t seed, cv_split *split,
                           convo_error *err) {
    convo_status status = cv_split_deal(config, dataset, seed, split, err);
    if (!status) status = check_parts(config, split, err);
    if (status) cv_split_free(split);
    return status;
}

void cv_split_free(cv_split *split) {
    for (int part = 0; part < PARTS; part++) free(split->index[part]);
    *split = (cv_split){0};
}

convo_part cv_split_part(const cv_split *split, convo_part part) {
    if (part != CONVO_HELD_OUT) return part;
    return split->count[CONVO_TEST] ? CONVO_TEST : CONVO_VALIDATION;
}

const char *cv_part_name(convo_part part) {
    static const char *const name[PARTS] = {"training", "validation", "test"};
    return name[part];
}

#include "base/random.h"
#include "data/dataset.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { TRAIN = CONVO_TRAIN, VALIDATION = CONVO_VALIDATION, TEST = CONVO_TEST, PARTS = 3 };

static const char where[] = "data.split"; // of a recipe

#define FIELD(field) .offset = offsetof(cv_split_config, field)
const cv_option cv_split_schema[] = {
    {.name = "by",
     .type = CV_WORD,
     FIELD(by),
     .words = "random|official|group",
     .help = "how examples are divided: at random, as the data set says, or by speaker"},
    {.name = "train", .type = CV_FLOAT, FIELD(train), .max = 1, .help = "by random: fraction to train on"},
    {.name = "validation",
     .type = CV_FLOAT,
     FIELD(validation),
     .max = 1,
     .help = "fraction to validate on; not by random: of what is left to train on"},
    {.name = "test", .type = CV_FLOAT, FIELD(test), .max = 1, .help = "by random: fraction to test on"},
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
    if (!list) return cv_no_memory(err, where);
    for (size_t i = 0; i < count; i++) list[i] = index[i];
    free(split->index[part]);
    split->index[part] = list;
    split->count[part] = count;
    return CONVO_OK;
}

// Deals out n examples in random order to the parts whose fraction is above 0.
static convo_status deal(const int32_t *index, size_t n, const double fraction[PARTS], uint64_t seed, cv_split *split,
                         convo_error *err) {
    convo_status status = CONVO_OK;
    size_t size[PARTS], from = 0;
    cv_random random;
    int32_t *order = cv_alloc(n, sizeof *order);
    if (!order) return cv_no_memory(err, where);
    cv_random_seed(&random, seed);
    cv_random_permutation(&random, order, n);
    for (size_t i = 0; i < n; i++) order[i] = index[order[i]];
    part_sizes(fraction, n, size);
    for (int part = 0; part < PARTS && !status; part++) {
        if (fraction[part] > 0) status = put(split, part, order + from, size[part], err);
        from += size[part];
    }
    free(order);
    return status;
}

// --- which part each example is in ------------------------------------------------------------------------------

static const char *group_at(const void *context, size_t k) {
    const cv_dataset *dataset = context;
    return k < (size_t)dataset->group_count ? dataset->groups[k] : NULL;
}

static convo_status find_group(const cv_dataset *dataset, const char *option, const char *name, int32_t *group,
                               convo_error *err) {
    *group = cv_names_find(dataset->groups, dataset->group_count, name, strlen(name));
    if (*group >= 0) return CONVO_OK;
    return cv_fail(err, CONVO_ARGUMENT, where, "%s: there is no group '%s' in %s%s", option, name, dataset->folder,
                   cv_did_you_mean(name, group_at, dataset).text);
}

// Fills part[i] of every example from its group.
static convo_status parts_by_group(const cv_split_config *config, const cv_dataset *dataset, int32_t *part,
                                   convo_error *err) {
    int32_t test, validation = -1;
    if (!config->leave_out[0])
        return cv_fail(err, CONVO_ARGUMENT, where, "by group needs leave_out: the group to test on");
    convo_status status = find_group(dataset, "leave_out", config->leave_out, &test, err);
    if (!status && config->validation_group[0])
        status = find_group(dataset, "validation_group", config->validation_group, &validation, err);
    if (status) return status;
    if (validation == test)
        return cv_fail(err, CONVO_ARGUMENT, where, "leave_out and validation_group are both '%s'", config->leave_out);
    for (size_t i = 0; i < dataset->count; i++) {
        int32_t group = dataset->example[i].group;
        part[i] = group == test ? TEST : group == validation ? VALIDATION : TRAIN;
    }
    return CONVO_OK;
}

static convo_status parts_official(const cv_dataset *dataset, int32_t *part, convo_error *err) {
    for (size_t i = 0; i < dataset->count; i++) {
        part[i] = dataset->example[i].part;
        if (part[i] < 0)
            return cv_fail(err, CONVO_ARGUMENT, where,
                           "%s has no official split: give fractions, such as {train: 0.8, validation: 0.1, test: "
                           "0.1}; a model is scored on all of it with --split all",
                           dataset->folder);
    }
    return CONVO_OK;
}

// --- the three ways ---------------------------------------------------------------------------------------------

static convo_status split_fixed(const cv_split_config *config, const cv_dataset *dataset, uint64_t seed,
                                cv_split *split, convo_error *err) {
    convo_status status;
    int32_t *part = cv_alloc(dataset->count, sizeof *part), *list = cv_alloc(dataset->count, sizeof *list);
    if (!part || !list) {
        status = cv_no_memory(err, where);
        goto done;
    }
    status =
        config->by == CV_BY_GROUP ? parts_by_group(config, dataset, part, err) : parts_official(dataset, part, err);
    for (int k = 0; k < PARTS && !status; k++) {
        size_t count = 0;
        for (size_t i = 0; i < dataset->count; i++)
            if (part[i] == k) list[count++] = (int32_t)i;
        status = put(split, k, list, count, err);
    }
    if (status || config->validation == 0) goto done;
    if (split->count[VALIDATION]) {
        status = cv_fail(err, CONVO_ARGUMENT, where,
                         "the validation set is given already: leave out either it or the fraction `validation`");
        goto done;
    }
    size_t count = split->count[TRAIN]; // dealt out anew
    memcpy(list, split->index[TRAIN], count * sizeof *list);
    split->count[TRAIN] = 0;
    const double fraction[PARTS] = {[TRAIN] = 1 - config->validation, [VALIDATION] = config->validation};
    status = deal(list, count, fraction, seed, split, err);
done:
    free(part);
    free(list);
    return status;
}

static convo_status split_random(const cv_split_config *config, const cv_dataset *dataset, uint64_t seed,
                                 cv_split *split, convo_error *err) {
    const double fraction[PARTS] = {[TRAIN] = config->train, [VALIDATION] = config->validation, [TEST] = config->test};
    if (config->train <= 0)
        return cv_fail(err, CONVO_ARGUMENT, where, "by random needs fractions, such as {train: 2/3, test: 1/3}");
    if (config->train + config->validation + config->test > 1 + 1e-9)
        return cv_fail(err, CONVO_ARGUMENT, where,
                       "the fractions %g, %g and %g of train, validation and test add up to "
                       "more than 1",
                       config->train, config->validation, config->test);
    int32_t *all = cv_alloc(dataset->count, sizeof *all);
    if (!all) return cv_no_memory(err, where);
    for (size_t i = 0; i < dataset->count; i++) all[i] = (int32_t)i;
    convo_status status = deal(all, dataset->count, fraction, seed, split, err);
    free(all);
    return status;
}

// A part that was asked for and has no example would only be noticed in the results.
static convo_status check_parts(const cv_split_config *config, const cv_split *split, convo_error *err) {
    static const char *const name[PARTS] = {"train", "validation", "test"};
    const bool wanted[PARTS] = {[TRAIN] = true,
                                [VALIDATION] = config->validation > 0 || config->validation_group[0],
                                [TEST] = config->by == CV_BY_GROUP || config->test > 0};
    for (int part = 0; part < PARTS; part++)
        if (wanted[part] && split->count[part] == 0)
            return cv_fail(err, CONVO_ARGUMENT, where, "no example is left for the %s part", name[part]);
    return CONVO_OK;
}

convo_status cv_split_deal(const cv_split_config *config, const cv_dataset *dataset, uint64_t seed, cv_split *split,
                           convo_error *err) {
    *split = (cv_split){0};
    if (config->by != CV_BY_GROUP && (config->leave_out[0] || config->validation_group[0]))
        return cv_fail(err, CONVO_ARGUMENT, where, "leave_out and validation_group need `by: group`");
    if (config->seed >= 0) seed = (uint64_t)config->seed;
    convo_status status = (config->by == CV_BY_RANDOM ? split_random : split_fixed)(config, dataset, seed, split, err);
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

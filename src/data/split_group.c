// Splits by whole groups (speakers) and by list files.
#include "base/file.h"
#include "base/random.h"
#include "data/part_list.h"
#include "data/split.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { TRAIN = CONVO_TRAIN, VALIDATION = CONVO_VALIDATION, TEST = CONVO_TEST };

// --- one group ----------------------------------------------------------------------------------------------------

static const char *group_at(const void *context, size_t k) {
    const cv_dataset *dataset = context;
    return k < (size_t)dataset->group_count ? dataset->groups[k] : NULL;
}

static convo_status find_group(const cv_dataset *dataset, const char *option, const char *name, int32_t *group,
                               convo_error *err) {
    *group = cv_names_find(dataset->groups, dataset->group_count, name, strlen(name));
    if (*group >= 0) return CONVO_OK;
    return cv_fail(err, CONVO_ARGUMENT, cv_split_where, "%s: there is no group '%s' in %s%s", option, name,
                   dataset->folder, cv_did_you_mean(name, group_at, dataset).text);
}

static convo_status leave_out(const cv_split_config *config, const cv_dataset *dataset, int32_t *part,
                              convo_error *err) {
    int32_t test, validation = -1;
    convo_status status = find_group(dataset, "leave_out", config->leave_out, &test, err);
    if (!status && config->validation_group[0])
        status = find_group(dataset, "validation_group", config->validation_group, &validation, err);
    if (status) return status;
    if (validation == test)
        return cv_fail(err, CONVO_ARGUMENT, cv_split_where, "leave_out and validation_group are both '%s'",
                       config->leave_out);
    for (size_t i = 0; i < dataset->count; i++) {
        int32_t group = dataset->example[i].group;
        part[i] = group == test ? TEST : group == validation ? VALIDATION : TRAIN;
    }
    return CONVO_OK;
}

// --- many groups --------------------------------------------------------------------------------------------------

typedef struct sized_group {
    int32_t number, size, part, order; // size: examples; order: at random
} sized_group;

static int by_size(const void *left, const void *right) {
    const sized_group *a = left, *b = right;
    if (a->size != b->size) return a->size > b->size ? -1 : 1;
    return a->order < b->order ? -1 : a->order > b->order;
}

static int by_order(const void *left, const void *right) {
    const sized_group *a = left, *b = right;
    return a->order < b->order ? -1 : a->order > b->order;
}

// The groups in random order.
static sized_group *list_groups(const cv_dataset *dataset, uint64_t seed) {
    const size_t count = (size_t)dataset->group_count;
    int32_t *order = cv_alloc(count, sizeof *order), *place = cv_alloc(count, sizeof *place);
    sized_group *group = cv_alloc(count, sizeof *group);
    if (order && place && group) {
        cv_random random;
        cv_random_seed(&random, seed);
        cv_random_permutation(&random, order, count);
        for (size_t k = 0; k < count; k++) {
            group[k] = (sized_group){.number = order[k], .part = TRAIN, .order = (int32_t)k};
            place[order[k]] = (int32_t)k;
        }
        for (size_t i = 0; i < dataset->count; i++)
            if (dataset->example[i].group >= 0) group[place[dataset->example[i].group]].size++;
    } else {
        free(group);
        group = NULL;
    }
    free(order);
    free(place);
    return group;
}

// Moves groups out of the training part: each goes to a part that it brings closer to `wanted` of its examples. A part
// that would stay empty, as every group is too large for it, gets the smallest one.
static void fill_part(sized_group *group, size_t count, int part, double wanted) {
    double got = 0;
    sized_group *smallest = NULL;
    if (wanted <= 0) return;
    for (size_t k = 0; k < count; k++) {
        if (group[k].part != TRAIN || group[k].size == 0) continue;
        if (!smallest || group[k].size < smallest->size) smallest = &group[k];
        if (group[k].size >= 2 * (wanted - got)) continue;
        group[k].part = part;
        got += group[k].size;
    }
    if (got == 0 && smallest) smallest->part = part;
}

// The largest group first, each to the fold with the fewest examples so far, as scikit-learn's GroupKFold.
static convo_status fold_groups(sized_group *group, size_t count, int64_t folds, int64_t fold, convo_error *err) {
    int64_t *size = cv_alloc((size_t)folds, sizeof *size);
    if (!size) return cv_no_memory(err, "the folds");
    qsort(group, count, sizeof *group, by_size);
    for (size_t k = 0; k < count; k++) {
        int64_t least = 0;
        for (int64_t f = 1; f < folds; f++)
            if (size[f] < size[least]) least = f;
        size[least] += group[k].size;
        group[k].part = least == fold - 1 ? TEST : TRAIN;
    }
    qsort(group, count, sizeof *group, by_order);
    free(size);
    return CONVO_OK;
}

static convo_status deal_groups(const cv_split_config *config, const cv_dataset *dataset, uint64_t seed, int32_t *part,
                                convo_error *err) {
    const size_t count = (size_t)dataset->group_count;
    int32_t *of = cv_alloc(count, sizeof *of);
    sized_group *group = list_groups(dataset, seed);
    convo_status status = of && group ? CONVO_OK : cv_no_memory(err, cv_split_where);
    if (!status && config->folds) status = fold_groups(group, count, config->folds, config->fold, err);
    if (!status) {
        double grouped = 0, left = 0;
        for (size_t k = 0; k < count; k++) grouped += group[k].size;
        fill_part(group, count, TEST, config->folds ? 0 : config->test * grouped);
        for (size_t k = 0; k < count; k++) left += group[k].part == TRAIN ? group[k].size : 0;
        fill_part(group, count, VALIDATION, config->validation * (config->folds ? left : grouped));
        for (size_t k = 0; k < count; k++) of[group[k].number] = group[k].part;
        for (size_t i = 0; i < dataset->count; i++)
            part[i] = dataset->example[i].group < 0 ? TRAIN : of[dataset->example[i].group];
    }
    free(of);
    free(group);
    return status;
}

convo_status cv_parts_by_group(const cv_split_config *config, const cv_dataset *dataset, uint64_t seed, int32_t *part,
                               bool *done, convo_error *err) {
    *done = !config->leave_out[0];
    if (!*done && config->folds)
        return cv_fail(err, CONVO_ARGUMENT, cv_split_where, "leave_out and folds exclude each other: give one of them");
    if (!*done) return leave_out(config, dataset, part, err);
    if (config->validation_group[0])
        return cv_fail(err, CONVO_ARGUMENT, cv_split_where, "validation_group needs leave_out, the group to test on");
    if (!config->folds && config->test <= 0 && config->validation <= 0)
        return cv_fail(err, CONVO_ARGUMENT, cv_split_where,
                       "by group needs leave_out, the group to test on, or fractions, such as {test: 0.2, validation: "
                       "0.1}");
    if (config->test + config->validation >= 1)
        return cv_fail(err, CONVO_ARGUMENT, cv_split_where,
                       "the fractions %g and %g of test and validation leave "
                       "nothing to train on",
                       config->test, config->validation);
    const int64_t needed = config->folds ? config->folds : 1 + (config->test > 0) + (config->validation > 0);
    if (dataset->group_count < needed)
        return cv_fail(err, CONVO_ARGUMENT, cv_split_where, "%s has %d groups (speakers), and %lld are needed",
                       dataset->folder, dataset->group_count, (long long)needed);
    return deal_groups(config, dataset, seed, part, err);
}

// --- lists --------------------------------------------------------------------------------------------------------

static const char *const list_options[CV_PARTS] = {"train_list", "validation_list", "test_list"};

// In the data set's folder, else as it is seen from the working folder.
static convo_status read_list(const cv_dataset *dataset, const char *option, const char *name, cv_part_list *list,
                              convo_error *err) {
    const char *slash = strrchr(dataset->folder, '/');
    const int outer = cv_is_folder(dataset->folder) ? (int)strlen(dataset->folder)
                      : slash                       ? (int)(slash - dataset->folder)
                                                    : 0;
    char *path = outer && name[0] != '/' ? cv_format("%.*s/%s", outer, dataset->folder, name) : cv_format("%s", name);
    if (!path) return cv_no_memory(err, name);
    convo_status status;
    if (cv_is_file(path) || name[0] == '/')
        status = cv_part_list_read(path, list, err);
    else if (cv_is_file(name))
        status = cv_part_list_read(name, list, err);
    else
        status = cv_fail(err, CONVO_IO, cv_split_where, "%s: there is no file %s, nor %s", option, path, name);
    free(path);
    return status;
}

static convo_status look_up(const cv_dataset *dataset, cv_part_list list[CV_PARTS], const cv_split_config *config,
                            int32_t *part, convo_error *err) {
    for (size_t i = 0; i < dataset->count; i++) {
        if (!dataset->example[i].path)
            return cv_fail(err, CONVO_ARGUMENT, cv_split_where, "by list needs files: the examples of %s have no names",
                           dataset->folder);
        const char *place = cv_place(dataset, dataset->example[i].path);
        int32_t found = CV_LEFT_OUT;
        for (int p = 0; p < CV_PARTS; p++) {
            if (!config->list[p][0] || !cv_part_list_find(&list[p], place)) continue;
            if (found != CV_LEFT_OUT)
                return cv_fail(err, CONVO_FORMAT, cv_split_where, "%s is on both lists, %s and %s", place,
                               list_options[found], list_options[p]);
            found = p;
        }
        part[i] = found == CV_LEFT_OUT && !config->list[TRAIN][0] ? TRAIN : found;
    }
    return CONVO_OK;
}

convo_status cv_parts_by_list(const cv_split_config *config, const cv_dataset *dataset, int32_t *part, size_t *unlisted,
                              convo_error *err) {
    cv_part_list list[CV_PARTS] = {{0}};
    convo_status status = CONVO_OK;
    if (!config->list[VALIDATION][0] && !config->list[TEST][0])
        return cv_fail(err, CONVO_ARGUMENT, cv_split_where,
                       "by list needs files, such as {validation_list: validation.txt, test_list: test.txt}, with a "
                       "line 'word/name.wav' for each example");
    for (int p = 0; p < CV_PARTS && !status; p++)
        if (config->list[p][0]) status = read_list(dataset, list_options[p], config->list[p], &list[p], err);
    if (!status) status = look_up(dataset, list, config, part, err);
    *unlisted = 0;
    for (int p = 0; p < CV_PARTS && !status; p++) {
        size_t used = 0;
        for (size_t k = 0; k < list[p].count; k++) used += list[p].used[k];
        if (list[p].count && !used)
            status = cv_fail(err, CONVO_ARGUMENT, cv_split_where,
                             "%s: none of its lines, such as '%s', is a file in %s, such as '%s'", list_options[p],
                             list[p].name[0], dataset->folder, cv_place(dataset, dataset->example[0].path));
        *unlisted += list[p].count - used;
    }
    for (int p = 0; p < CV_PARTS; p++) cv_part_list_free(&list[p]);
    return status;
}

#include "data/several.h"

#include "base/file.h"
#include "base/limits.h"

#include <stdlib.h>
#include <string.h>

// "alexa; hey mycroft"; freed by the caller.
static char *name_of_set(const cv_dataset *d, const uint8_t *truth, const char *none) {
    size_t size = strlen(none) + 1;
    bool any = false;
    for (int k = 0; k < d->output_count; k++) size += truth[k] ? strlen(d->outputs[k]) + 2 : 0;
    char *name = cv_alloc(size, 1);
    for (int k = 0; name && k < d->output_count; k++) {
        if (!truth[k]) continue;
        cv_append(name, size, "%s%s", any ? "; " : "", d->outputs[k]);
        any = true;
    }
    if (name && !any) cv_append(name, size, "%s", none);
    return name;
}

// With one output alone: none is the first class, whatever comes first in the alphabet.
static bool become_two_classes(cv_dataset *d, const char *none) {
    char *first = cv_format("%s", none);
    if (!first) return false;
    for (size_t i = 0; i < d->count; i++) d->example[i].label = d->truth[d->example[i].label];
    cv_folder_free(d->labels, (size_t)d->label_count);
    d->labels = cv_alloc(2, sizeof *d->labels);
    if (!d->labels) {
        d->label_count = 0;
        free(first);
        return false;
    }
    d->labels[0] = first;
    d->labels[1] = d->outputs[0];
    d->label_count = 2;
    free(d->outputs);
    free(d->truth);
    d->outputs = NULL;
    d->truth = NULL;
    d->output_count = 0;
    return true;
}

convo_status cv_several_name(cv_dataset *d, uint8_t *truth, int count, const char *none, convo_error *err) {
    const size_t outputs = (size_t)d->output_count;
    char **labels = NULL, **name = cv_alloc((size_t)count + 1, sizeof *name);
    int32_t *becomes = cv_alloc((size_t)count + 1, sizeof *becomes);
    int made = 0;
    bool fits = name && becomes;
    for (size_t i = 0; i < d->count && fits; i++) { // labels that no example has are none
        const int32_t k = d->example[i].label;
        if (name[k]) continue;
        fits = (name[k] = name_of_set(d, truth + (size_t)k * outputs, none)) &&
               cv_names_add(&labels, &made, name[k], strlen(name[k]));
    }
    uint8_t *sorted = fits ? cv_alloc((size_t)made * outputs + 1, 1) : NULL;
    fits = fits && sorted;
    for (int k = 0; k < count && fits; k++) {
        if (!name[k]) continue;
        becomes[k] = cv_names_find(labels, made, name[k], strlen(name[k]));
        memcpy(sorted + (size_t)becomes[k] * outputs, truth + (size_t)k * outputs, outputs);
    }
    for (size_t i = 0; i < d->count && fits; i++) d->example[i].label = becomes[d->example[i].label];
    for (int k = 0; name && k < count; k++) free(name[k]);
    free(name);
    free(becomes);
    free(truth);
    cv_folder_free(d->labels, (size_t)d->label_count);
    d->labels = labels;
    d->label_count = made;
    d->truth = sorted;
    if (fits && d->output_count == 1) fits = become_two_classes(d, none);
    return fits ? CONVO_OK : cv_no_memory(err, d->folder);
}

// --- of rows ------------------------------------------------------------------------------------------------------

typedef struct row_of {
    const uint8_t *row;
    size_t width, example;
} row_of;

static int by_row(const void *a, const void *b) {
    const row_of *x = a, *y = b;
    const int side = memcmp(x->row, y->row, x->width);
    return side ? side : (x->example > y->example) - (x->example < y->example);
}

convo_status cv_several_rows(cv_dataset *d, const uint8_t *rows, convo_error *err) {
    const size_t width = (size_t)d->output_count;
    row_of *sorted = cv_alloc(d->count, sizeof *sorted);
    uint8_t *truth = NULL;
    size_t labels = 0, room = 0;
    if (!sorted) return cv_no_memory(err, d->folder);
    for (size_t i = 0; i < d->count; i++) sorted[i] = (row_of){rows + i * width, width, i};
    qsort(sorted, d->count, sizeof *sorted, by_row);
    for (size_t i = 0; i < d->count; i++) {
        if (i == 0 || memcmp(sorted[i].row, sorted[i - 1].row, width) != 0) {
            if (!cv_grow(&truth, &room, (labels + 1) * width, 1)) {
                free(sorted);
                free(truth);
                return cv_no_memory(err, d->folder);
            }
            memcpy(truth + labels++ * width, sorted[i].row, width);
        }
        d->example[sorted[i].example].label = (int32_t)labels - 1;
    }
    free(sorted);
    return cv_several_name(d, truth, (int)labels, CV_NONE, err);
}

// --- of words -----------------------------------------------------------------------------------------------------

// The next name of a label, without spaces around it; length 0: nothing is there. False: no more.
static bool next_name(const char **rest, const char *separator, const char **name, size_t *length) {
    if (!*rest) return false;
    const char *end = strstr(*rest, separator), *from = *rest;
    *length = end ? (size_t)(end - from) : strlen(from);
    *rest = end ? end + strlen(separator) : NULL;
    for (; *length && *from == ' '; from++) --*length;
    while (*length && from[*length - 1] == ' ') --*length;
    *name = from;
    return true;
}

static convo_status allocate_truth(const cv_dataset *d, uint8_t **truth, convo_error *err) {
    size_t size;
    if (d->output_count > CV_LIMIT_CLASSES)
        return cv_fail(err, CONVO_LIMIT, d->folder, "has %d labels, more than the %d that are accepted",
                       d->output_count, CV_LIMIT_CLASSES);
    *truth = cv_mul((size_t)d->label_count, (size_t)d->output_count, &size) ? cv_alloc(size + 1, 1) : NULL;
    return *truth ? CONVO_OK : cv_no_memory(err, d->folder);
}

convo_status cv_several_split(cv_dataset *d, const char *separator, convo_error *err) {
    const char *rest, *name;
    size_t length;
    uint8_t *truth = NULL;
    for (int k = 0; k < d->label_count; k++)
        for (rest = d->labels[k]; next_name(&rest, separator, &name, &length);)
            if (length && !cv_names_add(&d->outputs, &d->output_count, name, length))
                return cv_no_memory(err, d->folder);
    if (!d->output_count)
        return cv_fail(err, CONVO_FORMAT, d->folder, "no example has a label: there is nothing to learn");
    CV_TRY(allocate_truth(d, &truth, err));
    for (int k = 0; k < d->label_count; k++)
        for (rest = d->labels[k]; next_name(&rest, separator, &name, &length);)
            if (length)
                truth[(size_t)k * (size_t)d->output_count +
                      (size_t)cv_names_find(d->outputs, d->output_count, name, length)] = 1;
    if (cv_names_find(d->outputs, d->output_count, CV_NONE, strlen(CV_NONE)) >= 0) {
        free(truth);
        return cv_fail(err, CONVO_FORMAT, d->folder,
                       "a label is called '" CV_NONE "': leave the field empty where nothing is true");
    }
    return cv_several_name(d, truth, d->label_count, CV_NONE, err);
}

// --- nothing ------------------------------------------------------------------------------------------------------

static const char *next_output(const void *dataset, size_t k) {
    const cv_dataset *d = dataset;
    const int count = d->truth ? d->output_count : d->label_count;
    return k < (size_t)count ? (d->truth ? d->outputs : d->labels)[k] : NULL;
}

// The outputs that stay: [count] of them. *one: the name of what says nothing, if it is one alone.
static convo_status mark_none(const cv_dataset *d, const char *list, bool *none /* by output */, const char **one,
                              convo_error *err) {
    const char *item;
    size_t length;
    int found = 0;
    while (cv_list_next(&list, &item, &length)) {
        char *text = cv_format("%.*s", (int)length, item);
        int k = 0;
        while (text && next_output(d, (size_t)k) && strcmp(next_output(d, (size_t)k), text) != 0) k++;
        const convo_status status = !text ? cv_no_memory(err, d->folder)
                                    : !next_output(d, (size_t)k)
                                        ? cv_fail(err, CONVO_ARGUMENT, "data.none", "the data set has no label '%s'%s",
                                                  text, cv_did_you_mean(text, next_output, d).text)
                                        : CONVO_OK;
        free(text);
        if (status) return status;
        none[k] = true;
        *one = found++ ? CV_NONE : next_output(d, (size_t)k);
    }
    return CONVO_OK;
}

convo_status cv_several_none(cv_dataset *d, const char *list, convo_error *err) {
    const int had = d->truth ? d->output_count : d->label_count;
    bool *none = cv_alloc((size_t)had + 1, sizeof *none);
    uint8_t *truth = NULL;
    const char *one = CV_NONE;
    size_t room = 0;
    cv_dataset next = *d; // with the outputs that stay
    next.outputs = NULL;
    next.output_count = 0;
    convo_status status = none ? mark_none(d, list, none, &one, err) : cv_no_memory(err, d->folder);
    char *name = status ? NULL : cv_format("%s", one);
    for (int k = 0; k < had && !status; k++) {
        if (none[k]) continue;
        char *output = cv_format("%s", next_output(d, (size_t)k));
        if (output && cv_grow(&next.outputs, &room, (size_t)next.output_count + 1, sizeof *next.outputs)) {
            next.outputs[next.output_count++] = output;
        } else {
            free(output);
            status = cv_no_memory(err, d->folder);
        }
    }
    if (!status && !next.output_count)
        status = cv_fail(err, CONVO_ARGUMENT, "data.none", "names all labels: there is nothing to learn");
    if (!status) status = allocate_truth(&next, &truth, err);
    for (int label = 0; label < d->label_count && !status; label++)
        for (int k = 0, to = 0; k < had; k++) {
            if (none[k]) continue;
            truth[(size_t)label * (size_t)next.output_count + (size_t)to++] =
                d->truth ? d->truth[(size_t)label * (size_t)had + (size_t)k] : label == k;
        }
    free(none);
    if (!status && !name) status = cv_no_memory(err, d->folder);
    if (status) {
        cv_folder_free(next.outputs, (size_t)next.output_count);
        free(truth);
    } else {
        cv_folder_free(d->outputs, (size_t)d->output_count);
        free(d->truth);
        d->outputs = next.outputs;
        d->output_count = next.output_count;
        d->truth = NULL;
        status = cv_several_name(d, truth, d->label_count, name, err);
    }
    free(name);
    return status;
}

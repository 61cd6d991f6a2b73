#include "data/examples.h"

#include "data/several.h"

#include "base/file.h"
#include "base/limits.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

// --- features ---------------------------------------------------------------------------------------------------

static convo_status check_shape(cv_dataset *dataset, const cv_numbers *x, convo_error *err) {
    if (x->dims < 2 || x->dim[0] < 1 || cv_numbers_row_size(x) < 1)
        return cv_fail(err, CONVO_SHAPE, x->where,
                       "must hold features of examples, such as 1000 x 40 of them: it has %d "
                       "dimension(s) and %" PRId64 " rows",
                       x->dims, x->dims ? x->dim[0] : 0);
    const cv_shape shape = {.dims = x->dims - 1,
                            .c = x->dim[1],
                            .h = x->dims == 4 ? x->dim[2] : 1,
                            .w = x->dims == 2 ? 1 : x->dim[x->dims - 1]};
    const cv_shape *first = &dataset->shape;
    if (dataset->count &&
        (first->dims != shape.dims || first->c != shape.c || first->h != shape.h || first->w != shape.w))
        return cv_fail(err, CONVO_SHAPE, x->where, "has examples of another shape than the part before it");
    dataset->shape = shape;
    return CONVO_OK;
}

// "[12, 3, 5]" for number `at` of row `row`.
static void write_index(const cv_numbers *x, int64_t row, int64_t at, char *text, size_t size) {
    int64_t index[CV_MAX_DIMS] = {row};
    for (int d = x->dims - 1; d > 0; d--) {
        index[d] = at % x->dim[d];
        at /= x->dim[d];
    }
    cv_print(text, size, "[");
    for (int d = 0; d < x->dims; d++) cv_append(text, size, "%s%" PRId64, d ? ", " : "", index[d]);
    cv_append(text, size, "]");
}

static convo_status copy_row(const cv_numbers *x, int64_t n, const double *row, double divisor, float *out,
                             convo_error *err) {
    const int64_t size = cv_numbers_row_size(x);
    for (int64_t i = 0; i < size; i++) {
        out[i] = (float)(row[i] / divisor);
        if (isfinite(out[i])) continue;
        char index[96];
        write_index(x, n, i, index, sizeof index);
        return cv_fail(err, CONVO_NUMERIC, x->where,
                       "number %s is %g: features must be finite, take it out or replace it", index, row[i]);
    }
    return CONVO_OK;
}

// Behind the examples that the data set has.
static convo_status copy_features(const cv_numbers *x, double divisor, cv_dataset *dataset, convo_error *err) {
    cv_values *values = &dataset->values;
    const size_t size = (size_t)cv_numbers_row_size(x);
    size_t at = dataset->count * size;
    double *row = cv_alloc(size, sizeof *row);
    convo_status status = row ? CONVO_OK : cv_no_memory(err, x->where);
    for (int64_t n = 0; n < x->dim[0] && !status; n++, at += size) {
        cv_numbers_row(x, n, row);
        if (values->byte)
            for (size_t i = 0; i < size; i++) values->byte[at + i] = (uint8_t)row[i];
        else
            status = copy_row(x, n, row, divisor, values->value + at, err);
    }
    for (int b = 0; b < 256 && values->byte; b++) values->of_byte[b] = (float)(b / divisor);
    free(row);
    return status;
}

// --- labels -----------------------------------------------------------------------------------------------------

// Zeros and ones: the class, where there is a single 1. truth: the same in bytes.
static convo_status read_ones(const cv_numbers *y, int64_t n, const double *row, uint8_t *truth, int32_t *label,
                              convo_error *err) {
    int ones = 0;
    for (int64_t k = 0; k < y->dim[1]; k++) {
        if (row[k] != 0 && row[k] != 1)
            return cv_fail(err, CONVO_FORMAT, y->where,
                           "row %" PRId64 " has %g: zeros and ones are wanted, a column for each class", n, row[k]);
        truth[k] = row[k] == 1;
        if (truth[k]) *label = (int32_t)k;
        ones += truth[k];
    }
    if (ones != 1) *label = -2;
    return CONVO_OK;
}

// Room for the rows of y behind those of the examples that are there.
static convo_status widen_truth(cv_examples *e, const cv_numbers *y, convo_error *err) {
    const size_t columns = (size_t)y->dim[1];
    if (e->width && e->width != columns)
        return cv_fail(err, CONVO_SHAPE, y->where, "has %zu columns of labels, another array of labels has %zu",
                       columns, e->width);
    e->width = columns;
    size_t size;
    if (!cv_mul(e->dataset->count + (size_t)y->dim[0], columns, &size) || !cv_grow(&e->truth, &e->room, size, 1))
        return cv_no_memory(err, y->where);
    return CONVO_OK;
}

static convo_status read_number(const cv_numbers *y, int64_t n, double value, int64_t first, int32_t *label,
                                convo_error *err) {
    const double k = value - (double)first;
    if (!(k >= (first ? 0 : -1) && k < CV_LIMIT_CLASSES && k == floor(k)))
        return cv_fail(err, CONVO_FORMAT, y->where,
                       "label %" PRId64 " is %g: whole numbers from %" PRId64 " to %" PRId64 "%s are wanted", n, value,
                       first, first + CV_LIMIT_CLASSES - 1, first ? "" : ", or -1 and +1,");
    *label = (int32_t)k;
    return CONVO_OK;
}

// For now as they are written: cv_examples_finish knows them all.
static convo_status copy_labels(cv_examples *e, const cv_numbers *y, cv_example *example, convo_error *err) {
    const int64_t columns = y->dims == 2 ? y->dim[1] : 1;
    double *row = cv_alloc((size_t)columns, sizeof *row);
    convo_status status = row ? CONVO_OK : cv_no_memory(err, y->where);
    if (!status && columns > 1) status = widen_truth(e, y, err);
    for (int64_t n = 0; n < y->dim[0] && !status; n++) {
        cv_numbers_row(y, n, row);
        uint8_t *truth = columns > 1 ? e->truth + (e->dataset->count + (size_t)n) * e->width : NULL;
        status = columns == 1 ? read_number(y, n, row[0], e->first_label, &example[n].label, err)
                              : read_ones(y, n, row, truth, &example[n].label, err);
        e->several = e->several || example[n].label < -1;
    }
    free(row);
    return status;
}

// --- both -------------------------------------------------------------------------------------------------------

// Room for `more` examples after those that are there. narrow: they are bytes.
static bool grow(cv_dataset *dataset, size_t more, bool narrow) {
    const size_t size = (size_t)cv_shape_size(dataset->shape);
    size_t count, bytes;
    if (__builtin_add_overflow(dataset->count, more, &count)) return false;
    if (!narrow && !cv_values_widen(&dataset->values, dataset->count, size)) return false;
    if (!cv_values_grow(&dataset->values, count, size, narrow)) return false;
    if (!cv_mul(count, sizeof *dataset->example, &bytes)) return false;
    cv_example *example = realloc(dataset->example, bytes);
    if (!example) return false;
    dataset->example = example;
    return true;
}

convo_status cv_examples_add(cv_examples *examples, const cv_numbers *x, const cv_numbers *y, int part,
                             convo_error *err) {
    cv_dataset *dataset = examples->dataset;
    convo_status status = check_shape(dataset, x, err);
    if (status) return status;
    if (y->dims < 1 || y->dims > 2 || y->dim[0] != x->dim[0] || (y->dims == 2 && y->dim[1] < 1))
        return cv_fail(err, CONVO_SHAPE, y->where,
                       "must hold a label for each of the %" PRId64 " examples of %s: it has %" PRId64 " rows, in %d "
                       "dimension(s)",
                       x->dim[0], x->where, y->dims ? y->dim[0] : 0, y->dims);
    if (y->dims == 2 && y->dim[1] > CV_LIMIT_CLASSES)
        return cv_fail(err, CONVO_LIMIT, y->where, "has more than %d classes", CV_LIMIT_CLASSES);

    const size_t count = (size_t)x->dim[0];
    if (!grow(dataset, count, x->type == 'u' && x->size == 1)) return cv_no_memory(err, x->where);
    cv_example *example = dataset->example + dataset->count;
    for (size_t i = 0; i < count; i++) example[i] = (cv_example){.group = -1, .index = -1, .part = part};
    status = copy_features(x, examples->divisor, dataset, err);
    if (!status) status = copy_labels(examples, y, example, err);
    if (status) return status;
    dataset->count += count;
    if (y->dims == 2 && y->dim[1] > examples->columns) examples->columns = (int)y->dim[1];
    return CONVO_OK;
}

static bool name_classes(cv_dataset *dataset, const char *const *names, int count) {
    dataset->labels = cv_alloc((size_t)count, sizeof *dataset->labels);
    dataset->label_count = dataset->labels ? count : 0;
    bool named = dataset->labels;
    for (int k = 0; k < count && named; k++) {
        dataset->labels[k] = names ? cv_format("%s", names[k]) : cv_format("%d", k);
        named = dataset->labels[k];
    }
    return named;
}

// The names stand for outputs then. Labels that are numbers are rows with a single 1.
static convo_status finish_several(cv_examples *e, const char *where, convo_error *err) {
    cv_dataset *d = e->dataset;
    const size_t classes = (size_t)d->label_count;
    size_t size;
    uint8_t *rows = cv_mul(d->count, classes, &size) ? cv_alloc(size, 1) : NULL;
    if (!rows) return cv_no_memory(err, where);
    for (size_t i = 0; i < d->count; i++) {
        uint8_t *row = rows + i * classes;
        if (d->example[i].label >= 0)
            row[d->example[i].label] = 1;
        else
            memcpy(row, e->truth + i * e->width, e->width); // no wider than the classes
    }
    d->outputs = d->labels;
    d->output_count = d->label_count;
    d->labels = NULL;
    d->label_count = 0;
    const convo_status status = cv_several_rows(d, rows, err);
    free(rows);
    return status;
}

convo_status cv_examples_finish(cv_examples *examples, const char *const *names, int count, const char *where,
                                convo_error *err) {
    static const char *const signs[] = {"-1", "+1"};
    cv_dataset *dataset = examples->dataset;
    int32_t least = 0, most = examples->columns - 1;
    for (size_t i = 0; i < dataset->count; i++) {
        const int32_t label = dataset->example[i].label;
        if (label < least && label >= -1) least = label;
        if (label > most) most = label;
    }
    for (size_t i = 0; i < dataset->count && least < 0; i++) {
        int32_t *label = &dataset->example[i].label;
        if (*label != -1 && *label != 1)
            return cv_fail(err, CONVO_FORMAT, where, "labels of -1 go with +1 only, that of example %zu is %" PRId32, i,
                           *label);
        *label = *label > 0;
    }
    if (least < 0 && !names) {
        names = signs;
        count = 2;
    }
    if (!names) count = most + 1;
    if (most >= count)
        return cv_fail(err, CONVO_FORMAT, where, "label %" PRId32 " is beyond the last of %d classes", most, count);
    if (!name_classes(dataset, names, count)) return cv_no_memory(err, where);
    return examples->several ? finish_several(examples, where, err) : CONVO_OK;
}

void cv_examples_free(cv_examples *e) {
    free(e->truth);
    e->truth = NULL;
}

// Cuts a text of lines, which it changes, into names.
static convo_status cut_names(char *text, const char ***names, int *count, const char *where, convo_error *err) {
    size_t room = 0;
    for (char *end; *text; text = end) {
        end = text + strcspn(text, "\r\n");
        if (*end) *end++ = '\0';
        if (!*text) continue;
        for (int k = 0; k < *count; k++)
            if (!strcmp((*names)[k], text))
                return cv_fail(err, CONVO_FORMAT, where, "classes %d and %d are both called '%s'", k, *count, text);
        if (*count == CV_LIMIT_CLASSES)
            return cv_fail(err, CONVO_LIMIT, where, "has more than %d classes", CV_LIMIT_CLASSES);
        if (!cv_grow(names, &room, (size_t)*count + 1, sizeof **names)) return cv_no_memory(err, where);
        (*names)[(*count)++] = text;
    }
    return CONVO_OK;
}

convo_status cv_examples_finish_named(cv_examples *examples, const char *list, const char *path, convo_error *err) {
    char *file = cv_format("%s/labels.txt", path), *given = cv_format("%s", list);
    cv_bytes lines = {0};
    const char **names = NULL;
    int count = 0;
    convo_status status = file && given ? CONVO_OK : cv_no_memory(err, path);
    if (!status && !*given && cv_is_file(file)) status = cv_file_read(file, CV_LIMIT_RECIPE, &lines, err);
    const char *where = lines.data ? file : path;
    if (!status) status = cut_names(lines.data ? (char *)lines.data : given, &names, &count, where, err);
    if (!status) status = cv_examples_finish(examples, names, count, where, err);
    free(names);
    free(lines.data);
    free(file);
    free(given);
    return status;
}

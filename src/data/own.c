// Examples that a program has in memory, or computes.
#include "data/own.h"

#include "base/limits.h"
#include "data/several.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

struct convo_dataset {
    convo_dataset_spec spec; // its arrays are copies, but for values
    cv_shape shape;
    size_t size;
};

static convo_status check_spec(const convo_dataset_spec *s, cv_shape *shape, convo_error *err) {
    size_t size = 1;
    if (s->count < 1 || s->count > INT32_MAX)
        return cv_fail(err, CONVO_ARGUMENT, "", "a data set needs 1 to %d examples, not %" PRId64, INT32_MAX, s->count);
    if (!s->labels == !s->truth || (!s->values == !s->fill))
        return cv_fail(err, CONVO_ARGUMENT, "",
                       "a data set needs labels or truth, and either values or a function that fills");
    if (s->classes < 1 || s->classes > CV_LIMIT_CLASSES)
        return cv_fail(err, CONVO_ARGUMENT, "", "a data set needs 1 to %d classes, not %d", CV_LIMIT_CLASSES,
                       s->classes);
    if (s->dims < 1 || s->dims > 3)
        return cv_fail(err, CONVO_ARGUMENT, "", "examples need 1, 2 or 3 dimensions, not %d", s->dims);
    for (int k = 0; k < s->dims; k++)
        if (s->dim[k] < 1 || !cv_mul(size, (size_t)s->dim[k], &size) || size > CV_LIMIT_MAP)
            return cv_fail(err, CONVO_ARGUMENT, "", "size %d of an example, %" PRId64 ", is not possible", k,
                           s->dim[k]);
    for (int64_t i = 0; i < s->count; i++) {
        for (int k = 0; s->truth && k < s->classes; k++)
            if (s->truth[i * s->classes + k] > 1)
                return cv_fail(err, CONVO_ARGUMENT, "", "truth %d of example %" PRId64 " is %d: 0 and 1 are possible",
                               k, i, s->truth[i * s->classes + k]);
        if (s->labels && (s->labels[i] < 0 || s->labels[i] >= s->classes))
            return cv_fail(err, CONVO_ARGUMENT, "", "label %" PRId64 " is %d: 0 to %d are possible", i, s->labels[i],
                           s->classes - 1);
        if (s->parts && (s->parts[i] < CONVO_TRAIN || s->parts[i] > CONVO_TEST))
            return cv_fail(err, CONVO_ARGUMENT, "", "example %" PRId64 " is in no part: %d", i, (int)s->parts[i]);
        if (s->groups && s->groups[i] < 0)
            return cv_fail(err, CONVO_ARGUMENT, "", "group %" PRId64 " is %d: they count from 0", i, s->groups[i]);
    }
    for (size_t i = 0; s->values && i < (size_t)s->count * size; i++)
        if (!isfinite(s->values[i]))
            return cv_fail(err, CONVO_NUMERIC, "", "number %zu of example %zu is not finite", i % size, i / size);
    *shape = (cv_shape){s->dims, s->dim[0], s->dims == 3 ? s->dim[1] : 1, s->dims == 1 ? 1 : s->dim[s->dims - 1]};
    return CONVO_OK;
}

static bool copy_array(const void *from, size_t count, size_t size, void *to /* T ** */) {
    void *copy = from ? cv_alloc(count, size) : NULL;
    if (copy) memcpy(copy, from, count * size);
    memcpy(to, &copy, sizeof copy);
    return copy || !from;
}

convo_status convo_dataset_new(const convo_dataset_spec *spec, convo_dataset **dataset, convo_error *err) {
    cv_shape shape;
    if (!spec || !dataset) return cv_fail(err, CONVO_ARGUMENT, "", "a data set needs a specification, and room for it");
    *dataset = NULL;
    const convo_status status = check_spec(spec, &shape, err);
    if (status) return status;
    const size_t count = (size_t)spec->count;
    convo_dataset *d = cv_alloc(1, sizeof *d);
    if (!d) return cv_no_memory(err, "a data set");
    *d = (convo_dataset){.spec = *spec, .shape = shape, .size = (size_t)cv_shape_size(shape)};
    d->spec.names = NULL;
    bool fits = copy_array(spec->labels, count, sizeof *spec->labels, &d->spec.labels);
    fits = copy_array(spec->truth, count, (size_t)spec->classes, &d->spec.truth) && fits;
    fits = copy_array(spec->groups, count, sizeof *spec->groups, &d->spec.groups) && fits;
    fits = copy_array(spec->parts, count, sizeof *spec->parts, &d->spec.parts) && fits;
    char **names = cv_alloc((size_t)spec->classes, sizeof *names);
    for (int k = 0; names && k < spec->classes; k++) {
        names[k] = spec->names ? cv_name(spec->names[k], strlen(spec->names[k])) : cv_format("%d", k);
        fits = fits && names[k];
    }
    d->spec.names = (const char *const *)names;
    if (fits && names) {
        *dataset = d;
        return CONVO_OK;
    }
    convo_dataset_free(d);
    return cv_no_memory(err, "a data set");
}

void convo_dataset_free(convo_dataset *d) {
    if (!d) return;
    for (int k = 0; d->spec.names && k < d->spec.classes; k++) free((char *)(uintptr_t)d->spec.names[k]);
    free((void *)(uintptr_t)d->spec.names);
    free((void *)(uintptr_t)d->spec.labels);
    free((void *)(uintptr_t)d->spec.truth);
    free((void *)(uintptr_t)d->spec.groups);
    free((void *)(uintptr_t)d->spec.parts);
    free(d);
}

static bool name_groups(const convo_dataset_spec *s, cv_dataset *out) {
    for (int64_t i = 0; s->groups && i < s->count; i++)
        if (s->groups[i] >= out->group_count) out->group_count = s->groups[i] + 1;
    out->groups = cv_alloc((size_t)out->group_count, sizeof *out->groups);
    bool fits = out->groups;
    for (int k = 0; fits && k < out->group_count; k++) fits = (out->groups[k] = cv_format("%d", k));
    return fits;
}

convo_status cv_dataset_of_own(const convo_dataset *own, cv_dataset **dataset, convo_error *err) {
    const convo_dataset_spec *s = &own->spec;
    cv_dataset *out = cv_alloc(1, sizeof *out);
    *dataset = NULL;
    if (!out) return cv_no_memory(err, "a data set");
    *out = (cv_dataset){.folder = cv_format("%s", ""),
                        .example = cv_alloc((size_t)s->count, sizeof *out->example),
                        .count = (size_t)s->count,
                        .labels = cv_alloc((size_t)s->classes, sizeof *out->labels),
                        .label_count = s->classes,
                        .shape = own->shape,
                        .fill = s->fill,
                        .user = s->user};
    bool fits = out->folder && out->example && out->labels && name_groups(s, out);
    for (int k = 0; fits && k < s->classes; k++) fits = (out->labels[k] = cv_format("%s", s->names[k]));
    for (int64_t i = 0; fits && i < s->count; i++)
        out->example[i] = (cv_example){.label = s->labels ? s->labels[i] : 0,
                                       .group = s->groups ? s->groups[i] : -1,
                                       .index = (int32_t)i,
                                       .part = s->parts ? (int32_t)s->parts[i] : -1};
    if (s->values) out->values = (cv_values){.value = (float *)(uintptr_t)s->values, .borrowed = true};
    convo_status status = fits ? CONVO_OK : cv_no_memory(err, "a data set");
    if (!status && s->truth) {
        out->outputs = out->labels;
        out->output_count = out->label_count;
        out->labels = NULL;
        out->label_count = 0;
        status = cv_several_rows(out, s->truth, err);
    }
    if (status)
        cv_dataset_free(out);
    else
        *dataset = out;
    return status;
}

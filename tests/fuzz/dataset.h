// The data sets that are read from files in one folder.
#pragma once

#include "fuzz.h"

#include "data/dataset.h"

// config: NULL for the defaults.
static inline void fuzz_dataset(const cv_data_kind *kind, const char *path, const void *config) {
    cv_dataset *dataset = NULL;
    convo_error err = {0};
    void *usual = cv_alloc(1, kind->config_size + 1);
    if (kind->schema) cv_options_default(kind->schema, usual);
    fuzz_check(cv_dataset_open(kind, path, config ? config : usual, &dataset, &err), &err);
    for (size_t i = 0; dataset && i < dataset->count; i++) {
        const cv_example *e = &dataset->example[i];
        fuzz_must(e->label >= 0 && e->label < dataset->label_count, "a label is one of the labels");
        fuzz_must(e->group >= -1 && e->group < dataset->group_count, "a group is one of the groups");
        const int64_t told[] = {e->label, e->group, e->part, e->index};
        fuzz_tell(told, sizeof told);
        fuzz_tell_text(e->path);
        fuzz_must(e->part >= -1 && e->part <= CONVO_TEST, "a part is one of the parts");
    }
    for (int k = 0; dataset && k < dataset->label_count; k++) fuzz_tell_text(dataset->labels[k]);
    if (dataset && (dataset->values.value || dataset->values.byte)) {
        const size_t size = (size_t)cv_shape_size(dataset->shape);
        float *scratch = cv_alloc(size, sizeof *scratch);
        for (size_t i = 0; scratch && i < dataset->count; i++)
            fuzz_tell(cv_values_row(&dataset->values, i, size, scratch), size * sizeof *scratch);
        free(scratch);
    }
    cv_dataset_free(dataset);
    free(usual);
}

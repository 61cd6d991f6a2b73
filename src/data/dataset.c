#include "data/dataset.h"

#include "base/file.h"

#include <stdlib.h>
#include <string.h>

static const cv_data_kind *const kinds[] = {
    &cv_data_fsdd,
    &cv_data_audiofolder,
    &cv_data_manifest,
    &cv_data_webdataset,
    &cv_data_speech_commands_v1,
    &cv_data_speech_commands_v2,
    &cv_data_imagefolder,
    &cv_data_cifar_10,
    &cv_data_cifar_100,
    &cv_data_mnist,
    &cv_data_fashion_mnist,
    &cv_data_emnist,
    &cv_data_svhn,
    &cv_data_arrays,
    &cv_data_mat,
    &cv_data_moons,
};

const cv_data_kind *cv_data_kind_at(size_t k) {
    return k < CV_COUNT(kinds) ? kinds[k] : NULL;
}

const cv_data_kind *cv_data_kind_find(const char *name) {
    for (size_t k = 0; k < CV_COUNT(kinds); k++)
        if (strcmp(kinds[k]->name, name) == 0) return kinds[k];
    return NULL;
}

// --- sorted names -----------------------------------------------------------------------------------------------

// As strcmp(name, text[0..length]).
static int compare_names(const char *name, const char *text, size_t length) {
    int order = strncmp(name, text, length);
    return order ? order : name[length] != 0;
}

// The first place whose name does not come before text.
static int place_of(char *const *names, int count, const char *text, size_t length) {
    int low = 0, high = count;
    while (low < high) {
        int middle = low + (high - low) / 2;
        if (compare_names(names[middle], text, length) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

int32_t cv_names_find(char *const *names, int count, const char *text, size_t length) {
    int place = place_of(names, count, text, length);
    return place < count && compare_names(names[place], text, length) == 0 ? place : -1;
}

bool cv_names_add(char ***names, int *count, const char *text, size_t length) {
    int place = place_of(*names, *count, text, length);
    if (place < *count && compare_names((*names)[place], text, length) == 0) return true;
    size_t capacity = (size_t)*count;
    char *name = cv_format("%.*s", (int)length, text);
    if (!name || !cv_grow(names, &capacity, (size_t)*count + 1, sizeof **names)) {
        free(name);
        return false;
    }
    memmove(*names + place + 1, *names + place, (size_t)(*count - place) * sizeof **names);
    (*names)[place] = name;
    ++*count;
    return true;
}

// --- open, free -------------------------------------------------------------------------------------------------

convo_status cv_dataset_open(const cv_data_kind *kind, const char *folder, const void *config, cv_dataset **out,
                             convo_error *err) {
    *out = NULL;
    if (kind->missing)
        return cv_fail(err, CONVO_UNSUPPORTED, folder, "this build cannot read '%s' data: install %s", kind->name,
                       kind->missing);
    cv_dataset *dataset = cv_alloc(1, sizeof *dataset);
    if (!dataset || !(dataset->folder = cv_format("%s", folder))) {
        cv_dataset_free(dataset);
        return cv_no_memory(err, folder);
    }
    convo_status status = kind->scan(folder, config, dataset, err);
    if (!status && dataset->count > INT32_MAX) // examples are numbered by int32_t
        status = cv_fail(err, CONVO_LIMIT, folder, "holds more than the %d examples that are accepted", INT32_MAX);
    if (status)
        cv_dataset_free(dataset);
    else
        *out = dataset;
    return status;
}

convo_status cv_dataset_open_plain(const cv_data_kind *kind, const char *path, cv_dataset **dataset, convo_error *err) {
    void *config = cv_alloc(1, kind->config_size);
    if (!config) return cv_no_memory(err, path);
    cv_options_default(kind->schema, config);
    const cv_option *size = kind->read ? cv_option_find(kind->schema, "size") : NULL;
    char unused[64];
    if (size) cv_option_set(size, config, "1", unused, sizeof unused); // else the first picture must be readable
    const convo_status status = cv_dataset_open(kind, path, config, dataset, err);
    free(config);
    return status;
}

void cv_dataset_free(cv_dataset *dataset) {
    if (!dataset) return;
    for (size_t i = 0; i < dataset->count; i++) free(dataset->example[i].path);
    free(dataset->example);
    cv_folder_free(dataset->labels, (size_t)dataset->label_count);
    cv_folder_free(dataset->outputs, (size_t)dataset->output_count);
    free(dataset->truth);
    cv_folder_free(dataset->groups, (size_t)dataset->group_count);
    cv_values_free(&dataset->values);
    cv_findings_free(&dataset->found);
    free(dataset->folder);
    free(dataset);
}

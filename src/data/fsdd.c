// The Free Spoken Digit Dataset, and any folder of recordings named as it names them:
// {label}_{group}_{index}.flac (or .wav, ...), for instance 7_jackson_32.flac.
// https://github.com/Jakobovski/free-spoken-digit-dataset
#include "base/file.h"
#include "base/filename.h"
#include "data/listing.h"

#include <stdlib.h>
#include <string.h>

enum { INDEX_DIGITS = 9, OFFICIAL_TEST = 5 }; // indices 0 to 4 are the official test set

typedef struct parts {
    cv_word label, group;
    int32_t index;
} parts;

static bool parse_name(const char *name, parts *out) {
    const char *ending = strrchr(name, '.'), *first = strchr(name, '_'), *last = strrchr(name, '_');
    if (!cv_is_sound_name(name) || !first || first == last || last > ending) return false;
    size_t digits = (size_t)(ending - last) - 1;
    if (digits == 0 || digits > INDEX_DIGITS || strspn(last + 1, "0123456789") != digits) return false;
    *out = (parts){.label = {name, (size_t)(first - name)},
                   .group = {first + 1, (size_t)(last - first) - 1},
                   .index = (int32_t)atol(last + 1)};
    return out->label.length > 0 && out->group.length > 0;
}

static convo_status skip_file(const char *folder, const char *name, cv_dataset *dataset, convo_error *err) {
    char *path = cv_format("%s/%s", folder, name);
    if (!path) return cv_no_memory(err, folder);
    const cv_finding why = cv_is_folder(path)       ? CV_FOUND_FOLDER
                           : cv_is_sound_name(name) ? CV_FOUND_NAME
                                                    : CV_FOUND_FORMAT;
    free(path);
    return cv_is_litter(name) || cv_is_document(name) ? CONVO_OK : cv_findings_add(&dataset->found, why, name, err);
}

static convo_status fsdd_scan(const char *folder, const void *config, cv_dataset *dataset, convo_error *err) {
    (void)config;
    cv_listing listing = {.dataset = dataset};
    char **names;
    size_t count;
    parts p;
    convo_status status = cv_folder_list(folder, &names, &count, err);
    for (size_t i = 0; i < count && !status; i++) {
        if (!parse_name(names[i], &p)) {
            status = skip_file(folder, names[i], dataset, err);
            continue;
        }
        status = cv_listing_add(&listing, cv_format("%s/%s", folder, names[i]), p.label, p.group,
                                p.index < OFFICIAL_TEST ? CONVO_TEST : CONVO_TRAIN, err);
        if (!status) dataset->example[dataset->count - 1].index = p.index;
    }
    if (!status && dataset->count == 0)
        status =
            cv_fail(err, CONVO_FORMAT, folder,
                    "holds no recordings named label_speaker_index.flac (or .wav, ...), such as 7_jackson_32.flac");
    cv_folder_free(names, count);
    return cv_listing_end(&listing, status, err);
}

const cv_data_kind cv_data_fsdd = {
    .name = "fsdd",
    .help = "Free Spoken Digit Dataset: 3,000 recordings of ten digits by six speakers, 8 kHz",
    .recordings = true,
    .mixed = true,
    .rate = 8000,
    .scan = fsdd_scan,
};

// The Free Spoken Digit Dataset, and any folder of recordings named as it names them:
// {label}_{group}_{index}.{flac,wav,ogg,mp3}, for instance 7_jackson_32.flac.
// https://github.com/Jakobovski/free-spoken-digit-dataset
#include "base/file.h"
#include "data/dataset.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum { INDEX_DIGITS = 9, OFFICIAL_TEST = 5 }; // indices 0 to 4 are the official test set

typedef struct parts {
    const char *label, *group; // not ended by a 0 byte
    size_t label_length, group_length;
    int32_t index;
} parts;

static bool is_sound_ending(const char *ending) {
    static const char *const endings[] = {".flac", ".wav", ".ogg", ".mp3"};
    for (size_t k = 0; k < CV_COUNT(endings); k++)
        if (strcasecmp(ending, endings[k]) == 0) return true;
    return false;
}

static bool parse_name(const char *name, parts *out) {
    const char *ending = strrchr(name, '.'), *first = strchr(name, '_'), *last = strrchr(name, '_');
    if (!ending || !is_sound_ending(ending) || !first || first == last || last > ending) return false;
    size_t digits = (size_t)(ending - last) - 1;
    if (digits == 0 || digits > INDEX_DIGITS || strspn(last + 1, "0123456789") != digits) return false;
    *out = (parts){name, first + 1, (size_t)(first - name), (size_t)(last - first) - 1, (int32_t)atol(last + 1)};
    return out->label_length > 0 && out->group_length > 0;
}

static convo_status add_example(const char *folder, const char *name, const parts *p, cv_dataset *dataset) {
    cv_example *example = &dataset->example[dataset->count];
    *example = (cv_example){.index = p->index, .part = p->index < OFFICIAL_TEST ? CONVO_TEST : CONVO_TRAIN};
    example->path = cv_format("%s/%s", folder, name);
    if (!example->path) return CONVO_MEMORY;
    dataset->count++;
    bool named = cv_names_add(&dataset->labels, &dataset->label_count, p->label, p->label_length) &&
                 cv_names_add(&dataset->groups, &dataset->group_count, p->group, p->group_length);
    return named ? CONVO_OK : CONVO_MEMORY;
}

static convo_status scan(const char *folder, const void *config, cv_dataset *dataset, convo_error *err) {
    (void)config;
    char **names = NULL;
    size_t count = 0;
    parts p;
    convo_status status = cv_folder_list(folder, &names, &count, err);
    if (status) return status;
    dataset->example = cv_alloc(count, sizeof *dataset->example);
    if (!dataset->example) status = CONVO_MEMORY;
    for (size_t i = 0; i < count && !status; i++)
        if (parse_name(names[i], &p)) status = add_example(folder, names[i], &p, dataset);
    if (status) {
        status = cv_no_memory(err, folder);
        goto done;
    }
    if (dataset->count == 0) {
        status = cv_fail(err, CONVO_FORMAT, folder,
                         "holds no recordings named label_speaker_index.flac (or .wav, .ogg, .mp3), such as "
                         "7_jackson_32.flac");
        goto done;
    }
    // Only now, with all names known and sorted, has each its number.
    cv_example *example = dataset->example;
    for (size_t i = 0; i < count; i++) {
        if (!parse_name(names[i], &p)) continue;
        example->label = cv_names_find(dataset->labels, dataset->label_count, p.label, p.label_length);
        example->group = cv_names_find(dataset->groups, dataset->group_count, p.group, p.group_length);
        example++;
    }
done:
    cv_folder_free(names, count);
    return status;
}

const cv_data_kind cv_data_fsdd = {
    .name = "fsdd",
    .help = "Free Spoken Digit Dataset: 3,000 recordings of ten digits by six speakers, 8 kHz",
    .recordings = true,
    .rate = 8000,
    .scan = scan,
};

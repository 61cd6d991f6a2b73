#include "change/recordings.h"

#include "audio/sound.h"
#include "base/file.h"
#include "base/filename.h"
#include "base/limits.h"

#include <math.h>
#include <stdlib.h>

typedef struct gathering {
    cv_recordings *into;
    size_t capacity, samples; // of recordings; in all
    const char *what;
    int rate;
} gathering;

// A recording of silence is left out: it would change nothing.
static convo_status keep_sound(gathering *g, const char *path, const cv_sound *sound, convo_error *err) {
    float peak = 0;
    for (size_t t = 0; t < sound->count; t++) peak = fmaxf(peak, fabsf(sound->sample[t]));
    if (peak == 0) return CONVO_OK;
    if (sound->count > CV_LIMIT_RECORDINGS - g->samples)
        return cv_fail(err, CONVO_LIMIT, path,
                       "with it, the recordings of %s are longer than the %.0f minutes that are accepted at %d Hz: "
                       "remove some",
                       g->what, CV_LIMIT_RECORDINGS / 60.0 / g->rate, g->rate);
    cv_recordings *all = g->into;
    int16_t *sample = cv_alloc(sound->count, sizeof *sample);
    if (!sample || !cv_grow(&all->recording, &g->capacity, all->count + 1, sizeof *all->recording)) {
        free(sample);
        return cv_no_memory(err, g->what);
    }
    for (size_t t = 0; t < sound->count; t++) sample[t] = (int16_t)lroundf(sound->sample[t] / peak * INT16_MAX);
    all->recording[all->count++] = (struct cv_kept){sample, sound->count, peak / INT16_MAX};
    g->samples += sound->count;
    return CONVO_OK;
}

static convo_status gather(gathering *g, const char *folder, int depth, convo_error *err) {
    char **names;
    size_t count;
    convo_status status = cv_folder_list(folder, &names, &count, err);
    if (status) return status;
    for (size_t k = 0; k < count && !status; k++) {
        char *path = cv_format("%s/%s", folder, names[k]);
        cv_sound sound = {0};
        if (!path)
            status = cv_no_memory(err, g->what);
        else if (cv_is_folder(path) && depth < CV_LIMIT_FOLDERS)
            status = gather(g, path, depth + 1, err);
        else if (cv_is_sound_name(names[k]) && !(status = cv_sound_read(path, g->rate, &sound, err)))
            status = keep_sound(g, path, &sound, err);
        cv_sound_free(&sound);
        free(path);
    }
    cv_folder_free(names, count);
    return status;
}

convo_status cv_recordings_read(const char *folder, const char *what, int rate, cv_recordings *recordings,
                                convo_error *err) {
    gathering g = {.into = recordings, .what = what, .rate = rate};
    *recordings = (cv_recordings){0};
    convo_status status = gather(&g, folder, 0, err);
    if (!status && recordings->count == 0)
        status =
            cv_fail(err, CONVO_ARGUMENT, folder, "holds no recordings (%s), which '%s' needs", cv_sound_endings, what);
    if (status) cv_recordings_free(recordings);
    return status;
}

void cv_recordings_free(cv_recordings *recordings) {
    for (size_t k = 0; k < recordings->count; k++) free(recordings->recording[k].sample);
    free(recordings->recording);
    *recordings = (cv_recordings){0};
}

// The samples of a recording, for programs.
#include "audio/sound.h"

#include <math.h>
#include <stdlib.h>

convo_status convo_recording_read(const char *path, double seconds, convo_recording *recording, convo_error *err) {
    cv_sound sound;
    if (!path || !recording || !(seconds >= 0 && isfinite(seconds)))
        return cv_fail(err, CONVO_ARGUMENT, "", "a path, a number of seconds and room for a recording are needed");
    *recording = (convo_recording){0};
    const convo_status status = cv_sound_read_piece(path, &(cv_piece){.seconds = seconds}, 0, &sound, err);
    if (!status)
        *recording = (convo_recording){.rate = sound.rate, .count = (int64_t)sound.count, .sample = sound.sample};
    return status;
}

void convo_recording_free(convo_recording *recording) {
    if (!recording) return;
    free(recording->sample);
    *recording = (convo_recording){0};
}

// --- piece by piece -----------------------------------------------------------------------------------------------

struct convo_sound {
    cv_sound_blocks *blocks;
    int rate;
};

convo_status convo_sound_open(const char *path, convo_sound **sound, convo_error *err) {
    if (!path || !sound) return cv_fail(err, CONVO_ARGUMENT, "", "a path and room for a sound file are needed");
    convo_sound *s = *sound = cv_alloc(1, sizeof *s);
    if (!s) return cv_no_memory(err, path);
    const convo_status status = cv_sound_blocks_open(path, &s->blocks, &s->rate, err);
    if (!status) return CONVO_OK;
    free(s);
    *sound = NULL;
    return status;
}

int convo_sound_rate(const convo_sound *sound) {
    return sound->rate;
}

convo_status convo_sound_read(convo_sound *sound, float *samples, size_t most, size_t *count, convo_error *err) {
    if (!sound || !samples || !most || !count)
        return cv_fail(err, CONVO_ARGUMENT, "", "a sound file and room for samples are needed");
    return cv_sound_blocks_read(sound->blocks, samples, most, count, err);
}

void convo_sound_free(convo_sound *sound) {
    if (!sound) return;
    cv_sound_blocks_close(sound->blocks);
    free(sound);
}

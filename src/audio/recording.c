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

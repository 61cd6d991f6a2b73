// Recordings, as they are and resampled.
#include "fuzz.h"

#include "audio/sound.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    enum { LONG = 1 << 16 }; // resampling takes long, and is not what is looked at here
    const fuzz_path path = fuzz_write("sound", data, size);
    cv_sound sound;
    convo_error err = {0};
    fuzz_check(cv_sound_read(path.text, 0, &sound, &err), &err);
    fuzz_tell(sound.sample, sound.count * sizeof *sound.sample);
    const bool again = !err.code && sound.count < LONG;
    fuzz_must(err.code || sound.count, "a recording has samples");
    cv_sound_free(&sound);
    if (again) fuzz_check(cv_sound_read(path.text, 8000, &sound, &err), &err);
    fuzz_tell(sound.sample, sound.count * sizeof *sound.sample);
    cv_sound_free(&sound);
    return 0;
}

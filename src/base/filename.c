#include "base/filename.h"

#include "convo.h"

#include <stddef.h>
#include <string.h>
#include <strings.h>

static bool is_one_of(const char *name, const char *const *list) {
    for (; *list; list++)
        if (strcasecmp(name, *list) == 0) return true;
    return false;
}

static bool ends_in(const char *name, const char *const *endings) {
    const char *ending = strrchr(name, '.');
    return ending && is_one_of(ending + 1, endings);
}

const char cv_sound_endings[] = ".wav, .flac, .ogg, .mp3, .aiff, ...",
           cv_picture_endings[] = ".png, .jpg, .jpeg, .webp, .bmp";

bool cv_is_sound_name(const char *name) {
    static const char *const endings[] = {"wav", "wave", "rf64", "w64", "flac", "ogg", "oga", "opus", "mp3",
                                          "aif", "aiff", "aifc", "au",  "snd",  "caf", "voc", "sph",  "nist",
                                          "paf", "svx",  "8svx", "iff", "sf",   "avr", "pvf", "htk",  NULL};
    return ends_in(name, endings);
}

bool cv_is_picture_name(const char *name) {
    static const char *const endings[] = {"png", "jpg", "jpeg", "jpe", "jfif", "webp", "bmp", "dib", NULL};
    return ends_in(name, endings);
}

bool cv_is_list_name(const char *name) {
    static const char *const endings[] = {"csv", "tsv", NULL};
    return ends_in(name, endings);
}

bool cv_is_litter(const char *name) {
    static const char *const names[] = {"__MACOSX", "Thumbs.db", "desktop.ini", NULL};
    return is_one_of(name, names);
}

bool cv_is_document(const char *name) {
    static const char *const endings[] = {"txt",  "md",  "csv", "tsv", "json", "yaml", "yml",
                                          "html", "pdf", "xml", "py",  "sh",   NULL};
    static const char *const names[] = {"README", "LICENSE", "LICENCE", "COPYING", NULL};
    return ends_in(name, endings) || is_one_of(name, names);
}

int32_t cv_part_named(const char *name) {
    static const char *const names[][6] = {
        [CONVO_TRAIN] = {"train", "training", NULL},
        [CONVO_VALIDATION] = {"validation", "val", "valid", "dev", "development", NULL},
        [CONVO_TEST] = {"test", "testing", "eval", "evaluation", NULL},
    };
    for (size_t part = 0; part < sizeof names / sizeof *names; part++)
        if (is_one_of(name, names[part])) return (int32_t)part;
    return -1;
}

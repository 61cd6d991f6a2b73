// A folder of folders, one for each word, with recordings: word/*.wav, or train/word/*.wav with validation and test
// beside it (data/walk.h). The layout of the Speech Commands data sets,
// whose names say who speaks (0a7c2a8d_nohash_0.wav) and whose split keeps each speaker in one part. Pete Warden,
// "Speech Commands: A Dataset for Limited-Vocabulary Speech Recognition", arXiv:1804.03209.
#include "base/file.h"
#include "base/hash.h"
#include "base/filename.h"
#include "data/keywords.h"
#include "data/part_list.h"
#include "data/walk.h"

#include <stdlib.h>
#include <string.h>

typedef struct folder_config {
    char classes[CV_LIST_SIZE];
    cv_keywords_config words;
} folder_config;

static const cv_option schema[] = {
    CV_CLASSES_OPTION(offsetof(folder_config, classes)),
    CV_KEYWORDS_OPTIONS(folder_config, words),
    {.name = NULL},
};

// --- the official split -----------------------------------------------------------------------------------------

// validation_list.txt or testing_list.txt
typedef struct official_list {
    bool there;
    cv_part_list list;
} official_list;

static convo_status read_official(const char *folder, const char *name, official_list *list, convo_error *err) {
    char *path = cv_format("%s/%s", folder, name);
    convo_status status = path ? CONVO_OK : cv_no_memory(err, folder);
    if (!status && (list->there = cv_is_file(path))) status = cv_part_list_read(path, &list->list, err);
    free(path);
    return status;
}

static const char speaker_mark[] = "_nohash_";

// The data set's own rule, `which_set` of TensorFlow's speech_commands/input_data.py with its 10 % for validation and
// 10 % for the test: SHA-1 of what stands before _nohash_, so that all of a speaker's recordings go together and stay
// where they are when others come in.
static int32_t part_of_speaker(cv_word speaker) {
    const double most = (1 << 27) - 1; // MAX_NUM_WAVS_PER_CLASS
    cv_sha1 sha;
    uint8_t digest[CV_SHA1_SIZE];
    cv_sha1_begin(&sha);
    cv_sha1_add(&sha, speaker.text, speaker.length);
    cv_sha1_end(&sha, digest);
    uint32_t low = 0; // the digest as a number modulo 2^27
    for (int k = CV_SHA1_SIZE - 4; k < CV_SHA1_SIZE; k++) low = low << 8 | digest[k];
    const double percent = (low & ((1u << 27) - 1)) * (100.0 / most);
    return percent < 10 ? CONVO_VALIDATION : percent < 20 ? CONVO_TEST : CONVO_TRAIN;
}

// --- scan -------------------------------------------------------------------------------------------------------

typedef struct lists {
    official_list validation, testing;
    bool keywords;
} lists;

static void look(void *context, cv_class_file *file) {
    lists *l = context;
    const char *mark = strstr(file->name, speaker_mark);
    if (mark) file->group = (cv_word){file->name, (size_t)(mark - file->name)};
    if (file->part >= 0) return;
    if (l->validation.there || l->testing.there)
        file->part = cv_part_list_find(&l->validation.list, file->place) ? CONVO_VALIDATION
                     : cv_part_list_find(&l->testing.list, file->place)  ? CONVO_TEST
                                                                         : CONVO_TRAIN;
    else if (mark)
        file->part = part_of_speaker(file->group);
    else if (l->keywords &&
             (strncmp(file->place, "_silence_/", 10) == 0 || strncmp(file->place, "_unknown_/", 10) == 0))
        file->part = CONVO_TEST; // the published test archive
}

static convo_status audiofolder_scan(const char *folder, const void *config, cv_dataset *dataset, convo_error *err) {
    const folder_config *c = config;
    lists l = {.keywords = c->words.keywords[0]};
    const cv_class_walk walk = {.what = "recordings",
                                .endings = cv_sound_endings,
                                .wanted = cv_is_sound_name,
                                .classes = c->classes,
                                .aside = "_background_noise_", // of Speech Commands: noise to mix in
                                .look = look,
                                .context = &l};
    convo_status status = cv_keywords_check(&c->words, c->classes, folder, err);
    if (!status) status = read_official(folder, "validation_list.txt", &l.validation, err);
    if (!status) status = read_official(folder, "testing_list.txt", &l.testing, err);
    if (!status) status = cv_walk_classes(&walk, folder, dataset, err);
    if (!status && c->words.keywords[0]) status = cv_keywords_choose(&c->words, dataset, err);
    cv_part_list_free(&l.validation.list);
    cv_part_list_free(&l.testing.list);
    return status;
}

// The three differ in what is known about them.
#define AUDIOFOLDER .recordings = true, .schema = schema, .config_size = sizeof(folder_config), .scan = audiofolder_scan

const cv_data_kind cv_data_audiofolder = {
    .name = "audiofolder",
    .help = "recordings in one folder for each class; or these in train, validation and test",
    AUDIOFOLDER,
};

const cv_data_kind cv_data_speech_commands_v1 = {
    .name = "speech-commands-v1",
    .help = "Speech Commands 0.01: 64,721 recordings of 30 words, one second at 16 kHz",
    .rate = 16000,
    AUDIOFOLDER,
};

const cv_data_kind cv_data_speech_commands_v2 = {
    .name = "speech-commands-v2",
    .help = "Speech Commands 0.02: 105,829 recordings of 35 words, one second at 16 kHz",
    .rate = 16000,
    AUDIOFOLDER,
};

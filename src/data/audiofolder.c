// A folder of folders, one for each word, with recordings: word/*.wav. The layout of the Speech Commands data sets,
// whose names say who speaks (0a7c2a8d_nohash_0.wav) and whose split keeps each speaker in one part. Pete Warden,
// "Speech Commands: A Dataset for Limited-Vocabulary Speech Recognition", arXiv:1804.03209.
#include "base/file.h"
#include "base/hash.h"
#include "base/limits.h"
#include "data/listing.h"

#include <stdlib.h>
#include <string.h>

typedef struct folder_config {
    char classes[CV_LIST_SIZE];
} folder_config;

static const cv_option schema[] = {
    {.name = "classes",
     .type = CV_LIST,
     .offset = offsetof(folder_config, classes),
     .help =
         "the class folders to take, such as [bed, hey mycroft]; all of them when left out. A text is cut at spaces"},
    {.name = NULL},
};

// --- the official split -----------------------------------------------------------------------------------------

// validation_list.txt or testing_list.txt: sorted lines "word/name", without the ending of the name, since recordings
// may have been packed into another format.
typedef struct part_list {
    bool there;
    char **names;
    int count;
} part_list;

static size_t stem_length(const char *name, size_t length) {
    for (size_t k = length; k > 0 && name[k - 1] != '/'; k--)
        if (name[k - 1] == '.') return k - 1;
    return length;
}

static convo_status read_list(const char *folder, const char *name, part_list *list, convo_error *err) {
    cv_bytes text = {0};
    char *path = cv_format("%s/%s", folder, name);
    convo_status status = path ? CONVO_OK : cv_no_memory(err, folder);
    if (!status && (list->there = cv_is_file(path))) status = cv_file_read(path, CV_LIMIT_LIST, &text, err);
    for (const char *line = (const char *)text.data; line && *line && !status;) {
        const size_t length = strcspn(line, "\r\n"), stem = stem_length(line, length);
        if (stem && !cv_names_add(&list->names, &list->count, line, stem)) status = cv_no_memory(err, path);
        line += length + strspn(line + length, "\r\n");
    }
    free(text.data);
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

typedef struct scanner {
    const char *folder;
    part_list validation, testing;
    cv_listing listing;
} scanner;

static convo_status add_recording(scanner *s, const char *word, const char *name, convo_error *err) {
    const char *mark = strstr(name, speaker_mark);
    const cv_word speaker = {mark ? name : NULL, mark ? (size_t)(mark - name) : 0};
    char *path = cv_format("%s/%s/%s", s->folder, word, name);
    int32_t part = -1;
    if (path && (s->validation.there || s->testing.there)) {
        const char *place = path + strlen(s->folder) + 1;
        const size_t stem = stem_length(place, strlen(place));
        part = cv_names_find(s->validation.names, s->validation.count, place, stem) >= 0 ? CONVO_VALIDATION
               : cv_names_find(s->testing.names, s->testing.count, place, stem) >= 0     ? CONVO_TEST
                                                                                         : CONVO_TRAIN;
    } else if (mark) {
        part = part_of_speaker(speaker);
    }
    return cv_listing_add(&s->listing, path, (cv_word){word, strlen(word)}, speaker, part, err);
}

static convo_status scan_word(scanner *s, const char *word, bool wanted, convo_error *err) {
    char **names = NULL, *path = cv_format("%s/%s", s->folder, word);
    size_t count = 0;
    const size_t before = s->listing.dataset->count;
    convo_status status = path ? cv_folder_list(path, &names, &count, err) : cv_no_memory(err, s->folder);
    for (size_t i = 0; i < count && !status; i++)
        if (cv_is_sound_name(names[i])) status = add_recording(s, word, names[i], err);
    if (!status && wanted && s->listing.dataset->count == before)
        status = cv_fail(err, CONVO_FORMAT, path, "holds no recordings (.wav, .flac, .ogg, .mp3)");
    cv_folder_free(names, count);
    free(path);
    return status;
}

static convo_status scan(const char *folder, const void *config, cv_dataset *dataset, convo_error *err) {
    const folder_config *c = config;
    scanner s = {.folder = folder, .listing = {.dataset = dataset}};
    cv_names words = {0};
    convo_status status = cv_class_folders(folder, c->classes, &words, err);
    if (!status) status = read_list(folder, "validation_list.txt", &s.validation, err);
    if (!status) status = read_list(folder, "testing_list.txt", &s.testing, err);
    for (int k = 0; k < words.count && !status; k++) status = scan_word(&s, words.name[k], c->classes[0], err);
    if (!status && dataset->count == 0)
        status = cv_fail(err, CONVO_FORMAT, folder,
                         "holds no recordings in folders named after words, such as cat/1.wav (.wav, .flac, .ogg, "
                         ".mp3)");
    cv_folder_free(words.name, (size_t)words.count);
    cv_folder_free(s.validation.names, (size_t)s.validation.count);
    cv_folder_free(s.testing.names, (size_t)s.testing.count);
    return cv_listing_end(&s.listing, status, err);
}

// The three differ in what is known about them.
#define AUDIOFOLDER .recordings = true, .schema = schema, .config_size = sizeof(folder_config), .scan = scan

const cv_data_kind cv_data_audiofolder = {
    .name = "audiofolder",
    .help = "recordings in one folder for each class: word/*.wav",
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

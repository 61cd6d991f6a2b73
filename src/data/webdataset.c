// Recordings in tar files, read in place. WebDataset's naming: the files of an example follow each other, and their
// names are the same up to the first dot: cat/0001.wav, cat/0001.cls (or .json, .txt).
// https://github.com/webdataset/webdataset
#include "base/file.h"
#include "base/filename.h"
#include "base/limits.h"
#include "base/slice.h"
#include "format/json.h"
#include "format/tar.h"
#include "data/examples.h"
#include "data/listing.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

typedef struct web_config {
    char label[CV_TEXT_SIZE], field[CV_TEXT_SIZE], speaker[CV_TEXT_SIZE];
    char classes[CV_LIST_SIZE];
} web_config;

#define TEXT(member) .type = CV_TEXT, .offset = offsetof(web_config, member)
static const cv_option schema[] = {
    {.name = "label", TEXT(label), .help = "extension of the files with the class; without, cls, json or txt"},
    {.name = "field", TEXT(field), .text = "label", .help = "the field of a json file with the class"},
    {.name = "speaker", TEXT(speaker), .text = "speaker", .help = "the field of a json file with the speaker, if any"},
    CV_CLASS_NAMES_OPTION(offsetof(web_config, classes)),
    {.name = NULL},
};

// Where a class may be, the first that is there.
enum { CLS, JSON, PLAIN, SOURCES };
static const char *const sources[SOURCES] = {"cls", "json", "txt"};

typedef struct gatherer {
    const web_config *config;
    const char *shard; // path of the tar file
    int32_t part;
    bool numbers; // all classes so far are whole numbers
    cv_listing listing;
    // the example whose files are being read
    char *key, *recording, *group; // recording: as example.path
    char *label[SOURCES];
} gatherer;

// --- one example --------------------------------------------------------------------------------------------------

static void forget_example(gatherer *g) {
    free(g->key);
    free(g->recording);
    free(g->group);
    g->key = g->recording = g->group = NULL;
    for (int k = 0; k < SOURCES; k++) {
        free(g->label[k]);
        g->label[k] = NULL;
    }
}

static bool is_number(const char *label) {
    const size_t digits = strspn(label, "0123456789");
    return digits && !label[digits] && digits < 6 && (digits == 1 || label[0] != '0') && atol(label) < CV_LIMIT_CLASSES;
}

static convo_status end_example(gatherer *g, convo_error *err) {
    const char *label = NULL;
    convo_status status = CONVO_OK;
    for (int k = 0; k < SOURCES && !label; k++) label = g->label[k];
    if (g->recording && !label) {
        status = cv_fail(err, CONVO_FORMAT, g->recording,
                         *g->config->label ? "has no label: no file %s.%s follows or precedes it"
                                           : "has no label: no file %s.%s follows or precedes it, nor .json or .txt",
                         g->key, *g->config->label ? g->config->label : sources[CLS]);
    } else if (g->recording) {
        g->numbers = g->numbers && is_number(label);
        status = cv_listing_add(&g->listing, g->recording, (cv_word){label, strlen(label)},
                                (cv_word){g->group, g->group ? strlen(g->group) : 0}, g->part, err);
        g->recording = NULL;
    }
    forget_example(g);
    return status;
}

// --- its files ----------------------------------------------------------------------------------------------------

static char *trimmed(const char *text, size_t length) {
    while (length && strchr(" \t\r\n", text[length - 1])) length--;
    while (length && strchr(" \t\r\n", *text)) text++, length--;
    return cv_format("%.*s", (int)length, text);
}

// The text of a field that is a string or a whole number; "" where it is not there.
static char *field_text(const json_t *json, const char *field) {
    const json_t *value = json_object_get(json, field);
    if (json_is_integer(value)) return cv_format("%" JSON_INTEGER_FORMAT, json_integer_value(value));
    return json_is_string(value) ? trimmed(json_string_value(value), json_string_length(value)) : cv_format("%s", "");
}

static convo_status read_json(gatherer *g, const char *where, const char *text, size_t size, convo_error *err) {
    json_t *json;
    const convo_status status = cv_json_read(where, 0, text, size, &json, err);
    if (status) return status;
    char *label = field_text(json, g->config->field), *group = field_text(json, g->config->speaker);
    json_decref(json);
    if (!label || !group) {
        free(label);
        free(group);
        return cv_no_memory(err, where);
    }
    const bool asked = !*g->config->label || strcasecmp(g->config->label, sources[JSON]) == 0;
    if (*label && asked)
        g->label[JSON] = label;
    else
        free(label);
    if (*group)
        g->group = group;
    else
        free(group);
    return CONVO_OK;
}

static convo_status read_label(gatherer *g, const cv_tar_member *m, int source, convo_error *err) {
    enum { MOST = 1 << 16, LONGEST = 200 };
    char text[MOST + 1];
    char *where = cv_format("%s/%s", g->shard, m->name);
    convo_status status = where ? CONVO_OK : cv_no_memory(err, g->shard);
    if (!status && m->size > MOST)
        status = cv_fail(err, CONVO_LIMIT, where, "has more than the %d bytes of a label", MOST);
    if (!status && pread(m->file, text, (size_t)m->size, (off_t)m->begin) != (ssize_t)m->size)
        status = cv_fail(err, CONVO_IO, where, "cannot be read");
    if (!status && source == JSON) status = read_json(g, where, text, (size_t)m->size, err);
    if (!status && source != JSON) {
        char *label = g->label[source] = trimmed(text, (size_t)m->size);
        if (!label)
            status = cv_no_memory(err, where);
        else if (!*label || strlen(label) > LONGEST)
            status = cv_fail(err, CONVO_FORMAT, where, "is no class: it has %zu bytes, 1 to %d are wanted",
                             strlen(label), LONGEST);
    }
    free(where);
    return status;
}

static int source_of(const web_config *config, const char *extension) {
    if (*config->label && strcasecmp(extension, config->label) != 0)
        return strcasecmp(extension, sources[JSON]) == 0 ? JSON : -1; // for the speaker
    for (int k = 0; k < SOURCES; k++)
        if (strcasecmp(extension, sources[k]) == 0) return k;
    return *config->label ? CLS : -1;
}

static convo_status take_recording(gatherer *g, const cv_tar_member *m, convo_error *err) {
    if (g->recording)
        return cv_fail(err, CONVO_FORMAT, g->recording, "is followed by %s: there is one recording for each name",
                       m->name);
    g->recording = cv_slice_path(g->shard, m->begin, m->size, m->name);
    return g->recording ? CONVO_OK : cv_no_memory(err, g->shard);
}

static convo_status take_member(void *context, const cv_tar_member *m, convo_error *err) {
    gatherer *g = context;
    const char *slash = strrchr(m->name, '/'), *file = slash ? slash + 1 : m->name, *dot = strchr(file, '.');
    convo_status status = CONVO_OK;
    if (!dot || dot == file) return CONVO_OK; // README; .DS_Store, ._1.wav
    const size_t length = (size_t)(dot - m->name);
    if (g->key && (strlen(g->key) != length || memcmp(g->key, m->name, length) != 0)) status = end_example(g, err);
    if (!status && !g->key && !(g->key = cv_format("%.*s", (int)length, m->name))) status = cv_no_memory(err, g->shard);
    if (status) return status;
    const int source = source_of(g->config, dot + 1);
    if (m->regular && cv_is_sound_name(file)) return take_recording(g, m, err);
    if (m->regular && source >= 0) return read_label(g, m, source, err);
    return m->regular && cv_is_document(file)
               ? CONVO_OK
               : cv_findings_add(&g->listing.dataset->found, CV_FOUND_FORMAT, m->name, err);
}

// --- tar files ----------------------------------------------------------------------------------------------------

// That of a word in the name: "words-train-000001.tar".
static int32_t part_in_name(const char *name) {
    char word[32];
    for (size_t length; *name; name += length + strspn(name + length, "-_.")) {
        length = strcspn(name, "-_.");
        cv_print(word, sizeof word, "%.*s", (int)length, name);
        if (length < sizeof word && cv_part_named(word) >= 0) return cv_part_named(word);
    }
    return -1;
}

static convo_status read_shard(gatherer *g, const char *path, int32_t part, convo_error *err) {
    const char *slash = strrchr(path, '/');
    g->shard = path;
    g->part = part >= 0 ? part : part_in_name(slash ? slash + 1 : path);
    convo_status status = cv_tar_list(path, take_member, g, err);
    if (!status) status = end_example(g, err);
    return status;
}

static bool ends_with(const char *name, const char *ending) {
    const size_t length = strlen(name), rest = strlen(ending);
    return length > rest && strcasecmp(name + length - rest, ending) == 0;
}

// Tar files in a folder, and in folders of parts in it.
static convo_status read_shards(gatherer *g, const char *folder, int32_t part, convo_error *err) {
    char **names = NULL;
    size_t count = 0;
    convo_status status = cv_folder_list(folder, &names, &count, err);
    for (size_t k = 0; k < count && !status; k++) {
        char *path = cv_format("%s/%s", folder, names[k]);
        if (!path)
            status = cv_no_memory(err, folder);
        else if (ends_with(names[k], ".tar.gz") || ends_with(names[k], ".tgz"))
            status = cv_fail(err, CONVO_UNSUPPORTED, path,
                             "is compressed, so that its recordings cannot be read in place: gunzip it");
        else if (ends_with(names[k], ".tar"))
            status = read_shard(g, path, part, err);
        else if (part < 0 && cv_part_named(names[k]) >= 0 && cv_is_folder(path))
            status = read_shards(g, path, cv_part_named(names[k]), err);
        free(path);
    }
    cv_folder_free(names, count);
    return status;
}

// Classes that are numbers are counted as in arrays, from 0, and may have names.
static convo_status number_classes(const web_config *config, const char *path, cv_dataset *d, convo_error *err) {
    cv_examples examples = {.dataset = d};
    for (size_t i = 0; i < d->count; i++) d->example[i].label = (int32_t)atol(d->labels[d->example[i].label]);
    cv_folder_free(d->labels, (size_t)d->label_count);
    d->labels = NULL;
    d->label_count = 0;
    return cv_examples_finish_named(&examples, config->classes, path, err);
}

static convo_status webdataset_scan(const char *path, const void *config, cv_dataset *dataset, convo_error *err) {
    gatherer g = {.config = config, .numbers = true, .listing = {.dataset = dataset}};
    convo_status status = cv_is_folder(path) ? read_shards(&g, path, -1, err) : read_shard(&g, path, -1, err);
    forget_example(&g);
    status = cv_listing_end(&g.listing, status, err);
    if (!status && dataset->count == 0)
        status = cv_fail(err, CONVO_FORMAT, path, "holds no recordings in tar files (name.wav with name.cls)");
    if (!status && g.numbers) return number_classes(config, path, dataset, err);
    if (!status && *g.config->classes)
        status =
            cv_fail(err, CONVO_ARGUMENT, "data.classes", "names classes that are numbers: those of %s are words", path);
    return status;
}

const cv_data_kind cv_data_webdataset = {
    .name = "webdataset",
    .help = "recordings in tar files, with their classes: 1.wav and 1.cls, 1.json or 1.txt in words-train-000.tar",
    .recordings = true,
    .schema = schema,
    .config_size = sizeof(web_config),
    .scan = webdataset_scan,
};

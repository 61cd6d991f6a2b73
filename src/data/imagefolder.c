// A folder of pictures: DIR/class/*.png, or DIR/train/class/*.png with DIR/validation and DIR/test beside it.
#include "base/file.h"
#include "data/listing.h"
#include "data/picture.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

typedef struct imagefolder_config {
    int64_t size[2]; // rows, columns; 0: the first picture's
    int channels;    // index into "1|3"
    bool resize;
    char classes[CV_LIST_SIZE];
} imagefolder_config;

#define FIELD(field) .offset = offsetof(imagefolder_config, field)
static const cv_option schema[] = {
    {.name = "size",
     .type = CV_PAIR,
     FIELD(size),
     .min = 1,
     .max = 16384,
     .help = "rows and columns; without, those of the first picture"},
    {.name = "channels",
     .type = CV_WORD,
     FIELD(channels),
     .fallback = 1,
     .words = "1|3",
     .help = "1: gray, 3: red, green and blue"},
    {.name = "resize",
     .type = CV_BOOL,
     FIELD(resize),
     .help = "resize pictures of another size (bilinear, smoothed to shrink) instead of refusing them"},
    {.name = "classes",
     .type = CV_LIST,
     FIELD(classes),
     .help =
         "the class folders to take, such as [cat, guinea pig]; all of them when left out. A text is cut at spaces"},
    {.name = NULL},
};

static int64_t channels_of(const imagefolder_config *config) {
    return config->channels == 0 ? 1 : 3;
}

static bool shape(const void *config, cv_shape *out) {
    const imagefolder_config *c = config;
    *out = (cv_shape){3, channels_of(c), c->size[0], c->size[1]};
    return c->size[0] > 0;
}

// --- listing ----------------------------------------------------------------------------------------------------

static const struct part {
    const char *folder;
    int part;
} parts[] = {{"train", CONVO_TRAIN}, {"val", CONVO_VALIDATION}, {"validation", CONVO_VALIDATION}, {"test", CONVO_TEST}};

static bool is_picture_name(const char *name) {
    static const char *const endings[] = {".png", ".jpg", ".jpeg"};
    const char *ending = strrchr(name, '.');
    for (size_t k = 0; ending && k < CV_COUNT(endings); k++)
        if (strcasecmp(ending, endings[k]) == 0) return true;
    return false;
}

static convo_status list_class(const char *folder, const char *name, int part, cv_listing *listing, convo_error *err) {
    char **names = NULL, *path = cv_format("%s/%s", folder, name);
    size_t count = 0;
    if (!path) return cv_no_memory(err, folder);
    convo_status status = cv_folder_list(path, &names, &count, err);
    for (size_t i = 0; i < count && !status; i++)
        if (is_picture_name(names[i]))
            status = cv_listing_add(listing, cv_format("%s/%s", path, names[i]), (cv_word){name, strlen(name)},
                                    (cv_word){0}, part, err);
    cv_folder_free(names, count);
    free(path);
    return status;
}

// only: the classes to take; NULL: all.
static convo_status list_classes(const char *folder, const cv_names *only, int part, cv_listing *listing,
                                 convo_error *err) {
    cv_names there = {0};
    convo_status status = cv_class_folders(folder, "", &there, err);
    for (int k = 0; k < there.count && !status; k++)
        if (!only || cv_names_find(only->name, only->count, there.name[k], strlen(there.name[k])) >= 0)
            status = list_class(folder, there.name[k], part, listing, err);
    cv_folder_free(there.name, (size_t)there.count);
    return status;
}

static const struct part *find_part(const char *name) {
    for (size_t k = 0; k < CV_COUNT(parts); k++)
        if (strcmp(parts[k].folder, name) == 0) return &parts[k];
    return NULL;
}

// Whether train is there, and no folder but those of parts: a class may be called "train" too.
static convo_status has_parts(const char *folder, bool *found, convo_error *err) {
    char **names = NULL;
    size_t count = 0;
    convo_status status = cv_folder_list(folder, &names, &count, err);
    bool train = false, other = false;
    for (size_t i = 0; i < count && !status; i++) {
        char *path = cv_format("%s/%s", folder, names[i]);
        if (!path) status = cv_no_memory(err, folder);
        const struct part *part = find_part(names[i]);
        if (path && cv_is_folder(path)) {
            train = train || part == &parts[0];
            other = other || !part;
        }
        free(path);
    }
    cv_folder_free(names, count);
    *found = train && !other;
    return status;
}

static convo_status list_part(const char *folder, const cv_names *only, const struct part *part, cv_listing *listing,
                              convo_error *err) {
    char *path = cv_format("%s/%s", folder, part->folder);
    if (!path) return cv_no_memory(err, folder);
    const convo_status status = cv_is_folder(path) ? list_classes(path, only, part->part, listing, err) : CONVO_OK;
    free(path);
    return status;
}

// What `classes` names must be there: with parts, in that of training.
static convo_status choose(const char *folder, bool official, const char *classes, cv_names *chosen, convo_error *err) {
    char *path = cv_format("%s%s", folder, official ? "/train" : "");
    if (!path) return cv_no_memory(err, folder);
    const convo_status status = cv_class_folders(path, classes, chosen, err);
    free(path);
    return status;
}

static convo_status list_all(const char *folder, const char *classes, cv_dataset *dataset, convo_error *err) {
    cv_listing listing = {.dataset = dataset};
    cv_names chosen = {0};
    const cv_names *only = *classes ? &chosen : NULL;
    bool official;
    convo_status status = has_parts(folder, &official, err);
    if (!status && only) status = choose(folder, official, classes, &chosen, err);
    if (!status && !official) status = list_classes(folder, only, -1, &listing, err);
    for (size_t k = 0; k < CV_COUNT(parts) && official && !status; k++)
        status = list_part(folder, only, &parts[k], &listing, err);
    if (!status && dataset->count == 0)
        status =
            cv_fail(err, CONVO_FORMAT, folder,
                    "holds no pictures in folders named after their classes, such as cat/1.png (.png, .jpg, .jpeg)");
    cv_folder_free(chosen.name, (size_t)chosen.count);
    return cv_listing_end(&listing, status, err);
}

static convo_status scan(const char *folder, const void *config, cv_dataset *dataset, convo_error *err) {
    const imagefolder_config *c = config;
    if (c->resize && !c->size[0])
        return cv_fail(err, CONVO_ARGUMENT, "data.resize",
                       "needs to know to which size: give 'size', such as [32, 32]");
    convo_status status = list_all(folder, c->classes, dataset, err);
    if (status || shape(config, &dataset->shape)) return status;
    cv_picture first;
    status = cv_picture_read(dataset->example[0].path, &first, err);
    dataset->shape.h = first.height;
    dataset->shape.w = first.width;
    cv_picture_free(&first);
    return status;
}

static convo_status read(const char *path, const void *config, cv_shape wanted, float *out, convo_error *err) {
    const imagefolder_config *c = config;
    cv_picture picture;
    convo_status status = cv_picture_read(path, &picture, err);
    if (!status && !c->resize && (picture.height != wanted.h || picture.width != wanted.w))
        status = cv_fail(err, CONVO_SHAPE, path,
                         "has %" PRId64 " rows and %" PRId64 " columns, not %" PRId64 " and %" PRId64
                         ": let data have 'resize: true' and a 'size' to accept pictures of any size",
                         picture.height, picture.width, wanted.h, wanted.w);
    if (!status) status = cv_picture_values(&picture, wanted, out, err);
    cv_picture_free(&picture);
    return status;
}

const cv_data_kind cv_data_imagefolder = {
    .name = "imagefolder",
    .help = "PNG or JPEG pictures in one folder for each class; or these in train, validation and test",
#if !defined(CONVO_HAVE_LIBPNG) && !defined(CONVO_HAVE_LIBJPEG)
    .missing = "libpng-dev and libjpeg-dev, and build again",
#endif
    .schema = schema,
    .config_size = sizeof(imagefolder_config),
    .shape = shape,
    .scan = scan,
    .read = read,
};

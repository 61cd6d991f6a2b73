// A folder of pictures: DIR/class/*.png, or DIR/train/class/*.png with validation and test beside it (data/walk.h).
#include "base/filename.h"
#include "data/keywords.h"
#include "data/picture.h"
#include "data/walk.h"

#include <inttypes.h>
#include <stdlib.h>

typedef struct imagefolder_config {
    int64_t size[2]; // rows, columns; 0: the first picture's
    int channels;    // index into "1|3"
    bool resize, orient;
    char classes[CV_LIST_SIZE];
    cv_keywords_config words; // of pictures of sounds
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
    {.name = "orient",
     .type = CV_BOOL,
     FIELD(orient),
     .help = "turn and mirror each picture as its EXIF data say, as PIL.ImageOps.exif_transpose does (torchvision does "
             "not)"},
    CV_CLASSES_OPTION(offsetof(imagefolder_config, classes)),
    CV_KEYWORDS_OPTIONS(imagefolder_config, words),
    {.name = NULL},
};

static int64_t channels_of(const imagefolder_config *config) {
    return config->channels == 0 ? 1 : 3;
}

static bool imagefolder_shape(const void *config, cv_shape *out) {
    const imagefolder_config *c = config;
    *out = (cv_shape){3, channels_of(c), c->size[0], c->size[1]};
    return c->size[0] > 0;
}

static bool orient(const void *config) {
    const imagefolder_config *c = config;
    return c->orient;
}

static convo_status imagefolder_scan(const char *folder, const void *config, cv_dataset *dataset, convo_error *err) {
    const imagefolder_config *c = config;
    if (c->resize && !c->size[0])
        return cv_fail(err, CONVO_ARGUMENT, "data.resize",
                       "needs to know to which size: give 'size', such as [32, 32]");
    const cv_class_walk walk = {
        .what = "pictures", .endings = cv_picture_endings, .wanted = cv_is_picture_name, .classes = c->classes};
    convo_status status = cv_keywords_check(&c->words, c->classes, folder, err);
    if (!status) status = cv_walk_classes(&walk, folder, dataset, err);
    if (!status && c->words.keywords[0]) status = cv_keywords_choose(&c->words, dataset, err);
    if (status || imagefolder_shape(config, &dataset->shape)) return status;
    cv_picture first;
    status = cv_picture_read(dataset->example[0].path, c->orient, &first, err);
    dataset->shape.h = first.height;
    dataset->shape.w = first.width;
    cv_picture_free(&first);
    return status;
}

static convo_status read(const char *path, const void *config, cv_shape wanted, float *out, convo_error *err) {
    const imagefolder_config *c = config;
    cv_picture picture;
    convo_status status = cv_picture_read(path, c->orient, &picture, err);
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
    .help = "PNG, JPEG, WebP or BMP pictures in one folder for each class; or these in train, validation and test",
    .schema = schema,
    .config_size = sizeof(imagefolder_config),
    .shape = imagefolder_shape,
    .orient = orient,
    .scan = imagefolder_scan,
    .read = read,
};

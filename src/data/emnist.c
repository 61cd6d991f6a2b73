// EMNIST: letters and digits by many hands, in IDX files as the authors' gzip.zip has them. Their pictures are stored
// column by column; here they stand upright, as MNIST's do. Letters are numbered from 1.
// Gregory Cohen and others, "EMNIST: an extension of MNIST to handwritten letters", arXiv:1702.05373.
#include "base/file.h"
#include "data/idx.h"

#include <stdlib.h>
#include <string.h>

typedef struct emnist_config {
    int variant; // index into `variants`
} emnist_config;

// Lower-case letters that look like upper-case ones are one class with these, but in byclass.
#define UPPER  "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"
#define MERGED UPPER "abdefghnqrt"
static const struct {
    const char *name, *classes; // a letter each
    int first_label;
} variants[] = {{"letters", "abcdefghijklmnopqrstuvwxyz", 1},
                {"balanced", MERGED, 0},
                {"byclass", UPPER "abcdefghijklmnopqrstuvwxyz", 0},
                {"bymerge", MERGED, 0},
                {"digits", "0123456789", 0},
                {"mnist", "0123456789", 0}};

static const cv_option schema[] = {
    {.name = "variant",
     .type = CV_WORD,
     .offset = offsetof(emnist_config, variant),
     .words = "letters|balanced|byclass|bymerge|digits|mnist",
     .help = "which division of the characters into classes"},
    {.name = NULL},
};

static convo_status finish(cv_examples *examples, const char *classes, const char *folder, convo_error *err) {
    enum { MOST = 62 };
    char text[MOST][2];
    const char *names[MOST];
    const int count = (int)strlen(classes);
    for (int k = 0; k < count; k++) {
        text[k][0] = classes[k];
        text[k][1] = 0;
        names[k] = text[k];
    }
    return cv_examples_finish(examples, names, count, folder, err);
}

static convo_status emnist_scan(const char *path, const void *config, cv_dataset *dataset, convo_error *err) {
    const emnist_config *c = config;
    cv_examples examples = {.dataset = dataset, .divisor = 255, .first_label = variants[c->variant].first_label};
    char *inner = cv_format("%s/gzip", path); // what gzip.zip unpacks to
    const char *folder = inner && cv_is_folder(inner) ? inner : path;
    char stem[64];
    convo_status status = inner ? CONVO_OK : cv_no_memory(err, path);
    for (int k = 0; k < 2 && !status; k++) {
        cv_print(stem, sizeof stem, "emnist-%s-%s", variants[c->variant].name, k ? "test" : "train");
        status = cv_idx_add(folder, stem, true, k ? CONVO_TEST : CONVO_TRAIN, &examples, err);
    }
    if (!status) status = finish(&examples, variants[c->variant].classes, path, err);
    free(inner);
    return status;
}

const cv_data_kind cv_data_emnist = {
    .name = "emnist",
    .help = "EMNIST: handwritten letters and digits of 28 x 28 pixels, in IDX files (.gz or not)",
    .schema = schema,
    .config_size = sizeof(emnist_config),
    .shape = cv_idx_shape,
    .scan = emnist_scan,
};

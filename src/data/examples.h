// Examples from arrays of numbers: shared by the kinds of arrays and of pictures in arrays.
#pragma once

#include "format/numbers.h"
#include "data/dataset.h"

typedef struct cv_examples {
    cv_dataset *dataset; // the data set they are added to
    double divisor;      // of the features: 1, or 255 for pixels
    int64_t first_label; // that of class 0
    int columns;         // of one-hot labels, so that classes without examples count; 0 so far
    uint8_t *truth;      // [count][width] the zeros and ones, of arrays that have them
    size_t width, room;
    bool several; // some have several ones, or none: the label of an example then is -2 until it is finished
} cv_examples;

// Adds the examples of one part: features [N, c], [N, c, w] or [N, c, h, w], labels [N], [N, 1] or [N,
// classes] of zeros and ones: one-hot, or several ones or none. Features must be finite. part: CONVO_TRAIN, ... or -1.
// Sets dataset->shape.
convo_status cv_examples_add(cv_examples *examples, const cv_numbers *features, const cv_numbers *labels, int part,
                             convo_error *err);
// Converts the labels to classes once all examples are added. names: of the classes; NULL: "-1" and "+1" if these are
// the labels, else "0", "1", ... where: what errors call the labels.
convo_status cv_examples_finish(cv_examples *examples, const char *const *names, int count, const char *where,
                                convo_error *err);
// The option `classes` of kinds that accept names for the numbers.
#define CV_CLASS_NAMES_OPTION(at)                                                                                      \
    {                                                                                                                  \
        .name = "classes", .type = CV_LIST, .offset = (at),                                                            \
        .help = "names of classes 0, 1, ...; without, the lines of labels.txt in the folder, if there is one"          \
    }
#define CV_FIRST_LABEL_OPTION(at)                                                                                      \
    {                                                                                                                  \
        .name = "first_label", .type = CV_INT, .offset = (at), .min = 0, .max = 1,                                     \
        .help = "1 where classes are numbered from 1, as in MATLAB"                                                    \
    }
#define CV_LAYOUT_OPTION(at, usual)                                                                                    \
    {                                                                                                                  \
        .name = "layout", .type = CV_TEXT, .offset = (at),                                                             \
        .help =                                                                                                        \
            "order of the dimensions, by letters: n examples (first, if left out), c channels, h rows, w columns; "    \
            "without, " usual                                                                                          \
    }
// cv_examples_finish with the option `classes`, a list, and the folder (or file) of the data.
convo_status cv_examples_finish_named(cv_examples *examples, const char *list, const char *path, convo_error *err);
void cv_examples_free(cv_examples *examples); // not the data set

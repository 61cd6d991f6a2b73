// Folders of classes, for audiofolder and imagefolder: DIR/class/**/file, or DIR/train/class/**/file with validation
// and test next to train. Folders in a class folder are walked, including links.
#pragma once

#include "data/listing.h"

// A file that is wanted.
typedef struct cv_class_file {
    const char *place; // below the data set's folder: "cat/ann/1.wav"
    const char *name;  // "1.wav"
    cv_word group;     // the speaker; none so far
    int32_t part;      // from the folder; -1: the folders give no part
} cv_class_file;

typedef struct cv_class_walk {
    const char *what;                 // "recordings"
    const char *endings;              // ".wav, .flac"
    bool (*wanted)(const char *name); // by its name
    const char *classes;              // a list; "": all
    const char *aside;                // a folder that is no class; NULL: none
    // Fills in what else is known about a file; may be NULL.
    void (*look)(void *context, cv_class_file *file);
    void *context;
} cv_class_walk;

// Lists the examples of a folder, sorted, class by class, the training part first. What is skipped goes to
// dataset->found. A class without an example is an error, as is a folder without classes.
convo_status cv_walk_classes(const cv_class_walk *walk, const char *folder, cv_dataset *dataset, convo_error *err);

// The option `classes`, of a field char[CV_LIST_SIZE].
#define CV_CLASSES_OPTION(field_offset)                                                                                \
    {                                                                                                                  \
        .name = "classes", .type = CV_LIST, .offset = (field_offset),                                                  \
        .help = "the class folders to take, such as [bed, hey mycroft]; all of them when left out. A text is cut at "  \
                "spaces"                                                                                               \
    }

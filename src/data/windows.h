// Cuts long recordings into windows, labelled by the segments that a list gives.
#pragma once

#include "data/listing.h"

typedef struct cv_windows_config {
    double window, hop;      // seconds; window 0: recordings are not cut; hop 0: as long as the window
    char rest[CV_TEXT_SIZE]; // label of windows that have none; "": they are left out
} cv_windows_config;

#define CV_WINDOWS_OPTIONS(block, field)                                                                               \
    CV_OPTION(                                                                                                         \
        "window", CV_FLOAT, block, field.window,                                                                       \
        "seconds: recordings are cut into windows of this length, labelled by the column start and end; 0: they "      \
        "are not cut",                                                                                                 \
        CV_RANGE(0, 3600)),                                                                                            \
        CV_OPTION("hop", CV_FLOAT, block, field.hop, "seconds from a window to the next (0: the window)",              \
                  CV_RANGE(0, 3600)),                                                                                  \
        CV_OPTION("rest", CV_TEXT, block, field.rest,                                                                  \
                  "label of windows in which no listed segment is; without: they are left out")

// Replaces the listed segments, whose pieces say where they are, by windows of their recordings. A window has the label
// of the segment that it shares most time with, if that is half of the window or half of the segment. Windows of one
// recording are a group, unless the list gives groups. Nothing is done where the windows have no length.
convo_status cv_windows_cut(const cv_windows_config *config, cv_listing *listing, convo_error *err);

// What a user should know about a data set before training: what was skipped, what is in several parts of a split.
#pragma once

#include "base/base.h"

typedef enum cv_finding {
    CV_FOUND_FORMAT,
    CV_FOUND_EMPTY,
    CV_FOUND_OUTSIDE,
    CV_FOUND_LOOP,
    CV_FOUND_DEEP,
    CV_FOUND_NAME,
    CV_FOUND_FOLDER,
    CV_FOUND_COLUMN,
    CV_FOUND_UNREADABLE,
    CV_FOUND_LEFT_OUT,
    CV_FOUND_LONG,
    CV_FOUND_LEAK,
    CV_FOUND_COPY,
    CV_FOUND_LABEL,
    CV_FOUND_GROUP,
    CV_FOUND_KNOWN_GROUP,
    CV_FOUND_NO_TRAINING,
    CV_FOUND_NO_VALIDATION,
    CV_FOUND_NO_TEST,
    CV_FOUND_KINDS,
} cv_finding;

typedef struct cv_findings {
    convo_finding of[CV_FOUND_KINDS]; // count 0: none of this kind
} cv_findings;

// Adds one to a kind, and keeps the name if it is among the first.
convo_status cv_findings_add(cv_findings *findings, cv_finding kind, const char *name, convo_error *err);
void cv_findings_free(cv_findings *findings);
// Moves the findings that exist to *out.
convo_status cv_findings_give(cv_findings *findings, convo_findings *out, convo_error *err);

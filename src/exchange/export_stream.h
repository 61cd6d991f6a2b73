// What an exported model needs to listen.
#pragma once

#include "ship/write.h"
#include "stream/hops.h"

typedef struct cv_export_stream {
    cv_ship_stream ship; // of what follows
    cv_hops *hops;
    convo_listening listening;
    float *numbers; // thresholds, reset levels
    cv_gate gate;
} cv_export_stream;

// Errors: STATE if the model has no front end; UNSUPPORTED if it carries a state from window to window. The caller
// frees it, also then.
convo_status cv_export_stream_new(const convo_model *model, bool i8, cv_export_stream *stream, convo_error *err);
void cv_export_stream_free(cv_export_stream *stream);

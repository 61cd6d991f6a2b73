// A device that listens: its program hop after hop, each computing only what is new, with the bits of whole windows.
#pragma once

#include "model/on_device.h"
#include "stream/layout.h"

typedef struct cv_hops {
    cv_program *program;
    bool moves;           // only what is new is computed; else the program reads whole windows
    cv_listener listener; // which samples it reads
    int32_t early;        // hops before there is a whole window
    int32_t phases;       // hops after which everything lies in the same place again
    void *memory;         // to run it here; NULL where it does not move
    int16_t *sample;      // [listener.keep]
} cv_hops;

// hop: samples from window to window. carry: as in columns.h, which is refused.
convo_status cv_hops_new(const convo_model *model, bool i8, size_t hop, bool carry, cv_hops **hops, convo_error *err);
void cv_hops_free(cv_hops *hops);
void cv_hops_clear(cv_hops *hops);
// Takes the next window of checked samples, as cv_columns_hear does.
void cv_hops_hear(cv_hops *hops, const float *window, int64_t number, float *probabilities);

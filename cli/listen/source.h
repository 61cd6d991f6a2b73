// Where `convo listen` has its samples from: a sound file, standard input or a microphone.
#pragma once

#include "output.h"

typedef struct cli_source cli_source;

typedef struct cli_source_options {
    const char *path;   // of a sound file; "-": standard input; NULL: a microphone
    const char *device; // the microphone; NULL: the usual one
    const char *format; // of raw samples: "s16", ...; NULL: that one
    int64_t rate;       // of raw samples or the microphone; -1: the model's
    int model_rate;
    bool real_time; // a file is read no faster than it sounds
} cli_source_options;

// Each returns the exit status, after an error message.
int source_open(const cli_source_options *options, cli_source **source);
// Waits for samples, a tenth of a second at most. *count may be 0 before the end.
int source_read(cli_source *source, float *samples, size_t most, size_t *count, bool *end);
int source_rate(const cli_source *source);
int64_t source_lost(const cli_source *source); // how often a microphone's samples came sooner than they were read
void source_close(cli_source *source);
int list_microphones(const cli_context *context);

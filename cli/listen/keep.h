// --save-heard: the windows in which something was heard, as WAV files.
#pragma once

#include "output.h"

typedef struct cli_keep cli_keep;

// folder: gets a folder for each label. source: the file that is heard, or "-" or NULL. hops: in which the highest
// probability is looked for. Each returns the exit status, after an error message.
int keep_open(const char *folder, const char *source, int rate, double window, double hop, int hops, int classes,
              cli_keep **keep);
void keep_close(cli_keep *keep);
void keep_samples(cli_keep *keep, const float *samples, size_t count);
void keep_scores(cli_keep *keep, const convo_event *event);
// Writes the window of the highest probability of the class; *path is its file, of the keep until the next call.
int keep_event(cli_keep *keep, const convo_event *event, const char *label, const char **path);

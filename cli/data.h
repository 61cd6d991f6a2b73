// What the subcommands of convo data share.
#pragma once

#include "command.h"

// What is wrong with a data set. report_findings prints all of it and returns FAILED if anything is a fault.
json_t *findings_json(const convo_findings *found);
void print_findings(const convo_findings *found);
int report_findings(const cli_context *context, const char *word, const convo_findings *found);

// convo data cache. clear: removes the files first.
int run_cache(const cli_context *context, bool clear);
// What a split puts into each part. The line: "training 2700 (6 groups), test 300 (6 groups)". The table has a row for
// each class, with the number of its groups in brackets.
json_t *parts_json(const convo_parts *parts);
void print_parts_line(FILE *out, const convo_parts *parts);
int print_parts_table(FILE *out, const convo_parts *parts);
// The largest class against the smallest, and what always answering the largest would score.
void print_imbalance(FILE *out, const convo_parts *parts);

// convo data get
int get_data(const cli_context *context, const char *name, const char *from, bool force);

// convo data mix, of the data set `name` in a folder.
typedef struct cli_mix {
    const char *out, *split, *noise, *rooms, *snr, *gap, *level;
    int64_t rounds, rate, seed, trim; // below 0: not given
} cli_mix;
const char *mix_option(const cli_mix *values); // the first that is given, but for --out; NULL: none
int mix_data(const cli_context *context, const cli_mix *values, const char *name, const char *folder);

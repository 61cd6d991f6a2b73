// What the subcommands of convo data share.
#pragma once

#include "command.h"

// What is wrong with a data set. report_findings prints all of it and returns FAILED if anything is a fault.
json_t *findings_json(const convo_findings *found);
void print_findings(const convo_findings *found);
int report_findings(const cli_context *context, const char *word, const convo_findings *found);

// convo data cache. clear: removes the files first.
int run_cache(const cli_context *context, bool clear);
// convo data get
int get_data(const cli_context *context, const char *name, const char *from, bool force);

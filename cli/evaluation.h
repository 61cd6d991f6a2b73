// An evaluation, for people and as JSON.
#ifndef CLI_EVALUATION_H
#define CLI_EVALUATION_H

#include "command.h"

// "test"
const char *part_name(convo_part part);
// Parses the value of --split; NULL: the held-out part.
int find_part(const char *command, const char *name, convo_part *part);
// top: also print the top-k accuracy; 0: do not.
int print_evaluation(const convo_evaluation *evaluation, int top, bool by_group);
json_t *evaluation_json(const convo_evaluation *evaluation, int top, bool by_group);

#endif

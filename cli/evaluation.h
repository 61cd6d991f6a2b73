// An evaluation, for people and as JSON.
#ifndef CLI_EVALUATION_H
#define CLI_EVALUATION_H

#include "command.h"

// "test"
const char *part_name(convo_part part);
// --split; NULL: what is held out.
int find_part(const char *command, const char *name, convo_part *part);
// top: 0 for none.
int print_evaluation(const convo_evaluation *evaluation, int top, bool by_group);
json_t *evaluation_json(const convo_evaluation *evaluation, int top, bool by_group);

#endif

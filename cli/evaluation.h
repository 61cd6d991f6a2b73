// An evaluation, for people and as JSON.
#pragma once

#include "command.h"

// "test"
const char *part_name(convo_part part);
// Parses the value of --split; NULL: the held-out part.
int find_part(const char *command, const char *name, convo_part *part);
// Parses --on and --int8; name NULL: this computer. Returns the exit status.
int find_machine(const char *command, const char *name, bool int8, convo_machine *machine);
// Applies them to a model. how: where the data are, for --int8. Returns the exit status.
int run_on(const char *command, convo_model *model, const char *name, bool int8, const convo_train_options *how);
// top: also print the top-k accuracy; 0: do not.
int print_evaluation(const convo_evaluation *evaluation, int top, bool by_group);
json_t *evaluation_json(const convo_evaluation *evaluation, int top, bool by_group);
// Lists the mistakes, the most confident first, at least room for one; the caller frees *list.
typedef struct cli_mistake {
    int64_t row;        // of the evaluation
    double probability; // of the predicted class; 0 if the model gives none
} cli_mistake;
int list_mistakes(const convo_evaluation *evaluation, cli_mistake **list, int64_t *count);

// Where the data set of a recipe or a run is.
#pragma once

#include "recipe/recipe.h"

// Finds the folder: the first of options->data, the folder that the run was trained on (which must exist), data.path of
// the recipe, and what options->search finds. The caller frees *folder.
convo_status cv_data_folder(const convo_recipe *recipe, const convo_train_options *options, char **folder,
                            convo_error *err);
// Writes the run's record of its data set, data.txt: the absolute path. folder "": the data set is generated, and
// nothing is written.
convo_status cv_data_folder_note(const char *run, const char *folder, convo_error *err);
// Returns the recorded folder; NULL if `run` (may be NULL) has no record.
char *cv_data_folder_noted(const char *run);

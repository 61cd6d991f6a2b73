// Where the data set of a recipe or a run is.
#ifndef CV_DATA_FOLDER_H
#define CV_DATA_FOLDER_H

#include "recipe/recipe.h"

// The first of: options->data, the folder that the run was trained on (which must be there), data.path of the recipe,
// what options->search finds. Free *folder.
convo_status cv_data_folder(const convo_recipe *recipe, const convo_train_options *options, char **folder,
                            convo_error *err);
// A run's note of its data set, data.txt: the absolute path. folder "": made up, so there is nothing to note.
convo_status cv_data_folder_note(const char *run, const char *folder, convo_error *err);
// NULL where `run` (NULL is allowed) has no note.
char *cv_data_folder_noted(const char *run);

#endif

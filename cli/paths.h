// Where recipes, data sets and runs are found, and files are written.
#ifndef CLI_PATHS_H
#define CLI_PATHS_H

#include "command.h"

// Folders that hold data sets by name, NULL-ended. recipe: the recipe's file, or NULL. NULL without memory.
char **data_folders(const char *recipe);
// What convo keeps between runs: $CONVO_HOME, else the user's cache. NULL when there is no such place. Free it.
char *home_folder(void);
// Folder for computed features; NULL when there is no place for it. Free it.
char *feature_folder(void);
void free_texts(char **texts); // NULL-ended
// Finds RECIPE, a path or a bare name, and applies --set. *file (may be NULL) receives the path; free it.
int open_recipe(const char *word, const cli_list *settings, convo_recipe **recipe, char **file);
// The same where a model may be named as well: a .safetensors file or a run folder gives the recipe it was trained by.
int open_recipe_or_model(const char *word, const cli_list *settings, convo_recipe **recipe);
// The same, and the model itself where the word names one, else NULL. data: folder of the data set of a recipe that has
// no `input`; NULL: where it says, or is found.
int open_net(const char *word, const cli_list *settings, const char *data, convo_recipe **recipe, convo_model **model);

// Names of the recipes ("moons", "fields/padding") in recipes/ and where convo is installed, sorted, NULL-ended. NULL
// without memory.
char **recipe_names(void);
int no_recipes(void); // says that there are none, and where they were looked for

// A run folder: whether there is one; says that it is not replaced, returns FAILED; removes what would lie about a new
// run, once that has begun.
bool holds_run(const char *folder);
int refuse_run(const char *folder);
void forget_run(const char *folder);

bool is_file(const char *path);
bool is_folder(const char *path);
// Writes a whole file, or nothing.
int write_text(const char *path, const char *text);
int write_bytes(const char *path, const void *data, size_t size);
char *text_of(const char *format, ...) PRINTF(1, 2); // new, or NULL without memory
const char *base_name(const char *path);

#endif

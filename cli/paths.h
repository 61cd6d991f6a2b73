// Where recipes, data sets and runs are found, and where files are written.
#pragma once

#include "output.h"

// Returns the folders that contain data sets by name, NULL-terminated; NULL if memory runs out. recipe: the file of the
// recipe, or NULL. Free with free_texts.
char **data_folders(const char *recipe);
// Returns the folder for what convo keeps between runs: $CONVO_HOME, else the user's cache; NULL if there is none. The
// caller frees it.
char *home_folder(void);
// Returns the folder for computed features; NULL if there is none. The caller frees it.
char *feature_folder(void);
void free_texts(char **texts); // NULL-ended

// Where a command finds data: `how` has the folders that are searched, the cache of features, data and threads.
typedef struct cli_data {
    convo_train_options how;
    char **search, *cache;
    cli_progress progress;
} cli_data;
// recipe: the file of the recipe, or NULL; data: --data, or NULL; threads: --threads. Call data_close in any case.
int data_open(cli_data *d, const char *recipe, const char *data, int64_t threads);
void data_close(cli_data *d); // once; d->how refers to what is freed
// From now on, reading, scoring and notes show on the terminal. d must stay where it is.
void data_show(cli_data *d, const cli_context *context);
// Finds RECIPE, a path or a bare name, and applies --set. *file (may be NULL) receives the path; the caller frees it.
int open_recipe(const char *word, const cli_list *settings, convo_recipe **recipe, char **file);
// Does the same, but also accepts a model: a .safetensors file or a run folder gives the recipe it was trained with.
int open_recipe_or_model(const char *word, const cli_list *settings, convo_recipe **recipe);
// Does the same and loads the model if the word names one, else sets *model to NULL. data: folder of the data set for a
// recipe without `input`; NULL: the folder that the recipe gives, or the one found.
int open_net(const char *word, const cli_list *settings, const char *data, convo_recipe **recipe, convo_model **model);

// Returns the names of the recipes ("moons", "fields/padding") in recipes/ and in the installation, sorted,
// NULL-terminated; NULL if memory runs out.
char **recipe_names(void);
int no_recipes(void); // reports that there are none, and where they were searched

// Run folders. holds_run: whether there is a run. refuse_run: reports that the run is not replaced and returns FAILED.
// forget_run: removes what would misrepresent a new run, once that has begun.
bool holds_run(const char *folder);
int refuse_run(const char *folder);
void forget_run(const char *folder);

bool is_page(const char *path);                                          // NAME.html or NAME.htm
int check_out(const char *command, const char *out, const char *ending); // that --out ends in .html, .safetensors, ...
bool is_file(const char *path);
bool is_same_file(const char *a, const char *b); // two names of one file that is there
bool is_folder(const char *path);
int write_text(const char *path, const char *text);  // atomically
char *text_of(const char *format, ...) PRINTF(1, 2); // new; NULL if memory runs out
const char *base_name(const char *path);

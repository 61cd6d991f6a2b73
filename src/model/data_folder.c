#define _DEFAULT_SOURCE // realpath
#include "model/data_folder.h"

#include "base/file.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char note_name[] = "data.txt";

static bool exists(const char *path) {
    return cv_is_folder(path) || cv_is_file(path);
}

// As seen from the current folder, where it is below that: what is printed stays short, and computed features are found
// again under the names that they were stored by.
static char *shorten(const char *path) {
    char here[PATH_MAX];
    const size_t length = getcwd(here, sizeof here) ? strlen(here) : 0;
    const bool below = length > 1 && !strncmp(path, here, length) && path[length] == '/' && path[length + 1];
    return cv_format("%s", below ? path + length + 1 : path);
}

// data.path as it stands, else in one of the folders that are searched for data sets.
static char *find_path(const char *path, const char *const *search) {
    for (; *path != '/' && !exists(path) && search && *search; search++) {
        char *found = cv_format("%s/%s", *search, path);
        if (!found || exists(found)) return found;
        free(found);
    }
    return cv_format("%s", path);
}

convo_status cv_data_folder(const convo_recipe *recipe, const convo_train_options *options, char **folder,
                            convo_error *err) {
    *folder = NULL;
    char *resumed = options->resume ? cv_data_folder_noted(options->out) : NULL;
    const char *noted = recipe->noted_data ? recipe->noted_data : resumed;
    convo_status status = CONVO_OK;
    if (options->data)
        *folder = cv_format("%s", options->data);
    else if (noted && !exists(noted)) // another one, found by name, may hold what the net was trained on
        status = cv_fail(err, CONVO_IO, noted,
                         "the data set of this run is no longer here: pass the folder where it is now with --data");
    else if (noted)
        *folder = shorten(noted);
    else if (recipe->data_path[0])
        *folder = find_path(recipe->data_path, options->search);
    else
        status = convo_data_find(recipe->data->name, options->search, folder, err);
    if (!status && !*folder) status = cv_no_memory(err, "the data set's folder");
    free(resumed);
    return status;
}

convo_status convo_recipe_find_data(const convo_recipe *recipe, const convo_train_options *options, char **folder,
                                    convo_error *err) {
    static const convo_train_options none;
    if (!recipe || !folder || !recipe->data)
        return cv_fail(err, CONVO_ARGUMENT, "", "a recipe with data, and room for their folder are needed");
    CV_TRY(cv_data_folder(recipe, options ? options : &none, folder, err));
    if (!**folder || exists(*folder)) return CONVO_OK;
    const convo_status status = cv_fail(err, CONVO_IO, *folder, "there is no such folder or file");
    free(*folder);
    *folder = NULL;
    return status;
}

convo_status cv_data_folder_note(const char *run, const char *folder, convo_error *err) {
    char *note = cv_format("%s/%s", run, note_name), *full = *folder ? realpath(folder, NULL) : NULL,
         *text = full ? cv_format("%s\n", full) : NULL;
    convo_status status = CONVO_OK;
    if (!note || (full && !text))
        status = cv_no_memory(err, run);
    else if (*folder && !full)
        status = cv_fail(err, CONVO_IO, folder, "cannot be found: %s", strerror(errno));
    else if (full)
        status = cv_file_write(note, text, strlen(text), err);
    else
        remove(note);
    free(note);
    free(full);
    free(text);
    return status;
}

char *cv_data_folder_noted(const char *run) {
    char *note = run ? cv_format("%s/%s", run, note_name) : NULL;
    cv_bytes text = {0};
    const bool read = note && cv_is_file(note) && !cv_file_read(note, PATH_MAX + 1, &text, NULL);
    free(note);
    if (read && text.size && text.data[text.size - 1] == '\n') text.data[--text.size] = 0;
    if (read && text.size) return (char *)text.data;
    free(text.data);
    return NULL;
}

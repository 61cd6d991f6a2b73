// Where recipes and data sets are found. The library never reads the environment; the command does, here.
#define _GNU_SOURCE // vasprintf
#include "command.h"

#include <dirent.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#ifndef CONVO_SHARE
#define CONVO_SHARE "/usr/local/share/convo" // of the install; the build says where
#endif

bool is_file(const char *path) {
    struct stat status;
    return !stat(path, &status) && S_ISREG(status.st_mode);
}

bool is_folder(const char *path) {
    struct stat status;
    return !stat(path, &status) && S_ISDIR(status.st_mode);
}

char *text_of(const char *format, ...) {
    va_list args;
    va_start(args, format);
    char *text = NULL;
    int length = vasprintf(&text, format, args);
    va_end(args);
    return length < 0 ? NULL : text;
}

const char *base_name(const char *path) {
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

void free_texts(char **texts) {
    for (char **text = texts; text && *text; text++) free(*text);
    free(texts);
}

// --- data sets --------------------------------------------------------------------------------------------------

static const char *environment(const char *name) {
    const char *value = getenv(name);
    return value && *value ? value : NULL;
}

// data/ beside the folder of the recipe: recipes/x.yaml has data/, a/recipes/x.yaml has a/data.
static char *data_beside(const char *recipe) {
    char *folder = text_of("%.*s", (int)(base_name(recipe) - recipe), recipe); // "a/recipes/", "" for the current one
    if (!folder) return NULL;
    size_t length = strlen(folder);
    while (length > 1 && folder[length - 1] == '/') folder[--length] = '\0';
    const char *last = base_name(folder);
    char *data = !*last || *last == '.' ? text_of("%s%sdata", folder, *folder ? "/../" : "../")
                                        : text_of("%.*sdata", (int)(last - folder), folder);
    free(folder);
    return data;
}

char **data_folders(const char *recipe) {
    enum { MOST = 4 };
    char **folders = calloc(MOST + 1, sizeof *folders);
    if (!folders) return NULL;
    size_t count = 0;
    folders[count] = strdup("data");
    bool complete = folders[count++];
    char *beside = recipe ? data_beside(recipe) : NULL;
    if (beside && strcmp(beside, "data") && strcmp(beside, "./data"))
        folders[count++] = beside;
    else
        free(beside);
    const char *home = environment("CONVO_HOME"), *cache = environment("XDG_CACHE_HOME"), *user = environment("HOME");
    if (home)
        complete = (folders[count++] = strdup(home)) && complete;
    else if (cache)
        complete = (folders[count++] = text_of("%s/convo", cache)) && complete;
    else if (user)
        complete = (folders[count++] = text_of("%s/.cache/convo", user)) && complete;
    complete = complete && (folders[count] = strdup(CONVO_SHARE "/data"));
    if (complete) return folders;
    for (size_t k = 0; k <= MOST; k++) free(folders[k]);
    free(folders);
    return NULL;
}

// --- recipes ----------------------------------------------------------------------------------------------------

static const char *const recipe_folders[] = {"recipes", CONVO_SHARE "/recipes"};

static bool ends_with(const char *text, const char *end) {
    size_t length = strlen(text), tail = strlen(end);
    return length >= tail && !strcmp(text + length - tail, end);
}

static int unknown_recipe(const char *word) {
    cli_hint near = hint_start(word);
    for (size_t k = 0; k < COUNT(recipe_folders); k++) {
        DIR *folder = opendir(recipe_folders[k]);
        for (struct dirent *entry; folder && (entry = readdir(folder));) {
            if (!ends_with(entry->d_name, ".yaml")) continue;
            char name[256];
            snprintf(name, sizeof name, "%.*s", (int)(strlen(entry->d_name) - strlen(".yaml")), entry->d_name);
            hint_offer(&near, name);
        }
        if (folder) closedir(folder);
    }
    return complain(word, "no recipe of this name in recipes/ or %s%s", recipe_folders[1], near.text);
}

static int find_recipe(const char *word, char **file) {
    if (strchr(word, '/') || ends_with(word, ".yaml") || ends_with(word, ".yml") || is_file(word)) {
        *file = strdup(word);
        return *file ? DONE : no_memory();
    }
    for (size_t k = 0; k < COUNT(recipe_folders); k++) {
        *file = text_of("%s/%s.yaml", recipe_folders[k], word);
        if (!*file) return no_memory();
        if (is_file(*file)) return DONE;
        free(*file);
        *file = NULL;
    }
    return unknown_recipe(word);
}

static int apply(convo_recipe *recipe, const cli_list *settings) {
    convo_error err;
    for (size_t k = 0; k < settings->count; k++)
        if (convo_recipe_set(recipe, settings->text[k], &err)) return fail(&err);
    return DONE;
}

int open_recipe(const char *word, const cli_list *settings, convo_recipe **recipe, char **file) {
    convo_error err;
    char *path = NULL;
    int status = find_recipe(word, &path);
    if (!status && convo_recipe_load(path, recipe, &err)) status = fail(&err);
    if (!status) status = apply(*recipe, settings);
    if (!status && file) {
        *file = path;
        return DONE;
    }
    free(path);
    return status;
}

int open_recipe_or_model(const char *word, const cli_list *settings, convo_recipe **recipe) {
    if (!is_folder(word) && !ends_with(word, ".safetensors")) return open_recipe(word, settings, recipe, NULL);
    convo_error err;
    convo_model *model = NULL;
    char *text = NULL;
    int status = DONE;
    if (convo_model_load(word, &model, &err) || convo_recipe_text(convo_model_recipe(model), &text, &err) ||
        convo_recipe_parse(text, strlen(text), word, recipe, &err))
        status = fail(&err);
    if (!status) status = apply(*recipe, settings);
    free(text);
    convo_model_free(model);
    return status;
}

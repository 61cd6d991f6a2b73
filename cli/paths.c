// Where recipes and data sets are found. The library never reads the environment; the command does, here.
#define _GNU_SOURCE // vasprintf
#include "output.h"
#include "paths.h"

#include <dirent.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

// Of the installation; the build says where.
#ifndef CONVO_PREFIX
#define CONVO_PREFIX  "/usr/local"
#define CONVO_COMMAND "bin/convo"
#define CONVO_SHARE   "share/convo"
#endif

static bool ends_with(const char *text, const char *end) {
    size_t length = strlen(text), tail = strlen(end);
    return length >= tail && !strcmp(text + length - tail, end);
}

bool is_page(const char *path) {
    const char *ending = strrchr(base_name(path), '.');
    return ending && ending > base_name(path) && (!strcasecmp(ending, ".html") || !strcasecmp(ending, ".htm"));
}

int check_out(const char *command, const char *out, const char *ending) {
    const bool good = !strcmp(ending, ".html") ? is_page(out) : ends_with(out, ending);
    return good ? DONE : usage_error(command, "--out must end in %s, not '%s'", ending, out);
}

bool is_file(const char *path) {
    struct stat status;
    return !stat(path, &status) && S_ISREG(status.st_mode);
}
bool is_same_file(const char *a, const char *b) {
    struct stat one, other;
    return !stat(a, &one) && !stat(b, &other) && one.st_dev == other.st_dev && one.st_ino == other.st_ino;
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

// The share folder that belongs to this command, wherever both were moved to: of its installation, or beside it in a
// build folder. Free it.
static char *share_folder(void) {
    char self[4096] = "";
    const ssize_t length = readlink("/proc/self/exe", self, sizeof self - 1); // Linux; elsewhere it was not moved
    static const char *const command[] = {"/" CONVO_COMMAND, "/convo"};
    for (size_t k = 0; length > 0 && k < COUNT(command); k++) {
        if (!ends_with(self, command[k])) continue;
        char *share = text_of("%.*s/" CONVO_SHARE, (int)(strlen(self) - strlen(command[k])), self);
        if (!share || is_folder(share)) return share;
        free(share);
    }
    return text_of(CONVO_PREFIX "/" CONVO_SHARE);
}

static char *shared(const char *name) {
    char *share = share_folder(), *path = share ? text_of("%s/%s", share, name) : NULL;
    free(share);
    return path;
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

char *home_folder(void) {
    const char *home = environment("CONVO_HOME"), *cache = environment("XDG_CACHE_HOME"), *user = environment("HOME");
    return home ? strdup(home) : cache ? text_of("%s/convo", cache) : user ? text_of("%s/.cache/convo", user) : NULL;
}

char *feature_folder(void) {
    char *home = home_folder(), *folder = home ? text_of("%s/features", home) : NULL;
    free(home);
    return folder;
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
    char *home = home_folder();
    if (home) folders[count++] = home;
    complete = complete && (folders[count] = shared("data"));
    if (complete) return folders;
    for (size_t k = 0; k <= MOST; k++) free(folders[k]);
    free(folders);
    return NULL;
}

int data_open(cli_data *d, const char *recipe, const char *data, int64_t threads) {
    *d = (cli_data){.search = data_folders(recipe), .cache = feature_folder()};
    d->how = (convo_train_options){
        .data = data, .search = (const char *const *)d->search, .cache = d->cache, .threads = thread_count(threads)};
    return d->search ? DONE : no_memory();
}

void data_show(cli_data *d, const cli_context *context) {
    d->progress = progress_new(context);
    d->how.reading = progress_reading;
    d->how.scoring = progress_scoring;
    d->how.note = progress_note;
    d->how.user = &d->progress;
}

void data_close(cli_data *d) {
    free_texts(d->search);
    free(d->cache);
}

// --- recipes ----------------------------------------------------------------------------------------------------

static const char recipe_folder[] = "recipes"; // here, else of the share folder

static int by_name(const void *a, const void *b) {
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static bool add_name(const char *inside, const char *file, char ***names, size_t *count) {
    char **grown = realloc(*names, (*count + 2) * sizeof **names); // and the end
    if (grown) *names = grown;
    bool complete = grown && (grown[*count] = text_of("%s%.*s", inside, (int)strlen(file) - 5, file));
    *count += complete;
    return complete;
}

// inside: "" or a folder in it, "fields/".
static bool add_names(const char *path, const char *inside, char ***names, size_t *count) {
    char *whole = text_of("%s/%s", path, inside);
    DIR *folder = whole ? opendir(whole) : NULL; // NULL of a file, too
    bool complete = whole;
    for (struct dirent *entry; folder && complete && (entry = readdir(folder));) {
        if (entry->d_name[0] == '.') continue;
        if (ends_with(entry->d_name, ".yaml")) {
            complete = add_name(inside, entry->d_name, names, count);
        } else if (!*inside) {
            char *deeper = text_of("%s/", entry->d_name);
            complete = deeper && add_names(path, deeper, names, count);
            free(deeper);
        }
    }
    if (folder) closedir(folder);
    free(whole);
    return complete;
}

char **recipe_names(void) {
    char **names = calloc(1, sizeof *names);
    size_t count = 0, kept = 0;
    char *other = shared(recipe_folder);
    bool complete =
        names && other && add_names(recipe_folder, "", &names, &count) && add_names(other, "", &names, &count);
    free(other);
    if (complete) {
        qsort(names, count, sizeof *names, by_name);
        for (size_t k = 0; k < count; k++)
            if (kept && !strcmp(names[kept - 1], names[k]))
                free(names[k]); // in both folders: the first one counts, as in find_recipe
            else
                names[kept++] = names[k];
        names[kept] = NULL;
        return names;
    }
    while (count) free(names[--count]);
    free(names);
    return NULL;
}

int no_recipes(void) {
    char *other = shared(recipe_folder);
    int status = complain(
        recipe_folder, "no recipes found here or in %s: change to a folder that contains recipes/, or pass .yaml files",
        other ? other : "");
    free(other);
    return status;
}

static int unknown_recipe(const char *word) {
    if (is_folder(word))
        return complain(word,
                        "expected a recipe, found a folder: pass a .yaml file or the name of a recipe in recipes/");
    cli_hint near = hint_start(word);
    char **names = recipe_names();
    for (char **name = names; name && *name; name++) hint_offer(&near, *name);
    free_texts(names);
    char *other = shared(recipe_folder);
    int status = complain(word, "no such recipe in recipes/ or %s%s", other ? other : "", near.text);
    free(other);
    return status;
}

static int find_recipe(const char *word, char **file) {
    const bool path = ends_with(word, ".yaml") || ends_with(word, ".yml") || is_file(word);
    *file = path ? strdup(word) : text_of("%s/%s.yaml", recipe_folder, word);
    if (*file && !path && !is_file(*file)) {
        char *other = shared(*file);
        free(*file);
        *file = other;
    }
    if (!*file) return no_memory();
    if (path || is_file(*file)) return DONE;
    free(*file);
    *file = NULL;
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

// The `input` of a recipe that leaves it to its data.
static int measure(const char *file, const char *data, convo_recipe **recipe) {
    cli_data d;
    convo_recipe *measured = NULL;
    convo_error err;
    int status = data_open(&d, file, data, 0);
    d.how.cache = NULL;
    if (!status && convo_recipe_measure(*recipe, &d.how, &measured, &err)) {
        const bool nowhere = !data && convo_recipe_data(*recipe) && !*err.where;
        status = nowhere ? complain(file, "the recipe has no 'input' and does not say where its data are: add 'input', "
                                          "such as [3, 32, 32], or 'path' to 'data'")
                         : fail(&err);
    }
    if (measured) {
        convo_recipe_free(*recipe);
        *recipe = measured;
    }
    data_close(&d);
    return status;
}

int open_net(const char *word, const cli_list *settings, const char *data, convo_recipe **recipe, convo_model **model) {
    *model = NULL;
    if (!is_folder(word) && !ends_with(word, ".safetensors")) {
        char *file = NULL;
        int status = open_recipe(word, settings, recipe, &file);
        if (!status) status = measure(file, data, recipe);
        free(file);
        return status;
    }
    convo_error err;
    if (convo_model_load(word, model, &err) || convo_recipe_copy(convo_model_recipe(*model), word, recipe, &err))
        return fail(&err);
    return apply(*recipe, settings);
}

int open_recipe_or_model(const char *word, const cli_list *settings, convo_recipe **recipe) {
    convo_model *model;
    int status = open_net(word, settings, NULL, recipe, &model);
    convo_model_free(model);
    return status;
}

// --- run folders ------------------------------------------------------------------------------------------------

static char *run_file(const char *folder, const char *name) {
    return text_of("%s/%s", folder, name);
}

bool holds_run(const char *folder) {
    static const char *const traces[] = {"result.json", "last.checkpoint", "best.safetensors"};
    for (size_t k = 0; k < COUNT(traces); k++) {
        char *path = run_file(folder, traces[k]);
        bool there = path && is_file(path);
        free(path);
        if (there) return true;
    }
    return false;
}

int refuse_run(const char *folder) {
    return complain(
        folder,
        "already contains a run: pass --resume to continue it, --force to replace it or --out DIR to write elsewhere");
}

void forget_run(const char *folder) {
    static const char *const results[] = {"result.json",     "curves.png",       "curves.svg",       "curves.dat",
                                          "curves.gp",       "curves-steps.png", "curves-steps.svg", "curves-steps.dat",
                                          "curves-steps.gp", "report.html"};
    for (size_t k = 0; k < COUNT(results); k++) {
        char *path = run_file(folder, results[k]);
        if (path) remove(path);
        free(path);
    }
}

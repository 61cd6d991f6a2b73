// Runs: found in folders, read, and evaluated. Whoever writes into these folders is not trusted.
#include "output.h"
#include "view/view.h"
#include "web/web.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { MOST_BYTES = 1 << 20, MOST_AT_ONCE = 1 << 23, MOST_ENTRIES = 20000 };

// --- files ------------------------------------------------------------------------------------------------------

static view_stamp stamp_of(int folder, const char *name) {
    struct stat about;
    const int file = open_in(folder, name);
    view_stamp stamp = {0};
    if (file < 0) return stamp;
    if (!fstat(file, &about)) stamp = (view_stamp){about.st_ino, about.st_size, about.st_mtim};
    close(file);
    return stamp;
}

static bool same_stamp(view_stamp a, view_stamp b) {
    return a.inode == b.inode && a.size == b.size && a.written.tv_sec == b.written.tv_sec &&
           a.written.tv_nsec == b.written.tv_nsec;
}

// The text of a small file, NULL-terminated; NULL if there is none. Free it.
static char *small_text(int folder, const char *name, size_t *size) {
    const int file = open_in(folder, name);
    char *text = file < 0 ? NULL : malloc(MOST_BYTES + 1);
    ssize_t got = 0;
    *size = 0;
    while (text && *size < MOST_BYTES && (got = read(file, text + *size, MOST_BYTES - *size)) > 0) *size += (size_t)got;
    if (text) text[*size] = '\0';
    if (file >= 0) close(file);
    return text;
}

// --- one run ----------------------------------------------------------------------------------------------------

static void read_recipe(view_run *r, int folder) {
    size_t size;
    convo_error err;
    char *text = small_text(folder, "recipe.yaml", &size);
    page *p = &r->page;
    convo_field_free(&p->field);
    convo_summary_free(&p->net);
    convo_recipe_free(p->recipe);
    free(p->text);
    settings_free(&r->settings);
    p->recipe = NULL;
    p->text = NULL;
    p->net = (convo_summary){0};
    p->field = (convo_field){0};
    r->problem[0] = '\0';
    if (!text || page_read_recipe(p, text, size, base_name(r->folder), &err))
        snprintf(r->problem, sizeof r->problem, "its recipe cannot be read%s%s", text ? ": " : "",
                 text ? err.message : "");
    r->planned = p->recipe ? convo_recipe_epochs(p->recipe) : 0;
    r->settings = settings_read(p->text);
    free(text);
}

static void read_result(view_run *r, int folder) {
    size_t size;
    char *text = small_text(folder, "result.json", &size);
    json_decref(r->page.result);
    r->page.result = text ? json_loadb(text, size, JSON_REJECT_DUPLICATES, NULL) : NULL;
    if (!json_is_object(r->page.result)) {
        json_decref(r->page.result);
        r->page.result = NULL;
    }
    const char *name = json_string_value(json_object_get(r->page.result, "recipe"));
    r->page.name = name ? name : base_name(r->folder);
    free(text);
}

static bool read_lines(history *h, int folder, const char *name) {
    const int file = open_in(folder, name);
    if (file < 0) return false;
    const bool changed = history_read(h, file, MOST_AT_ONCE);
    close(file);
    return changed;
}

// A training locks its folder. Looking into the kernel's list does not disturb it; a lock of one's own would.
static bool is_locked(ino_t inode) {
    unsigned long long locked;
    char line[256];
    bool found = false;
    FILE *locks = fopen("/proc/locks", "re");
    while (locks && !found && fgets(line, sizeof line, locks))
        found =
            sscanf(line, "%*d: FLOCK %*s %*s %*d %*x:%*x:%llu", &locked) == 1 && locked == (unsigned long long)inode;
    if (locks) fclose(locks);
    return found;
}

static bool changed_just_now(int folder) {
    const double seconds = 60;
    const view_stamp metrics = stamp_of(folder, "metrics.jsonl");
    return metrics.inode && difftime(time(NULL), metrics.written.tv_sec) < seconds;
}

static run_state find_state(const view_run *r, int folder) {
    struct stat about;
    if (r->page.result) return RUN_FINISHED;
    if (access("/proc/locks", R_OK)) return changed_just_now(folder) ? RUN_TRAINING : RUN_STOPPED;
    return !fstat(folder, &about) && is_locked(about.st_ino) ? RUN_TRAINING : RUN_STOPPED;
}

static int open_run(const view_run *r) {
    return open(r->folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC | (r->named ? 0 : O_NOFOLLOW));
}

// Returns whether anything is new.
static bool follow_run(view_run *r) {
    const int folder = open_run(r);
    if (folder < 0) {
        const bool changed = r->state == RUN_TRAINING;
        if (changed) r->state = RUN_STOPPED;
        return changed;
    }
    const view_stamp recipe = stamp_of(folder, "recipe.yaml"), result = stamp_of(folder, "result.json");
    bool changed = read_lines(&r->page.epochs, folder, "metrics.jsonl");
    changed = read_lines(&r->page.steps, folder, "steps.jsonl") || changed;
    if (!same_stamp(recipe, r->recipe)) read_recipe(r, folder), changed = true;
    if (!same_stamp(result, r->result)) read_result(r, folder), changed = true;
    r->recipe = recipe;
    r->result = result;
    r->model = stamp_of(folder, "best.safetensors");
    const run_state state = find_state(r, folder);
    changed = changed || state != r->state;
    r->state = state;
    close(folder);
    return changed;
}

static void free_run(view_run *r) {
    page_free(&r->page);
    settings_free(&r->settings);
    free(r->web);
    free(r->folder);
    free(r);
}

cli_state state_of(const view_run *r, bool epochs) {
    static const char *const states[] = {"stopped", "training", "finished"};
    const double done = history_last(&r->page.epochs);
    cli_state s;
    int length = snprintf(s.text, sizeof s.text, "%s", states[r->state]);
    if (epochs && r->planned)
        length += snprintf(s.text + length, sizeof s.text - (size_t)length, ", epoch %.0f of %d", done, r->planned);
    else if (epochs)
        length += snprintf(s.text + length, sizeof s.text - (size_t)length, ", epoch %.0f", done);
    if (r->state == RUN_TRAINING && done > 0 && r->planned > done)
        snprintf(s.text + length, sizeof s.text - (size_t)length, ", %s left",
                 clock_of(r->page.epochs.seconds / done * (r->planned - done)).text);
    return s;
}

// --- all runs ---------------------------------------------------------------------------------------------------

static bool is_run(int folder) {
    return stamp_of(folder, "recipe.yaml").inode || stamp_of(folder, "metrics.jsonl").inode ||
           stamp_of(folder, "result.json").inode;
}

static void add_run(view *v, const char *path, bool named) {
    for (size_t k = 0; k < v->runs; k++)
        if (!strcmp(v->run[k]->folder, path)) return;
    if (v->runs == MOST_VIEWED) {
        v->left_out++;
        return;
    }
    view_run *r = calloc(1, sizeof *r);
    if (r && !(r->folder = strdup(path))) {
        free(r);
        r = NULL;
    }
    if (!r) return;
    r->named = named;
    r->page.name = base_name(r->folder);
    history_start(&r->page.epochs, "epoch");
    history_start(&r->page.steps, "step");
    v->run[v->runs++] = r;
}

static int by_entry(const void *a, const void *b) {
    return strcmp(*(char *const *)a, *(char *const *)b);
}

// The folders in a folder, but for links and hidden ones, sorted, NULL-terminated; NULL if it cannot be read. Free
// them.
static char **inner_folders(int folder) {
    char **name = NULL;
    size_t count = 0;
    struct stat about;
    DIR *all = fdopendir(dup(folder));
    if (!all) return NULL;
    rewinddir(all);
    for (struct dirent *entry; count < MOST_ENTRIES && (entry = readdir(all));) {
        if (entry->d_name[0] == '.' || fstatat(folder, entry->d_name, &about, AT_SYMLINK_NOFOLLOW) ||
            !S_ISDIR(about.st_mode))
            continue;
        char **grown = realloc(name, (count + 2) * sizeof *name);
        if (grown) name = grown;
        if (!grown || !(name[count] = strdup(entry->d_name))) break;
        name[++count] = NULL;
    }
    closedir(all);
    if (name) qsort(name, count, sizeof *name, by_entry);
    return name;
}

// A run, or a folder of runs: of a sweep, or of all.
static void find_runs(view *v, const char *path, int deep) {
    const bool named = deep == 0;
    if (++v->looked_at > MOST_ENTRIES) return;
    const int folder = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC | (named ? 0 : O_NOFOLLOW));
    if (folder < 0) return;
    if (is_run(folder)) {
        add_run(v, path, named);
        close(folder);
        return;
    }
    char **inner = deep < 2 ? inner_folders(folder) : NULL;
    close(folder);
    for (char **name = inner; name && *name; name++) {
        char *deeper = text_of("%s/%s", path, *name);
        if (deeper) find_runs(v, deeper, deep + 1);
        free(deeper);
    }
    free_texts(inner);
}

static void compare_settings(view *v) {
    const view_settings *of[MOST_VIEWED];
    for (size_t k = 0; k < v->runs; k++) of[k] = &v->run[k]->settings;
    v->columns = settings_that_differ(of, v->runs, v->column, MOST_COLUMNS, &v->more_columns);
}

void view_follow(view *v) {
    pthread_mutex_lock(&v->lock);
    const size_t known = v->runs;
    v->left_out = v->looked_at = 0;
    for (char *const *word = v->word; *word; word++) find_runs(v, *word, 0);
    bool changed = v->runs != known;
    for (size_t k = 0; k < v->runs; k++)
        if (follow_run(v->run[k])) {
            v->run[k]->changed = v->version + 1;
            changed = true;
        }
    if (changed) {
        v->version++;
        compare_settings(v);
    }
    pthread_mutex_unlock(&v->lock);
}

void view_free(view *v) {
    for (size_t k = 0; k < v->runs; k++) free_run(v->run[k]);
    v->runs = 0;
}

// --- evaluations ------------------------------------------------------------------------------------------------

// With the lock, but while it computes.
static void evaluate_run(view *v, view_run *r) {
    page scored = {.name = "model"};
    convo_error err = {.message = ""};
    r->scored = r->model;
    pthread_mutex_unlock(&v->lock);
    const bool good = !page_evaluate(&scored, r->folder, &v->how, &err);
    pthread_mutex_lock(&v->lock);
    page_free_scores(&r->page);
    r->page.model = scored.model;
    r->page.filters = scored.filters;
    r->page.evaluation = scored.evaluation;
    r->page.part = scored.part;
    r->page.mistakes = scored.mistakes;
    memcpy(r->page.wrong, scored.wrong, sizeof scored.wrong);
    r->scores = good ? SCORES_DONE : SCORES_FAILED;
    clock_gettime(CLOCK_MONOTONIC, &r->scored_at);
    snprintf(r->why_not, sizeof r->why_not, "%s%s%s", err.where, *err.where ? ": " : "", err.message);
    r->changed = r->evaluated = ++v->version;
}

// Likewise.
static void make_listening(view *v, view_run *r) {
    convo_model *model = NULL;
    char *web = NULL;
    convo_error err;
    r->listening = r->model;
    pthread_mutex_unlock(&v->lock);
    const convo_export_options how = {.name = base_name(r->folder)};
    const bool good = !convo_model_load(r->folder, &model, &err) && !make_web(model, r->folder, &how, &web);
    convo_model_free(model);
    pthread_mutex_lock(&v->lock);
    free(r->web);
    r->web = web;
    r->listens = good ? SCORES_DONE : SCORES_FAILED;
    r->changed = ++v->version;
}

static void *work_wanted(void *user) {
    view *v = user;
    pthread_mutex_lock(&v->lock);
    for (size_t k = 0; k < v->runs && !v->stopping; k++) {
        const bool scores = v->run[k]->scores == SCORES_WANTED, web = v->run[k]->listens == SCORES_WANTED;
        if (scores) evaluate_run(v, v->run[k]);
        if (web) make_listening(v, v->run[k]);
        if (scores || web) k = SIZE_MAX; // from the first one on
    }
    v->working = false;
    pthread_mutex_unlock(&v->lock);
    return NULL;
}

// A training changes its model all the time, and needs the processors more than this.
static bool is_fresh(const view_run *r) {
    const time_t often = 60; // seconds
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return r->state == RUN_TRAINING && now.tv_sec - r->scored_at.tv_sec < often;
}

static view_run *want(view *v, size_t number, bool web) {
    pthread_t thread;
    if (number >= v->runs) return NULL;
    view_run *r = v->run[number];
    score_state *state = web ? &r->listens : &r->scores;
    const view_stamp made = web ? r->listening : r->scored;
    const bool known =
        *state == SCORES_WANTED || (*state != SCORES_NONE && (same_stamp(made, r->model) || (!web && is_fresh(r))));
    if (known || !r->model.inode) return r;
    *state = SCORES_WANTED;
    if (v->working) return r;
    v->working = !pthread_create(&thread, NULL, work_wanted, v);
    if (v->working) pthread_detach(thread);
    return r;
}

view_run *view_want_scores(view *v, size_t number) {
    return want(v, number, false);
}

view_run *view_want_web(view *v, size_t number) {
    return want(v, number, true);
}

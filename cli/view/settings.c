#include "view/settings.h"

#include "paths.h"

#include <stdlib.h>
#include <string.h>
#include <yaml.h>

enum { MOST_SETTINGS = 2000, DEEPEST = 32, LONGEST_KEY = 256 };

typedef struct place { // in the tree of a recipe
    bool list;
    int items;        // of a list, so far
    size_t length;    // of the path to it
    bool key_is_next; // of a mapping
} place;

typedef struct walk {
    view_settings *to;
    char path[LONGEST_KEY];
    place at[DEEPEST];
    int depth; // -1: outside
} walk;

static void add_setting(view_settings *s, const char *key, const char *value) {
    if (s->count == MOST_SETTINGS) return;
    if (s->count % 64 == 0) {
        char **keys = realloc(s->key, (s->count + 64) * sizeof *keys);
        if (keys) s->key = keys;
        char **values = realloc(s->value, (s->count + 64) * sizeof *values);
        if (values) s->value = values;
        if (!keys || !values) return;
    }
    char *name = strdup(key), *text = strdup(value);
    if (!name || !text) {
        free(name);
        free(text);
        return;
    }
    s->key[s->count] = name;
    s->value[s->count++] = text;
}

static void extend_path(walk *w, size_t length, const char *name) {
    snprintf(w->path + length, sizeof w->path - length, "%s%s", length ? "." : "", name);
}

// Before a value: its name is that of its key, or its number.
static void name_value(walk *w) {
    if (w->depth < 0 || !w->at[w->depth].list) return;
    char number[16];
    snprintf(number, sizeof number, "%d", w->at[w->depth].items++);
    extend_path(w, w->at[w->depth].length, number);
}

static void end_value(walk *w) {
    if (w->depth < 0) return;
    w->path[w->at[w->depth].length] = '\0';
    w->at[w->depth].key_is_next = true;
}

static void take_scalar(walk *w, const char *text) {
    place *p = w->depth >= 0 ? &w->at[w->depth] : NULL;
    if (p && !p->list && p->key_is_next) {
        extend_path(w, p->length, text);
        p->key_is_next = false;
        return;
    }
    name_value(w);
    if (strncmp(w->path, "published", 9) != 0) add_setting(w->to, w->path, text);
    end_value(w);
}

// Returns whether it goes on.
static bool take_event(walk *w, const yaml_event_t *event) {
    switch (event->type) {
    case YAML_SCALAR_EVENT: take_scalar(w, (const char *)event->data.scalar.value); return true;
    case YAML_SEQUENCE_START_EVENT:
    case YAML_MAPPING_START_EVENT:
        if (w->depth + 1 == DEEPEST) return false;
        name_value(w);
        w->at[++w->depth] =
            (place){.list = event->type == YAML_SEQUENCE_START_EVENT, .length = strlen(w->path), .key_is_next = true};
        return true;
    case YAML_SEQUENCE_END_EVENT:
    case YAML_MAPPING_END_EVENT:
        w->depth--;
        end_value(w);
        return true;
    case YAML_STREAM_END_EVENT: return false;
    default: return true;
    }
}

view_settings settings_read(const char *text) {
    view_settings settings = {0};
    walk w = {.to = &settings, .depth = -1};
    yaml_parser_t parser;
    yaml_event_t event;
    if (!text || !yaml_parser_initialize(&parser)) return settings;
    yaml_parser_set_input_string(&parser, (const unsigned char *)text, strlen(text));
    for (bool on = true; on && yaml_parser_parse(&parser, &event); yaml_event_delete(&event))
        on = take_event(&w, &event);
    yaml_parser_delete(&parser);
    return settings;
}

const char *settings_find(const view_settings *s, const char *key) {
    for (size_t k = 0; k < s->count; k++)
        if (!strcmp(s->key[k], key)) return s->value[k];
    return NULL;
}

void settings_free(view_settings *s) {
    for (size_t k = 0; k < s->count; k++) {
        free(s->key[k]);
        free(s->value[k]);
    }
    free(s->key);
    free(s->value);
    *s = (view_settings){0};
}

// --- differences ------------------------------------------------------------------------------------------------

typedef struct setting {
    const char *key, *value;
    size_t rank; // in its recipe, by importance
} setting;

static int by_key_and_value(const void *a, const void *b) {
    const setting *x = a, *y = b;
    const int key = strcmp(x->key, y->key);
    return key ? key : strcmp(x->value, y->value);
}

static int by_rank(const void *a, const void *b) {
    const setting *x = a, *y = b;
    return x->rank != y->rank ? (x->rank > y->rank) - (x->rank < y->rank) : strcmp(x->key, y->key);
}

static size_t rank_of(const char *key, size_t number) {
    static const char *const first[] = {"train.", "data.", "features.", "augment."};
    for (size_t k = 0; k < COUNT(first); k++)
        if (!strncmp(key, first[k], strlen(first[k]))) return k * MOST_SETTINGS + number;
    return COUNT(first) * MOST_SETTINGS + number;
}

// Keeps one of each key that not all recipes have with the same value. Returns how many.
static size_t keep_different(setting *all, size_t total, size_t recipes) {
    size_t kept = 0;
    for (size_t k = 0, end; k < total; k = end) {
        size_t best = k;
        for (end = k; end < total && !strcmp(all[end].key, all[k].key); end++)
            if (all[end].rank < all[best].rank) best = end;
        if (end - k < recipes || strcmp(all[k].value, all[end - 1].value) != 0) all[kept++] = all[best];
    }
    return kept;
}

size_t settings_that_differ(const view_settings *const *of, size_t count, const char **key, size_t most, size_t *more) {
    size_t total = 0, recipes = 0;
    *more = 0;
    for (size_t r = 0; r < count; r++) {
        total += of[r]->count;
        recipes += of[r]->count > 0; // a recipe that cannot be read differs in nothing
    }
    setting *all = recipes > 1 ? calloc(total, sizeof *all) : NULL;
    if (!all) return 0;
    total = 0;
    for (size_t r = 0; r < count; r++)
        for (size_t k = 0; k < of[r]->count; k++)
            all[total++] = (setting){of[r]->key[k], of[r]->value[k], rank_of(of[r]->key[k], k)};
    qsort(all, total, sizeof *all, by_key_and_value);
    const size_t kept = keep_different(all, total, recipes);
    qsort(all, kept, sizeof *all, by_rank);
    for (size_t k = 0; k < kept && k < most; k++) key[k] = all[k].key;
    *more = kept > most ? kept - most : 0;
    free(all);
    return kept < most ? kept : most;
}

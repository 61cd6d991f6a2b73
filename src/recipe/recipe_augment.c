// The block `augment:` of a recipe: with `copies`, fixed copies of recordings; without, changes made anew in every
// epoch, each an option table of its own.
#include "change/kind.h"
#include "recipe/recipe.h"

#include <stdlib.h>
#include <string.h>

// What the net is trained on decides which changes there are.
static bool fits(const convo_recipe *recipe, const cv_change *change) {
    const bool pictures = recipe->data && recipe->data->read;
    const bool known = recipe->input.dims, arrays = !recipe->feature && !pictures;
    switch (change->sort) {
    case CV_CHANGE_SOUND: return recipe->feature;
    case CV_CHANGE_FEATURES:
        if (recipe->feature) return recipe->feature != &cv_feature_waveform;
        if (pictures) return true; // of sounds, with a row for every frame
        return arrays && !(recipe->data && recipe->data->shape) && (!known || recipe->input.dims > 1);
    case CV_CHANGE_PICTURE: return !recipe->feature && (pictures || !known || recipe->input.dims == 3);
    case CV_CHANGE_MIX: return !known || recipe->input.dims > 1 || change != &cv_change_cutmix;
    }
    return false;
}

static const char *what_it_is_for(cv_change_sort sort) {
    static const char *const what[] = {
        [CV_CHANGE_SOUND] = "recordings",
        [CV_CHANGE_FEATURES] = "features of frames, as of mfcc and logmel",
        [CV_CHANGE_PICTURE] = "pictures",
        [CV_CHANGE_MIX] = "examples of frames or pictures",
    };
    return what[sort];
}

static const char *next_change(const void *recipe, size_t k) {
    const cv_change *change;
    for (size_t i = 0; (change = cv_change_at(i)); i++)
        if (fits(recipe, change) && !k--) return change->name;
    return NULL;
}

// The change of that name for this data; two sorts may share a name. NULL, with the error: none.
static const cv_change *find_change(const convo_recipe *recipe, const yaml_node_t *key, convo_error *err) {
    const cv_yaml yaml = cv_recipe_yaml(recipe);
    const char *name = cv_yaml_text(key);
    const cv_change *change, *other = NULL;
    for (size_t k = 0; (change = cv_change_at(k)); k++) {
        if (strcmp(change->name, name) != 0) continue;
        if (fits(recipe, change)) return change;
        other = change;
    }
    if (other)
        cv_fail(err, CONVO_ARGUMENT, cv_yaml_where(&yaml, key).text,
                "'%s' is a change of %s, which this recipe has not", name, what_it_is_for(other->sort));
    else
        cv_fail(err, CONVO_ARGUMENT, cv_yaml_where(&yaml, key).text, "augment has no change '%s'%s", name,
                cv_did_you_mean(name, next_change, recipe).text);
    return NULL;
}

static const cv_option share_schema[] = {
    {.name = "share", .type = CV_FLOAT, .fallback = 1, .max = 1, .help = "of the examples"},
    {.name = NULL},
};

static convo_status read_change(convo_recipe *recipe, const yaml_node_t *key, const yaml_node_t *value,
                                convo_error *err) {
    const cv_yaml yaml = cv_recipe_yaml(recipe);
    const cv_change *change = find_change(recipe, key, err);
    if (!change) return CONVO_ARGUMENT;
    struct cv_change_setting *setting = &recipe->changes.setting[recipe->changes.count];
    *setting = (struct cv_change_setting){.change = change, .config = cv_alloc(1, change->config_size)};
    if (!setting->config) return cv_no_memory(err, "the changes' options");
    recipe->changes.count++;
    const cv_yaml_block block = {.what = change->name,
                                 .at = key,
                                 .part = {{change->schema, setting->config}, {share_schema, &setting->share}},
                                 .bare = true};
    return cv_yaml_read(&yaml, value, &block, err);
}

// Changes are made in the order of their table, whatever that of the recipe is.
static int by_table(const void *a, const void *b) {
    const cv_change *x = ((const struct cv_change_setting *)a)->change,
                    *y = ((const struct cv_change_setting *)b)->change, *change;
    for (size_t k = 0; (change = cv_change_at(k)); k++)
        if (change == x || change == y) return change == x ? -1 : 1;
    return 0;
}

static convo_status read_changes(convo_recipe *recipe, const yaml_node_t *node, convo_error *err) {
    const cv_yaml yaml = cv_recipe_yaml(recipe);
    const yaml_node_pair_t *pair = node->data.mapping.pairs.start, *top = node->data.mapping.pairs.top;
    convo_status status = CONVO_OK;
    cv_changes_config *changes = &recipe->changes;
    if (pair == top) return CONVO_OK;
    if (!(changes->setting = cv_alloc((size_t)(top - pair), sizeof *changes->setting)))
        return cv_no_memory(err, "the changes");
    for (; pair < top && !status; pair++)
        status = read_change(recipe, cv_yaml_node(&yaml, pair->key), cv_yaml_node(&yaml, pair->value), err);
    if (!status) qsort(changes->setting, changes->count, sizeof *changes->setting, by_table);
    return status;
}

static convo_status read_copies(convo_recipe *recipe, const yaml_node_t *node, convo_error *err) {
    const cv_yaml yaml = cv_recipe_yaml(recipe);
    const cv_yaml_block block = {.what = "augment", .at = node, .part = {{cv_augment_schema, &recipe->augment}}};
    const yaml_node_pair_t *pair = node->data.mapping.pairs.start, *top = node->data.mapping.pairs.top;
    if (!recipe->feature)
        return cv_fail(err, CONVO_ARGUMENT, cv_yaml_where(&yaml, node).text,
                       "'copies' are made of recordings only: remove it, and the changes are made anew in every epoch");
    for (; pair < top; pair++) {
        const char *name = cv_yaml_text(cv_yaml_node(&yaml, pair->key));
        const cv_change *change;
        if (cv_option_find(cv_augment_schema, name)) continue;
        for (size_t k = 0; (change = cv_change_at(k)); k++)
            if (!strcmp(change->name, name))
                return cv_fail(err, CONVO_ARGUMENT, cv_yaml_where(&yaml, cv_yaml_node(&yaml, pair->key)).text,
                               "'%s' is made anew in every epoch: remove 'copies'", name);
    }
    return cv_yaml_read(&yaml, node, &block, err);
}

convo_status cv_recipe_augment(convo_recipe *recipe, const yaml_node_t *node, convo_error *err) {
    const cv_yaml yaml = cv_recipe_yaml(recipe);
    cv_options_default(cv_augment_schema, &recipe->augment);
    if (!node) return CONVO_OK;
    if (node->type != YAML_MAPPING_NODE)
        return cv_fail(err, CONVO_ARGUMENT, cv_yaml_where(&yaml, node).text,
                       "'augment' must be a mapping, such as '{shift: 0.1}'");
    return cv_yaml_find(&yaml, node, "copies") ? read_copies(recipe, node, err) : read_changes(recipe, node, err);
}

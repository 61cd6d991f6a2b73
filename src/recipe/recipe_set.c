// Settings: "train.epochs=5", or "epochs=5" if it is unambiguous.
#include "recipe/recipe.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PATH_SIZE = 256 };

// Blocks whose options may be set by their bare name, and where they are written.
typedef struct home {
    const cv_option *schema;
    char path[PATH_SIZE];
} home;

enum { HOMES = 10 };

static void list_homes(const convo_recipe *recipe, home homes[HOMES]) {
    memset(homes, 0, HOMES * sizeof *homes);
    homes[0] = (home){cv_train_schema, "train"};
    homes[1] = (home){recipe->optimizer->schema, ""};
    cv_print(homes[1].path, PATH_SIZE, "train.optimizer.%s", recipe->optimizer->name);
    homes[2] = (home){recipe->schedule->schema, ""};
    cv_print(homes[2].path, PATH_SIZE, "train.schedule.%s", recipe->schedule->name);
    homes[3] = (home){recipe->loss->schema, ""};
    cv_print(homes[3].path, PATH_SIZE, "train.loss.%s", recipe->loss->name);
    homes[4] = (home){recipe->feature ? cv_feature_common_schema : NULL, "features"};
    homes[5] = (home){recipe->feature ? recipe->feature->schema : NULL, "features"};
    homes[6] = (home){recipe->data ? cv_split_schema : NULL, "data.split"};
    homes[7] = (home){recipe->data ? recipe->data->schema : NULL, "data"};
    homes[8] = (home){recipe->feature ? cv_augment_schema : NULL, "augment"};
    homes[9] = (home){recipe->teacher.model[0] ? cv_recipe_teacher_schema : NULL, "train.teacher"};
}

static const char *next_option(const void *homes, size_t k) {
    const home *of = homes;
    for (int h = 0; h < HOMES; h++)
        for (const cv_option *option = of[h].schema; option && option->name; option++)
            if (!k--) return option->name;
    return NULL;
}

typedef struct search {
    const cv_yaml *yaml;
    const char *name;
    int found;
    char first[PATH_SIZE], second[PATH_SIZE]; // where
} search;

// Looks for a key, but not in lists: the layers of `model` all have the same ones.
static void find_written(search *s, const yaml_node_t *node, const char *path) {
    if (node->type != YAML_MAPPING_NODE) return;
    const yaml_node_pair_t *pair = node->data.mapping.pairs.start, *top = node->data.mapping.pairs.top;
    for (; pair < top; pair++) {
        const char *key = cv_yaml_text(cv_yaml_node(s->yaml, pair->key));
        char below[PATH_SIZE];
        if (snprintf(below, sizeof below, "%s%s%s", path, *path ? "." : "", key) >= PATH_SIZE) continue;
        if (!strcmp(key, s->name)) memcpy(s->found++ ? s->second : s->first, below, sizeof below);
        find_written(s, cv_yaml_node(s->yaml, pair->value), below);
    }
}

static bool is_block(const char *const *blocks, const char *name) {
    while (*blocks && strcmp(*blocks, name) != 0) blocks++;
    return *blocks;
}

// The full path of a bare name: a block of the recipe that is replaced as a whole, or an option of `train`, else what
// is written once, else an option or a block that could be.
static convo_status complete(const convo_recipe *recipe, const char *name, char path[PATH_SIZE], const char *setting,
                             convo_error *err) {
    home homes[HOMES];
    // Elsewhere, `train` is a share of the split, and `model` a teacher's file.
    if (is_block(cv_recipe_blocks, name) && strchr("[{", setting[strlen(name) + 1])) {
        cv_print(path, PATH_SIZE, "%s", name);
        return CONVO_OK;
    }
    list_homes(recipe, homes);
    const cv_yaml yaml = cv_recipe_yaml(recipe);
    search s = {.yaml = &yaml, .name = name};
    find_written(&s, cv_yaml_root(&yaml), "");
    bool of_train = cv_option_find(cv_train_schema, name);
    if (!of_train && s.found > 1)
        return cv_fail(err, CONVO_ARGUMENT, setting, "'%s' is ambiguous: write '%s' or '%s'", name, s.first, s.second);
    if (!of_train && s.found == 1) {
        memcpy(path, s.first, PATH_SIZE);
        return CONVO_OK;
    }
    for (int h = 0; h < HOMES; h++)
        if (homes[h].schema && cv_option_find(homes[h].schema, name)) {
            cv_print(path, PATH_SIZE, "%s.%s", homes[h].path, name);
            return CONVO_OK;
        }
    if (is_block(cv_recipe_blocks, name) || is_block(cv_train_blocks, name)) {
        cv_print(path, PATH_SIZE, "%s%s", is_block(cv_train_blocks, name) ? "train." : "", name);
        return CONVO_OK;
    }
    const cv_hint near = cv_did_you_mean(name, next_option, homes);
    return cv_fail(err, CONVO_ARGUMENT, setting, "the recipe has no setting '%s'%s", name,
                   *near.text ? near.text : "; the option of a layer has a path such as 'model.0.conv1d.kernel'");
}

// A copy, not yet checked. setting: NULL without.
static convo_status copy_recipe(const convo_recipe *from, const char *name, const char *file, const char *setting,
                                convo_recipe **copy, convo_error *err) {
    convo_recipe *made = cv_alloc(1, sizeof *made);
    const bool ok = made && (made->name = cv_format("%s", name)) && (made->file = cv_format("%s", file)) &&
                    (!setting || (made->setting = cv_format("%s", setting))) &&
                    (!from->noted_data || (made->noted_data = cv_format("%s", from->noted_data))) &&
                    cv_yaml_copy(&from->document, 1, true, &made->document);
    if (ok) made->noted_examples = from->noted_examples;
    *copy = made;
    return ok ? CONVO_OK : cv_no_memory(err, "a recipe");
}

convo_status convo_recipe_copy(const convo_recipe *recipe, const char *name, convo_recipe **copy, convo_error *err) {
    if (!recipe || !name || !copy)
        return cv_fail(err, CONVO_ARGUMENT, "", "a recipe, a name and an output are required");
    convo_status status = copy_recipe(recipe, name, name, NULL, copy, err);
    if (!status) status = cv_recipe_check(*copy, err);
    if (status) {
        convo_recipe_free(*copy);
        *copy = NULL;
    }
    return status;
}

// A data set that is named is meant, and not the one that a run was trained on.
static void forget_data(convo_recipe *recipe, const convo_recipe *before) {
    if (recipe->data == before->data && !strcmp(recipe->data_path, before->data_path)) return;
    free(recipe->noted_data);
    recipe->noted_data = NULL;
    recipe->noted_examples = 0;
}

// A copy with a setting: one that fails leaves no copy.
static convo_status with_setting(const convo_recipe *recipe, const char *assignment, convo_recipe **changed,
                                 convo_error *err) {
    *changed = NULL;
    const char *equals = strchr(assignment, '=');
    if (!equals || equals == assignment)
        return cv_fail(err, CONVO_ARGUMENT, assignment, "a setting must have the form 'train.epochs=5'");
    char path[PATH_SIZE], name[PATH_SIZE];
    if (equals - assignment >= PATH_SIZE)
        return cv_fail(err, CONVO_LIMIT, "", "the path of a setting can have at most %d characters", PATH_SIZE - 1);
    cv_print(name, sizeof name, "%.*s", (int)(equals - assignment), assignment);
    for (const char *c = name; *c; c++)
        if (*c <= ' ' || *c >= 0x7f)
            return cv_fail(err, CONVO_ARGUMENT, assignment, "the path of a setting must be words separated by dots");
    memcpy(path, name, sizeof path);

    yaml_document_t value;
    convo_status status = CONVO_OK;
    if (!strchr(name, '.')) status = complete(recipe, name, path, assignment, err);
    if (!status) status = cv_yaml_parse(equals + 1, strlen(equals + 1), assignment, &value, err);
    if (status) return status;

    convo_recipe *copy;
    status = copy_recipe(recipe, recipe->name, recipe->file, assignment, &copy, err);
    if (!status) status = cv_yaml_assign(&copy->document, path, &value, assignment, err);
    if (!status) status = cv_recipe_check(copy, err);
    yaml_document_delete(&value);
    if (status) {
        convo_recipe_free(copy);
        return status;
    }
    forget_data(copy, recipe);
    *changed = copy;
    return CONVO_OK;
}

convo_status cv_recipe_with_input(const convo_recipe *recipe, cv_shape shape, convo_recipe **changed,
                                  convo_error *err) {
    char setting[96];
    cv_print(setting, sizeof setting, "input=[%lld", (long long)shape.c);
    if (shape.dims == 3) cv_append(setting, sizeof setting, ", %lld", (long long)shape.h);
    if (shape.dims > 1) cv_append(setting, sizeof setting, ", %lld", (long long)shape.w);
    cv_append(setting, sizeof setting, "]");
    return with_setting(recipe, setting, changed, err);
}

convo_status convo_recipe_set(convo_recipe *recipe, const char *assignment, convo_error *err) {
    if (!recipe || !assignment) return cv_fail(err, CONVO_ARGUMENT, "", "a recipe and an assignment are required");
    convo_recipe *changed;
    CV_TRY(with_setting(recipe, assignment, &changed, err));
    const convo_recipe before = *recipe;
    *recipe = *changed;
    *changed = before;
    convo_recipe_free(changed);
    return CONVO_OK;
}

// As YAML has it between double quotes, with control characters as \x1b.
static char *quote(const char *text) {
    char *quoted = cv_alloc(strlen(text) + 1, 4), *to = quoted;
    if (!quoted) return NULL;
    *to++ = '"';
    for (const char *c = text; *c; c++) {
        const bool control = (unsigned char)*c < ' ' || *c == 0x7f;
        if (control || *c == '"' || *c == '\\') *to++ = '\\';
        if (control)
            to += sprintf(to, "x%02x", (unsigned)*c);
        else
            *to++ = *c;
    }
    *to = '"';
    return quoted;
}

convo_status convo_recipe_leave_out(convo_recipe *recipe, const char *group, convo_error *err) {
    if (!recipe || !group) return cv_fail(err, CONVO_ARGUMENT, "", "a recipe and the name of a group are required");
    const bool by_group = recipe->split.by == CV_BY_GROUP;
    char *quoted = quote(group);
    char *setting =
        quoted ? cv_format(by_group ? "data.split.leave_out=%s" : "data.split={by: group, leave_out: %s}", quoted)
               : NULL;
    const convo_status status = setting ? convo_recipe_set(recipe, setting, err) : cv_no_memory(err, "a setting");
    free(quoted);
    free(setting);
    return status;
}

convo_status convo_recipe_fold(convo_recipe *recipe, int folds, int fold, convo_error *err) {
    if (!recipe) return cv_fail(err, CONVO_ARGUMENT, "", "a recipe is required");
    char written[CV_WRITTEN_SIZE];
    cv_option_get(cv_option_find(cv_split_schema, "validation"), &recipe->split, written, sizeof written);
    char *setting = cv_format("data.split={by: %s, folds: %d, fold: %d, validation: %s, seed: %" PRId64 "}",
                              recipe->split.by == CV_BY_GROUP ? "group" : "random, stratified: true", folds, fold,
                              written, recipe->split.seed);
    const convo_status status = setting ? convo_recipe_set(recipe, setting, err) : cv_no_memory(err, "a setting");
    free(setting);
    return status;
}

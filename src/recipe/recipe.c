// Reading and checking a recipe. Each block of the document has one function and one option table.
#include "recipe/recipe.h"

#include "base/file.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// --- words that tables know -------------------------------------------------------------------------------------

#define NAME_AT(function, entry_at)                                                                                    \
    static const char *function(const void *context, size_t k) {                                                       \
        (void)context;                                                                                                 \
        return entry_at(k) ? entry_at(k)->name : NULL;                                                                 \
    }
NAME_AT(data_name, cv_data_kind_at)
NAME_AT(feature_name, cv_feature_at)
NAME_AT(optimizer_name, cv_optimizer_at)
NAME_AT(schedule_name, cv_schedule_at)

const char *cv_op_names_next(const void *names, size_t k) {
    const cv_op_names *of = names;
    for (int op = 0; op < of->isa->op_count; op++)
        if (of->isa->ops[op]->kind == of->kind && (of->kind == CV_LAYER || of->isa->ops[op]->inputs < 2) && !k--)
            return of->isa->ops[op]->name;
    return NULL;
}

// --- data -------------------------------------------------------------------------------------------------------

typedef struct data_block {
    char set[CV_TEXT_SIZE], path[CV_TEXT_SIZE], none[CV_LIST_SIZE];
} data_block;

const cv_option cv_recipe_data_schema[] = {
    CV_OPTION("set", CV_TEXT, data_block, set, "the data set", .required = true),
    CV_OPTION("path", CV_TEXT, data_block, path, "its folder"),
    CV_OPTION("none", CV_LIST, data_block, none,
              "labels that say that nothing is true, such as [noise]; for binary_cross_entropy, or one output for what "
              "is left"),
    {.name = NULL},
};

static convo_status read_data(convo_recipe *recipe, const yaml_node_t *node, convo_error *err) {
    static const char *const also[] = {"split", NULL};
    const cv_yaml yaml = cv_recipe_yaml(recipe);
    const yaml_node_t *set = cv_yaml_find(&yaml, node, "set"), *split = cv_yaml_find(&yaml, node, "split");
    data_block data;
    if (cv_yaml_text(set ? set : node)) {
        size_t k;
        const convo_status status = cv_yaml_word(&yaml, set ? set : node, "data set", data_name, NULL, &k, err);
        if (status) return status;
        recipe->data = cv_data_kind_at(k);
        recipe->data_config = cv_alloc(1, recipe->data->config_size + 1); // + 1: some kinds have no options
        if (!recipe->data_config) return cv_no_memory(err, "the data set's options");
    }
    const cv_option *own = recipe->data ? recipe->data->schema : NULL;
    cv_yaml_block block = {.what = "data",
                           .at = node,
                           .part = {{cv_recipe_data_schema, &data}, {own, recipe->data_config}},
                           .also = also,
                           .bare = true};
    CV_TRY(cv_yaml_read(&yaml, node, &block, err));
    memcpy(recipe->data_path, data.path, sizeof data.path);
    memcpy(recipe->none, data.none, sizeof data.none);
    block = (cv_yaml_block){.what = "split", .at = split, .part = {{cv_split_schema, &recipe->split}}, .bare = true};
    return cv_yaml_read(&yaml, split, &block, err);
}

// --- features, input --------------------------------------------------------------------------------------------

const cv_option cv_feature_common_schema[] = {
    CV_OPTION("kind", CV_TEXT, cv_feature_common, kind, "the front end of recordings; pictures and arrays have none"),
    CV_OPTION("rate", CV_INT, cv_feature_common, rate, "hertz; recordings are resampled to it", CV_RANGE(1000, 384000)),
    CV_OPTION("normalize", CV_WORD, cv_feature_common, normalize,
              "global: zero mean and unit variance over the training set; channel: so for each channel of pictures and "
              "arrays, each filter or coefficient of recordings",
              .words = "none|global|channel"),
    CV_OPTION("mean", CV_NUMBERS, cv_feature_common, mean,
              "subtracted from every value; a list: from those of a channel", .text = "0\n"),
    CV_OPTION("std", CV_NUMBERS, cv_feature_common, std,
              "every value, or those of a channel, are divided by it, after the mean was subtracted", .text = "1\n",
              CV_RANGE(1e-12, 1e12)),
    {.name = NULL},
};

static convo_status find_front_end(convo_recipe *recipe, const yaml_node_t *node, const yaml_node_t *kind,
                                   convo_error *err) {
    const cv_yaml yaml = cv_recipe_yaml(recipe);
    const bool recordings = !recipe->data || recipe->data->recordings, named = !cv_yaml_is_null(kind);
    size_t k;
    if (named && !recordings)
        return cv_fail(err, CONVO_ARGUMENT, cv_yaml_where(&yaml, kind).text,
                       "the data set '%s' has no recordings for a front end to read: remove 'kind'",
                       recipe->data->name);
    if (!named && !recordings) return CONVO_OK;
    if (!cv_yaml_text(kind) || !named)
        return cv_fail(err, CONVO_ARGUMENT, cv_yaml_where(&yaml, node).text,
                       "'features' needs 'kind', such as '{kind: mfcc, samples: 6000}'");
    CV_TRY(cv_yaml_word(&yaml, kind, "kind of features", feature_name, NULL, &k, err));
    recipe->feature = cv_feature_at(k);
    recipe->feature_config = cv_alloc(1, recipe->feature->config_size + 1); // + 1: some kinds have no options
    return recipe->feature_config ? CONVO_OK : cv_no_memory(err, "the features' options");
}

static convo_status read_features(convo_recipe *recipe, const yaml_node_t *node, convo_error *err) {
    const cv_yaml yaml = cv_recipe_yaml(recipe);
    const cv_where where = cv_yaml_where(&yaml, node);
    CV_TRY(find_front_end(recipe, node, cv_yaml_find(&yaml, node, "kind"), err));
    cv_feature_common common;
    cv_yaml_block block = {.what = "features", .at = node, .part = {{cv_feature_common_schema, &common}}};
    if (recipe->feature) {
        block.what = recipe->feature->name;
        block.part[1].schema = recipe->feature->schema;
        block.part[1].values = recipe->feature_config;
    }
    CV_TRY(cv_yaml_read(&yaml, node, &block, err));
    recipe->normalize = common.normalize;
    recipe->mean = cv_format("%s", common.mean);
    recipe->std = cv_format("%s", common.std);
    if (!recipe->mean || !recipe->std) return cv_no_memory(err, "the features' options");
    if (!recipe->feature) return CONVO_OK;
    recipe->rate = common.rate ? (int)common.rate : recipe->data ? recipe->data->rate : 0;
    if (!recipe->rate)
        return cv_fail(err, CONVO_ARGUMENT, where.text,
                       "'features' needs 'rate' in hertz: the data set has no sample rate of its own");
    char why[256] = "";
    if (!cv_feature_infer(recipe->feature, recipe->feature_config, recipe->rate, &recipe->input, why, sizeof why))
        return cv_fail(err, CONVO_ARGUMENT, where.text, "%s: %s", recipe->feature->name, why);
    return CONVO_OK;
}

// That the recipe's own normalisation fits its input.
static convo_status check_normal(convo_recipe *recipe, const yaml_node_t *features, convo_error *err) {
    const cv_yaml yaml = cv_recipe_yaml(recipe);
    cv_normal normal;
    const yaml_node_t *mean = cv_yaml_find(&yaml, features, "mean"), *std = cv_yaml_find(&yaml, features, "std");
    convo_error found = {0};
    const convo_status status = cv_recipe_normal(recipe, recipe->input, &normal, &found);
    cv_normal_free(&normal);
    return status ? cv_fail(err, status, cv_yaml_where(&yaml, mean ? mean : std).text, "%s", found.message) : CONVO_OK;
}

// [channels], [channels, width] or [channels, height, width]
static convo_status read_input(convo_recipe *recipe, const yaml_node_t *node, convo_error *err) {
    static const cv_option size = {.name = "input", .type = CV_INT, .min = 1, .max = 1 << 20};
    const cv_yaml yaml = cv_recipe_yaml(recipe);
    int64_t value[3] = {1, 1, 1};
    int dims = 1;
    if (node->type == YAML_SEQUENCE_NODE) dims = (int)(node->data.sequence.items.top - node->data.sequence.items.start);
    if (dims < 1 || dims > 3)
        return cv_fail(err, CONVO_ARGUMENT, cv_yaml_where(&yaml, node).text,
                       "'input' must be a list of 1 to 3 sizes, such as [13, 74]");
    for (int d = 0; d < dims; d++) {
        const yaml_node_t *item = node;
        if (node->type == YAML_SEQUENCE_NODE) item = cv_yaml_node(&yaml, node->data.sequence.items.start[d]);
        const char *text = cv_yaml_text(item);
        char why[256];
        if (!cv_option_set(&size, &value[d], text ? text : "...", why, sizeof why))
            return cv_fail(err, CONVO_ARGUMENT, cv_yaml_where(&yaml, item).text, "a size of the input must be %s", why);
    }
    recipe->input = (cv_shape){dims, value[0], dims == 3 ? value[1] : 1, dims == 1 ? 1 : value[dims - 1]};
    return CONVO_OK;
}

// The shape of what the net sees: the front end's, else what `input` says, else the data set's, else only its files
// know.
static convo_status find_input(convo_recipe *recipe, const yaml_node_t *features, const yaml_node_t *input,
                               convo_error *err) {
    const cv_yaml yaml = cv_recipe_yaml(recipe);
    convo_status status = features ? read_features(recipe, features, err) : CONVO_OK;
    if (status) return status;
    if (recipe->feature && input)
        return cv_fail(err, CONVO_ARGUMENT, cv_yaml_where(&yaml, input).text,
                       "the recipe has both 'features' and 'input': remove 'input', which follows from the features");
    if (recipe->feature) return CONVO_OK;
    if (input) return read_input(recipe, input, err);
    if (recipe->data && recipe->data->recordings)
        return cv_fail(err, CONVO_ARGUMENT, recipe->file,
                       "a recipe for recordings needs 'features', such as "
                       "'{kind: mfcc, samples: 6000}'");
    cv_shape known;
    if (recipe->data && recipe->data->shape && recipe->data->shape(recipe->data_config, &known)) recipe->input = known;
    if (recipe->data) return CONVO_OK;
    return cv_fail(err, CONVO_ARGUMENT, recipe->file,
                   "a recipe needs 'features', or 'input' for a net without a front end");
}

// --- train, published -------------------------------------------------------------------------------------------

// `word` or `word: options` of a table whose entries have a schema each.
typedef struct choice {
    const char *what, *fallback;
    const char *(*next)(const void *context, size_t k);
    const void *context;
} choice;

// *k: number of the entry; *options: its block's node, or the word itself where it stands alone.
static convo_status choose(const cv_yaml *yaml, const yaml_node_t *node, const choice *from, size_t *k,
                           const yaml_node_t **name, const yaml_node_t **options, convo_error *err) {
    *options = *name = NULL;
    if (!node) {
        for (*k = 0; strcmp(from->next(from->context, *k), from->fallback) != 0;) ++*k;
        return CONVO_OK;
    }
    if (!cv_yaml_named(yaml, node, name, options))
        return cv_fail(err, CONVO_ARGUMENT, cv_yaml_where(yaml, node).text,
                       "%s must be one word, or one word with options: '%s: {...}'", from->what, from->fallback);
    return cv_yaml_word(yaml, *name, from->what, from->next, from->context, k, err);
}

// The options of what was chosen. A word that stands alone, or is left out of a `train:` that is there, must do without
// what is required.
static convo_status read_chosen(const cv_yaml *yaml, const char *what, const yaml_node_t *name,
                                const yaml_node_t *options, const cv_option *schema, void *values, convo_error *err) {
    static const yaml_node_t empty = {.type = YAML_MAPPING_NODE};
    const yaml_node_t *train = cv_yaml_find(yaml, cv_yaml_root(yaml), "train");
    cv_yaml_block block = {.what = what, .at = name ? name : train, .part = {{schema, values}}, .bare = true};
    return cv_yaml_read(yaml, train && !options ? &empty : options, &block, err);
}

static convo_status read_loss(convo_recipe *recipe, const yaml_node_t *node, convo_error *err) {
    const cv_yaml yaml = cv_recipe_yaml(recipe);
    const cv_op_names losses = {cv_isa_find("baseline"), CV_LOSS};
    const choice from = {"loss", "cross_entropy", cv_op_names_next, &losses};
    const yaml_node_t *name, *options;
    size_t k;
    CV_TRY(choose(&yaml, node, &from, &k, &name, &options, err));
    recipe->loss = cv_op_find(losses.isa, cv_op_names_next(&losses, k));
    recipe->loss_config = cv_alloc(1, recipe->loss->config_size + 1);
    if (!recipe->loss_config) return cv_no_memory(err, "the loss's options");
    return read_chosen(&yaml, recipe->loss->name, name, options, recipe->loss->schema, recipe->loss_config, err);
}

static convo_status read_optimizer(convo_recipe *recipe, const yaml_node_t *node, convo_error *err) {
    const cv_yaml yaml = cv_recipe_yaml(recipe);
    const choice from = {"optimizer", "sgd", optimizer_name, NULL};
    const yaml_node_t *name, *options;
    size_t k;
    CV_TRY(choose(&yaml, node, &from, &k, &name, &options, err));
    recipe->optimizer = cv_optimizer_at(k);
    return read_chosen(&yaml, recipe->optimizer->name, name, options, recipe->optimizer->schema,
                       &recipe->optimizer_config, err);
}

static convo_status read_schedule(convo_recipe *recipe, const yaml_node_t *node, convo_error *err) {
    const cv_yaml yaml = cv_recipe_yaml(recipe);
    const choice from = {"schedule", "constant", schedule_name, NULL};
    const yaml_node_t *name, *options;
    size_t k;
    CV_TRY(choose(&yaml, node, &from, &k, &name, &options, err));
    recipe->schedule = cv_schedule_at(k);
    return read_chosen(&yaml, recipe->schedule->name, name, options, recipe->schedule->schema, &recipe->schedule_config,
                       err);
}

const cv_option cv_recipe_teacher_schema[] = {
    CV_OPTION("model", CV_TEXT, struct cv_recipe_teacher, model, "a model file or a run folder", .required = true),
    CV_OPTION("temperature", CV_FLOAT, struct cv_recipe_teacher, temperature,
              "outputs are divided by it before their softmax: the higher, the softer", .fallback = 4,
              CV_RANGE(0.01, 1e3)),
    CV_OPTION("weight", CV_FLOAT, struct cv_recipe_teacher, weight,
              "of the teacher's part of the loss; that of the labels is 1 - weight", .fallback = 0.5, CV_RANGE(0, 1)),
    {.name = NULL},
};

static convo_status read_teacher(convo_recipe *recipe, const yaml_node_t *node, convo_error *err) {
    const cv_yaml yaml = cv_recipe_yaml(recipe);
    const cv_yaml_block block = {
        .what = "teacher", .at = node, .part = {{cv_recipe_teacher_schema, &recipe->teacher}}, .bare = true};
    if (node && strcmp(recipe->loss->name, "cross_entropy") != 0 && strcmp(recipe->loss->name, "focal") != 0)
        return cv_fail(err, CONVO_ARGUMENT, cv_yaml_where(&yaml, node).text,
                       "a teacher's probabilities are those of a softmax: the loss must be cross_entropy or focal, not "
                       "%s",
                       recipe->loss->name);
    return cv_yaml_read(&yaml, node, &block, err);
}

const char *const cv_train_blocks[] = {"loss", "optimizer", "schedule", "teacher", NULL};

static convo_status read_train(convo_recipe *recipe, const yaml_node_t *node, convo_error *err) {
    const cv_yaml yaml = cv_recipe_yaml(recipe);
    const cv_yaml_block block = {
        .what = "train", .at = node, .part = {{cv_train_schema, &recipe->train}}, .also = cv_train_blocks};
    convo_status status = cv_yaml_read(&yaml, node, &block, err);
    recipe->has_train = node;
    if (!status) status = read_loss(recipe, cv_yaml_find(&yaml, node, "loss"), err);
    if (!status) status = read_optimizer(recipe, cv_yaml_find(&yaml, node, "optimizer"), err);
    if (!status) status = read_schedule(recipe, cv_yaml_find(&yaml, node, "schedule"), err);
    if (!status) status = read_teacher(recipe, cv_yaml_find(&yaml, node, "teacher"), err);
    return status;
}

const cv_option cv_recipe_published_schema[] = {
    CV_OPTION("test_accuracy", CV_FLOAT, convo_recipe, published, "a fraction", .fallback = NAN, .max = 1),
    CV_OPTION("validation_accuracy", CV_FLOAT, convo_recipe, published, "the same, where there is no test part",
              .fallback = NAN, .max = 1),
    CV_OPTION("source", CV_TEXT, convo_recipe, published_source, "who says so"),
    {.name = NULL},
};

static convo_status read_published(convo_recipe *recipe, const yaml_node_t *node, convo_error *err) {
    const cv_yaml yaml = cv_recipe_yaml(recipe);
    const cv_yaml_block block = {.what = "published", .at = node, .part = {{cv_recipe_published_schema, recipe}}};
    return cv_yaml_read(&yaml, node, &block, err);
}

// --- the whole --------------------------------------------------------------------------------------------------

const char *const cv_recipe_blocks[] = {"data", "features", "input", "augment", "model", "train", "published", NULL};

convo_status cv_recipe_check(convo_recipe *recipe, convo_error *err) {
    const cv_yaml yaml = cv_recipe_yaml(recipe);
    const yaml_node_t *root = cv_yaml_root(&yaml);
    const cv_yaml_block whole = {.what = "a recipe", .at = root, .also = cv_recipe_blocks};
    convo_status status = cv_yaml_read(&yaml, root, &whole, err);
    if (!status) status = read_data(recipe, cv_yaml_find(&yaml, root, "data"), err);
    if (status) return status;

    const yaml_node_t *features = cv_yaml_find(&yaml, root, "features"), *input = cv_yaml_find(&yaml, root, "input");
    status = find_input(recipe, features, input, err);
    if (!status && recipe->input.dims) status = check_normal(recipe, features, err);
    if (!status) status = cv_recipe_augment(recipe, cv_yaml_find(&yaml, root, "augment"), err);
    if (!status) status = read_train(recipe, cv_yaml_find(&yaml, root, "train"), err);
    if (!status) status = read_published(recipe, cv_yaml_find(&yaml, root, "published"), err);
    if (status) return status;
    if (!recipe->input.dims) return CONVO_OK; // the net is checked when its input is known
    cv_net *net = NULL;
    status = cv_recipe_outline(recipe, cv_isa_find("baseline"), &net, err);
    cv_net_free(net);
    return status;
}

convo_status cv_recipe_parse(const char *text, size_t size, const char *name, const char *file, convo_recipe **recipe,
                             convo_error *err) {
    *recipe = NULL;
    convo_recipe *made = cv_alloc(1, sizeof *made);
    if (!made) return cv_no_memory(err, "a recipe");
    const char *slash = strrchr(name, '/'), *base = slash ? slash + 1 : name, *end = strrchr(base, '.');
    bool yaml = end && end > base && (!strcmp(end, ".yaml") || !strcmp(end, ".yml"));
    made->name = cv_name(base, yaml ? (size_t)(end - base) : strlen(base));
    made->file = cv_format("%s", file);
    convo_status status = CONVO_OK;
    if (!made->name || !made->file) status = cv_no_memory(err, "a recipe");
    if (!status) status = cv_yaml_parse(text, size, file, &made->document, err);
    if (!status) status = cv_recipe_check(made, err);
    if (status)
        convo_recipe_free(made);
    else
        *recipe = made;
    return status;
}

convo_status convo_recipe_parse(const char *text, size_t size, const char *name, convo_recipe **recipe,
                                convo_error *err) {
    if (!text || !name || !recipe) return cv_fail(err, CONVO_ARGUMENT, "", "a text, a name and an output are required");
    return cv_recipe_parse(text, size, name, name, recipe, err);
}

convo_status convo_recipe_load(const char *path, convo_recipe **recipe, convo_error *err) {
    if (!path || !recipe) return cv_fail(err, CONVO_ARGUMENT, "", "a path and an output are required");
    *recipe = NULL;
    cv_bytes bytes;
    CV_TRY(cv_file_read(path, CV_LIMIT_RECIPE, &bytes, err));
    convo_status status = cv_recipe_parse((const char *)bytes.data, bytes.size, path, path, recipe, err);
    free(bytes.data);
    return status;
}

void convo_recipe_free(convo_recipe *recipe) {
    if (!recipe) return;
    free(recipe->name);
    free(recipe->file);
    free(recipe->setting);
    free(recipe->noted_data);
    free(recipe->data_config);
    free(recipe->feature_config);
    free(recipe->mean);
    free(recipe->std);
    free(recipe->loss_config);
    cv_changes_config_free(&recipe->changes);
    yaml_document_delete(&recipe->document);
    free(recipe);
}

const char *convo_recipe_name(const convo_recipe *recipe) {
    return recipe->name;
}

double convo_recipe_published(const convo_recipe *recipe, const char **source) {
    if (source) *source = recipe->published_source;
    return recipe->published;
}

const char *convo_recipe_data(const convo_recipe *recipe) {
    return recipe->data && !recipe->data_path[0] ? recipe->data->name : NULL;
}

uint64_t convo_recipe_seed(const convo_recipe *recipe) {
    return (uint64_t)recipe->train.seed;
}

int convo_recipe_epochs(const convo_recipe *recipe) {
    return (int)recipe->train.epochs;
}

convo_status convo_recipe_text(const convo_recipe *recipe, char **text, convo_error *err) {
    if (!recipe || !text) return cv_fail(err, CONVO_ARGUMENT, "", "a recipe and an output for its text are required");
    *text = NULL;
    return cv_yaml_dump(&recipe->document, text, err);
}

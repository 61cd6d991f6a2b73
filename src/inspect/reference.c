// The reference of recipes, generated from the tables that read recipes, so that the two cannot differ.
#include "change/kind.h"
#include "recipe/block.h"

#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// Something that a recipe can name.
typedef struct topic {
    const char *name, *help, *torch;
    const cv_option *schema;
    bool starts; // has parameters, whose start `init` sets
} topic;

typedef struct section {
    const char *title, *text;
    bool (*at)(size_t k, topic *topic); // false at the end
} section;

// --- the tables ---------------------------------------------------------------------------------------------------

static bool op_at(cv_kind kind, size_t k, topic *t) {
    const cv_isa *isa = cv_isa_find("baseline");
    for (int i = 0; i < isa->op_count; i++) {
        const cv_op *op = isa->ops[i];
        if (op->kind != kind || k--) continue;
        *t = (topic){op->name, op->help, op->torch, op->schema, op->tensors != NULL};
        return true;
    }
    return false;
}

static bool layer_at(size_t k, topic *t) {
    size_t blocks = 0;
    for (const cv_block *block; (block = cv_block_at(blocks)); blocks++)
        if (blocks == k) {
            *t = (topic){.name = block->name, .help = block->help, .schema = block->schema};
            return true;
        }
    return op_at(CV_LAYER, k - blocks, t);
}
static bool loss_at(size_t k, topic *t) {
    return op_at(CV_LOSS, k, t);
}

#define TOPIC_AT(function, entry_at)                                                                                   \
    static bool function(size_t k, topic *t) {                                                                         \
        if (!entry_at(k)) return false;                                                                                \
        *t = (topic){.name = entry_at(k)->name, .help = entry_at(k)->help, .schema = entry_at(k)->schema};             \
        return true;                                                                                                   \
    }
TOPIC_AT(data_at, cv_data_kind_at)
TOPIC_AT(feature_at, cv_feature_at)
TOPIC_AT(optimizer_at, cv_optimizer_at)
TOPIC_AT(schedule_at, cv_schedule_at)
TOPIC_AT(change_at, cv_change_at)

static bool block_at(size_t k, topic *t) {
    const topic blocks[] = {
        {.name = "data",
         .help = "the examples; `data: fsdd` is short for `data: {set: fsdd}`. The options of the set stand here too",
         .schema = cv_recipe_data_schema},
        {.name = "split", .help = "`data.split`: what to train, validate and test on", .schema = cv_split_schema},
        {.name = "features",
         .help = "what the net sees of a recording. The options of the kind stand here too",
         .schema = cv_feature_common_schema},
        {.name = "augment",
         .help = "what is changed in the training examples, anew in every epoch: see Changes. With `copies`, fixed "
                 "copies of the recordings are trained on instead, which the options below describe",
         .schema = cv_augment_schema},
        {.name = "input",
         .help = "`[channels]`, `[channels, width]` or `[channels, height, width]`: the shape of an example, "
                 "where there are no features; without it, that of the data"},
        {.name = "model", .help = "the list of layers, each a word or a word with options: see Layers"},
        {.name = "train",
         .help = "how to train. `loss`, `optimizer` and `schedule` stand here too, each a word (`loss: mse`) or a word "
                 "with options (`optimizer: {sgd: {lr: 0.05}}`), and `teacher`",
         .schema = cv_train_schema},
        {.name = "teacher",
         .help = "`train.teacher`: a trained model whose probabilities are learnt besides the labels (distillation, "
                 "Hinton et al. 2015); `teacher: runs/large-0` is short for `teacher: {model: runs/large-0}`",
         .schema = cv_recipe_teacher_schema},
        {.name = "published",
         .help = "the figure that somebody else published, to show beside one's own",
         .schema = cv_recipe_published_schema},
    };
    if (k < CV_COUNT(blocks)) *t = blocks[k];
    return k < CV_COUNT(blocks);
}

static const section sections[] = {
    {"Blocks", "A recipe is a YAML file with these blocks. `data`, `features`, `model` and `train` are what most have.",
     block_at},
    {"Data sets", "The words for `data.set`.", data_at},
    {"Front ends", "The words for `features.kind`.", feature_at},
    {"Changes",
     "The words of `augment` without `copies`. A change with one option needs no braces: `shift: 0.1` is\n"
     "`shift: {seconds: 0.1}`. Each has `share` besides, the share of the examples that are changed (default 1).\n"
     "Amounts are drawn uniformly, anew for every example and epoch, from numbers that depend on the training's seed,\n"
     "the epoch, the example and the change alone. The changes are made in the order of this list.",
     change_at},
    {"Layers",
     "The words of `model`. A layer with one option needs no braces: `- linear: 10` is `- linear: {out: 10}`.\n\n"
     "Parameters start as PyTorch's do. `init` of a layer changes that: a word, a number for all, or a list of all\n"
     "numbers, as in `- linear: {out: 1, init: {weight: normal, bias: zero}}`. The words are zero, one, normal (mean "
     "0,\n"
     "deviation 1) and uniform (within 1/sqrt(n) of 0, where n is the number of inputs of one output: PyTorch's "
     "default\n"
     "of convolutions and linear layers, weights and biases; batch norm has no such n).\n\n"
     "A layer reads the one before it. Any layer or block may have a `name`, and by `from` reads the one of that name\n"
     "instead: `- conv1d: {out: 8, kernel: 3, from: stem}`. Layers that join values name them all, `- add: {from: "
     "[stem,\n"
     "previous]}`; `previous` is the layer before, `input` what the net reads.",
     layer_at},
    {"Losses", "The words for `train.loss`; cross_entropy is the default.", loss_at},
    {"Optimisers", "The words for `train.optimizer`; sgd is the default.", optimizer_at},
    {"Schedules", "The words for `train.schedule`: how the learning rate changes; constant is the default.",
     schedule_at},
};

// --- writing ------------------------------------------------------------------------------------------------------

// Empty where an option has no default, or one that stands for "not given".
static void default_text(const cv_option *option, char text[CV_LIST_SIZE]) {
    _Alignas(int64_t) char field[CV_LIST_SIZE] = "";
    cv_option alone[] = {*option, {.name = NULL}};
    const bool ranged = option->type != CV_TEXT && option->type != CV_NUMBERS && (option->min != 0 || option->max != 0);
    text[0] = 0;
    if (option->required || isnan(option->fallback)) return;
    if (ranged && (option->fallback < option->min || option->fallback > option->max)) return;
    alone[0].offset = 0;
    cv_options_default(alone, field);
    cv_option_get(alone, field, text, CV_LIST_SIZE);
}

static void write_option(FILE *out, const cv_option *option) {
    char expects[256], usual[CV_LIST_SIZE];
    if (option->type == CV_TEXT || option->type == CV_LIST)
        cv_print(expects, sizeof expects, option->type == CV_TEXT ? "text" : "list");
    else
        cv_option_expects(option, expects, sizeof expects);
    default_text(option, usual);
    fprintf(out, "- `%s`: %s", option->name, option->help ? option->help : "");
    fprintf(out, " (%s%s", expects, option->required ? "; required" : "");
    fprintf(out, *usual ? "; default %s)\n" : ")\n", usual);
}

static void write_topic(FILE *out, const topic *t) {
    fprintf(out, "\n### %s\n\n%c%s.\n", t->name, toupper((unsigned char)t->help[0]), t->help + 1);
    if (t->torch) fprintf(out, "\nPyTorch: `%s`\n", t->torch);
    if (t->starts || (t->schema && t->schema->name)) fputs("\n", out);
    for (const cv_option *option = t->schema; option && option->name; option++) write_option(out, option);
    if (t->starts) fputs("- `init`: how its parameters start, by name\n", out);
}

static void write_all(FILE *out) {
    fputs("# Recipes: what they may hold\n\nWritten by `convo recipe`. One entry alone: `convo recipe conv1d`.\n", out);
    for (size_t s = 0; s < CV_COUNT(sections); s++) {
        topic t;
        fprintf(out, "\n## %s\n\n%s\n", sections[s].title, sections[s].text);
        for (size_t k = 0; sections[s].at(k, &t); k++) write_topic(out, &t);
    }
}

// The k-th topic of all sections.
static bool topic_at(size_t k, topic *t, const section **of) {
    for (size_t s = 0; s < CV_COUNT(sections); s++)
        for (size_t i = 0; sections[s].at(i, t); i++)
            if (!k--) {
                *of = &sections[s];
                return true;
            }
    return false;
}

static const char *topic_name(const void *context, size_t k) {
    (void)context;
    topic t;
    const section *of;
    return topic_at(k, &t, &of) ? t.name : NULL;
}

// A word may mean two things: linear is a layer and a schedule.
static bool write_word(FILE *out, const char *word) {
    topic t;
    const section *of;
    bool found = false;
    for (size_t k = 0; topic_at(k, &t, &of); k++) {
        if (strcmp(t.name, word) != 0) continue;
        fprintf(out, "%s## %s\n", found ? "\n" : "", of->title);
        write_topic(out, &t);
        found = true;
    }
    return found;
}

convo_status convo_recipe_reference(const char *word, char **text, convo_error *err) {
    if (!text) return cv_fail(err, CONVO_ARGUMENT, "", "room for the text is needed");
    char *made = NULL;
    size_t size = 0;
    bool found = true;
    *text = NULL;
    FILE *out = open_memstream(&made, &size);
    if (!out) return cv_no_memory(err, "the reference");
    if (word)
        found = write_word(out, word);
    else
        write_all(out);
    const bool whole = !ferror(out);
    if (!fclose(out) && whole && found) {
        *text = made;
        return CONVO_OK;
    }
    free(made);
    if (found) return cv_no_memory(err, "the reference");
    return cv_fail(err, CONVO_ARGUMENT, word, "nothing in a recipe is called so%s",
                   cv_did_you_mean(word, topic_name, NULL).text);
}

// Recipes that nobody would write: valid ones, drawn at random from the tables of layers, losses, optimisers and
// schedules, so that whatever joins a table is tried. The same seed gives the same recipe.
#pragma once

#include "support.h"
#include "recipe/block.h"
#include "train/train.h"

enum { TEXT = 1 << 14, MOST_VALUES = 3000, MOST_WORK = 1 << 19, MOST_NAMES = 8, MOST_DEEP = 24 };

typedef struct random_net {
    uint64_t seed;
    cv_random random;
    char text[TEXT]; // the recipe, but for its data set
    cv_shape input;
    int classes, batch, examples[3]; // in training, validation, test
    bool statistics;                 // a layer looks at the whole batch
    int sets;                        // of labels that are true together; 0: a label is a class
    cv_shape named[MOST_NAMES];      // shapes of the layers called v0, v1, ...
    int names;
} random_net;

static inline int draw(random_net *n, int count) { // 0..count - 1
    return (int)(cv_random_u32(&n->random) % (uint32_t)count);
}

// A list of layers as YAML, and those of them that change the shape: they are a shortcut around the rest.
typedef struct layer_list {
    char all[TEXT / 2], changing[TEXT / 2];
    cv_shape shape; // behind the last
} layer_list;

static inline void list_layer(layer_list *list, const char *text, cv_shape shape) {
    const bool changes = memcmp(&shape, &list->shape, sizeof shape) != 0;
    cv_append(list->all, sizeof list->all, "%s%s", list->all[0] ? ", " : "", text);
    if (changes) cv_append(list->changing, sizeof list->changing, "%s%s", list->changing[0] ? ", " : "", text);
    list->shape = shape;
}

// --- options ------------------------------------------------------------------------------------------------------

// Small ones mostly; at times the number of channels, so that groups and outputs fit.
static inline int64_t draw_integer(random_net *n, const cv_option *o, int64_t channels) {
    const int64_t high = (int64_t)o->min + (draw(n, 4) ? draw(n, 5) : draw(n, 33));
    const int64_t value = o->type == CV_INT && draw(n, 4) == 0 ? channels : high;
    return value < (int64_t)o->min ? (int64_t)o->min : (double)value > o->max ? (int64_t)o->max : value;
}

// Neither end: an epsilon of 0 or a memory of 1 makes numbers that are none, here as in PyTorch.
static inline double draw_number(random_net *n, const cv_option *o) {
    static const double rates[] = {0.1, 0.03, 0.01, 0.001};
    if (strcmp(o->name, "lr") == 0) return rates[draw(n, CV_COUNT(rates))];
    const double low = fmax(o->min, -1), high = fmin(o->max, low + 1 + (low < 0));
    return low + (high - low) * (1 + draw(n, 19)) / 20;
}

static inline void draw_option(random_net *n, const cv_option *o, int64_t channels, char *text, size_t size) {
    int words = 1;
    text[0] = 0;
    const bool special = o->words && o->type != CV_WORD && draw(n, 4) == 0;
    switch (special ? CV_WORD : o->type) {
    case CV_INT:
    case CV_LENGTH: cv_print(text, size, "%lld", (long long)draw_integer(n, o, channels)); break;
    case CV_PAIR:
    case CV_ENDS:
        cv_print(text, size, "[%lld, %lld]", (long long)draw_integer(n, o, channels),
                 (long long)draw_integer(n, o, channels));
        break;
    case CV_SIDES: {
        const int count = draw(n, 2) ? 2 : 4;
        for (int k = 0; k < count; k++)
            cv_append(text, size, "%s%lld", k ? ", " : "[", (long long)draw_integer(n, o, channels));
        cv_append(text, size, "]");
        break;
    }
    case CV_NUMBERS:
    case CV_SPAN:
    case CV_FLOAT: cv_print(text, size, "%g", draw_number(n, o)); break;
    case CV_BOOL: cv_print(text, size, "%s", draw(n, 2) ? "true" : "false"); break;
    case CV_WORD: {
        const char *word = o->words;
        for (const char *c = word; *c; c++) words += *c == '|';
        for (int k = draw(n, words); k > 0; k--) word = strchr(word, '|') + 1;
        cv_print(text, size, "%.*s", (int)strcspn(word, "|"), word);
        break;
    }
    case CV_TEXT:
    case CV_LIST: text[0] = 0; break;
    }
}

// "out: 3, kernel: 2" into text and config; half of what may be left out is. Not an epsilon, whose default is so small
// that a batch norm over values that do not vary, or an Adam without gradient, makes much of rounding.
static inline void draw_options(random_net *n, const cv_option *schema, int64_t channels, void *config, char *text,
                                size_t size) {
    char value[64], why[256];
    text[0] = 0;
    cv_options_default(schema, config);
    for (const cv_option *o = schema; o && o->name; o++) {
        if (!o->required && draw(n, 2) && strcmp(o->name, "eps") != 0) continue;
        draw_option(n, o, channels, value, sizeof value);
        if (!value[0]) continue;
        if (!cv_option_set(o, config, value, why, sizeof why)) fail_msg("%s: %s must be %s", o->name, value, why);
        cv_append(text, size, "%s%s: %s", text[0] ? ", " : "", o->name, value);
    }
}

// "init: {weight: normal}"
static inline void draw_init(random_net *n, const cv_tensor *spec, int tensors, char *text, size_t size) {
    // Not all the same: sums of the same numbers in another order are ties that rounding breaks.
    const cv_tensor *t = &spec[draw(n, tensors)];
    const char *const words[] = {"normal", t->fan_in ? "uniform" : "0.3"};
    if (t->buffer) return;
    cv_append(text, size, "%sinit: {%s: %s}", text[0] ? ", " : "", t->name, words[draw(n, 2)]);
}

// --- layers -------------------------------------------------------------------------------------------------------

// False: the layer refuses the shape or the options, or it is too large for a quick test.
static inline bool fits(random_net *n, const cv_op *op, op_config *config, cv_shape in, cv_shape *out) {
    char why[256], formula[256];
    *out = in;
    if (op->infer && !op->infer(config->bytes, &in, out, why, sizeof why)) return false;
    if (cv_shape_size(*out) > MOST_VALUES) return false;
    if (out->dims < in.dims && draw(n, 40)) return false; // what comes behind it would be vectors only
    return !op->cost || op->cost(config->bytes, in, *out, formula, sizeof formula) <= MOST_WORK;
}

static inline bool draw_layer(random_net *n, const cv_op *op, layer_list *list) {
    enum { TRIES = 8 }; // many options of a convolution fit nothing
    op_config config = {{0}};
    cv_tensor spec[CV_MAX_TENSORS];
    const cv_shape in = list->shape;
    cv_shape out;
    char options[512], text[600];
    if (op->kind != CV_LAYER || op->inputs > 1 || (op->dims && op->dims != in.dims)) return false;
    if (!op->tensors && draw(n, 2)) return false; // layers that learn twice as often as others
    int tries = 0;
    do draw_options(n, op->schema, in.c, config.bytes, options, sizeof options);
    while (!fits(n, op, &config, in, &out) && ++tries < TRIES);
    if (tries == TRIES) return false;
    const int tensors = op->tensors ? op->tensors(config.bytes, in, spec) : 0;
    if (tensors && draw(n, 8) == 0) draw_init(n, spec, tensors, options, sizeof options);
    cv_print(text, sizeof text, options[0] ? "{%s: {%s}}" : "%s", op->name, options);
    n->statistics |= op->statistics != NULL;
    list_layer(list, text, out);
    return true;
}

static inline void draw_layers(random_net *n, int count, int depth, layer_list *list);

static inline void draw_residual(random_net *n, int depth, layer_list *list) {
    layer_list *body = test_memory(2, sizeof *body), *shortcut = &body[1];
    char *text = test_memory(TEXT, 1);
    body->shape = shortcut->shape = list->shape;
    draw_layers(n, 1 + draw(n, 4), depth + 1, body);
    const bool same = memcmp(&body->shape, &list->shape, sizeof body->shape) == 0;
    if (same && draw(n, 2)) // the input itself
        cv_print(text, TEXT, "{residual: {body: [%s]}}", body->all);
    else {
        memcpy(shortcut->all, body->changing, sizeof shortcut->all);
        shortcut->shape = body->shape;
        if (same && draw(n, 2)) draw_layers(n, 1, 9, shortcut);
        if (memcmp(&shortcut->shape, &body->shape, sizeof body->shape) != 0)
            memcpy(shortcut->all, body->changing, sizeof shortcut->all);
        cv_print(text, TEXT, "{residual: {body: [%s], shortcut: [%s]}}", body->all, shortcut->all);
    }
    list_layer(list, text, body->shape);
    free(body);
    free(text);
}

// The shape that a list of layers makes; false: it is refused, or too large for a quick test.
static inline bool shape_of_layers(random_net *n, const char *layers, cv_shape in, cv_shape *out) {
    char text[1024], shape[48], formula[256];
    convo_recipe *recipe = NULL;
    cv_net *net = NULL;
    cv_shape_text(in, shape, sizeof shape);
    shape[0] = '[', shape[strlen(shape) - 1] = ']';
    cv_print(text, sizeof text, "input: %s\nmodel: [%s]\n", shape, layers);
    bool good = !cv_recipe_parse(text, strlen(text), "block", "block", &recipe, NULL) &&
                !cv_recipe_outline(recipe, cv_isa_find("baseline"), &net, NULL);
    good = good && net->nodes <= MOST_DEEP; // deeper ones make chaos of rounding
    for (int i = 0; good && i < net->nodes; i++) {
        const cv_node *node = &net->node[i];
        good = cv_shape_size(node->out) <= MOST_VALUES &&
               (!node->op->cost ||
                node->op->cost(node->config, node->in, node->out, formula, sizeof formula) <= MOST_WORK);
        n->statistics |= good && node->op->statistics;
    }
    if (good) *out = cv_net_output(net);
    cv_net_free(net);
    convo_recipe_free(recipe);
    return good;
}

static inline bool draw_block(random_net *n, layer_list *list) {
    size_t blocks = 0;
    while (cv_block_at(blocks)) blocks++;
    const cv_block *block = cv_block_at((size_t)draw(n, (int)blocks));
    char options[512], text[600];
    cv_shape out;
    // The batch norms of a block have a small epsilon, and make much of rounding in maps that are cut to a constant.
    if (!block->schema || list->shape.dims < 2 || strstr(list->all, "clip")) return false;
    void *config = test_memory(block->config_size, 1);
    draw_options(n, block->schema, list->shape.c, config, options, sizeof options);
    free(config);
    cv_print(text, sizeof text, "{%s: {%s}}", block->name, options);
    if (!shape_of_layers(n, text, list->shape, &out)) return false;
    list_layer(list, text, out);
    return true;
}

// Gives the value a name, by a layer that does nothing.
static inline void name_value(random_net *n, layer_list *list) {
    char text[64];
    cv_print(text, sizeof text, "{dropout: {p: 0, name: v%d}}", n->names);
    list_layer(list, text, list->shape);
    n->named[n->names++] = list->shape;
}

// Joins the value with an earlier one, either way round, by any op of two inputs.
static inline bool draw_join(random_net *n, const cv_op *op, layer_list *list) {
    const int other = n->names ? draw(n, n->names) : 0, first = draw(n, 2);
    char why[256], text[128], name[2][16] = {"previous"};
    cv_shape in[2], out;
    if (!n->names || op->inputs < 2 || op->kind != CV_LAYER) return false;
    cv_print(name[1], sizeof name[1], "v%d", other);
    in[first] = list->shape;
    in[1 - first] = n->named[other];
    if (!op->infer(NULL, in, &out, why, sizeof why) || cv_shape_size(out) > MOST_VALUES) return false;
    cv_print(text, sizeof text, "{%s: {from: [%s, %s]}}", op->name, name[first], name[1 - first]);
    list_layer(list, text, out);
    return true;
}

// Squeeze and excitation: maps times a number for each, made of the maps.
static inline void draw_excitation(random_net *n, layer_list *list) {
    char text[160];
    const cv_shape shape = list->shape;
    name_value(n, list);
    cv_print(text, sizeof text, "globalavgpool, {linear: %lld}, sigmoid, {scale: {from: [v%d, previous]}}",
             (long long)shape.c, n->names - 1);
    list_layer(list, text, shape);
}

// Names and what is made of them, where no shortcut repeats it.
static inline void draw_wires(random_net *n, const cv_isa *isa, layer_list *list) {
    if (n->names < MOST_NAMES && draw(n, 4) == 0) name_value(n, list);
    if (n->names < MOST_NAMES && list->shape.dims > 1 && draw(n, 8) == 0) draw_excitation(n, list);
    for (int tries = 0; tries < 20 && draw(n, 2); tries++)
        if (draw_join(n, isa->ops[draw(n, isa->op_count)], list)) break;
}

static inline void draw_layers(random_net *n, int count, int depth, layer_list *list) {
    const cv_isa *isa = cv_isa_find("baseline");
    for (int k = 0; k < count;) {
        if (depth < 2 && draw(n, 6) == 0)
            draw_residual(n, depth, list), k++;
        else if (draw(n, 8) == 0)
            k += draw_block(n, list);
        else
            k += draw_layer(n, isa->ops[draw(n, isa->op_count)], list);
        if (depth == 0) draw_wires(n, isa, list);
    }
}

// --- the recipe ---------------------------------------------------------------------------------------------------

// A shape, and at times a first layer so large that threads share its work (MUCH_WORK in plan.c).
static inline void draw_input(random_net *n, layer_list *list) {
    enum { LARGE = 1 << 18 };
    char text[128];
    const int kind = draw(n, 12), dims = kind == 0 ? 1 : kind == 1 ? 3 : draw(n, 5) ? 2 + draw(n, 2) : 1;
    n->input = (cv_shape){dims, 1 + draw(n, 9), dims > 2 ? 1 + draw(n, 11) : 1, dims > 1 ? 1 + draw(n, 13) : 1};
    if (kind == 0) n->input.c = 300 + draw(n, 900);
    if (kind == 1) n->input = (cv_shape){3, 24 + draw(n, 9), 8 + draw(n, 3), 8 + draw(n, 3)};
    list->shape = n->input;
    n->batch = 1 + draw(n, kind < 2 ? 32 : 70);
    if (kind == 0) {
        const int64_t out = LARGE / n->input.c + 1 + draw(n, 40);
        cv_print(text, sizeof text, "{linear: %lld}", (long long)out);
        list_layer(list, text, (cv_shape){1, out, 1, 1});
    }
    if (kind == 1) {
        const int64_t out = 20 + draw(n, 9);
        cv_print(text, sizeof text, "{conv2d: {out: %lld, kernel: 3, padding: 1}}", (long long)out);
        list_layer(list, text, (cv_shape){3, out, n->input.h, n->input.w});
    }
}

// "name" or "name: {options}" of an entry of a table
static inline void append_choice(random_net *n, const char *what, const char *name, const cv_option *schema) {
    op_config config;
    char options[512];
    draw_options(n, schema, 1, config.bytes, options, sizeof options);
    cv_append(n->text, sizeof n->text, ", %s: {%s: {%s}}", what, name, options);
}

static inline const cv_op *draw_loss(random_net *n, int *outputs) {
    const cv_isa *isa = cv_isa_find("baseline");
    const cv_op *op;
    do op = isa->ops[draw(n, isa->op_count)];
    while (op->kind != CV_LOSS || op->inputs > 1 || op->number);
    op_config config = {{0}};
    char why[256];
    n->classes = 2 + draw(n, 5);
    const cv_shape many = {1, n->classes, 1, 1}, one = {1, 1, 1, 1};
    cv_shape out;
    cv_options_default(op->schema, config.bytes);
    const bool takes_many = op->infer(config.bytes, &many, &out, why, sizeof why);
    const bool single = op->infer(config.bytes, &one, &out, why, sizeof why) && (!takes_many || draw(n, 4) == 0);
    if (single) n->classes = 2;
    *outputs = single ? 1 : n->classes;
    return op;
}

static inline void cut_word(char *text, const char *word) {
    char *at = strstr(text, word);
    if (at) memmove(at, at + strlen(word), strlen(at + strlen(word)) + 1);
}

// Sizes of the parts. A batch of one in front of a batch norm is refused where there is one pixel.
static inline void draw_examples(random_net *n, bool drop_last) {
    if (n->statistics && n->batch == 1) n->batch = 2;
    const int batches = draw(n, 3);
    n->examples[CONVO_TRAIN] = n->batch * (drop_last && !batches ? 1 : batches) + draw(n, n->batch);
    while (n->examples[CONVO_TRAIN] < 2 || (n->statistics && !drop_last && n->examples[CONVO_TRAIN] % n->batch == 1))
        n->examples[CONVO_TRAIN]++;
    n->examples[CONVO_VALIDATION] = draw(n, 3) ? draw(n, 12) : 0;
    n->examples[CONVO_TEST] = draw(n, 3) ? draw(n, 5) : 0;
}

static inline size_t table_size_of_optimizers(void) {
    size_t k = 0;
    while (cv_optimizer_at(k)) k++;
    return k;
}

static inline size_t table_size_of_schedules(void) {
    size_t k = 0;
    while (cv_schedule_at(k)) k++;
    return k;
}

// What becomes of a step's gradients.
static inline void draw_step(random_net *n) {
    static const char *const sizes[] = {"0.01", "0.1", "1", "10"}, *const memories[] = {"0.5", "0.9", "0.99"};
    if (draw(n, 4) == 0) cv_append(n->text, sizeof n->text, ", accumulate: %d", 2 + draw(n, 3));
    if (draw(n, 4) == 0) cv_append(n->text, sizeof n->text, ", clip_norm: %s", sizes[draw(n, 4)]);
    if (draw(n, 6) == 0) cv_append(n->text, sizeof n->text, ", clip_value: %s", sizes[draw(n, 4)]);
    if (draw(n, 4) == 0)
        cv_append(n->text, sizeof n->text, ", ema: %s, ema_warmup: %s", memories[draw(n, 3)],
                  draw(n, 2) ? "true" : "false");
    if (draw(n, 4)) return;
    if (draw(n, 2)) {
        cv_append(n->text, sizeof n->text, ", class_weights: balanced");
        return;
    }
    for (int k = 0; k < n->classes; k++)
        cv_append(n->text, sizeof n->text, "%s%g", k ? ", " : ", class_weights: [", (1 + draw(n, 20)) / 8.0);
    cv_append(n->text, sizeof n->text, "]");
}

// train: its words and yes-or-noes but for the precision, whose numbers are others, and for quantize, which goes on
// with a trained net; then what it chooses.
static inline void draw_train(random_net *n, const cv_op *loss) {
    char value[64];
    cv_append(n->text, sizeof n->text, "train: {epochs: %d, seed: %d", 1 + draw(n, 3), draw(n, 1000));
    for (const cv_option *o = cv_train_schema; o->name; o++) {
        if ((o->type != CV_WORD && o->type != CV_BOOL) || strcmp(o->name, "precision") == 0 ||
            strcmp(o->name, "quantize") == 0)
            continue;
        if (strcmp(o->name, "ema_warmup") == 0) continue; // see draw_step
        draw_option(n, o, 1, value, sizeof value);
        // A balanced order is drawn anew in every epoch: it cannot be fixed besides.
        if (strcmp(o->name, "balance") == 0 && strstr(n->text, "order: fixed")) continue;
        if (strcmp(value, "fixed") == 0 && strstr(n->text, "balance: true")) continue;
        cv_append(n->text, sizeof n->text, ", %s: %s", o->name, value);
    }
    draw_examples(n, strstr(n->text, "drop_last: true") != NULL);
    cv_append(n->text, sizeof n->text, ", batch: %d", n->batch);
    if (n->examples[CONVO_VALIDATION] && draw(n, 3) == 0)
        cv_append(n->text, sizeof n->text, ", patience: %d", 1 + draw(n, 2));
    const cv_optimizer *optimizer = cv_optimizer_at((size_t)draw(n, (int)table_size_of_optimizers()));
    const cv_schedule *schedule = cv_schedule_at((size_t)draw(n, (int)table_size_of_schedules()));
    if (schedule->watches && !n->examples[CONVO_VALIDATION]) n->examples[CONVO_VALIDATION] = 1 + draw(n, 12);
    if (!n->examples[CONVO_VALIDATION]) cut_word(n->text, ", watch: accuracy");
    append_choice(n, "loss", loss->name, loss->schema);
    append_choice(n, "optimizer", optimizer->name, optimizer->schema);
    append_choice(n, "schedule", schedule->name, schedule->schema);
    draw_step(n);
    cv_append(n->text, sizeof n->text, "}\n");
}

static inline void random_net_new(random_net *n, uint64_t seed) {
    static const char *const features[] = {"", "features: {normalize: global}\n", "features: {mean: 0.3, std: 1.7}\n",
                                           "features: {normalize: channel}\n"};
    layer_list *list = test_memory(1, sizeof *list);
    char shape[48];
    int outputs;
    *n = (random_net){.seed = seed};
    cv_random_seed(&n->random, seed);
    draw_input(n, list);
    const cv_op *loss = draw_loss(n, &outputs);
    draw_layers(n, 1 + draw(n, 6), 0, list);
    const bool behind = draw(n, 3) == 0; // layers that read a vector
    for (int k = 0; k <= behind; k++) {
        if (k) draw_layers(n, 1 + draw(n, 2), 0, list);
        if (list->shape.dims > 1) list_layer(list, "flatten", (cv_shape){1, cv_shape_size(list->shape), 1, 1});
    }
    cv_shape_text(n->input, shape, sizeof shape);
    shape[0] = '[', shape[strlen(shape) - 1] = ']';
    cv_print(n->text, sizeof n->text, "input: %s\n%smodel: [%s, {linear: %d}]\n", shape, features[draw(n, 4)],
             list->all, outputs);
    draw_train(n, loss);
    if (loss->by_output && outputs > 1 && draw(n, 2)) n->sets = 2 + draw(n, 6);
    free(list);
}

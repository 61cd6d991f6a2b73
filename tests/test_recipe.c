// Recipes: what is read, what is refused and where, settings, text round trips.
#include "recipe/recipe.h"

#include <math.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
// after the headers that it needs
#include <cmocka.h>

#define DATA     "data: fsdd\n"
#define FEATURES "features: {kind: mfcc, samples: 6000}\n"
#define FRONT    DATA FEATURES
#define MODEL    "model: [flatten, {linear: 10}]\n"
#define GOOD     FRONT MODEL

static convo_status parse(const char *text, convo_recipe **recipe, convo_error *err) {
    return convo_recipe_parse(text, strlen(text), "r.yaml", recipe, err);
}

static convo_recipe *good(const char *text) {
    convo_recipe *recipe;
    convo_error err = {0};
    if (parse(text, &recipe, &err)) fail_msg("refused: %s: %s\n%s", err.where, err.message, text);
    return recipe;
}

static void check_refusal(const char *what, const convo_error *err, const char *where, const char *phrase) {
    if (strcmp(err->where, where) != 0 || !strstr(err->message, phrase))
        fail_msg("%s\n  expected %s: ...%s...\n  but got  %s: %s", what, where, phrase, err->where, err->message);
}

// --- refusals ---------------------------------------------------------------------------------------------------

static const struct {
    const char *text, *where, *phrase;
} bad[] = {
    // not a recipe at all
    {"", "r.yaml", "is empty"},
    {"# only words\n", "r.yaml", "is empty"},
    {"model: [relu\n", "r.yaml:2:1", "not YAML"},
    {"- relu\n", "r.yaml:1:1", "must be a mapping"},
    {"data: \x01\n", "r.yaml@6", "not UTF-8"},
    {"data: \xff\xfe\n", "r.yaml@6", "not UTF-8"},
    {GOOD "---\n" GOOD, "r.yaml:4:1", "found a second one"},
    {"data: &a fsdd\nmodel: *a\n", "r.yaml:1:7", "anchors"},
    {"model: &a [*a]\n", "r.yaml:1:8", "anchors"},
    {"{\"data\": \"fs\\0dd\"}\n", "r.yaml:1:10", "NUL byte"},
    // keys
    {GOOD "trian: {epochs: 3}\n", "r.yaml:4:1", "no option 'trian', did you mean 'train'?"},
    {GOOD "data: fsdd\n", "r.yaml:4:1", "duplicate key 'data'"},
    {"? [a, b]\n: 1\n", "r.yaml:1:3", "a key must be a word"},
    {FRONT, "r.yaml", "has no 'model'"},
    {DATA MODEL, "r.yaml", "needs 'features'"},
    {GOOD "input: [13, 74]\n", "r.yaml:4:8", "has both 'features' and 'input'"},
    // data
    {"data: fsd\n" FEATURES MODEL, "r.yaml:1:7", "unknown data set 'fsd', did you mean 'fsdd'?"},
    {"data: {set: fsd}\n" FEATURES MODEL, "r.yaml:1:13", "did you mean 'fsdd'?"},
    {"data: {split: official}\n" FEATURES MODEL, "r.yaml:1:7", "data needs 'set'"},
    {"data: {set: [a]}\n" FEATURES MODEL, "r.yaml:1:13", "'set' must be text"},
    {"data: {set: fsdd, split: {trian: 2/3}}\n" FEATURES MODEL, "r.yaml:1:27", "did you mean 'train'?"},
    {"data: {set: fsdd, split: {train: 4/3}}\n" FEATURES MODEL, "r.yaml:1:34", "'train' must be a number from 0 to 1"},
    {"data: {set: fsdd, split: sometimes}\n" FEATURES MODEL, "r.yaml:1:26", "one of random, official, group"},
    {"data:\n\tset: fsdd\n", "r.yaml:2:1", "YAML is indented by spaces"},
    // features, input
    {DATA "features: {kind: mfc}\n" MODEL, "r.yaml:2:18", "unknown kind of features 'mfc', did you mean 'mfcc'?"},
    {DATA "features: mfcc\n" MODEL, "r.yaml:2:11", "'features' needs 'kind', such as"},
    {DATA "features: {kind: mfcc}\n" MODEL, "r.yaml:2:11", "mfcc needs 'samples'"},
    {DATA "features: {rate: 8000}\n" MODEL, "r.yaml:2:11", "needs 'kind'"},
    {DATA "features: {kind: mfcc, sample: 6000}\n" MODEL, "r.yaml:2:24",
     "mfcc has no option 'sample', did you mean 'samples'?"},
    {DATA "features: {kind: mfcc, samples: many}\n" MODEL, "r.yaml:2:33", "'samples' must be a whole number"},
    {DATA "features: {kind: mfcc, normalize: all}\n" MODEL, "r.yaml:2:35", "one of none, global, channel"},
    {DATA "features: {kind: mfcc, samples: 6000, mean: [1, 2]}\n" MODEL, "r.yaml:2:45",
     "'mean' has 2 numbers, the input 13 channels"},
    {DATA "features: {kind: mfcc, samples: 6000, std: [1, 2, 3]}\n" MODEL, "r.yaml:2:44", "'std' has 3 numbers"},
    {DATA "features: {kind: mfcc, samples: 6000, std: 0}\n" MODEL, "r.yaml:2:44", "'std' must be a number"},
    {DATA "features: {kind: mfcc, samples: 6000, std: [1, -1]}\n" MODEL, "r.yaml:2:44", "'std' must be a number"},
    {DATA "features: {kind: mfcc, samples: 6000, mean: [a]}\n" MODEL, "r.yaml:2:45", "'mean' must be a number"},
    {DATA "features: {kind: mfcc, samples: 6000, mean: []}\n" MODEL, "r.yaml:2:45", "'mean' must be a number"},
    {DATA "features: {kind: mfcc, samples: 6000, mean: {a: 1}}\n" MODEL, "r.yaml:2:45", "'mean' must be a number"},
    {DATA "features: {kind: mfcc, rate: 7}\n" MODEL, "r.yaml:2:30", "'rate' must be a whole number"},
    {FEATURES MODEL, "r.yaml:1:11", "needs 'rate'"},
    {"input: []\n" MODEL, "r.yaml:1:8", "1 to 3 sizes"},
    {"input: [1, 2, 3, 4]\n" MODEL, "r.yaml:1:8", "1 to 3 sizes"},
    {"input: [13, -74]\n" MODEL, "r.yaml:1:13", "whole number"},
    {"input: [13, [74]]\n" MODEL, "r.yaml:1:13", "whole number"},
    // layers
    {FRONT "model: []\n", "r.yaml:3:8", "expected a list of layers"},
    {FRONT "model: relu\n", "r.yaml:3:8", "expected a list of layers"},
    {FRONT "model:\n", "r.yaml:3:7", "expected a list of layers"},
    {FRONT "model:\n  - batchnorm: {init: {weight: uniform}}\n", "r.yaml:4:32",
     "0.weight has no uniform initialisation"},
    {FRONT "model: [flatten, globalavgpool]\n", "r.yaml:3:18", "globalavgpool needs feature maps"},
    {FRONT "model:\n  - rellu\n", "r.yaml:4:5", "unknown layer 'rellu', did you mean 'relu'?"},
    {FRONT "model:\n  - residul: {body: [relu]}\n", "r.yaml:4:5", "did you mean 'residual'?"},
    {FRONT "model:\n  - cross_entropy\n", "r.yaml:4:5", "put it in 'train"},
    {FRONT "model:\n  - add\n", "r.yaml:4:5", "use 'residual"},
    {FRONT "model:\n  - [relu]\n", "r.yaml:4:5", "a layer must be a word"},
    {FRONT "model:\n  - {relu: 1, tanh: 2}\n", "r.yaml:4:5", "a layer must be a word"},
    {FRONT "model:\n  - ~\n", "r.yaml:4:5", "a layer must be a word"},
    {FRONT "model:\n  - relu: 3\n", "r.yaml:4:11", "relu takes no options"},
    {FRONT "model:\n  - relu: {x: 3}\n", "r.yaml:4:12", "relu takes no options"},
    {FRONT "model:\n  - conv1d\n", "r.yaml:4:5", "conv1d needs 'out'"},
    {FRONT "model:\n  - conv1d: {out: 16}\n", "r.yaml:4:5", "conv1d needs 'kernel'"},
    {FRONT "model:\n  - conv1d: {out: 16, kernal: 3}\n", "r.yaml:4:23",
     "conv1d has no option 'kernal', did you mean 'kernel'?"},
    {FRONT "model:\n  - conv1d: {out: 16, kernel: three}\n", "r.yaml:4:31", "whole number"},
    {FRONT "model:\n  - conv1d: {out: 16, kernel: {a: 1}}\n", "r.yaml:4:31", "not '{...}'"},
    {FRONT "model:\n  - conv1d: {out: 16, kernel: [3, 3]}\n", "r.yaml:4:31", "not '[3, 3]'"},
    {FRONT "model:\n  - conv1d: {out: -1, kernel: 3}\n", "r.yaml:4:19", "'out' must be a whole number from 1"},
    {FRONT "model:\n  - conv2d: {out: 16, kernel: 3}\n", "r.yaml:4:5",
     "channels x height x width, but its input is (13, 74); use a layer whose name ends in 1d"},
    {FRONT "model:\n  - linear: 10\n", "r.yaml:4:5", "flatten"},
    {"input: [1, 3, 9]\nmodel:\n  - conv1d: {out: 2, kernel: 1}\n", "r.yaml:3:5", "use a layer whose name ends in 2d"},
    {"input: [1, 3]\nmodel:\n  - conv1d: {out: 2, kernel: 5}\n", "r.yaml:3:5",
     "kernel 5 is larger than the padded input 3"},
    {"input: [1, 3, 9]\nmodel:\n  - relu\n  - conv2d: {out: 2, kernel: [4, 2]}\n", "r.yaml:4:5", "layer 1"},
    {FRONT "model:\n  - residual\n", "r.yaml:4:5", "'residual' needs 'body'"},
    {FRONT "model:\n  - residual: {body: []}\n", "r.yaml:4:22", "a list of layers"},
    {FRONT "model:\n  - residual: {boddy: [relu]}\n", "r.yaml:4:16", "did you mean 'body'?"},
    {FRONT "model:\n  - residual: {body: [{conv1d: {out: 5, kernel: 1}}]}\n", "r.yaml:4:5", "layer 0"},
    {FRONT "model:\n  - residual:\n      body:\n        - relu\n        - tahn\n", "r.yaml:7:11",
     "did you mean 'tanh'?"},
    // train, published
    {GOOD "train: 5\n", "r.yaml:4:8", "train must be a mapping"},
    {GOOD "train: {optimizer: sgd}\n", "r.yaml:4:20", "sgd needs 'lr'"},
    {GOOD "train: {batch: 3}\n", "r.yaml:4:8", "sgd needs 'lr'"},
    {GOOD "train: {epochs: 0}\n", "r.yaml:4:17", "'epochs' must be a whole number"},
    {GOOD "train: {epoch: 5}\n", "r.yaml:4:9", "did you mean 'epochs'?"},
    {GOOD "train: {loss: crossentropy}\n", "r.yaml:4:15", "unknown loss 'crossentropy', did you mean 'cross_entropy'?"},
    {GOOD "train: {loss: relu}\n", "r.yaml:4:15", "unknown loss 'relu'"},
    {GOOD "train: {loss: [cross_entropy]}\n", "r.yaml:4:15", "loss must be one word"},
    {GOOD "train: {optimizer: sdg}\n", "r.yaml:4:20", "unknown optimizer 'sdg', did you mean 'sgd'?"},
    {GOOD "train: {optimizer: {sgd: {lr: fast}}}\n", "r.yaml:4:31", "'lr' must be a number"},
    {GOOD "train: {optimizer: {sgd: {lr: 1, momentun: 0.9}}}\n", "r.yaml:4:34", "did you mean 'momentum'?"},
    {GOOD "train: {optimizer: adam, schedule: cosin}\n", "r.yaml:4:36", "did you mean 'cosine'?"},
    {GOOD "published: {test_accuracy: 97.7}\n", "r.yaml:4:28", "from 0 to 1"},
};

static void a_bad_recipe_is_refused_at_its_place(void **state) {
    (void)state;
    for (size_t k = 0; k < CV_COUNT(bad); k++) {
        convo_recipe *recipe;
        convo_error err = {0};
        if (parse(bad[k].text, &recipe, &err) == CONVO_OK) fail_msg("accepted:\n%s", bad[k].text);
        assert_null(recipe);
        check_refusal(bad[k].text, &err, bad[k].where, bad[k].phrase);
    }
}

static void nesting_size_and_counts_have_limits(void **state) {
    (void)state;
    char *text = malloc(2 << 20);
    assert_non_null(text);
    convo_recipe *recipe;
    convo_error err = {0};

    memset(text, '[', 1000000);
    assert_int_equal(convo_recipe_parse(text, 1000000, "r.yaml", &recipe, &err), CONVO_LIMIT);
    check_refusal("nesting", &err, "r.yaml:1:65", "nested deeper than 64");

    memset(text, ' ', 2 << 20);
    assert_int_equal(convo_recipe_parse(text, (1 << 20) + 1, "r.yaml", &recipe, &err), CONVO_LIMIT);
    check_refusal("size", &err, "r.yaml", "too large");

    int size = sprintf(text, FRONT "model: {");
    for (int k = 0; k < 2000; k++) size += sprintf(text + size, "k%d: 1, ", k);
    strcpy(text + size, "}\n");
    assert_int_equal(parse(text, &recipe, &err), CONVO_LIMIT);
    check_refusal("keys", &err, "r.yaml:3:8", "at most 1000 keys");

    size = sprintf(text, FRONT "model:\n");
    for (int k = 0; k < 5000; k++) size += sprintf(text + size, "- relu\n");
    assert_int_equal(parse(text, &recipe, &err), CONVO_LIMIT);
    check_refusal("layers", &err, "r.yaml:4100:3", "at most 4096 layers");

    size = sprintf(text, FRONT "model:\n- ");
    for (int k = 0; k < 20; k++) size += sprintf(text + size, "{residual: {body: [");
    size += sprintf(text + size, "relu");
    for (int k = 0; k < 20; k++) size += sprintf(text + size, "]}}");
    assert_int_equal(parse(text, &recipe, &err), CONVO_LIMIT);
    assert_non_null(strstr(err.message, "nested too deep"));
    free(text);
}

// Nothing to check but that it neither crashes nor fails without a word; sanitizers do the rest.
static void a_damaged_recipe_never_crashes(void **state) {
    (void)state;
    convo_recipe *whole;
    convo_error err;
    assert_int_equal(convo_recipe_load("recipes/fsdd-mfcc.yaml", &whole, NULL), CONVO_OK);
    char *text;
    assert_int_equal(convo_recipe_text(whole, &text, NULL), CONVO_OK);
    size_t size = strlen(text);
    static const char replacement[] = "\0:{[]}-&*!|\"'\n 9";
    for (size_t at = 0; at < size; at++) {
        for (size_t k = 0; k < sizeof replacement; k++) {
            convo_recipe *recipe;
            char kept = text[at];
            text[at] = replacement[k];
            err = (convo_error){0};
            bool cut = k + 1 == sizeof replacement;
            if (convo_recipe_parse(text, cut ? at : size, "r.yaml", &recipe, &err)) {
                assert_true(err.message[0] && err.where[0]);
                assert_null(recipe);
            }
            convo_recipe_free(recipe);
            text[at] = kept;
        }
    }
    free(text);
    convo_recipe_free(whole);
}

static void a_missing_file_is_named(void **state) {
    (void)state;
    convo_recipe *recipe;
    convo_error err = {0};
    assert_int_equal(convo_recipe_load("recipes/no-such.yaml", &recipe, &err), CONVO_IO);
    assert_string_equal(err.where, "recipes/no-such.yaml");
    assert_null(recipe);
}

// --- what is read -----------------------------------------------------------------------------------------------

static void the_fsdd_recipe_is_read(void **state) {
    (void)state;
    convo_recipe *recipe;
    convo_error err = {0};
    if (convo_recipe_load("recipes/fsdd-mfcc.yaml", &recipe, &err)) fail_msg("%s: %s", err.where, err.message);
    assert_string_equal(convo_recipe_name(recipe), "fsdd-mfcc");
    const char *source;
    assert_float_equal(convo_recipe_published(recipe, &source), 0.977, 1e-12);
    assert_non_null(strstr(source, "Radboud"));
    assert_int_equal(convo_recipe_seed(recipe), 0);
    assert_string_equal(recipe->data->name, "fsdd");
    assert_float_equal(recipe->split.train, 2.0 / 3, 1e-15);
    assert_float_equal(recipe->split.test, 1.0 / 3, 1e-15);
    assert_string_equal(recipe->feature->name, "mfcc");
    assert_int_equal(recipe->rate, 8000);
    assert_int_equal(recipe->input.dims, 2);
    assert_int_equal(recipe->input.c, 13);
    assert_int_equal(recipe->input.w, 74);
    assert_int_equal(recipe->train.batch, 32);
    assert_int_equal(recipe->train.epochs, 20);
    assert_string_equal(recipe->loss->name, "cross_entropy");
    assert_string_equal(recipe->optimizer->name, "sgd");
    assert_float_equal(recipe->optimizer_config.lr, 0.05, 1e-15);
    assert_string_equal(recipe->schedule->name, "constant");

    cv_net *net;
    assert_int_equal(cv_recipe_net(recipe, cv_isa_find("baseline"), &net, &err), CONVO_OK);
    assert_int_equal(net->nodes, 13);
    assert_int_equal(net->parameters,
                     13 * 16 * 3 + 16 + 16 * 32 * 3 + 32 + 32 * 64 * 3 + 64 + 576 * 32 + 32 + 32 * 10 + 10);
    assert_string_equal(net->tensor[0].name, "0.weight");
    assert_int_equal(net->node[9].out.c, 576);
    assert_string_equal(net->node[0].where, "recipes/fsdd-mfcc.yaml:6:5");
    assert_int_equal(cv_recipe_check_classes(recipe, net, 10, &err), CONVO_OK);
    assert_int_equal(cv_recipe_check_classes(recipe, net, 12, &err), CONVO_SHAPE);
    check_refusal("classes", &err, "recipes/fsdd-mfcc.yaml:18:5", "output is (10), but 12 classes need (12)");
    cv_net_free(net);
    convo_recipe_free(recipe);
}

static void two_classes_may_have_one_output(void **state) {
    (void)state;
    convo_error err = {0};
    static const struct {
        const char *text;
        convo_status status;
    } table[] = {
        {"input: 2\nmodel: [{linear: 1}]\ntrain: {optimizer: adam, loss: logistic}\n", CONVO_OK},
        {"input: 2\nmodel: [{linear: 2}]\ntrain: {optimizer: adam, loss: cross_entropy}\n", CONVO_OK},
        {"input: 2\nmodel: [{linear: 1}]\ntrain: {optimizer: adam, loss: cross_entropy}\n", CONVO_SHAPE},
        {"input: 2\nmodel: [{linear: 2}]\ntrain: {optimizer: adam, loss: logistic}\n", CONVO_SHAPE},
        {"input: [1, 2]\nmodel: [relu]\n", CONVO_SHAPE},
    };
    for (size_t k = 0; k < CV_COUNT(table); k++) {
        convo_recipe *recipe = good(table[k].text);
        cv_net *net;
        assert_int_equal(cv_recipe_net(recipe, cv_isa_find("baseline"), &net, &err), CONVO_OK);
        assert_int_equal(cv_recipe_check_classes(recipe, net, 2, &err), table[k].status);
        cv_net_free(net);
        convo_recipe_free(recipe);
    }
}

static void short_and_long_forms_mean_the_same(void **state) {
    (void)state;
    convo_recipe *brief =
        good("data: fsdd\nfeatures: {kind: mfcc, samples: 6000}\nmodel: [flatten, relu: , linear: 10]\n"
             "train: {optimizer: {sgd: 0.5}, loss: {cross_entropy: 0.1}, schedule: {cosine: }}\n");
    convo_recipe *full = good("data: {set: fsdd}\nfeatures: {kind: mfcc, samples: 6000, rate: 8000, normalize: none}\n"
                              "model: [{flatten: {}}, {relu: ~}, {linear: {out: 10, bias: true}}]\n"
                              "train: {optimizer: {sgd: {lr: 1/2}}, loss: {cross_entropy: {label_smoothing: 0.1}},\n"
                              "        schedule: {cosine: {}}}\n");
    assert_ptr_equal(brief->data, full->data);
    assert_ptr_equal(brief->feature, full->feature);
    assert_memory_equal(brief->feature_config, full->feature_config, brief->feature->config_size);
    assert_memory_equal(brief->loss_config, full->loss_config, brief->loss->config_size);
    assert_int_equal(brief->rate, full->rate);
    assert_float_equal(brief->optimizer_config.lr, 0.5, 0);
    assert_float_equal(full->optimizer_config.lr, 0.5, 0);
    assert_string_equal(full->schedule->name, "cosine");
    assert_string_equal(brief->schedule->name, "cosine");
    assert_true(isnan(convo_recipe_published(brief, NULL)));
    convo_recipe_free(brief);
    convo_recipe_free(full);
}

static void a_list_may_be_written_as_a_list_or_a_text(void **state) {
    (void)state;
    static const struct {
        const char *written, *read;
    } cases[] = {
        {"[bed, cat]", "bed\ncat\n"},
        {"bed cat", "bed\ncat\n"},
        {"'bed, cat'", "bed\ncat\n"},
        {"\n    - bed\n    - cat", "bed\ncat\n"},
        {"[hey mycroft, other]", "hey mycroft\nother\n"},
        {"[\"a, b\", 'it''s', \"say \\\"x\\\"\"]", "a, b\nit's\nsay \"x\"\n"},
        {"[]", ""},
    };
    for (size_t k = 0; k < CV_COUNT(cases); k++) {
        char *text = cv_format("data:\n  set: audiofolder\n  classes: %s\n"
                               "features: {kind: mfcc, rate: 8000, samples: 6000}\n" MODEL,
                               cases[k].written);
        convo_recipe *recipe = good(text);
        assert_string_equal(recipe->data_config, cases[k].read);
        convo_recipe_free(recipe);
        free(text);
    }
}

static void residuals_become_branches(void **state) {
    (void)state;
    convo_recipe *recipe =
        good("input: [4, 9]\nmodel:\n  - relu\n"
             "  - residual: {body: [{conv1d: {out: 4, kernel: 3, padding: 1}}, relu]}\n"
             "  - residual:\n      body: [{residual: {body: [tanh]}}, {conv1d: {out: 8, kernel: 1}}]\n"
             "      shortcut: [{conv1d: {out: 8, kernel: 1}}]\n");
    static const struct {
        const char *path, *op;
        int input[2];
    } expected[] = {
        {"0", "relu", {-1, 0}},         {"1.body.0", "conv1d", {0, 0}},      {"1.body.1", "relu", {1, 0}},
        {"1", "add", {2, 0}},           {"2.body.0.body.0", "tanh", {3, 0}}, {"2.body.0", "add", {4, 3}},
        {"2.body.1", "conv1d", {5, 0}}, {"2.shortcut.0", "conv1d", {3, 0}},  {"2", "add", {6, 7}},
    };
    cv_net *net;
    assert_int_equal(cv_recipe_net(recipe, cv_isa_find("baseline"), &net, NULL), CONVO_OK);
    assert_int_equal(net->nodes, CV_COUNT(expected));
    for (int k = 0; k < net->nodes; k++) {
        assert_string_equal(net->node[k].path, expected[k].path);
        assert_string_equal(net->node[k].op->name, expected[k].op);
        assert_int_equal(net->node[k].input[0], expected[k].input[0]);
        if (net->node[k].op->inputs == 2) assert_int_equal(net->node[k].input[1], expected[k].input[1]);
    }
    assert_string_equal(net->tensor[0].name, "1.body.0.weight");
    cv_net_free(net);
    convo_recipe_free(recipe);
}

static void layers_read_others_by_name(void **state) {
    (void)state;
    convo_recipe *recipe = good("input: [4, 9]\nmodel:\n"
                                "  - relu: {name: a}\n"
                                "  - conv1d: {out: 4, kernel: 1, name: b}\n"
                                "  - tanh: {from: a}\n"
                                "  - residual: {body: [{relu: {name: c}}], name: r}\n"
                                "  - add: {from: [a, b, c, previous, input], name: sum}\n"
                                "  - globalavgpool\n"
                                "  - scale: {from: [r, previous]}\n"
                                "  - concat: {from: [previous, sum]}\n"
                                "  - split: {first: 3, count: 2}\n");
    static const struct {
        const char *path, *op;
        int input[2];
    } expected[] = {
        {"0", "relu", {-1, 0}},  {"1", "conv1d", {0, 0}},        {"2", "tanh", {0, 0}},  {"3.body.0", "relu", {2, 0}},
        {"3", "add", {3, 2}},    {"4.1", "add", {0, 1}},         {"4.2", "add", {5, 3}}, {"4.3", "add", {6, 4}},
        {"4", "add", {7, -1}},   {"5", "globalavgpool", {8, 0}}, {"6", "scale", {4, 9}}, {"7", "concat", {10, 8}},
        {"8", "split", {11, 0}},
    };
    cv_net *net;
    assert_int_equal(cv_recipe_net(recipe, cv_isa_find("baseline"), &net, NULL), CONVO_OK);
    assert_int_equal(net->nodes, CV_COUNT(expected));
    for (int k = 0; k < net->nodes; k++) {
        assert_string_equal(net->node[k].path, expected[k].path);
        assert_string_equal(net->node[k].op->name, expected[k].op);
        assert_int_equal(net->node[k].input[0], expected[k].input[0]);
        if (net->node[k].op->inputs == 2) assert_int_equal(net->node[k].input[1], expected[k].input[1]);
    }
    assert_int_equal(cv_net_output(net).c, 2);
    cv_net_free(net);
    convo_recipe_free(recipe);
}

static void wires_that_lead_nowhere_are_refused(void **state) {
    (void)state;
    static const struct {
        const char *layers, *says;
    } rows[] = {
        {"[{relu: {from: a}}]", "no layer before this one has the name 'a'"},
        {"[{relu: {from: previous}}, {tanh: {from: later}}, {relu: {name: later}}]", "the name 'later'"},
        {"[{relu: {name: a}}, {tanh: {name: a}}]", "two layers have the name 'a'"},
        {"[{relu: {name: input}}]", "'input' cannot be a layer's name"},
        {"[{relu: {name: '@x'}}]", "'@x' cannot be a layer's name"},
        {"[{relu: {name: [a]}}]", "'name' must be a word"},
        {"[{relu: {from: {a: b}}}]", "'from' must be the name of a layer"},
        {"[{relu: {from: []}}]", "'from' must name 1 to 64 layers"},
        {"[{relu: {from: [input, previous]}}]", "'relu' reads one value, but 'from' names 2"},
        {"[{residual: {body: [relu], from: [input, previous]}}]", "'residual' reads one value"},
        {"[{relu: {name: a}}, {scale: {from: [a, a, a]}}]", "'scale' reads two values, but 'from' names 3"},
        {"[relu, add]", "'add' joins two values: name them"},
        {"[relu, {concat: {from: input}}]", "'concat' joins two values: name them"},
        {"[{relu: {name: a}}, {conv1d: {out: 2, kernel: 1}}, {add: {from: [a, previous]}}]", "its inputs differ"},
        {"[{relu: {name: a}}, {conv1d: {out: 2, kernel: 3}}, {concat: {from: [a, previous]}}]",
         "differ in more than channels"},
        {"[{relu: {name: a}}, tanh, {relu: {from: a}}]", "no layer reads the output of layer 1 (tanh)"},
        {"[{split: {first: 3, count: 2}}]", "channels 3 to 4 are wanted of an input that has 4"},
    };
    for (size_t k = 0; k < CV_COUNT(rows); k++) {
        char *text = cv_format("input: [4, 9]\nmodel: %s\n", rows[k].layers);
        convo_recipe *recipe = NULL;
        cv_net *net;
        convo_error err = {0};
        if (!cv_recipe_parse(text, strlen(text), "r", "r.yaml", &recipe, &err) &&
            !cv_recipe_net(recipe, cv_isa_find("baseline"), &net, &err))
            fail_msg("%s is taken", rows[k].layers);
        if (!strstr(err.message, rows[k].says))
            fail_msg("%s: '%s' is not said: %s", rows[k].layers, rows[k].says, err.message);
        convo_recipe_free(recipe);
        free(text);
    }
}

// A block is what its layers are, but for their paths.
static void blocks_are_the_layers_that_they_stand_for(void **state) {
    (void)state;
    static const struct {
        const char *input, *block, *layers;
    } rows[] = {
        {"[4, 10, 6]", "{separable: {out: 3, kernel: [3, 5], stride: 2, padding: same, bias: false}}",
         "{conv2d: {out: 4, groups: 4, kernel: [3, 5], stride: 2, padding: same, bias: false}}, "
         "{conv2d: {out: 3, kernel: 1, bias: false}}"},
        {"[4, 10]", "{separable: {out: 3, kernel: 3, padding: [2, 0], dilation: 1, norm: true, activation: silu}}",
         "{conv1d: {out: 4, groups: 4, kernel: 3, padding: [2, 0], bias: false}}, batchnorm, silu, "
         "{conv1d: {out: 3, kernel: 1, bias: false}}, batchnorm, silu"},
        {"[6, 4, 4]", "{squeeze_excite: {reduce: 3, gate: hardsigmoid}}",
         "{dropout: {p: 0.5, name: x}}, globalavgpool, {linear: 2}, relu, {linear: 6}, hardsigmoid, {scale: {from: [x, "
         "previous]}}"},
        {"[4, 6, 6]", "{inverted_residual: {out: 4, expand: 2}}",
         "{residual: {body: [{conv2d: {out: 8, kernel: 1, bias: false}}, batchnorm, relu6, {conv2d: {out: 8, groups: "
         "8, "
         "kernel: 3, padding: 1, bias: false}}, batchnorm, relu6, {conv2d: {out: 4, kernel: 1, bias: false}}, "
         "batchnorm]}}"},
        {"[4, 6, 6]", "{inverted_residual: {out: 4, expand: 1, stride: 2, kernel: 5, activation: none}}",
         "{conv2d: {out: 4, groups: 4, kernel: 5, stride: 2, padding: 2, bias: false}}, batchnorm, {conv2d: {out: 4, "
         "kernel: 1, bias: false}}, batchnorm"},
        {"[4, 10, 6]", "{bc_block: {out: 8, stride: 2, dilation: 2}}",
         "{conv2d: {out: 8, kernel: 1, bias: false}}, batchnorm, relu, {conv2d: {out: 8, groups: 8, kernel: [3, 1], "
         "stride: [2, 1], padding: [1, 0], bias: false}}, {subspectralnorm: {bands: 5, name: f2}}, {mean: rows}, "
         "{conv2d: "
         "{out: 8, groups: 8, kernel: [1, 3], padding: [0, 2], dilation: [1, 2], bias: false}}, batchnorm, silu, "
         "{conv2d: "
         "{out: 8, kernel: 1, bias: false}}, {channel_dropout: 0.1}, {add: {from: [f2, previous]}}, relu"},
        {"[2, 7]", "{dense: {layers: 2, growth: 3}}",
         "{dropout: {p: 0.5, name: x}}, batchnorm, relu, {conv1d: {out: 3, kernel: 3, padding: 1, bias: false}}, "
         "{concat: "
         "{from: [x, previous], name: y}}, batchnorm, relu, {conv1d: {out: 3, kernel: 3, padding: 1, bias: false}}, "
         "{concat: {from: [y, previous]}}"},
    };
    for (size_t k = 0; k < CV_COUNT(rows); k++) {
        // A layer in front, so that both read the same node.
        const bool named = strstr(rows[k].layers, "name: x") != NULL;
        char *text[2] = {
            cv_format("input: %s\nmodel: [%s%s]\n", rows[k].input, named ? "{dropout: {p: 0.5}}, " : "", rows[k].block),
            cv_format("input: %s\nmodel: [%s]\n", rows[k].input, rows[k].layers)};
        cv_net *net[2];
        for (int n = 0; n < 2; n++) {
            convo_recipe *recipe = good(text[n]);
            assert_int_equal(cv_recipe_net(recipe, cv_isa_find("baseline"), &net[n], NULL), CONVO_OK);
            convo_recipe_free(recipe);
            free(text[n]);
        }
        if (net[0]->nodes != net[1]->nodes)
            fail_msg("%s: %d layers, not %d", rows[k].block, net[0]->nodes, net[1]->nodes);
        for (int i = 0; i < net[0]->nodes; i++) {
            const cv_node *a = &net[0]->node[i], *b = &net[1]->node[i];
            if (a->op != b->op || memcmp(a->config, b->config, a->op->config_size) != 0 || a->input[0] != b->input[0] ||
                (a->op->inputs > 1 && a->input[1] != b->input[1]))
                fail_msg("%s: layer %s is another than %s", rows[k].block, a->path, b->path);
        }
        cv_net_free(net[0]);
        cv_net_free(net[1]);
    }
}

static void blocks_are_refused_where_they_stand(void **state) {
    (void)state;
    static const struct {
        const char *layers, *where, *says;
    } rows[] = {
        {"[relu, {separable: {out: 3, kernel: 99}}]", "r.yaml:2:16", "kernel 99 is larger than the padded input"},
        {"[{separable: {kernel: 3}}]", "r.yaml:2:10", "separable needs 'out'"},
        {"[{separable: {out: 3, kernel: 3, norm: true, activation: 'relu]'}}]", "r.yaml:2:10", "is no activation"},
        {"[{separable: {out: 3, kernel: 3, norm: true, activation: rellu}}]", "r.yaml:2:10", "unknown layer 'rellu'"},
        {"[{bc_block: {out: 3}}]", "r.yaml:2:10", "bc_block: it needs maps of frequencies and time"},
        {"[{inverted_residual: {out: 3, kernel: 4}}]", "r.yaml:2:10", "its kernel is not odd"},
        {"[{dense: {layers: 3, growht: 4}}]", "r.yaml:2:29", "dense has no option 'growht'"},
        {"[{dense: {layers: 3, growth: 4, from: x}}]", "r.yaml:2:", "no layer before this one has the name 'x'"},
    };
    for (size_t k = 0; k < CV_COUNT(rows); k++) {
        char *text = cv_format("input: [4, 9]\nmodel: %s\n", rows[k].layers);
        convo_recipe *recipe = NULL;
        cv_net *net;
        convo_error err = {0};
        if (!cv_recipe_parse(text, strlen(text), "r", "r.yaml", &recipe, &err) &&
            !cv_recipe_net(recipe, cv_isa_find("baseline"), &net, &err))
            fail_msg("%s is taken", rows[k].layers);
        if (!strstr(err.message, rows[k].says) || strncmp(err.where, rows[k].where, strlen(rows[k].where)) != 0)
            fail_msg("%s: '%s' is not said at %s: %s: %s", rows[k].layers, rows[k].says, rows[k].where, err.where,
                     err.message);
        convo_recipe_free(recipe);
        free(text);
    }
}

// --- settings ---------------------------------------------------------------------------------------------------

static char *text_of(const convo_recipe *recipe) {
    char *text;
    assert_int_equal(convo_recipe_text(recipe, &text, NULL), CONVO_OK);
    return text;
}

static void the_text_reads_back_as_itself(void **state) {
    (void)state;
    convo_recipe *first;
    assert_int_equal(convo_recipe_load("recipes/fsdd-mfcc.yaml", &first, NULL), CONVO_OK);
    assert_int_equal(convo_recipe_set(first, "published.source=\"caf\xc3\xa9: 'x' # y\"", NULL), CONVO_OK);
    assert_int_equal(convo_recipe_set(first, "train.schedule={cosine: }", NULL), CONVO_OK);
    char *text = text_of(first);
    convo_recipe *second = good(text);
    char *again = text_of(second);
    assert_string_equal(text, again);
    const char *source;
    convo_recipe_published(second, &source);
    assert_string_equal(source, "caf\xc3\xa9: 'x' # y");
    free(text);
    free(again);
    convo_recipe_free(first);
    convo_recipe_free(second);
}

static void settings_change_the_recipe(void **state) {
    (void)state;
    static const struct {
        const char *setting, *written; // in the recipe's text afterwards
    } table[] = {
        {"train.epochs=5", "epochs: 5,"},
        {"samples=4000", "samples: 4000}"},
        {"epochs=5", "epochs: 5,"},
        {"lr=0.1", "{lr: 0.1}"},
        {"train.optimizer.sgd.lr=0.1", "{lr: 0.1}"},
        {"train.optimizer={adam: {lr: 0.001}}", "optimizer: {adam: {lr: 0.001}}"},
        {"optimizer={adam: {lr: 0.001}}", "optimizer: {adam: {lr: 0.001}}"},
        {"momentum=0.9", "{sgd: {lr: 0.05, momentum: 0.9}}"},
        {"schedule=one_cycle", "schedule: one_cycle"},
        {"patience=3", "patience: 3"},
        {"seed=7", "seed: 7"},
        {"data.split.seed=7", "split: {train: 2/3, test: 1/3, seed: 7}"},
        {"label_smoothing=0.1", "loss: {cross_entropy: {label_smoothing: 0.1}}"},
        {"train.loss.cross_entropy.label_smoothing=0.1", "loss: {cross_entropy: {label_smoothing: 0.1}}"},
        {"model.0.conv1d.out=8", "conv1d: {out: 8, kernel: 3, padding: 1}"},
        {"model.1=tanh", "- tanh"},
        {"rate=16000", "rate: 16000"},
        {"normalize=global", "normalize: global"},
        {"split=official", "split: official"},
        {"data.split={by: group, leave_out: theo}", "{by: group, leave_out: theo}"},
        {"test=0.3", "{train: 2/3, test: 0.3}"},
    };
    for (size_t k = 0; k < CV_COUNT(table); k++) {
        convo_recipe *recipe;
        convo_error err = {0};
        assert_int_equal(convo_recipe_load("recipes/fsdd-mfcc.yaml", &recipe, NULL), CONVO_OK);
        if (convo_recipe_set(recipe, table[k].setting, &err))
            fail_msg("%s refused: %s: %s", table[k].setting, err.where, err.message);
        char *text = text_of(recipe);
        if (!strstr(text, table[k].written)) fail_msg("%s: no '%s' in\n%s", table[k].setting, table[k].written, text);
        convo_recipe_free(good(text));
        free(text);
        convo_recipe_free(recipe);
    }
}

static void settings_add_what_was_not_written(void **state) {
    (void)state;
    convo_recipe *recipe = good(GOOD);
    assert_false(recipe->has_train);
    assert_int_equal(convo_recipe_set(recipe, "lr=1/10", NULL), CONVO_OK);
    assert_true(recipe->has_train);
    assert_float_equal(recipe->optimizer_config.lr, 0.1, 1e-15);
    assert_int_equal(convo_recipe_set(recipe, "epochs=3", NULL), CONVO_OK);
    assert_int_equal(convo_recipe_set(recipe, "features={kind: mfcc, samples: 4000}", NULL), CONVO_OK);
    assert_int_equal(convo_recipe_set(recipe, "cepstra=12", NULL), CONVO_OK);
    assert_int_equal(recipe->train.epochs, 3);
    assert_int_equal(recipe->input.c, 12);
    assert_int_equal(recipe->input.w, 49);
    convo_recipe_free(recipe);
}

static void a_bad_setting_is_refused_and_changes_nothing(void **state) {
    (void)state;
    static const struct {
        const char *setting, *where, *phrase;
    } table[] = {
        {"epochs", "epochs", "must have the form 'train.epochs=5'"},
        {"=5", "=5", "must have the form"},
        {"epochs=", "epochs=", "is empty"},
        {"epochs=[", "epochs=[:2:1", "not YAML"},
        {"epochs=many", "epochs=many", "'epochs' must be a whole number"},
        {"epoch=5", "epoch=5", "no setting 'epoch', did you mean 'epochs'?"},
        {"train.epoch=5", "train.epoch=5", "did you mean 'epochs'?"},
        {"train..epochs=5", "train..epochs=5", "path has an empty part"},
        {"kernel=5", "kernel=5",
         "no setting 'kernel'; the option of a layer has a path such as 'model.0.conv1d.kernel'"},
        {"model.20.linear=5", "model.20.linear=5", "not an index from 0 to 12"},
        {"model.13=relu", "model.13=relu", "not an index from 0 to 12"},
        {"model.-1=relu", "model.-1=relu", "not an index"},
        {"model.x=relu", "model.x=relu", "not an index"},
        {"model.2.avgpool1d.kernel=3", "model.2.avgpool1d.kernel=3", "'2' has no part 'kernel'"},
        {"model.0.conv1d.kernel=99", "recipes/fsdd-mfcc.yaml:6:5", "kernel 99 is larger than the padded input 76"},
        {"train.optimizer.adam.lr=1", "recipes/fsdd-mfcc.yaml:19:41", "optimizer must be one word"},
        {"data=nowhere", "data=nowhere", "unknown data set 'nowhere'"},
        {"seed=&a 1", "seed=&a 1:1:1", "anchors"},
    };
    convo_recipe *recipe;
    assert_int_equal(convo_recipe_load("recipes/fsdd-mfcc.yaml", &recipe, NULL), CONVO_OK);
    char *before = text_of(recipe);
    for (size_t k = 0; k < CV_COUNT(table); k++) {
        convo_error err = {0};
        if (!convo_recipe_set(recipe, table[k].setting, &err)) fail_msg("%s was accepted", table[k].setting);
        check_refusal(table[k].setting, &err, table[k].where, table[k].phrase);
        assert_int_not_equal(convo_recipe_set(recipe, table[k].setting, NULL), CONVO_OK);
        char *after = text_of(recipe);
        assert_string_equal(before, after);
        free(after);
    }
    free(before);
    convo_recipe_free(recipe);
}

static void a_name_written_twice_must_be_written_in_full(void **state) {
    (void)state;
    convo_recipe *recipe = good("data: {set: fsdd, split: {train: 0.5, seed: 1}}\n" FEATURES MODEL
                                "train: {optimizer: {sgd: {lr: 0.1}}, seed: 2}\npublished: {source: train}\n");
    convo_error err = {0};
    assert_int_equal(convo_recipe_set(recipe, "train=0.25", &err), CONVO_ARGUMENT);
    check_refusal("train", &err, "train=0.25", "write 'data.split.train' or 'train'");
    assert_int_equal(convo_recipe_set(recipe, "train={optimizer: {sgd: {lr: 0.2}}, seed: 2}", NULL), CONVO_OK);
    assert_float_equal(recipe->optimizer_config.lr, 0.2, 1e-15);          // a share of the split is no mapping
    assert_int_equal(convo_recipe_set(recipe, "seed=9", NULL), CONVO_OK); // an option of train
    assert_int_equal(recipe->train.seed, 9);
    assert_int_equal(recipe->split.seed, 1);
    convo_recipe_free(recipe);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_bad_recipe_is_refused_at_its_place),
        cmocka_unit_test(nesting_size_and_counts_have_limits),
        cmocka_unit_test(a_damaged_recipe_never_crashes),
        cmocka_unit_test(a_missing_file_is_named),
        cmocka_unit_test(the_fsdd_recipe_is_read),
        cmocka_unit_test(two_classes_may_have_one_output),
        cmocka_unit_test(short_and_long_forms_mean_the_same),
        cmocka_unit_test(a_list_may_be_written_as_a_list_or_a_text),
        cmocka_unit_test(residuals_become_branches),
        cmocka_unit_test(layers_read_others_by_name),
        cmocka_unit_test(wires_that_lead_nowhere_are_refused),
        cmocka_unit_test(blocks_are_the_layers_that_they_stand_for),
        cmocka_unit_test(blocks_are_refused_where_they_stand),
        cmocka_unit_test(the_text_reads_back_as_itself),
        cmocka_unit_test(settings_change_the_recipe),
        cmocka_unit_test(settings_add_what_was_not_written),
        cmocka_unit_test(a_bad_setting_is_refused_and_changes_nothing),
        cmocka_unit_test(a_name_written_twice_must_be_written_in_full),
    };
    return cmocka_run_group_tests_name("recipe", tests, NULL, NULL);
}

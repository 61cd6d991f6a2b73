// A recipe: one YAML file that says what data, which features, which net, how to train. Checked when it is loaded.
#pragma once

#include "audio/augment.h"
#include "audio/feature.h"
#include "change/change.h"
#include "data/dataset.h"
#include "format/yaml.h"
#include "net/net.h"
#include "train/train.h"

enum { CV_NORMALIZE_NONE, CV_NORMALIZE_GLOBAL, CV_NORMALIZE_CHANNEL }; // the words of features.normalize

struct convo_recipe {
    char *name;    // "fsdd-mfcc"
    char *file;    // what errors call it
    char *setting; // the last assignment of convo_recipe_set; NULL: none
    yaml_document_t document;
    // data:
    const cv_data_kind *data; // NULL if the recipe has none
    void *data_config;        // of data->schema; never NULL with data
    cv_split_config split;
    char data_path[CV_TEXT_SIZE]; // data.path, "" if not given
    char none[CV_LIST_SIZE];      // data.none: labels that say that nothing is true
    char *noted_data;             // folder of the data set at the time of the run; NULL: not of a run
    size_t noted_examples;        // that it had then, all parts; 0: not known
    // features:
    const cv_feature *feature; // NULL if there is none, as for pictures and arrays
    void *feature_config;
    int rate;
    int normalize;    // by the training part
    char *mean, *std; // the net sees (x - mean) / std, unless measured: cv_recipe_normal reads these lists
    cv_shape input;   // dims 0: that of the data (convo_recipe_measure)
    // augment:
    cv_augment_config augment; // fixed copies; copies 0: none
    cv_changes_config changes; // made anew in every epoch; without copies
    // train:
    bool has_train; // false: the fields below are defaults, except the learning rate, which has none
    cv_train_config train;
    const cv_op *loss; // from the baseline table, for its options; look it up by name for another instruction set
    void *loss_config;
    const cv_optimizer *optimizer;
    cv_optimizer_config optimizer_config;
    const cv_schedule *schedule;
    cv_schedule_config schedule_config;
    struct cv_recipe_teacher {
        char model[CV_TEXT_SIZE]; // a file or a run folder; "": no teacher
        double temperature, weight;
    } teacher;
    // published:
    double published;
    char published_source[CV_TEXT_SIZE];
};

// What `features:` contains for every kind.
typedef struct cv_feature_common {
    char kind[CV_TEXT_SIZE];
    int64_t rate; // 0: the data set's
    int normalize;
    char mean[CV_LIST_SIZE], std[CV_LIST_SIZE];
} cv_feature_common;
extern const cv_option cv_feature_common_schema[];
extern const char *const cv_recipe_blocks[]; // NULL-terminated
extern const char *const cv_train_blocks[];  // those of `train`, likewise
// `data:` without the kind's own options and `split:`; `published:`.
extern const cv_option cv_recipe_data_schema[], cv_recipe_published_schema[], cv_recipe_teacher_schema[];

static inline cv_yaml cv_recipe_yaml(const convo_recipe *recipe) {
    return (cv_yaml){recipe->file, &recipe->document, recipe->setting};
}
// convo_recipe_parse with separate names for the run and for errors.
convo_status cv_recipe_parse(const char *text, size_t size, const char *name, const char *file, convo_recipe **recipe,
                             convo_error *err);
// Reads `augment:` into recipe->augment or recipe->changes; data, features and input have been read. node: may be NULL.
convo_status cv_recipe_augment(convo_recipe *recipe, const yaml_node_t *node, convo_error *err);
// Fills and checks everything except name, file, setting and document, from the document.
convo_status cv_recipe_check(convo_recipe *recipe, convo_error *err);
// Copies a recipe and sets `input`.
convo_status cv_recipe_with_input(const convo_recipe *recipe, cv_shape shape, convo_recipe **changed, convo_error *err);
// Makes the normalisation that the recipe itself gives, for inputs of a shape: mean 0 and deviation 1 if it gives none.
// The caller frees it. Errors: ARGUMENT if it has another number of channels.
convo_status cv_recipe_normal(const convo_recipe *recipe, cv_shape shape, cv_normal *normal, convo_error *err);
// Makes one with numbers from elsewhere: one mean and deviation for all values, or one for each channel; `where` is
// what an error names.
convo_status cv_recipe_normal_of(const convo_recipe *recipe, cv_shape shape, const double *mean, size_t means,
                                 const double *std, size_t stds, const char *where, cv_normal *normal,
                                 convo_error *err);
// Makes one with mean 0 and deviation 1, for all values or for each channel: of pictures and arrays their first
// dimension, of recordings a filter, a coefficient. Returns false if memory runs out.
bool cv_recipe_normal_new(const convo_recipe *recipe, cv_shape shape, bool by_channel, cv_normal *normal);
// The names of the losses or layers of a table, for cv_yaml_word and cv_did_you_mean.
typedef struct cv_op_names {
    const cv_isa *isa;
    cv_kind kind;
} cv_op_names;
const char *cv_op_names_next(const void *names, size_t k);

// Builds the net of the recipe's `model:`, not initialised. An outline has no memory for parameters (cv_net_finish
// allocates it): for callers that only need sizes.
convo_status cv_recipe_outline(const convo_recipe *recipe, const cv_isa *isa, cv_net **net, convo_error *err);
convo_status cv_recipe_net(const convo_recipe *recipe, const cv_isa *isa, cv_net **net, convo_error *err);
// Checks that the net ends in what the loss reads: one value for each of `classes`, or a single one for two classes.
convo_status cv_recipe_check_classes(const convo_recipe *recipe, const cv_net *net, int classes, convo_error *err);

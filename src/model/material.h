// What training and evaluation have in common: the examples of a recipe's data set as features, labelled and split.
#ifndef CV_MATERIAL_H
#define CV_MATERIAL_H

#include "recipe/recipe.h"

typedef struct cv_material {
    const cv_isa *isa;
    cv_pool *pool;
    cv_dataset *dataset;
    cv_split split;
    cv_front *front;  // of recordings; NULL for pictures and arrays
    cv_shape shape;   // of one example
    size_t rows;      // the data set's examples, then changed versions of recordings, which the training part has too
    cv_values values; // [rows][size of shape], not normalised
    int32_t *label;   // [rows]
} cv_material;

// Of options, data, search, cache, threads and isa count; NULL is allowed. part: what it is for. CONVO_ALL: the split
// stays empty, and the data may be of a sort that the recipe cannot split; CONVO_TRAIN: each part that the recipe asks
// for has an example. Open: without values and labels.
convo_status cv_material_open(const convo_recipe *recipe, const convo_train_options *options, convo_part part,
                              cv_material *material, convo_error *err);
convo_status cv_material_load(const convo_recipe *recipe, const convo_train_options *options, convo_part part,
                              cv_material *material, convo_error *err);
// Adds the changed versions that the recipe's `augment` asks for, which are trained on and never scored.
convo_status cv_material_augment(const convo_recipe *recipe, const convo_train_options *options, cv_material *material,
                                 convo_error *err);
// Adds to dataset->found what is wrong with the split: of loaded material without changed versions.
convo_status cv_material_check(const convo_recipe *recipe, cv_material *material, convo_error *err);
void cv_material_free(cv_material *material);
// Mean and standard deviation of the training part, as the recipe's normalisation wants them (else its own two).
convo_status cv_material_measure(const convo_recipe *recipe, const cv_material *material, float *mean, float *std,
                                 convo_error *err);
void cv_material_normalize(cv_material *material, float mean, float std);

#endif

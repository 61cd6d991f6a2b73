// Shared by training and evaluation: the examples of a recipe's data set as features, labelled and split.
#pragma once

#include "data/loader.h"
#include "data/store.h"
#include "recipe/recipe.h"

typedef struct cv_material {
    const cv_isa *isa;
    cv_pool *pool;
    cv_dataset *dataset;
    cv_split split;
    cv_front *front;     // of recordings; NULL for pictures and arrays
    cv_shape shape;      // of one example
    size_t rows;         // the data set's examples, then augmented versions, which belong to the training part
    cv_values values;    // [rows][size of shape]
    int32_t *label;      // [rows]
    cv_store *store[2];  // of examples and of versions, where they are not in memory
    cv_source source;    // of all these
    cv_changes *changes; // of examples in every epoch; NULL: none
    cv_store *samples;   // of the recordings that are changed
    cv_values plain;     // values before normalisation, to be changed; borrowed
    cv_normal normal;    // what cv_material_measure found
    uint64_t seed;
    convo_reading reading; // what it took to make the stores
} cv_material;

// Uses options->data, search, cache, threads and isa; options may be NULL. part: what the material is for. CONVO_ALL:
// the split stays empty, and the recipe need not be able to split the data; CONVO_TRAIN: each part that the recipe
// requests has an example. cv_material_open leaves out values and labels.
convo_status cv_material_open(const convo_recipe *recipe, const convo_train_options *options, convo_part part,
                              cv_material *material, convo_error *err);
convo_status cv_material_load(const convo_recipe *recipe, const convo_train_options *options, convo_part part,
                              cv_material *material, convo_error *err);
// Prepares what the recipe's `augment` requests: adds fixed augmented versions, which are trained on and never scored,
// or makes the source change examples anew in every epoch.
convo_status cv_material_augment(const convo_recipe *recipe, const convo_train_options *options, cv_material *material,
                                 convo_error *err);
// Adds the faults of the split to dataset->found. The material must be loaded and without augmented versions.
convo_status cv_material_check(const convo_recipe *recipe, cv_material *material, convo_error *err);
void cv_material_free(cv_material *material);
// Says through options->note if the data set of a model's recipe has more or fewer examples than at training: the same
// random numbers then deal other examples to the parts of the split, unless these are named in the data. options may be
// NULL.
void cv_material_note(const convo_recipe *recipe, const convo_train_options *options, const cv_material *material);
// Fills material->normal: with mean and standard deviation of the training part if the recipe measures its
// normalisation, else with the recipe's own values.
convo_status cv_material_measure(const convo_recipe *recipe, cv_material *material, convo_error *err);
// From now on, values are read normalised. normal is borrowed.
void cv_material_normalize(cv_material *material, const cv_normal *normal);
// Returns whether an example could not be read and is left out, with options->skip_unreadable.
bool cv_material_lacks(const cv_material *material, size_t example);

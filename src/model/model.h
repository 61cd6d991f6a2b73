// A model: a recipe with its trained net, its labels and the normalisation that training measured. One safetensors file
// contains all of it; tensors have PyTorch's names and layouts.
#pragma once

#include "detect/listening.h"
#include "format/safetensors.h"
#include "recipe/recipe.h"

// What computes probabilities, one example at a time. Several may share a model.
typedef struct cv_predictor {
    cv_pool *pool;
    cv_runner *runner;
    float *features, *outputs;
    void *work; // of the front end
    // Set where it runs as on a device (convo_model_run_on); else NULL.
    struct cv_program *program;
    void *memory;
    int16_t *samples; // as many as it hears of a clip
} cv_predictor;

struct convo_model {
    convo_recipe *recipe;
    cv_net *net;
    cv_front *front; // NULL for a net without one
    char **labels;
    int classes;
    cv_normal normal;           // how what the net sees is normalised
    double test_accuracy;       // NaN when it is not known
    convo_listening *listening; // NULL: the defaults
    convo_machine machine;      // that it runs on
    cv_predictor predictor;     // of its own predictions
    struct cv_range *range;     // of the values of the program in floats (convo_model_quantize), else NULL
    char *ranges;               // the same as text, see ranges.h; NULL: not measured yet
};

// What a model is made of, borrowed.
typedef struct cv_model_parts {
    const convo_recipe *recipe;
    const cv_net *net;
    char *const *labels; // [classes]
    int classes;
    const cv_normal *normal;
    double test_accuracy;             // NaN when it is not known
    const convo_listening *listening; // NULL: the defaults
    const char *ranges;               // of 8-bit numbers; NULL: not measured
    size_t examples;                  // of the data set, all parts; 0: not known
} cv_model_parts;

// Allocates all that is not there yet, for recordings or for arrays. Errors: STATE if the model has no front end or
// gives no probabilities.
convo_status cv_predictor_prepare(const convo_model *model, cv_predictor *predictor, bool recording, convo_error *err);
// Computes the probabilities of checked samples at the model's rate, and allocates nothing. where: what an error names.
convo_status cv_predictor_hear(const convo_model *model, cv_predictor *predictor, const float *sample, size_t count,
                               const char *where, float *probabilities, convo_error *err);
// Parts of it: from its normalised features, and from its outputs.
convo_status cv_predictor_see(const convo_model *model, cv_predictor *predictor, const char *where,
                              float *probabilities, convo_error *err);
convo_status cv_predictor_judge(const convo_model *model, cv_predictor *predictor, const char *where,
                                float *probabilities, convo_error *err);
void cv_predictor_free(cv_predictor *predictor);

cv_model_parts cv_model_parts_of(const convo_model *model);
// The metadata of a model file: recipe, labels, normalisation. The caller frees the values, also after an error.
enum { CV_MODEL_TEXTS = 11 };
convo_status cv_model_texts(const cv_model_parts *parts, cv_st_text text[CV_MODEL_TEXTS], size_t *count,
                            convo_error *err);
// Reads the normalisation of inputs of a shape from such a value, of the file `path`. The caller frees it.
convo_status cv_model_normalize(const char *text, const char *path, cv_shape input, cv_normal *normal,
                                convo_error *err);
// Writes a model file, atomically.
convo_status cv_model_save(const cv_model_parts *parts, const char *path, convo_error *err);
// Creates a model with copies of everything; its net uses the best instruction set.
convo_status cv_model_new(const cv_model_parts *parts, convo_model **model, convo_error *err);

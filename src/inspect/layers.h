// Shared by the inspections: the net of a recipe with its initial weights, or with those of a model.
#pragma once

#include "model/model.h"

// Makes the net. model: whose weights it gets; NULL: the recipe's initial weights. input: shape of its input; NULL:
// that of the recipe. Errors: SHAPE if the weights do not fit, because of the model or because of the input (a net that
// is not fully convolutional).
convo_status cv_layers_net(const convo_recipe *recipe, const convo_model *model, const cv_isa *isa,
                           const cv_shape *input, cv_net **net, convo_error *err);
// Finds the node of a layer by its path, "3.body.0". path NULL: the last node whose output has pixels, or -1 (the
// input).
convo_status cv_layers_find(const cv_net *net, const char *path, int *node, convo_error *err);
// Cuts the net after `node`, whose output becomes that of the net. Later parameters keep their place.
void cv_layers_cut(cv_net *net, int node);

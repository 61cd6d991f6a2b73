// What the inspections share: a recipe's net with the weights that training starts from, or with those of a model.
#ifndef CV_LAYERS_H
#define CV_LAYERS_H

#include "model/model.h"

// model: whose weights it gets; NULL: the recipe's own start. input: what it reads; NULL: what the recipe says.
// Errors: SHAPE when the weights do not fit, because of the model or because of the input (a net that is not fully
// convolutional).
convo_status cv_layers_net(const convo_recipe *recipe, const convo_model *model, const cv_isa *isa,
                           const cv_shape *input, cv_net **net, convo_error *err);
// The node of a layer by its path, "3.body.0". NULL: the last one whose output has pixels, -1 (the input) without any.
convo_status cv_layers_find(const cv_net *net, const char *path, int *node, convo_error *err);
// The net up to `node`, whose output becomes the net's. Later parameters keep their place.
void cv_layers_cut(cv_net *net, int node);

#endif

// Training that starts from another model's weights.
#pragma once

#include "recipe/recipe.h"

// options->from: copies the tensors that match by name and shape into the net, and reports this through options->note.
// If the recipe measures its normalisation, normal becomes that of the model, which its layers were trained with.
// options->freeze: freezes layers. Without both, does nothing.
convo_status cv_finetune(const convo_recipe *recipe, const convo_train_options *options, cv_net *net, cv_normal *normal,
                         convo_error *err);

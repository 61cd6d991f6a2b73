// A trained model whose probabilities another one learns (distillation).
#pragma once

#include "model/material.h"

// Loads the model of recipe->teacher, if there is one, and checks that it reads and tells apart what the recipe's net
// does. mean, std: the normalisation of that net. The net in *teacher is freed with cv_net_free.
convo_status cv_teacher_load(const convo_recipe *recipe, const cv_material *material, const cv_net *net,
                             char *const *labels, int classes, float mean, float std, struct cv_teacher *teacher,
                             convo_error *err);

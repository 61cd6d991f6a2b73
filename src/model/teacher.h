// A trained model whose probabilities another one learns (distillation).
#pragma once

#include "model/material.h"

// Loads the model of recipe->teacher, if there is one, and checks that it reads and tells apart what the recipe's net
// does. material: measured. Free *teacher with cv_teacher_free.
convo_status cv_teacher_load(const convo_recipe *recipe, const cv_material *material, const cv_net *net,
                             char *const *labels, int classes, struct cv_teacher *teacher, convo_error *err);
void cv_teacher_free(struct cv_teacher *teacher);

#include "model/teacher.h"

#include "model/model.h"

#include <string.h>

// The same front end: the same kind with the same options, but for the normalisation.
static bool same_features(const convo_recipe *a, const convo_recipe *b) {
    if (a->feature != b->feature) return false;
    return !a->feature ||
           (a->rate == b->rate && !memcmp(a->feature_config, b->feature_config, a->feature->config_size));
}

static convo_status check_teacher(const convo_recipe *recipe, const convo_model *model, const cv_net *net,
                                  char *const *labels, int classes, convo_error *err) {
    const char *place = recipe->teacher.model;
    const cv_shape in = net->input, seen = model->net->input;
    if (!same_features(recipe, model->recipe))
        return cv_fail(err, CONVO_SHAPE, place, "the teacher's features are others than those of the recipe");
    if (in.c != seen.c || in.h != seen.h || in.w != seen.w)
        return cv_fail(err, CONVO_SHAPE, place,
                       "the teacher reads %lld x %lld x %lld, the recipe's net %lld x %lld x %lld (channels, rows, "
                       "columns)",
                       (long long)seen.c, (long long)seen.h, (long long)seen.w, (long long)in.c, (long long)in.h,
                       (long long)in.w);
    if (model->classes != classes || cv_shape_size(cv_net_output(model->net)) != cv_shape_size(cv_net_output(net)))
        return cv_fail(err, CONVO_SHAPE, place, "the teacher tells %d classes apart, the data set has %d",
                       model->classes, classes);
    for (int k = 0; k < classes; k++)
        if (strcmp(model->labels[k], labels[k]) != 0)
            return cv_fail(err, CONVO_SHAPE, place, "class %d of the teacher is '%s', that of the data set '%s'", k,
                           model->labels[k], labels[k]);
    return CONVO_OK;
}

convo_status cv_teacher_load(const convo_recipe *recipe, const cv_material *m, const cv_net *net, char *const *labels,
                             int classes, float mean, float std, struct cv_teacher *teacher, convo_error *err) {
    convo_model *model = NULL;
    *teacher = (struct cv_teacher){.temperature = recipe->teacher.temperature, .weight = recipe->teacher.weight};
    if (!recipe->teacher.model[0]) return CONVO_OK;
    convo_status status = convo_model_load(recipe->teacher.model, &model, err);
    if (!status) status = check_teacher(recipe, model, net, labels, classes, err);
    if (!status) status = cv_recipe_net(model->recipe, m->isa, &teacher->net, err);
    if (!status) status = cv_net_copy(model->net, teacher->net, err);
    if (!status) {
        teacher->mean = model->mean;
        teacher->std = model->std;
        teacher->own_mean = mean;
        teacher->own_std = std;
    }
    convo_model_free(model);
    if (!status) return CONVO_OK;
    cv_net_free(teacher->net);
    teacher->net = NULL;
    return status;
}

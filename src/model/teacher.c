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

// Broadcasts pair `at` of `n`, in the order of `dim`.
static void pair_at(const cv_normal *n, const size_t dim[3], size_t at, float *mean, float *std) {
    const size_t place[3] = {at / (dim[1] * dim[2]), at / dim[2] % dim[1], at % dim[2]};
    size_t pair = 0;
    for (int k = 0; k < 3; k++) pair = pair * n->dim[k] + (n->dim[k] > 1 ? place[k] : 0);
    *mean = n->mean ? n->mean[pair] : 0;
    *std = n->mean ? n->std[pair] : 1;
}

// What makes (x - mean) / std of `other` from that of `own`.
static bool compose(const cv_normal *own, const cv_normal *other, cv_normal *again) {
    size_t dim[3];
    *again = (cv_normal){0};
    if (!own->mean && !other->mean) return true;
    for (int k = 0; k < 3; k++) {
        const size_t a = own->mean ? own->dim[k] : 1, b = other->mean ? other->dim[k] : 1;
        dim[k] = a > b ? a : b;
    }
    if (!cv_normal_new(own->mean ? own->row : other->row, dim, again)) return false;
    for (size_t k = 0; k < cv_normal_count(again); k++) {
        float mean, std, shift, scale;
        pair_at(own, dim, k, &mean, &std);
        pair_at(other, dim, k, &shift, &scale);
        again->mean[k] = (shift - mean) / std;
        again->std[k] = scale / std;
    }
    return true;
}

convo_status cv_teacher_load(const convo_recipe *recipe, const cv_material *m, const cv_net *net, char *const *labels,
                             int classes, struct cv_teacher *teacher, convo_error *err) {
    convo_model *model = NULL;
    *teacher = (struct cv_teacher){.temperature = recipe->teacher.temperature, .weight = recipe->teacher.weight};
    if (!recipe->teacher.model[0]) return CONVO_OK;
    convo_status status = convo_model_load(recipe->teacher.model, &model, err);
    if (!status) status = check_teacher(recipe, model, net, labels, classes, err);
    if (!status) status = cv_recipe_net(model->recipe, m->isa, &teacher->net, err);
    if (!status) status = cv_net_copy(model->net, teacher->net, err);
    if (!status &&
        (!cv_normal_copy(&model->normal, &teacher->normal) || !compose(&m->normal, &model->normal, &teacher->again)))
        status = cv_no_memory(err, "the teacher's normalisation");
    convo_model_free(model);
    if (status) cv_teacher_free(teacher);
    return status;
}

void cv_teacher_free(struct cv_teacher *teacher) {
    cv_net_free(teacher->net);
    cv_normal_free(&teacher->normal);
    cv_normal_free(&teacher->again);
    *teacher = (struct cv_teacher){0};
}

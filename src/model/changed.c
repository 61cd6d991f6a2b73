// What augmentation makes of a recording or of examples, to look at and to listen to.
#include "audio/sound.h"
#include "model/data_folder.h"

#include <stdlib.h>
#include <string.h>

static const convo_train_options nothing = {0};

// The changes of a recipe. The data set, where noise may lie, need not be there.
static convo_status open_changes(const convo_recipe *recipe, const convo_train_options *options, int64_t window,
                                 cv_changes **changes, convo_error *err) {
    char *folder = NULL;
    if (recipe->data && !recipe->data->generated && cv_data_folder(recipe, options ? options : &nothing, &folder, NULL))
        folder = NULL;
    const cv_change_setup setup = {.folder = folder, .rate = recipe->rate, .window = window};
    const convo_status status = cv_changes_new(&recipe->changes, &setup, changes, err);
    free(folder);
    return status;
}

static convo_status no_changes(const convo_recipe *recipe, convo_error *err) {
    return cv_fail(err, CONVO_STATE, recipe->file,
                   "the recipe has no changes to show: add an 'augment' without 'copies', such as --set '%s'",
                   recipe->feature ? "augment={shift: 0.1, noise: 20}" : "augment={flip: 0.5, crop: 4}");
}

// --- recordings ---------------------------------------------------------------------------------------------------

static convo_status allocate_versions(const cv_front *front, int64_t count, convo_versions *v, convo_error *err) {
    const cv_shape s = cv_front_shape(front);
    v->features = (convo_array){.dims = s.dims + 1, .dim = {count, s.c, s.dims == 3 ? s.h : s.w, s.w}};
    size_t size;
    if (!cv_mul((size_t)count, (size_t)cv_shape_size(s), &size) ||
        !(v->features.value = cv_alloc(size, sizeof *v->features.value)) ||
        !(v->samples = cv_alloc((size_t)count, sizeof *v->samples)))
        return cv_no_memory(err, "changed versions");
    v->count = count;
    v->rate = cv_front_rate(front);
    return CONVO_OK;
}

static convo_status make_version(const cv_changes *changes, const cv_front *front, const cv_sound *sound,
                                 cv_change_key key, convo_array *samples, float *features, convo_error *err) {
    size_t count;
    convo_status status = cv_changes_sound(changes, key, sound->sample, sound->count, &samples->value, &count, err);
    if (status) return status;
    samples->dims = 1;
    samples->dim[0] = (int64_t)count;
    status = cv_front_compute(front, samples->value, count, features, err);
    if (!status) cv_changes_features(changes, key, cv_front_shape(front), features);
    return status;
}

convo_status convo_features_changed(const convo_recipe *recipe, const convo_train_options *options, const char *path,
                                    int64_t count, convo_versions *versions, convo_error *err) {
    if (!recipe || !path || !versions || count < 1)
        return cv_fail(err, CONVO_ARGUMENT, "", "a recipe, a path, a count and room for the result are needed");
    *versions = (convo_versions){0};
    if (!recipe->feature)
        return cv_fail(err, CONVO_STATE, recipe->file, "the recipe has no 'features', its net reads arrays");
    if (!cv_changes_config_any(&recipe->changes, CV_CHANGE_SOUND) &&
        !cv_changes_config_any(&recipe->changes, CV_CHANGE_FEATURES))
        return no_changes(recipe, err);
    const char *slash = strrchr(path, '/');
    const uint64_t example = cv_change_number(slash ? slash + 1 : path);
    cv_front *front = NULL;
    cv_changes *changes = NULL;
    cv_sound sound = {0};
    convo_status status = cv_front_new(recipe->feature, recipe->feature_config, recipe->rate, &front, err);
    if (!status) status = open_changes(recipe, options, cv_front_samples(front), &changes, err);
    if (!status) status = cv_sound_read(path, recipe->rate, &sound, err);
    if (!status) status = allocate_versions(front, count, versions, err);
    for (int64_t k = 0; k < count && !status; k++) {
        const cv_change_key key = {(uint64_t)recipe->train.seed, (uint64_t)k, example};
        status = make_version(changes, front, &sound, key, &versions->samples[k],
                              versions->features.value + k * cv_shape_size(cv_front_shape(front)), err);
    }
    cv_sound_free(&sound);
    cv_changes_free(changes);
    cv_front_free(front);
    if (status) convo_versions_free(versions);
    return status;
}

void convo_versions_free(convo_versions *v) {
    if (!v) return;
    for (int64_t k = 0; v->samples && k < v->count; k++) convo_array_free(&v->samples[k]);
    free(v->samples);
    convo_array_free(&v->features);
    *v = (convo_versions){0};
}

// --- pictures -----------------------------------------------------------------------------------------------------

convo_status convo_examples_change(const convo_recipe *recipe, const convo_train_options *options, const int64_t *epoch,
                                   convo_examples *examples, convo_error *err) {
    if (!recipe || !examples || !epoch)
        return cv_fail(err, CONVO_ARGUMENT, "", "a recipe, epochs and examples are needed");
    if (recipe->feature)
        return cv_fail(err, CONVO_STATE, recipe->file,
                       "changes of recordings are made before their features are computed: see 'convo features FILE "
                       "--augment'");
    if (!cv_changes_config_any(&recipe->changes, CV_CHANGE_PICTURE) &&
        !cv_changes_config_any(&recipe->changes, CV_CHANGE_FEATURES))
        return no_changes(recipe, err);
    const convo_array *a = &examples->values;
    const cv_shape shape = {a->dims - 1, a->dim[1], a->dims == 4 ? a->dim[2] : 1,
                            a->dims > 2 ? a->dim[a->dims - 1] : 1};
    const size_t size = (size_t)cv_shape_size(shape);
    cv_changes *changes;
    convo_status status = open_changes(recipe, options, 0, &changes, err);
    if (status) return status;
    float *scratch = cv_alloc(size, sizeof *scratch);
    if (!scratch) status = cv_no_memory(err, "a changed picture");
    for (int64_t i = 0; i < examples->count && !status; i++) {
        if (epoch[i] < 0) continue;
        const cv_change_key key = {(uint64_t)recipe->train.seed, (uint64_t)epoch[i], (uint64_t)examples->index[i]};
        cv_changes_features(changes, key, shape, a->value + (size_t)i * size);
        cv_changes_picture(changes, key, shape, a->value + (size_t)i * size, scratch);
    }
    free(scratch);
    cv_changes_free(changes);
    return status;
}

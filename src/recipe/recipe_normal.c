// How a recipe normalises its input: which values share a mean and a deviation, and what it says of them itself.
#include "recipe/recipe.h"

#include <stdlib.h>

bool cv_recipe_normal_new(const convo_recipe *recipe, cv_shape shape, bool by_channel, cv_normal *normal) {
    const size_t row[3] = {(size_t)shape.c, (size_t)shape.h, (size_t)shape.w};
    const bool image = recipe->feature && shape.dims == 3; // (maps, frames, filters): a filter is a column of a map
    const size_t dim[3] = {by_channel ? row[0] : 1, 1, by_channel && image ? row[2] : 1};
    return cv_normal_new(row, dim, normal);
}

convo_status cv_recipe_normal_of(const convo_recipe *recipe, cv_shape shape, const double *mean, size_t means,
                                 const double *std, size_t stds, const char *where, cv_normal *normal,
                                 convo_error *err) {
    if (!cv_recipe_normal_new(recipe, shape, means > 1 || stds > 1, normal))
        return cv_no_memory(err, "the mean of the features");
    const size_t count = cv_normal_count(normal);
    for (int k = 0; k < 2; k++) {
        const size_t given = k ? stds : means;
        if (given == 1 || given == count) continue;
        cv_normal_free(normal);
        return cv_fail(err, CONVO_ARGUMENT, where, "'%s' has %zu numbers, the input %zu channels", k ? "std" : "mean",
                       given, count);
    }
    for (size_t k = 0; k < count; k++) {
        normal->mean[k] = (float)mean[means > 1 ? k : 0];
        normal->std[k] = (float)std[stds > 1 ? k : 0];
    }
    return CONVO_OK;
}

convo_status cv_recipe_normal(const convo_recipe *recipe, cv_shape shape, cv_normal *normal, convo_error *err) {
    static const double none[] = {0, 1};
    *normal = (cv_normal){0};
    if (!recipe->mean) return cv_recipe_normal_of(recipe, shape, none, 1, none + 1, 1, recipe->file, normal, err);
    const size_t means = cv_list_numbers(recipe->mean, NULL, 0), stds = cv_list_numbers(recipe->std, NULL, 0);
    double *number = cv_alloc(means + stds, sizeof *number);
    if (!number) return cv_no_memory(err, "the mean of the features");
    cv_list_numbers(recipe->mean, number, means);
    cv_list_numbers(recipe->std, number + means, stds);
    const convo_status status =
        cv_recipe_normal_of(recipe, shape, number, means, number + means, stds, recipe->file, normal, err);
    free(number);
    return status;
}

// Feature maps and filters: known inputs through layers whose weights are written in the recipe.
#include "support.h"

static convo_recipe *parse(const char *text) {
    convo_recipe *recipe;
    convo_error err = {0};
    must(convo_recipe_parse(text, strlen(text), "test", &recipe, &err), &err);
    return recipe;
}

static const char laplacian[] = "input: [1, 5, 6]\n"
                                "model:\n"
                                "  - conv2d: {out: 2, kernel: 3, bias: false, init: {weight:\n"
                                "      [[[[0, 1, 0], [1, -4, 1], [0, 1, 0]]], [[[0, 0, 0], [0, 1, 0], [0, 0, 0]]]]}}\n"
                                "  - relu\n";

static void a_hand_made_filter_gives_what_is_computed_by_hand(void **state) {
    (void)state;
    convo_recipe *recipe = parse(laplacian);
    convo_array input;
    convo_map map;
    convo_error err = {0};
    must(convo_input_make(recipe, CONVO_NORMAL, 3, &input, &err), &err);
    must(convo_map_find(recipe, NULL, &input, "0", &map, &err), &err);
    assert_string_equal(map.type, "conv2d");
    assert_int_equal(map.values.dims, 3);
    assert_true(map.values.dim[0] == 2 && map.values.dim[1] == 3 && map.values.dim[2] == 4);
    for (int y = 0; y < 3; y++)
        for (int x = 0; x < 4; x++) {
            const float *at = input.value + (y + 1) * 6 + x + 1;
            assert_float_equal(map.values.value[y * 4 + x], at[-6] + at[-1] - 4 * at[0] + at[1] + at[6], 1e-5f);
            assert_float_equal(map.values.value[12 + y * 4 + x], at[0], 1e-6f);
        }
    convo_array_free(&map.values);
    must(convo_map_find(recipe, NULL, &input, NULL, &map, &err), &err);
    assert_string_equal(map.type, "relu");
    for (int i = 0; i < 24; i++) assert_true(map.values.value[i] >= 0);
    convo_array_free(&map.values);
    convo_array_free(&input);
    convo_recipe_free(recipe);
}

// 25 means of 3x3 pixels of ones with zeros around. Rows and columns are averaged one after the other, so that a map is
// the product of a column and a row that are both "line".
static void padding_darkens_the_border_of_ones(void **state) {
    (void)state;
    enum { SIDE = 15, TIMES = 25 };
    convo_recipe *recipe;
    convo_array input;
    convo_error err = {0};
    double line[SIDE + 2] = {0};
    must(convo_recipe_load("recipes/fields/padding.yaml", &recipe, &err), &err);
    must(convo_input_make(recipe, CONVO_ONES, 0, &input, &err), &err);
    for (int i = 1; i <= SIDE; i++) line[i] = 1;
    for (int k = 0; k < TIMES; k++) {
        char path[16];
        convo_map map;
        double before = 0; // line[i - 1] as it was
        for (int i = 1; i <= SIDE; i++) {
            const double mean = (before + line[i] + line[i + 1]) / 3;
            before = line[i];
            line[i] = mean;
        }
        snprintf(path, sizeof path, "%d", k);
        must(convo_map_find(recipe, NULL, &input, path, &map, &err), &err);
        assert_true(map.values.dim[1] == SIDE && map.values.dim[2] == SIDE);
        for (int y = 0; y < SIDE; y++)
            for (int x = 0; x < SIDE; x++)
                assert_float_equal(map.values.value[y * SIDE + x], (float)(line[y + 1] * line[x + 1]), 1e-5f);
        convo_array_free(&map.values);
    }
    convo_array_free(&input);
    convo_recipe_free(recipe);
}

static void a_fully_convolutional_net_takes_another_size_and_others_do_not(void **state) {
    (void)state;
    float values[7 * 9] = {0};
    const convo_array input = {.dims = 3, .dim = {1, 7, 9}, .value = values};
    convo_recipe *recipe = parse(laplacian);
    convo_map map;
    convo_error err = {0};
    must(convo_map_find(recipe, NULL, &input, NULL, &map, &err), &err);
    assert_true(map.values.dim[1] == 5 && map.values.dim[2] == 7);
    convo_array_free(&map.values);
    convo_recipe_free(recipe);
    recipe = parse("input: [1, 5, 6]\nmodel: [{conv2d: {out: 2, kernel: 3}}, flatten, {linear: 3}]\n");
    assert_int_equal(convo_map_find(recipe, NULL, &input, "0", &map, &err), CONVO_SHAPE);
    assert_non_null(strstr(err.message, "2.weight has 210 numbers"));
    assert_int_equal(convo_map_find(recipe, NULL, &input, "x", &map, NULL), CONVO_SHAPE);
    convo_recipe_free(recipe);
}

static void a_layer_without_pixels_has_no_maps(void **state) {
    (void)state;
    convo_recipe *recipe = parse("input: [1, 5, 6]\nmodel: [flatten, {linear: 3}]\n");
    convo_array input;
    convo_map map;
    convo_error err = {0};
    must(convo_input_make(recipe, CONVO_ONES, 0, &input, &err), &err);
    assert_int_equal(convo_map_find(recipe, NULL, &input, "1", &map, &err), CONVO_SHAPE);
    assert_non_null(strstr(err.message, "layer 1 has no feature maps"));
    assert_int_equal(convo_map_find(recipe, NULL, &input, NULL, &map, &err), CONVO_SHAPE);
    convo_array_free(&input);
    convo_recipe_free(recipe);
}

static void filters_have_the_shape_of_what_they_look_at(void **state) {
    (void)state;
    static const struct {
        const char *recipe, *path;
        int dims;
        int64_t dim[4];
    } cases[] = {
        {"input: [3, 8, 9]\nmodel: [relu, {conv2d: {out: 4, kernel: [2, 5]}}]\n", "1", 4, {4, 3, 2, 5}},
        {"input: [2, 30]\nmodel: [{conv1d: {out: 6, kernel: 7}}]\n", "0", 3, {6, 2, 7}},
        {"input: [3, 4, 5]\nmodel: [flatten, {linear: 10}]\n", "1", 4, {10, 3, 4, 5}},
        {"input: [13, 20]\nmodel: [batchnorm, flatten, relu, {linear: 10}]\n", "3", 3, {10, 13, 20}},
    };
    for (size_t k = 0; k < CV_COUNT(cases); k++) {
        convo_recipe *recipe = parse(cases[k].recipe);
        convo_map filters;
        convo_error err = {0};
        must(convo_filters(recipe, NULL, &filters, &err), &err);
        assert_string_equal(filters.path, cases[k].path);
        assert_int_equal(filters.values.dims, cases[k].dims);
        for (int d = 0; d < cases[k].dims; d++) assert_int_equal(filters.values.dim[d], cases[k].dim[d]);
        convo_array_free(&filters.values);
        convo_recipe_free(recipe);
    }
    convo_recipe *recipe = parse("input: [2]\nmodel: [{linear: 7}]\n");
    convo_map filters;
    assert_int_equal(convo_filters(recipe, NULL, &filters, NULL), CONVO_SHAPE);
    convo_recipe_free(recipe);
}

static void a_recording_is_normalised_as_in_training(void **state) {
    (void)state;
    convo_recipe *recipe = parse("data: fsdd\nfeatures: {kind: waveform, samples: 50, mean: 2, std: 4}\n"
                                 "model: [{conv1d: {out: 2, kernel: 3}}]\n");
    convo_array raw, input;
    convo_error err = {0};
    must(convo_features(recipe, "data/fsdd/1_theo_0.flac", &raw, &err), &err);
    must(convo_input_read(recipe, NULL, "data/fsdd/1_theo_0.flac", &input, NULL, &err), &err);
    for (int i = 0; i < 50; i++) assert_true(input.value[i] == (raw.value[i] - 2) / 4);
    convo_array_free(&raw);
    convo_array_free(&input);
    convo_recipe_free(recipe);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_hand_made_filter_gives_what_is_computed_by_hand),
        cmocka_unit_test(padding_darkens_the_border_of_ones),
        cmocka_unit_test(a_fully_convolutional_net_takes_another_size_and_others_do_not),
        cmocka_unit_test(a_layer_without_pixels_has_no_maps),
        cmocka_unit_test(a_recording_is_normalised_as_in_training),
        cmocka_unit_test(filters_have_the_shape_of_what_they_look_at),
    };
    return cmocka_run_group_tests_name("maps", tests, NULL, NULL);
}

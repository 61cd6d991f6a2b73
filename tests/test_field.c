// Receptive fields: what the geometry says against the gradient of nets whose weights are all one.
#include "support.h"

#include "inspect/field.h"

enum { LAYERS = 8, SAMPLES = 512, CHAINS = 40 };

// --- the gradient -------------------------------------------------------------------------------------------------

static void set_weights_to_one(cv_net *net) {
    for (int t = 0; t < net->tensors; t++) {
        const size_t size = net->tensor[t].size;
        float *values = test_memory(size, sizeof *values);
        for (size_t i = 0; i < size; i++) values[i] = 1;
        cv_net_write(net, t, values);
        free(values);
    }
}

// The gradient of an output pixel, summed over all maps, with respect to every input pixel, summed over channels and
// over samples. Inputs are positive, so that a relu lets everything pass; with many random samples every pixel is the
// largest of its window in one of them.
static double *gradient_of(cv_net *net, const int64_t at[2], int samples) {
    const cv_shape in = net->input, out = cv_net_output(net);
    const int64_t inputs = cv_shape_size(in), outputs = cv_shape_size(out);
    float *values = test_memory((size_t)(samples * inputs), sizeof *values);
    float *to = test_memory((size_t)(samples * outputs), sizeof *to);
    float *from = test_memory((size_t)(samples * inputs), sizeof *from);
    int32_t *index = test_memory((size_t)samples, sizeof *index);
    double *sum = test_memory((size_t)cv_shape_pixels(in), sizeof *sum);
    cv_pool *pool = make_pool(1);
    cv_runner *runner;
    convo_error err = {0};
    for (int64_t i = 0; i < samples * inputs; i++) values[i] = made_up(1, (uint32_t)i) + 1.5f;
    for (int n = 0; n < samples; n++) {
        index[n] = n;
        for (int64_t c = 0; c < out.c; c++) to[n * outputs + (c * out.h + at[0]) * out.w + at[1]] = 1;
    }
    must(cv_runner_new(net, NULL, NULL, samples, CV_TRAINING | CV_INPUT_GRADIENT, pool, &runner, &err), &err);
    const cv_batch batch = {
        .values = CV_FLOATS(values), .index = index, .count = samples, .output_gradient = to, .input_gradient = from};
    cv_random random;
    cv_random_seed(&random, 0);
    cv_runner_train(runner, &batch, &random, NULL, NULL);
    for (int64_t i = 0; i < samples * inputs; i++) sum[i % cv_shape_pixels(in)] += (double)from[i];
    cv_runner_free(runner);
    cv_pool_free(pool);
    free(values);
    free(to);
    free(from);
    free(index);
    return sum;
}

static double largest_of(const double *x, int64_t count) {
    double largest = 0;
    for (int64_t i = 0; i < count; i++) largest = fmax(largest, x[i]);
    return largest;
}

// --- the comparison -----------------------------------------------------------------------------------------------

// heat: also how much is seen, which a maximum does not tell.
static void check_shares(const char *name, const cv_net *net, const int64_t at[2], const double *gradient, bool heat) {
    const int64_t pixels = cv_shape_pixels(net->input);
    double **ways = test_memory((size_t)net->nodes + 1, sizeof *ways);
    convo_error err = {0};
    must(cv_field_trace(net, net->nodes - 1, at, heat, ways, &err), &err);
    const double most = largest_of(gradient, pixels), all = ways[0] ? largest_of(ways[0], pixels) : 0;
    for (int64_t i = 0; i < pixels; i++) {
        const double got = ways[0] && all > 0 ? ways[0][i] / all : 0, want = most > 0 ? gradient[i] / most : 0;
        if ((got > 0) != (want > 0) || (heat && fabs(got - want) > 1e-5))
            fail_msg("%s, output pixel %lld,%lld: input pixel %lld,%lld has %.6g by geometry, %.6g by the gradient",
                     name, (long long)at[0], (long long)at[1], (long long)(i / net->input.w),
                     (long long)(i % net->input.w), got, want);
    }
    for (int v = 0; v <= net->nodes; v++) free(ways[v]);
    free(ways);
}

// Where the field does not reach into the padding, it is the box of what the gradient sees.
static void check_box(const char *name, const cv_net *net, const int64_t at[2], const double *gradient) {
    cv_view *views = test_memory((size_t)net->nodes + 1, sizeof *views);
    cv_field_views(net, views);
    const cv_view v = views[net->nodes];
    const int64_t size[2] = {net->input.h, net->input.w};
    free(views);
    for (int i = 0; i < net->nodes; i++)
        if (net->node[i].op->sees) return; // of another size, or another jump, from place to place
    for (int d = 0; d < 2; d++) {
        const int64_t first = v.start[d] + at[d] * v.jump[d], last = first + v.size[d] - 1;
        int64_t low = size[d], high = -1;
        for (int64_t i = 0; i < cv_shape_pixels(net->input); i++) {
            const int64_t place = d ? i % net->input.w : i / net->input.w;
            if (gradient[i] > 0 && place < low) low = place;
            if (gradient[i] > 0 && place > high) high = place;
        }
        if (high < 0) continue; // only padding is seen
        const bool inside = first >= 0 && last < size[d];
        if (inside ? low != first || high != last : low < first || high > last)
            fail_msg("%s, output pixel %lld,%lld, %s: %lld to %lld by the formula, %lld to %lld by the gradient", name,
                     (long long)at[0], (long long)at[1], d ? "columns" : "rows", (long long)first, (long long)last,
                     (long long)low, (long long)high);
    }
}

static void check_net(const char *name, cv_net *net, int samples) {
    const cv_shape out = cv_net_output(net);
    const int64_t pixels[][2] = {{0, 0}, {out.h / 2, out.w / 2}, {out.h - 1, out.w - 1}, {0, out.w / 3}};
    set_weights_to_one(net);
    for (size_t k = 0; k < CV_COUNT(pixels); k++) {
        double *gradient = gradient_of(net, pixels[k], samples);
        check_shares(name, net, pixels[k], gradient, false);
        if (samples == 1) check_shares(name, net, pixels[k], gradient, true);
        check_box(name, net, pixels[k], gradient);
        free(gradient);
    }
    cv_net_free(net);
}

// --- nets ---------------------------------------------------------------------------------------------------------

static const struct {
    const char *name;
    cv_shape input;
    int samples;
    layer layers[LAYERS];
} nets[] = {
    {"3x3", {3, 1, 9, 7}, 1, {{"0", "conv2d", "{out: 1, kernel: 3}", {FROM_INPUT}}}},
    {"groups",
     {3, 4, 9, 7},
     1,
     {{"0", "conv2d", "{out: 6, kernel: 3, groups: 2, padding: 1}", {FROM_INPUT}},
      {"1", "conv2d", "{out: 3, kernel: [1, 3], groups: 3}", {0}}}},
    {"rows and columns",
     {3, 2, 17, 12},
     1,
     {{"0", "conv2d", "{out: 3, kernel: [5, 2], stride: [1, 2], padding: [2, 0], dilation: [2, 1]}", {FROM_INPUT}},
      {"1", "relu", NULL, {0}},
      {"2", "avgpool2d", "{kernel: [2, 1], stride: [3, 1]}", {0}}}},
    {"waveform",
     {2, 1, 1, 60},
     1,
     {{"0", "conv1d", "{out: 4, kernel: 5, stride: 2, padding: 3}", {FROM_INPUT}},
      {"1", "avgpool1d", "{kernel: 3, stride: 2, padding: 1}", {0}},
      {"2", "conv1d", "{out: 2, kernel: 3, dilation: 3}", {0}}}},
    {"only padding is seen", {2, 1, 1, 4}, 1, {{"0", "conv1d", "{out: 1, kernel: 2, padding: 3}", {FROM_INPUT}}}},
    {"residual with itself",
     {3, 3, 9, 9},
     1,
     {{"0.body.0", "conv2d", "{out: 3, kernel: 3, padding: 1}", {FROM_INPUT}},
      {"0.body.1", "relu", NULL, {0}},
      {"0.body.2", "conv2d", "{out: 3, kernel: 3, padding: 1}", {0}},
      {"0", "add", NULL, {3, FROM_INPUT}},
      {"1", "conv2d", "{out: 1, kernel: 3}", {0}}}},
    {"residual with a stride",
     {3, 2, 13, 11},
     1,
     {{"0.body.0", "conv2d", "{out: 4, kernel: 3, stride: 2, padding: 1}", {FROM_INPUT}},
      {"0.body.1", "conv2d", "{out: 4, kernel: 5, padding: 2}", {0}},
      {"0.shortcut.0", "conv2d", "{out: 4, kernel: 1, stride: 2}", {FROM_INPUT}},
      {"0", "add", NULL, {2, 3}},
      {"1", "relu", NULL, {0}},
      {"2", "sumpool2d", "{kernel: 2}", {0}}}},
    {"branches that lie apart",
     {2, 1, 1, 40},
     1,
     {{"0.body.0", "conv1d", "{out: 2, kernel: 5, padding: 1}", {FROM_INPUT}},
      {"0.body.1", "conv1d", "{out: 2, kernel: 5, padding: 1}", {0}},
      {"0.shortcut.0", "conv1d", "{out: 2, kernel: 5}", {FROM_INPUT}},
      {"0", "add", NULL, {2, 3}},
      {"1", "avgpool1d", "{kernel: 2}", {0}}}},
    {"the other way round",
     {2, 1, 1, 40},
     1,
     {{"0.body.0", "conv1d", "{out: 2, kernel: 5, padding: 1}", {FROM_INPUT}},
      {"0.body.1", "conv1d", "{out: 2, kernel: 5, padding: 1}", {0}},
      {"0.shortcut.0", "conv1d", "{out: 2, kernel: 5}", {FROM_INPUT}},
      {"0", "add", NULL, {3, 2}},
      {"1", "avgpool1d", "{kernel: 2}", {0}}}},
    {"maximum",
     {3, 1, 12, 10},
     SAMPLES,
     {{"0", "conv2d", "{out: 2, kernel: 3, padding: 1}", {FROM_INPUT}},
      {"1", "relu", NULL, {0}},
      {"2", "maxpool2d", "{kernel: 2}", {0}},
      {"3", "conv2d", "{out: 1, kernel: 2}", {0}}}},
    {"maximum of a sequence",
     {2, 1, 1, 30},
     SAMPLES,
     {{"0", "maxpool1d", "{kernel: 3, stride: 2, padding: 1}", {FROM_INPUT}},
      {"1", "conv1d", "{out: 1, kernel: 3}", {0}}}},
    {"transposed",
     {3, 2, 5, 4},
     1,
     {{"0",
       "convtranspose2d",
       "{out: 3, kernel: [3, 5], stride: [2, 3], padding: [1, 2], output_padding: [1, 0]}",
       {FROM_INPUT}},
      {"1", "conv2d", "{out: 2, kernel: 3}", {0}}}},
    {"shares of rows and columns", // of different sizes: how much is seen is not a number of ways
     {3, 2, 13, 10},
     2,
     {{"0", "adaptiveavgpool2d", "{out: [5, 4]}", {FROM_INPUT}}, {"1", "conv2d", "{out: 2, kernel: 2}", {0}}}},
    {"shares of one size",
     {3, 2, 12, 10},
     1,
     {{"0", "adaptiveavgpool2d", "{out: [4, 5]}", {FROM_INPUT}}, {"1", "conv2d", "{out: 2, kernel: 2}", {0}}}},
    {"transposed, with gaps",
     {2, 2, 1, 6},
     1,
     {{"0", "convtranspose1d", "{out: 3, kernel: 2, stride: 4}", {FROM_INPUT}}}},
};

static void geometry_agrees_with_the_gradient(void **state) {
    (void)state;
    for (size_t k = 0; k < CV_COUNT(nets); k++)
        check_net(nets[k].name, make_net(cv_isa_find("double"), nets[k].input, nets[k].layers), nets[k].samples);
}

static int pick(uint32_t *drawn, int from, int to) {
    return from + made_up_class(9, (*drawn)++, to - from + 1);
}

// A layer drawn by chance that fits the maps it reads, or false.
static bool draw_layer(uint32_t *drawn, cv_shape in, char *options, size_t size, const char **op) {
    const bool flat = in.dims == 2, pool = pick(drawn, 0, 3) == 0;
    const int kernel = pick(drawn, 1, 4), stride = pick(drawn, 1, 3), padding = pick(drawn, 0, kernel / 2);
    const int dilation = pool ? 1 : pick(drawn, 1, 3);
    const int64_t reach = dilation * (kernel - 1) + 1 - 2 * padding;
    *op = pool ? (flat ? "avgpool1d" : "avgpool2d") : flat ? "conv1d" : "conv2d";
    if (reach > in.w || (!flat && reach > in.h)) return false;
    snprintf(options, size, "{%skernel: %d, stride: %d, padding: %d", pool ? "" : "out: 2, ", kernel, stride, padding);
    cv_append(options, size, pool ? "}" : ", dilation: %d}", dilation);
    return true;
}

static void geometry_agrees_with_the_gradient_of_random_chains(void **state) {
    (void)state;
    uint32_t drawn = 0;
    for (int n = 0; n < CHAINS; n++) {
        const cv_shape input = n % 2 ? (cv_shape){3, 2, 23, 19} : (cv_shape){2, 2, 1, 50};
        cv_net *net;
        convo_error err = {0};
        char name[512] = "";
        must(cv_net_new(cv_isa_find("double"), input, &net, &err), &err);
        const int layers = pick(&drawn, 1, 4);
        while (net->nodes < layers) {
            char options[96];
            const char *op;
            if (!draw_layer(&drawn, cv_net_output(net), options, sizeof options, &op)) continue;
            const layer l = {"", op, options, {net->nodes ? 0 : FROM_INPUT}};
            add_layer(net, &l);
            cv_append(name, sizeof name, "%s %s ", op, options);
        }
        must(cv_net_finish(net, &err), &err);
        check_net(name, net, 1);
    }
}

// --- convo_field_find
// ------------------------------------------------------------------------------------------------------

static convo_recipe *parse(const char *text) {
    convo_recipe *recipe;
    convo_error err = {0};
    must(convo_recipe_parse(text, strlen(text), "test", &recipe, &err), &err);
    return recipe;
}

// What a column of the last layer sees of the input: the columns first..last; all: said as everything.
static void sequences_are_seen_as_far_as_they_are_read(void **state) {
    (void)state;
    static const struct {
        const char *model;
        int64_t at;
        int first, last;
        bool all;
    } rows[] = {
        {"[{conv1d: {out: 4, kernel: 3}}, {gru: {hidden: 3}}]", 2, 0, 4, true},
        {"[{conv1d: {out: 4, kernel: 3}}, {lstm: {hidden: 3, bidirectional: true}}]", 2, 0, 9, true},
        {"[{dropout: {p: 0, name: a}}, {gru: {hidden: 4, output: last}}, {scale: {from: [a, previous]}}]", 2, 0, 9,
         true},
        {"[{conv1d: {out: 4, kernel: 3}}, attention]", 2, 0, 9, true},
        {"[class_token, position_embedding, {conv1d: {out: 4, kernel: 2}}]", 3, 2, 3, false},
        {"[class_token, {conv1d: {out: 4, kernel: 2}}]", 0, 0, 0, false},
        {"[{transformer: {hidden: 5}}, {conv1d: {out: 4, kernel: 2}}]", 0, 0, 9, true},
    };
    for (size_t k = 0; k < CV_COUNT(rows); k++) {
        char text[256];
        convo_field field;
        convo_error err = {0};
        snprintf(text, sizeof text, "input: [4, 10]\nmodel: %s\n", rows[k].model);
        convo_recipe *recipe = parse(text);
        const int64_t at[2] = {0, rows[k].at};
        must(convo_field_find(recipe, NULL, at, false, &field, &err), &err);
        if (field.grid[0].first[1] != rows[k].first || field.grid[0].last[1] != rows[k].last ||
            (field.grid[field.count - 1].size[1] == 0) != rows[k].all)
            fail_msg("%s: column %d sees %d to %d, size %d", rows[k].model, (int)at[1], (int)field.grid[0].first[1],
                     (int)field.grid[0].last[1], (int)field.grid[field.count - 1].size[1]);
        convo_field_free(&field);
        convo_recipe_free(recipe);
    }
}

static void pixels_and_layers_that_are_not_there_are_refused(void **state) {
    (void)state;
    convo_recipe *recipe = parse("input: [1, 6, 8]\nmodel: [{conv2d: {out: 2, kernel: 3}}, flatten, {linear: 3}]\n");
    const int64_t below[2] = {-1, 0}, beyond[2] = {0, 6};
    convo_field field;
    convo_error err;
    assert_int_equal(convo_field_find(recipe, "2", NULL, false, &field, &err), CONVO_SHAPE);
    assert_non_null(strstr(err.message, "has no pixels"));
    assert_int_equal(convo_field_find(recipe, "7", NULL, false, &field, &err), CONVO_ARGUMENT);
    assert_non_null(strstr(err.message, "unknown layer '7'"));
    assert_int_equal(convo_field_find(recipe, NULL, below, false, &field, &err), CONVO_ARGUMENT);
    assert_int_equal(convo_field_find(recipe, NULL, beyond, false, &field, &err), CONVO_ARGUMENT);
    assert_non_null(strstr(err.message, "columns 0 to 5"));
    convo_recipe_free(recipe);
    recipe = parse("input: [5]\nmodel: [{linear: 3}]\n");
    assert_int_equal(convo_field_find(recipe, NULL, NULL, false, &field, &err), CONVO_SHAPE);
    convo_recipe_free(recipe);
}

static void the_pixel_in_the_middle_is_rounded_down(void **state) {
    (void)state;
    static const int64_t middle[] = {0, 0, 1, 1, 2}; // of 1 to 5 pixels
    for (int rows = 1; rows <= 5; rows++)
        for (int columns = 1; columns <= 5; columns++) {
            char text[96];
            convo_field field;
            convo_error err = {0};
            snprintf(text, sizeof text, "input: [1, %d, %d]\nmodel: [{conv2d: {out: 1, kernel: 1}}]\n", rows, columns);
            convo_recipe *recipe = parse(text);
            must(convo_field_find(recipe, NULL, NULL, false, &field, &err), &err);
            assert_int_equal(field.at[0], middle[rows - 1]);
            assert_int_equal(field.at[1], middle[columns - 1]);
            convo_field_free(&field);
            convo_recipe_free(recipe);
        }
}

// 48^200 ways through 200 layers: the shares stay finite, and the corners that one way reaches stay seen.
static void a_deep_net_keeps_its_shares(void **state) {
    (void)state;
    char text[16384] = "input: [16, 410]\nmodel:\n";
    for (int k = 0; k < 200; k++) cv_append(text, sizeof text, "  - conv1d: {out: 16, kernel: 3}\n");
    convo_recipe *recipe = parse(text);
    convo_field seen, heat;
    convo_error err = {0};
    must(convo_field_find(recipe, NULL, NULL, false, &seen, &err), &err);
    must(convo_field_find(recipe, NULL, NULL, true, &heat, &err), &err);
    assert_int_equal(seen.grid[0].seen, 401);
    assert_int_equal(heat.grid[0].seen, 401);
    assert_true(heat.grid[0].share[204] == 1); // the middle of 4 to 404
    assert_true(heat.grid[0].share[4] > 0 && heat.grid[0].share[4] < 1e-80);
    convo_field_free(&seen);
    convo_field_free(&heat);
    convo_recipe_free(recipe);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(geometry_agrees_with_the_gradient),
        cmocka_unit_test(sequences_are_seen_as_far_as_they_are_read),
        cmocka_unit_test(geometry_agrees_with_the_gradient_of_random_chains),
        cmocka_unit_test(the_pixel_in_the_middle_is_rounded_down),
        cmocka_unit_test(pixels_and_layers_that_are_not_there_are_refused),
        cmocka_unit_test(a_deep_net_keeps_its_shares),
    };
    return cmocka_run_group_tests_name("field", tests, NULL, NULL);
}

// What a summary counts, against sums by hand.
#include "models.h"

static const struct {
    const char *recipe;
    int layer; // the last one that is looked at
    const char *formula;
    int64_t parameters, multiply_adds; // of the layer
    int64_t all_parameters, all_multiply_adds;
} rows[] = {
    // 3 x 5 weights for each of 4 outputs (one channel of its group), 4 x 3 places each
    {"input: [2, 6, 7]\nmodel: [{conv2d: {out: 4, kernel: [3, 5], groups: 2}}]\n", 0, "3*5*1*4 + 4 = 64", 64, 720, 64,
     720},
    {"input: [3, 10]\nmodel: [{conv1d: {out: 5, kernel: 4, stride: 2, bias: false}}]\n", 0, "4*3*5 = 60", 60, 240, 60,
     240},
    // running mean, variance and count are no parameters
    {"input: [3, 8]\nmodel: [batchnorm, relu, flatten, {linear: 10}]\n", 0, "2*3 = 6", 6, 24, 256, 264},
    {"input: [3, 8]\nmodel: [batchnorm, relu, flatten, {linear: 10}]\n", 3, "24*10 + 10 = 250", 250, 240, 256, 264},
    // 2 x 3 weights from each of 3 pixels of 4 channels to the 2 maps of its group
    {"input: [4, 1, 3]\nmodel: [{convtranspose2d: {out: 4, kernel: [2, 3], groups: 2}}]\n", 0, "2*3*2*4 + 4 = 52", 52,
     144, 52, 144},
    // 3 gates of 5: 4 inputs, 5 of the state, two biases; 7 columns
    {"input: [4, 7]\nmodel: [{gru: 5}]\n", 0, "15*(4 + 5 + 2) = 165", 165, 945, 165, 945},
    // 4 gates of 3, two directions, the second and third layer of 6 inputs; 2 columns
    {"input: [4, 2]\nmodel: [{lstm: {hidden: 3, layers: 3, bidirectional: true, bias: false}}]\n", 0,
     "2*12*(4 + 3) + 2*2*12*(6 + 3) = 600", 600, 1200, 600, 1200},
    // 4 matrices of 6 x 6 for each of 5 columns; 5 x 5 products of 6 numbers, twice
    {"input: [6, 5]\nmodel: [{attention: 2}]\n", 0, "4*6*6 + 3*6 + 6 = 168", 168, 1020, 168, 1020},
    {"input: [6, 5]\nmodel: [class_token, position_embedding]\n", 1, "6*6 = 36", 36, 0, 42, 0},
    // Keyword Transformer 1 of Berg et al. 2021 with 12 classes: 607 k
    {"input: [40, 98]\nmodel: [{conv1d: {out: 64, kernel: 1}}, class_token, position_embedding, {transformer: {hidden: "
     "256, layers: 12, qkv_bias: false}}, column, {linear: 12}]\n",
     3, "4*64*64 + 64 = 16448", 16448, 2876544, 607308, 73850624},
};

static void parameters_and_multiply_adds_are_counted(void **state) {
    (void)state;
    for (size_t k = 0; k < CV_COUNT(rows); k++) {
        convo_recipe *recipe = make_recipe(rows[k].recipe);
        convo_summary s;
        convo_error err = {0};
        must(convo_summarize(recipe, &s, &err), &err);
        const convo_layer *l = &s.layers[rows[k].layer];
        assert_string_equal(l->formula, rows[k].formula);
        assert_int_equal(l->parameters, rows[k].parameters);
        assert_int_equal(l->multiply_adds, rows[k].multiply_adds);
        assert_int_equal(s.parameters, rows[k].all_parameters);
        assert_int_equal(s.multiply_adds, rows[k].all_multiply_adds);
        convo_summary_free(&s);
        convo_recipe_free(recipe);
    }
}

// BC-ResNet of Kim et al. 2021, table 1: 9.2 k, 27.3 k, 54.2 k, 188 k and 321 k parameters for 8, 16, 24, 48 and 64
// channels. The exact numbers are sums by hand over the authors' layers.
static void bc_resnets_have_the_papers_parameters(void **state) {
    (void)state;
    static const int64_t counts[][2] = {{8, 9232}, {16, 27284}, {24, 54168}, {48, 187812}, {64, 321068}};
    static const int repeated[] = {2, 2, 4, 4};
    for (size_t k = 0; k < CV_COUNT(counts); k++) {
        const int64_t base = counts[k][0], maps[] = {2 * base, base, base * 3 / 2, 2 * base, base * 5 / 2, 4 * base};
        char text[2048];
        convo_summary s;
        convo_error err = {0};
        cv_print(text, sizeof text,
                 "input: [1, 40, 98]\nmodel: [{conv2d: {out: %d, kernel: 5, stride: [2, 1], padding: "
                 "2, bias: false}}, batchnorm, relu",
                 (int)maps[0]);
        for (int stage = 0; stage < 4; stage++)
            for (int i = 0; i < repeated[stage]; i++)
                cv_append(text, sizeof text, ", {bc_block: {out: %d, dilation: %d, stride: %d}}", (int)maps[stage + 1],
                          1 << stage, i == 0 && (stage == 1 || stage == 2) ? 2 : 1);
        cv_append(text, sizeof text,
                  ", {conv2d: {out: channels, groups: channels, kernel: 5, padding: [0, 2], bias: "
                  "false}}, {conv2d: {out: %d, kernel: 1, bias: false}}, batchnorm, relu, "
                  "globalavgpool, {linear: 12}]\n",
                  (int)maps[5]);
        convo_recipe *recipe = make_recipe(text);
        must(convo_summarize(recipe, &s, &err), &err);
        assert_int_equal(s.parameters, counts[k][1]);
        convo_summary_free(&s);
        convo_recipe_free(recipe);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(parameters_and_multiply_adds_are_counted),
                                       cmocka_unit_test(bc_resnets_have_the_papers_parameters)};
    return cmocka_run_group_tests_name("summary", tests, NULL, NULL);
}

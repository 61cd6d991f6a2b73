// Trains a net on numbers that the program has made itself, and predicts with it: ./train_arrays
#include <convo.h>
#include <stdio.h>
#include <stdlib.h>

enum { EXAMPLES = 600, ROWS = 8, COLUMNS = 12 };

// A recipe can be a string. 'set: arrays' stands for the examples of the program.
static const char recipe_text[] = "data: {set: arrays, split: {by: random, train: 0.8, test: 0.2}}\n"
                                  "model: [{conv2d: {out: 4, kernel: 3, padding: 1}}, relu, flatten, {linear: 2}]\n"
                                  "train: {optimizer: {adam: {lr: 0.01}}, epochs: 5, batch: 16}\n";

// A bright bar on noise: across (class 0) or upright (class 1).
static void draw(float *picture /* [ROWS][COLUMNS] */, int upright) {
    for (int i = 0; i < ROWS * COLUMNS; i++) picture[i] = (float)rand() / (float)RAND_MAX;
    const int at = rand() % (upright ? COLUMNS : ROWS);
    for (int k = 0; k < (upright ? ROWS : COLUMNS); k++) picture[upright ? k * COLUMNS + at : at * COLUMNS + k] += 1;
}

int main(void) {
    static float picture[EXAMPLES][ROWS * COLUMNS];
    static int32_t label[EXAMPLES];
    static const char *const names[] = {"across", "upright"};
    for (int i = 0; i < EXAMPLES; i++) draw(picture[i], label[i] = i % 2);

    convo_error err;
    convo_recipe *recipe = NULL;
    convo_dataset *dataset = NULL;
    convo_model *model = NULL;
    convo_train_result result;
    const convo_dataset_spec spec = {
        .count = EXAMPLES,
        .dims = 3, // channels, rows, columns
        .dim = {1, ROWS, COLUMNS},
        .values = picture[0], // not copied: they stay until the data set is freed
        .labels = label,
        .classes = 2,
        .names = names,
    };
    int failed = convo_dataset_new(&spec, &dataset, &err) ||
                 convo_recipe_parse(recipe_text, sizeof recipe_text - 1, "bars", &recipe, &err);
    if (!failed) {
        const convo_train_options options = {.dataset = dataset};
        failed = convo_train(recipe, &options, &result, &model, &err) != CONVO_OK;
    }
    if (!failed) {
        float bar[ROWS * COLUMNS], probability[2];
        printf("test accuracy %.4f\n", result.test.accuracy);
        draw(bar, 1);
        failed = convo_model_predict_arrays(model, bar, 1, probability, &err) != CONVO_OK;
        if (!failed)
            printf("%s %.4f, %s %.4f\n", convo_model_label(model, 0), (double)probability[0],
                   convo_model_label(model, 1), (double)probability[1]);
    }
    if (failed) fprintf(stderr, "%s: %s\n", err.where, err.message);

    convo_model_free(model);
    convo_recipe_free(recipe);
    convo_dataset_free(dataset);
    return failed;
}

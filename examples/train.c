// Trains a recipe and saves the model: ./train recipes/fsdd-mfcc.yaml data/fsdd model.safetensors
#include <convo.h>
#include <stdio.h>

static void show(const convo_progress *p, void *user) {
    (void)user;
    if (p->step == p->steps) printf("epoch %d/%d  loss %.4f\n", p->epoch, p->epochs, p->train.loss);
}

int main(int argc, char **argv) {
    if (argc != 4) return fprintf(stderr, "usage: train RECIPE DATA-FOLDER MODEL\n"), 2;
    convo_error err; // every call fills it when it fails; nothing is printed for you
    convo_recipe *recipe = NULL;
    convo_model *model = NULL;
    convo_train_result result;
    // What is not set is 0 or NULL and means the default: no run folder is written, all processors are used.
    convo_train_options options = {.data = argv[2], .progress = show};

    int failed = convo_recipe_load(argv[1], &recipe, &err) ||
                 convo_train(recipe, &options, &result, &model, &err) || // minutes, or seconds for a small net
                 convo_model_save(model, argv[3], &err);                 // net, front end and labels in one file
    if (failed)
        fprintf(stderr, "%s: %s\n", err.where, err.message);
    else
        printf("test accuracy %.4f\n", result.test.accuracy);

    convo_model_free(model); // free functions accept NULL, so there is one way out
    convo_recipe_free(recipe);
    return failed;
}

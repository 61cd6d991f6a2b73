// Checkpoints, and behind @@@1 the metrics.jsonl that is cut to where they stand.
#include "fuzz.h"

#include "model/run_folder.h"

static const char text[] = "input: [2, 3]\n"
                           "model: [{conv1d: {out: 2, kernel: 2}}, batchnorm, flatten, {linear: 2}]\n"
                           "train: {optimizer: {adam: {lr: 0.1}}, epochs: 5}\n";

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static const char *const names[] = {"last.checkpoint", "metrics.jsonl"};
    convo_recipe *recipe = NULL;
    cv_net *net = NULL;
    cv_train_state state = {0};
    cv_random random;
    convo_error err = {0};
    fuzz_write_parts(data, size, names, CV_COUNT(names));
    fuzz_must(!cv_recipe_parse(text, strlen(text), "fuzz", "fuzz", &recipe, &err) &&
                  !cv_recipe_net(recipe, cv_isa_find(NULL), &net, &err),
              "the recipe is right");
    cv_random_seed(&random, 0);
    const cv_split split = {.count = {1, 1, 1}};
    const cv_training training = {.config = recipe->train, .optimizer = recipe->optimizer, .net = net, .split = &split};
    fuzz_must(!cv_train_state_new(&training, &random, &state, &err), "there is memory");
    cv_run_folder folder = {.path = fuzz_folder(),
                            .parts = {.recipe = recipe, .net = net},
                            .moments = cv_optimizer_moments(recipe->optimizer, &recipe->optimizer_config),
                            .split = &split,
                            .lock = -1};
    fuzz_check(cv_run_folder_begin(&folder, true, net, &state, &err), &err);
    for (int t = 0; t < net->tensors; t++) {
        float values[64] = {0};
        fuzz_must(net->tensor[t].size <= CV_COUNT(values), "the net is small");
        cv_net_read(net, t, values);
        fuzz_tell(values, sizeof values);
    }
    fuzz_tell_number(state.epoch);
    fuzz_tell_number(state.step);
    fuzz_tell_file(fuzz_in_folder(names[1]).text);
    cv_run_folder_leave(&folder);
    cv_train_state_free(&state);
    cv_net_free(net);
    convo_recipe_free(recipe);
    return 0;
}

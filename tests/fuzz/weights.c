// Weights of others: a .safetensors file, and behind @@@1 the index of a sharded one, @@@2 its second shard.
#include "fuzz.h"

static const char text[] = "input: [2, 3]\n"
                           "model: [{conv1d: {out: 2, kernel: 2}}, batchnorm, flatten, {linear: 2}]\n";

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static const char *const names[] = {"w.safetensors", "w.index.json", "v.safetensors"}, *const map[] = {
                                                                                               "module=",
                                                                                               "features.0=0", NULL};
    convo_recipe *recipe = NULL;
    convo_model *model = NULL;
    convo_error err = {0};
    fuzz_write_parts(data, size, names, CV_COUNT(names));
    const fuzz_path index = fuzz_in_folder(names[1]), file = fuzz_in_folder(names[0]);
    fuzz_must(!convo_recipe_parse(text, strlen(text), "fuzz", &recipe, &err), "the recipe is right");
    const convo_import_options options = {.recipe = recipe, .map = map};
    fuzz_check(convo_import(cv_is_file(index.text) ? index.text : file.text, &options, &model, &err), &err);
    if (model) {
        const fuzz_path made = fuzz_in_folder("made.safetensors");
        fuzz_check(convo_model_save(model, made.text, &err), &err);
        fuzz_tell_file(made.text);
    }
    convo_model_free(model);
    convo_recipe_free(recipe);
    return 0;
}

// Recipes: the text, and behind @@@1 a setting. What is accepted and written must be accepted again.
#include "fuzz.h"

static void read_again(const convo_recipe *recipe) {
    char *text = NULL;
    convo_recipe *again = NULL;
    convo_error err = {0};
    fuzz_check(convo_recipe_text(recipe, &text, &err), &err);
    fuzz_must(text != NULL, "a recipe can be written");
    fuzz_tell_text(text);
    fuzz_check(convo_recipe_parse(text, strlen(text), "again", &again, &err), &err);
    fuzz_must(again != NULL, "a recipe that was written can be read");
    convo_recipe_free(again);
    free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static const char *const names[] = {"recipe.yaml", "setting"};
    convo_recipe *recipe = NULL;
    convo_error err = {0};
    cv_bytes setting = {0};
    fuzz_write_parts(data, size, names, CV_COUNT(names));
    fuzz_check(convo_recipe_load(fuzz_in_folder(names[0]).text, &recipe, &err), &err);
    if (recipe) {
        read_again(recipe);
        if (!cv_file_read(fuzz_in_folder(names[1]).text, SIZE_MAX, &setting, NULL)) {
            fuzz_check(convo_recipe_set(recipe, (const char *)setting.data, &err), &err);
            read_again(recipe);
        }
    }
    free(setting.data);
    convo_recipe_free(recipe);
    return 0;
}

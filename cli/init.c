// convo init: the model that training starts from.
#include "chart/chart.h"
#include "output.h"
#include "paths.h"
#include "quote.h"

#include <stdlib.h>

typedef struct init_values {
    cli_list set;
    const char *data, *out;
} init_values;

static const cli_option options[] = {
    {"out", 'o', OPTION_TEXT, offsetof(init_values, out), 0, 0, "FILE", "FILE.safetensors"},
    {"set", 0, OPTION_LIST, offsetof(init_values, set), 0, 0, "KEY=VALUE",
     "change a setting of the recipe; repeatable"},
    {"data", 0, OPTION_TEXT, offsetof(init_values, data), 0, 0, "DIR", "folder of the data set"},
    {0},
};

static int make(const cli_context *context, const init_values *values, const convo_recipe *recipe, const char *file) {
    char **search = data_folders(file), *cache = feature_folder();
    convo_model *model = NULL;
    convo_error err;
    if (!search) return no_memory();
    const convo_train_options how = {.data = values->data, .search = (const char *const *)search, .cache = cache};
    int status = DONE;
    if (convo_model_new(recipe, &how, &model, &err) || convo_model_save(model, values->out, &err))
        status = fail(&err);
    else if (context->json)
        status = print_json(json_pack("{s:o}", "file", json_text(values->out)), false);
    else if (!context->quiet)
        say(stdout, "%s\n", values->out);
    convo_model_free(model);
    free_texts(search);
    free(cache);
    return status;
}

static int run_init(const cli_context *context, const void *given) {
    const init_values *values = given;
    convo_recipe *recipe = NULL;
    char *file = NULL;
    if (!values->out) return usage_error("init", "missing -o FILE.safetensors");
    int status = open_recipe(context->word[0], &values->set, &recipe, &file);
    if (!status) status = make(context, values, recipe, file);
    free(file);
    convo_recipe_free(recipe);
    return status;
}

const cli_command command_init = {
    .name = "init",
    .help = "the model that training starts from: initial weights, labels, normalisation",
    .words = "RECIPE",
    .least_words = 1,
    .most_words = 1,
    .examples = "  convo init fsdd-mfcc -o start.safetensors\n"
                "  convo init fsdd-mfcc -o start.safetensors --set train.seed=3\n",
    .notes = "The weights are those of PyTorch with torch.manual_seed(seed) and the same layers in the same order.\n",
    .options = options,
    .size = sizeof(init_values),
    .run = run_init,
};

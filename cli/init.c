// convo init: the model that training starts from.
#include "output.h"
#include "paths.h"
#include "quote.h"

#include <stdlib.h>

typedef struct init_values {
    cli_list set;
    const char *data, *out;
} init_values;

#define VALUES init_values
static const cli_option options[] = {
    TEXT_OPTION("out", 'o', out, "FILE", "FILE.safetensors"),
    SET_OPTION,
    DATA_OPTION,
    {0},
};

static int make(const cli_context *context, const init_values *values, const convo_recipe *recipe, const char *file) {
    convo_model *model = NULL;
    convo_error err;
    cli_data d;
    int status = data_open(&d, file, values->data, 0);
    data_show(&d, context);
    if (!status && (convo_model_new(recipe, &d.how, &model, &err) || convo_model_save(model, values->out, &err)))
        status = fail(&err);
    if (!status && context->json)
        status = print_json(json_pack("{s:o}", "file", json_text(values->out)), false);
    else if (!status && !context->quiet)
        say(stdout, "%s\n", values->out);
    convo_model_free(model);
    data_close(&d);
    return status;
}

static int run_init(const cli_context *context, const void *given) {
    const init_values *values = given;
    convo_recipe *recipe = NULL;
    char *file = NULL;
    if (!values->out) return usage_error("init", "missing -o FILE.safetensors");
    if (check_out("init", values->out, ".safetensors")) return USAGE;
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
    .examples = "  convo init fsdd-mfcc -o start.safetensors\n"
                "  convo init fsdd-mfcc -o start.safetensors --set train.seed=3\n",
    .notes = "The weights are those of PyTorch with torch.manual_seed(seed) and the same layers in the same order.\n",
    .options = options,
    .size = sizeof(init_values),
    .run = run_init,
};

// convo plot: pictures of a run. Every kind of picture is a mode: an option, and a function that draws it.
#include "command.h"

#include <stdlib.h>

typedef struct plot_values {
    cli_list set;
    const char *out;
    bool filters;
} plot_values;

#define FIELD(field) offsetof(plot_values, field)
static const cli_option options[] = {
    {"filters", 'f', OPTION_FLAG, FIELD(filters), 0, 0, NULL, "the weights of the first layer, as pictures"},
    {"out", 'o', OPTION_TEXT, FIELD(out), 0, 0, "FILE", "draw FILE.png and FILE.svg (in the run folder)"},
    {"set", 0, OPTION_LIST, FIELD(set), 0, 0, "KEY=VALUE", "change a setting of the recipe; repeatable"},
    {0},
};

// FILE of --out, else RUN/NAME for a run folder, else NAME here; without an ending.
static int stem_of(const plot_values *values, const char *word, const char *name, char **stem) {
    if (values->out) return chart_stem("plot", values->out, stem);
    *stem = is_folder(word) ? text_of("%s/%s", word, name) : text_of("%s", name);
    return *stem ? DONE : no_memory();
}

static int plot_filters(const cli_context *context, const plot_values *values) {
    convo_recipe *recipe = NULL;
    convo_model *model = NULL;
    convo_map filters = {0};
    convo_error err;
    char *stem = NULL;
    int status = stem_of(values, context->word[0], "filters", &stem);
    if (!status) status = open_net(context->word[0], &values->set, &recipe, &model);
    if (!status && convo_filters(recipe, model, &filters, &err)) status = fail(&err);
    if (!status) status = draw_filters(stem, convo_recipe_name(recipe), &filters);
    if (!status)
        status = context->json ? print_json(json_pack("{s:[s+, s+]}", "written", stem, ".png", stem, ".svg"), false)
                               : (printf("%s.png\n%s.svg\n", stem, stem), DONE);
    convo_array_free(&filters.values);
    free(stem);
    convo_recipe_free(recipe);
    convo_model_free(model);
    return status;
}

// Chosen by its option.
static const struct mode {
    size_t chosen; // offset of the flag
    int (*plot)(const cli_context *context, const plot_values *values);
} modes[] = {
    {FIELD(filters), plot_filters},
};

static int run(const cli_context *context, const void *given) {
    const plot_values *values = given;
    const struct mode *mode = NULL;
    for (size_t k = 0; k < COUNT(modes); k++) {
        if (!*(const bool *)((const char *)given + modes[k].chosen)) continue;
        if (mode) return usage_error("plot", "one kind of picture at a time");
        mode = &modes[k];
    }
    if (!mode) return usage_error("plot", "say what to draw: --filters");
    return mode->plot(context, values);
}

const cli_command command_plot = {
    .name = "plot",
    .help = "pictures of a run",
    .words = "RECIPE|MODEL|RUN",
    .least_words = 1,
    .most_words = 1,
    .examples = "  convo plot runs/cifar-convnet-0 --filters\n"
                "  convo plot blocks/random-filters --filters -o filters.png\n",
    .notes = "The data and the gnuplot script of a picture are kept beside it.\n",
    .options = options,
    .size = sizeof(plot_values),
    .run = run,
};

// convo recipe: describes what a recipe may contain.
#include "output.h"

#include <stdlib.h>

static const cli_option options[] = {{0}};

static int run_recipe(const cli_context *context, const void *values) {
    (void)values;
    const char *word = context->words ? context->word[0] : NULL;
    char *text = NULL;
    convo_error err;
    if (convo_recipe_reference(word, &text, &err)) return fail(&err);
    int status = DONE;
    if (context->json)
        status = print_json(json_pack("{s:s?, s:s}", "word", word, "markdown", text), false);
    else
        fputs(text, stdout);
    free(text);
    return status;
}

const cli_command command_recipe = {
    .name = "recipe",
    .help = "reference of recipes: blocks, layers and all options",
    .words = "[WORD]",
    .least_words = 0,
    .most_words = 1,
    .examples = "  convo recipe conv1d       one layer and its options\n"
                "  convo recipe mfcc         a front end\n"
                "  convo recipe              everything: docs/recipe.md\n",
    .options = options,
    .size = 0,
    .run = run_recipe,
};

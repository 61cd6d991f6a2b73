// convo gradcheck: compares the gradients that training computes with central differences.
#include "output.h"
#include "paths.h"

#include <math.h>
#include <stdlib.h>

typedef struct gradcheck_values {
    cli_list set;
    int64_t random, seed, batch, elements;
    const char *tolerance;
    bool all;
} gradcheck_values;

#define VALUES gradcheck_values
static const cli_option options[] = {
    FLAG_OPTION("all", 'a', all, "check every element, not 5 of each tensor"),
    NUMBER_OPTION("elements", 0, elements, 1, INT64_MAX, "N", "check N elements of each tensor"),
    NUMBER_OPTION("random", 0, random, 1, 1000000000, "N",
                  "check N times, with random weights and one random example, all elements"),
    NUMBER_OPTION("batch", 0, batch, 1, 4096, "N", "random examples (17; with --random 1)"),
    TEXT_OPTION("tolerance", 0, tolerance, "X", "largest error that passes (1e-5)"),
    NUMBER_OPTION("seed", 's', seed, 0, INT64_MAX, "N", "seed of all random numbers (0)"),
    SET_OPTION,
    {0},
};

static json_t *gradcheck_json(const convo_gradcheck *check, const char *recipe) {
    json_t *tensors = json_array();
    for (int k = 0; k < check->count; k++) {
        const convo_gradient *g = &check->gradient[k];
        json_array_append_new(tensors, json_pack("{s:s, s:I, s:I, s:s, s:o, s:o, s:o}", "tensor", g->tensor, "elements",
                                                 (json_int_t)g->size, "checked", (json_int_t)g->checked, "worst",
                                                 g->element, "analytic", json_number(g->analytic), "numeric",
                                                 json_number(g->numeric), "error", json_number(g->error)));
    }
    return json_pack("{s:s, s:b, s:I, s:o, s:o, s:o}", "recipe", recipe, "passed", check->passed, "checked",
                     (json_int_t)check->checked, "mean_difference", json_number(check->mean_difference), "tolerance",
                     json_number(check->tolerance), "tensors", tensors);
}

static int print_gradcheck(const convo_gradcheck *check) {
    cli_table table = {0};
    table_row(&table, "tensor\telements\tchecked\tworst\tanalytic\tnumeric\terror");
    for (int k = 0; k < check->count; k++) {
        const convo_gradient *g = &check->gradient[k];
        table_row(&table, "%s\t%lld\t%lld\t%s\t%.9g\t%.9g\t%.1e", g->tensor, (long long)g->size, (long long)g->checked,
                  g->element, g->analytic, g->numeric, g->error);
    }
    int status = table_print(&table, "lrrlrrr", stdout);
    printf("\nchecked          %lld gradients\nmean difference  %.2e\n", (long long)check->checked,
           check->mean_difference);
    say(stdout, "largest error    %.2e of %s%s\n", check->gradient[check->worst].error,
        check->gradient[check->worst].tensor, check->gradient[check->worst].element);
    return status;
}

static int judge(const char *what, const convo_gradcheck *check) {
    const convo_gradient *worst = &check->gradient[check->worst];
    if (check->passed) return DONE;
    if (worst->error <= check->tolerance)
        return complain(what, "the gradient is WRONG: on average it is %.2e away from the differences, 1e-6 is allowed",
                        check->mean_difference);
    return complain(what,
                    "the gradient of %s%s is WRONG: training computes %.9g, differences of the loss say %.9g "
                    "(error %.1e, %.1e is allowed)",
                    worst->tensor, worst->element, worst->analytic, worst->numeric, worst->error, check->tolerance);
}

static int read_options(const gradcheck_values *values, convo_gradcheck_options *o) {
    if (values->all && values->elements > 0)
        return usage_error("gradcheck", "--all and --elements are mutually exclusive");
    *o = (convo_gradcheck_options){.batch = values->batch > 0 ? (int)values->batch : 0,
                                   .elements = values->all            ? -1
                                               : values->elements > 0 ? values->elements
                                                                      : 0,
                                   .random = values->random > 0 ? values->random : 0,
                                   .seed = values->seed > 0 ? (uint64_t)values->seed : 0};
    if (!values->tolerance) return DONE;
    char *end;
    o->tolerance = strtod(values->tolerance, &end);
    if (end != values->tolerance && !*end && o->tolerance > 0 && isfinite(o->tolerance)) return DONE;
    return usage_error("gradcheck", "--tolerance needs a number above 0, not '%s'", values->tolerance);
}

static int run_gradcheck(const cli_context *context, const void *given) {
    const gradcheck_values *values = given;
    convo_recipe *recipe = NULL;
    convo_model *model = NULL;
    convo_gradcheck check = {0};
    convo_gradcheck_options o;
    convo_error err;
    int status = read_options(values, &o);
    if (!status) status = open_net(context->word[0], &values->set, NULL, &recipe, &model);
    if (!status && convo_gradcheck_run(recipe, model, &o, &check, &err)) status = fail(&err);
    if (!status)
        status = context->json ? print_json(gradcheck_json(&check, convo_recipe_name(recipe)), false)
                               : print_gradcheck(&check);
    if (!status) status = judge(context->word[0], &check);
    convo_gradcheck_free(&check);
    convo_recipe_free(recipe);
    convo_model_free(model);
    return status;
}

const cli_command command_gradcheck = {
    .name = "gradcheck",
    .help = "compare the gradients of training with differences of the loss",
    .words = "RECIPE|MODEL|RUN",
    .examples = "  convo gradcheck fsdd-mfcc\n"
                "  convo gradcheck runs/fsdd-mfcc-0 --all\n"
                "  convo gradcheck moons --random 1000\n",
    .notes =
        "In doubles, on random inputs and labels, central differences with steps of 1e-5 and, where a relu or a "
        "maximum\n"
        "lies in between, down to 1e-7. error: the difference as a share of the tensor's largest gradient. The exit\n"
        "status is 1 when one is above the tolerance, or when they differ by 1e-6 or more on average.\n",
    .options = options,
    .size = sizeof(gradcheck_values),
    .run = run_gradcheck,
};

// convo eval: how good a model is, class by class.
#include "chart/chart.h"
#include "chart/plot.h"
#include "evaluation.h"
#include "output.h"
#include "paths.h"
#include "sweep/sweep.h"

#include <stdlib.h>
#include <string.h>

typedef struct eval_values {
    const char *data, *split, *isa, *save;
    int64_t threads, top;
    bool by_group;
} eval_values;

#define FIELD(field) offsetof(eval_values, field)
static const cli_option options[] = {
    {"split", 0, OPTION_TEXT, FIELD(split), 0, 0, "train|validation|test|all",
     "part of the data (test, else validation)"},
    {"top", 0, OPTION_NUMBER, FIELD(top), 1, 1000000, "K", "also how often the truth is among the K likeliest classes"},
    {"by-group", 0, OPTION_FLAG, FIELD(by_group), 0, 0, NULL, "also the accuracy of each group (speaker)"},
    {"save", 0, OPTION_TEXT, FIELD(save), 0, 0, "FILE|DIR",
     "write what the model says of each example as NumPy arrays: FILE.npz, or a folder"},
    {"data", 0, OPTION_TEXT, FIELD(data), 0, 0, "DIR", "folder of the data set"},
    {"threads", 0, OPTION_NUMBER, FIELD(threads), 1, MOST_THREADS, "N", "threads (all); the result is the same"},
    {"isa", 0, OPTION_TEXT, FIELD(isa), 0, 0, "baseline|avx2|avx512", "highest instruction set to use (the best)"},
    {0},
};

static int run_eval(const cli_context *context, const void *given) {
    const eval_values *values = given;
    convo_part part;
    int status = find_part("eval", values->split, &part);
    if (status) return status;
    char **search = data_folders(NULL), *cache = feature_folder();
    if (!search) return no_memory();
    convo_train_options how = {
        .data = values->data,
        .search = (const char *const *)search,
        .cache = cache,
        .threads = thread_count(values->threads),
        .isa = values->isa,
    };
    convo_model *model = NULL;
    convo_evaluation evaluation = {0};
    convo_error err;
    if (convo_model_load(context->word[0], &model, &err) || convo_evaluate(model, part, &how, &evaluation, &err) ||
        (values->save && convo_evaluation_save(&evaluation, values->save, &err)))
        status = fail(&err);
    else if (values->by_group && !evaluation.groups)
        status = complain(context->word[0], "the data set has no groups: omit --by-group");
    else if (context->json)
        status = print_json(evaluation_json(&evaluation, (int)values->top, values->by_group), false);
    else
        status = print_evaluation(&evaluation, (int)values->top, values->by_group);
    convo_evaluation_free(&evaluation);
    convo_model_free(model);
    free_texts(search);
    free(cache);
    return status;
}

const cli_command command_eval = {
    .name = "eval",
    .help = "accuracy, figures per class and confusions of a model",
    .words = "MODEL|RUN",
    .least_words = 1,
    .most_words = 1,
    .examples = "  convo eval runs/fsdd-mfcc-0\n"
                "  convo eval runs/fsdd-mfcc-0 --by-group --top 3\n"
                "  convo eval model.safetensors --data recordings --split all --json\n"
                "  convo eval runs/fsdd-mfcc-0 --save predictions.npz\n",
    .notes =
        "The data set is split as it was in training; the parts are the same recordings. --data names another one,\n"
        "which need not be split (--split all) nor have all of the classes.\n"
        "accuracy: with Wilson's 95 % interval. ECE: expected calibration error, the mean distance between how sure\n"
        "the model is and how often it is right, in 15 bins (Guo et al. 2017). EER: equal error rate of one class\n"
        "against the rest. mean: of the classes, each counting the same. `convo sweep RECIPE --leave-one-out`\n"
        "trains anew without each group and scores on it; `convo plot` draws ROC, DET and calibration curves.\n"
        "--save writes index (of the example in the data set, files sorted by name), truth, predicted, logits and\n"
        "probabilities, a row for each example.\n",
    .options = options,
    .size = sizeof(eval_values),
    .run = run_eval,
};

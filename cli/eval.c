// convo eval: how good a model is, class by class.
#include "chart/plot.h"
#include "evaluation.h"
#include "output.h"
#include "paths.h"
#include "spotting.h"
#include "sweep/sweep.h"

typedef struct eval_values {
    const char *data, *split, *isa, *save, *on, *in_floats;
    cli_spotting spotting;
    int64_t threads, top;
    bool by_group, skip_unreadable, int8;
} eval_values;

#define VALUES eval_values
static const cli_option options[] = {
    TEXT_OPTION("split", 0, split, "train|validation|test|all", "part of the data (test, else validation)"),
    NUMBER_OPTION("top", 0, top, 1, 1000000, "K", "also print the top-K accuracy"),
    FLAG_OPTION("by-group", 0, by_group, "also the accuracy of each group (speaker)"),
    TEXT_OPTION("save", 0, save, "FILE|DIR",
                "write the predictions of all examples as NumPy arrays: FILE.npz, or a folder"),
    TEXT_OPTION("stream", 0, spotting.list, "LIST|DIR|FILE",
                "words spotted in recordings of hours, instead of a data set"),
    TEXT_OPTION("at", 0, spotting.at, "RATE",
                "stream: choose thresholds for at most RATE false accepts an hour, and write them into the model"),
    TEXT_OPTION("out", 'o', spotting.out, "FILE.png|FILE.svg", "stream: draw misses against false accepts"),
    SKIP_UNREADABLE_OPTION,
    DATA_OPTION,
    THREADS_OPTION,
    ISA_OPTION,
    ON_OPTION,
    INT8_OPTION,
    FLOAT_OPTION,
    {0},
};

// Options that are about examples of a data set: recordings of hours have none.
static int check_stream(const eval_values *v) {
    const struct {
        bool given;
        const char *name;
    } other[] = {{v->split, "split"},
                 {v->top > 0, "top"},
                 {v->by_group, "by-group"},
                 {v->save, "save"},
                 {v->isa, "isa"},
                 {v->skip_unreadable && !v->int8, "skip-unreadable"},
                 {v->data && !v->int8, "data"}};
    for (size_t k = 0; k < COUNT(other); k++)
        if (other[k].given) return usage_error("eval", "--stream and --%s are mutually exclusive", other[k].name);
    return DONE;
}

static int run_eval(const cli_context *context, const void *given) {
    const eval_values *values = given;
    convo_part part;
    cli_data d = {0};
    int status = find_part("eval", values->split, &part);
    if (!status && !values->spotting.list && (values->spotting.at || values->spotting.out))
        status = usage_error("eval", "--%s requires --stream LIST", values->spotting.at ? "at" : "out");
    if (!status && values->spotting.list) status = check_stream(values);
    if (!status) status = data_open(&d, NULL, values->data, values->threads);
    d.how.isa = values->isa;
    d.how.in_floats = values->in_floats;
    d.how.skip_unreadable = values->skip_unreadable;
    data_show(&d, context);
    convo_model *model = NULL;
    convo_evaluation evaluation = {0};
    convo_error err;
    if (!status && convo_model_load(context->word[0], &model, &err)) status = fail(&err);
    if (!status) status = run_on("eval", model, values->on, values->int8, &d.how);
    if (!status && values->spotting.list) {
        status = eval_stream(context, model, &values->spotting);
        convo_model_free(model);
        data_close(&d);
        return status;
    }
    if (!status && (convo_evaluate(model, part, &d.how, &evaluation, &err) ||
                    (values->save && convo_evaluation_save(&evaluation, values->save, &err))))
        status = fail(&err);
    if (!status && values->top > 0 && evaluation.truths)
        status = complain(context->word[0], "several labels may be true of its examples: omit --top");
    if (!status && values->by_group && !evaluation.groups)
        status = complain(context->word[0], "the data set has no groups: omit --by-group");
    if (!status) say_reading(context, &evaluation.reading);
    if (!status && context->verbose) say(stderr, "net: %.2f s of %.2f s\n", evaluation.scoring, evaluation.seconds);
    if (!status)
        status = context->json ? print_json(evaluation_json(&evaluation, (int)values->top, values->by_group), false)
                               : print_evaluation(&evaluation, (int)values->top, values->by_group);
    convo_evaluation_free(&evaluation);
    convo_model_free(model);
    data_close(&d);
    return status;
}

const cli_command command_eval = {
    .name = "eval",
    .help = "accuracy, figures per class and confusions of a model",
    .words = "MODEL|RUN",
    .examples = "  convo eval runs/fsdd-mfcc-0\n"
                "  convo eval runs/fsdd-mfcc-0 --by-group --top 3\n"
                "  convo eval model.safetensors --data recordings --split all --json\n"
                "  convo eval runs/fsdd-mfcc-0 --save predictions.npz\n"
                "  convo eval runs/athena-0 --stream validation.wav --at 0.5   choose the threshold\n"
                "  convo eval runs/athena-0 --stream test.flac -o det.png      and see what it is worth elsewhere\n",
    .notes =
        "The data set is split as it was in training; the parts are the same recordings, unless files have come or\n"
        "gone, which is said. --data names another one, which need not be split (--split all) nor have all of the "
        "classes.\n"
        "accuracy: with Wilson's 95 % interval. ECE: expected calibration error, the mean distance between how sure\n"
        "the model is and how often it is right, in 15 bins (Guo et al. 2017). EER: equal error rate of one class\n"
        "against the rest. mean: of the classes, each counting the same. `convo sweep RECIPE --leave-one-out`\n"
        "trains anew without each group and scores on it; `convo plot` draws ROC, DET and calibration curves.\n"
        "--stream: a recording with a list start,end,word beside it (NAME.csv), or without one if nothing is said; a\n"
        "folder of such; or a list path,start,end,word. A word is hit by its first event between its start and half a\n"
        "second after its end; every other event is a false accept, counted over the hours without the word "
        "(Poisson's\n"
        "95 % interval; of none, 3 / hours). How the model listens is part of it. `convo data mix` makes such "
        "recordings.\n"
        "--save writes index (of the example in the data set, files sorted by name), truth, predicted, logits and\n"
        "probabilities, a row for each example.\n",
    .options = options,
    .size = sizeof(eval_values),
    .run = run_eval,
};

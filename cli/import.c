// convo import: turns a model from another program into a model file.
#include "output.h"
#include "paths.h"
#include "quote.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

typedef struct import_values {
    const char *out, *recipe, *output, *labels, *mean, *std, *data;
    cli_list map, set;
} import_values;

enum { CHANNELS = 1024 };

#define VALUES import_values
static const cli_option options[] = {
    TEXT_OPTION("out", 'o', out, "FILE", "model file to write, FILE.safetensors"),
    TEXT_OPTION("recipe", 0, recipe, "RECIPE", "recipe that defines the net; for ONNX, its data and features"),
    SET_OPTION,
    TEXT_OPTION("output", 0, output, "VALUE", "ONNX: the output to import, or any value in the graph"),
    LIST_OPTION("map", 0, map, "OLD=NEW", "rename weights, whole names or their beginnings; repeatable"),
    TEXT_OPTION("labels", 0, labels, "A,B,...", "names of the classes, in their order"),
    TEXT_OPTION("mean", 0, mean, "X,...", "normalisation, with --std: the net sees"),
    TEXT_OPTION("std", 0, std, "X,...", "(features - mean) / std, one X or one for each channel"),
    TEXT_OPTION("data", 0, data, "DIR", "folder of the recipe's data set"),
    {0},
};

// "a,b,c" as a NULL-ended list; both belong to the caller.
static const char **split(char *text) {
    size_t count = 1;
    for (const char *c = text; *c; c++) count += *c == ',';
    const char **list = calloc(count + 1, sizeof *list);
    for (size_t k = 0; list && k < count; k++) {
        list[k] = text;
        text += strcspn(text, ",");
        if (*text) *text++ = '\0';
    }
    return list;
}

static bool read_number(const char *text, double *value) {
    char *end;
    *value = strtod(text, &end);
    return end != text && !*end && isfinite(*value);
}

// "0.5" or "0.49,0.48,0.45". Returns how many there are; 0: it is something else, or more than CHANNELS.
static int read_numbers(const char *text, bool above, double out[CHANNELS]) {
    char number[64];
    for (int count = 0; count < CHANNELS; text++) {
        const size_t length = strcspn(text, ",");
        snprintf(number, sizeof number, "%.*s", (int)length, text);
        if (length >= sizeof number || !read_number(number, &out[count]) || (above && out[count] <= 0)) return 0;
        count++;
        text += length;
        if (!*text) return count;
    }
    return 0;
}

static int read_normalization(const import_values *values, double pairs[2][CHANNELS], convo_import_options *how) {
    if (!values->mean && !values->std) return DONE;
    if (!values->mean || !values->std) return usage_error("import", "--mean and --std must be given together");
    how->means = read_numbers(values->mean, false, pairs[0]);
    how->stds = read_numbers(values->std, true, pairs[1]);
    how->mean = pairs[0];
    how->std = pairs[1];
    if (!how->means)
        return usage_error("import", "--mean needs a number, or one for each channel, not '%s'", values->mean);
    if (!how->stds)
        return usage_error("import", "--std needs a number above 0, or one for each channel, not '%s'", values->std);
    return DONE;
}

static int report(const cli_context *context, const import_values *values, const convo_model *model) {
    convo_summary summary = {0};
    convo_error err;
    if (convo_summarize(convo_model_recipe(model), &summary, &err)) return fail(&err);
    const long long parameters = (long long)summary.parameters;
    const int layers = summary.count, classes = convo_model_classes(model);
    convo_summary_free(&summary);
    if (context->json)
        return print_json(json_pack("{s:o, s:i, s:I, s:i}", "file", json_text(values->out), "layers", layers,
                                    "parameters", (json_int_t)parameters, "classes", classes),
                          false);
    if (!context->quiet)
        say(stdout, "%s  %d layers, %lld parameters, %d %s\n", values->out, layers, parameters, classes,
            classes > 1 ? "classes" : "output");
    return DONE;
}

static int run_import(const cli_context *context, const void *given) {
    const import_values *values = given;
    cli_progress progress = progress_new(context);
    convo_import_options how = {
        .data = values->data, .output = values->output, .note = progress_note, .user = &progress};
    convo_recipe *recipe = NULL;
    convo_model *model = NULL;
    convo_error err;
    char *labels = NULL, *file = NULL;
    double pairs[2][CHANNELS];
    if (!values->out) return usage_error("import", "missing -o FILE.safetensors");
    if (check_out("import", values->out, ".safetensors")) return USAGE;
    int status = read_normalization(values, pairs, &how);
    if (!status && values->recipe) status = open_recipe(values->recipe, &values->set, &recipe, &file);
    if (status) return status;
    char **search = data_folders(file);
    const char **map = calloc(values->map.count + 1, sizeof *map);
    if (map && values->map.count) memcpy(map, values->map.text, values->map.count * sizeof *map);
    if (values->labels && (labels = text_of("%s", values->labels))) how.labels = split(labels);
    how.recipe = recipe;
    how.map = map;
    how.search = (const char *const *)search;
    if (!search || !map || (values->labels && !how.labels))
        status = no_memory();
    else if (convo_import(context->word[0], &how, &model, &err) || convo_model_save(model, values->out, &err))
        status = fail(&err);
    else
        status = report(context, values, model);
    convo_model_free(model);
    convo_recipe_free(recipe);
    free((void *)(uintptr_t)how.labels);
    free(labels);
    free(map);
    free(file);
    free_texts(search);
    return status;
}

const cli_command command_import = {
    .name = "import",
    .help = "read a model of other programs: ONNX, or PyTorch weights",
    .words = "FILE",
    .examples =
        "  convo import net.onnx -o net.safetensors --recipe fsdd-mfcc\n"
        "  convo import weights.safetensors --recipe fsdd-mfcc -o model.safetensors\n"
        "  convo import weights.safetensors --recipe mine.yaml --map features.0=0 --map fc=9 -o model.safetensors\n",
    .notes =
        "FILE.onnx: a net of one input, opset 1 to 25; of several outputs the first, or --output. With --recipe the\n"
        "model gets the recipe's data, features and training, so that eval and predict work; its net stays the\n"
        "file's. All else: a safetensors file or the .index.json of several, with the state_dict of a\n"
        "torch.nn.Sequential as --recipe has it. Labels and normalisation come from --labels and --mean, --std, else\n"
        "from the file, else from the recipe and its data set; without any, classes are numbers.\n",
    .options = options,
    .size = sizeof(import_values),
    .run = run_import,
};

// convo export: writes a model in a format of other programs.
#include "output.h"
#include "paths.h"
#include "quote.h"

#include <sys/stat.h>

typedef struct export_values {
    const char *out;
    const char *name, *data;
    bool fold, features, probabilities, int8;
} export_values;

#define VALUES export_values
static const cli_option options[] = {
    TEXT_OPTION("out", 'o', out, "FILE", "FILE.onnx, FILE.safetensors or FILE.c"),
    FLAG_OPTION("fold", 0, fold, "fold batch normalisation into the layer before it"),
    FLAG_OPTION("with-features", 0, features, "include the front end: the input is the samples of a recording"),
    FLAG_OPTION("probabilities", 0, probabilities, "output probabilities instead of logits"),
    FLAG_OPTION("int8", 0, int8, "C: the net in 8-bit numbers, whose ranges training examples give"),
    TEXT_OPTION("data", 0, data, "DIR", "with --int8: folder of the data set (that of the run)"),
    TEXT_OPTION("name", 0, name, "NAME", "C: what its functions' names begin with (the name of the file)"),
    {0},
};

static int measure_ranges(convo_model *model, const char *folder) {
    cli_data d;
    convo_error err;
    int status = data_open(&d, NULL, folder, 0);
    if (!status && convo_model_quantize(model, &d.how, &err)) status = fail(&err);
    data_close(&d);
    return status;
}

static int run_export(const cli_context *context, const void *given) {
    const export_values *values = given;
    const convo_export_options how = {values->fold, values->features, values->probabilities, values->name,
                                      values->int8};
    convo_model *model = NULL;
    convo_error err;
    struct stat status;
    if (!values->out) return usage_error("export", "missing -o FILE; its extension selects the format");
    if (values->data && !values->int8) return usage_error("export", "--data requires --int8");
    if (convo_model_load(context->word[0], &model, &err)) return fail(&err);
    if (values->int8) {
        const int measured = measure_ranges(model, values->data);
        if (measured) {
            convo_model_free(model);
            return measured;
        }
    }
    if (convo_export(model, values->out, &how, &err)) {
        convo_model_free(model);
        return fail(&err);
    }
    const long long bytes = stat(values->out, &status) ? 0 : (long long)status.st_size;
    convo_model_free(model);
    if (context->json)
        return print_json(json_pack("{s:o, s:I}", "file", json_text(values->out), "bytes", (json_int_t)bytes), false);
    if (!context->quiet) say(stdout, "%s  %lld bytes\n", values->out, bytes);
    return DONE;
}

const cli_command command_export = {
    .name = "export",
    .help = "write a model in a format of other programs: ONNX, C for microcontrollers",
    .words = "MODEL|RUN",
    .examples = "  convo export runs/fsdd-mfcc-0 -o digits.onnx\n"
                "  convo export runs/fsdd-mfcc-0 -o digits.onnx --with-features --probabilities\n"
                "  convo export model.safetensors -o small.onnx --fold\n"
                "  convo export runs/fsdd-mfcc-0 -o digits.c\n"
                "  convo export runs/fsdd-mfcc-0 -o digits.c --int8\n",
    .notes =
        "ONNX: opset 17, IR version 8. Input \"input\" (\"samples\" with the front end), output \"logits\" or\n"
        "\"probabilities\", any number of examples at once. The normalisation that training measured is part of the\n"
        "graph. Labels and the recipe are in the metadata: convo.labels, convo.recipe.\n"
        "C: one C99 file and its header, with front end, weights and net; no malloc, no libc but memcpy, the same\n"
        "bits as `convo predict --on device`. See docs/device.md.\n",
    .options = options,
    .size = sizeof(export_values),
    .run = run_export,
};

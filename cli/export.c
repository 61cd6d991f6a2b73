// convo export: writes a model in a format of other programs.
#include "output.h"
#include "paths.h"
#include "quote.h"
#include "web/web.h"

#include <string.h>
#include <sys/stat.h>

typedef struct export_values {
    const char *out;
    const char *name, *data, *in_floats;
    bool fold, features, probabilities, int8, stream;
} export_values;

#define VALUES export_values
static const cli_option options[] = {
    TEXT_OPTION("out", 'o', out, "FILE", "FILE.onnx, FILE.safetensors, FILE.c or FILE.html"),
    FLAG_OPTION("fold", 0, fold, "fold batch normalisation into the layer before it"),
    FLAG_OPTION("with-features", 0, features, "include the front end: the input is the samples of a recording"),
    FLAG_OPTION("probabilities", 0, probabilities, "output probabilities instead of logits"),
    FLAG_OPTION("int8", 0, int8,
                "C, page, ONNX: the net in 8-bit numbers, whose ranges training examples or the model file give; "
                "safetensors: keep them"),
    FLOAT_OPTION,
    FLAG_OPTION("stream", 0, stream, "C: also listens to a stream, with the thresholds and settings of the model"),
    TEXT_OPTION("data", 0, data, "DIR", "with --int8: folder of the data set (that of the run)"),
    TEXT_OPTION("name", 0, name, "NAME",
                "C: what its functions' names begin with (the name of the file); page: its title"),
    {0},
};

static int measure_ranges(const cli_context *context, convo_model *model, const export_values *values) {
    cli_data d;
    convo_error err;
    int status = data_open(&d, NULL, values->data, 0);
    data_show(&d, context);
    d.how.in_floats = values->in_floats;
    if (!status && convo_model_quantize(model, &d.how, &err)) status = fail(&err);
    data_close(&d);
    return status;
}

static int write_model(const convo_model *model, const char *path, const convo_export_options *how) {
    convo_error err;
    if (is_page(path)) return write_web(model, path, how);
    return convo_export(model, path, how, &err) ? fail(&err) : DONE;
}

static int run_export(const cli_context *context, const void *given) {
    const export_values *values = given;
    const convo_export_options how = {values->fold, values->features, values->probabilities,
                                      values->name, values->int8,     values->stream};
    convo_model *model = NULL;
    convo_error err;
    struct stat status;
    if (!values->out) return usage_error("export", "missing -o FILE; its extension selects the format");
    if (values->data && !values->int8) return usage_error("export", "--data requires --int8");
    if (values->in_floats && !values->int8) return usage_error("export", "--float requires --int8");
    if (is_page(values->out) && (values->fold || values->features || values->probabilities))
        return usage_error("export", "--fold, --with-features and --probabilities are for .onnx, not for a page");
    if (is_page(values->out) && values->stream) return usage_error("export", "a page always listens: omit --stream");
    if (convo_model_load(context->word[0], &model, &err)) return fail(&err);
    int problem = values->int8 ? measure_ranges(context, model, values) : DONE;
    if (!problem) problem = write_model(model, values->out, &how);
    convo_model_free(model);
    if (problem) return problem;
    const long long bytes = stat(values->out, &status) ? 0 : (long long)status.st_size;
    if (context->json)
        return print_json(json_pack("{s:o, s:I}", "file", json_text(values->out), "bytes", (json_int_t)bytes), false);
    if (!context->quiet) say(stdout, "%s  %lld bytes\n", values->out, bytes);
    return DONE;
}

const cli_command command_export = {
    .name = "export",
    .help = "write a model in a format of other programs: ONNX, C for microcontrollers, a page",
    .words = "MODEL|RUN",
    .examples = "  convo export runs/fsdd-mfcc-0 -o digits.onnx\n"
                "  convo export runs/fsdd-mfcc-0 -o digits.onnx --with-features --probabilities\n"
                "  convo export model.safetensors -o small.onnx --fold\n"
                "  convo export runs/fsdd-mfcc-0 -o digits.c\n"
                "  convo export runs/fsdd-mfcc-0 -o digits.c --int8\n"
                "  convo export runs/fsdd-mfcc-0 -o digits.c --int8 --float 8\n"
                "  convo export runs/athena-0 -o athena.c --int8 --stream\n"
                "  convo export runs/fsdd-mfcc-0 -o digits.html --int8\n"
                "  convo export runs/fsdd-mfcc-0 -o digits.onnx --int8\n",
    .notes =
        "ONNX: opset 17, IR version 8. Input \"input\" (\"samples\" with the front end), output \"logits\" or\n"
        "\"probabilities\", any number of examples at once. The normalisation that training measured is part of the\n"
        "graph. Labels and the recipe are in the metadata: convo.labels, convo.recipe. With --int8 QuantizeLinear and\n"
        "DequantizeLinear stand around values and weights, as onnxruntime wants them.\n"
        "C: one C99 file and its header, with front end, weights and net; no malloc, no libc but memcpy, the same\n"
        "bits as `convo predict --on device`. With --stream it takes samples as they come, computes only what is new\n"
        "and says which words are heard, as `convo listen --on device` does. See docs/device.md.\n"
        "Page: one file with the same C as WebAssembly, which clang and wasm-ld compile. It hears the microphone or\n"
        "files, or is shown pictures, in any browser; it fetches and sends nothing.\n",
    .options = options,
    .size = sizeof(export_values),
    .run = run_export,
};

// convo_export: chooses the format by the extension of the file name.
#include "exchange/export.h"

#include <string.h>
#include <strings.h>

static convo_status copy(const convo_model *model, const char *path, const convo_export_options *options,
                         convo_error *err) {
    if (options->fold || options->features || options->probabilities || options->name || options->stream)
        return cv_fail(err, CONVO_ARGUMENT, path,
                       "a .safetensors file holds the model unchanged: these options apply to other formats");
    if (options->int8 && !model->ranges)
        return cv_fail(err, CONVO_STATE, path,
                       "the ranges of its values are not measured yet: call convo_model_quantize first");
    return convo_model_save(model, path, err);
}

static const struct {
    const char *ending;
    convo_status (*write)(const convo_model *model, const char *path, const convo_export_options *options,
                          convo_error *err);
} formats[] = {{".onnx", cv_export_onnx}, {".safetensors", copy}, {".c", cv_export_c}};

convo_status convo_export(const convo_model *model, const char *path, const convo_export_options *options,
                          convo_error *err) {
    static const convo_export_options plain;
    char known[64] = "";
    if (!model || !path) return cv_fail(err, CONVO_ARGUMENT, "", "a model and a path are required");
    for (size_t k = 0; k < CV_COUNT(formats); k++) {
        const size_t length = strlen(path), end = strlen(formats[k].ending);
        if (length > end && !strcasecmp(path + length - end, formats[k].ending))
            return formats[k].write(model, path, options ? options : &plain, err);
        cv_append(known, sizeof known, "%s%s", !k ? "" : k + 1 < CV_COUNT(formats) ? ", " : " or ", formats[k].ending);
    }
    return cv_fail(err, CONVO_ARGUMENT, path, "the extension selects the format: it must be %s", known);
}

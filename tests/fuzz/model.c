// Model files. What is accepted is saved; a small model is also asked about an example, and one that is too large to
// run must say so. One that keeps ranges of 8-bit numbers is asked about it as on a device, too.
#include "fuzz.h"

#include "model/model.h"

static int64_t values_of(const cv_net *net) {
    int64_t values = cv_shape_size(net->input);
    for (int i = 0; i < net->nodes; i++) values += cv_shape_size(net->node[i].out);
    return values;
}

static void predict(convo_model *model) {
    enum { MOST_VALUES = 4096, SAMPLES = 100 };
    const bool small = values_of(model->net) <= MOST_VALUES,
               huge = cv_shape_size(model->net->input) > 16 * CV_LIMIT_ALIVE;
    const float example[MOST_VALUES] = {0.5f};
    convo_error err = {0};
    if (!small && !huge) return;
    float *probability = cv_alloc((size_t)convo_model_classes(model), sizeof *probability);
    fuzz_check(model->front ? convo_model_predict(model, example, SAMPLES, model->recipe->rate, probability, &err)
                            : convo_model_predict_arrays(model, example, 1, probability, &err),
               &err);
    fuzz_tell(probability, (size_t)convo_model_classes(model) * sizeof *probability);
    fuzz_must(small || err.code, "what is too large is not run");
    free(probability);
}

static void predict_on_device(convo_model *model) {
    enum { MOST_VALUES = 4096 };
    convo_error err = {0};
    if (!model->ranges || values_of(model->net) > MOST_VALUES) return;
    fuzz_check(convo_model_quantize(model, NULL, &err), &err);
    if (err.code) return;
    fuzz_check(convo_model_run_on(model, CONVO_DEVICE_INT8, &err), &err);
    if (!err.code) predict(model);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    const fuzz_path path = fuzz_write("model.safetensors", data, size);
    convo_model *model = NULL;
    convo_error err = {0};
    fuzz_check(convo_model_load(path.text, &model, &err), &err);
    if (!model) return 0;
    predict(model);
    predict_on_device(model);
    const fuzz_path again = fuzz_in_folder("again.safetensors");
    fuzz_check(convo_model_save(model, again.text, &err), &err);
    fuzz_tell_file(again.text);
    convo_model_free(model);
    return 0;
}

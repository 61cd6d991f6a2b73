// ONNX files, all the way to a model.
#include "fuzz.h"

static void hear(const char *sentence, void *user) {
    (void)user;
    fuzz_must(sentence && *sentence, "a note is a sentence");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    const fuzz_path path = fuzz_write("net.onnx", data, size);
    const convo_import_options options = {.note = hear};
    convo_model *model = NULL;
    convo_error err = {0};
    fuzz_check(convo_import(path.text, &options, &model, &err), &err);
    if (model) {
        const fuzz_path made = fuzz_in_folder("made.safetensors");
        fuzz_check(convo_model_save(model, made.text, &err), &err);
        fuzz_tell_file(made.text);
    }
    convo_model_free(model);
    return 0;
}

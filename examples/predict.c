// Says what is in a recording: ./predict model.safetensors recording.wav
#include <convo.h>
#include <stdio.h>
#include <stdlib.h>

int main(int argc, char **argv) {
    if (argc != 3) return fprintf(stderr, "usage: predict MODEL RECORDING\n"), 2;
    convo_error err = {0};
    convo_model *model = NULL;
    float *probability = NULL;

    int failed = convo_model_load(argv[1], &model, &err) != CONVO_OK;
    if (!failed) {
        int classes = convo_model_classes(model), best = 0;
        probability = calloc((size_t)classes, sizeof *probability); // one for each label, filled below
        // The file is decoded, resampled and turned into features exactly as in training.
        // Samples from a microphone go to convo_model_predict() instead.
        failed = !probability || convo_model_predict_file(model, argv[2], probability, &err) != CONVO_OK;
        for (int k = 1; !failed && k < classes; k++)
            if (probability[k] > probability[best]) best = k;
        if (!failed) printf("%s %.4f\n", convo_model_label(model, best), (double)probability[best]);
    }
    if (failed) fprintf(stderr, "%s: %s\n", err.where, err.message);

    free(probability);
    convo_model_free(model);
    return failed;
}

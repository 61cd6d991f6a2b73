#include "model/finetune.h"

#include "base/file.h"
#include "model/model.h"
#include "model/weights.h"

#include <stdio.h>
#include <stdlib.h>

static void say(const convo_train_options *options, const char *format, ...) CV_PRINTF(2, 3);
static void say(const convo_train_options *options, const char *format, ...) {
    char text[640];
    if (!options->note) return;
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    options->note(text, options->user);
}

static convo_status take_weights(const convo_recipe *recipe, const convo_train_options *options, const char *path,
                                 cv_net *net, cv_normal *normal, convo_error *err) {
    cv_weights weights;
    cv_fit fit = {0};
    char misfits[480];
    CV_TRY(cv_weights_read(path, NULL, &weights, err));
    convo_status status = cv_weights_fill(&weights, net, &fit, err);
    cv_fit_text(&fit, misfits, sizeof misfits);
    if (!status && fit.taken == 0)
        status = cv_fail(err, CONVO_SHAPE, path, "nothing of it fits the recipe's net: %.400s", misfits);
    if (!status)
        say(options, "%s: %d of %d tensors taken%s%s", path, fit.taken, net->tensors, *misfits ? "; " : "", misfits);
    const char *normalize = cv_safetensors_text(&weights.file[0], "convo.normalize");
    cv_normal kept = {0};
    convo_error misfit;
    if (!status && normalize && recipe->normalize)
        status = cv_model_normalize(normalize, path, net->input, &kept, &misfit);
    if (status == CONVO_FORMAT) { // other channels
        say(options, "%s: its normalisation does not fit the recipe's input, whose own is measured", path);
        status = CONVO_OK;
    } else if (status == CONVO_MEMORY && err) {
        *err = misfit;
    }
    if (kept.mean) {
        char shown[256];
        cv_normal_text(&kept, shown, sizeof shown);
        say(options, "%s: its normalisation is kept, %s", path, shown);
        cv_normal_free(normal);
        *normal = kept;
    }
    cv_weights_free(&weights);
    return status;
}

convo_status cv_finetune(const convo_recipe *recipe, const convo_train_options *options, cv_net *net, cv_normal *normal,
                         convo_error *err) {
    convo_status status = CONVO_OK;
    if (options->from) {
        char *path = cv_is_folder(options->from) ? cv_format("%s/best.safetensors", options->from)
                                                 : cv_format("%s", options->from);
        status = path ? take_weights(recipe, options, path, net, normal, err) : cv_no_memory(err, options->from);
        free(path);
    }
    return !status && options->freeze ? cv_net_freeze(net, options->freeze, err) : status;
}

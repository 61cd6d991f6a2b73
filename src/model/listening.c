// How a model listens to a stream.
#include "model/model.h"

#include <stdlib.h>

convo_status convo_model_listening(const convo_model *model, convo_listening *listening, convo_error *err) {
    if (!model || !listening) return cv_fail(err, CONVO_ARGUMENT, "", "a model and room for its settings are needed");
    *listening = (convo_listening){0};
    if (model->listening) return cv_listening_copy(model->listening, listening, err);
    return cv_listening_default(model->labels, model->classes, listening, err);
}

convo_status convo_model_listen_with(convo_model *model, const convo_listening *listening, convo_error *err) {
    if (!model || !listening) return cv_fail(err, CONVO_ARGUMENT, "", "a model and settings are needed");
    CV_TRY(cv_listening_check(listening, model->classes, err));
    convo_listening *copy = cv_alloc(1, sizeof *copy);
    const convo_status status =
        copy ? cv_listening_copy(listening, copy, err) : cv_no_memory(err, "the settings of listening");
    if (status) {
        free(copy);
        return status;
    }
    convo_listening_free(model->listening);
    free(model->listening);
    model->listening = copy;
    return CONVO_OK;
}

// How a model listens to a stream.
#include "model/model.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

// What the recipe calls none (data.none) is no word, whatever its name.
static void silence_none(const convo_model *model, convo_listening *l) {
    const char *list = model->recipe->none, *item;
    size_t length;
    while (cv_list_next(&list, &item, &length))
        for (int k = 0; k < l->classes; k++)
            if (strlen(model->labels[k]) == length && !memcmp(model->labels[k], item, length)) l->of[k].silent = true;
}

convo_status convo_model_listening(const convo_model *model, convo_listening *listening, convo_error *err) {
    if (!model || !listening) return cv_fail(err, CONVO_ARGUMENT, "", "a model and room for its settings are needed");
    *listening = (convo_listening){0};
    if (model->listening) return cv_listening_copy(model->listening, listening, err);
    CV_TRY(cv_listening_default(model->labels, model->classes, listening, err));
    silence_none(model, listening);
    return CONVO_OK;
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

// --- by name ------------------------------------------------------------------------------------------------------

static const char *const settings[] = {"hop",   "smooth",    "smoothing", "gap",   "gate",
                                       "carry", "threshold", "reset",     "silent"};

static const char *setting_at(const void *context, size_t k) {
    (void)context;
    return k < CV_COUNT(settings) ? settings[k] : NULL;
}

static const char *label_at(const void *context, size_t k) {
    return k < (size_t)INT32_MAX ? convo_model_label(context, (int)k) : NULL;
}

static bool read_number(const char *text, double *number) {
    char *end;
    errno = 0;
    *number = strtod(text, &end);
    return *text && !*end && !errno && isfinite(*number);
}

static bool read_word(const char *text, const char *no, const char *yes, bool *value) {
    *value = strcmp(text, yes) == 0;
    return *value || strcmp(text, no) == 0;
}

// Of the classes first..end.
static bool set_classes(convo_listening *l, int first, int end, const char *name, const char *value) {
    double number = 0;
    bool silent = false;
    const bool word = strcmp(name, "silent") == 0;
    if (!(word ? read_word(value, "false", "true", &silent) : read_number(value, &number))) return false;
    for (int k = first; k < end; k++) {
        if (word)
            l->of[k].silent = silent;
        else if (strcmp(name, "threshold") == 0)
            l->of[k].threshold = number;
        else
            l->of[k].reset = number;
    }
    return true;
}

static bool set_one(convo_listening *l, const char *name, const char *value) {
    double *number = !strcmp(name, "hop")      ? &l->hop
                     : !strcmp(name, "smooth") ? &l->smooth
                     : !strcmp(name, "gap")    ? &l->gap
                     : !strcmp(name, "gate")   ? &l->gate
                                               : NULL;
    bool largest;
    if (number) return read_number(value, number);
    if (!strcmp(name, "carry")) return read_word(value, "false", "true", &l->carry);
    if (!read_word(value, "mean", "max", &largest)) return false;
    l->smoothing = largest ? CONVO_LARGEST : CONVO_MEAN;
    return true;
}

// "threshold.yes": a label may have dots, and a class may be called anything.
static convo_status set_named(convo_listening *l, const convo_model *model, char *name, const char *value,
                              convo_error *err) {
    char *label = strchr(name, '.');
    if (label) *label++ = 0;
    size_t k = 0;
    while (k < CV_COUNT(settings) && strcmp(settings[k], name) != 0) k++;
    if (k == CV_COUNT(settings))
        return cv_fail(err, CONVO_ARGUMENT, name, "is no setting of listening%s",
                       cv_did_you_mean(name, setting_at, NULL).text);
    const bool by_class = k >= CV_COUNT(settings) - 3;
    if (label && !by_class)
        return cv_fail(err, CONVO_ARGUMENT, name, "is the same for all classes: leave '.%s' out", label);
    int first = 0, end = l->classes;
    if (label) {
        while (first < l->classes && strcmp(convo_model_label(model, first), label) != 0) first++;
        end = first + 1;
        if (first == l->classes)
            return cv_fail(err, CONVO_ARGUMENT, label, "is no class of the model%s",
                           cv_did_you_mean(label, label_at, model).text);
    }
    if (by_class ? set_classes(l, first, end, name, value) : set_one(l, name, value))
        return cv_listening_check(l, model->classes, err);
    return cv_fail(err, CONVO_ARGUMENT, name, "cannot be '%s'", value);
}

convo_status convo_listening_set(convo_listening *listening, const convo_model *model, const char *setting,
                                 convo_error *err) {
    if (!listening || !listening->of || !model || listening->classes != model->classes || !setting)
        return cv_fail(err, CONVO_ARGUMENT, "", "settings of a model, the model and a setting are needed");
    convo_listening changed;
    const char *equals = strrchr(setting, '='); // a class may have one in its name
    if (!equals) return cv_fail(err, CONVO_ARGUMENT, setting, "a setting is written NAME=VALUE, such as threshold=0.7");
    char *name = cv_format("%.*s", (int)(equals - setting), setting);
    if (!name) return cv_no_memory(err, "a setting");
    convo_status status = cv_listening_copy(listening, &changed, err);
    if (!status) {
        status = set_named(&changed, model, name, equals + 1, err);
        convo_listening spare = status ? changed : *listening;
        if (!status) *listening = changed;
        convo_listening_free(&spare);
    }
    free(name);
    return status;
}

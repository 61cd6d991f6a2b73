#include "detect/listening.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

void convo_listening_free(convo_listening *listening) {
    if (!listening) return;
    free(listening->of);
    *listening = (convo_listening){0};
}

// "_silence_" as "silence"; "none" is what a data set calls the class of examples without a label
static bool is_no_word(const char *label) {
    static const char *const names[] = {"unknown", "silence", "background", "background_noise", "noise",
                                        "other",   "nothing", "negative",   "none"};
    size_t length = strlen(label);
    for (; length && *label == '_'; label++) length--;
    while (length && label[length - 1] == '_') length--;
    for (size_t k = 0; k < CV_COUNT(names); k++)
        if (strlen(names[k]) == length && strncasecmp(label, names[k], length) == 0) return true;
    return false;
}

convo_status cv_listening_default(char *const *labels, int classes, convo_listening *l, convo_error *err) {
    *l = (convo_listening){.hop = 0.02, .smooth = 0.3, .gap = 1, .classes = classes};
    l->of = cv_alloc((size_t)classes, sizeof *l->of);
    if (!l->of) return cv_no_memory(err, "the settings of listening");
    for (int k = 0; k < classes; k++)
        l->of[k] = (convo_listening_class){.threshold = 0.5, .silent = is_no_word(labels[k])};
    return CONVO_OK;
}

convo_status cv_listening_copy(const convo_listening *from, convo_listening *to, convo_error *err) {
    *to = *from;
    to->of = cv_alloc((size_t)from->classes, sizeof *to->of);
    if (!to->of) return cv_no_memory(err, "the settings of listening");
    memcpy(to->of, from->of, (size_t)from->classes * sizeof *to->of);
    return CONVO_OK;
}

// --- limits -------------------------------------------------------------------------------------------------------

static const struct {
    const char *name, *unit;
    size_t offset;
    double least, most;
} numbers[] = {
    {"hop", " s", offsetof(convo_listening, hop), 0.001, 10},
    {"smooth", " s", offsetof(convo_listening, smooth), 0, 60},
    {"gap", " s", offsetof(convo_listening, gap), 0, 3600},
    {"gate", " dB", offsetof(convo_listening, gate), -200, 0},
};

static double number_at(const convo_listening *l, size_t k) {
    double value;
    memcpy(&value, (const char *)l + numbers[k].offset, sizeof value);
    return value;
}

convo_status cv_listening_check(const convo_listening *l, int classes, convo_error *err) {
    static const char where[] = "listening";
    if (l->classes != classes || !l->of)
        return cv_fail(err, CONVO_ARGUMENT, where, "are settings for %d classes, and the model has %d",
                       l->of ? l->classes : 0, classes);
    for (size_t k = 0; k < CV_COUNT(numbers); k++) {
        const double value = number_at(l, k);
        if (!(value >= numbers[k].least && value <= numbers[k].most))
            return cv_fail(err, CONVO_ARGUMENT, where, "%s must be from %g to %g%s, not %g", numbers[k].name,
                           numbers[k].least, numbers[k].most, numbers[k].unit, value);
    }
    if (l->smoothing != CONVO_MEAN && l->smoothing != CONVO_LARGEST)
        return cv_fail(err, CONVO_ARGUMENT, where, "smoothing takes the mean or the largest probability");
    for (int k = 0; k < classes; k++) {
        const convo_listening_class *c = &l->of[k];
        if (!(c->threshold > 0 && c->threshold <= 1) || !(c->reset >= 0 && c->reset <= c->threshold))
            return cv_fail(err, CONVO_ARGUMENT, where,
                           "class %d needs a threshold above 0 and up to 1, and a reset level from 0 to the threshold, "
                           "not %g and %g",
                           k, c->threshold, c->reset);
    }
    return CONVO_OK;
}

// --- text ---------------------------------------------------------------------------------------------------------

char *cv_listening_text(const convo_listening *l) {
    json_t *json = json_object(), *threshold = json_array(), *reset = json_array(), *silent = json_array();
    for (size_t k = 0; k < CV_COUNT(numbers); k++)
        json_object_set_new(json, numbers[k].name, json_real(number_at(l, k)));
    json_object_set_new(json, "smoothing", json_string(l->smoothing == CONVO_LARGEST ? "max" : "mean"));
    json_object_set_new(json, "carry", json_boolean(l->carry));
    for (int k = 0; k < l->classes; k++) {
        json_array_append_new(threshold, json_real(l->of[k].threshold));
        json_array_append_new(reset, json_real(l->of[k].reset));
        json_array_append_new(silent, json_boolean(l->of[k].silent));
    }
    bool good = !json_object_set_new(json, "threshold", threshold);
    good = !json_object_set_new(json, "reset", reset) && good;
    good = !json_object_set_new(json, "silent", silent) && good;
    good = good && json_array_size(threshold) == (size_t)l->classes && json_array_size(reset) == (size_t)l->classes &&
           json_array_size(silent) == (size_t)l->classes && json_object_size(json) == CV_COUNT(numbers) + 5;
    char *text = good ? cv_json_text(json, JSON_COMPACT | JSON_REAL_PRECISION(9)) : NULL;
    json_decref(json);
    return text;
}

static bool read_json(const json_t *json, int classes, convo_listening *l) {
    const json_t *threshold = json_object_get(json, "threshold"), *reset = json_object_get(json, "reset"),
                 *silent = json_object_get(json, "silent");
    const char *smoothing = json_string_value(json_object_get(json, "smoothing"));
    const size_t count = (size_t)classes;
    for (size_t k = 0; k < CV_COUNT(numbers); k++) {
        const json_t *number = json_object_get(json, numbers[k].name);
        const double value = json_number_value(number);
        if (!json_is_number(number)) return false;
        memcpy((char *)l + numbers[k].offset, &value, sizeof value);
    }
    if (json_array_size(threshold) != count || json_array_size(reset) != count || json_array_size(silent) != count ||
        !smoothing || (strcmp(smoothing, "mean") != 0 && strcmp(smoothing, "max") != 0))
        return false;
    l->smoothing = strcmp(smoothing, "max") == 0 ? CONVO_LARGEST : CONVO_MEAN;
    l->carry = json_is_true(json_object_get(json, "carry"));
    for (size_t k = 0; k < count; k++) {
        const json_t *t = json_array_get(threshold, k), *r = json_array_get(reset, k), *s = json_array_get(silent, k);
        if (!json_is_number(t) || !json_is_number(r) || !json_is_boolean(s)) return false;
        l->of[k] = (convo_listening_class){json_number_value(t), json_number_value(r), json_is_true(s)};
    }
    return true;
}

convo_status cv_listening_read(const char *text, const char *path, int classes, convo_listening *l, convo_error *err) {
    json_t *json = cv_json_of(text);
    convo_error why = {.message =
                           "does not have all of hop, smooth, smoothing, gap, gate, threshold, reset and silent"};
    *l = (convo_listening){.classes = classes, .of = cv_alloc((size_t)classes, sizeof *l->of)};
    convo_status status = l->of ? CONVO_OK : cv_no_memory(err, "the settings of listening");
    if (!status && (!read_json(json, classes, l) || cv_listening_check(l, classes, &why)))
        status = cv_fail(err, CONVO_FORMAT, path, "convo.listening in the metadata: %s", why.message);
    json_decref(json);
    if (status) convo_listening_free(l);
    return status;
}

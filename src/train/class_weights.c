// How much the examples of each class count in training: torch.nn.CrossEntropyLoss(weight=...).
#include "train/train.h"

#include <stdlib.h>
#include <string.h>

static const char place[] = "train.class_weights";

// How many of the examples are of each class, or have each output true.
static void count_classes(int classes, const cv_source *source, const int32_t *rows, size_t count, size_t *of_class) {
    for (size_t i = 0; i < count; i++) {
        const size_t label = (size_t)source->label[rows[i]];
        if (!source->truth) of_class[label]++;
        for (size_t k = 0; source->truth && k < (size_t)classes; k++)
            of_class[k] += source->truth[label * (size_t)classes + k];
    }
}

// examples / (classes that occur * examples of the class), as sklearn.utils.class_weight.compute_class_weight, or the
// quotient of examples without and with the class. 1 for a class that does not occur.
static convo_status balance_classes(int classes, bool by_output, const cv_source *source, const int32_t *rows,
                                    size_t count, float *weight, convo_error *err) {
    size_t *of_class = cv_alloc((size_t)classes, sizeof *of_class), present = 0;
    if (!of_class) return cv_no_memory(err, "class weights");
    count_classes(classes, source, rows, count, of_class);
    for (int k = 0; k < classes; k++) present += of_class[k] > 0;
    for (int k = 0; k < classes; k++) {
        const double n = (double)count, of = (double)of_class[k];
        weight[k] = !of_class[k] ? 1 : (float)(by_output ? (n - of) / of : n / ((double)present * of));
    }
    free(of_class);
    return CONVO_OK;
}

static convo_status read_weight(const char *text, float *weight, convo_error *err) {
    static const cv_option number = {.name = "weight", .type = CV_FLOAT, CV_RANGE(0, 1e6)};
    char why[256];
    double value;
    if (!cv_option_set(&number, &value, text, why, sizeof why))
        return cv_fail(err, CONVO_ARGUMENT, place, "a weight must be %s", why);
    *weight = (float)value;
    return CONVO_OK;
}

// "0.5", the weight of class `number`, or "label=0.5".
static convo_status read_item(char *item, int number, char *const *labels, int classes, float *weight,
                              convo_error *err) {
    char *equals = strrchr(item, '=');
    int k = number;
    if (equals) {
        *equals = 0;
        for (k = 0; k < classes && strcmp(labels[k], item) != 0;) k++;
    }
    if (equals && k == classes)
        return cv_fail(err, CONVO_ARGUMENT, place, "the data set has no class '%s'; its first is '%s'", item,
                       labels[0]);
    if (k >= classes)
        return cv_fail(err, CONVO_ARGUMENT, place, "more weights are given than the data set has classes, %d", classes);
    return read_weight(equals ? equals + 1 : item, &weight[k], err);
}

static convo_status read_list(const char *list, char *const *labels, int classes, float *weight, convo_error *err) {
    const char *rest = list, *text;
    size_t length;
    int items = 0, named = 0;
    for (int k = 0; k < classes; k++) weight[k] = 1;
    for (convo_status status; cv_list_next(&rest, &text, &length); items++) {
        char *item = cv_format("%.*s", (int)length, text);
        if (!item) return cv_no_memory(err, "class weights");
        named += strchr(item, '=') != NULL;
        status = read_item(item, items, labels, classes, weight, err);
        free(item);
        if (status) return status;
    }
    if (named == items || (named == 0 && items == classes)) return CONVO_OK;
    return cv_fail(err, CONVO_ARGUMENT, place,
                   named ? "mixes weights with and without a class"
                         : "%d weights are given, the data set has %d classes",
                   items, classes);
}

convo_status cv_class_weights(const char *list, char *const *labels, int classes, bool by_output,
                              const cv_source *source, const int32_t *rows, size_t count, float **weight,
                              convo_error *err) {
    *weight = NULL;
    if (!*list) return CONVO_OK;
    float *made = cv_alloc((size_t)classes, sizeof *made), sum = 0;
    if (!made) return cv_no_memory(err, "class weights");
    convo_status status = strcmp(list, "balanced\n")
                              ? read_list(list, labels, classes, made, err)
                              : balance_classes(classes, by_output, source, rows, count, made, err);
    for (int k = 0; k < classes; k++) sum += made[k];
    if (!status && sum == 0) status = cv_fail(err, CONVO_ARGUMENT, place, "all weights are 0: nothing would be learnt");
    if (status)
        free(made);
    else
        *weight = made;
    return status;
}

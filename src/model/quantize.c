// Which numbers the values of a net are between, for its form of 8-bit numbers: measured on training examples, and of
// several ways to cut outliers off, the one whose probabilities are nearest to those in floats on validation examples.
#include "model/on_device.h"
#include "model/ranges.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { EXAMPLES = 256, BINS = 2048 };

// Shares of the numbers of a value that are cut off at each end.
static const double cuts[] = {0, 1e-6, 1e-5, 1e-4, 1e-3};

typedef struct watcher {
    const cv_program *program;
    void *memory;
    float *features;
    cv_range *range;   // [values]
    uint32_t *counted; // [values][BINS] of range, once it is known; NULL: it is measured
} watcher;

static void watch(void *user, int value, const float *numbers, size_t count) {
    watcher *w = user;
    cv_range *r = &w->range[value];
    const double width = (double)r->high - (double)r->low;
    uint32_t *bins = w->counted ? w->counted + (size_t)value * BINS : NULL;
    for (size_t i = 0; i < count; i++) {
        const float v = numbers[i];
        if (!isfinite(v)) continue;
        if (bins) {
            if (width > 0) bins[(size_t)fmin(BINS - 1, ((double)v - (double)r->low) / width * BINS)]++;
            continue;
        }
        r->low = fminf(r->low, v);
        r->high = fmaxf(r->high, v);
    }
}

// Number k of n examples spread over a part.
static int32_t row_of(const cv_material *m, int part, size_t k, size_t n) {
    return m->split.index[part][k * m->split.count[part] / n];
}
static size_t examples_of(const cv_material *m, int part) {
    return m->split.count[part] < EXAMPLES ? m->split.count[part] : EXAMPLES;
}

static void watch_all(const cv_material *m, watcher *w) {
    const size_t n = examples_of(m, CONVO_TRAIN), size = (size_t)cv_shape_size(w->program->input);
    for (size_t k = 0; k < n; k++) {
        const int32_t row = row_of(m, CONVO_TRAIN, k, n);
        if (cv_material_lacks(m, (size_t)row)) continue;
        const cv_device_input input = {.features = cv_values_row(&m->values, (size_t)row, size, w->features)};
        cv_program_watch(w->program, &input, w->memory, watch, w);
    }
}

// The range without the share `cut` of the numbers at each end.
static cv_range cut_range(const watcher *w, int value, double cut) {
    const cv_range r = w->range[value];
    const uint32_t *bins = w->counted + (size_t)value * BINS;
    const double step = ((double)r.high - (double)r.low) / BINS;
    double all = 0, below = 0, above = 0;
    int first = 0, end = BINS;
    for (int b = 0; b < BINS; b++) all += bins[b];
    while (first < end - 1 && below + bins[first] <= cut * all) below += bins[first++];
    while (end > first + 1 && above + bins[end - 1] <= cut * all) above += bins[--end];
    return (cv_range){(float)((double)r.low + first * step), (float)((double)r.low + end * step), r.floats};
}

// How far the probabilities of a program are from those in floats, [examples][classes]: Kullback and Leibler's measure.
static double distance(const cv_program *p, const cv_material *m, int part, const float *expected, float *features,
                       void *memory, float *probability) {
    const size_t n = examples_of(m, part), size = (size_t)cv_shape_size(p->input);
    double sum = 0;
    for (size_t k = 0; k < n; k++) {
        const int32_t row = row_of(m, part, k, n);
        if (cv_material_lacks(m, (size_t)row)) continue;
        const cv_device_input input = {.features = cv_values_row(&m->values, (size_t)row, size, features)};
        cv_program_run(p, &input, memory, NULL, probability);
        for (int c = 0; c < p->classes; c++) {
            const double a = (double)expected[(int64_t)k * p->classes + c], b = (double)probability[c];
            if (a > 0) sum += a * log(a / fmax(b, 1e-9));
        }
    }
    return sum;
}

static void expect(const cv_program *p, const cv_material *m, int part, float *expected, float *features,
                   void *memory) {
    const size_t n = examples_of(m, part), size = (size_t)cv_shape_size(p->input);
    for (size_t k = 0; k < n; k++) {
        const int32_t row = row_of(m, part, k, n);
        if (cv_material_lacks(m, (size_t)row)) continue;
        const cv_device_input input = {.features = cv_values_row(&m->values, (size_t)row, size, features)};
        cv_program_run(p, &input, memory, NULL, expected + (int64_t)k * p->classes);
    }
}

// Tries every cut; keeps the ranges of the best one in w->range.
static convo_status choose_cut(const cv_material *m, watcher *w, convo_error *err) {
    const cv_program *p = w->program;
    const int part = m->split.count[CONVO_VALIDATION] ? CONVO_VALIDATION : CONVO_TRAIN;
    const size_t values = (size_t)p->values, classes = (size_t)p->classes;
    float *expected = cv_alloc((EXAMPLES + 1) * classes, sizeof *expected);
    cv_range *tried = cv_alloc(2 * values, sizeof *tried), *best = tried ? tried + values : NULL;
    convo_status status = expected && tried ? CONVO_OK : cv_no_memory(err, "ranges of 8-bit numbers");
    double least = INFINITY;
    if (!status) expect(p, m, part, expected, w->features, w->memory);
    for (size_t k = 0; !status && k < CV_COUNT(cuts); k++) {
        cv_program *quantized;
        for (int v = 0; v < p->values; v++) tried[v] = cut_range(w, v, cuts[k]);
        status = cv_program_quantize(p, tried, &quantized, err);
        if (status) break;
        void *memory = cv_alloc(quantized->memory, 1);
        if (memory) {
            const double found =
                distance(quantized, m, part, expected, w->features, memory, expected + EXAMPLES * classes);
            if (found < least) memcpy(best, tried, values * sizeof *tried);
            least = fmin(least, found);
        }
        if (!memory) status = cv_no_memory(err, "the memory of a device");
        free(memory);
        cv_program_free(quantized);
    }
    if (!status && !(least < INFINITY))
        status = cv_fail(err, CONVO_NUMERIC, m->dataset->folder, "the probabilities of these examples are not finite");
    if (!status) memcpy(w->range, best, values * sizeof *best);
    free(expected);
    free(tried);
    return status;
}

convo_status cv_ranges_measure(const cv_program *p, const cv_material *m, cv_range *range, convo_error *err) {
    watcher w = {.program = p, .range = range};
    if (!m->split.count[CONVO_TRAIN])
        return cv_fail(err, CONVO_ARGUMENT, m->dataset->folder, "the training part is empty");
    uint32_t *counted = cv_alloc((size_t)p->values * BINS, sizeof *counted);
    convo_status status = CONVO_OK;
    w.memory = cv_alloc(p->memory, 1);
    w.features = cv_alloc((size_t)cv_shape_size(p->input), sizeof *w.features);
    if (!counted || !w.memory || !w.features) {
        status = cv_no_memory(err, "ranges of 8-bit numbers");
    } else {
        watch_all(m, &w);
        w.counted = counted;
        watch_all(m, &w);
        status = choose_cut(m, &w, err);
    }
    free(counted);
    free(w.memory);
    free(w.features);
    return status;
}

static convo_status measure_on_data(const convo_model *model, const convo_train_options *options, const cv_program *p,
                                    cv_range *range, convo_error *err) {
    cv_material m = {0};
    convo_status status = cv_material_load(model->recipe, options, CONVO_TRAIN, &m, err);
    if (!status) cv_material_note(model->recipe, options, &m);
    if (!status) status = cv_ranges_measure(p, &m, range, err);
    cv_material_free(&m);
    return status;
}

// The ranges that the model has, or measured ones, and what stays in floats; *text: the same, NULL: as it was.
static convo_status find_ranges(const convo_model *model, const convo_train_options *options, const cv_program *p,
                                cv_range *range, char **text, convo_error *err) {
    const char *floats = options ? options->in_floats : NULL;
    convo_status status = CONVO_OK;
    *text = NULL;
    if (model->ranges) {
        status = cv_ranges_read(model->ranges, model->recipe->file, model->net, p, floats, range, err);
        if (status || !floats) return status;
    } else {
        if (floats) status = cv_program_keep_floats(p, floats, range, err);
        if (!status) status = measure_on_data(model, options, p, range, err);
    }
    return status ? status : cv_ranges_write(model->net, p, range, floats, text, err);
}

convo_status convo_model_quantize(convo_model *model, const convo_train_options *options, convo_error *err) {
    cv_program *p = NULL;
    char *text = NULL;
    if (!model) return cv_fail(err, CONVO_ARGUMENT, "", "a model is needed");
    const cv_model_parts parts = cv_model_parts_of(model);
    const cv_ship ship = cv_ship_of(&parts);
    CV_TRY(cv_program_new(&ship, &p, err));
    cv_range *range = cv_alloc((size_t)p->values, sizeof *range);
    const convo_status status =
        range ? find_ranges(model, options, p, range, &text, err) : cv_no_memory(err, "ranges of 8-bit numbers");
    cv_program_free(p);
    if (status) {
        free(range);
        return status;
    }
    if (text) {
        free(model->ranges);
        model->ranges = text;
    }
    free(model->range);
    model->range = range;
    return CONVO_OK;
}

convo_status convo_model_in_floats(const convo_model *model, char **layers, convo_error *err) {
    if (!model || !layers) return cv_fail(err, CONVO_ARGUMENT, "", "a model and room for its layers are needed");
    *layers = NULL;
    return model->ranges ? cv_ranges_floats(model->ranges, layers, err) : CONVO_OK;
}

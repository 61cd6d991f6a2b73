#include "model/material.h"

#include "base/cpu.h"
#include "base/ranks.h"
#include "model/cache.h"
#include "data/own.h"
#include "data/reading.h"
#include "data/several.h"
#include "model/anew.h"
#include "model/data_folder.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static const char *isa_names(const void *context, size_t k) {
    (void)context;
    return cv_isa_name(k);
}

static convo_status open_dataset(const convo_recipe *recipe, const convo_train_options *options, cv_dataset **dataset,
                                 convo_error *err) {
    char *folder;
    if (options->dataset && recipe->data != &cv_data_arrays)
        return cv_fail(err, CONVO_ARGUMENT, recipe->file,
                       "a program's own examples are for recipes with 'data: {set: arrays}'");
    convo_status status = CONVO_OK;
    if (options->dataset) {
        status = cv_dataset_of_own(options->dataset, dataset, err);
    } else {
        status = cv_data_folder(recipe, options, &folder, err);
        if (!status) status = cv_dataset_open(recipe->data, folder, recipe->data_config, dataset, err);
        free(folder);
    }
    if (!status && recipe->none[0] && (status = cv_several_none(*dataset, recipe->none, err))) {
        cv_dataset_free(*dataset);
        *dataset = NULL;
    }
    return status;
}

static const convo_train_options no_options;

convo_status convo_recipe_groups(const convo_recipe *recipe, const convo_train_options *options, char ***groups,
                                 int *count, convo_error *err) {
    cv_dataset *dataset;
    if (!recipe || !groups || !count)
        return cv_fail(err, CONVO_ARGUMENT, "", "a recipe and room for the groups are needed");
    *groups = NULL;
    *count = 0;
    if (!recipe->data) return cv_fail(err, CONVO_ARGUMENT, recipe->file, "the recipe has no 'data' block");
    const convo_status status = open_dataset(recipe, options ? options : &no_options, &dataset, err);
    if (status) return status;
    *groups = dataset->groups; // handed over
    *count = dataset->group_count;
    dataset->groups = NULL;
    dataset->group_count = 0;
    cv_dataset_free(dataset);
    return CONVO_OK;
}

convo_status convo_recipe_measure(const convo_recipe *recipe, const convo_train_options *options,
                                  convo_recipe **measured, convo_error *err) {
    cv_dataset *dataset;
    if (!recipe || !measured) return cv_fail(err, CONVO_ARGUMENT, "", "a recipe and room for another are needed");
    *measured = NULL;
    if (recipe->input.dims) return CONVO_OK;
    convo_status status = open_dataset(recipe, options ? options : &no_options, &dataset, err);
    if (status) return status;
    status = cv_recipe_with_input(recipe, dataset->shape, measured, err);
    cv_dataset_free(dataset);
    return status;
}

// Sizes in row-major order, those of 1 apart, are the same: nothing needs to be moved.
static bool same_layout(cv_shape a, cv_shape b) {
    const int64_t x[] = {a.c, a.h, a.w}, y[] = {b.c, b.h, b.w};
    size_t i = 0, j = 0;
    for (;; i++, j++) {
        while (i < CV_COUNT(x) && x[i] == 1) i++;
        while (j < CV_COUNT(y) && y[j] == 1) j++;
        if (i == CV_COUNT(x) || j == CV_COUNT(y)) return i == CV_COUNT(x) && j == CV_COUNT(y);
        if (x[i] != y[j]) return false;
    }
}

static convo_status find_shape(const convo_recipe *recipe, cv_material *m, convo_error *err) {
    convo_status status = CONVO_OK;
    if (recipe->feature) status = cv_front_new(recipe->feature, recipe->feature_config, recipe->rate, &m->front, err);
    if (status) return status;
    const cv_shape input = recipe->input, shape = m->front ? cv_front_shape(m->front) : m->dataset->shape;
    m->shape = shape;
    if (!input.dims || same_layout(shape, input)) return CONVO_OK;
    return cv_fail(err, CONVO_SHAPE, m->dataset->folder,
                   "its examples are %" PRId64 " x %" PRId64 " x %" PRId64 ", the recipe's net reads %" PRId64
                   " x %" PRId64 " x %" PRId64 " (channels, rows, columns)",
                   shape.c, shape.h, shape.w, input.c, input.h, input.w);
}

// What a store's callbacks need.
typedef struct making {
    cv_reading reading;
    const convo_train_options *options;
    int64_t total;
} making;

static convo_status fill_features(void *context, size_t task, cv_store_writer *writer, convo_error *err) {
    return cv_read_features(&((making *)context)->reading, task, writer, err);
}

static convo_status fill_samples(void *context, size_t task, cv_store_writer *writer, convo_error *err) {
    return cv_read_samples(&((making *)context)->reading, task, writer, err);
}

static convo_status fill_versions(void *context, size_t task, cv_store_writer *writer, convo_error *err) {
    return cv_read_versions(&((making *)context)->reading, task, writer, err);
}

static bool may_skip(void *context, size_t task, const convo_error *reason) {
    const making *m = context;
    (void)task;
    return m->options->skip_unreadable && reason->code != CONVO_MEMORY;
}

static void tell_progress(void *context, size_t done) {
    const making *m = context;
    if (m->options->reading) m->options->reading((int64_t)done, m->total, m->options->user);
}

// seconds: on the clock, since the store was asked for
static void note_reading(const cv_reading *r, double seconds, cv_material *m) {
    const int64_t examples = (int64_t)atomic_load(&r->examples);
    if (!examples) return;
    m->reading.examples += examples;
    m->reading.seconds += seconds;
    m->reading.decoding += 1e-9 * (double)atomic_load(&r->decoding);
    m->reading.computing += 1e-9 * (double)atomic_load(&r->computing);
    m->reading.threads = cv_pool_size(m->pool);
}

// Makes the store of a plan, or finds it in the cache.
static convo_status make_store(const convo_recipe *recipe, const convo_train_options *options, cv_material *m,
                               cv_cache_what what, cv_store_plan *plan, cv_store **store, convo_error *err) {
    cv_cache_key key;
    char about[CV_STORE_ABOUT];
    making *context = plan->context;
    context->options = options;
    context->total = (int64_t)plan->tasks;
    plan->progress = tell_progress;
    plan->about = about;
    if (what == CV_CACHE_SAMPLES)
        cv_print(about, sizeof about, "samples, ");
    else
        cv_print(about, sizeof about, "%s, %" PRId64 " x %" PRId64 " x %" PRId64 ", ",
                 recipe->feature ? recipe->feature->name : "pictures", m->shape.c, m->shape.h, m->shape.w);
    cv_append(about, sizeof about, "%zu examples of %s", plan->rows, m->dataset->folder);
    const bool keyed = options->cache &&
                       cv_cache_key_of(recipe, m->dataset, m->front, what, options->skip_unreadable, &m->split, &key);
    const double began = cv_now();
    const convo_status status = cv_cache_make(options->cache, keyed ? &key : NULL, plan, m->pool, store, err);
    note_reading(&context->reading, cv_now() - began, m);
    return status;
}

// Appends the rows of a plan to the material's.
static convo_status append_rows(const convo_recipe *recipe, const convo_train_options *options, cv_material *m,
                                cv_cache_what what, cv_store_plan *plan, convo_error *err) {
    const size_t had = m->store[0] ? m->rows : 0;
    cv_store **store = &m->store[m->store[0] != NULL];
    const convo_status status = make_store(recipe, options, m, what, plan, store, err);
    if (status) return status;
    cv_row *rows = cv_alloc(had + plan->rows, sizeof *rows);
    if (!rows) return cv_no_memory(err, "the table of examples");
    if (had) memcpy(rows, m->values.row, had * sizeof *rows);
    memcpy(rows + had, cv_store_rows(*store), plan->rows * sizeof *rows);
    free(m->values.row);
    m->values.row = rows;
    return CONVO_OK;
}

// The features of every example: handed over where they are in memory, else from the cache, or computed and put there.
static convo_status read_values(const convo_recipe *recipe, const convo_train_options *options, cv_material *m,
                                convo_error *err) {
    if (cv_values_any(&m->dataset->values)) {
        m->values = m->dataset->values;
        m->dataset->values = (cv_values){0};
        return CONVO_OK;
    }
    making context = {
        .reading = {.dataset = m->dataset, .kind = recipe->data, .config = recipe->data_config, .front = m->front}};
    cv_store_plan plan = {
        .rows = m->rows, .tasks = m->rows, .fill = fill_features, .context = &context, .skip = may_skip};
    return append_rows(recipe, options, m, CV_CACHE_FEATURES, &plan, err);
}

bool cv_material_lacks(const cv_material *m, size_t example) {
    return m->values.row && m->values.row[example].type == CV_ROW_MISSING;
}

// Notes the examples that could not be read, and takes them out of the split.
static convo_status leave_out_unreadable(cv_material *m, convo_error *err) {
    convo_status status = CONVO_OK;
    for (size_t i = 0; i < m->dataset->count && !status; i++)
        if (cv_material_lacks(m, i))
            status = cv_findings_add(&m->dataset->found, CV_FOUND_LEFT_OUT, m->dataset->example[i].path, err);
    if (!m->dataset->found.of[CV_FOUND_LEFT_OUT].count) return status;
    for (int part = 0; part < 3; part++) {
        size_t kept = 0;
        int32_t *index = m->split.index[part];
        for (size_t i = 0; i < m->split.count[part]; i++)
            if (!cv_material_lacks(m, (size_t)index[i])) index[kept++] = index[i];
        m->split.count[part] = kept;
    }
    return status;
}

// Notes the recordings whose ends the front end cuts off. Of those in a long recording that is cut in windows, none is.
static convo_status note_long(cv_material *m, convo_error *err) {
    convo_status status = CONVO_OK;
    for (size_t i = 0; m->front && m->values.row && i < m->dataset->count && !status; i++)
        if (m->values.row[i].length > (uint64_t)cv_front_samples(m->front))
            status = cv_findings_add(&m->dataset->found, CV_FOUND_LONG, m->dataset->example[i].path, err);
    return status;
}

static void set_source(cv_material *m) {
    m->source =
        (cv_source){.values = &m->values, .size = (size_t)cv_shape_size(m->shape), .label = m->label, .context = m};
    m->source.truth = m->dataset->truth;
    for (int k = 0; k < 2; k++) m->source.large = m->source.large || (m->store[k] && cv_store_is_large(m->store[k]));
    if (m->source.large) m->source.make = cv_anew_make;
}

convo_status cv_material_open(const convo_recipe *recipe, const convo_train_options *options, convo_part part,
                              cv_material *m, convo_error *err) {
    if (!options) options = &no_options;
    *m = (cv_material){.isa = cv_isa_find(options->isa)};
    if (!m->isa)
        return cv_fail(err, CONVO_ARGUMENT, "", "no instruction set is called '%s'%s", options->isa,
                       cv_did_you_mean(options->isa, isa_names, NULL).text);
    if (!recipe->data)
        return cv_fail(err, CONVO_ARGUMENT, recipe->file,
                       "the recipe has no 'data' block, so there is nothing to train on or evaluate");
    convo_status status =
        cv_pool_new(&m->pool, options->threads ? options->threads : convo_ranks_threads(options->ranks), err);
    if (!status) status = open_dataset(recipe, options, &m->dataset, err);
    if (!status && part != CONVO_ALL)
        status = (part == CONVO_TRAIN ? cv_split_make : cv_split_deal)(&recipe->split, m->dataset,
                                                                       (uint64_t)recipe->train.seed, &m->split, err);
    if (!status) status = find_shape(recipe, m, err);
    if (status) cv_material_free(m);
    return status;
}

convo_status cv_material_load(const convo_recipe *recipe, const convo_train_options *options, convo_part part,
                              cv_material *m, convo_error *err) {
    if (!options) options = &no_options;
    convo_status status = cv_material_open(recipe, options, part, m, err);
    if (status) return status;
    m->rows = m->dataset->count;
    status = read_values(recipe, options, m, err);
    if (!status && !(m->label = cv_alloc(m->rows, sizeof *m->label))) status = cv_no_memory(err, "labels");
    for (size_t i = 0; !status && i < m->rows; i++) m->label[i] = m->dataset->example[i].label;
    if (!status) status = leave_out_unreadable(m, err);
    if (!status) status = note_long(m, err);
    if (!status) set_source(m);
    if (status) cv_material_free(m);
    return status;
}

void cv_material_note(const convo_recipe *recipe, const convo_train_options *options, const cv_material *m) {
    const size_t then = recipe->noted_examples, now = m->dataset->count;
    const bool random = recipe->split.by != CV_BY_OFFICIAL && recipe->split.by != CV_BY_LIST;
    const bool held_out = m->split.count[CONVO_VALIDATION] || m->split.count[CONVO_TEST];
    if (!options || !options->note || options->data || !then || now == then || !random || !held_out) return;
    char text[256];
    cv_print(text, sizeof text,
             "the data set had %zu examples when the model was trained, and has %zu now: the parts of its split may be "
             "others, and examples that are held out may be those of training",
             then, now);
    options->note(text, options->user);
}

void cv_material_free(cv_material *m) {
    cv_split_free(&m->split);
    cv_dataset_free(m->dataset);
    cv_front_free(m->front);
    cv_pool_free(m->pool);
    cv_changes_free(m->changes);
    cv_store_free(m->samples);
    cv_values_free(&m->values);
    cv_normal_free(&m->normal);
    for (int k = 0; k < 2; k++) cv_store_free(m->store[k]);
    free(m->label);
    *m = (cv_material){0};
}

// --- augmentation -----------------------------------------------------------------------------------------------

// Puts rows of `copies` versions of each training example into the training part, behind its examples: row after row
// for the first example, then for the second, ...
static convo_status add_versions(cv_material *m, size_t copies, convo_error *err) {
    const size_t trained = m->split.count[CONVO_TRAIN];
    int32_t **index = &m->split.index[CONVO_TRAIN];
    size_t added, room_labels = 0, room_index = 0;
    if (!cv_mul(trained, copies, &added) || added > INT32_MAX - m->rows)
        return cv_fail(err, CONVO_LIMIT, "augment.copies", "makes more than the %d examples that are accepted",
                       INT32_MAX);
    if (!cv_grow(&m->label, &room_labels, m->rows + added, sizeof *m->label) ||
        !cv_grow(index, &room_index, trained + added, sizeof **index))
        return cv_no_memory(err, "changed versions of the recordings");
    for (size_t k = 0; k < added; k++) {
        m->label[m->rows + k] = m->label[(*index)[k / copies]];
        (*index)[trained + k] = (int32_t)(m->rows + k);
    }
    m->rows += added;
    m->split.count[CONVO_TRAIN] += added;
    return CONVO_OK;
}

static convo_status make_versions(const convo_recipe *recipe, const convo_train_options *options, cv_material *m,
                                  convo_error *err) {
    const size_t copies = (size_t)recipe->augment.copies, trained = m->split.count[CONVO_TRAIN];
    making context = {.reading = {.dataset = m->dataset,
                                  .front = m->front,
                                  .augment = &recipe->augment,
                                  .seed = (uint64_t)recipe->train.seed,
                                  .index = m->split.index[CONVO_TRAIN]}};
    cv_store_plan plan = {.tasks = trained, .fill = fill_versions, .context = &context};
    if (!cv_mul(trained, copies, &plan.rows)) return cv_no_memory(err, "changed versions of the recordings");
    convo_status status = append_rows(recipe, options, m, CV_CACHE_VERSIONS, &plan, err);
    if (!status) status = add_versions(m, copies, err);
    if (!status) set_source(m);
    return status;
}

// Recordings that are changed are kept as samples.
static convo_status prepare_changes(const convo_recipe *recipe, const convo_train_options *options, cv_material *m,
                                    convo_error *err) {
    cv_change_setup setup = {.folder = m->dataset->folder};
    if (m->front) setup.rate = cv_front_rate(m->front), setup.window = cv_front_samples(m->front);
    convo_status status = cv_changes_new(&recipe->changes, &setup, &m->changes, err);
    if (!status && cv_changes_any(m->changes, CV_CHANGE_SOUND)) {
        making context = {.reading = {.dataset = m->dataset, .front = m->front}};
        cv_store_plan plan = {
            .rows = m->rows, .tasks = m->rows, .fill = fill_samples, .context = &context, .skip = may_skip};
        status = make_store(recipe, options, m, CV_CACHE_SAMPLES, &plan, &m->samples, err);
    }
    m->seed = (uint64_t)recipe->train.seed;
    m->source.make = cv_anew_make;
    if (cv_changes_any(m->changes, CV_CHANGE_MIX)) m->source.mix = cv_anew_mix;
    return status;
}

convo_status cv_material_augment(const convo_recipe *recipe, const convo_train_options *options, cv_material *m,
                                 convo_error *err) {
    if (!options) options = &no_options;
    if (m->split.count[CONVO_TRAIN] == 0) return CONVO_OK;
    if (recipe->augment.copies) return make_versions(recipe, options, m, err);
    return recipe->changes.count ? prepare_changes(recipe, options, m, err) : CONVO_OK;
}

// --- normalisation ----------------------------------------------------------------------------------------------

typedef struct sums {
    double *sum, *squares, *mean; // [pairs]
    float *scratch;
} sums;

// The mean of each channel, then the squared distances from it.
static void add_up(const cv_material *m, size_t size, double count, sums *s) {
    for (int pass = 0; pass < 2; pass++) {
        for (size_t k = 0; pass && k < cv_normal_count(&m->normal); k++) s->mean[k] = s->sum[k] / count;
        for (size_t k = 0; k < m->split.count[CONVO_TRAIN]; k++) {
            const float *x = cv_values_row(&m->values, (size_t)m->split.index[CONVO_TRAIN][k], size, s->scratch);
            for (size_t first = 0, pair, step, run; first < size; first += run) {
                run = cv_normal_run(&m->normal, first, &pair, &step);
                for (size_t i = first; i < first + run; i++, pair += step) {
                    const double d = (double)x[i] - s->mean[pair];
                    if (pass == 0)
                        s->sum[pair] += (double)x[i];
                    else
                        s->squares[pair] += d * d;
                }
            }
        }
    }
}

// A channel that never varies is only centred: pixels at the border of digits, a filter above the band of the
// recordings.
static convo_status measure(const convo_recipe *recipe, cv_material *m, convo_error *err) {
    const size_t size = (size_t)cv_shape_size(m->shape), pairs = cv_normal_count(&m->normal);
    const double count = (double)(m->split.count[CONVO_TRAIN] * size) / (double)pairs;
    sums s = {.sum = cv_alloc(3 * pairs, sizeof *s.sum), .scratch = cv_alloc(size, sizeof *s.scratch)};
    bool varies = false, finite = true;
    if (s.sum && s.scratch) {
        s.squares = s.sum + pairs;
        s.mean = s.squares + pairs;
        add_up(m, size, count, &s);
        for (size_t k = 0; k < pairs; k++) {
            const float std = (float)sqrt(s.squares[k] / count);
            m->normal.mean[k] = (float)s.mean[k];
            m->normal.std[k] = std > 0 ? std : 1;
            varies = varies || std > 0;
            finite = finite && isfinite(std);
        }
    }
    const bool had_memory = s.sum && s.scratch;
    free(s.sum);
    free(s.scratch);
    if (!had_memory) return cv_no_memory(err, "the mean of the features");
    if (varies && finite) return CONVO_OK;
    return cv_fail(err, CONVO_NUMERIC, recipe->file,
                   "the features of the training part are all %g: they cannot be normalised", (double)*m->normal.mean);
}

convo_status cv_material_measure(const convo_recipe *recipe, cv_material *m, convo_error *err) {
    CV_TRY(cv_recipe_normal(recipe, m->shape, &m->normal, err));
    if (recipe->normalize == CV_NORMALIZE_NONE || m->split.count[CONVO_TRAIN] == 0) return CONVO_OK;
    cv_normal_free(&m->normal);
    if (!cv_recipe_normal_new(recipe, m->shape, recipe->normalize == CV_NORMALIZE_CHANNEL, &m->normal))
        return cv_no_memory(err, "the mean of the features");
    return measure(recipe, m, err);
}

void cv_material_normalize(cv_material *m, const cv_normal *normal) {
    m->plain = m->values;
    cv_values_normalize(&m->values, normal);
}

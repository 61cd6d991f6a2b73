// When memory runs out. Of each call below the n-th allocation fails, n = 1, 2, ..., until the call has no n-th one.
// Each time it must fail with a sentence, give back all it took, and leave no half-written file; or do without, and
// succeed.
//
// The linker leads malloc and its like to the functions below (--wrap, in tests/CMakeLists.txt): those of convo's own
// code, and starting threads and opening files with them. Of the libraries jansson comes along, which lets its memory
// be replaced; the others keep theirs. CONVO_TEST_LONG=1 fails every allocation, else some tens of each call fail.
#include "sounds.h"

#include "convo.h"
#include "recipe/recipe.h"

#include <dirent.h>
#include <errno.h>
#include <jansson.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/stat.h>

// --- allocations that fail, and a record of those that live ---------------------------------------------------------

// One of the symbols that the linker gives: the real function, and the one that is called in its place.
#define REPLACED(result, name, ...)                                                                                    \
    result __real_##name(__VA_ARGS__);                                                                                 \
    result __wrap_##name(__VA_ARGS__)
REPLACED(void *, malloc, size_t);
REPLACED(void *, calloc, size_t, size_t);
REPLACED(void *, realloc, void *, size_t);
REPLACED(void *, aligned_alloc, size_t, size_t);
REPLACED(void, free, void *);
REPLACED(FILE *, fopen, const char *, const char *);
REPLACED(FILE *, fdopen, int, const char *);
REPLACED(int, fclose, FILE *);
REPLACED(FILE *, open_memstream, char **, size_t *);
REPLACED(DIR *, opendir, const char *);
REPLACED(int, closedir, DIR *);
REPLACED(int, pthread_create, pthread_t *, const pthread_attr_t *, void *(*)(void *), void *);

enum source { CONVO, JANSSON, SOURCES };
enum { BUCKETS = 1 << 12 };
typedef struct living {
    struct living *next;
    const void *place;
    int64_t number; // of the allocation
} living;

static struct {
    pthread_mutex_t lock;
    int64_t serial, count[SOURCES]; // allocations so far
    enum source source;             // of the one that fails
    int64_t fails;                  // its number there; 0: none fails
    living *bucket[BUCKETS];
} memory = {.lock = PTHREAD_MUTEX_INITIALIZER};

static bool granted_to(enum source source) {
    pthread_mutex_lock(&memory.lock);
    memory.serial++;
    const bool fails = ++memory.count[source] == memory.fails && source == memory.source;
    pthread_mutex_unlock(&memory.lock);
    if (fails) errno = ENOMEM;
    return !fails;
}

static bool granted(void) {
    return granted_to(CONVO);
}

static living **bucket_of(const void *place) {
    return &memory.bucket[((uintptr_t)place >> 4) * 0x9e3779b1u % BUCKETS];
}

static void *remember(void *place) {
    living *l = place ? __real_malloc(sizeof *l) : NULL;
    if (!l) return place;
    pthread_mutex_lock(&memory.lock);
    living **bucket = bucket_of(place);
    *l = (living){*bucket, place, memory.serial};
    *bucket = l;
    pthread_mutex_unlock(&memory.lock);
    return place;
}

static void forget(const void *place) {
    pthread_mutex_lock(&memory.lock);
    living **l = bucket_of(place);
    while (*l && (*l)->place != place) l = &(*l)->next;
    living *found = *l; // none: it is not convo's
    if (found) *l = found->next;
    pthread_mutex_unlock(&memory.lock);
    __real_free(found);
}

void *__wrap_malloc(size_t size) {
    return granted() ? remember(__real_malloc(size)) : NULL;
}

static void *jansson_malloc(size_t size) {
    return granted_to(JANSSON) ? remember(__real_malloc(size)) : NULL;
}

void *__wrap_calloc(size_t count, size_t size) {
    return granted() ? remember(__real_calloc(count, size)) : NULL;
}

void *__wrap_aligned_alloc(size_t alignment, size_t size) {
    return granted() ? remember(__real_aligned_alloc(alignment, size)) : NULL;
}

void *__wrap_realloc(void *old, size_t size) {
    if (!granted()) return NULL;
    forget(old);
    return remember(__real_realloc(old, size));
}

void __wrap_free(void *place) {
    if (place) forget(place);
    __real_free(place);
}

FILE *__wrap_fopen(const char *path, const char *mode) {
    return granted() ? remember(__real_fopen(path, mode)) : NULL;
}

FILE *__wrap_fdopen(int file, const char *mode) {
    return granted() ? remember(__real_fdopen(file, mode)) : NULL;
}

FILE *__wrap_open_memstream(char **text, size_t *size) {
    return granted() ? remember(__real_open_memstream(text, size)) : NULL;
}

int __wrap_fclose(FILE *file) {
    forget(file);
    return __real_fclose(file);
}

DIR *__wrap_opendir(const char *path) {
    return granted() ? remember(__real_opendir(path)) : NULL;
}

int __wrap_closedir(DIR *folder) {
    forget(folder);
    return __real_closedir(folder);
}

int __wrap_pthread_create(pthread_t *thread, const pthread_attr_t *attributes, void *(*start)(void *), void *context) {
    return granted() ? __real_pthread_create(thread, attributes, start, context) : EAGAIN;
}

// Number of the first allocation after the `from`-th that still lives; 0: none does.
static int64_t find_leak(int64_t from) {
    int64_t first = 0;
    for (size_t k = 0; k < BUCKETS; k++)
        for (const living *l = memory.bucket[k]; l; l = l->next)
            if (l->number > from && (!first || l->number < first)) first = l->number;
    return first;
}

// --- the calls ------------------------------------------------------------------------------------------------------

#ifdef CONVO_HAVE_LIBARCHIVE
enum { HAS_NPZ = 1 };
#else
enum { HAS_NPZ = 0 };
#endif
#ifdef CONVO_HAVE_ONNX
enum { HAS_ONNX = 1 };
#else
enum { HAS_ONNX = 0 };
#endif

static const char digits[] = "data: {set: audiofolder, split: {train: 1/2, test: 1/2}}\n"
                             "features: {kind: mfcc, rate: 8000, samples: 4000, normalize: global}\n"
                             "augment: {copies: 1, noise: 0.1}\n"
                             "model:\n"
                             "  - conv1d: {out: 4, kernel: 3, padding: 1}\n"
                             "  - batchnorm\n"
                             "  - relu\n"
                             "  - residual: {body: [conv1d: {out: 4, kernel: 3, padding: 1}, relu]}\n"
                             "  - globalavgpool\n"
                             "  - dropout: 0.1\n"
                             "  - linear: 2\n"
                             "train: {optimizer: {adam: {lr: 0.01}}, batch: 4, epochs: 1, record_every: 1}\n";

static convo_status parse(convo_recipe **recipe, convo_error *err) {
    return convo_recipe_parse(digits, sizeof digits - 1, "digits", recipe, err);
}

static convo_status train_into(const char *out, const char *more, const convo_train_options *given, convo_error *err) {
    convo_recipe *recipe = NULL;
    convo_model *model = NULL;
    convo_train_result result;
    convo_train_options options = *given;
    options.data = "sounds";
    options.out = out;
    options.threads = 2;
    convo_status status = parse(&recipe, err);
    if (!status && more) status = convo_recipe_set(recipe, more, err);
    if (!status) status = convo_train(recipe, &options, &result, &model, err);
    convo_model_free(model);
    convo_recipe_free(recipe);
    return status;
}

static convo_status train(convo_error *err) {
    return train_into("run", NULL, &(convo_train_options){.cache = "cache"}, err);
}

static convo_status resume(convo_error *err) {
    if (system("rm -rf resumed && cp -r begun resumed")) return cv_fail(err, CONVO_IO, "resumed", "cannot be copied");
    return train_into("resumed", "epochs=3", &(convo_train_options){.resume = true}, err);
}

static convo_status finetune(convo_error *err) {
    return train_into("tuned", "lr=0.1", &(convo_train_options){.from = "model.safetensors", .freeze = "0"}, err);
}

static convo_status evaluate(convo_error *err) {
    convo_model *model = NULL;
    convo_evaluation evaluation = {0};
    convo_status status = convo_model_load("model.safetensors", &model, err);
    if (!status)
        status =
            convo_evaluate(model, CONVO_ALL, &(convo_train_options){.data = "sounds", .threads = 2}, &evaluation, err);
    if (!status && HAS_NPZ) status = convo_evaluation_save(&evaluation, "said.npz", err);
    convo_evaluation_free(&evaluation);
    convo_model_free(model);
    return status;
}

static convo_status predict(convo_error *err) {
    convo_model *model = NULL;
    float probability[2];
    convo_status status = convo_model_load("model.safetensors", &model, err);
    if (!status) status = convo_model_predict_file(model, "sounds/a/0.wav", probability, err);
    convo_model_free(model);
    return status;
}

static convo_status export_to(const char *path, const convo_export_options *options, convo_error *err) {
    convo_model *model = NULL;
    convo_status status = convo_model_load("model.safetensors", &model, err);
    if (!status) status = convo_export(model, path, options, err);
    convo_model_free(model);
    return status;
}

static convo_status export_onnx(convo_error *err) {
    return export_to("exported.onnx", &(convo_export_options){.fold = true, .features = true}, err);
}

static convo_status export_weights(convo_error *err) {
    return export_to("exported.safetensors", NULL, err);
}

static convo_status import_onnx(convo_error *err) {
    convo_model *model = NULL;
    convo_status status = convo_import("plain.onnx", NULL, &model, err);
    if (!status) status = convo_model_save(model, "imported.safetensors", err);
    convo_model_free(model);
    return status;
}

static convo_status import_weights(convo_error *err) {
    convo_model *model = NULL;
    convo_recipe *recipe = NULL;
    convo_status status = parse(&recipe, err);
    const convo_import_options options = {.recipe = recipe, .data = "sounds"};
    if (!status) status = convo_import("model.safetensors", &options, &model, err);
    if (!status) status = convo_model_save(model, "imported.safetensors", err);
    convo_model_free(model);
    convo_recipe_free(recipe);
    return status;
}

static convo_status explain(convo_error *err) {
    convo_recipe *recipe = NULL;
    convo_summary summary = {0};
    convo_field field = {0};
    convo_gradcheck check = {0};
    char *text = NULL;
    convo_status status = parse(&recipe, err);
    if (!status) status = convo_summarize(recipe, &summary, err);
    if (!status) status = convo_field_find(recipe, "0", NULL, true, &field, err);
    if (!status) status = convo_gradcheck_run(recipe, NULL, &(convo_gradcheck_options){.batch = 3}, &check, err);
    if (!status) status = convo_recipe_reference("conv1d", &text, err);
    free(text);
    convo_gradcheck_free(&check);
    convo_field_free(&field);
    convo_summary_free(&summary);
    convo_recipe_free(recipe);
    return status;
}

static convo_status change(convo_error *err) {
    convo_recipe *recipe = NULL;
    convo_versions versions = {0};
    convo_status status = parse(&recipe, err);
    if (!status)
        status = convo_recipe_set(recipe,
                                  "augment={speed: 0.1, pitch: 1, shift: 0.1, noise: {path: sounds}, reverb: sounds, "
                                  "gain: 3}",
                                  err);
    if (!status) status = convo_features_changed(recipe, NULL, "sounds/a/0.wav", 2, &versions, err);
    convo_versions_free(&versions);
    convo_recipe_free(recipe);
    return status;
}

// Features, and the nodes that compute them, of every way that has tables of its own.
static convo_status hear(convo_error *err) {
    static const char *const features[] = {
        "features={kind: logmel, rate: 8000, samples: 900, fft: 268, deltas: 2, scale: cmvn, filters: 9}", // by a chirp
        "features={kind: mfcc_torch, rate: 8000, samples: 900, deltas: 1}",
        "features={kind: fbank, rate: 8000, samples: 900, energy: true, scale: cmn, filters: 9}",
        "features={kind: pcen, rate: 8000, samples: 900, filters: 9}",
        "features={kind: micro, rate: 8000, samples: 900, high: 3900, filters: 9}",
    };
    convo_status status = CONVO_OK;
    for (size_t k = 0; k < CV_COUNT(features) && !status; k++) {
        convo_recipe *recipe = NULL;
        convo_array array = {0};
        cv_graph graph = {0};
        char why[256];
        status = parse(&recipe, err);
        if (!status) status = convo_recipe_set(recipe, "model=[flatten, {linear: 2}]", err);
        if (!status) status = convo_recipe_set(recipe, features[k], err);
        if (!status) status = convo_features(recipe, "sounds/a/0.wav", &array, err);
        if (!status && recipe->feature->graph) {
            cv_feature_graph(recipe->feature, recipe->feature_config, recipe->rate, &graph, why, sizeof why);
            if (graph.failed) status = cv_no_memory(err, "a graph");
        }
        cv_graph_free(&graph);
        convo_array_free(&array);
        convo_recipe_free(recipe);
    }
    return status;
}

static const struct call {
    const char *name;
    convo_status (*run)(convo_error *err);
    const char *model; // that it writes: whole, or not there
    bool onnx;
} calls[] = {
    {"train", train, "run/best.safetensors", false},
    {"resume", resume, "resumed/best.safetensors", false},
    {"finetune", finetune, "tuned/best.safetensors", false},
    {"evaluate", evaluate, NULL, false},
    {"predict", predict, NULL, false},
    {"export to safetensors", export_weights, "exported.safetensors", false},
    {"import weights", import_weights, "imported.safetensors", false},
    {"export to ONNX", export_onnx, NULL, true},
    {"import ONNX", import_onnx, "imported.safetensors", true},
    {"explain", explain, NULL, false},
    {"change", change, NULL, false},
    {"hear", hear, NULL, false},
};

// --- the test -------------------------------------------------------------------------------------------------------

static void check_files(const struct call *call) {
    convo_error err = {0};
    convo_model *model = NULL;
    if (system("find . -name '*.part' | grep -q .") == 0) fail_msg("%s leaves a half-written file", call->name);
    if (call->model && !access(call->model, F_OK) && convo_model_load(call->model, &model, &err))
        fail_msg("%s leaves a damaged file: %s: %s", call->name, err.where, err.message);
    convo_model_free(model);
}

static bool right_error(enum source source, convo_status status, const convo_error *err) {
    if (!err->message[0]) return false;
    return source == JANSSON || status == CONVO_MEMORY || strstr(err->message, strerror(ENOMEM)) ||
           strstr(err->message, "not enough memory");
}

// The call with the n-th allocation of a source failing; 0: with none. False when it has no n-th one.
static bool try_call(const struct call *call, enum source source, int64_t n, int64_t *survived) {
    convo_error err = {0};
    const int64_t serial = memory.serial, before = memory.count[source];
    memory.source = source;
    memory.fails = n ? before + n : 0;
    const convo_status status = call->run(&err);
    const bool failed = n && memory.count[source] >= memory.fails;
    memory.fails = 0;
    const int64_t leak = find_leak(serial);
    if (leak || (status && !failed) || (status && !right_error(source, status, &err))) {
        print_error("%s: allocation %lld fails: %s: %s: %s\n", call->name, (long long)n, convo_status_name(status),
                    err.where, err.message);
        fail_msg("this is not right, or allocation %lld is never freed", (long long)(leak ? leak - serial : 0));
    }
    *survived += failed && !status;
    if (n) check_files(call);
    return failed;
}

// Recordings of two classes, a run of one epoch on them, its model, and that as ONNX.
static int set_up(void **state) {
    convo_error err = {0};
    convo_model *model = NULL;
    json_set_alloc_funcs(jansson_malloc, __wrap_free);
    if (make_folder(state) || chdir(*state) || mkdir("sounds", 0777) || mkdir("sounds/a", 0777) ||
        mkdir("sounds/b", 0777))
        return -1;
    for (int k = 0; k < 3; k++) {
        const char name[] = {(char)('0' + k), '.', 'w', 'a', 'v', 0};
        write_tone("sounds/a", name, 8000, 3000, (int16_t)(1000 * k + 500));
        write_tone("sounds/b", name, 11025, 3500, (int16_t)(1000 * k + 700));
    }
    convo_status status = train_into("begun", NULL, &(convo_train_options){0}, &err);
    if (!status) status = convo_model_load("begun", &model, &err);
    if (!status) status = convo_model_save(model, "model.safetensors", &err);
    if (!status && HAS_ONNX) status = convo_export(model, "plain.onnx", NULL, &err);
    convo_model_free(model);
    if (status) print_error("%s: %s\n", err.where, err.message);
    return status ? -1 : 0;
}

static int tear_down(void **state) {
    return chdir("/") ? -1 : remove_folder(state);
}

static void memory_runs_out_in(enum source source, const char *name) {
    const char *asked = getenv("CONVO_TEST_LONG");
    const bool every = asked && *asked;
    for (const struct call *call = calls; call < calls + CV_COUNT(calls); call++) {
        if (call->onnx && !HAS_ONNX) continue;
        int64_t survived = 0, tries = 0;
        const int64_t before = memory.count[source];
        try_call(call, source, 0, &survived);
        const int64_t total = memory.count[source] - before, step = every ? 1 : 1 + total / 50;
        for (int64_t n = 1; try_call(call, source, n, &survived); n += step) tries++;
        printf("%s: %lld allocations of %s, %lld failed, %lld of them without harm\n", call->name, (long long)total,
               name, (long long)tries, (long long)survived);
    }
}

static void memory_runs_out(void **state) {
    (void)state;
    memory_runs_out_in(CONVO, "convo");
}

static void memory_runs_out_in_jansson(void **state) {
    (void)state;
    memory_runs_out_in(JANSSON, "jansson");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(memory_runs_out),
        cmocka_unit_test(memory_runs_out_in_jansson),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}

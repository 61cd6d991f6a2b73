// Describes the contents of a data set, and what is wrong with it.
#include "audio/sound.h"
#include "base/file.h"
#include "base/filename.h"
#include "base/hash.h"
#include "data/check.h"
#include "data/parts.h"
#include "fetch/fetch.h"
#include "data/picture.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

const char *convo_data_name(int k, const char **help) {
    const cv_data_kind *kind = k < 0 ? NULL : cv_data_kind_at((size_t)k);
    if (kind && help) *help = kind->help;
    return kind ? kind->name : NULL;
}

static const char *kind_name_at(const void *context, size_t k) {
    (void)context;
    const cv_data_kind *kind = cv_data_kind_at(k);
    return kind ? kind->name : NULL;
}

static convo_status find_kind(const char *name, const cv_data_kind **kind, convo_error *err) {
    *kind = cv_data_kind_find(name);
    if (*kind) return CONVO_OK;
    return cv_fail(err, CONVO_ARGUMENT, "", "no data set is called '%s'%s", name,
                   cv_did_you_mean(name, kind_name_at, NULL).text);
}

convo_status convo_data_find(const char *name, const char *const *search, char **folder, convo_error *err) {
    if (!name || !folder)
        return cv_fail(err, CONVO_ARGUMENT, "", "the name of a data set and room for its folder are needed");
    *folder = NULL;
    const cv_data_kind *kind;
    convo_status status = find_kind(name, &kind, err);
    if (status) return status;
    if (kind->generated) return (*folder = cv_format("%s", "")) ? CONVO_OK : cv_no_memory(err, name);
    char looked[400] = "";
    for (; search && *search; search++) {
        char *path = cv_format("%s/%s", *search, name);
        if (!path) return cv_no_memory(err, name);
        if (cv_is_folder(path)) {
            *folder = path;
            return CONVO_OK;
        }
        cv_append(looked, sizeof looked, "%s%s", looked[0] ? ", " : "", path);
        free(path);
    }
    if (!looked[0]) return cv_fail(err, CONVO_ARGUMENT, "", "the folder of data set '%s' was not given", name);
    if (cv_remote_find(name))
        return cv_fail(err, CONVO_IO, "",
                       "data set '%s' was not found, looked for %s; 'convo data get %s' downloads it", name, looked,
                       name);
    return cv_fail(
        err, CONVO_IO, "",
        "data set '%s' was not found, looked for %s; say where it is: --data DIR, or data.path in the recipe", name,
        looked);
}

// --- one recording or picture -------------------------------------------------------------------------------------

typedef struct recording { // of a picture, status and number only
    convo_status status;
    int rate;
    double seconds;
    bool clipped, silent, shifted;
    size_t count;
    uint64_t hash; // of the samples
    size_t number; // of the example
} recording;

static bool is_clipped(const float *sample, size_t count) {
    const float full_scale = 32767.0f / 32768.0f; // of 16-bit samples
    int run = 0;
    for (size_t i = 0; i < count && run < 2; i++) run = fabsf(sample[i]) >= full_scale ? run + 1 : 0;
    return run == 2;
}

// Silent: no sample is 60 dB below full scale or louder, but for what all of them are off by. Shifted: by 1 %.
static void measure(recording *r, const float *sample, size_t count) {
    double sum = 0, loudest = 0;
    for (size_t i = 0; i < count; i++) sum += (double)sample[i];
    const double mean = sum / (double)count;
    for (size_t i = 0; i < count; i++) loudest = fmax(loudest, fabs((double)sample[i] - mean));
    r->silent = loudest < 0.001;
    r->shifted = fabs(mean) >= 0.01;
    r->clipped = is_clipped(sample, count);
}

static convo_status try_picture(const char *path, convo_error *err) {
    cv_picture picture;
    const convo_status status = cv_picture_read(path, false, &picture, err);
    cv_picture_free(&picture);
    return status;
}

typedef struct describe_job {
    const cv_dataset *dataset;
    bool pictures;
    recording *recording;
    cv_tally tally;
} describe_job;

static void look_at_one(const describe_job *job, int task) {
    recording *r = &job->recording[task];
    *r = (recording){.number = (size_t)task};
    cv_sound sound;
    const cv_example *e = &job->dataset->example[task];
    r->status = job->pictures ? try_picture(e->path, NULL) : cv_sound_read_piece(e->path, &e->piece, 0, &sound, NULL);
    if (r->status || job->pictures) return;
    r->rate = sound.rate;
    r->count = sound.count;
    r->seconds = (double)sound.count / sound.rate;
    measure(r, sound.sample, sound.count);
    r->hash = cv_hash_floats(sound.sample, sound.count);
    cv_sound_free(&sound);
}

static void look_at(void *context, int task, int worker) {
    (void)worker;
    describe_job *job = context;
    look_at_one(job, task);
    cv_tally_add(&job->tally);
}

// --- duplicates -------------------------------------------------------------------------------------------------

static int by_samples(const void *left, const void *right) {
    const recording *a = left, *b = right;
    if (a->status != b->status) return a->status < b->status ? -1 : 1; // CONVO_OK first
    if (a->hash != b->hash) return a->hash < b->hash ? -1 : 1;
    if (a->count != b->count) return a->count < b->count ? -1 : 1;
    return a->number < b->number ? -1 : 1;
}

// Equal hashes may be chance: decodes both once more.
static bool same_samples(const cv_dataset *dataset, const recording *a, const recording *b) {
    if (a->hash != b->hash || a->count != b->count) return false;
    cv_sound one = {0}, other = {0};
    const cv_example *x = &dataset->example[a->number], *y = &dataset->example[b->number];
    bool same = !cv_sound_read_piece(x->path, &x->piece, 0, &one, NULL) &&
                !cv_sound_read_piece(y->path, &y->piece, 0, &other, NULL) && one.count == other.count &&
                memcmp(one.sample, other.sample, one.count * sizeof *one.sample) == 0;
    cv_sound_free(&one);
    cv_sound_free(&other);
    return same;
}

// Sorts the recordings. Each is compared with the first of its hash.
static int64_t count_duplicates(const cv_dataset *dataset, recording *r) {
    int64_t duplicates = 0;
    qsort(r, dataset->count, sizeof *r, by_samples);
    for (size_t i = 1, first = 0; i < dataset->count && !r[i].status; i++) {
        if (same_samples(dataset, &r[first], &r[i]))
            duplicates++;
        else
            first = i;
    }
    return duplicates;
}

// --- counting ---------------------------------------------------------------------------------------------------

static convo_group *new_groups(char *const *names, int count) {
    convo_group *groups = cv_alloc((size_t)count, sizeof *groups);
    for (int k = 0; groups && k < count; k++) cv_print(groups[k].name, sizeof groups[k].name, "%s", names[k]);
    return groups;
}

static void count_in(convo_group *group, const recording *r) {
    group->count++;
    group->seconds += r->seconds;
}

static int by_rate(const void *left, const void *right) {
    const recording *a = left, *b = right;
    return a->rate != b->rate ? (a->rate < b->rate ? -1 : 1) : a->number < b->number ? -1 : 1;
}

// Sorts the recordings.
static bool count_rates(recording *r, size_t count, convo_data_info *info) {
    size_t capacity = 0;
    int rate = 0;
    qsort(r, count, sizeof *r, by_rate);
    for (size_t i = 0; i < count; i++) {
        if (r[i].status) continue;
        if (r[i].rate != rate) {
            if (!cv_grow(&info->rates, &capacity, (size_t)info->rate_count + 1, sizeof *info->rates)) return false;
            rate = r[i].rate;
            info->rates[info->rate_count] = (convo_group){0};
            cv_print(info->rates[info->rate_count++].name, sizeof info->rates[0].name, "%d Hz", rate);
        }
        count_in(&info->rates[info->rate_count - 1], &r[i]);
    }
    return true;
}

static int by_seconds(const void *left, const void *right) {
    const recording *a = left, *b = right;
    if ((a->status == CONVO_OK) != (b->status == CONVO_OK)) return a->status == CONVO_OK ? -1 : 1;
    return a->seconds < b->seconds ? -1 : a->seconds > b->seconds;
}

// Sorts the recordings.
static void measure_durations(recording *r, size_t count, convo_data_info *info) {
    qsort(r, count, sizeof *r, by_seconds);
    size_t readable = count - (size_t)info->unreadable;
    if (readable == 0) return;
    info->shortest = r[0].seconds;
    info->longest = r[readable - 1].seconds;
    info->median = (r[(readable - 1) / 2].seconds + r[readable / 2].seconds) / 2;
}

// Why it cannot be read: that takes reading it once more. false: no memory.
static bool note_problem(const cv_example *example, convo_data_info *info) {
    const char *path = example->path;
    convo_error problem = {.message = ""};
    cv_sound sound = {0};
    size_t capacity = (size_t)info->unreadable;
    if (info->recordings)
        cv_sound_read_piece(path, &example->piece, 0, &sound, &problem);
    else
        try_picture(path, &problem);
    cv_sound_free(&sound);
    char *sentence = cv_format("%s: %s", path, problem.message);
    if (!sentence || !cv_grow(&info->problems, &capacity, (size_t)info->unreadable + 1, sizeof *info->problems)) {
        free(sentence);
        return false;
    }
    if (info->unreadable == 0) cv_print(info->first_problem, sizeof info->first_problem, "%s", sentence);
    info->problems[info->unreadable++] = sentence;
    return true;
}

// r: NULL where the examples are neither recordings nor pictures; then there is less to say.
static bool fill_info(const cv_dataset *dataset, recording *r, convo_data_info *info) {
    static const recording none;
    info->files = (int64_t)dataset->count;
    info->classes = new_groups(dataset->labels, dataset->label_count);
    info->groups = new_groups(dataset->groups, dataset->group_count);
    if (!info->classes || !info->groups) return false;
    info->class_count = dataset->label_count;
    info->group_count = dataset->group_count;
    for (size_t i = 0; i < dataset->count; i++) {
        const cv_example *example = &dataset->example[i];
        const recording *it = r ? &r[i] : &none;
        count_in(&info->classes[example->label], it);
        if (example->group >= 0) count_in(&info->groups[example->group], it);
        if (it->status && !note_problem(example, info)) return false;
        info->seconds += it->seconds;
        info->clipped += it->clipped;
        info->silent += it->silent;
        info->shifted += it->shifted;
    }
    if (!info->recordings) return true;
    info->duplicates = count_duplicates(dataset, r);
    measure_durations(r, dataset->count, info);
    return count_rates(r, dataset->count, info);
}

static convo_status look_at_all(const cv_dataset *dataset, bool pictures, const convo_train_options *options,
                                recording **recordings, convo_error *err) {
    cv_pool *pool;
    convo_status status = cv_pool_new(&pool, options->threads, err);
    if (status) return status;
    describe_job job = {
        .dataset = dataset, .pictures = pictures, .recording = cv_alloc(dataset->count, sizeof *job.recording)};
    cv_tally_start(&job.tally, (int64_t)dataset->count, options->reading, options->user);
    if (job.recording)
        cv_pool_run(pool, (int)dataset->count, look_at, &job);
    else
        status = cv_no_memory(err, dataset->folder);
    cv_tally_end(&job.tally);
    cv_pool_free(pool);
    *recordings = job.recording;
    return status;
}

static convo_status open_named(const char *name, const char *folder, const cv_data_kind **kind, cv_dataset **dataset,
                               convo_error *err) {
    const convo_status status = find_kind(name, kind, err);
    return status ? status : cv_dataset_open_plain(*kind, folder, dataset, err);
}

convo_status convo_data_describe(const char *name, const char *folder, const convo_train_options *options,
                                 convo_data_info *info, convo_error *err) {
    static const convo_train_options none;
    if (!name || !folder || !info)
        return cv_fail(err, CONVO_ARGUMENT, "", "a data set, its folder and room for the result are needed");
    if (!options) options = &none;
    *info = (convo_data_info){0};
    const cv_data_kind *kind;
    cv_dataset *dataset = NULL;
    recording *recordings = NULL;
    convo_status status = open_named(name, folder, &kind, &dataset, err);
    if (!status) info->recordings = kind->recordings;
    if (!status && (kind->recordings || kind->read))
        status = look_at_all(dataset, kind->read != NULL, options, &recordings, err);
    if (!status) status = cv_findings_give(&dataset->found, &info->found, err);
    if (!status) status = cv_parts_count(dataset, NULL, &info->parts, err);
    if (!status && !fill_info(dataset, recordings, info)) status = cv_no_memory(err, folder);
    if (status) convo_data_info_free(info);
    free(recordings);
    cv_dataset_free(dataset);
    return status;
}

convo_status convo_data_check_folder(const char *name, const char *folder, const convo_train_options *options,
                                     convo_findings *found, convo_error *err) {
    static const convo_train_options none;
    if (!name || !folder || !found)
        return cv_fail(err, CONVO_ARGUMENT, "", "a data set, its folder and room for what is found are needed");
    if (!options) options = &none;
    *found = (convo_findings){0};
    const cv_data_kind *kind;
    cv_dataset *d = NULL;
    cv_pool *pool = NULL;
    cv_contents contents = {0};
    convo_status status = open_named(name, folder, &kind, &d, err);
    if (!status) status = cv_pool_new(&pool, options->threads, err);
    if (!status && cv_values_any(&d->values))
        status = cv_contents_of_values(&d->values, d->count, (size_t)cv_shape_size(d->shape), pool, &contents, err);
    else if (!status)
        status = cv_contents_of_files(d, kind, pool, options, &contents, err);
    if (!status) status = cv_check(d, kind, NULL, false, &contents, &d->found, err);
    if (!status) status = cv_findings_give(&d->found, found, err);
    cv_contents_free(&contents);
    cv_pool_free(pool);
    cv_dataset_free(d);
    return status;
}

// An error at a place within the folder is one of a kind that knows its layout, and says more than "unknown"; so does
// the reader of lists of a file that is named as one.
const char *convo_data_guess(const char *path) {
    const cv_data_kind *kind, *likely = NULL;
    const size_t length = strlen(path);
    for (size_t k = 0; (kind = cv_data_kind_at(k)); k++) {
        cv_dataset *dataset;
        convo_error err;
        if (!kind->recordings && !kind->read) continue;
        if (!cv_dataset_open_plain(kind, path, &dataset, &err)) {
            cv_dataset_free(dataset);
            return kind->name;
        }
        if (!likely && strncmp(err.where, path, length) == 0 && err.where[length] == '/') likely = kind;
    }
    if (!likely && cv_is_list_name(path) && cv_is_file(path)) return cv_data_manifest.name;
    return likely ? likely->name : NULL;
}

void convo_data_info_free(convo_data_info *info) {
    if (!info) return;
    free(info->classes);
    free(info->groups);
    free(info->rates);
    for (int64_t k = 0; k < info->unreadable; k++) free(info->problems[k]);
    free(info->problems);
    convo_findings_free(&info->found);
    convo_parts_free(&info->parts);
    *info = (convo_data_info){0};
}

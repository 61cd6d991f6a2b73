// The sets that TensorFlow's speech_commands/input_data.py (prepare_data_index, get_data) makes: in every part,
// ceil(share * keywords) recordings of other words, and as many pieces of noise, each one second from anywhere in any
// of the noise recordings, multiplied by a number from 0 to 1. With the official split of Speech Commands 0.02, the
// twelve classes have 36,923 + 4,445 + 4,890 examples.
#include "data/keywords.h"

#include "base/file.h"
#include "base/filename.h"
#include "base/random.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static const char twelve[] = "yes\nno\nup\ndown\nleft\nright\non\noff\nstop\ngo\n";
static const char unknown_name[] = "_unknown_", silence_name[] = "_silence_", noise_name[] = "_background_noise_";

enum { NO_PART, PARTS = CONVO_TEST + 2 };  // and those of each part
enum { TO_DRAW_FROM = -1, LEFT_OUT = -2 }; // what a label becomes that is none of the new set

typedef struct chooser {
    const cv_keywords_config *config;
    cv_dataset *dataset;
    cv_random random;
    double unknown, silence;
    char **labels;       // of the new set, sorted
    int label_count;     // of them
    int32_t *becomes;    // of each old label
    cv_example *example; // of the new set
    size_t count, room;
    char **noise; // paths
    double *seconds;
    size_t noises;
    convo_error *err;
} chooser;

static const char *words_of(const cv_keywords_config *config) {
    return strcmp(config->keywords, "12\n") == 0 ? twelve : config->keywords;
}

convo_status cv_keywords_check(const cv_keywords_config *config, const char *classes, const char *folder,
                               convo_error *err) {
    const bool more = config->unknown >= 0 || config->silence >= 0 || config->seed >= 0;
    if (!config->keywords[0] && more)
        return cv_fail(err, CONVO_ARGUMENT, folder,
                       "unknown, silence and seed need keywords: the words to tell apart, or 12 for the published set");
    if (config->keywords[0] && classes[0])
        return cv_fail(err, CONVO_ARGUMENT, folder, "keywords and classes exclude each other: give one of them");
    return CONVO_OK;
}

// --- labels -------------------------------------------------------------------------------------------------------

static const char *label_at(const void *context, size_t k) {
    const cv_dataset *dataset = context;
    return k < (size_t)dataset->label_count ? dataset->labels[k] : NULL;
}

static convo_status find_keyword(const chooser *c, const char *word, size_t length) {
    if (cv_names_find(c->dataset->labels, c->dataset->label_count, word, length) >= 0) return CONVO_OK;
    char *name = cv_format("%.*s", (int)length, word);
    if (!name) return cv_no_memory(c->err, "keywords");
    const convo_status status =
        cv_fail(c->err, CONVO_ARGUMENT, c->dataset->folder, "keywords: there is no folder '%s' in it%s", name,
                cv_did_you_mean(name, label_at, c->dataset).text);
    free(name);
    return status;
}

static bool has(const chooser *c, const char *name) {
    return cv_names_find(c->dataset->labels, c->dataset->label_count, name, strlen(name)) >= 0;
}

static int32_t class_of(const chooser *c, const char *name) {
    return cv_names_find(c->labels, c->label_count, name, strlen(name));
}

static convo_status choose_labels(chooser *c) {
    const char *list = words_of(c->config), *word;
    const int old = c->dataset->label_count;
    size_t length;
    while (cv_list_next(&list, &word, &length)) {
        const convo_status status = find_keyword(c, word, length);
        if (status) return status;
        if (!cv_names_add(&c->labels, &c->label_count, word, length)) return cv_no_memory(c->err, "keywords");
    }
    const bool unknown = c->unknown > 0 || has(c, unknown_name), silence = c->silence > 0 || has(c, silence_name);
    const int noise = cv_names_find(c->dataset->labels, old, noise_name, strlen(noise_name)); // pictures of it
    if ((unknown && !cv_names_add(&c->labels, &c->label_count, unknown_name, strlen(unknown_name))) ||
        (silence && !cv_names_add(&c->labels, &c->label_count, silence_name, strlen(silence_name))) ||
        !(c->becomes = cv_alloc((size_t)old + 1, sizeof *c->becomes)))
        return cv_no_memory(c->err, "keywords");
    for (int k = 0; k < old; k++)
        c->becomes[k] = k == noise
                            ? (silence ? class_of(c, silence_name) : LEFT_OUT)
                            : class_of(c, c->dataset->labels[k]); // TO_DRAW_FROM where there is none of that name
    return CONVO_OK;
}

// --- silence ------------------------------------------------------------------------------------------------------

static const double clip = 1; // seconds

static convo_status list_noise_in(chooser *c, const char *folder) {
    char **names;
    size_t count;
    convo_status status = cv_folder_list(folder, &names, &count, c->err);
    if (status) return status;
    c->noise = cv_alloc(count + 1, sizeof *c->noise);
    c->seconds = cv_alloc(count + 1, sizeof *c->seconds);
    if (!c->noise || !c->seconds) status = cv_no_memory(c->err, folder);
    for (size_t k = 0; k < count && !status; k++) {
        if (!cv_is_sound_name(names[k])) continue;
        char *path = c->noise[c->noises] = cv_format("%s/%s", folder, names[k]);
        double *seconds = &c->seconds[c->noises++];
        status = path ? cv_sound_length(path, seconds, c->err) : cv_no_memory(c->err, folder);
        if (!status && *seconds < clip)
            status = cv_fail(c->err, CONVO_FORMAT, path, "is shorter than the second of noise that _silence_ is");
    }
    cv_folder_free(names, count);
    return status;
}

static convo_status list_noise(chooser *c) {
    static const char *const places[] = {"_background_noise_", "train/_background_noise_"};
    convo_status status = CONVO_OK;
    for (size_t k = 0; k < CV_COUNT(places) && !c->noises && !status; k++) {
        char *folder = cv_format("%s/%s", c->dataset->folder, places[k]);
        if (!folder) return cv_no_memory(c->err, places[k]);
        if (cv_is_folder(folder)) status = list_noise_in(c, folder);
        free(folder);
    }
    if (status || c->noises) return status;
    return cv_fail(
        c->err, CONVO_FORMAT, c->dataset->folder,
        "holds no recordings in _background_noise_ to cut _silence_ from; 'silence: 0' leaves the class out");
}

static convo_status add_example(chooser *c, const cv_example *example) {
    if (!cv_grow(&c->example, &c->room, c->count + 1, sizeof *c->example)) return cv_no_memory(c->err, "keywords");
    c->example[c->count++] = *example;
    return CONVO_OK;
}

static convo_status cut_silence(chooser *c, int32_t part, size_t wanted) {
    convo_status status = wanted && !c->noises ? list_noise(c) : CONVO_OK;
    for (size_t k = 0; k < wanted && !status; k++) {
        const size_t from = cv_random_u32(&c->random) % c->noises;
        const double place = (double)cv_random_uniform(&c->random, 0, 1) * (c->seconds[from] - clip);
        const double gain = 1 - (double)cv_random_uniform(&c->random, 0, 1); // never 0, which stands for 1
        char *path = cv_format("%s", c->noise[from]);
        if (!path) return cv_no_memory(c->err, "keywords");
        status = add_example(c, &(cv_example){.path = path,
                                              .label = class_of(c, silence_name),
                                              .group = -1,
                                              .index = -1,
                                              .part = part,
                                              .piece = {.start = place, .seconds = clip, .gain = gain}});
        if (status) free(path);
    }
    return status;
}

// --- choosing -----------------------------------------------------------------------------------------------------

// Of one part: its keywords, its words to draw from, and whether it has the other two classes already.
typedef struct stock {
    size_t keywords, others;
    bool unknown, silence;
} stock;

static stock take_stock(const chooser *c, int32_t part) {
    stock s = {0};
    for (size_t i = 0; i < c->dataset->count; i++) {
        const cv_example *e = &c->dataset->example[i];
        if (e->part != part) continue;
        const int32_t to = c->becomes[e->label];
        if (to == LEFT_OUT) continue;
        if (to == TO_DRAW_FROM)
            s.others++;
        else if (to == class_of(c, unknown_name))
            s.unknown = true;
        else if (to == class_of(c, silence_name))
            s.silence = true;
        else
            s.keywords++;
    }
    return s;
}

// 3,000 * 0.1 is above 300 in doubles; percentages are not.
static size_t share_of(size_t keywords, double share) {
    return (size_t)ceil((double)keywords * share - 1e-6);
}

// Marks the drawn ones among the other words of a part.
static convo_status draw_unknown(chooser *c, int32_t part, const stock *s, bool *drawn /* [examples] */) {
    const size_t wanted = s->unknown ? 0 : share_of(s->keywords, c->unknown);
    if (wanted && !s->others)
        return cv_fail(c->err, CONVO_FORMAT, c->dataset->folder,
                       "holds no other words to draw _unknown_ from; 'unknown: 0' leaves the class out");
    int32_t *order = cv_alloc(s->others + 1, sizeof *order);
    bool *chosen = cv_alloc(s->others + 1, sizeof *chosen);
    if (order && chosen) {
        cv_random_permutation(&c->random, order, s->others);
        for (size_t k = 0; k < wanted && k < s->others; k++) chosen[order[k]] = true;
        for (size_t i = 0, k = 0; i < c->dataset->count; i++)
            if (c->dataset->example[i].part == part && c->becomes[c->dataset->example[i].label] == TO_DRAW_FROM)
                drawn[i] = chosen[k++];
    }
    const convo_status status = order && chosen ? CONVO_OK : cv_no_memory(c->err, "keywords");
    free(order);
    free(chosen);
    return status;
}

// The paths of those that are taken are handed over.
static convo_status take_words(chooser *c, const bool *drawn) {
    convo_status status = CONVO_OK;
    for (size_t i = 0; i < c->dataset->count && !status; i++) {
        cv_example *from = &c->dataset->example[i], taken = *from;
        taken.label = c->becomes[from->label] >= 0 ? c->becomes[from->label] : class_of(c, unknown_name);
        if (c->becomes[from->label] < 0 && !drawn[i]) continue;
        if (!(status = add_example(c, &taken))) from->path = NULL;
    }
    return status;
}

static convo_status choose(chooser *c) {
    bool *drawn = cv_alloc(c->dataset->count + 1, sizeof *drawn);
    stock of[PARTS];
    convo_status status = drawn ? CONVO_OK : cv_no_memory(c->err, "keywords");
    for (int part = 0; part < PARTS && !status; part++) {
        of[part] = take_stock(c, part - 1);
        status = draw_unknown(c, part - 1, &of[part], drawn);
    }
    if (!status) status = take_words(c, drawn);
    for (int part = 0; part < PARTS && !status; part++)
        status = cut_silence(c, part - 1, of[part].silence ? 0 : share_of(of[part].keywords, c->silence));
    free(drawn);
    return status;
}

// Leaves the speakers that still have an example.
static convo_status keep_groups(chooser *c) {
    cv_dataset *d = c->dataset;
    int32_t *becomes = cv_alloc((size_t)d->group_count + 1, sizeof *becomes);
    int kept = 0;
    if (!becomes) return cv_no_memory(c->err, "keywords");
    for (size_t i = 0; i < c->count; i++)
        if (c->example[i].group >= 0) becomes[c->example[i].group] = 1;
    for (int k = 0; k < d->group_count; k++) {
        if (becomes[k]) {
            d->groups[kept] = d->groups[k];
            becomes[k] = kept++;
        } else {
            free(d->groups[k]);
        }
    }
    d->group_count = kept;
    for (size_t i = 0; i < c->count; i++)
        if (c->example[i].group >= 0) c->example[i].group = becomes[c->example[i].group];
    free(becomes);
    return CONVO_OK;
}

static void swap_in(chooser *c) {
    cv_dataset *d = c->dataset;
    cv_example *example = d->example;
    char **labels = d->labels;
    const size_t count = d->count;
    const int label_count = d->label_count;
    d->example = c->example;
    d->count = c->count;
    d->labels = c->labels;
    d->label_count = c->label_count;
    c->example = example;
    c->count = count;
    c->labels = labels;
    c->label_count = label_count;
}

convo_status cv_keywords_choose(const cv_keywords_config *config, cv_dataset *dataset, convo_error *err) {
    static const double usual = 0.1; // silence_percentage and unknown_percentage
    chooser c = {.config = config,
                 .dataset = dataset,
                 .unknown = config->unknown < 0 ? usual : config->unknown,
                 .silence = config->silence < 0 ? usual : config->silence,
                 .err = err};
    cv_random_seed(&c.random, config->seed < 0 ? 0 : (uint64_t)config->seed);
    convo_status status = choose_labels(&c);
    if (!status) status = choose(&c);
    if (!status) status = keep_groups(&c);
    if (!status) swap_in(&c);
    for (size_t i = 0; i < c.count; i++) free(c.example[i].path);
    free(c.example);
    cv_folder_free(c.labels, (size_t)c.label_count);
    cv_folder_free(c.noise, c.noises);
    free(c.seconds);
    free(c.becomes);
    return status;
}

// convo data: lists data sets, describes one, downloads one, and shows what a net reads of it.
#include "data.h"
#include "output.h"
#include "paths.h"
#include "quote.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

typedef struct data_values {
    const char *data, *as, *from;
    cli_list set;
    bool force, clear;
    int64_t threads;
    cli_mix mix; // .out is that of `export` as well
} data_values;

#define VALUES data_values
static const cli_option options[] = {
    DATA_OPTION,
    TEXT_OPTION("as", 0, as, "NAME", "kind of data set in the folder (by its name, else detected)"),
    NUMBER_OPTION("threads", 0, threads, 1, MOST_THREADS, "N", "threads (all)"),
    FLAG_OPTION("force", 0, force, "get: download again and replace what is there"),
    FLAG_OPTION("clear", 0, clear, "cache: remove its files"),
    TEXT_OPTION("from", 0, from, "URL", "get: download from this address instead of the published one"),
    TEXT_OPTION("out", 'o', mix.out, "FILE|DIR", "export: FILE.npz, or a folder; mix: NAME.flac or NAME.wav"),
    TEXT_OPTION("split", 0, mix.split, "train|validation|test|all", "mix: part of the data (all)"),
    TEXT_OPTION("noise", 0, mix.noise, "DIR", "mix: recordings of noise that is heard all the time (silence)"),
    TEXT_OPTION("rooms", 0, mix.rooms, "DIR", "mix: impulse responses of rooms in which the recordings are heard"),
    TEXT_OPTION("snr", 0, mix.snr, "DB,DB", "mix: recordings against noise, from a range (5,25)"),
    TEXT_OPTION("gap", 0, mix.gap, "S,S", "mix: seconds between recordings, from a range (0.2,2)"),
    TEXT_OPTION("level", 0, mix.level, "DB,DB", "mix: noise against full scale, from a range (-45,-35)"),
    NUMBER_OPTION("trim", 0, mix.trim, 0, 200, "DB",
                  "mix: what is softer than the loudest moment by more is not speech (30)"),
    NUMBER_OPTION("rounds", 0, mix.rounds, 1, 1000000, "N", "mix: how often each recording is heard (1)"),
    NUMBER_OPTION("rate", 0, mix.rate, 1000, 1000000, "HZ", "mix: samples in a second (16000)"),
    NUMBER_OPTION("seed", 0, mix.seed, 0, INT64_MAX, "N", "mix: of everything that is drawn (0)"),
    LIST_OPTION("set", 0, set, "KEY=VALUE", "info, check, export: change a setting of the recipe; repeatable"),
    {0},
};

// Where it is; in words, when it is not in a folder.
static const char *location_of(const convo_data_set *set, const char *folder) {
    return set->missing ? "not in this build" : folder ? folder : set->generated ? "made up" : "not here";
}

// What it takes before a recipe can use it; "" when nothing is missing.
static void say_need(const convo_data_set *set, const char *folder, char *text, size_t size) {
    *text = '\0';
    if (set->missing)
        snprintf(text, size, "install %s", set->missing);
    else if (set->generated || folder)
        return;
    else if (!set->published)
        snprintf(text, size, "your files: data/%s, or data.path", set->name);
    else if (set->get_missing)
        snprintf(text, size, "install %s", set->get_missing);
    else if (set->download)
        snprintf(text, size, "convo data get %s (%s)", set->name, bytes_of((double)set->download).text);
    else
        snprintf(text, size, "convo data get %s", set->name);
}

static int list(const cli_context *context) {
    char **search = data_folders(NULL);
    if (!search) return no_memory();
    cli_table table = {0};
    json_t *sets = json_array();
    convo_data_set set;
    if (!context->json) table_row(&table, "data set\twhere\tneeds\twhat it is");
    for (int k = 0; convo_data_set_at(k, &set); k++) {
        char *folder = NULL, need[256];
        convo_error ignored; // not being there is what the list says
        if (set.generated || convo_data_find(set.name, (const char *const *)search, &folder, &ignored)) folder = NULL;
        say_need(&set, folder, need, sizeof need);
        if (context->json) {
            json_array_append_new(sets,
                                  json_pack("{s:s, s:s, s:o, s:b, s:b, s:b, s:s?}", "name", set.name, "help", set.help,
                                            "folder", json_text(folder), "readable", !set.missing, "generated",
                                            set.generated, "published", set.published, "needs", *need ? need : NULL));
        } else {
            table_row(&table, "%s\t%s\t%s\t%s", set.name, location_of(&set, folder), *need ? need : "-", set.help);
        }
        free(folder);
    }
    free_texts(search);
    if (context->json) return print_json(sets, false);
    json_decref(sets);
    return table_print(&table, "llll", stdout);
}

// --- info -------------------------------------------------------------------------------------------------------

static json_t *group_counts_json(const convo_group *group, int count) {
    json_t *array = json_array();
    for (int k = 0; k < count; k++)
        json_array_append_new(array, json_pack("{s:s, s:I, s:f}", "name", group[k].name, "count",
                                               (json_int_t)group[k].count, "seconds", group[k].seconds));
    return array;
}

static json_t *problems_json(const convo_data_info *i) {
    json_t *array = json_array();
    for (int64_t k = 0; k < i->unreadable; k++) json_array_append_new(array, json_text(i->problems[k]));
    return array;
}

static json_t *info_json(const convo_data_info *i, const char *name, const char *folder) {
    return json_pack(
        "{s:s, s:o, s:I, s:o, s:o, s:o, s:{s:f, s:o, s:o, s:o}, s:I, s:I, s:I, s:I, s:I, s:o, s:o, s:o, s:o}", "name",
        name, "folder", json_text(*folder ? folder : NULL), "files", (json_int_t)i->files, "classes",
        group_counts_json(i->classes, i->class_count), "speakers", group_counts_json(i->groups, i->group_count),
        "rates", group_counts_json(i->rates, i->rate_count), "seconds", "total", i->seconds, "shortest",
        json_number(i->shortest), "median", json_number(i->median), "longest", json_number(i->longest), "clipped",
        (json_int_t)i->clipped, "silent", (json_int_t)i->silent, "shifted", (json_int_t)i->shifted, "duplicates",
        (json_int_t)i->duplicates, "unreadable", (json_int_t)i->unreadable, "first_problem",
        json_text(i->first_problem), "problems", problems_json(i), "found", findings_json(&i->found), "parts",
        parts_json(&i->parts));
}

// Thousands of speakers are no table that anybody reads.
static int print_many(const char *head, const char *what, const convo_group *group, int count) {
    const convo_group *least = group, *most = group;
    for (int k = 1; k < count; k++) {
        if (group[k].count < least->count) least = &group[k];
        if (group[k].count > most->count) most = &group[k];
    }
    say(stdout, "\n%s: %d, with %lld (%s) to %lld (%s) %s each\n", head, count, (long long)least->count, least->name,
        (long long)most->count, most->name, what);
    return DONE;
}

// what: "recordings", which last some seconds, or "examples"
static int print_group_counts(const char *head, const char *what, const convo_group *group, int count) {
    enum { LONGEST = 100 };
    if (!count) return DONE;
    if (count > LONGEST) return print_many(head, what, group, count);
    const bool timed = *what == 'r';
    cli_table table = {0};
    table_row(&table, "%s\t%s", head, what);
    if (timed) table_cell(&table, "seconds");
    for (int k = 0; k < count; k++) {
        table_row(&table, "%s\t%lld", group[k].name, (long long)group[k].count);
        if (timed) table_cell(&table, "%.1f", group[k].seconds);
    }
    putchar('\n');
    return table_print(&table, timed ? "lrr" : "lr", stdout);
}

static void print_quality(const convo_data_info *i) {
    printf("shortest    %.3f s\nmedian      %.3f s\nlongest     %.3f s\n", i->shortest, i->median, i->longest);
    printf("clipped     %lld\nsilent      %lld\nshifted     %lld\nduplicates  %lld\nunreadable  %lld\n",
           (long long)i->clipped, (long long)i->silent, (long long)i->shifted, (long long)i->duplicates,
           (long long)i->unreadable);
}

// One of them says what sort of thing is wrong; --verbose all.
static void print_problems(const convo_data_info *i, bool all) {
    for (int64_t k = 0; k < i->unreadable && (k == 0 || all); k++)
        say(stdout, "%s %s\n", k == 0 ? "first      " : "           ", i->problems[k]);
    if (i->unreadable > 1 && !all) printf("            (-v names all %lld)\n", (long long)i->unreadable);
}

static int print_info(const convo_data_info *i, const char *name, const char *folder, bool verbose) {
    const bool recordings = i->recordings;
    const char *what = recordings ? "recordings" : "examples";
    say(stdout, "%s%s%s: %lld %s", name, *folder ? " in " : ", made up", folder, (long long)i->files, what);
    if (recordings) say(stdout, ", %.1f s", i->seconds);
    putchar('\n');
    print_findings(&i->found);
    if (print_group_counts("class", what, i->classes, i->class_count) ||
        print_group_counts(recordings ? "speaker" : "group", what, i->groups, i->group_count) ||
        print_group_counts("rate", what, i->rates, i->rate_count))
        return FAILED;
    putchar('\n');
    if (i->parts.all.part[CONVO_TRAIN].examples != i->files) {
        say(stdout, "split       ");
        print_parts_line(stdout, &i->parts);
    }
    print_imbalance(stdout, &i->parts);
    if (recordings)
        print_quality(i);
    else if (i->unreadable)
        printf("unreadable  %lld\n", (long long)i->unreadable);
    print_problems(i, verbose);
    if (!verbose) return DONE;
    putchar('\n');
    return print_parts_table(stdout, &i->parts);
}

static bool is_known(const char *name, cli_hint *near) {
    const char *known;
    for (int k = 0; (known = convo_data_name(k, NULL)); k++) {
        if (!strcmp(known, name)) return true;
        hint_offer(near, known);
    }
    return false;
}

static int describe(const cli_context *context, const data_values *values, const char *name, const char *folder) {
    convo_data_info info = {0};
    convo_error err;
    cli_progress progress = progress_new(context);
    const convo_train_options how = {
        .threads = thread_count(values->threads), .reading = progress_reading, .user = &progress};
    if (convo_data_describe(name, folder, &how, &info, &err)) return fail(&err);
    int status = context->json ? print_json(info_json(&info, name, folder), false)
                               : print_info(&info, name, folder, context->verbose);
    convo_data_info_free(&info);
    return status;
}

static int check_folder(const cli_context *context, const data_values *values, const char *name, const char *folder) {
    convo_findings found = {0};
    convo_error err;
    cli_progress progress = progress_new(context);
    const convo_train_options how = {
        .threads = thread_count(values->threads), .reading = progress_reading, .user = &progress};
    if (convo_data_check_folder(name, folder, &how, &found, &err)) return fail(&err);
    int status = report_findings(context, *folder ? folder : name, &found);
    convo_findings_free(&found);
    return status;
}

static int mix_folder(const cli_context *context, const data_values *values, const char *name, const char *folder) {
    return mix_data(context, &values->mix, name, folder);
}

typedef int (*folder_use)(const cli_context *context, const data_values *values, const char *name, const char *folder);

// NAME|DIR: a folder or file is what --as says, else a data set by its own name, else what it looks like.
static int with_folder(const cli_context *context, const data_values *values, char *word, folder_use use) {
    size_t length = strlen(word);
    while (length > 1 && word[length - 1] == '/') word[--length] = '\0';
    const char *name = values->as ? values->as : base_name(word), *seen;
    cli_hint near = hint_start(name);
    bool known = is_known(name, &near), there = is_folder(word) || is_file(word);
    bool path_given = strchr(word, '/') || (there && (values->as || !known));
    if (!known && !values->as && there && (seen = convo_data_guess(word))) {
        name = seen;
        known = true;
    }
    if (!there && !values->data && (values->as || (!known && strpbrk(word, "/."))))
        return complain(word, "there is no such folder or file%s", known ? "" : near.text);
    if (!known)
        return complain(name, "unknown data set (%s)%s",
                        path_given ? "to read a folder, pass --as NAME" : "'convo data list' lists them", near.text);
    if (values->data || path_given) return use(context, values, name, values->data ? values->data : word);
    char **search = data_folders(NULL), *folder = NULL;
    convo_error err;
    if (!search) return no_memory();
    int status = convo_data_find(name, (const char *const *)search, &folder, &err) ? fail(&err) : DONE;
    if (!status) status = use(context, values, name, folder);
    free(folder);
    free_texts(search);
    return status;
}

// --- of recipes -------------------------------------------------------------------------------------------------

typedef int (*recipe_use)(const cli_context *context, const data_values *values, const convo_recipe *recipe,
                          const convo_train_options *how);

static int with_recipe(const cli_context *context, const data_values *values, recipe_use use) {
    convo_recipe *recipe = NULL;
    char *file = NULL;
    cli_data d = {0};
    int status = open_recipe(context->word[1], &values->set, &recipe, &file);
    if (!status) status = data_open(&d, file, values->data, values->threads);
    data_show(&d, context);
    if (!status) status = use(context, values, recipe, &d.how);
    data_close(&d);
    free(file);
    convo_recipe_free(recipe);
    return status;
}

static int export(const cli_context *context, const data_values *values, const convo_recipe *recipe,
                  const convo_train_options *how) {
    convo_error err;
    if (convo_data_export(recipe, how, values->mix.out, &err)) return fail(&err);
    if (context->json) return print_json(json_pack("{s:o}", "out", json_text(values->mix.out)), false);
    if (!context->quiet) say(stdout, "%s\n", values->mix.out);
    return DONE;
}

static int check_recipe(const cli_context *context, const data_values *values, const convo_recipe *recipe,
                        const convo_train_options *how) {
    (void)values;
    convo_findings found = {0};
    convo_error err;
    if (convo_data_check(recipe, how, &found, &err)) return fail(&err);
    int status = report_findings(context, context->word[1], &found);
    convo_findings_free(&found);
    return status;
}

static int describe_recipe(const cli_context *context, const data_values *values, const convo_recipe *recipe,
                           const convo_train_options *how) {
    (void)values;
    convo_parts parts = {0};
    convo_error err;
    if (convo_data_parts(recipe, how, &parts, &err)) return fail(&err);
    int status = DONE;
    if (context->json) {
        status = print_json(json_pack("{s:s, s:o}", "recipe", convo_recipe_name(recipe), "parts", parts_json(&parts)),
                            false);
    } else {
        print_parts_line(stdout, &parts);
        print_imbalance(stdout, &parts);
        putchar('\n');
        status = print_parts_table(stdout, &parts);
    }
    convo_parts_free(&parts);
    return status;
}

static bool is_yaml(const char *word) {
    const char *ending = strrchr(word, '.');
    return ending && (!strcmp(ending, ".yaml") || !strcmp(ending, ".yml"));
}

static bool is_data(const data_values *values, const char *word) {
    cli_hint unused = hint_start(word);
    return values->as || is_folder(word) || (is_file(word) && !is_yaml(word)) || is_known(word, &unused);
}

// What is no recipe is a folder, a file or the name of a data set.
static int check(const cli_context *context, const data_values *values) {
    char *word = context->word[1];
    return is_data(values, word) ? with_folder(context, values, word, check_folder)
                                 : with_recipe(context, values, check_recipe);
}

static bool is_recipe(const char *word) {
    char **names = recipe_names();
    bool found = is_yaml(word);
    for (size_t k = 0; names && names[k] && !found; k++) found = !strcmp(names[k], word);
    free_texts(names);
    return found;
}

static int info(const cli_context *context, const data_values *values) {
    char *word = context->word[1];
    return is_recipe(word) && !is_data(values, word) ? with_recipe(context, values, describe_recipe)
                                                     : with_folder(context, values, word, describe);
}

static const char *const verbs[] = {"list", "export", "info", "check", "get", "cache", "mix"};

// An option of another subcommand would do nothing.
static int check_data_options(const char *verb, const data_values *v) {
    const char *mixed = mix_option(&v->mix);
    const struct {
        bool given;
        const char *option, *of;
    } options_of[] = {{v->data, "data", "info check export mix"},
                      {v->as, "as", "info check mix"},
                      {v->force, "force", "get"},
                      {v->clear, "clear", "cache"},
                      {v->from, "from", "get"},
                      {v->mix.out, "out", "export mix"},
                      {v->set.count, "set", "info check export"},
                      {mixed, mixed, "mix"}};
    for (size_t k = 0; k < COUNT(options_of); k++)
        if (options_of[k].given && !strstr(options_of[k].of, verb))
            return usage_error("data", "'data %s' has no option --%s", verb, options_of[k].option);
    return DONE;
}

static int run_data_command(const cli_context *context, const void *given) {
    const data_values *values = given;
    const char *verb = context->word[0];
    if (!strcmp(verb, "list") && context->words == 1) return list(context);
    if (!strcmp(verb, "list")) return usage_error("data", "list takes no argument");
    if (!strcmp(verb, "info") && context->words == 2) return info(context, values);
    if (!strcmp(verb, "info"))
        return usage_error("data", "info takes one data set, folder or recipe: convo data info fsdd");
    if (!strcmp(verb, "get") && context->words == 2)
        return get_data(context, context->word[1], values->from, values->force);
    if (!strcmp(verb, "get")) return usage_error("data", "get takes one data set: convo data get cifar-10");
    if (!strcmp(verb, "check") && context->words == 2) return check(context, values);
    if (!strcmp(verb, "check"))
        return usage_error("data", "check takes one recipe, data set or folder: convo data check fsdd-mfcc");
    if (!strcmp(verb, "export") && context->words == 2)
        return values->mix.out ? with_recipe(context, values, export)
                               : usage_error("data", "export needs -o FILE.npz or -o DIR");
    if (!strcmp(verb, "export")) return usage_error("data", "export takes one recipe: convo data export fsdd-mfcc");
    if (!strcmp(verb, "mix") && context->words == 2) return with_folder(context, values, context->word[1], mix_folder);
    if (!strcmp(verb, "mix"))
        return usage_error("data", "mix takes one data set, folder or list: convo data mix fsdd -o stream.flac");
    if (!strcmp(verb, "cache") && context->words == 1) return run_cache(context, values->clear);
    if (!strcmp(verb, "cache")) return usage_error("data", "cache takes no argument");
    cli_hint near = hint_start(verb);
    for (size_t k = 0; k < COUNT(verbs); k++) hint_offer(&near, verbs[k]);
    return usage_error("data", "unknown subcommand 'data %s'%s", verb, near.text);
}

static int run_data(const cli_context *context, const void *given) {
    int status = DONE;
    for (size_t k = 0; k < COUNT(verbs) && !status; k++)
        if (!strcmp(context->word[0], verbs[k])) status = check_data_options(verbs[k], given);
    return status ? status : run_data_command(context, given);
}

const cli_command command_data = {
    .name = "data",
    .help = "list, describe, check and download data sets; export features; mix streams",
    .words = "list|info|check|get|export|mix|cache [NAME|DIR|RECIPE]",
    .least_words = 1,
    .most_words = INT_MAX,
    .examples =
        "  convo data list\n"
        "  convo data get cifar-10              download it into $CONVO_HOME, else ~/.cache/convo\n"
        "  convo data info fsdd\n"
        "  convo data info ~/recordings\n"
        "  convo data info words.yaml            examples and speakers of each class in each part of the split\n"
        "  convo data info ~/recordings --as fsdd --json\n"
        "  convo data check words.yaml           leaks, classes without examples, files that are skipped\n"
        "  convo data export fsdd-mfcc -o mfcc.npz   features and labels as NumPy arrays\n"
        "  convo data mix clips.csv --split test --noise cafe -o test.flac   an hour to listen to, and test.csv\n"
        "  convo data cache                      what is kept of data sets that were read, and how much; --clear\n",
    .notes =
        "clipped: recordings with neighbouring samples at full scale; silent: nothing louder than -60 dB; shifted: a "
        "mean of 1 % of\nfull scale or more; duplicates: the same samples as an earlier one. -v and --json name "
        "all files that cannot be read,\nand count examples (and groups) of each class in each part. imbalance: the "
        "largest class of the training part against the smallest.\n"
        "check: examples and speakers in two parts of the split, copies of another class, classes that a part lacks, "
        "and what\nis skipped. Exit: 0 nothing to mend, 1 something. A folder is checked with its official split.\n"
        "export: X_train, y_train and index_train, and so for validation and test: the features as the net reads "
        "them,\nnormalised, the classes, and the number of each example in the data set. data.set: arrays reads "
        "them back.\n"
        "mix: every recording once (--rounds), in random order, with pauses, over noise; NAME.csv has "
        "start,end,word,snr,source,\nwhich convo eval --stream reads. --split needs the data set's own parts, such "
        "as the column split of a list.\n"
        "cache: features and samples of data sets that were read are kept in $CONVO_HOME/features (else "
        "~/.cache/convo/features),\nso that a second run starts at once; the least recently used go first.\n",
    .options = options,
    .size = sizeof(data_values),
    .run = run_data,
};

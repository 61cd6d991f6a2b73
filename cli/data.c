// convo data: which data sets there are, and what is in one.
#include "command.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

typedef struct data_values {
    const char *data, *as;
    int64_t threads;
} data_values;

static const cli_option options[] = {
    {"data", 0, OPTION_TEXT, offsetof(data_values, data), 0, 0, "DIR", "folder of the data set"},
    {"as", 0, OPTION_TEXT, offsetof(data_values, as), 0, 0, "NAME", "read the folder as this data set (its own name)"},
    {"threads", 0, OPTION_NUMBER, offsetof(data_values, threads), 1, MOST_THREADS, "N", "threads (all)"},
    {0},
};

static int list(const cli_context *context) {
    char **search = data_folders(NULL);
    if (!search) return no_memory();
    cli_table table = {0};
    json_t *sets = json_array();
    const char *name, *help;
    for (int k = 0; (name = convo_data_name(k, &help)); k++) {
        char *folder = NULL;
        convo_error ignored; // not being there is what the list says
        if (convo_data_find(name, (const char *const *)search, &folder, &ignored)) folder = NULL;
        if (context->json) {
            json_array_append_new(sets, json_pack("{s:s, s:s, s:s?}", "name", name, "help", help, "folder", folder));
        } else {
            table_cell(&table, "%s", name);
            table_cell(&table, "%s", folder ? folder : "not here");
            table_cell(&table, "%s", help);
        }
        free(folder);
    }
    free_texts(search);
    if (context->json) return print_json(sets, false);
    json_decref(sets);
    return table_print(&table, "lll", stdout);
}

// --- info -------------------------------------------------------------------------------------------------------

static json_t *groups_json(const convo_group *group, int count) {
    json_t *array = json_array();
    for (int k = 0; k < count; k++)
        json_array_append_new(array, json_pack("{s:s, s:I, s:f}", "name", group[k].name, "count",
                                               (json_int_t)group[k].count, "seconds", group[k].seconds));
    return array;
}

static json_t *info_json(const convo_data_info *i, const char *name, const char *folder) {
    return json_pack("{s:s, s:s, s:I, s:o, s:o, s:o, s:{s:f, s:o, s:o, s:o}, s:I, s:I, s:I, s:s}", "name", name,
                     "folder", folder, "files", (json_int_t)i->files, "classes",
                     groups_json(i->classes, i->class_count), "speakers", groups_json(i->groups, i->group_count),
                     "rates", groups_json(i->rates, i->rate_count), "seconds", "total", i->seconds, "shortest",
                     json_number(i->shortest), "median", json_number(i->median), "longest", json_number(i->longest),
                     "clipped", (json_int_t)i->clipped, "duplicates", (json_int_t)i->duplicates, "unreadable",
                     (json_int_t)i->unreadable, "first_problem", i->first_problem);
}

static int print_groups(const char *head, const convo_group *group, int count) {
    if (!count) return DONE;
    cli_table table = {0};
    table_cell(&table, "%s", head);
    table_cell(&table, "recordings");
    table_cell(&table, "seconds");
    for (int k = 0; k < count; k++) {
        table_cell(&table, "%s", group[k].name);
        table_cell(&table, "%lld", (long long)group[k].count);
        table_cell(&table, "%.1f", group[k].seconds);
    }
    putchar('\n');
    return table_print(&table, "lrr", stdout);
}

static int print_info(const convo_data_info *i, const char *name, const char *folder) {
    printf("%s in %s: %lld recordings, %.1f s\n", name, folder, (long long)i->files, i->seconds);
    if (print_groups("class", i->classes, i->class_count) || print_groups("speaker", i->groups, i->group_count) ||
        print_groups("rate", i->rates, i->rate_count))
        return FAILED;
    printf("\nshortest    %.3f s\nmedian      %.3f s\nlongest     %.3f s\n", i->shortest, i->median, i->longest);
    printf("clipped     %lld\nduplicates  %lld\nunreadable  %lld\n", (long long)i->clipped, (long long)i->duplicates,
           (long long)i->unreadable);
    if (*i->first_problem) printf("first       %s\n", i->first_problem);
    return DONE;
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
    int threads = thread_count(values->threads);
    if (convo_data_describe(name, folder, threads, &info, &err)) return fail(&err);
    int status = context->json ? print_json(info_json(&info, name, folder), false) : print_info(&info, name, folder);
    convo_data_info_free(&info);
    return status;
}

// NAME|DIR: a folder is a data set by its own name unless --as says which.
static int info(const cli_context *context, const data_values *values, char *word) {
    size_t length = strlen(word);
    while (length > 1 && word[length - 1] == '/') word[--length] = '\0';
    bool folder_given = strchr(word, '/') || (is_folder(word) && values->as);
    const char *name = values->as ? values->as : base_name(word);
    cli_hint near = hint_start(name);
    if (!is_known(name, &near))
        return complain(name, "no data set of this name (%s)%s",
                        folder_given ? "--as NAME says what a folder holds" : "convo data list names them", near.text);
    if (values->data || folder_given) return describe(context, values, name, values->data ? values->data : word);
    char **search = data_folders(NULL), *folder = NULL;
    convo_error err;
    if (!search) return no_memory();
    int status = convo_data_find(name, (const char *const *)search, &folder, &err) ? fail(&err) : DONE;
    if (!status) status = describe(context, values, name, folder);
    free(folder);
    free_texts(search);
    return status;
}

static int run(const cli_context *context, const void *given) {
    const char *verb = context->word[0];
    if (!strcmp(verb, "list") && context->words == 1) return list(context);
    if (!strcmp(verb, "list")) return usage_error("data", "list takes no name");
    if (!strcmp(verb, "info") && context->words == 2) return info(context, given, context->word[1]);
    if (!strcmp(verb, "info")) return usage_error("data", "info takes one name or folder: convo data info fsdd");
    cli_hint near = hint_start(verb);
    hint_offer(&near, "list");
    hint_offer(&near, "info");
    return usage_error("data", "no such thing as data %s%s", verb, near.text);
}

const cli_command command_data = {
    .name = "data",
    .help = "which data sets there are, and what is in one",
    .words = "list|info [NAME|DIR]",
    .least_words = 1,
    .most_words = INT_MAX,
    .examples = "  convo data list\n"
                "  convo data info fsdd\n"
                "  convo data info ~/recordings --as fsdd --json\n",
    .notes = "clipped: recordings with neighbouring samples at full scale; duplicates: the same samples as an earlier "
             "one.\n",
    .options = options,
    .size = sizeof(data_values),
    .run = run,
};

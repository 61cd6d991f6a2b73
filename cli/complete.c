// Completions of a command line, from the tables that --help shows. The shells call `convo help --complete`
// (cli/completion); what the words of a table stand for is decided here.
#include "paths.h"
#include "quote.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

// A shell puts the word into its line as it is: one that needs quotes there is not offered.
static void offer(const char *typed, const char *word, const char *help) {
    if (!strncmp(word, typed, strlen(typed)) && is_shell_word(word)) printf("%s\t%s\n", word, help);
}

// --- what the words in capitals stand for -----------------------------------------------------------------------

static void offer_commands(const cli_command *const *commands, const char *typed) {
    for (const cli_command *const *command = commands; *command; command++)
        offer(typed, (*command)->name, (*command)->help);
}

static void offer_recipes(const char *typed) {
    char **names = recipe_names();
    for (char **name = names; name && *name; name++) offer(typed, *name, "recipe");
    free_texts(names);
}

static void offer_data_sets(const char *typed) {
    const char *name, *help;
    for (int k = 0; (name = convo_data_name(k, &help)); k++) offer(typed, name, help);
}

// What `convo recipe WORD` explains: the headings of the reference.
static void offer_entries(const char *typed) {
    char *text = NULL, *next = NULL;
    convo_error ignored; // then there is nothing to offer
    if (convo_recipe_reference(NULL, &text, &ignored)) return;
    for (char *line = strtok_r(text, "\n", &next); line; line = strtok_r(NULL, "\n", &next))
        if (!strncmp(line, "### ", 4)) offer(typed, line + 4, "entry of the reference");
    free(text);
}

static const struct {
    const char *word;
    void (*offer)(const char *typed); // NULL: nothing but files or folders
    bool files, folders;
} kinds[] = {
    {"RECIPE", offer_recipes, true, false},
    {"NAME", offer_data_sets, false, false},
    {"WORD", offer_entries, false, false},
    {"FILE", NULL, true, false},
    {"MODEL", NULL, true, false},
    {"DIR", NULL, false, true},
    {"RUN", NULL, false, true},
};

// pattern: "MODEL|RUN", "[FILE...]", up to `length`
static void offer_pattern(const cli_command *const *commands, const char *typed, const char *pattern, size_t length) {
    static const char between[] = "[]|. ";
    bool files = false, folders = false;
    for (const char *end = pattern + length; pattern < end; pattern += strspn(pattern, between)) {
        char word[64];
        size_t size = strcspn(pattern, between);
        snprintf(word, sizeof word, "%.*s", (int)size, pattern);
        pattern += size;
        if (islower((unsigned char)*word)) offer(typed, word, "");
        if (!strcmp(word, "COMMAND")) offer_commands(commands, typed);
        for (size_t k = 0; k < COUNT(kinds); k++) {
            if (strcmp(kinds[k].word, word)) continue;
            if (kinds[k].offer) kinds[k].offer(typed);
            files = files || kinds[k].files;
            folders = folders || kinds[k].folders;
        }
    }
    if (files || folders) puts(files ? "@files" : "@folders"); // the shell knows better how these are completed
}

// --- the line so far --------------------------------------------------------------------------------------------

// The option that a word names, "--out", "--out=x" or "-o"; NULL for another word.
static const cli_option *find_option(const cli_command *command, const char *word) {
    const cli_option *const tables[] = {command->options, common_options};
    const size_t length = strcspn(word, "=");
    if (*word != '-') return NULL;
    for (size_t t = 0; t < COUNT(tables); t++)
        for (const cli_option *spec = tables[t]; spec->name; spec++)
            if ((word[1] == '-' && length == strlen(spec->name) + 2 && !strncmp(word + 2, spec->name, length - 2)) ||
                (word[1] && word[1] == spec->letter && !word[2]))
                return spec;
    return NULL;
}

static void offer_options(const cli_command *command, const char *typed) {
    const cli_option *const tables[] = {command->options, common_options};
    for (size_t t = 0; t < COUNT(tables); t++)
        for (const cli_option *spec = tables[t]; spec->name; spec++) {
            char word[64];
            snprintf(word, sizeof word, "--%s", spec->name);
            offer(typed, word, spec->help);
        }
}

// The pattern of word number `number`; after the last one, that one again if it may repeat.
static void offer_word(const cli_command *const *commands, const cli_command *command, int number, const char *typed) {
    const char *pattern = command->words;
    size_t length = strcspn(pattern, " ");
    for (; number > 0 && pattern[length]; number--) {
        pattern += length + 1;
        length = strcspn(pattern, " ");
    }
    if (number == 0 || strstr(pattern, "...")) offer_pattern(commands, typed, pattern, length);
}

int complete_line(const cli_command *const *commands, char *const *word, int words) {
    const char *typed = words ? word[words - 1] : "";
    if (words < 2) return offer_commands(commands, typed), DONE;
    const cli_command *command = find_command(commands, word[0]);
    if (!command) return USAGE;
    const cli_option *open = NULL; // an option whose value comes next
    int number = 0;
    for (int k = 1; k < words - 1; k++) {
        const cli_option *spec = open ? NULL : find_option(command, word[k]);
        number += !open && *word[k] != '-';
        open = spec && spec->argument && !strchr(word[k], '=') ? spec : NULL;
    }
    const cli_option *inside = strchr(typed, '=') ? find_option(command, typed) : NULL;
    if (open)
        offer_pattern(commands, typed, open->argument, strlen(open->argument));
    else if (inside && inside->argument)
        offer_pattern(commands, strchr(typed, '=') + 1, inside->argument, strlen(inside->argument));
    else if (*typed == '-')
        offer_options(command, typed);
    else
        offer_word(commands, command, number, typed);
    return DONE;
}

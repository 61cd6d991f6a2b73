// What all commands share: options, help, usage errors.
#include "output.h"
#include "quote.h"

#include <errno.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_OPTIONS = 32, FIRST_VALUE = 256 };

const cli_option common_options[] = {
    {"json", 0, OPTION_FLAG, offsetof(cli_context, json), 0, 0, NULL, "print one machine-readable object"},
    {"quiet", 'q', OPTION_FLAG, offsetof(cli_context, quiet), 0, 0, NULL, "no progress, only results and errors"},
    {"verbose", 'v', OPTION_FLAG, offsetof(cli_context, verbose), 0, 0, NULL, "say more about what happens"},
    {"help", 'h', OPTION_FLAG, 0, 0, 0, NULL, "show this"},
    {"version", 0, OPTION_FLAG, 0, 0, 0, NULL, "show the version"},
    {0},
};

static void print_options(const cli_option *spec, FILE *stream) {
    enum { WIDTH = 22 };
    for (; spec->name; spec++) {
        char left[64], letter[8] = "";
        int length = snprintf(left, sizeof left, "--%s%s%s", spec->name, spec->argument ? " " : "",
                              spec->argument ? spec->argument : "");
        if (spec->letter) snprintf(letter, sizeof letter, "-%c,", spec->letter);
        fprintf(stream, "  %-3s %-*s", letter, WIDTH, left);
        if (length > WIDTH) fprintf(stream, "\n%*s", WIDTH + 6, "");
        fprintf(stream, " %s\n", spec->help);
    }
}

void print_help(const cli_command *command, FILE *stream) {
    fprintf(stream, "convo %s: %s\n\n%s\nusage: convo %s%s%s [options]\n\n", command->name, command->help,
            command->examples, command->name, *command->words ? " " : "", command->words);
    if (command->options->name) fputs("options:\n", stream);
    print_options(command->options, stream);
    fputs("\nof every command:\n", stream);
    print_options(common_options, stream);
    if (command->notes) fprintf(stream, "\n%s", command->notes);
}

// The tables as getopt_long wants them: option k of both tables together has the value FIRST_VALUE + k.
typedef struct option_set {
    const cli_option *spec[MOST_OPTIONS];
    struct option longs[MOST_OPTIONS + 1];
    char letters[2 * MOST_OPTIONS + 2];
    size_t count;
} option_set;

static void parser_add(option_set *parser, const cli_option *spec) {
    for (; spec->name && parser->count < MOST_OPTIONS; spec++) {
        int has = spec->type == OPTION_FLAG ? no_argument : required_argument;
        parser->longs[parser->count] = (struct option){spec->name, has, NULL, FIRST_VALUE + (int)parser->count};
        parser->spec[parser->count++] = spec;
        size_t end = strlen(parser->letters);
        if (spec->letter) parser->letters[end++] = spec->letter;
        if (spec->letter && has == required_argument) parser->letters[end] = ':';
    }
}

static const cli_option *parser_find(const option_set *parser, int value) {
    for (size_t k = 0; k < parser->count; k++)
        if (value == FIRST_VALUE + (int)k || (value && value == parser->spec[k]->letter)) return parser->spec[k];
    return NULL;
}

static int refuse(const option_set *parser, const char *name, int value, const char *typed) {
    const cli_option *spec = parser_find(parser, value);
    if (spec) return usage_error(name, "--%s takes no value", spec->name);
    if (strncmp(typed, "--", 2)) return usage_error(name, "unknown option '-%c'", value);
    int length = (int)strcspn(typed, "=");
    char word[64];
    snprintf(word, sizeof word, "%.*s", length, typed);
    cli_hint near = hint_start(word);
    for (size_t k = 0; k < parser->count; k++) {
        char candidate[64];
        snprintf(candidate, sizeof candidate, "--%s", parser->spec[k]->name);
        hint_offer(&near, candidate);
    }
    return usage_error(name, "unknown option '%.*s'%s", length, typed, near.text);
}

// Stores `text`, the value of an option, in its field of `values`. name: of the command, for errors.
static int store(const char *name, const cli_option *spec, void *values, char *text) {
    void *field = (char *)values + spec->offset;
    if (spec->type == OPTION_TEXT && !*text) return usage_error(name, "--%s needs %s", spec->name, spec->argument);
    if (spec->type == OPTION_FLAG) *(bool *)field = true;
    if (spec->type == OPTION_TEXT) *(const char **)field = text;
    if (spec->type == OPTION_LIST) {
        cli_list *list = field;
        const char **grown = realloc(list->text, (list->count + 1) * sizeof *grown);
        if (!grown) return no_memory();
        list->text = grown;
        grown[list->count++] = text;
    }
    if (spec->type == OPTION_NUMBER) {
        char *end;
        errno = 0;
        long long number = strtoll(text, &end, 10);
        if (end == text || *end || errno || number < spec->least || number > spec->most) {
            char most[32] = "";
            if (spec->most < INT64_MAX) snprintf(most, sizeof most, " to %lld", (long long)spec->most);
            return usage_error(name, "--%s needs a whole number from %lld%s, not '%s'", spec->name,
                               (long long)spec->least, most, text);
        }
        *(int64_t *)field = number;
    }
    return DONE;
}

static bool is_common(const cli_option *spec) {
    for (const cli_option *common = common_options; common->name; common++)
        if (spec == common) return true;
    return false;
}

static int parse(const cli_command *command, int argc, char **argv, cli_context *context, void *values, bool *shown) {
    option_set parser = {.letters = ":"}; // a missing value is reported as ':'
    parser_add(&parser, command->options);
    parser_add(&parser, common_options);
    opterr = 0;
    int value;
    while ((value = getopt_long(argc, argv, parser.letters, parser.longs, NULL)) != -1) {
        const cli_option *spec = parser_find(&parser, value);
        if (value == ':') {
            const cli_option *needy = parser_find(&parser, optopt);
            return usage_error(command->name, "--%s needs %s", needy->name, needy->argument);
        }
        if (!spec) return refuse(&parser, command->name, optopt, argv[optind - 1]);
        if (is_common(spec) && (!strcmp(spec->name, "help") || !strcmp(spec->name, "version"))) {
            if (*spec->name == 'h')
                print_help(command, stdout);
            else
                say(stdout, "convo %s\n", convo_version());
            *shown = true;
            return DONE;
        }
        int status = store(command->name, spec, is_common(spec) ? (void *)context : values, optarg);
        if (status) return status;
    }
    context->word = argv + optind;
    context->words = argc - optind;
    const int most = command->most_words ? command->most_words : 1,
              least = command->most_words ? command->least_words : 1;
    if (context->words < least)
        return usage_error(command->name, "missing argument: convo %s %s", command->name, command->words);
    if (context->words > most)
        return usage_error(command->name, "unexpected argument '%s': convo %s %s", context->word[most], command->name,
                           command->words);
    return DONE;
}

const cli_command *find_command(const cli_command *const *commands, const char *name) {
    cli_hint near = hint_start(name);
    for (const cli_command *const *command = commands; *command; command++) {
        if (!strcmp((*command)->name, name)) return *command;
        hint_offer(&near, (*command)->name);
    }
    usage_error(NULL, "no command '%s'%s", name, near.text);
    return NULL;
}

int command_run(const cli_command *const *commands, const cli_command *command, int argc, char **argv) {
    cli_context context = {.commands = commands, .argc = argc};
    void *values = calloc(1, command->size + 1);
    char **line = calloc((size_t)argc + 1, sizeof *line); // getopt_long reorders what it reads
    bool shown = false;
    int status = FAILED;
    if (!values || !line) {
        status = no_memory();
        goto done;
    }
    memcpy(line, argv, (size_t)argc * sizeof *line);
    context.argv = line;
    for (const cli_option *spec = command->options; spec->name; spec++)
        if (spec->type == OPTION_NUMBER) *(int64_t *)(void *)((char *)values + spec->offset) = -1;
    status = parse(command, argc - 1, argv + 1, &context, values, &shown);
    if (!status && !shown) status = command->run(&context, values);
done:
    for (const cli_option *spec = command->options; values && spec->name; spec++)
        if (spec->type == OPTION_LIST) free(((cli_list *)(void *)((char *)values + spec->offset))->text);
    free(values);
    free(line);
    return status;
}

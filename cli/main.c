// convo VERB ...: finds the verb.
#include "command.h"

#include <string.h>

#define COMMANDS(X)                                                                                                    \
    X(train)                                                                                                           \
    X(eval) X(predict) X(summary) X(field) X(gradcheck) X(maps) X(plot) X(report) X(features) X(data) X(sweep)         \
        X(reproduce) X(export) X(import) X(init) X(bench) X(recipe)

#define DECLARE(name) extern const cli_command command_##name;
COMMANDS(DECLARE)
#define POINTER(name) &command_##name,
static const cli_command *const commands[] = {COMMANDS(POINTER)};

static void help(FILE *stream) {
    fprintf(stream,
            "convo %s: train, explain, check and ship small convolutional networks\n\n"
            "  convo train fsdd-mfcc            train a spoken-digit recogniser into runs/fsdd-mfcc-0\n"
            "  convo eval runs/fsdd-mfcc-0      accuracy, per class and confusions\n"
            "  convo predict runs/fsdd-mfcc-0 recording.wav\n\n"
            "commands:\n",
            convo_version());
    for (size_t k = 0; k < COUNT(commands); k++) fprintf(stream, "  %-10s %s\n", commands[k]->name, commands[k]->help);
    fputs("\nconvo COMMAND --help tells more.\n", stream);
}

static const cli_command *find(const char *name) {
    for (size_t k = 0; k < COUNT(commands); k++)
        if (!strcmp(commands[k]->name, name)) return commands[k];
    return NULL;
}

static int unknown(const char *name) {
    cli_hint near = hint_start(name);
    for (size_t k = 0; k < COUNT(commands); k++) hint_offer(&near, commands[k]->name);
    return usage_error(NULL, "no command '%s'%s", name, near.text);
}

static int run(int argc, char **argv) {
    if (argc < 2) return help(stderr), USAGE;
    const char *verb = argv[1];
    if (!strcmp(verb, "--version")) return printf("convo %s\n", convo_version()), DONE;
    if (!strcmp(verb, "help") || !strcmp(verb, "--help") || !strcmp(verb, "-h")) {
        if (argc < 3) return help(stdout), DONE;
        const cli_command *about = find(argv[2]);
        return about ? (command_help(about, stdout), DONE) : unknown(argv[2]);
    }
    if (verb[0] == '-') return usage_error(NULL, "a command comes before options such as %s", verb);
    const cli_command *command = find(verb);
    return command ? command_run(command, argc, argv) : unknown(verb);
}

int main(int argc, char **argv) {
    int status = run(argc, argv);
    // A full disk behind a redirected output shows here, and must not look like success.
    if (fflush(stdout) || ferror(stdout)) return complain("standard output", "the results could not all be written");
    return status;
}

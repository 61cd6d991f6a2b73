// convo help: what the option tables say, for people (help, manual pages) and for the shell (completion).
#include "output.h"
#include "report/page.h"

#include <limits.h>

typedef struct help_values {
    bool man, complete;
    const char *out;
} help_values;

#define VALUES help_values
static const cli_option options[] = {
    FLAG_OPTION("man", 0, man, "as a manual page: convo help --man train | man -l -"),
    TEXT_OPTION("out", 'o', out, "DIR", "with --man: write all pages there"),
    FLAG_OPTION("complete", 0, complete, "for shells: complete the last of the words after --"),
    {0},
};

const char overview_examples[] =
    "  convo train fsdd-mfcc            train a spoken-digit recogniser into runs/fsdd-mfcc-0\n"
    "  convo eval runs/fsdd-mfcc-0      accuracy, per class and confusions\n"
    "  convo predict runs/fsdd-mfcc-0 recording.wav\n";

void print_overview(const cli_command *const *commands, FILE *stream) {
    fprintf(stream,
            "convo %s: train, explain, check and ship small convolutional networks\n\n"
            "%s\n"
            "commands:\n",
            convo_version(), overview_examples);
    for (const cli_command *const *command = commands; *command; command++)
        fprintf(stream, "  %-10s %s\n", (*command)->name, (*command)->help);
    fputs("\nconvo COMMAND --help tells more.\n", stream);
}

static int run_help(const cli_context *context, const void *given) {
    const help_values *values = given;
    const cli_command *about = NULL;
    if (values->complete) return complete_line(context->commands, context->word, context->words);
    if (context->words > 1) return usage_error("help", "help takes one command: convo help %s", context->word[0]);
    if (context->words && !(about = find_command(context->commands, context->word[0]))) return USAGE;
    if (values->out && (!values->man || about))
        return usage_error("help", "--out DIR requires --man: convo help --man --out DIR");
    if (values->out) return write_manuals(context->commands, values->out);
    if (values->man)
        write_manual(context->commands, about, stdout);
    else if (about)
        print_help(about, stdout);
    else
        print_overview(context->commands, stdout);
    return DONE;
}

const cli_command command_help = {
    .name = "help",
    .help = "list the commands, or explain one",
    .words = "[COMMAND]",
    .least_words = 0,
    .most_words = INT_MAX,
    .examples = "  convo help train                       the same as convo train --help\n"
                "  convo help --man train | man -l -      its manual page, where convo is not installed\n"
                "  convo help --man --out man/man1        all manual pages\n",
    .options = options,
    .size = sizeof(help_values),
    .run = run_help,
};

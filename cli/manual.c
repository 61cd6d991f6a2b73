// Manual pages from the tables that --help shows, in the language of man(7).
#include "output.h"
#include "paths.h"
#include "quote.h"
#include "report/page.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

// Help as a sentence.
static void put_sentence(const char *text, FILE *out) {
    const char start[] = {(char)toupper((unsigned char)*text), 0};
    man_text(start, out);
    man_text(text + 1, out);
    fputs(text[strlen(text) - 1] == '.' ? "\n" : ".\n", out);
}

// Words in capitals stand for something else: they are italic; small letters are typed as they are: bold.
static void put_words(const char *words, FILE *out) {
    static const char between[] = " []|";
    while (*words) {
        char word[64];
        const size_t length = strcspn(words, between), gap = strspn(words + length, between);
        snprintf(word, sizeof word, "%.*s", (int)length, words);
        if (length) fprintf(out, "\\f%c", islower((unsigned char)*word) ? 'B' : 'I');
        man_text(word, out);
        fprintf(out, "%s%.*s", length ? "\\fR" : "", (int)gap, words + length);
        words += length + gap;
    }
}

static void put_options(const cli_option *spec, FILE *out) {
    for (; spec->name; spec++) {
        fputs(".TP\n", out);
        if (spec->letter) fprintf(out, "\\fB\\-%c\\fR, ", spec->letter);
        fputs("\\fB\\-\\-", out);
        man_text(spec->name, out);
        fputs("\\fR", out);
        if (spec->argument) fputc(' ', out);
        if (spec->argument) put_words(spec->argument, out);
        fputc('\n', out);
        put_sentence(spec->help, out);
    }
}

// The day of the build, or what a build that is to be repeated says it is (reproducible-builds.org/specs).
static void put_title(const char *name, FILE *out) {
    const char *epoch = getenv("SOURCE_DATE_EPOCH");
    const time_t now = epoch ? (time_t)strtoll(epoch, NULL, 10) : time(NULL);
    struct tm day = {0};
    char date[32];
    gmtime_r(&now, &day);
    strftime(date, sizeof date, "%Y-%m-%d", &day);
    fputs(".TH CONVO", out);
    if (name) fputc('-', out);
    for (; name && *name; name++) fputc(toupper((unsigned char)*name), out);
    fprintf(out, " 1 %s \"convo %s\" \"convo manual\"\n", date, convo_version());
}

static void put_examples(const char *examples, FILE *out) {
    fputs(".SH EXAMPLES\n.nf\n", out);
    man_text(examples, out);
    fputs(".fi\n", out);
}

static void write_page(const cli_command *command, FILE *out) {
    fprintf(out, ".SH NAME\nconvo\\-%s \\- ", command->name);
    man_text(command->help, out);
    fprintf(out, "\n.SH SYNOPSIS\n\\fBconvo %s\\fR ", command->name);
    put_words(command->words, out);
    fprintf(out, "%s[\\fIoptions\\fR]\n.SH DESCRIPTION\n", *command->words ? " " : "");
    put_sentence(command->help, out);
    if (command->notes) fputs(".PP\n", out);
    if (command->notes) man_text(command->notes, out);
    fputs(".SH OPTIONS\n", out);
    put_options(command->options, out);
    put_options(common_options, out);
    put_examples(command->examples, out);
    fputs(".SH SEE ALSO\n.BR convo (1)\n", out);
}

static void write_first_page(const cli_command *const *commands, FILE *out) {
    fputs(".SH NAME\nconvo \\- train, explain, check and ship small convolutional networks\n"
          ".SH SYNOPSIS\n\\fBconvo\\fR \\fICOMMAND\\fR [\\fIwords\\fR] [\\fIoptions\\fR]\n"
          ".SH DESCRIPTION\nconvo trains small convolutional networks for speech and pictures on ordinary CPUs.\n"
          "A recipe in YAML says what data, which features, which layers and how to train; a training writes a run\n"
          "folder with the model in it, which the other commands look into, use and export.\n"
          "Each command has a page of its own, such as\n.BR convo\\-train (1).\n"
          ".SH COMMANDS\n",
          out);
    for (const cli_command *const *command = commands; *command; command++) {
        fprintf(out, ".TP\n\\fB%s\\fR ", (*command)->name);
        put_words((*command)->words, out);
        fputc('\n', out);
        put_sentence((*command)->help, out);
    }
    fputs(".SH OPTIONS\n", out);
    put_options(common_options, out);
    put_examples(overview_examples, out);
    fputs(".SH EXIT STATUS\n0 done, 1 failed, 2 a command line that makes no sense, 130 interrupted.\n"
          ".SH ENVIRONMENT\n"
          ".TP\n.B CONVO_HOME\nWhat is kept between runs: downloaded data sets, computed features (else\n"
          "$XDG_CACHE_HOME/convo, else ~/.cache/convo).\n"
          ".TP\n.B NO_COLOR\nNo colour, whatever the terminal can do.\n"
          ".TP\n.B https_proxy, http_proxy, no_proxy\nOf downloads, as in\n.BR curl (1).\n"
          ".SH SEE ALSO\n",
          out);
    for (const cli_command *const *command = commands; *command; command++)
        fprintf(out, ".BR convo\\-%s (1)%s\n", (*command)->name, command[1] ? "," : "");
}

void write_manual(const cli_command *const *commands, const cli_command *command, FILE *out) {
    put_title(command ? command->name : NULL, out);
    if (command)
        write_page(command, out);
    else
        write_first_page(commands, out);
}

static int write_manual_in(const char *folder, const cli_command *const *commands, const cli_command *command) {
    char *text = NULL,
         *path = command ? text_of("%s/convo-%s.1", folder, command->name) : text_of("%s/convo.1", folder);
    size_t size;
    FILE *out = path ? open_memstream(&text, &size) : NULL;
    if (out) write_manual(commands, command, out);
    int status = out && !fclose(out) ? write_text(path, text) : no_memory();
    free(text);
    free(path);
    return status;
}

int write_manuals(const cli_command *const *commands, const char *folder) {
    int status = write_manual_in(folder, commands, NULL);
    for (const cli_command *const *command = commands; *command && !status; command++)
        status = write_manual_in(folder, commands, *command);
    return status;
}

// Ctrl-C: a run stops after its step, saves, and can be continued.
#include "interrupt.h"
#include "quote.h"

#include <signal.h>
#include <string.h>

static volatile int stop; // the only way a signal can speak to a program

static void on_signal(int number) {
    (void)number;
    stop = 1;
    signal(SIGINT, SIG_DFL); // the second Ctrl-C ends at once
    signal(SIGTERM, SIG_DFL);
}

const volatile int *stop_on_signals(void) {
    if (signal(SIGINT, on_signal) == SIG_IGN) signal(SIGINT, SIG_IGN); // a job in the background stays there
    signal(SIGTERM, on_signal);
    return &stop;
}

void print_words(const cli_context *context, FILE *stream) {
    for (int k = 1; k < context->argc; k++) {
        const char *word = context->argv[k];
        size_t length = strlen(word);
        if (length > 2 && (!strncmp("--force", word, length) || !strncmp("--resume", word, length))) continue;
        fputc(' ', stream);
        shell_word(word, stream);
    }
}

void print_resume(const cli_context *context) {
    fputs("  ", stderr);
    shell_word(context->argv[0], stderr);
    print_words(context, stderr);
    fputs(" --resume\n", stderr);
}

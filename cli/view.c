// convo view: a page of this machine that shows runs, side by side and while they are trained.
#include "interrupt.h"
#include "output.h"
#include "paths.h"
#include "quote.h"
#include "view/view.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

typedef struct view_values {
    const char *out, *sort, *address, *data;
    int64_t port, threads;
    bool once;
} view_values;

#define VALUES view_values
static const cli_option options[] = {
    NUMBER_OPTION("port", 'p', port, 0, 65535, "N", "port to answer at (8642, else a free one; 0: any)"),
    TEXT_OPTION("address", 0, address, "ADDRESS", "numeric address to answer at (127.0.0.1: this machine only)"),
    TEXT_OPTION("sort", 0, sort, "COLUMN", "sort by run, state, loss, test, train.batch, ...; -COLUMN: downwards"),
    TEXT_OPTION("out", 'o', out, "FILE", "write the page of all runs to FILE.html and end"),
    FLAG_OPTION("once", 0, once, "print the runs and end; with --json, which implies it, all figures and settings"),
    DATA_OPTION,
    THREADS_OPTION,
    {0},
};

static int print_runs(const view *v) {
    cli_table table = {0};
    table_row(&table, "run\tstate");
    for (size_t k = 0; k < v->runs; k++) table_row(&table, "%s\t%s", v->run[k]->folder, state_of(v->run[k], true).text);
    return table_print(&table, "ll", stdout);
}

static int write_overview(const cli_context *context, const view *v, const view_values *values) {
    char *text = overview_text(v, values->sort, false);
    int status = text ? write_text(values->out, text) : no_memory();
    if (!status && context->json)
        status = print_json(
            json_pack("{s:o, s:I}", "written", json_text(values->out), "bytes", (json_int_t)strlen(text)), false);
    else if (!status)
        say(stdout, "%s  (%s)\n", values->out, bytes_of((double)strlen(text)).text);
    free(text);
    return status;
}

static int check_column(const view *v, const char *sort) {
    if (!sort) return DONE;
    cli_hint near = hint_start(sort + (*sort == '-'));
    return is_column(v, sort, &near)
               ? DONE
               : usage_error("view", "there is no column '%s' to sort by%s", near.word, near.text);
}

// Everything that there is to read; a server goes on.
static void read_all(view *v) {
    enum { MOST_ROUNDS = 100 }; // of a file that grows all the time
    uint64_t before = UINT64_MAX;
    for (int k = 0; k < MOST_ROUNDS && before != v->version; k++) {
        before = v->version;
        view_follow(v);
    }
}

static int check_words(char *const *word) {
    for (; *word; word++)
        if (!is_folder(*word)) return complain(*word, "is not a folder: pass runs, or folders of runs");
    return DONE;
}

static int show(const cli_context *context, const view_values *values, view *v) {
    read_all(v);
    const bool once = values->once || values->out || context->json;
    if (!v->runs && once) return complain(*v->word, "contains no runs: 'convo train' makes them");
    int status = check_column(v, values->sort);
    v->sort = values->sort;
    if (status) return status;
    if (!once) return view_serve(v, values->address ? values->address : "127.0.0.1", values->port, stop_on_signals());
    if (values->out) return write_overview(context, v, values);
    return context->json ? print_json(overview_json(v, values->sort), false) : print_runs(v);
}

static int run_view(const cli_context *context, const void *given) {
    const view_values *values = given;
    if (values->out && check_out("view", values->out, ".html")) return USAGE;
    char usual[] = "runs", **words = calloc((size_t)context->words + 2, sizeof *words);
    cli_data d = {0};
    view *v = words ? calloc(1, sizeof *v) : NULL;
    if (!v) return free(words), no_memory();
    for (int k = 0; k < context->words; k++) {
        words[k] = context->word[k];
        for (size_t n = strlen(words[k]); n > 1 && words[k][n - 1] == '/'; n--)
            words[k][n - 1] = '\0'; // "run/" is "run"
    }
    if (!context->words) words[0] = usual;
    *v = (view){.context = context, .word = words, .version = 1};
    pthread_mutex_init(&v->lock, NULL);
    int status = check_words(words);
    if (!status) status = data_open(&d, NULL, values->data, values->threads);
    v->how = d.how;
    if (!status) status = show(context, values, v);
    pthread_mutex_lock(&v->lock);
    v->stopping = true;
    const bool working = v->working;
    pthread_mutex_unlock(&v->lock);
    if (working) fflush(stdout), _exit(status); // what is being computed is of no use to anybody
    view_free(v);
    data_close(&d);
    free(v);
    free(words);
    return status;
}

const cli_command command_view = {
    .name = "view",
    .help = "a page on this machine that shows runs side by side, and trainings as they go",
    .words = "[RUN...]",
    .least_words = 0,
    .most_words = INT_MAX,
    .examples = "  convo view\n"
                "  convo view runs/try runs/moons-lr --sort -test\n"
                "  convo view runs/try -o runs.html\n"
                "  convo view runs/try --once --json\n",
    .notes =
        "RUN is a run folder, or a folder of runs, such as that of a sweep; without it, runs/. New runs in a folder\n"
        "appear by themselves. The page is for this machine only, unless --address says otherwise; nothing is loaded\n"
        "from elsewhere, and nothing leaves the machine. A run's own page evaluates its model on what is held out.\n"
        "-o, --once and --json serve nothing. See docs/view.md.\n",
    .options = options,
    .size = sizeof(view_values),
    .run = run_view,
};

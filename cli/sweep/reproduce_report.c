// The table of `convo reproduce`, for the terminal, as Markdown and as JSON.
#define _DEFAULT_SOURCE // getloadavg
#include "interrupt.h"
#include "output.h"
#include "paths.h"
#include "sweep/reproduce.h"
#include "sweep/trial.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

double load_average(void) {
    double load;
    return getloadavg(&load, 1) == 1 ? load : NAN;
}

// --- the table --------------------------------------------------------------------------------------------------

static void mean_cell(cli_table *table, const cli_spread *spread, int digits) {
    if (spread->count)
        table_cell(table, "%.*f", digits, spread->mean);
    else
        table_cell(table, "-");
}

static void ours_cell(cli_table *table, const reproduced *row) {
    if (row->missing)
        table_cell(table, "no data: %s", row->missing);
    else if (row->diverged)
        table_cell(table, "%s%s (%d of %d diverged)", spread_text(&row->ours).text, row->on_validation ? " †" : "",
                   row->diverged, row->runs);
    else
        table_cell(table, "%s%s", spread_text(&row->ours).text, row->on_validation ? " †" : "");
}

static const char *fill(const reproduction *r, cli_table *table) {
    table_row(table, "recipe\tparameters\tmultiply-adds\tpublished\tours");
    if (r->loso) table_cell(table, "new speaker");
    table_row(table, "s per epoch\tseconds\texamples/s");
    for (size_t k = 0; k < r->rows; k++) {
        const reproduced *row = &r->row[k];
        table_row(table, "%s\t%lld\t%lld", row->name, (long long)row->parameters, (long long)row->multiply_adds);
        if (isfinite(row->published))
            table_cell(table, "%.4f", row->published);
        else
            table_cell(table, "-");
        ours_cell(table, row);
        if (r->loso) table_cell(table, "%s", spread_text(&row->speakers).text);
        mean_cell(table, &row->epoch_seconds, row->epoch_seconds.mean < 1 ? 4 : 2);
        mean_cell(table, &row->seconds, 1);
        mean_cell(table, &row->speed, 0);
    }
    return r->loso ? "lrrrllrrr" : "lrrrlrrr";
}

static size_t missing(const reproduction *r) {
    size_t count = 0;
    for (size_t k = 0; k < r->rows; k++) count += r->row[k].missing != NULL;
    return count;
}

// What the marks and columns mean, one sentence a line.
static void print_notes(const reproduction *r, FILE *stream) {
    bool marked = false;
    for (size_t k = 0; k < r->rows; k++) marked = marked || r->row[k].on_validation;
    if (r->quick) fputs("Quick: a tenth of the epochs, so that the accuracies say little.\n", stream);
    if (marked) fputs("† Accuracy on the validation part: the recipe has no test part.\n", stream);
    if (r->loso)
        fputs("New speaker: accuracy on a speaker who was left out of training, mean and standard deviation over all "
              "speakers.\n",
              stream);
    if (missing(r))
        fprintf(stream, "%zu of %zu recipes were skipped, because their data are not there.\n", missing(r), r->rows);
}

int print_reproduction(const reproduction *r) {
    cli_table table = {0};
    const char *align = fill(r, &table);
    int status = table_print(&table, align, stdout);
    if (!status) putchar('\n');
    if (!status) print_notes(r, stdout);
    return status;
}

// --- Markdown ---------------------------------------------------------------------------------------------------

// "Intel(R) Xeon(R) ...", where the system has /proc/cpuinfo.
static char *processor(void) {
    char line[256], *name = NULL;
    FILE *in = fopen("/proc/cpuinfo", "r");
    while (in && !name && fgets(line, sizeof line, in)) {
        const char *colon = strchr(line, ':');
        if (strncmp(line, "model name", 10) || !colon) continue;
        name = text_of("%.*s", (int)strcspn(colon + 2, "\n"), colon + 2);
    }
    if (in) fclose(in);
    return name ? name : text_of("a processor of unknown name");
}

static int print_markdown(const cli_context *context, const reproduction *r, FILE *out) {
    char date[32], *name = processor();
    time_t now = time(NULL);
    strftime(date, sizeof date, "%Y-%m-%d", gmtime(&now));
    fputs("# Published figures, and ours\n\nMade by\n\n    convo", out);
    print_words(context, out);
    fprintf(out, "\n\nwith convo %s on %s: %s", convo_version(), date, name ? name : "");
    free(name);
    if (r->threads) fprintf(out, ", %d threads, %s", r->threads, r->isa);
    if (isfinite(r->load)) fprintf(out, "; the load average was %.1f before it began", r->load);
    fprintf(out, ".\nOurs is the accuracy on the test part%s.\n\n",
            r->count > 1 ? ", mean ± standard deviation over the trials, each with its own seed"
                         : " with the recipe's seed");
    cli_table table = {0};
    const char *align = fill(r, &table);
    int status = table_markdown(&table, align, out);
    fputc('\n', out);
    print_notes(r, out);
    fputs("\nPublished by:\n\n", out);
    for (size_t k = 0; k < r->rows; k++)
        if (isfinite(r->row[k].published)) fprintf(out, "- %s: %s\n", r->row[k].name, r->row[k].source);
    return status;
}

int write_markdown(const cli_context *context, const reproduction *r, const char *path) {
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);
    int status = out ? print_markdown(context, r, out) : no_memory();
    if (out && fclose(out) && !status) status = no_memory();
    if (!status) status = write_text(path, text);
    free(text);
    return status;
}

// --- JSON -------------------------------------------------------------------------------------------------------

json_t *reproduction_json(const reproduction *r) {
    json_t *rows = json_array();
    for (size_t k = 0; k < r->rows; k++) {
        const reproduced *row = &r->row[k];
        json_array_append_new(
            rows,
            json_pack("{s:s, s:I, s:I, s:o, s:s, s:s?, s:s, s:o, s:o, s:o, s:o, s:o, s:i, s:i}", "recipe", row->name,
                      "parameters", (json_int_t)row->parameters, "multiply_adds", (json_int_t)row->multiply_adds,
                      "published", json_number(row->published), "source", row->source, "missing_data", row->missing,
                      "part", row->on_validation ? "validation" : "test", "accuracy", spread_json(&row->ours),
                      "new_speaker", spread_json(&row->speakers), "epoch_seconds", spread_json(&row->epoch_seconds),
                      "seconds", spread_json(&row->seconds), "examples_per_second", spread_json(&row->speed), "runs",
                      row->runs, "diverged", row->diverged));
    }
    return json_pack("{s:b, s:I, s:i, s:s, s:o}", "quick", r->quick, "trials", (json_int_t)r->count, "threads",
                     r->threads, "isa", r->isa, "recipes", rows);
}

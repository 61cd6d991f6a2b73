// The page of a run (convo report, convo view): its contents, and the pieces of HTML that fill the template page.html.
#pragma once

#include "evaluation.h"
#include "report/history.h"

extern const char page_template[], page_style[], page_script[], page_script_hash[]; // put into the program by the build

enum { MOST_MISTAKES = 12 }; // shown

// What convo view adds to a page.
typedef struct page_view {
    const struct overview *overview; // for the page of all runs (cli/view/page.h), which has only this
    const char *title;               // of a run's page: its folder
    bool refresh;                    // without JavaScript it is asked for again now and then
    const char *address; // of what of the page is live, "/run/3/live"; it is asked for again when it changed
    const char *listen;  // where the model listens, "/run/3/listen"; NULL: nowhere
    const char *state;   // of the run: "training, epoch 4 of 20"
    const char *pending; // in place of confusions and mistakes; "": they are there
    const char *script, *script_hash; // that keeps it up to date
} page_view;

typedef struct page {
    const char *name; // of the recipe
    convo_recipe *recipe;
    char *text;            // of the recipe
    json_t *result;        // result.json; NULL: the run is not finished
    history epochs, steps; // metrics.jsonl, steps.jsonl
    convo_summary net;
    convo_field field; // count 0: no layer has pixels
    // Of the model:
    convo_model *model;
    convo_map filters;                // dims 0: no layer has weights
    convo_evaluation evaluation;      // classes 0: there is none
    const char *part;                 // that was evaluated: "test"
    cli_mistake wrong[MOST_MISTAKES]; // those with the highest confidence
    convo_examples mistakes;          // the examples of these rows
    const page_view *view;            // NULL: the page stands for itself
} page;

// Reads the recipe of a run, and what its net is made of.
convo_status page_read_recipe(page *p, const char *text, size_t size, const char *name, convo_error *err);
// Loads the model of a run folder, evaluates it on what is held out, else on what it was trained on, and finds the
// mistakes.
convo_status page_evaluate(page *p, const char *folder, const convo_train_options *how, convo_error *err);
void page_free_scores(page *p); // what page_evaluate made
void page_free(page *p);

// Writes one piece; nothing if there is nothing to show.
typedef void page_piece(const page *p, FILE *out);
typedef struct page_entry {
    const char *name;
    page_piece *write;
} page_entry;
// Returns the template with {{NAME}} replaced by pieces; {{?NAME}} ... {{/NAME}} is kept only if that piece is not
// empty. NULL without memory. Free it.
char *page_fill(const char *text, const page_entry *entry, size_t entries, const page *p);
char *page_text(const page *p); // the whole page, likewise

// What the browser may load: nothing but what is in the page and, live, news of this server.
void write_policy(bool live, const char *other_hash, FILE *out);
page_piece piece_style, piece_script, piece_refresh;
// "27,210": a number that people read.
typedef struct cli_number {
    char text[48];
} cli_number;
cli_number grouped(int64_t n);

// pieces.c
page_piece piece_name, piece_title, piece_part, piece_figures, piece_facts, piece_recipe, piece_layers, piece_input,
    piece_parameters, piece_classes, piece_commands, piece_versions, piece_legend, piece_loss, piece_accuracy,
    piece_step_legend, piece_step_loss, piece_step_accuracy, piece_rate;
// charts.c: SVG that takes its colours from the page's style sheet, and so follows light and dark.
page_piece piece_confusion, piece_field;
// media.c
page_piece piece_filters, piece_axes, piece_scale, piece_mistakes, piece_sound;
convo_status find_mistakes(page *p, const convo_train_options *how, convo_error *err); // fills wrong and mistakes

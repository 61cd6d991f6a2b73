// The page of a run (convo report): its contents, and the pieces of HTML that fill the template page.html.
#pragma once

#include "evaluation.h"

extern const char page_template[]; // cli/page.html, put into the program by the build

enum { MOST_MISTAKES = 12 }; // shown

typedef struct page {
    convo_recipe *recipe;
    convo_model *model;
    char *text;      // of the recipe
    json_t *result;  // result.json
    json_t *metrics; // the lines of metrics.jsonl
    convo_summary net;
    convo_field field; // count 0: no layer has pixels
    convo_map filters; // dims 0: no layer has weights
    convo_evaluation evaluation;
    const char *part;                 // the part that was evaluated: "test"
    cli_mistake wrong[MOST_MISTAKES]; // those with the highest confidence
    convo_examples mistakes;          // the examples of these rows
} page;

// Writes one piece; nothing if there is nothing to show.
typedef void page_piece(const page *p, FILE *out);

// page_charts.c: SVG that takes its colours from the page's style sheet, and so follows light and dark.
page_piece piece_loss, piece_accuracy, piece_legend, piece_confusion, piece_field;
// page_media.c
page_piece piece_filters, piece_axes, piece_scale, piece_mistakes, piece_sound;
int find_mistakes(page *p, const convo_train_options *how); // fills wrong and mistakes

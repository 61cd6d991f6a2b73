// The pages of convo view: what their templates ask for.
#pragma once

#include "view/view.h"

extern const char overview_template[], live_script[], live_script_hash[]; // put into the program by the build

typedef struct overview {
    const view *of;
    size_t order[MOST_VIEWED]; // of the runs
    const char *sort;          // what they are sorted by; NULL: as they were found
    bool served;               // by a server, not a page that stands for itself
} overview;

void overview_order(const view *v, const char *sort, size_t *order /* [MOST_VIEWED] */);
page_piece overview_heads, overview_rows, overview_note, overview_state, overview_loss, overview_accuracy,
    overview_step_loss, overview_step_accuracy, overview_shown;

#include "view/page.h"

#include "output.h"
#include "quote.h"

#include <stdlib.h>
#include <string.h>

// --- a run ------------------------------------------------------------------------------------------------------

static void say_pending(const view_run *r, char *text, size_t size) {
    *text = '\0';
    if (r->page.evaluation.classes) return; // of the model as it is, or was a moment ago
    if (r->scores == SCORES_WANTED)
        snprintf(text, size, "The model is being evaluated: they appear here in a moment.");
    else if (r->scores == SCORES_FAILED)
        snprintf(text, size, "The model cannot be evaluated: %s", r->why_not);
    else
        snprintf(text, size,
                 r->state == RUN_TRAINING ? "There is no model yet: without validation it is kept at the end."
                                          : "The run has no model (best.safetensors).");
}

char *run_text(const view *v, size_t number, bool heavy) {
    const view_run *r = v->run[number];
    char address[48], listen[48], pending[1200], state[1400];
    page p = r->page;
    snprintf(address, sizeof address, "/run/%zu/live", number);
    snprintf(state, sizeof state, "%s%s%s", state_of(r, true).text, *r->problem ? "; " : "", r->problem);
    snprintf(listen, sizeof listen, "/run/%zu/listen", number);
    say_pending(r, pending, sizeof pending);
    if (!heavy) {
        p.evaluation.confusion = NULL;
        p.evaluation.truths = NULL;
        p.mistakes.count = 0;
        p.filters.values.dims = 0;
    }
    const page_view how = {.address = address,
                           .title = r->folder,
                           .refresh = r->state == RUN_TRAINING || r->scores == SCORES_WANTED,
                           .listen = r->model.inode && *p.net.front_end ? listen : NULL,
                           .state = state,
                           .pending = pending,
                           .script = live_script,
                           .script_hash = live_script_hash};
    p.view = &how;
    return page_text(&p);
}

// --- all runs ---------------------------------------------------------------------------------------------------

static void piece_overview_policy(const page *p, FILE *out) {
    const bool served = p->view->overview->served;
    write_policy(served, served ? live_script_hash : NULL, out);
}

static void piece_overview_live(const page *p, FILE *out) {
    if (p->view->overview->served) fputs(" data-live=\"/\"", out);
}

static void piece_overview_script(const page *p, FILE *out) {
    if (p->view->overview->served) fprintf(out, "<script>%s</script>\n", live_script);
}

static bool is_training(const view *v) {
    for (size_t k = 0; k < v->runs; k++)
        if (v->run[k]->state == RUN_TRAINING) return true;
    return false;
}

char *overview_text(const view *v, const char *sort, bool served) {
    static const page_entry entries[] = {
        {"style", piece_style},          {"script", piece_script},         {"policy", piece_overview_policy},
        {"refresh", piece_refresh},      {"live", piece_overview_live},    {"livescript", piece_overview_script},
        {"state", overview_state},       {"shown", overview_shown},        {"loss", overview_loss},
        {"accuracy", overview_accuracy}, {"steploss", overview_step_loss}, {"stepaccuracy", overview_step_accuracy},
        {"note", overview_note},         {"heads", overview_heads},        {"rows", overview_rows},
        {"versions", piece_versions},
    };
    overview *o = calloc(1, sizeof *o);
    if (!o) return NULL;
    *o = (overview){.of = v, .sort = sort, .served = served};
    overview_order(v, sort, o->order);
    const page_view how = {.overview = o, .refresh = served && is_training(v)};
    const page p = {.view = &how};
    char *text = page_fill(overview_template, entries, COUNT(entries), &p);
    free(o);
    return text;
}

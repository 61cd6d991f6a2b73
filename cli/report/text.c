// The page of a run: its template and its pieces.
#include "quote.h"
#include "report/page.h"
#include "template.h"

#include <stdlib.h>

char *page_fill(const char *template, const page_entry *entry, size_t entries, const page *p) {
    cli_piece *piece = calloc(entries + 1, sizeof *piece);
    size_t size;
    bool complete = piece;
    for (size_t k = 0; piece && k < entries; k++) {
        piece[k].name = entry[k].name;
        FILE *out = open_memstream(&piece[k].text, &size);
        if (out) entry[k].write(p, out);
        if (!out || fclose(out)) complete = false;
    }
    char *whole = complete ? fill_template(template, piece) : NULL;
    for (size_t k = 0; piece && k < entries; k++) free(piece[k].text);
    free(piece);
    return whole;
}

void write_policy(bool live, const char *other_hash, FILE *out) {
    fprintf(out,
            "default-src 'none'; style-src 'unsafe-inline'; img-src data:; media-src data:; script-src %s%s%s%s; "
            "base-uri 'none'; form-action 'none'",
            page_script_hash, other_hash ? " " : "", other_hash ? other_hash : "", live ? "; connect-src 'self'" : "");
}

static void piece_policy(const page *p, FILE *out) {
    write_policy(p->view, p->view ? p->view->script_hash : NULL, out);
}

void piece_style(const page *p, FILE *out) {
    (void)p;
    fputs(page_style, out);
}

void piece_script(const page *p, FILE *out) {
    (void)p;
    fputs(page_script, out);
}

void piece_refresh(const page *p, FILE *out) {
    if (p->view && p->view->refresh) fputs("<noscript><meta http-equiv=\"refresh\" content=\"10\"></noscript>\n", out);
}

static void piece_live(const page *p, FILE *out) {
    if (p->view) fprintf(out, " data-live=\"%s\"", p->view->address);
}

static void piece_links(const page *p, FILE *out) {
    if (p->view) fputs("<a href=\"/\">All runs</a>", out);
    if (p->view && p->view->listen) fprintf(out, "\n<a href=\"%s\">Speak to it</a>", p->view->listen);
}

static void piece_live_script(const page *p, FILE *out) {
    if (p->view) fprintf(out, "<script>%s</script>\n", p->view->script);
}

static void piece_state(const page *p, FILE *out) {
    if (p->view) html_text(p->view->state, out);
}

static void piece_pending(const page *p, FILE *out) {
    if (p->view) html_text(p->view->pending, out);
}

static const page_entry pieces[] = {
    {"name", piece_name},          {"title", piece_title},
    {"refresh", piece_refresh},    {"policy", piece_policy},
    {"style", piece_style},        {"script", piece_script},
    {"live", piece_live},          {"livescript", piece_live_script},
    {"links", piece_links},        {"state", piece_state},
    {"pending", piece_pending},    {"part", piece_part},
    {"figures", piece_figures},    {"facts", piece_facts},
    {"recipe", piece_recipe},      {"layers", piece_layers},
    {"input", piece_input},        {"parameters", piece_parameters},
    {"legend", piece_legend},      {"loss", piece_loss},
    {"accuracy", piece_accuracy},  {"steplegend", piece_step_legend},
    {"steploss", piece_step_loss}, {"stepaccuracy", piece_step_accuracy},
    {"rate", piece_rate},          {"confusion", piece_confusion},
    {"classes", piece_classes},    {"filters", piece_filters},
    {"axes", piece_axes},          {"scale", piece_scale},
    {"field", piece_field},        {"mistakes", piece_mistakes},
    {"sound", piece_sound},        {"commands", piece_commands},
    {"versions", piece_versions},
};

char *page_text(const page *p) {
    return page_fill(page_template, pieces, COUNT(pieces), p);
}

// The page of all runs: curves, and a table of figures and settings, which sorts.
#include "output.h"
#include "paths.h"
#include "quote.h"
#include "report/curves.h"
#include "view/page.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_DRAWN = 40, COLOURS = 7 };

// --- columns ----------------------------------------------------------------------------------------------------

static double final_value(const view_run *r, const char *part, int number, int what) {
    const json_t *score = json_object_get(r->page.result, part);
    const json_t *value = json_object_get(score, what == SERIES_LOSS ? "loss" : "accuracy");
    return json_is_number(value) ? json_number_value(value) : r->page.epochs.value[series_of(number, what)];
}

static double epochs_of(const view_run *r) {
    return history_last(&r->page.epochs);
}

static double train_loss(const view_run *r) {
    return final_value(r, "train", CONVO_TRAIN, SERIES_LOSS);
}

static double train_accuracy(const view_run *r) {
    return final_value(r, "train", CONVO_TRAIN, SERIES_ACCURACY);
}

static double validation_loss(const view_run *r) {
    return final_value(r, "validation", CONVO_VALIDATION, SERIES_LOSS);
}

static double validation_accuracy(const view_run *r) {
    return final_value(r, "validation", CONVO_VALIDATION, SERIES_ACCURACY);
}

static double test_accuracy(const view_run *r) {
    return final_value(r, "test", CONVO_TEST, SERIES_ACCURACY);
}

static double seconds_of(const view_run *r) {
    const json_t *seconds = json_object_get(r->page.result, "seconds");
    return json_is_number(seconds) ? json_number_value(seconds) : r->page.epochs.seconds;
}

static double parameters_of(const view_run *r) {
    return r->page.net.count ? (double)r->page.net.parameters : NAN;
}

static double cost_of(const view_run *r) {
    return r->page.net.count ? (double)r->page.net.multiply_adds : NAN;
}

typedef enum number_form { SHARE, LOSS, WHOLE, CLOCK } number_form;
static const struct column {
    const char *name, *head; // of --sort; above it
    double (*value)(const view_run *r);
    number_form form;
} columns[] = {
    {"epochs", "epochs", epochs_of, WHOLE},
    {"loss", "train loss", train_loss, LOSS},
    {"train", "train accuracy", train_accuracy, SHARE},
    {"validation-loss", "validation loss", validation_loss, LOSS},
    {"validation", "validation accuracy", validation_accuracy, SHARE},
    {"test", "test accuracy", test_accuracy, SHARE},
    {"seconds", "time", seconds_of, CLOCK},
    {"parameters", "parameters", parameters_of, WHOLE},
    {"cost", "multiply-adds", cost_of, WHOLE},
};

static bool is_used(const view *v, const struct column *c) {
    for (size_t k = 0; k < v->runs; k++)
        if (isfinite(c->value(v->run[k]))) return true;
    return false;
}

bool is_column(const view *v, const char *sort, cli_hint *hint) {
    const char *name = sort + (*sort == '-');
    bool found = !strcmp(name, "run") || !strcmp(name, "state");
    for (size_t k = 0; k < COUNT(columns); k++) {
        found = found || !strcmp(name, columns[k].name);
        if (hint) hint_offer(hint, columns[k].name);
    }
    for (size_t k = 0; k < v->columns; k++) {
        found = found || !strcmp(name, v->column[k]);
        if (hint) hint_offer(hint, v->column[k]);
    }
    return found;
}

// --- order ------------------------------------------------------------------------------------------------------

typedef struct ranked { // a run and what it is sorted by
    size_t number;
    double value; // NaN: not a number, or none
    const char *text;
    bool down;
} ranked;

static int by_rank_of_run(const void *a, const void *b) {
    const ranked *x = a, *y = b;
    int order = 0;
    if (isfinite(x->value) != isfinite(y->value)) return isfinite(x->value) ? -1 : 1; // what has none comes last
    if (isfinite(x->value))
        order = (x->value > y->value) - (x->value < y->value);
    else if (x->text && y->text)
        order = strcmp(x->text, y->text);
    else if (x->text || y->text)
        return x->text ? -1 : 1;
    if (x->down) order = -order;
    return order ? order : (x->number > y->number) - (x->number < y->number);
}

static void rank_run(const view *v, const char *name, ranked *it) {
    const view_run *r = v->run[it->number];
    it->value = NAN;
    for (size_t k = 0; k < COUNT(columns); k++)
        if (!strcmp(name, columns[k].name)) {
            it->value = columns[k].value(r);
            return;
        }
    if (!strcmp(name, "state")) it->value = (double)r->state;
    if (!strcmp(name, "run")) it->text = r->folder;
    if (!strcmp(name, "state") || !strcmp(name, "run")) return;
    char *end = NULL;
    it->text = settings_find(&r->settings, name);
    const double number = it->text ? strtod(it->text, &end) : NAN;
    if (it->text && end != it->text && !*end) it->value = number;
}

// order: [MOST_VIEWED]
static void sort_runs(const view *v, const char *sort, ranked *order) {
    for (size_t k = 0; k < v->runs; k++) {
        order[k] = (ranked){.number = k, .value = NAN, .down = sort && *sort == '-'};
        if (sort) rank_run(v, sort + (*sort == '-'), &order[k]);
    }
    if (sort) qsort(order, v->runs, sizeof *order, by_rank_of_run);
}

// --- the table --------------------------------------------------------------------------------------------------

// An address keeps letters, digits and what the names of settings have; a key may hold anything else.
static void address_text(const char *text, FILE *out) {
    for (; *text; text++)
        if ((*text >= 'a' && *text <= 'z') || (*text >= 'A' && *text <= 'Z') || (*text >= '0' && *text <= '9') ||
            strchr("._-", *text))
            fputc(*text, out);
        else
            fprintf(out, "%%%02X", (unsigned)(unsigned char)*text);
}

static void write_head(const page *p, const char *name, const char *head, bool number, FILE *out) {
    const overview *o = p->view->overview;
    const bool sorted = o->sort && !strcmp(o->sort + (*o->sort == '-'), name), down = sorted && *o->sort == '-';
    fprintf(out, "<th%s%s>", number ? " class=\"n\"" : "",
            !sorted ? ""
            : down  ? " aria-sort=\"descending\""
                    : " aria-sort=\"ascending\"");
    if (o->served) {
        fprintf(out, "<a href=\"/?sort=%s",
                sorted   ? down ? "" : "-"
                : number ? "-"
                         : ""); // the best are often the most
        address_text(name, out);
        fputs("\">", out);
    }
    html_text(head, out);
    fputs(o->served ? "</a></th>" : "</th>", out);
}

// The last part of a setting's name, where it can be nothing else: "lr".
static const char *short_head(const view *v, const char *key) {
    const char *last = strrchr(key, '.') ? strrchr(key, '.') + 1 : key;
    bool other = last[0] >= '0' && last[0] <= '9';
    for (size_t k = 0; k < COUNT(columns); k++) other = other || !strcmp(columns[k].head, last);
    for (size_t k = 0; k < v->columns; k++) {
        const char *dot = strrchr(v->column[k], '.');
        other = other || (strcmp(v->column[k], key) != 0 && !strcmp(dot ? dot + 1 : v->column[k], last));
    }
    return other ? key : last;
}

void overview_heads(const page *p, FILE *out) {
    const view *v = p->view->overview->of;
    write_head(p, "run", "run", false, out);
    write_head(p, "state", "state", false, out);
    for (size_t k = 0; k < COUNT(columns); k++)
        if (is_used(v, &columns[k])) write_head(p, columns[k].name, columns[k].head, true, out);
    for (size_t k = 0; k < v->columns; k++) write_head(p, v->column[k], short_head(v, v->column[k]), false, out);
}

static void write_epochs(const view_run *r, FILE *out) {
    fprintf(out, "%.0f", epochs_of(r));
    if (r->planned > epochs_of(r) && r->state != RUN_FINISHED) fprintf(out, " of %d", r->planned);
}

static void write_number(double value, number_form form, FILE *out) {
    if (!isfinite(value)) return;
    if (form == CLOCK)
        fputs(clock_of(value).text, out);
    else if (form == WHOLE)
        fputs(grouped((int64_t)value).text, out);
    else
        fprintf(out, form == SHARE ? "%.4f" : "%.4g", value);
}

// How much of the names of all folders is the same, up to a slash.
static size_t shared_length(const view *v) {
    size_t length = v->runs ? (size_t)(base_name(v->run[0]->folder) - v->run[0]->folder) : 0;
    for (size_t k = 1; k < v->runs; k++)
        while (length &&
               (strncmp(v->run[k]->folder, v->run[0]->folder, length) != 0 || v->run[0]->folder[length - 1] != '/'))
            length--;
    return length;
}

void overview_state(const page *p, FILE *out) {
    const view *v = p->view->overview->of;
    const size_t shared = shared_length(v);
    size_t training = 0;
    for (size_t k = 0; k < v->runs; k++) training += v->run[k]->state == RUN_TRAINING;
    fprintf(out, "%zu run%s", v->runs, v->runs == 1 ? "" : "s");
    if (shared) fputs(" in ", out);
    if (shared) html_bytes(v->run[0]->folder, shared, out);
    if (training) fprintf(out, ", %zu in training", training);
}

static void write_name(const overview *o, size_t number, FILE *out) {
    const view_run *r = o->of->run[number];
    fprintf(out,
            "<th><label class=\"key c%zu d%zu\"><input type=\"checkbox\" id=\"show%zu\" checked "
            "aria-label=\"show\"><i></i></label>",
            number % COLOURS, number / COLOURS % 3, number);
    if (o->served) fprintf(out, "<a href=\"/run/%zu\">", number);
    html_text(r->folder + shared_length(o->of), out);
    fputs(o->served ? "</a></th>" : "</th>", out);
}

void overview_rows(const page *p, FILE *out) {
    const overview *o = p->view->overview;
    const view *v = o->of;
    for (size_t k = 0; k < v->runs; k++) {
        const view_run *r = v->run[o->order[k]];
        fprintf(out, "<tr class=\"%s\">", r->state == RUN_TRAINING ? "training" : "");
        write_name(o, o->order[k], out);
        fputs("<td>", out);
        html_text(state_of(r, false).text, out);
        if (*r->problem) html_print(out, "; %s", r->problem);
        if (r->page.epochs.broken + r->page.steps.broken)
            html_print(out, "; %lld lines of its curves cannot be read",
                       (long long)(r->page.epochs.broken + r->page.steps.broken));
        fputs("</td>", out);
        for (size_t c = 0; c < COUNT(columns); c++) {
            if (!is_used(v, &columns[c])) continue;
            fputs("<td class=\"n\">", out);
            if (columns[c].value == epochs_of)
                write_epochs(r, out);
            else
                write_number(columns[c].value(r), columns[c].form, out);
            fputs("</td>", out);
        }
        for (size_t c = 0; c < v->columns; c++) {
            const char *value = settings_find(&r->settings, v->column[c]);
            fputs("<td>", out);
            html_text(value ? value : "", out);
            fputs("</td>", out);
        }
        fputs("</tr>\n", out);
    }
}

void overview_note(const page *p, FILE *out) {
    const overview *o = p->view->overview;
    const view *v = o->of;
    if (!v->runs) fputs("There are no runs here yet; they appear when a training begins. ", out);
    if (v->runs > 1) fputs(v->columns ? "The columns on the right are the settings that differ. " : "", out);
    if (v->more_columns) fprintf(out, "%zu more settings differ. ", v->more_columns);
    if (v->left_out) fprintf(out, "%zu more runs are left out: %d are shown. ", v->left_out, MOST_VIEWED);
    if (v->runs > MOST_DRAWN) fprintf(out, "Curves are drawn of the first %d. ", MOST_DRAWN);
    if (o->served && v->runs > 1) fputs("A click on a head sorts, a box shows or hides the curves of a run.", out);
}

// --- curves -----------------------------------------------------------------------------------------------------

// What is held out: validation if anything was measured there, else test; else there is only training.
static int held_part(const history *h) {
    if (has_values(h, series_of(CONVO_VALIDATION, SERIES_LOSS))) return CONVO_VALIDATION;
    return has_values(h, series_of(CONVO_TEST, SERIES_LOSS)) ? CONVO_TEST : CONVO_TRAIN;
}

static void write_runs(const page *p, bool steps, int what, FILE *out) {
    const overview *o = p->view->overview;
    page_curve *curve = calloc(2 * MOST_DRAWN, sizeof *curve);
    char(*classes)[48] = calloc(2 * MOST_DRAWN, sizeof *classes);
    size_t count = 0;
    for (size_t k = 0; curve && classes && k < o->of->runs && k < MOST_DRAWN; k++) {
        const size_t n = o->order[k];
        const view_run *r = o->of->run[n];
        const history *h = steps ? &r->page.steps : &r->page.epochs;
        const int held = held_part(h);
        for (int bold = held == CONVO_TRAIN; bold < 2; bold++, count++) {
            snprintf(classes[count], sizeof *classes, "run%zu c%zu d%zu%s", n, n % COLOURS, n / COLOURS % 3,
                     bold ? "" : " thin");
            curve[count] = (page_curve){h, series_of(bold ? held : CONVO_TRAIN, what), r->folder, classes[count]};
        }
    }
    if (count) write_curves(curve, count, what == SERIES_LOSS ? "loss" : "accuracy", false, out);
    free(classes);
    free(curve);
}

void overview_loss(const page *p, FILE *out) {
    write_runs(p, false, SERIES_LOSS, out);
}

void overview_accuracy(const page *p, FILE *out) {
    write_runs(p, false, SERIES_ACCURACY, out);
}

void overview_step_loss(const page *p, FILE *out) {
    write_runs(p, true, SERIES_LOSS, out);
}

void overview_step_accuracy(const page *p, FILE *out) {
    write_runs(p, true, SERIES_ACCURACY, out);
}

// A run whose box is not checked has no curves.
void overview_shown(const page *p, FILE *out) {
    for (size_t k = 0; k < p->view->overview->of->runs; k++)
        fprintf(out, "body:has(#show%zu:not(:checked)) .run%zu { display: none; }\n", k, k);
}

// --- JSON -------------------------------------------------------------------------------------------------------

static json_t *number_json(double value, number_form form) {
    return form == WHOLE && isfinite(value) ? json_integer((json_int_t)value) : json_number(value);
}

static json_t *run_json(const view_run *r) {
    static const char *const states[] = {"stopped", "training", "finished"};
    json_t *json = json_pack("{s:o, s:o, s:s}", "run", json_text(r->folder), "recipe", json_text(r->page.name), "state",
                             states[r->state]);
    for (size_t k = 0; k < COUNT(columns); k++)
        json_object_set_new(json, columns[k].name, number_json(columns[k].value(r), columns[k].form));
    json_t *settings = json_object();
    for (size_t k = 0; k < r->settings.count; k++) {
        json_object_set_new(settings, r->settings.key[k], json_text(r->settings.value[k]));
    }
    json_object_set_new(json, "settings", settings);
    if (*r->problem) json_object_set_new(json, "problem", json_text(r->problem));
    return json;
}

json_t *overview_json(const view *v, const char *sort) {
    ranked order[MOST_VIEWED];
    json_t *runs = json_array(), *differ = json_array();
    sort_runs(v, sort, order);
    for (size_t k = 0; k < v->runs; k++) json_array_append_new(runs, run_json(v->run[order[k].number]));
    for (size_t k = 0; k < v->columns; k++) json_array_append_new(differ, json_text(v->column[k]));
    return json_pack("{s:o, s:o}", "runs", runs, "differ", differ);
}

void overview_order(const view *v, const char *sort, size_t *order) {
    ranked ranks[MOST_VIEWED];
    sort_runs(v, sort, ranks);
    for (size_t k = 0; k < v->runs; k++) order[k] = ranks[k].number;
}

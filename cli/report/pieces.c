// The pieces of a page that are text, tables and curves.
#include "output.h"
#include "paths.h"
#include "quote.h"
#include "report/curves.h"
#include "report/page.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static const char *const parts[] = {"train", "validation", "test"};

// --- small pieces -----------------------------------------------------------------------------------------------

static double number(const page *p, const char *key) {
    const json_t *value = json_object_get(p->result, key);
    return json_is_number(value) ? json_number_value(value) : NAN;
}

static const char *word(const page *p, const char *key) {
    const char *text = json_string_value(json_object_get(p->result, key));
    return text ? text : "?";
}

// "27,210": a number that people read.
cli_number grouped(int64_t n) {
    char digits[32];
    cli_number t;
    size_t length = (size_t)snprintf(digits, sizeof digits, "%lld", (long long)n), k = 0;
    for (size_t i = 0; i < length; i++) {
        if (i && (length - i) % 3 == 0 && digits[i - 1] != '-') t.text[k++] = ',';
        t.text[k++] = digits[i];
    }
    t.text[k] = '\0';
    return t;
}

void piece_name(const page *p, FILE *out) {
    html_text(p->name, out);
}

void piece_title(const page *p, FILE *out) {
    html_text(p->view ? p->view->title : p->name, out);
}

void piece_part(const page *p, FILE *out) {
    fputs(p->part ? p->part : "", out);
}

static void figure(FILE *out, const char *value, const char *what) {
    fprintf(out, "<div><b>%s</b><span>", value);
    html_text(what, out);
    fputs("</span></div>\n", out);
}

static void percent_figure(FILE *out, double share, const char *what) {
    char value[48];
    snprintf(value, sizeof value, "%.1f&#8239;%%", 100 * share);
    figure(out, value, what);
}

static void published_figure(const page *p, FILE *out) {
    char what[256];
    const char *source = NULL;
    const double published = p->recipe ? convo_recipe_published(p->recipe, &source) : NAN;
    snprintf(what, sizeof what, "published: %s", source ? source : "source not named");
    if (isfinite(published)) percent_figure(out, published, what);
}

// The accuracy of an evaluation, else the last one of the training.
static void accuracy_figure(const page *p, FILE *out) {
    char what[256];
    if (p->evaluation.classes) {
        const convo_score *s = &p->evaluation.score;
        const convo_interval i = convo_accuracy_interval(s->correct, s->count);
        snprintf(what, sizeof what, "%s accuracy, %s of %s; 95 %% confidence: %.1f to %.1f %%", p->part,
                 grouped(s->correct).text, grouped(s->count).text, 100 * i.low, 100 * i.high);
        percent_figure(out, s->accuracy, what);
        return;
    }
    for (int part = CONVO_TEST; part >= CONVO_TRAIN; part--) {
        const double accuracy = p->epochs.value[series_of(part, SERIES_ACCURACY)];
        if (!isfinite(accuracy)) continue;
        snprintf(what, sizeof what, "%s accuracy after epoch %.0f", parts[part], history_last(&p->epochs));
        percent_figure(out, accuracy, what);
        return;
    }
}

void piece_figures(const page *p, FILE *out) {
    accuracy_figure(p, out);
    published_figure(p, out);
    if (p->net.count) figure(out, grouped(p->net.parameters).text, "parameters");
    if (p->net.count) figure(out, grouped(p->net.multiply_adds).text, "multiply-adds per example");
    const double seconds = p->result ? number(p, "seconds") : p->epochs.seconds;
    if (isfinite(seconds)) figure(out, clock_of(ceil(seconds)).text, "of training, minutes and seconds");
}

// The value of a key at the left margin of a recipe, to the next such key.
static void recipe_value(const page *p, const char *key, FILE *out) {
    const size_t length = strlen(key);
    for (const char *line = p->text; line && *line; line = strchr(line, '\n'), line += line != NULL) {
        if (strncmp(line, key, length) || line[length] != ':') continue;
        const char *end = strchr(line, '\n'), *value = line + length + 1 + (line[length + 1] == ' ');
        while (end && (end[1] == ' ' || end[1] == '-')) end = strchr(end + 1, '\n');
        fputs("<code>", out);
        html_bytes(value, end ? (size_t)(end - value) : strlen(value), out);
        fputs("</code>", out);
        return;
    }
    fputs("none", out);
}

static void class_facts(const convo_evaluation *e, FILE *out) {
    if (!e->classes) return;
    fputs("<dt>Classes</dt><dd>", out);
    for (int k = 0; k < e->classes; k++) html_print(out, "%s%s", k ? ", " : "", e->labels[k]);
    fputs("</dd>\n", out);
    if (e->groups) fprintf(out, "<dt>Groups</dt><dd>%d: ", e->groups);
    for (int k = 0; k < e->groups && k < 20; k++) html_print(out, "%s%s", k ? ", " : "", e->group_name[k]);
    if (e->groups) fprintf(out, "%s</dd>\n", e->groups > 20 ? ", ..." : "");
}

void piece_facts(const page *p, FILE *out) {
    static const char *const keys[] = {"data", "features", "train"}, *const names[] = {"Data", "Front end", "Training"};
    static const char *const all[] = {"training", "validation", "test"};
    const json_t *examples = json_object_get(p->result, "examples");
    for (size_t k = 0; k < COUNT(keys) && p->text; k++) {
        fprintf(out, "<dt>%s</dt><dd>", names[k]);
        recipe_value(p, keys[k], out);
        fputs("</dd>\n", out);
    }
    if (examples) fputs("<dt>Examples</dt><dd>", out);
    for (size_t k = 0; k < COUNT(all) && examples; k++)
        fprintf(out, "%s%s %s", k ? ", " : "", grouped(json_integer_value(json_array_get(examples, k))).text, all[k]);
    if (examples) fputs("</dd>\n", out);
    class_facts(&p->evaluation, out);
    if (p->result)
        fprintf(out,
                "<dt>Seed</dt><dd>%.0f</dd>\n<dt>Epochs</dt><dd>%.0f done, the model of epoch %.0f is kept%s</dd>\n",
                number(p, "seed"), number(p, "epochs"), number(p, "best_epoch"),
                json_is_true(json_object_get(p->result, "stopped_early")) ? " (stopped early)" : "");
}

void piece_recipe(const page *p, FILE *out) {
    html_text(p->text ? p->text : "", out);
}

static void write_field_cell(const convo_layer *l, FILE *out) {
    if (!l->field[0] || !l->field[1])
        fputs("all", out);
    else if (l->field[0] == 1)
        fprintf(out, "%lld", (long long)l->field[1]);
    else
        fprintf(out, "%lld &times; %lld", (long long)l->field[0], (long long)l->field[1]);
}

static void text_cell(const char *tag, const char *text, FILE *out) {
    fprintf(out, "<%s>", tag);
    html_text(text, out);
    fprintf(out, "</%s>", tag);
}

void piece_layers(const page *p, FILE *out) {
    for (int k = 0; k < p->net.count; k++) {
        const convo_layer *l = &p->net.layers[k];
        fputs("<tr>", out);
        text_cell("td", l->path, out);
        text_cell("th", l->type, out);
        text_cell("td", l->options, out);
        text_cell("td", l->shape, out);
        fputs("<td class=\"n\">", out);
        write_field_cell(l, out);
        fputs("</td><td class=\"n\">", out);
        if (l->multiply_adds) fputs(grouped(l->multiply_adds).text, out);
        fputs("</td>", out);
        text_cell("td", l->formula, out);
        fputs("</tr>\n", out);
    }
}

void piece_input(const page *p, FILE *out) {
    html_text(p->net.input, out);
}

void piece_parameters(const page *p, FILE *out) {
    fputs(grouped(p->net.parameters).text, out);
}

static void bar_cell(double share, FILE *out) {
    fprintf(out, "<td class=\"n bar\" style=\"--v:%.1f%%\">%.3f</td>", 100 * share, share);
}

static void class_row(const char *name, const convo_class_score *s, FILE *out) {
    fputs("<tr>", out);
    text_cell("th", name, out);
    bar_cell(s->precision, out);
    bar_cell(s->recall, out);
    bar_cell(s->f1, out);
    fprintf(out, "<td class=\"n\">%lld</td></tr>\n", (long long)s->count);
}

void piece_classes(const page *p, FILE *out) {
    if (!p->evaluation.confusion && !p->evaluation.truths) return;
    for (int k = 0; k < p->evaluation.classes; k++) {
        const convo_class_score s = convo_class_figures(&p->evaluation, k);
        class_row(p->evaluation.labels[k], &s, out);
    }
    const convo_class_score mean = convo_class_figures(&p->evaluation, CONVO_MACRO);
    class_row("mean", &mean, out);
}

// The name comes from a file: it is quoted for the shell that this is pasted into.
void piece_commands(const page *p, FILE *out) {
    if (!p->result) return;
    char *text = NULL, *file = text_of("%s.yaml", p->name), *folder = text_of("%s-again", p->name);
    size_t size;
    FILE *lines = file && folder ? open_memstream(&text, &size) : NULL;
    if (lines) {
        fputs("convo train ", lines);
        shell_word(file, lines);
        fputs(" --out ", lines);
        shell_word(folder, lines);
        fputs(" --isa ", lines);
        shell_word(word(p, "isa"), lines);
        fputs("\nconvo eval ", lines);
        shell_word(folder, lines);
        if (!fclose(lines)) html_text(text, out);
    }
    free(text);
    free(file);
    free(folder);
}

void piece_versions(const page *p, FILE *out) {
    if (p->result)
        html_print(out, "Trained by convo %s on %.0f thread%s, instruction set %s. ", word(p, "version"),
                   number(p, "threads"), number(p, "threads") == 1 ? "" : "s", word(p, "isa"));
    html_print(out, "Page written by convo %s, built with %s %s.", convo_version(),
#ifdef __clang__
               "clang", __clang_version__
#else
               "gcc", __VERSION__
#endif
    );
}

// --- curves -----------------------------------------------------------------------------------------------------

static void write_part_curves(const history *h, int what, bool dots, FILE *out) {
    page_curve curve[COUNT(parts)];
    for (int k = 0; k < (int)COUNT(parts); k++) curve[k] = (page_curve){h, series_of(k, what), parts[k], parts[k]};
    write_curves(curve, COUNT(parts), what == SERIES_LOSS ? "loss" : "accuracy", dots, out);
}

static void write_legend(const history *h, FILE *out) {
    for (int k = 0; k < (int)COUNT(parts); k++)
        if (has_values(h, series_of(k, SERIES_LOSS)))
            fprintf(out, "<span class=\"key %s\">%s</span>\n", parts[k], parts[k]);
}

void piece_legend(const page *p, FILE *out) {
    write_legend(&p->epochs, out);
}

void piece_loss(const page *p, FILE *out) {
    write_part_curves(&p->epochs, SERIES_LOSS, true, out);
}

void piece_accuracy(const page *p, FILE *out) {
    write_part_curves(&p->epochs, SERIES_ACCURACY, true, out);
}

void piece_step_legend(const page *p, FILE *out) {
    write_legend(&p->steps, out);
}

void piece_step_loss(const page *p, FILE *out) {
    write_part_curves(&p->steps, SERIES_LOSS, false, out);
}

void piece_step_accuracy(const page *p, FILE *out) {
    write_part_curves(&p->steps, SERIES_ACCURACY, false, out);
}

// Where it changes.
void piece_rate(const page *p, FILE *out) {
    const history *h = p->steps.count ? &p->steps : &p->epochs;
    double low = INFINITY, high = -INFINITY;
    for (int k = 0; k < h->count; k++) {
        low = fmin(low, h->point[k].low[SERIES_RATE]);
        high = fmax(high, h->point[k].high[SERIES_RATE]);
    }
    if (high > low)
        write_curves(&(page_curve){h, SERIES_RATE, "learning rate", "train"}, 1, "learning rate", false, out);
}

// convo report: one self-contained page about a run. The pieces of the template page.html are written here or in
// report/.
#include "output.h"
#include "paths.h"
#include "quote.h"
#include "report/page.h"
#include "sweep/trial.h"
#include "template.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

typedef struct report_values {
    const char *out, *data;
    int64_t threads;
} report_values;

#define VALUES report_values
static const cli_option options[] = {
    TEXT_OPTION("out", 'o', out, "FILE", "the page (report.html in the run folder)"),
    DATA_OPTION,
    THREADS_OPTION,
    {0},
};

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
static cli_text grouped(int64_t n) {
    char digits[32];
    cli_text t;
    size_t length = (size_t)snprintf(digits, sizeof digits, "%lld", (long long)n), k = 0;
    for (size_t i = 0; i < length; i++) {
        if (i && (length - i) % 3 == 0 && digits[i - 1] != '-') t.text[k++] = ',';
        t.text[k++] = digits[i];
    }
    t.text[k] = '\0';
    return t;
}

static void piece_name(const page *p, FILE *out) {
    html_text(word(p, "recipe"), out);
}

static void piece_part(const page *p, FILE *out) {
    fputs(p->part, out);
}

static void figure(FILE *out, const char *value, const char *what) {
    fprintf(out, "<div><b>%s</b><span>", value);
    html_text(what, out);
    fputs("</span></div>\n", out);
}

static void piece_figures(const page *p, FILE *out) {
    const convo_score *s = &p->evaluation.score;
    const convo_interval i = convo_accuracy_interval(s->correct, s->count);
    char value[48], what[256];
    const char *source = NULL;
    const double published = convo_recipe_published(p->recipe, &source);
    snprintf(value, sizeof value, "%.1f&#8239;%%", 100 * s->accuracy);
    snprintf(what, sizeof what, "%s accuracy, %s of %s; 95 %% confidence: %.1f to %.1f %%", p->part,
             grouped(s->correct).text, grouped(s->count).text, 100 * i.low, 100 * i.high);
    figure(out, value, what);
    if (isfinite(published)) {
        snprintf(value, sizeof value, "%.1f&#8239;%%", 100 * published);
        snprintf(what, sizeof what, "published: %s", source ? source : "source not named");
        figure(out, value, what);
    }
    figure(out, grouped(p->net.parameters).text, "parameters");
    figure(out, grouped(p->net.multiply_adds).text, "multiply-adds per example");
    figure(out, clock_of(ceil(number(p, "seconds"))).text, "of training, minutes and seconds");
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

static void piece_facts(const page *p, FILE *out) {
    static const char *const keys[] = {"data", "features", "train"}, *const names[] = {"Data", "Front end", "Training"};
    static const char *const parts[] = {"training", "validation", "test"};
    const json_t *examples = json_object_get(p->result, "examples");
    const convo_evaluation *e = &p->evaluation;
    for (size_t k = 0; k < COUNT(keys); k++) {
        fprintf(out, "<dt>%s</dt><dd>", names[k]);
        recipe_value(p, keys[k], out);
        fputs("</dd>\n", out);
    }
    fputs("<dt>Examples</dt><dd>", out);
    for (size_t k = 0; k < COUNT(parts); k++)
        fprintf(out, "%s%s %s", k ? ", " : "", grouped(json_integer_value(json_array_get(examples, k))).text, parts[k]);
    fputs("</dd>\n<dt>Classes</dt><dd>", out);
    for (int k = 0; k < e->classes; k++) html_print(out, "%s%s", k ? ", " : "", e->labels[k]);
    fputs("</dd>\n", out);
    if (e->groups) fprintf(out, "<dt>Groups</dt><dd>%d: ", e->groups);
    for (int k = 0; k < e->groups && k < 20; k++) html_print(out, "%s%s", k ? ", " : "", e->group_name[k]);
    if (e->groups) fprintf(out, "%s</dd>\n", e->groups > 20 ? ", ..." : "");
    fprintf(out, "<dt>Seed</dt><dd>%.0f</dd>\n<dt>Epochs</dt><dd>%.0f done, the model of epoch %.0f is kept%s</dd>\n",
            number(p, "seed"), number(p, "epochs"), number(p, "best_epoch"),
            json_is_true(json_object_get(p->result, "stopped_early")) ? " (stopped early)" : "");
}

static void piece_recipe(const page *p, FILE *out) {
    html_text(p->text, out);
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

static void piece_layers(const page *p, FILE *out) {
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

static void piece_input(const page *p, FILE *out) {
    html_text(p->net.input, out);
}

static void piece_parameters(const page *p, FILE *out) {
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

static void piece_classes(const page *p, FILE *out) {
    for (int k = 0; k < p->evaluation.classes; k++) {
        const convo_class_score s = convo_class_figures(&p->evaluation, k);
        class_row(p->evaluation.labels[k], &s, out);
    }
    const convo_class_score mean = convo_class_figures(&p->evaluation, CONVO_MACRO);
    class_row("mean", &mean, out);
}

// The name comes from a file: it is quoted for the shell that this is pasted into.
static void piece_commands(const page *p, FILE *out) {
    char *text = NULL, *file = text_of("%s.yaml", word(p, "recipe")), *folder = text_of("%s-again", word(p, "recipe"));
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

static void piece_versions(const page *p, FILE *out) {
    html_print(
        out, "Trained by convo %s on %.0f thread%s, instruction set %s. Page written by convo %s, built with %s %s.",
        word(p, "version"), number(p, "threads"), number(p, "threads") == 1 ? "" : "s", word(p, "isa"), convo_version(),
#ifdef __clang__
        "clang", __clang_version__
#else
        "gcc", __VERSION__
#endif
    );
}

// --- the template -----------------------------------------------------------------------------------------------

static const struct piece {
    const char *name;
    page_piece *write;
} pieces[] = {
    {"name", piece_name},         {"part", piece_part},
    {"figures", piece_figures},   {"facts", piece_facts},
    {"recipe", piece_recipe},     {"layers", piece_layers},
    {"input", piece_input},       {"parameters", piece_parameters},
    {"legend", piece_legend},     {"loss", piece_loss},
    {"accuracy", piece_accuracy}, {"confusion", piece_confusion},
    {"classes", piece_classes},   {"filters", piece_filters},
    {"axes", piece_axes},         {"scale", piece_scale},
    {"field", piece_field},       {"mistakes", piece_mistakes},
    {"sound", piece_sound},       {"commands", piece_commands},
    {"versions", piece_versions},
};

// The whole page; NULL without memory. Free it.
static char *page_text(const page *p) {
    cli_piece text[COUNT(pieces) + 1] = {{0}};
    char *whole = NULL;
    size_t size;
    bool complete = true;
    for (size_t k = 0; k < COUNT(pieces); k++) {
        text[k].name = pieces[k].name;
        FILE *out = open_memstream(&text[k].text, &size);
        if (out) pieces[k].write(p, out);
        if (!out || fclose(out)) complete = false;
    }
    if (complete) whole = fill_template(page_template, text);
    for (size_t k = 0; k < COUNT(pieces); k++) free(text[k].text);
    return whole;
}

// --- what it is made of -----------------------------------------------------------------------------------------

static int read_run(page *p, const char *folder) {
    char *result = text_of("%s/result.json", folder), *metrics = text_of("%s/metrics.jsonl", folder);
    json_error_t problem;
    int status = result && metrics ? DONE : no_memory();
    if (!status && !(p->result = json_load_file(result, 0, &problem)))
        status = complain(result, "is not the result of a finished run: %s", problem.text);
    FILE *in = status ? NULL : fopen(metrics, "r");
    p->metrics = json_array();
    for (json_t *line; in && (line = json_loadf(in, JSON_DISABLE_EOF_CHECK, NULL));)
        json_array_append_new(p->metrics, line);
    if (in) fclose(in);
    free(result);
    free(metrics);
    return status;
}

// The test part, else what there is.
static int evaluate(page *p, const report_values *values) {
    static const char *const parts[] = {"training", "validation", "test"};
    const json_t *examples = json_object_get(p->result, "examples");
    int part = CONVO_TEST;
    while (part > CONVO_TRAIN && !json_integer_value(json_array_get(examples, (size_t)part))) part--;
    cli_data d;
    convo_error err;
    int status = data_open(&d, NULL, values->data, values->threads);
    p->part = parts[part];
    if (!status && convo_evaluate(p->model, (convo_part)part, &d.how, &p->evaluation, &err)) status = fail(&err);
    if (!status && p->evaluation.truths)
        status = complain(convo_recipe_name(convo_model_recipe(p->model)),
                          "several labels may be true of its examples: a report is for models that give one; see "
                          "'convo eval'");
    if (!status) status = find_mistakes(p, &d.how);
    data_close(&d);
    return status;
}

static int collect_page(page *p, const char *folder, const report_values *values) {
    convo_error err;
    if (!is_folder(folder)) return complain(folder, "is not a run folder: pass one written by 'convo train'");
    int status = read_run(p, folder);
    if (!status) status = open_net(folder, &(cli_list){0}, NULL, &p->recipe, &p->model);
    if (!status && (convo_recipe_text(p->recipe, &p->text, &err) || convo_summarize(p->recipe, &p->net, &err)))
        status = fail(&err);
    if (!status) status = evaluate(p, values);
    if (status) return status;
    // A net without pixels, or without weights, has none of these: their sections are left out.
    if (convo_field_find(p->recipe, NULL, NULL, false, &p->field, &err)) p->field = (convo_field){0};
    if (convo_filters(p->recipe, p->model, &p->filters, &err)) p->filters = (convo_map){0};
    return DONE;
}

static void free_page(page *p) {
    convo_array_free(&p->filters.values);
    convo_field_free(&p->field);
    convo_examples_free(&p->mistakes);
    convo_evaluation_free(&p->evaluation);
    convo_summary_free(&p->net);
    convo_model_free(p->model);
    convo_recipe_free(p->recipe);
    json_decref(p->metrics);
    json_decref(p->result);
    free(p->text);
}

static int run_report(const cli_context *context, const void *given) {
    const report_values *values = given;
    const char *folder = context->word[0];
    page p = {0};
    char *path = values->out ? text_of("%s", values->out) : text_of("%s/report.html", folder), *text = NULL;
    int status = path ? collect_page(&p, folder, values) : no_memory();
    if (!status && !(text = page_text(&p))) status = no_memory();
    if (!status) status = write_text(path, text);
    if (!status && context->json)
        status =
            print_json(json_pack("{s:o, s:I}", "written", json_text(path), "bytes", (json_int_t)strlen(text)), false);
    else if (!status)
        say(stdout, "%s  (%s)\n", path, bytes_of((double)strlen(text)).text);
    free_page(&p);
    free(path);
    free(text);
    return status;
}

const cli_command command_report = {
    .name = "report",
    .help = "write a self-contained page about a run",
    .words = "RUN",
    .examples = "  convo report runs/fsdd-mfcc-0\n"
                "  convo report runs/fsdd-mfcc-0 -o report.html\n",
    .notes =
        "The page needs nothing but a browser: no network, no other file, and scripts only to enlarge a picture by a\n"
        "click. It has the recipe, the net, the learning curves, the confusions, figures per class, filters, and the\n"
        "most confident mistakes to see and hear.\n",
    .options = options,
    .size = sizeof(report_values),
    .run = run_report,
};

// The course's table of receptive fields: the nets of Radboud NWI-IMC070 (2023), assignment 3, parts 3.1 to 3.4, with
// the figures that it states.
#include "output.h"
#include "paths.h"
#include "sweep/reproduce.h"
#include "sweep/trial.h"

#include <stdlib.h>
#include <string.h>

enum { INPUT, OUTPUT, PARAMETERS, FIELD, PIXELS, FIGURES };

static const struct course_net {
    const char *part, *recipe;
    const char *stated[FIGURES]; // NULL: not stated
} nets[] = {
    {"3.1", "fields/conv3x3", {[PARAMETERS] = "10"}},
    {"3.1", "fields/conv5x5", {[PARAMETERS] = "26"}},
    {"3.1", "fields/conv5x5-channels", {[PARAMETERS] = "153"}},
    {"3.1", "fields/same3x3", {NULL}},
    {"3.1", "fields/same5x5", {NULL}},
    {"3.1 k", "fields/two3x3", {"(1, 15, 15)", "(1, 15, 15)", "20", "5 x 5", NULL}},
    {"3.2 a", "fields/conv-pool", {"(1, 14, 14)", "(1, 8, 8)", "10", "4 x 4", NULL}},
    {"3.2 c", "fields/dilation", {"(1, 15, 15)", "(1, 15, 15)", "10", "5 x 5", "9"}},
    {"3.2 e", "fields/stride", {"(1, 14, 14)", "(1, 7, 7)", "10", "3 x 3", NULL}},
    {"3.3 a", "fields/nine-one", {"(3, 14, 14)", "(3, 14, 14)", "732", "9 x 9", "81"}},
    {"3.3 b", "fields/nine-four", {"(3, 14, 14)", "(3, 14, 14)", "336", "9 x 9", "81"}},
    {"3.3 c", "fields/nine-pool", {"(3, 14, 14)", "(3, 14, 14)", "207", "9 x 9", "81"}},
    {"3.3 d", "fields/nine-stride", {"(3, 14, 14)", "(3, 14, 14)", "246", "9 x 9", "81"}},
    {"3.3 e", "fields/nine-dilation", {"(3, 14, 14)", "(3, 14, 14)", "168", "9 x 9", "81"}},
    {"3.4", "fields/padding", {[INPUT] = "(1, 15, 15)", [OUTPUT] = "(1, 15, 15)"}},
};

// "4 conv2d (out 3, kernel 3), avgpool2d (kernel 2)"
static char *layers_text(const convo_summary *s) {
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);
    if (!out) return NULL;
    for (int k = 0, times; k < s->count; k += times) {
        const convo_layer *l = &s->layers[k];
        for (times = 1; k + times < s->count; times++)
            if (strcmp(l[times].type, l->type) || strcmp(l[times].options, l->options)) break;
        if (k) fputs(", ", out);
        if (times > 1) fprintf(out, "%d ", times);
        fprintf(out, "%s (%s)", l->type, l->options);
    }
    if (!fclose(out)) return text;
    free(text);
    return NULL;
}

static void measure(const convo_field *f, cli_text ours[FIGURES]) {
    const convo_field_grid *input = &f->grid[0], *output = &f->grid[f->count - 1];
    snprintf(ours[INPUT].text, sizeof ours->text, "%s", input->shape);
    snprintf(ours[OUTPUT].text, sizeof ours->text, "%s", output->shape);
    snprintf(ours[PARAMETERS].text, sizeof ours->text, "%lld", (long long)f->parameters);
    snprintf(ours[FIELD].text, sizeof ours->text, "%lld x %lld", (long long)output->size[0],
             (long long)output->size[1]);
    snprintf(ours[PIXELS].text, sizeof ours->text, "%lld", (long long)input->seen);
}

static json_t *net_json(const struct course_net *net, const convo_field *f, const char *layers, json_t *as_stated) {
    const convo_field_grid *input = &f->grid[0], *output = &f->grid[f->count - 1];
    return json_pack("{s:s, s:s, s:s, s:s, s:s, s:I, s:[I, I], s:I, s:o}", "part", net->part, "recipe", net->recipe,
                     "layers", layers, "input", input->shape, "shape", output->shape, "parameters",
                     (json_int_t)f->parameters, "field", (json_int_t)output->size[0], (json_int_t)output->size[1],
                     "pixels", (json_int_t)input->seen, "as_stated", as_stated);
}

// The table is filled, or the list when there is one.
static void compare(const struct course_net *net, const convo_field *f, const char *layers, cli_table *table,
                    json_t *list, bool *all_right) {
    cli_text ours[FIGURES];
    bool stated = false, right = true;
    measure(f, ours);
    if (!list) table_row(table, "%s\t%s", net->part, net->recipe);
    for (int k = 0; k < FIGURES; k++) {
        const bool differs = net->stated[k] && strcmp(net->stated[k], ours[k].text) != 0;
        stated |= net->stated[k] != NULL;
        right &= !differs;
        if (!list) table_cell(table, "%s%s%s", ours[k].text, differs ? ", not " : "", differs ? net->stated[k] : "");
    }
    if (list)
        json_array_append_new(list, net_json(net, f, layers, stated ? json_boolean(right) : json_null()));
    else {
        table_row(table, "%s\t%s", !stated ? "" : right ? "as stated" : "DIFFERS", layers);
    }
    *all_right &= right;
}

static int add_net(const struct course_net *net, cli_table *table, json_t *list, bool *all_right) {
    static const cli_list no_settings;
    convo_recipe *recipe = NULL;
    convo_summary summary = {0};
    convo_field field = {0};
    convo_error err;
    char *layers = NULL;
    int status = open_recipe(net->recipe, &no_settings, &recipe, NULL);
    if (!status &&
        (convo_summarize(recipe, &summary, &err) || convo_field_find(recipe, NULL, NULL, false, &field, &err)))
        status = fail(&err);
    if (!status && !(layers = layers_text(&summary))) status = no_memory();
    if (!status) compare(net, &field, layers, table, list, all_right);
    free(layers);
    convo_field_free(&field);
    convo_summary_free(&summary);
    convo_recipe_free(recipe);
    return status;
}

int reproduce_fields(bool json) {
    cli_table table = {0};
    json_t *list = json ? json_array() : NULL;
    bool all_right = true;
    int status = DONE;
    if (!json) table_row(&table, "part\trecipe\tinput\toutput\tparameters\tfield\tpixels\tcourse\tlayers");
    for (size_t k = 0; !status && k < COUNT(nets); k++) status = add_net(&nets[k], &table, list, &all_right);
    int printed = json ? print_json(list, false) : table_print(&table, "llllrrrll", stdout);
    if (status || printed) return status ? status : printed;
    return all_right ? DONE : complain("fields", "a net in recipes/fields is not the one that the course shows");
}

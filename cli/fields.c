// The course's table of receptive fields: the nets of Radboud NWI-IMC070 (2023), assignment 3, parts 3.1 to 3.4, with
// the figures that it states.
#include "command.h"

#include <stdlib.h>
#include <string.h>

static const struct stated {
    const char *recipe;
    int64_t parameters, field; // 0: not stated
} nets[] = {
    {"fields/conv3x3", 10, 0},      {"fields/conv5x5", 26, 0},        {"fields/conv5x5-channels", 153, 0},
    {"fields/same3x3", 0, 0},       {"fields/same5x5", 0, 0},         {"fields/two3x3", 20, 0},
    {"fields/conv-pool", 0, 0},     {"fields/dilation", 0, 0},        {"fields/stride", 0, 0},
    {"fields/nine-one", 732, 9},    {"fields/nine-four", 336, 9},     {"fields/nine-pool", 207, 9},
    {"fields/nine-stride", 246, 9}, {"fields/nine-dilation", 168, 9},
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

// The table is filled, or the list when there is one.
static int add_net(const struct stated *net, cli_table *table, json_t *list, bool *all_right) {
    static const cli_list no_settings;
    convo_recipe *recipe = NULL;
    convo_summary summary = {0};
    convo_error err;
    char *layers = NULL;
    int status = open_recipe(net->recipe, &no_settings, &recipe, NULL);
    if (!status && convo_summarize(recipe, &summary, &err)) status = fail(&err);
    if (!status && !(layers = layers_text(&summary))) status = no_memory();
    if (!status) {
        const convo_layer *last = &summary.layers[summary.count - 1];
        const long long rows = last->field[0], columns = last->field[1];
        const bool stated = net->parameters || net->field;
        const bool right = (!net->parameters || summary.parameters == net->parameters) &&
                           (!net->field || (rows == net->field && columns == net->field));
        *all_right = *all_right && right;
        if (list)
            json_array_append_new(list, json_pack("{s:s, s:s, s:I, s:s, s:[I, I], s:o}", "recipe", net->recipe,
                                                  "layers", layers, "parameters", (json_int_t)summary.parameters,
                                                  "shape", last->shape, "field", (json_int_t)rows, (json_int_t)columns,
                                                  "as_stated", stated ? json_boolean(right) : json_null()));
        else {
            table_cell(table, "%s", net->recipe);
            table_cell(table, "%s", layers);
            table_cell(table, "%lld", (long long)summary.parameters);
            table_cell(table, "%s", last->shape);
            table_cell(table, "%lld x %lld", rows, columns);
            table_cell(table, "%s", !stated ? "" : right ? "as stated" : "DIFFERS");
        }
    }
    free(layers);
    convo_summary_free(&summary);
    convo_recipe_free(recipe);
    return status;
}

int reproduce_fields(bool json) {
    static const char *const heads[] = {"recipe", "layers", "parameters", "output shape", "field", "course"};
    cli_table table = {0};
    json_t *list = json ? json_array() : NULL;
    bool all_right = true;
    int status = DONE;
    for (size_t k = 0; !json && k < COUNT(heads); k++) table_cell(&table, "%s", heads[k]);
    for (size_t k = 0; !status && k < COUNT(nets); k++) status = add_net(&nets[k], &table, list, &all_right);
    int printed = json ? print_json(list, false) : table_print(&table, "llrlrl", stdout);
    if (status || printed) return status ? status : printed;
    return all_right ? DONE
                     : complain("fields", "a receptive field or a number of parameters is not what the course states");
}

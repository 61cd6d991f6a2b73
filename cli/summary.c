// convo summary: what a net is made of.
#include "evaluation.h"
#include "output.h"
#include "paths.h"

#include <stdlib.h>

typedef struct summary_values {
    cli_list set;
    const char *on, *in_floats;
    bool int8, stream;
} summary_values;

#define VALUES summary_values
static const cli_option options[] = {
    SET_OPTION,
    TEXT_OPTION("on", 0, on, "host|device", "device: bytes of constants and memory on a microcontroller, call by call"),
    FLAG_OPTION("int8", 0, int8, "on a device: the net in 8-bit numbers"),
    TEXT_OPTION("float", 0, in_floats, "LAYERS",
                "with --int8: these layers stay in floats (those that a model keeps so)"),
    FLAG_OPTION("stream", 0, stream, "what `convo listen` computes: which layers only what is new, and their cost"),
    {0},
};

static json_t *summary_json(const convo_summary *s, const char *name) {
    json_t *layers = json_array();
    for (int k = 0; k < s->count; k++) {
        const convo_layer *l = &s->layers[k];
        json_array_append_new(layers, json_pack("{s:s, s:s, s:s, s:s, s:I, s:s, s:I, s:[II], s:[II]}", "layer", l->path,
                                                "type", l->type, "options", l->options, "shape", l->shape, "parameters",
                                                (json_int_t)l->parameters, "formula", l->formula, "multiply_adds",
                                                (json_int_t)l->multiply_adds, "field", (json_int_t)l->field[0],
                                                (json_int_t)l->field[1], "jump", (json_int_t)l->jump[0],
                                                (json_int_t)l->jump[1]));
    }
    json_t *front = s->front_end[0] ? json_pack("{s:s, s:b, s:s}", "kind", s->front_end, "frame_by_frame",
                                                !s->whole_clip[0], "whole_clip", s->whole_clip)
                                    : json_null();
    return json_pack("{s:s, s:o, s:s, s:o, s:I, s:I, s:I}", "recipe", name, "front_end", front, "input", s->input,
                     "layers", layers, "parameters", (json_int_t)s->parameters, "multiply_adds",
                     (json_int_t)s->multiply_adds, "flattened", (json_int_t)s->flattened);
}

// The receptive field in input pixels, rows x columns; one row is the 1-d case and says only the columns.
static void table_field(cli_table *table, const convo_layer *l) {
    long long rows = l->field[0], columns = l->field[1];
    if (!rows || !columns)
        table_cell(table, "all");
    else if (rows == 1)
        table_cell(table, "%lld", columns);
    else
        table_cell(table, "%lld x %lld", rows, columns);
}

static int print_summary(const convo_summary *s) {
    cli_table table = {0};
    table_row(&table, "layer\ttype\toptions\toutput shape\tmultiply-adds\tfield\tparameters");
    table_row(&table, "input\t\t\t%s\t\t\t", s->input);
    for (int k = 0; k < s->count; k++) {
        const convo_layer *l = &s->layers[k];
        table_row(&table, "%s\t%s\t%s\t%s", l->path, l->type, l->options, l->shape);
        if (l->multiply_adds)
            table_cell(&table, "%lld", (long long)l->multiply_adds);
        else
            table_cell(&table, "%s", "");
        table_field(&table, l);
        table_cell(&table, "%s", l->formula);
    }
    int status = table_print(&table, "llllrrl", stdout);
    printf("\nparameters     %lld\nmultiply-adds  %lld per example\n", (long long)s->parameters,
           (long long)s->multiply_adds);
    if (s->flattened) say(stdout, "flattened      %lld\n", (long long)s->flattened);
    if (s->front_end[0])
        say(stdout, "front end      %s, %s%s\n", s->front_end,
            s->whole_clip[0] ? "of a whole clip: " : "frame by frame", s->whole_clip);
    return status;
}

// --- on a device --------------------------------------------------------------------------------------------------

static json_t *device_json(const convo_device *d, const char *name) {
    json_t *calls = json_array();
    for (int k = 0; k < d->count; k++) {
        const convo_device_call *c = &d->calls[k];
        json_array_append_new(calls, json_pack("{s:s, s:s, s:s, s:b, s:I, s:I, s:I}", "layers", c->layers, "kernel",
                                               c->kernel, "output", c->output, "int8", c->int8, "multiply_adds",
                                               (json_int_t)c->multiply_adds, "constants", (json_int_t)c->constants,
                                               "memory", (json_int_t)c->memory));
    }
    return json_pack("{s:s, s:o, s:I, s:I, s:I}", "recipe", name, "calls", calls, "constants", (json_int_t)d->constants,
                     "memory", (json_int_t)d->memory, "multiply_adds", (json_int_t)d->multiply_adds);
}

static void number_cell(cli_table *table, int64_t number) {
    if (number)
        table_cell(table, "%lld", (long long)number);
    else
        table_cell(table, "%s", "");
}

static int print_device(const convo_device *d) {
    cli_table table = {0};
    table_row(&table, "layers\tkernel\tnumbers\toutput\tmultiply-adds\tconstants\tmemory");
    for (int k = 0; k < d->count; k++) {
        const convo_device_call *c = &d->calls[k];
        table_row(&table, "%s\t%s\t%s\t%s", c->layers, c->kernel, c->int8 ? "8 bits" : "floats", c->output);
        number_cell(&table, c->multiply_adds);
        number_cell(&table, c->constants);
        number_cell(&table, c->memory);
    }
    const int status = table_print(&table, "llllrrr", stdout);
    printf("\nconstants      %lld bytes, without code\nmemory         %lld bytes\nmultiply-adds  %lld per example\n",
           (long long)d->constants, (long long)d->memory, (long long)d->multiply_adds);
    return status;
}

static int summarize_device(const cli_context *context, const summary_values *values, convo_machine machine) {
    convo_recipe *recipe = NULL;
    convo_model *model = NULL;
    convo_device device = {0};
    char *kept = NULL;
    convo_error err;
    int status = open_net(context->word[0], &values->set, NULL, &recipe, &model);
    if (!status && model && convo_model_in_floats(model, &kept, &err)) status = fail(&err);
    const char *in_floats = values->in_floats ? values->in_floats : kept;
    if (!status && convo_device_find(recipe, machine, in_floats, &device, &err)) status = fail(&err);
    if (!status)
        status =
            context->json ? print_json(device_json(&device, convo_recipe_name(recipe)), false) : print_device(&device);
    convo_device_free(&device);
    free(kept);
    convo_model_free(model);
    convo_recipe_free(recipe);
    return status;
}

// --- in a stream --------------------------------------------------------------------------------------------------

static json_t *stream_json(const convo_stream_cost *c, const char *name) {
    json_t *layers = json_array();
    for (int k = 0; k < c->count; k++) {
        const convo_stream_layer *l = &c->layers[k];
        json_array_append_new(layers, json_pack("{s:s, s:s, s:b, s:s?, s:I, s:I, s:I}", "layer", l->path, "type",
                                                l->type, "moves", l->moves, "why", l->why, "columns",
                                                (json_int_t)l->columns, "fresh", (json_int_t)l->fresh,
                                                "multiply_adds_per_second", (json_int_t)l->multiply_adds));
    }
    return json_pack("{s:s, s:f, s:f, s:{s:b, s:s?, s:I, s:I}, s:o, s:I, s:I}", "recipe", name, "hop", c->hop, "window",
                     c->window, "front_end", "moves", c->moves, "why", c->why, "frames", (json_int_t)c->frames, "fresh",
                     (json_int_t)c->fresh, "layers", layers, "multiply_adds_per_second", (json_int_t)c->multiply_adds,
                     "window_by_window", (json_int_t)c->whole);
}

static int print_stream(const convo_stream_cost *c) {
    cli_table table = {0};
    table_row(&table, "layer\ttype\tcolumns\tnew\tmultiply-adds/s\t");
    table_row(&table, "front end\t\t%lld\t%lld\t\t%s", (long long)c->frames, (long long)c->fresh,
              c->why ? c->why : "only what is new");
    for (int k = 0; k < c->count; k++) {
        const convo_stream_layer *l = &c->layers[k];
        table_row(&table, "%s\t%s\t%lld\t%lld", l->path, l->type, (long long)l->columns, (long long)l->fresh);
        number_cell(&table, l->multiply_adds);
        table_cell(&table, "%s", l->why ? l->why : "only what is new");
    }
    const int status = table_print(&table, "llrrrl", stdout);
    printf("\nwindow         %g s, every %g s\nmultiply-adds  %lld per second; window by window %lld\n", c->window,
           c->hop, (long long)c->multiply_adds, (long long)c->whole);
    return status;
}

// With the hop of a model's own settings.
static int summarize_stream(const cli_context *context, const summary_values *values) {
    convo_recipe *recipe = NULL;
    convo_model *model = NULL;
    convo_listening listening = {.hop = 0.02};
    convo_stream_cost cost = {0};
    convo_error err;
    int status = open_net(context->word[0], &values->set, NULL, &recipe, &model);
    if (!status && model && convo_model_listening(model, &listening, &err)) status = fail(&err);
    if (!status && convo_stream_cost_find(recipe, listening.hop, &cost, &err)) status = fail(&err);
    if (!status)
        status = context->json ? print_json(stream_json(&cost, convo_recipe_name(recipe)), false) : print_stream(&cost);
    convo_stream_cost_free(&cost);
    convo_listening_free(&listening);
    convo_model_free(model);
    convo_recipe_free(recipe);
    return status;
}

static int run_summary(const cli_context *context, const void *given) {
    const summary_values *values = given;
    convo_recipe *recipe = NULL;
    convo_summary summary = {0};
    convo_error err;
    convo_machine machine;
    int status = find_machine("summary", values->on, values->int8, &machine);
    if (!status && values->stream && machine != CONVO_HOST)
        return usage_error("summary", "--stream and --on device are mutually exclusive");
    if (!status && values->stream) return summarize_stream(context, values);
    if (!status && values->in_floats && !values->int8) return usage_error("summary", "--float requires --int8");
    if (!status && machine != CONVO_HOST) return summarize_device(context, values, machine);
    if (!status) status = open_recipe_or_model(context->word[0], &values->set, &recipe);
    if (!status && convo_summarize(recipe, &summary, &err)) status = fail(&err);
    if (!status && context->json)
        status = print_json(summary_json(&summary, convo_recipe_name(recipe)), false);
    else if (!status)
        status = print_summary(&summary);
    convo_summary_free(&summary);
    convo_recipe_free(recipe);
    return status;
}

const cli_command command_summary = {
    .name = "summary",
    .help = "layers, shapes, parameters with their formula, cost, receptive field",
    .words = "RECIPE|MODEL|RUN",
    .examples = "  convo summary fsdd-mfcc\n"
                "  convo summary runs/fsdd-mfcc-0 --json\n"
                "  convo summary fsdd-mfcc --on device --int8\n"
                "  convo summary fsdd-mfcc --stream\n",
    .notes = "field: receptive field of one output pixel, in pixels of the input, rows x columns.\n"
             "On a device: bytes; memory is what the values take that are needed during a call. See docs/device.md.\n",
    .options = options,
    .size = sizeof(summary_values),
    .run = run_summary,
};

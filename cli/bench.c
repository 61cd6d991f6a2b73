// convo bench: how fast a net trains and runs on this machine.
#include "output.h"
#include "paths.h"

#include <stdlib.h>

typedef struct bench_values {
    cli_list set;
    int64_t threads, batch;
    const char *isa, *seconds;
} bench_values;

#define VALUES bench_values
static const cli_option options[] = {
    NUMBER_OPTION("threads", 0, threads, 1, MOST_THREADS, "N", "threads (all)"),
    NUMBER_OPTION("batch", 0, batch, 1, 1 << 20, "N", "examples per step (the recipe's)"),
    ISA_OPTION,
    TEXT_OPTION("seconds", 0, seconds, "S", "to spend on each figure (1)"),
    SET_OPTION,
    {0},
};

// Above this, the figures say as much about the other programs as about convo.
static const double noticeable = 0.1; // processors

static bool is_busy(const convo_bench *b) {
    return b->others > noticeable || b->peak_share < 1 - noticeable;
}

static json_t *rate_json(const convo_bench_rate *r, double peak) {
    return json_pack("{s:f, s:f, s:f, s:f, s:f}", "examples_per_second", r->examples_per_second, "slowest", r->slowest,
                     "fastest", r->fastest, "gflops", r->gflops, "share_of_peak", r->gflops / peak);
}

static double gflops(int64_t flops, double seconds) {
    return seconds > 0 ? (double)flops * 1e-9 / seconds : 0;
}

static json_t *layers_json(const convo_bench *b) {
    json_t *layers = json_array();
    for (int k = 0; k < b->layers; k++) {
        const convo_bench_layer *l = &b->layer[k];
        json_array_append_new(layers,
                              json_pack("{s:s, s:s, s:s, s:f, s:f, s:f, s:f, s:I, s:I}", "layer", l->path, "type",
                                        l->type, "shape", l->shape, "forward_us", 1e6 * l->forward, "backward_us",
                                        1e6 * l->backward, "forward_gflops", gflops(l->forward_flops, l->forward),
                                        "backward_gflops", gflops(l->backward_flops, l->backward), "forward_flops",
                                        (json_int_t)l->forward_flops, "backward_flops", (json_int_t)l->backward_flops));
    }
    return layers;
}

static json_t *bench_json(const convo_bench *b, const char *name) {
    return json_pack(
        "{s:s, s:s, s:s, s:i, s:i, s:{s:f, s:f}, s:I, s:I, s:o, s:o, s:{s:f, s:f}, s:o, s:f, s:I, s:I, "
        "s:I, s:o, s:o, s:f, s:b, s:f}",
        "recipe", name, "version", convo_version(), "isa", b->isa, "threads", b->threads, "batch", b->batch,
        "peak_gflops", "all", b->peak, "one", b->peak_of_one, "forward_flops", (json_int_t)b->forward_flops,
        "training_flops", (json_int_t)b->training_flops, "training", rate_json(&b->training, b->peak), "inference",
        rate_json(&b->inference, b->peak), "one_example", "p50_us", 1e6 * b->p50, "p99_us", 1e6 * b->p99, "layers",
        layers_json(b), "other_us", 1e6 * b->other, "plan_bytes", (json_int_t)b->plan_bytes, "memory_bytes",
        (json_int_t)b->memory_bytes, "data_bytes", (json_int_t)b->data_bytes, "load", json_number(b->load), "others",
        json_number(b->others), "peak_share", b->peak_share, "busy", is_busy(b), "seconds", b->seconds);
}

// --- as tables --------------------------------------------------------------------------------------------------

static void rate_row(cli_table *table, const char *name, const convo_bench_rate *r, double peak) {
    table_row(table, "%s\t%.0f\t%.0f\t%.0f\t%.1f\t%.0f %%", name, r->examples_per_second, r->slowest, r->fastest,
              r->gflops, 100 * r->gflops / peak);
}

static int print_rates(const convo_bench *b) {
    cli_table table = {0};
    table_row(&table, "\texamples/s\tslowest\tfastest\tGFLOP/s\tof peak");
    rate_row(&table, "training", &b->training, b->peak);
    rate_row(&table, "inference", &b->inference, b->peak);
    return table_print(&table, "lrrrrr", stdout);
}

static void time_cells(cli_table *table, double seconds, int64_t flops, double peak) {
    if (flops)
        table_row(table, "%.3f\t%.1f\t%.0f %%", 1e6 * seconds, gflops(flops, seconds),
                  100 * gflops(flops, seconds) / peak);
    else
        table_row(table, "%.3f\t\t", 1e6 * seconds);
}

static int print_layers(const convo_bench *b) {
    cli_table table = {0};
    double total = b->other;
    for (int k = 0; k < b->layers; k++) total += b->layer[k].forward + b->layer[k].backward;
    table_row(&table,
              "layer\ttype\toutput shape\tforward us\tGFLOP/s\tof peak\tbackward us\tGFLOP/s\tof peak\tof time");
    for (int k = 0; k < b->layers; k++) {
        const convo_bench_layer *l = &b->layer[k];
        table_row(&table, "%s\t%s\t%s", *l->path ? l->path : "loss", l->type, l->shape);
        time_cells(&table, l->forward, l->forward_flops, b->peak_of_one);
        time_cells(&table, l->backward, l->backward_flops, b->peak_of_one);
        table_cell(&table, "%.1f %%", 100 * (l->forward + l->backward) / total);
    }
    table_row(&table, "other\t\t\t%.3f\t\t\t\t\t\t%.1f %%", 1e6 * b->other, 100 * b->other / total);
    return table_print(&table, "lllrrrrrrr", stdout);
}

static int print_bench(const convo_bench *b, const char *name) {
    say(stdout, "%s: %s, %d thread%s, batch %d\n", name, b->isa, b->threads, b->threads == 1 ? "" : "s", b->batch);
    say(stdout, "peak: %.0f GFLOP/s, %.0f of one thread\n\n", b->peak, b->peak_of_one);
    if (print_rates(b)) return FAILED;
    say(stdout, "\none example   p50 %.2f us, p99 %.2f us\n", 1e6 * b->p50, 1e6 * b->p99);
    say(stdout, "memory        %s, of the whole process %s\n\n", bytes_of((double)b->plan_bytes).text,
        bytes_of((double)b->memory_bytes).text);
    return print_layers(b);
}

static void warn(const convo_bench *b) {
    if (b->note) say(stderr, "%s\n", b->note);
    if (b->peak_share < 1 - noticeable)
        fprintf(stderr,
                "convo: even at its best, the peak of %d threads had %.0f %% of as many processors: it is too low, "
                "other programs run or there are fewer processors\n",
                b->threads, 100 * b->peak_share);
    if (!(b->others > noticeable)) return;
    fprintf(stderr,
            "convo: the machine was busy: other programs kept %.2f processors at work (load average %.2f); "
            "these figures are too low\n",
            b->others, b->load);
}

static int read_seconds(const char *text, double *seconds) {
    char *end;
    if (!text) return DONE;
    *seconds = strtod(text, &end);
    if (end != text && !*end && *seconds > 0 && *seconds <= 3600) return DONE;
    return usage_error("bench", "--seconds needs a number above 0, not '%s'", text);
}

static int run_bench(const cli_context *context, const void *given) {
    const bench_values *values = given;
    convo_bench_options o = {.threads = thread_count(values->threads),
                             .batch = values->batch > 0 ? (int)values->batch : 0,
                             .isa = values->isa};
    convo_recipe *recipe = NULL;
    convo_model *model = NULL;
    convo_bench bench = {0};
    convo_error err;
    int status = read_seconds(values->seconds, &o.seconds);
    if (!status) status = open_net(context->word[0], &values->set, NULL, &recipe, &model);
    if (!status && convo_bench_run(recipe, model, &o, &bench, &err)) status = fail(&err);
    const char *name = status ? NULL : convo_recipe_name(recipe);
    if (!status) status = context->json ? print_json(bench_json(&bench, name), false) : print_bench(&bench, name);
    if (!status && !context->quiet) warn(&bench);
    convo_bench_free(&bench);
    convo_recipe_free(recipe);
    convo_model_free(model);
    return status;
}

const cli_command command_bench = {
    .name = "bench",
    .help = "speed of training and inference on this machine, layer by layer",
    .words = "RECIPE|MODEL|RUN",
    .examples = "  convo bench fsdd-mfcc\n"
                "  convo bench runs/fsdd-mfcc-0 --threads 1 --json\n"
                "  convo bench speech-cnn --isa avx2 --batch 64 --seconds 3\n",
    .notes =
        "On random examples in memory; medians of seven repetitions. training: whole steps with the optimiser, at a\n"
        "learning rate of 0. one example: alone, its larger layers shared out to the threads. GFLOP/s: a multiply-add\n"
        "is two operations; only those of convolutions, linear and recurrent layers and attention count. peak: "
        "multiply-adds between\n"
        "registers, measured just before. Layers: us per example of a training pass on one thread; of peak: of one\n"
        "thread's; other: packing, and what lies between.\n",
    .options = options,
    .size = sizeof(bench_values),
    .run = run_bench,
};

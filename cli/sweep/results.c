// The results of a sweep, as a table, as CSV and as JSON.
#include "output.h"
#include "paths.h"
#include "quote.h"
#include "sweep/sweep.h"
#include "sweep/trial.h"

#include <stdlib.h>
#include <string.h>

static const char *const parts[] = {"train", "validation", "test"};

static const convo_score *score_of(const convo_train_result *r, int part) {
    return part == CONVO_TRAIN ? &r->train : part == CONVO_VALIDATION ? &r->validation : &r->test;
}

const char *sweep_value(const sweep *s, size_t setting, size_t axis) {
    for (size_t k = s->axes - 1; k > axis; k--) setting /= s->axis[k].values;
    return s->axis[axis].value[setting % s->axis[axis].values];
}

sweep_total sweep_totals(const sweep *s, size_t setting) {
    sweep_total total = {0};
    for (size_t t = 0; t < s->trials; t++) {
        const sweep_run *run = &s->run[setting * s->trials + t];
        total.done += run->done;
        total.diverged += run->done && run->result.diverged;
        if (!run->done || run->result.diverged) continue;
        spread_add(&total.seconds, run->result.seconds);
        for (int part = 0; part < 3; part++) {
            const convo_score *score = score_of(&run->result, part);
            if (!score->count) continue;
            spread_add(&total.loss[part], score->loss);
            spread_add(&total.error[part], 1 - score->accuracy);
        }
    }
    return total;
}

// The mean over the settings, each with equal weight.
static sweep_total sweep_mean(const sweep *s) {
    sweep_total mean = {0};
    for (size_t k = 0; k < s->settings; k++) {
        const sweep_total total = sweep_totals(s, k);
        mean.done += total.done;
        mean.diverged += total.diverged;
        if (total.seconds.count) spread_add(&mean.seconds, total.seconds.mean);
        for (int part = 0; part < 3; part++) {
            if (!total.error[part].count) continue;
            spread_add(&mean.loss[part], total.loss[part].mean);
            spread_add(&mean.error[part], total.error[part].mean);
        }
    }
    return mean;
}

bool sweep_crosses(const sweep *s) {
    return s->leave_one_out || s->folds;
}

bool sweep_measured(const sweep *s, int part) {
    for (size_t k = 0; k < s->runs; k++)
        if (s->run[k].done && score_of(&s->run[k].result, part)->count) return true;
    return false;
}

// --- the runs as CSV, all as JSON -------------------------------------------------------------------------------

int sweep_write_csv(const sweep *s) {
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);
    if (!out) return no_memory();
    for (size_t a = 0; a < s->axes; a++) {
        csv_text(s->axis[a].key, out);
        fputc(',', out);
    }
    fputs("seed,diverged,epochs,steps,seconds,parameters", out);
    for (int part = 0; part < 3; part++)
        fprintf(out, ",%s_loss,%s_error,%s_accuracy", parts[part], parts[part], parts[part]);
    fputs(",run\n", out);
    for (size_t k = 0; k < s->runs; k++) {
        const sweep_run *run = &s->run[k];
        const convo_train_result *r = &run->result;
        if (!run->done) continue;
        for (size_t a = 0; a < s->axes; a++) {
            csv_text(sweep_value(s, run->setting, a), out);
            fputc(',', out);
        }
        fprintf(out, "%llu,%d,%d,%lld,%.3f,%lld", (unsigned long long)convo_recipe_seed(run->recipe), r->diverged,
                r->epochs, (long long)r->steps, r->seconds, (long long)r->parameters);
        for (int part = 0; part < 3; part++) {
            const convo_score *score = score_of(r, part);
            if (score->count)
                fprintf(out, ",%.9g,%.9g,%.9g", score->loss, 1 - score->accuracy, score->accuracy);
            else
                fputs(",,,", out);
        }
        fputc(',', out);
        csv_text(run->folder, out);
        fputc('\n', out);
    }
    char *path = text_of("%s/runs.csv", s->out);
    int status = fclose(out) || !path ? no_memory() : write_text(path, text);
    free(path);
    free(text);
    return status;
}

static json_t *values_json(const sweep *s, size_t setting) {
    json_t *values = json_object();
    for (size_t a = 0; a < s->axes; a++)
        json_object_set_new(values, s->axis[a].key, json_text(sweep_value(s, setting, a)));
    return values;
}

static json_t *total_json(sweep_total total, json_t *values) {
    json_t *json = json_pack("{s:o*, s:i, s:i, s:o}", "values", values, "runs", total.done, "diverged", total.diverged,
                             "seconds", spread_json(&total.seconds));
    for (int part = 0; part < 3; part++) {
        cli_spread accuracy = total.error[part]; // the same deviation
        if (!accuracy.count) continue;
        accuracy.mean = 1 - accuracy.mean;
        json_object_set_new(json, parts[part],
                            json_pack("{s:o, s:o, s:o}", "loss", spread_json(&total.loss[part]), "error",
                                      spread_json(&total.error[part]), "accuracy", spread_json(&accuracy)));
    }
    return json;
}

static json_t *run_json(const sweep *s, const sweep_run *run) {
    const convo_train_result *r = &run->result;
    return json_pack("{s:o, s:I, s:b, s:i, s:f, s:o, s:o, s:o, s:o}", "values", values_json(s, run->setting), "seed",
                     (json_int_t)convo_recipe_seed(run->recipe), "diverged", r->diverged, "epochs", r->epochs,
                     "seconds", r->seconds, "train", json_score(&r->train), "validation", json_score(&r->validation),
                     "test", json_score(&r->test), "run", json_text(run->folder));
}

json_t *sweep_json(const sweep *s) {
    json_t *settings = json_array(), *runs = json_array();
    for (size_t k = 0; k < s->settings; k++)
        json_array_append_new(settings, total_json(sweep_totals(s, k), values_json(s, k)));
    for (size_t k = 0; k < s->runs; k++)
        if (s->run[k].done) json_array_append_new(runs, run_json(s, &s->run[k]));
    return json_pack("{s:s, s:o, s:I, s:o, s:o, s:o*}", "recipe", s->recipe, "out", json_text(s->out), "trials",
                     (json_int_t)s->trials, "settings", settings, "runs", runs, "mean",
                     sweep_crosses(s) ? total_json(sweep_mean(s), NULL) : NULL);
}

// --- for people --------------------------------------------------------------------------------------------------

// What was measured, and the accuracy on what is held out.
static void total_cells(cli_table *table, const sweep *s, const sweep_total *total, int held_out) {
    for (int part = 0; part < 3; part++)
        if (sweep_measured(s, part)) table_cell(table, "%s", spread_text(&total->error[part]).text);
    cli_spread accuracy = total->error[held_out];
    accuracy.mean = 1 - accuracy.mean;
    table_cell(table, "%s", spread_text(&accuracy).text);
    if (total->diverged)
        table_cell(table, "%d of %d diverged", total->diverged, total->done);
    else
        table_cell(table, "%d", total->done);
}

int sweep_print_table(const sweep *s) {
    size_t columns = s->axes + 2;
    int held_out = 0;
    char align[64];
    cli_table table = {0};
    for (size_t a = 0; a < s->axes; a++) table_cell(&table, "%s", s->axis[a].key);
    for (int part = 0; part < 3; part++)
        if (sweep_measured(s, part)) {
            table_cell(&table, "%s error", parts[part]);
            held_out = part;
            columns++;
        }
    table_row(&table, "%s accuracy\truns", parts[held_out]);
    for (size_t k = 0; k < s->settings; k++) {
        const sweep_total total = sweep_totals(s, k);
        if (!total.done) continue;
        for (size_t a = 0; a < s->axes; a++) table_cell(&table, "%s", sweep_value(s, k, a));
        total_cells(&table, s, &total, held_out);
    }
    if (sweep_crosses(s)) {
        const sweep_total mean = sweep_mean(s);
        table_cell(&table, "mean");
        total_cells(&table, s, &mean, held_out);
    }
    memset(align, 'l', sizeof align);
    align[columns] = '\0';
    return table_print(&table, align, stdout);
}

void sweep_print_run(const sweep *s, size_t k) {
    const sweep_run *run = &s->run[k];
    say(stderr, "%*zu/%zu  %s ", snprintf(NULL, 0, "%zu", s->runs), k + 1, s->runs, run->name);
    if (run->result.diverged) fputs(" diverged", stderr);
    for (int part = 0; part < 3 && !run->result.diverged; part++)
        if (score_of(&run->result, part)->count)
            say(stderr, " %s error %.4f ", parts[part], 1 - score_of(&run->result, part)->accuracy);
    if (!run->result.diverged) say(stderr, " %s", clock_of(run->result.seconds).text);
    fputc('\n', stderr);
}

// An evaluation, for people and as JSON.
#include "chart/plot.h"
#include "evaluation.h"
#include "output.h"
#include "quote.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static const char *const parts[] = {"train", "validation", "test", "all"}; // as convo_part numbers them

const char *part_name(convo_part part) {
    return parts[part];
}

int find_part(const char *command, const char *name, convo_part *part) {
    *part = CONVO_HELD_OUT;
    if (!name) return DONE;
    cli_hint near = hint_start(name);
    for (size_t k = 0; k < COUNT(parts); k++) {
        *part = (convo_part)k;
        if (!strcmp(parts[k], name)) return DONE;
        hint_offer(&near, parts[k]);
    }
    return usage_error(command, "--split must be train, validation, test or all, not '%s'%s", name, near.text);
}

int find_machine(const char *command, const char *name, bool int8, convo_machine *machine) {
    static const char *const machines[] = {"host", "device"}; // as convo_machine numbers them
    size_t k = 0;
    cli_hint near = hint_start(name ? name : machines[0]);
    for (; name && k < COUNT(machines) && strcmp(machines[k], name) != 0; k++) hint_offer(&near, machines[k]);
    if (k == COUNT(machines)) return usage_error(command, "--on must be host or device, not '%s'%s", name, near.text);
    if (int8 && k != CONVO_DEVICE) return usage_error(command, "--int8 requires --on device");
    *machine = int8 ? CONVO_DEVICE_INT8 : (convo_machine)k;
    return DONE;
}

int run_on(const char *command, convo_model *model, const char *name, bool int8, const convo_train_options *how) {
    convo_machine machine;
    convo_error err;
    const int status = find_machine(command, name, int8, &machine);
    if (status) return status;
    if (how->in_floats && !int8) return usage_error(command, "--float requires --int8");
    if (int8 && convo_model_quantize(model, how, &err)) return fail(&err);
    return convo_model_run_on(model, machine, &err) ? fail(&err) : DONE;
}

// NaN where the class has no ROC curve.
typedef struct curve_figures {
    double eer, area;
} curve_figures;

static curve_figures curve_of(const convo_evaluation *e, int k) {
    convo_roc roc;
    if (convo_roc_find(e, k, &roc, NULL)) return (curve_figures){NAN, NAN};
    const curve_figures figures = {roc.eer, roc.area};
    convo_roc_free(&roc);
    return figures;
}

// --- JSON -------------------------------------------------------------------------------------------------------

static json_t *class_json(const char *label, convo_class_score s, curve_figures curve) {
    return json_pack("{s:s, s:I, s:f, s:f, s:f, s:o, s:o}", "label", label, "count", (json_int_t)s.count, "precision",
                     s.precision, "recall", s.recall, "f1", s.f1, "eer", json_number(curve.eer), "roc_area",
                     json_number(curve.area));
}

static json_t *macro_json(const convo_evaluation *e) {
    const convo_class_score s = convo_class_figures(e, CONVO_MACRO);
    return json_pack("{s:f, s:f, s:f}", "precision", s.precision, "recall", s.recall, "f1", s.f1);
}

static json_t *interval_json(int64_t correct, int64_t count) {
    const convo_interval interval = convo_accuracy_interval(correct, count);
    return json_pack("[ff]", interval.low, interval.high);
}

static json_t *calibration_json(const convo_evaluation *e) {
    convo_calibration c;
    if (convo_calibration_find(e, &c, NULL)) return json_null();
    json_t *bins = json_array();
    for (int b = 0; b < CONVO_BINS; b++)
        json_array_append_new(bins, json_pack("{s:I, s:o, s:o}", "count", (json_int_t)c.count[b], "confidence",
                                              json_number(c.confidence[b]), "accuracy", json_number(c.accuracy[b])));
    return json_pack("{s:f, s:o}", "ece", c.error, "bins", bins);
}

static json_t *groups_json(const convo_evaluation *e) {
    json_t *groups = json_array();
    for (int k = 0; k < e->groups; k++) {
        const convo_score s = convo_group_score(e, k);
        if (s.count)
            json_array_append_new(groups, json_pack("{s:s, s:f, s:o, s:I, s:I}", "group", e->group_name[k], "accuracy",
                                                    s.accuracy, "interval", interval_json(s.correct, s.count),
                                                    "correct", (json_int_t)s.correct, "count", (json_int_t)s.count));
    }
    return groups;
}

json_t *evaluation_json(const convo_evaluation *e, int top, bool by_group) {
    json_t *classes = json_array(), *confusion = json_array();
    for (int k = 0; k < e->classes; k++) {
        json_array_append_new(classes, class_json(e->labels[k], convo_class_figures(e, k), curve_of(e, k)));
        json_t *row = json_array();
        for (int j = 0; e->confusion && j < e->classes; j++)
            json_array_append_new(row, json_integer(e->confusion[k * e->classes + j]));
        json_array_append_new(confusion, row);
    }
    json_t *json =
        json_pack("{s:s, s:o, s:o, s:o, s:o, s:o, s:o, s:f, s:o, s:f}", "part", parts[e->part], "score",
                  json_score(&e->score), "interval", interval_json(e->score.correct, e->score.count), "calibration",
                  calibration_json(e), "classes", classes, "mean", macro_json(e), "confusion", confusion, "seconds",
                  e->seconds, "reading", json_reading(&e->reading), "scoring", e->scoring);
    if (!e->confusion) json_object_set_new(json, "confusion", json_null());
    if (top > 0)
        json_object_set_new(json, "top",
                            json_pack("{s:i, s:o}", "k", top, "accuracy", json_number(convo_top_accuracy(e, top))));
    if (by_group) json_object_set_new(json, "groups", groups_json(e));
    return json;
}

// --- for people -------------------------------------------------------------------------------------------------

static void class_cells(cli_table *table, const char *label, convo_class_score s, double eer) {
    table_row(table, "%s\t%.4f\t%.4f\t%.4f", label, s.precision, s.recall, s.f1);
    if (isfinite(eer))
        table_cell(table, "%.4f", eer);
    else
        table_cell(table, "-");
    table_cell(table, "%lld", (long long)s.count);
}

static int print_classes(const convo_evaluation *e) {
    cli_table table = {0};
    double sum = 0;
    int curves = 0;
    table_row(&table, "class\tprecision\trecall\tF1\tEER\tcount");
    for (int k = 0; k < e->classes; k++) {
        const double eer = curve_of(e, k).eer;
        if (isfinite(eer)) sum += eer, curves++;
        class_cells(&table, e->labels[k], convo_class_figures(e, k), eer);
    }
    class_cells(&table, "mean", convo_class_figures(e, CONVO_MACRO), curves ? sum / curves : NAN);
    return table_print(&table, "lrrrrr", stdout);
}

// Of the whole table: what is wider, nobody reads.
static size_t confusion_width(const convo_evaluation *e) {
    size_t width = 5, longest = 0; // "truth"
    for (int k = 0; k < e->classes; k++) {
        size_t label = shown_width(e->labels[k]), column = label;
        for (int j = 0; j < e->classes; j++) {
            const int digits = snprintf(NULL, 0, "%lld", (long long)e->confusion[j * e->classes + k]);
            if ((size_t)digits > column) column = (size_t)digits;
        }
        width += column + 2;
        if (label > longest) longest = label;
    }
    return width + (longest > 5 ? longest - 5 : 0);
}

typedef struct confused {
    int64_t count;
    int truth, predicted;
} confused;

static int most_first(const void *a, const void *b) {
    const confused *x = a, *y = b;
    if (x->count != y->count) return x->count < y->count ? 1 : -1;
    return x->truth != y->truth ? x->truth - y->truth : x->predicted - y->predicted;
}

static int print_worst_pairs(const convo_evaluation *e) {
    enum { SHOWN = 20 };
    confused *pair = calloc((size_t)e->classes * (size_t)e->classes, sizeof *pair);
    size_t count = 0;
    if (!pair) return no_memory();
    for (int k = 0; k < e->classes; k++)
        for (int j = 0; j < e->classes; j++)
            if (j != k && e->confusion[k * e->classes + j])
                pair[count++] = (confused){e->confusion[k * e->classes + j], k, j};
    qsort(pair, count, sizeof *pair, most_first);
    const size_t shown_pairs = count < SHOWN ? count : SHOWN;
    printf("\nconfusion: the %zu worst of %zu pairs (--json and convo plot --confusion have all)\n", shown_pairs,
           count);
    cli_table table = {0};
    table_row(&table, "truth\tpredicted\tcount\tof the truth");
    for (size_t k = 0; k < shown_pairs; k++) {
        const double all = (double)convo_class_figures(e, pair[k].truth).count;
        table_row(&table, "%s\t%s\t%lld\t%.1f %%", e->labels[pair[k].truth], e->labels[pair[k].predicted],
                  (long long)pair[k].count, 100 * (double)pair[k].count / all);
    }
    free(pair);
    return table_print(&table, "llrr", stdout);
}

static int print_confusion(const convo_evaluation *e) {
    enum { WIDEST = 120 };
    if (confusion_width(e) > WIDEST) return print_worst_pairs(e);
    puts("\nconfusion: rows are the truth, columns what the model predicted");
    char *align = malloc((size_t)e->classes + 2);
    if (!align) return no_memory();
    memset(align, 'r', (size_t)e->classes + 1);
    align[0] = 'l';
    align[e->classes + 1] = '\0';
    cli_table table = {0};
    table_cell(&table, "truth");
    for (int k = 0; k < e->classes; k++) table_cell(&table, "%s", e->labels[k]);
    for (int k = 0; k < e->classes; k++) {
        table_cell(&table, "%s", e->labels[k]);
        for (int j = 0; j < e->classes; j++) {
            long long n = e->confusion[k * e->classes + j];
            if (n)
                table_cell(&table, "%lld", n);
            else
                table_cell(&table, "."); // so that the mistakes stand out
        }
    }
    int status = table_print(&table, align, stdout);
    free(align);
    return status;
}

static int print_groups(const convo_evaluation *e) {
    cli_table table = {0};
    table_row(&table, "group\taccuracy\t95 %% interval\tcount");
    for (int k = 0; k < e->groups; k++) {
        const convo_score s = convo_group_score(e, k);
        if (!s.count) continue;
        const convo_interval interval = convo_accuracy_interval(s.correct, s.count);
        table_row(&table, "%s\t%.4f\t%.4f to %.4f\t%lld", e->group_name[k], s.accuracy, interval.low, interval.high,
                  (long long)s.count);
    }
    putchar('\n');
    return table_print(&table, "lrlr", stdout);
}

int print_evaluation(const convo_evaluation *e, int top, bool by_group) {
    const convo_interval interval = convo_accuracy_interval(e->score.correct, e->score.count);
    convo_calibration calibration;
    say(stdout, "%s accuracy %.4f  (%lld/%lld)  95 %% interval %.4f to %.4f\n", parts[e->part], e->score.accuracy,
        (long long)e->score.correct, (long long)e->score.count, interval.low, interval.high);
    if (top > 0 && !e->truths) say(stdout, "top-%d accuracy %.4f\n", top, convo_top_accuracy(e, top));
    say(stdout, "loss %.4f\n", e->score.loss);
    if (!convo_calibration_find(e, &calibration, NULL))
        printf("calibration error (ECE) %.4f: how sure it is and how often it is right differ by %.1f %% on average\n",
               calibration.error, 100 * calibration.error);
    if (e->truths) puts("several labels may be true, or none: an example is right if all of its labels are");
    putchar('\n');
    int status = print_classes(e);
    if (status) return status;
    if (e->confusion) status = print_confusion(e);
    return status || !by_group ? status : print_groups(e);
}

// --- mistakes ---------------------------------------------------------------------------------------------------

static int most_confident_first(const void *a, const void *b) {
    const cli_mistake *x = a, *y = b;
    if (x->probability != y->probability) return x->probability < y->probability ? 1 : -1;
    return (x->row > y->row) - (x->row < y->row);
}

static bool is_wrong(const convo_evaluation *e, int64_t row) {
    const size_t classes = (size_t)e->classes, at = (size_t)row * classes;
    return e->truths ? memcmp(e->truths + at, e->answers + at, classes) != 0 : e->predicted[row] != e->truth[row];
}

// The probability of what is wrong; where several labels may be true, of the worst of the wrong answers, yes or no.
static double confidence_in(const convo_evaluation *e, int64_t row) {
    double most = 0;
    if (!e->probabilities) return 0;
    const float *p = e->probabilities + row * e->classes;
    if (!e->truths) return (double)p[e->predicted[row]];
    for (int c = 0; c < e->classes; c++) {
        const double wrong = e->truths[row * e->classes + c] ? 1 - (double)p[c] : (double)p[c];
        if (wrong > most) most = wrong;
    }
    return most;
}

int list_mistakes(const convo_evaluation *e, cli_mistake **list, int64_t *count) {
    *count = 0;
    if (!(*list = calloc((size_t)e->score.count + 1, sizeof **list))) return no_memory();
    for (int64_t k = 0; k < e->score.count; k++)
        if (is_wrong(e, k)) (*list)[(*count)++] = (cli_mistake){k, confidence_in(e, k)};
    qsort(*list, (size_t)*count, sizeof **list, most_confident_first);
    return DONE;
}

// convo eval: how good a model is, class by class.
#include "command.h"

#include <stdlib.h>
#include <string.h>

typedef struct eval_values {
    const char *data, *split, *isa, *save;
    int64_t threads;
} eval_values;

static const cli_option options[] = {
    {"split", 0, OPTION_TEXT, offsetof(eval_values, split), 0, 0, "PART", "train, validation, test or all (test)"},
    {"save", 0, OPTION_TEXT, offsetof(eval_values, save), 0, 0, "FILE|DIR",
     "write what the model says of each example as NumPy arrays: FILE.npz, or a folder"},
    {"data", 0, OPTION_TEXT, offsetof(eval_values, data), 0, 0, "DIR", "folder of the data set"},
    {"threads", 0, OPTION_NUMBER, offsetof(eval_values, threads), 1, MOST_THREADS, "N",
     "threads (all); the result is the same"},
    {"isa", 0, OPTION_TEXT, offsetof(eval_values, isa), 0, 0, "NAME", "at most baseline, avx2 or avx512 (the best)"},
    {0},
};

static const char *const parts[] = {"train", "validation", "test", "all"}; // as convo_part numbers them

// Counts of one class against the rest, and the usual figures; 0 where nothing was said or nothing was there.
typedef struct class_score {
    int64_t hits, said, there;
    double precision, recall, f1;
} class_score;

static double ratio(double part, double whole) {
    return whole > 0 ? part / whole : 0;
}

static class_score score_class(const convo_evaluation *e, int k) {
    class_score s = {.hits = e->confusion[k * e->classes + k]};
    for (int j = 0; j < e->classes; j++) {
        s.there += e->confusion[k * e->classes + j];
        s.said += e->confusion[j * e->classes + k];
    }
    s.precision = ratio((double)s.hits, (double)s.said);
    s.recall = ratio((double)s.hits, (double)s.there);
    s.f1 = ratio(2 * s.precision * s.recall, s.precision + s.recall);
    return s;
}

static json_t *to_json(const convo_evaluation *e, const char *part) {
    json_t *classes = json_array(), *confusion = json_array();
    for (int k = 0; k < e->classes; k++) {
        class_score s = score_class(e, k);
        json_array_append_new(classes,
                              json_pack("{s:s, s:I, s:f, s:f, s:f}", "label", e->labels[k], "count",
                                        (json_int_t)s.there, "precision", s.precision, "recall", s.recall, "f1", s.f1));
        json_t *row = json_array();
        for (int j = 0; j < e->classes; j++) json_array_append_new(row, json_integer(e->confusion[k * e->classes + j]));
        json_array_append_new(confusion, row);
    }
    return json_pack("{s:s, s:o, s:o, s:o, s:f}", "part", part, "score", json_score(&e->score), "classes", classes,
                     "confusion", confusion, "seconds", e->seconds);
}

static int print_classes(const convo_evaluation *e) {
    cli_table table = {0};
    static const char *const heads[] = {"class", "precision", "recall", "F1", "count"};
    for (size_t k = 0; k < COUNT(heads); k++) table_cell(&table, "%s", heads[k]);
    for (int k = 0; k < e->classes; k++) {
        class_score s = score_class(e, k);
        table_cell(&table, "%s", e->labels[k]);
        table_cell(&table, "%.4f", s.precision);
        table_cell(&table, "%.4f", s.recall);
        table_cell(&table, "%.4f", s.f1);
        table_cell(&table, "%lld", (long long)s.there);
    }
    return table_print(&table, "lrrrr", stdout);
}

static int print_confusion(const convo_evaluation *e) {
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

static int print(const convo_evaluation *e, const char *part, bool json) {
    if (json) return print_json(to_json(e, part), false);
    printf("%s accuracy %.4f  (%lld/%lld)\nloss %.4f\n\n", part, e->score.accuracy, (long long)e->score.correct,
           (long long)e->score.count, e->score.loss);
    int status = print_classes(e);
    if (status) return status;
    puts("\nconfusion: rows are the truth, columns what the model said");
    return print_confusion(e);
}

static int find_part(const char *name, convo_part *part) {
    cli_hint near = hint_start(name);
    for (size_t k = 0; k < COUNT(parts); k++) {
        if (!strcmp(parts[k], name)) {
            *part = (convo_part)k;
            return DONE;
        }
        hint_offer(&near, parts[k]);
    }
    return usage_error("eval", "--split is train, validation, test or all, not '%s'%s", name, near.text);
}

static int run(const cli_context *context, const void *given) {
    const eval_values *values = given;
    convo_part part = CONVO_TEST;
    int status = values->split ? find_part(values->split, &part) : DONE;
    if (status) return status;
    char **search = data_folders(NULL), *cache = feature_folder();
    if (!search) return no_memory();
    convo_train_options how = {
        .data = values->data,
        .search = (const char *const *)search,
        .cache = cache,
        .threads = thread_count(values->threads),
        .isa = values->isa,
    };
    convo_model *model = NULL;
    convo_evaluation evaluation = {0};
    convo_error err;
    if (convo_model_load(context->word[0], &model, &err) || convo_evaluate(model, part, &how, &evaluation, &err) ||
        (values->save && convo_evaluation_save(&evaluation, values->save, &err)))
        status = fail(&err);
    else
        status = print(&evaluation, parts[part], context->json);
    convo_evaluation_free(&evaluation);
    convo_model_free(model);
    free_texts(search);
    free(cache);
    return status;
}

const cli_command command_eval = {
    .name = "eval",
    .help = "accuracy, figures per class and confusions of a model",
    .words = "MODEL|RUN",
    .least_words = 1,
    .most_words = 1,
    .examples = "  convo eval runs/fsdd-mfcc-0\n"
                "  convo eval model.safetensors --data data/fsdd --split all --json\n"
                "  convo eval runs/fsdd-mfcc-0 --save predictions.npz\n",
    .notes = "The data set is split as it was in training; the parts are the same recordings.\n"
             "--save writes index (of the example in the data set, files sorted by name), truth, predicted, logits and\n"
             "probabilities, a row for each example.\n",
    .options = options,
    .size = sizeof(eval_values),
    .run = run,
};

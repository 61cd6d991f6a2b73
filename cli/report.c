// convo report: one self-contained page about a run.
#include "output.h"
#include "paths.h"
#include "quote.h"
#include "report/page.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

typedef struct report_values {
    const char *out, *data;
    int64_t threads;
} report_values;

#define VALUES report_values
static const cli_option options[] = {
    TEXT_OPTION("out", 'o', out, "FILE", "write FILE.html (report.html in the run folder)"),
    DATA_OPTION,
    THREADS_OPTION,
    {0},
};

// --- what it is made of -----------------------------------------------------------------------------------------

static void read_curves(history *h, int folder, const char *name, const char *key) {
    const int file = open_in(folder, name);
    history_start(h, key);
    if (file < 0) return;
    history_read(h, file, INT64_MAX);
    close(file);
}

static int read_run(page *p, const char *folder) {
    char *result = text_of("%s/result.json", folder);
    json_error_t problem;
    int status = result ? DONE : no_memory();
    if (!status && !(p->result = json_load_file(result, 0, &problem)))
        status = complain(result, "is not the result of a finished run: %s", problem.text);
    const int files = status ? -1 : open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (files >= 0) {
        read_curves(&p->epochs, files, "metrics.jsonl", "epoch");
        read_curves(&p->steps, files, "steps.jsonl", "step");
        close(files);
    }
    const char *name = json_string_value(json_object_get(p->result, "recipe"));
    p->name = name ? name : base_name(folder);
    free(result);
    return status;
}

static int evaluate_run(page *p, const cli_context *context, const report_values *values) {
    const char *folder = context->word[0];
    convo_recipe *recipe = NULL;
    convo_model *model = NULL;
    char *text = NULL;
    convo_error err;
    cli_data d;
    int status = open_net(folder, &(cli_list){0}, NULL, &recipe, &model);
    convo_model_free(model);
    if (!status && (convo_recipe_text(recipe, &text, &err) ||
                    page_read_recipe(p, text, strlen(text), convo_recipe_name(recipe), &err)))
        status = fail(&err);
    free(text);
    convo_recipe_free(recipe);
    if (status) return status;
    status = data_open(&d, NULL, values->data, values->threads);
    data_show(&d, context);
    if (!status && page_evaluate(p, folder, &d.how, &err)) status = fail(&err);
    data_close(&d);
    return status;
}

static int collect_page(page *p, const cli_context *context, const report_values *values) {
    const char *folder = context->word[0];
    if (!is_folder(folder)) return complain(folder, "is not a run folder: pass one written by 'convo train'");
    const int status = read_run(p, folder);
    return status ? status : evaluate_run(p, context, values);
}

static int run_report(const cli_context *context, const void *given) {
    const report_values *values = given;
    const char *folder = context->word[0];
    if (values->out && check_out("report", values->out, ".html")) return USAGE;
    page p = {0};
    char *path = values->out ? text_of("%s", values->out) : text_of("%s/report.html", folder), *text = NULL;
    int status = path ? collect_page(&p, context, values) : no_memory();
    if (!status && !(text = page_text(&p))) status = no_memory();
    if (!status) status = write_text(path, text);
    if (!status && context->json)
        status =
            print_json(json_pack("{s:o, s:I}", "written", json_text(path), "bytes", (json_int_t)strlen(text)), false);
    else if (!status)
        say(stdout, "%s  (%s)\n", path, bytes_of((double)strlen(text)).text);
    page_free(&p);
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

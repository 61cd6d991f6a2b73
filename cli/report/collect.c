// What a page is made of.
#include "paths.h"
#include "report/page.h"

#include <stdlib.h>

convo_status page_read_recipe(page *p, const char *text, size_t size, const char *name, convo_error *err) {
    convo_status status = convo_recipe_parse(text, size, name, &p->recipe, err);
    if (!status) status = convo_recipe_text(p->recipe, &p->text, err);
    if (!status) status = convo_summarize(p->recipe, &p->net, err);
    // A net without pixels has no field: the section is left out.
    if (!status && convo_field_find(p->recipe, NULL, NULL, false, &p->field, NULL)) p->field = (convo_field){0};
    return status;
}

static convo_status evaluate_model(page *p, const convo_train_options *how, convo_error *err) {
    convo_status status = convo_evaluate(p->model, CONVO_HELD_OUT, how, &p->evaluation, err);
    if (status == CONVO_ARGUMENT) status = convo_evaluate(p->model, CONVO_TRAIN, how, &p->evaluation, err);
    if (status) return status;
    p->part = part_name(p->evaluation.part);
    return find_mistakes(p, how, err);
}

convo_status page_evaluate(page *p, const char *folder, const convo_train_options *how, convo_error *err) {
    convo_status status = convo_model_load(folder, &p->model, err);
    if (!status) status = evaluate_model(p, how, err);
    if (status) {
        page_free_scores(p);
        return status;
    }
    // Without weights there are none: their section is left out.
    if (convo_filters(convo_model_recipe(p->model), p->model, &p->filters, NULL)) p->filters = (convo_map){0};
    return CONVO_OK;
}

void page_free_scores(page *p) {
    convo_array_free(&p->filters.values);
    convo_examples_free(&p->mistakes);
    convo_evaluation_free(&p->evaluation);
    convo_model_free(p->model);
    p->model = NULL;
    p->part = NULL;
}

void page_free(page *p) {
    page_free_scores(p);
    convo_field_free(&p->field);
    convo_summary_free(&p->net);
    convo_recipe_free(p->recipe);
    history_free(&p->epochs);
    history_free(&p->steps);
    json_decref(p->result);
    free(p->text);
}

// The findings about a data set, as lines, as JSON and as an exit status.
#include "data.h"
#include "output.h"
#include "quote.h"

json_t *findings_json(const convo_findings *found) {
    json_t *array = json_array();
    for (int k = 0; k < found->count; k++) {
        const convo_finding *f = &found->finding[k];
        json_t *names = json_array();
        for (int n = 0; n < CONVO_NAMED && f->name[n]; n++) json_array_append_new(names, json_text(f->name[n]));
        json_array_append_new(array,
                              json_pack("{s:s, s:b, s:I, s:o, s:o}", "kind", f->kind, "fault", f->fault, "count",
                                        (json_int_t)f->count, "first", names, "sentence", json_text(f->sentence)));
    }
    return array;
}

void print_findings(const convo_findings *found) {
    for (int k = 0; k < found->count; k++) say(stdout, "%s\n", found->finding[k].sentence);
}

int report_findings(const cli_context *context, const char *word, const convo_findings *found) {
    int faults = 0;
    for (int k = 0; k < found->count; k++) faults += found->finding[k].fault;
    if (context->json) {
        const int status =
            print_json(json_pack("{s:o, s:o}", "data", json_text(word), "found", findings_json(found)), false);
        if (status) return status;
    } else {
        print_findings(found);
        if (!found->count && !context->quiet) say(stdout, "%s: nothing found\n", word);
    }
    if (!faults) return DONE;
    return complain(word, faults == 1 ? "its data has a fault" : "its data has %d faults", faults);
}

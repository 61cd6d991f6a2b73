#include "data/findings.h"

#include "base/limits.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define TEXT(number)  #number
#define VALUE(number) TEXT(number)

#define TWO_PARTS "in more than one part of the split ('by: group' keeps them apart)"

// "skipped 2 files of a format that is not read: ...".
static const struct row {
    const char *kind;
    bool fault;
    const char *verb, *noun, *rest;
} rows[CV_FOUND_KINDS] = {
    [CV_FOUND_FORMAT] = {"format", true, "skipped", "file", "of a format that is not read"},
    [CV_FOUND_EMPTY] = {"empty", true, "skipped", "folder", "with nothing in it"},
    [CV_FOUND_OUTSIDE] = {"outside", true, "skipped", "file", "outside of the class folders"},
    [CV_FOUND_LOOP] = {"loop", true, "skipped", "link", "back to a folder above"},
    [CV_FOUND_DEEP] = {"deep", true, "skipped", "folder", "more than " VALUE(CV_LIMIT_FOLDERS) " levels deep"},
    [CV_FOUND_NAME] = {"name", true, "skipped", "file", "not named label_speaker_index"},
    [CV_FOUND_FOLDER] = {"folder", true, "skipped", "folder", "out of place"},
    [CV_FOUND_COLUMN] = {"column", false, "ignored", "column", "of the manifest"},
    [CV_FOUND_UNREADABLE] = {"unreadable", true, "found", "file", "that cannot be read"},
    [CV_FOUND_LEFT_OUT] = {"left-out", true, "left out", "file", "that cannot be read"},
    [CV_FOUND_LONG] = {"long", false, "found", "recording", "longer than the net's input, of which only the beginning is used"},
    [CV_FOUND_LEAK] = {"leak", true, "found", "example", "with a copy in another part of the split"},
    [CV_FOUND_COPY] = {"copy", true, "found", "example", "with a copy, which a random split may put into another part"},
    [CV_FOUND_LABEL] = {"label", true, "found", "example", "with a copy of another class"},
    [CV_FOUND_GROUP] = {"group", true, "found", "speaker", TWO_PARTS},
    [CV_FOUND_KNOWN_GROUP] = {"group", false, "found", "speaker", TWO_PARTS},
    [CV_FOUND_NO_TRAINING] = {"class-training", true, "found", "class", "without an example in the training part"},
    [CV_FOUND_NO_VALIDATION] = {"class-validation", true, "found", "class",
                                "without an example in the validation part"},
    [CV_FOUND_NO_TEST] = {"class-test", true, "found", "class", "without an example in the test part"},
};

static void say(const struct row *row, convo_finding *f) {
    const bool hisses = row->noun[strlen(row->noun) - 1] == 's';
    cv_print(f->sentence, sizeof f->sentence, "%s %" PRId64 " %s%s %s", row->verb, f->count, row->noun,
             f->count == 1 ? ""
             : hisses      ? "es"
                           : "s",
             row->rest);
    for (int k = 0; k < CONVO_NAMED && f->name[k]; k++)
        cv_append(f->sentence, sizeof f->sentence, "%s%.150s", k ? ", " : ": ", f->name[k]);
    if (f->count > CONVO_NAMED) cv_append(f->sentence, sizeof f->sentence, ", ...");
}

convo_status cv_findings_add(cv_findings *findings, cv_finding kind, const char *name, convo_error *err) {
    convo_finding *f = &findings->of[kind];
    f->kind = rows[kind].kind;
    f->fault = rows[kind].fault;
    if (f->count < CONVO_NAMED && !(f->name[f->count] = cv_format("%s", name))) return cv_no_memory(err, name);
    f->count++;
    say(&rows[kind], f);
    return CONVO_OK;
}

static void free_names(convo_finding *finding) {
    for (int k = 0; k < CONVO_NAMED; k++) free(finding->name[k]);
}

void cv_findings_free(cv_findings *findings) {
    for (int kind = 0; kind < CV_FOUND_KINDS; kind++) free_names(&findings->of[kind]);
    *findings = (cv_findings){0};
}

convo_status cv_findings_give(cv_findings *findings, convo_findings *out, convo_error *err) {
    *out = (convo_findings){.finding = cv_alloc(CV_FOUND_KINDS, sizeof *out->finding)};
    if (!out->finding) return cv_no_memory(err, "what was found");
    for (int kind = 0; kind < CV_FOUND_KINDS; kind++)
        if (findings->of[kind].count) out->finding[out->count++] = findings->of[kind];
    *findings = (cv_findings){0};
    return CONVO_OK;
}

void convo_findings_free(convo_findings *findings) {
    if (!findings) return;
    for (int k = 0; k < findings->count; k++) free_names(&findings->finding[k]);
    free(findings->finding);
    *findings = (convo_findings){0};
}

#include "model/fake.h"

#include "base/file.h"
#include "base/ranks.h"
#include "model/checkpoint.h"
#include "model/on_device.h"
#include "model/ranges.h"

#include <stdlib.h>

// A run that goes on keeps those layers in floats that it began with.
static convo_status check_floats(const cv_program *p, const char *in_floats, const cv_range *range, const char *folder,
                                 convo_error *err) {
    if (!in_floats) return CONVO_OK;
    cv_range *asked = cv_alloc((size_t)p->values, sizeof *asked);
    convo_status status =
        asked ? cv_program_keep_floats(p, in_floats, asked, err) : cv_no_memory(err, "ranges of 8-bit numbers");
    for (int v = 0; v < p->values && !status; v++)
        if (asked[v].floats != range[v].floats)
            status = cv_fail(err, CONVO_ARGUMENT, folder,
                             "the run began with other layers in floats than '%.60s': go on without naming them, or "
                             "begin another run",
                             in_floats);
    free(asked);
    return status;
}

// A run that has a checkpoint and no ranges began in floats.
static convo_status check_began(const cv_run_folder *folder, convo_error *err) {
    char *path = cv_run_folder_path(folder, "last.checkpoint");
    if (!path) return cv_no_memory(err, folder->path);
    const bool began = cv_is_file(path);
    free(path);
    return began ? cv_fail(err, CONVO_ARGUMENT, folder->path,
                           "began without 'quantize: int8' and cannot go on with it: begin another run from it, with "
                           "--from %.200s and another --out",
                           folder->path)
                 : CONVO_OK;
}

// Ranges as the run has them that goes on, or measured; *text: of the former, NULL: there are none.
static convo_status find_ranges_to_train(const convo_train_options *options, const cv_material *m,
                                         const cv_run_folder *folder, const cv_program *p, cv_range *range, char **text,
                                         convo_error *err) {
    const cv_model_parts *parts = &folder->parts;
    if (options->resume) CV_TRY(cv_checkpoint_ranges(folder, text, err));
    if (*text) {
        CV_TRY(cv_ranges_read(*text, folder->path, parts->net, p, NULL, range, err));
        return check_floats(p, options->in_floats, range, folder->path, err);
    }
    if (options->resume) CV_TRY(check_began(folder, err));
    if (!options->from)
        return cv_fail(err, CONVO_ARGUMENT, parts->recipe->file,
                       "'quantize: int8' goes on with a trained model: give one to 'convo train' with --from, such as "
                       "--from runs/%s-0",
                       parts->recipe->name);
    if (options->in_floats) CV_TRY(cv_program_keep_floats(p, options->in_floats, range, err));
    return cv_ranges_measure(p, m, range, err);
}

convo_status cv_fake_prepare(const convo_train_options *options, const cv_material *m, cv_run_folder *folder,
                             cv_net **net, char **ranges, convo_error *err) {
    cv_model_parts *parts = &folder->parts;
    const cv_ship ship = cv_ship_of(parts);
    cv_program *p = NULL;
    cv_net *fake = NULL;
    if (parts->recipe->train.precision != CV_PRECISION_FP32)
        return cv_fail(err, CONVO_ARGUMENT, parts->recipe->file,
                       "'quantize: int8' rounds what is multiplied itself: leave out 'precision: bf16'");
    CV_TRY(cv_program_new(&ship, &p, err));
    cv_range *range = cv_alloc((size_t)p->values, sizeof *range);
    convo_status status = range ? CONVO_OK : cv_no_memory(err, "ranges of 8-bit numbers");
    if (!status && convo_ranks_rank(options->ranks) == 0)
        status = find_ranges_to_train(options, m, folder, p, range, ranges, err);
    if (!status && cv_ranks_any(options->ranks)) {
        cv_ranks_spread(options->ranks, range, (size_t)p->values * sizeof *range);
        status = cv_ranks_state(options->ranks, err);
    }
    if (!status && !*ranges) status = cv_ranges_write(*net, p, range, options->in_floats, ranges, err);
    if (!status) status = cv_program_fake(p, range, *net, &fake, err);
    if (!status) {
        cv_net_free(*net);
        parts->net = *net = fake;
        parts->ranges = *ranges;
    }
    cv_program_free(p);
    free(range);
    return status;
}

// Compares analytic gradients with central differences, in doubles.
#pragma once

#include "net/run.h"

// Checks a net of doubles that has its weights; with options->random these are overwritten. Free *check with
// convo_gradcheck_free, whatever is returned.
convo_status cv_gradcheck(cv_net *net, const cv_op *loss, const void *loss_config,
                          const convo_gradcheck_options *options, convo_gradcheck *check, convo_error *err);

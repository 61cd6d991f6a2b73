// Downloads, verifies and unpacks published data sets.
#pragma once

#include "fetch/remote.h"

// convo_data_get for any remote.
convo_status cv_fetch(const cv_remote *remote, const convo_get_options *options, convo_get_result *result,
                      convo_error *err);

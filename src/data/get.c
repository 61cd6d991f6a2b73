// Lists the data sets, and downloads those that are published.
#include "data/dataset.h"
#include "fetch/fetch.h"

bool convo_data_set_at(int k, convo_data_set *set) {
    const cv_data_kind *kind = k < 0 ? NULL : cv_data_kind_at((size_t)k);
    if (!kind) return false;
    const cv_remote *remote = cv_remote_find(kind->name);
    *set = (convo_data_set){.name = kind->name,
                            .help = kind->help,
                            .missing = kind->missing,
                            .generated = kind->generated,
                            .published = remote,
                            .get_missing = remote && !CV_HAVE_FETCH ? CV_FETCH_NEEDS : NULL};
    for (size_t f = 0; remote && f < CV_MOST_FILES; f++) set->download += remote->file[f].size;
    return true;
}

static const char *remote_name_at(const void *context, size_t k) {
    (void)context;
    const cv_remote *remote = cv_remote_at(k);
    return remote ? remote->name : NULL;
}

convo_status convo_data_get(const char *name, const convo_get_options *options, convo_get_result *result,
                            convo_error *err) {
    if (!name || !result)
        return cv_fail(err, CONVO_ARGUMENT, "", "the name of a data set and room for the result are needed");
    const cv_remote *remote = cv_remote_find(name);
    *result = (convo_get_result){0};
    if (remote && !(options && options->folder && *options->folder))
        return cv_fail(err, CONVO_ARGUMENT, "", "no folder was given for data set '%s'", name);
    if (remote) return cv_fetch(remote, options, result, err);
    const cv_data_kind *kind = cv_data_kind_find(name);
    if (kind)
        return cv_fail(err, CONVO_ARGUMENT, "", "data set '%s' cannot be downloaded: %s", name,
                       kind->generated ? "it is made up, and always there"
                                       : "a recipe says where its files are (data.path)");
    return cv_fail(err, CONVO_ARGUMENT, "", "there is no data set '%s' to download%s", name,
                   cv_did_you_mean(name, remote_name_at, NULL).text);
}

#include "format/npz.h"

#include "format/archive.h"
#include "format/npy.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

struct cv_npz {
    char *path;
    cv_zip *zip;   // NULL: a folder
    cv_output out; // of the folder's last array; stream NULL: none
};

bool cv_is_npz(const char *path) {
    const char *ending = strrchr(path, '.');
    return ending && strcasecmp(ending, ".npz") == 0;
}

static convo_status make_folder(const char *path, convo_error *err) {
    char **names = NULL;
    size_t count = 0;
    convo_status status = cv_folder_make(path, err);
    if (!status) status = cv_folder_list(path, &names, &count, err);
    if (!status && count)
        status = cv_fail(err, CONVO_STATE, path,
                         "is not empty: pass another folder, so that old arrays are not mixed with new ones");
    cv_folder_free(names, count);
    return status;
}

convo_status cv_npz_create(const char *path, cv_npz **npz, convo_error *err) {
    *npz = NULL;
    cv_npz *made = cv_alloc(1, sizeof *made);
    if (!made || !(made->path = cv_format("%s", path))) {
        free(made);
        return cv_no_memory(err, path);
    }
    const convo_status status = cv_is_npz(path) ? cv_zip_create(path, &made->zip, err) : make_folder(path, err);
    if (status) return cv_npz_finish(made, status, err);
    *npz = made;
    return CONVO_OK;
}

static convo_status end_array(cv_npz *npz, convo_error *err) {
    const convo_status status = npz->out.stream ? cv_file_commit(&npz->out, err) : CONVO_OK;
    npz->out = (cv_output){0};
    return status;
}

convo_status cv_npz_add(cv_npz *npz, const char *name, const cv_numbers *form, convo_error *err) {
    cv_numbers closely = *form;
    size_t bytes;
    uint8_t head[CV_NPY_HEAD];
    if (!cv_numbers_lay_out(&closely, CV_C_ORDER, &bytes) || bytes > SIZE_MAX - sizeof head)
        return cv_fail(err, CONVO_LIMIT, npz->path, "%s is larger than any file", name);
    char *file = npz->zip ? cv_format("%s.npy", name) : cv_format("%s/%s.npy", npz->path, name);
    convo_status status = file ? end_array(npz, err) : cv_no_memory(err, npz->path);
    if (!status)
        status = npz->zip ? cv_zip_add(npz->zip, file, sizeof head + bytes, err) : cv_file_open(&npz->out, file, err);
    free(file);
    if (status) return status;
    cv_npy_head(form, head);
    return cv_npz_write(npz, head, sizeof head, err);
}

convo_status cv_npz_write(cv_npz *npz, const void *numbers, size_t bytes, convo_error *err) {
    if (npz->zip) return cv_zip_write(npz->zip, numbers, bytes, err);
    fwrite(numbers, 1, bytes, npz->out.stream); // what fails here shows in cv_file_commit
    return CONVO_OK;
}

convo_status cv_npz_finish(cv_npz *npz, convo_status status, convo_error *err) {
    if (!npz) return status;
    if (!status)
        status = npz->zip ? cv_zip_commit(npz->zip, err) : end_array(npz, err);
    else if (npz->zip)
        cv_zip_abandon(npz->zip);
    else if (npz->out.stream)
        cv_file_abandon(&npz->out);
    free(npz->path);
    free(npz);
    return status;
}

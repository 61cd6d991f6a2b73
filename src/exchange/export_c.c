// A model as C for small processors: NAME.c and NAME.h.
#include "base/file.h"
#include "base/filename.h"
#include "exchange/export.h"
#include "exchange/export_stream.h"
#include "model/on_device.h"
#include "ship/write.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_NAME = 48 };

static bool is_word(const char *name) {
    const size_t length = strlen(name);
    if (!length || length > MOST_NAME || isdigit((unsigned char)name[0])) return false;
    for (const unsigned char *c = (const unsigned char *)name; *c; c++)
        if (*c > 126 || (!isalnum(*c) && *c != '_')) return false;
    return true;
}

// #include "NAME.h" has no way to write these.
static bool is_included(const char *name) {
    for (const unsigned char *c = (const unsigned char *)name; *c; c++)
        if (*c < ' ' || *c == '"' || *c == '\\' || *c == 127) return false;
    return true;
}

// The name of the functions, from that of the file: what is no letter of C becomes an underline.
static void name_from(const char *stem, size_t length, char name[MOST_NAME + 1]) {
    size_t k = 0;
    if (isdigit((unsigned char)stem[0])) name[k++] = '_';
    for (size_t i = 0; i < length && k < MOST_NAME; i++)
        name[k++] = (unsigned char)stem[i] < 127 && isalnum((unsigned char)stem[i]) ? stem[i] : '_';
    name[k] = 0;
}

// Both files, or neither.
static convo_status write_files(const cv_program *program, const cv_ship *ship, const cv_ship_stream *stream,
                                const char *name, const char *path, convo_error *err) {
    const char *slash = strrchr(path, '/'), *stem = slash ? slash + 1 : path;
    cv_output source = {0}, header = {0};
    char *other = cv_format("%.*s.h", (int)(strlen(path) - 2), path);
    if (!other) return cv_no_memory(err, path);
    convo_status status = cv_file_open(&source, path, err);
    if (!status) status = cv_file_open(&header, other, err);
    if (!status)
        status = cv_program_write_source(program, ship, stream, name, other + (stem - path), source.stream, err);
    if (!status) cv_program_write_header(program, ship, stream, name, header.stream);
    if (!status) status = cv_file_commit(&header, err);
    if (!status) status = cv_file_commit(&source, err);
    if (status && header.stream) cv_file_abandon(&header);
    if (status && source.stream) cv_file_abandon(&source);
    free(other);
    return status;
}

convo_status cv_export_c(const convo_model *model, const char *path, const convo_export_options *options,
                         convo_error *err) {
    const char *slash = strrchr(path, '/'), *stem = slash ? slash + 1 : path;
    const size_t length = strlen(stem) - 2;
    char name[MOST_NAME + 1];
    cv_program *program = NULL;
    cv_export_stream stream = {0};
    if (options->fold || options->features || options->probabilities)
        return cv_fail(err, CONVO_ARGUMENT, path,
                       "a .c file has front end, folded layers and probabilities: these options apply to .onnx only");
    if (!is_included(stem))
        return cv_fail(err, CONVO_ARGUMENT, path,
                       "has a quote, a backslash or a control character in its name, which #include cannot write: "
                       "choose another name");
    if (options->name && !is_word(options->name))
        return cv_fail(err, CONVO_ARGUMENT, path,
                       "the name '%s' is no word of C: letters, digits and '_', at most %d, no digit first",
                       options->name, MOST_NAME);
    name_from(stem, length, name);
    if (options->name) cv_print(name, sizeof name, "%s", options->name);
    const cv_model_parts parts = cv_model_parts_of(model);
    const cv_ship ship = cv_ship_of(&parts);
    convo_status status = cv_model_program(model, options->int8, &program, err);
    if (!status && options->stream) status = cv_export_stream_new(model, options->int8, &stream, err);
    if (!status) status = write_files(program, &ship, options->stream ? &stream.ship : NULL, name, path, err);
    cv_export_stream_free(&stream);
    cv_program_free(program);
    return status;
}

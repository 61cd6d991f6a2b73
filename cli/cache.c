// convo data cache: the features and samples that are kept on the disk.
#include "data.h"
#include "output.h"
#include "paths.h"
#include "quote.h"

#include <stdlib.h>
#include <time.h>

static void print_cached(const convo_cached *file) {
    char day[32] = "";
    const time_t used = (time_t)file->used;
    struct tm local;
    if (localtime_r(&used, &local)) strftime(day, sizeof day, "%Y-%m-%d %H:%M", &local);
    say(stdout, "%9s  %s  %s\n", bytes_of((double)file->bytes).text, day, file->about);
}

static json_t *cached_json(const convo_cached *file) {
    return json_pack("{s:o, s:o, s:I, s:I}", "path", json_text(file->path), "about", json_text(file->about), "bytes",
                     (json_int_t)file->bytes, "used", (json_int_t)file->used);
}

static int show_cache(const cli_context *context, const char *folder, const convo_cache *cache) {
    int64_t total = 0;
    json_t *files = json_array();
    for (int k = 0; k < cache->count; k++) {
        total += cache->file[k].bytes;
        if (context->json)
            json_array_append_new(files, cached_json(&cache->file[k]));
        else
            print_cached(&cache->file[k]);
    }
    if (context->json)
        return print_json(json_pack("{s:o, s:I, s:I, s:o}", "directory", json_text(folder), "bytes", (json_int_t)total,
                                    "limit", (json_int_t)cache->limit, "files", files),
                          false);
    json_decref(files);
    say(stdout, "%s: %d file%s, %s of at most %s\n", folder, cache->count, cache->count == 1 ? "" : "s",
        bytes_of((double)total).text, bytes_of((double)cache->limit).text);
    return DONE;
}

int run_cache(const cli_context *context, bool clear) {
    convo_cache cache = {0};
    convo_error err;
    char *folder = feature_folder();
    if (!folder) {
        fputs("convo: there is no place for a cache: set CONVO_HOME or HOME\n", stderr);
        return FAILED;
    }
    int status = clear && convo_cache_clear(folder, &err) ? fail(&err) : DONE;
    if (!status && convo_cache_list(folder, &cache, &err)) status = fail(&err);
    if (!status) status = show_cache(context, folder, &cache);
    convo_cache_free(&cache);
    free(folder);
    return status;
}

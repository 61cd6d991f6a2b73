#include "listen/source.h"

#include "listen/raw.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct cli_source {
    int rate;
    convo_sound *sound;
    convo_microphone *microphone;
    cli_raw *raw;
    int64_t lost;
    // A file at the speed of sound.
    bool real_time;
    double began;
    int64_t read;
};

static double seconds_now(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

// The sound system says on standard error what it tries in vain.
static int hush(void) {
    fflush(stderr);
    const int saved = dup(STDERR_FILENO), nothing = open("/dev/null", O_WRONLY | O_CLOEXEC);
    if (saved >= 0 && nothing >= 0) dup2(nothing, STDERR_FILENO);
    if (nothing >= 0) close(nothing);
    return saved;
}
static void unhush(int saved) {
    fflush(stderr);
    if (saved < 0) return;
    dup2(saved, STDERR_FILENO);
    close(saved);
}

static int open_raw(const cli_source_options *o, cli_source *s) {
    bool end = false;
    s->raw = calloc(1, sizeof *s->raw);
    if (!s->raw) return no_memory();
    if (!raw_format(o->format ? o->format : "s16", s->raw))
        return usage_error("listen", "--format must be %s, not %s", raw_formats, o->format);
    s->rate = o->rate > 0 ? (int)o->rate : o->model_rate;
    int status = DONE;
    const int format = s->raw->format;
    while (!status && !s->raw->known && !end) status = raw_fill(s->raw, &end);
    s->raw->known = true;
    if (status || !s->raw->rate) return status;
    s->rate = s->raw->rate;
    const bool agrees = (!o->format || format == s->raw->format) && (o->rate <= 0 || o->rate == s->rate);
    return agrees ? DONE
                  : complain("standard input",
                             "a WAV file of %d Hz, which says itself how to read it: omit --rate and "
                             "--format",
                             s->rate);
}

static int open_microphone(const cli_source_options *o, cli_source *s) {
    convo_error err;
    const int saved = hush();
    const convo_status status =
        convo_microphone_open(o->device, o->rate > 0 ? (int)o->rate : o->model_rate, &s->microphone, &err);
    unhush(saved);
    if (status) return fail(&err);
    s->rate = convo_microphone_rate(s->microphone);
    return DONE;
}

int source_open(const cli_source_options *o, cli_source **source) {
    convo_error err;
    cli_source *s = *source = calloc(1, sizeof *s);
    if (!s) return no_memory();
    s->real_time = o->real_time;
    s->began = seconds_now();
    if (!o->path) return open_microphone(o, s);
    if (!strcmp(o->path, "-")) return open_raw(o, s);
    if (convo_sound_open(o->path, &s->sound, &err)) return fail(&err);
    s->rate = convo_sound_rate(s->sound);
    return DONE;
}

static void wait_for_sound(cli_source *s) {
    const double early = s->began + (double)s->read / s->rate - seconds_now();
    if (s->real_time && early > 0)
        nanosleep(&(struct timespec){(time_t)early, (long)(1e9 * (early - (double)(time_t)early))}, NULL);
}

int source_read(cli_source *s, float *samples, size_t most, size_t *count, bool *end) {
    convo_error err;
    convo_status status = CONVO_OK;
    *end = false;
    *count = 0;
    if (s->raw) {
        const int filled = s->raw->count < sizeof s->raw->byte / 2 ? raw_fill(s->raw, end) : DONE;
        *count = filled ? 0 : raw_take(s->raw, samples, most);
        if (*count) *end = false; // there may be more
        return filled;
    }
    if (s->microphone) {
        const int saved = hush();
        status = convo_microphone_read(s->microphone, samples, most, count, &s->lost, &err);
        unhush(saved);
    } else {
        if (s->real_time && most > (size_t)s->rate / 20 + 1) most = (size_t)s->rate / 20 + 1;
        status = convo_sound_read(s->sound, samples, most, count, &err);
        *end = *count == 0;
        s->read += (int64_t)*count;
        wait_for_sound(s);
    }
    return status ? fail(&err) : DONE;
}

int source_rate(const cli_source *s) {
    return s->rate;
}

int64_t source_lost(const cli_source *s) {
    return s->lost;
}

void source_close(cli_source *s) {
    if (!s) return;
    convo_sound_free(s->sound);
    const int saved = hush();
    convo_microphone_free(s->microphone);
    unhush(saved);
    free(s->raw);
    free(s);
}

int list_microphones(const cli_context *context) {
    convo_microphone_info *list = NULL;
    convo_error err;
    int count = 0;
    const int saved = hush();
    const convo_status status = convo_microphone_list(&list, &count, &err);
    unhush(saved);
    if (status) return fail(&err);
    json_t *json = json_array();
    cli_table table = {0};
    table_row(&table, "device\tchannels\trate\tsystem\t");
    for (int k = 0; k < count; k++) {
        const convo_microphone_info *m = &list[k];
        table_row(&table, "%s\t%d\t%g Hz\t%s\t%s", m->name, m->channels, m->rate, m->host, m->usual ? "usual" : "");
        json_array_append_new(json, json_pack("{s:s, s:s, s:i, s:f, s:b}", "device", m->name, "system", m->host,
                                              "channels", m->channels, "rate", m->rate, "usual", m->usual));
    }
    free(list);
    if (context->json || !count) {
        for (size_t k = 0; k < table.cells; k++) free(table.cell[k]);
        free(table.cell);
    }
    if (context->json) return print_json(json, false);
    json_decref(json);
    if (count) return table_print(&table, "lrrll", stdout);
    puts("this computer has no microphone");
    return DONE;
}

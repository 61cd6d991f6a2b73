// convo data mix: a stream of recordings over noise, and a list of what is said where in it.
#include "data.h"
#include "evaluation.h"
#include "interrupt.h"
#include "output.h"
#include "paths.h"
#include "quote.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

// "5,25", or "5" for both ends.
static int read_span(const char *name, const char *text, double span[2]) {
    if (!text) return DONE;
    char *end;
    span[0] = span[1] = strtod(text, &end);
    bool good = end != text && (*end == ',' || !*end);
    if (good && *end) {
        const char *second = end + 1;
        span[1] = strtod(second, &end);
        good = end != second && !*end;
    }
    return good ? DONE : usage_error("data", "--%s takes a number or two, as in --%s 5,25, not '%s'", name, name, text);
}

// NAME.csv for NAME.flac; never the list that is read.
static int name_list(const char *out, const char *source, char **list) {
    const char *slash = strrchr(out, '/'), *name = slash ? slash + 1 : out, *ending = strrchr(name, '.');
    *list = text_of("%.*s.csv", (int)((ending ? ending : name + strlen(name)) - out), out);
    if (!*list) return no_memory();
    return is_same_file(*list, source)
               ? complain(*list, "is the list that is read, and would be written beside %s: name another file", name)
               : DONE;
}

static int write_list(const convo_mix *mix, const char *list) {
    char *text = NULL;
    size_t size = 0;
    FILE *stream = open_memstream(&text, &size);
    if (!stream) return no_memory();
    fputs("start,end,word,snr,source\n", stream);
    for (int64_t k = 0; k < mix->count; k++) {
        const convo_spoken *s = &mix->spoken[k];
        fprintf(stream, "%.3f,%.3f,", s->start, s->end);
        csv_text(s->word, stream);
        fprintf(stream, isfinite(s->snr) ? ",%.1f," : ",,", s->snr);
        csv_text(s->clip, stream);
        fputc('\n', stream);
    }
    const int status = fclose(stream) ? no_memory() : write_text(list, text);
    free(text);
    return status;
}

static int say_mixed(const cli_context *context, const convo_mix *mix, const char *out, const char *list) {
    if (context->json)
        return print_json(json_pack("{s:o, s:o, s:I, s:f}", "out", json_text(out), "list", json_text(list),
                                    "recordings", (json_int_t)mix->count, "seconds", mix->seconds),
                          false);
    if (!context->quiet)
        say(stdout, "%s: %s of %lld recordings; %s says where they are\n", out, clock_of(mix->seconds).text,
            (long long)mix->count, list);
    return DONE;
}

static void show_progress(int64_t done, int64_t total, void *user) {
    cli_bar *bar = user;
    char after[64];
    if (!bar_due(bar)) return;
    snprintf(after, sizeof after, "%lld/%lld", (long long)done, (long long)total);
    bar_draw(bar, "mixing", (double)done / (double)total, after);
}

const char *mix_option(const cli_mix *m) {
    const struct {
        bool given;
        const char *name;
    } option[] = {{m->split, "split"},    {m->noise, "noise"},   {m->rooms, "rooms"},    {m->snr, "snr"},
                  {m->gap, "gap"},        {m->level, "level"},   {m->trim >= 0, "trim"}, {m->rounds >= 0, "rounds"},
                  {m->rate >= 0, "rate"}, {m->seed >= 0, "seed"}};
    for (size_t k = 0; k < COUNT(option); k++)
        if (option[k].given) return option[k].name;
    return NULL;
}

int mix_data(const cli_context *context, const cli_mix *values, const char *name, const char *folder) {
    if (!values->out) return usage_error("data", "mix needs -o NAME.flac or NAME.wav");
    if ((values->snr || values->level) && !values->noise)
        return usage_error("data", "--%s requires --noise DIR", values->snr ? "snr" : "level");
    cli_bar bar = bar_new(context);
    convo_mix_options options = {.out = values->out,
                                 .noise = values->noise,
                                 .rooms = values->rooms,
                                 .part = CONVO_ALL,
                                 .snr = {5, 25},
                                 .gap = {0.2, 2},
                                 .level = {-45, -35},
                                 .trim = values->trim >= 0 ? (double)values->trim : 30,
                                 .rounds = values->rounds > 0 ? values->rounds : 1,
                                 .rate = values->rate > 0 ? (int)values->rate : 16000,
                                 .seed = values->seed > 0 ? (uint64_t)values->seed : 0,
                                 .stop = stop_on_signals(),
                                 .progress = show_progress,
                                 .user = &bar};
    int status = values->split ? find_part("data", values->split, &options.part) : DONE;
    if (!status) status = read_span("snr", values->snr, options.snr);
    if (!status) status = read_span("gap", values->gap, options.gap);
    if (!status) status = read_span("level", values->level, options.level);
    char *list = NULL;
    if (!status) status = name_list(values->out, folder, &list);
    if (status) return free(list), status;
    convo_mix mix = {0};
    convo_error err;
    status = convo_mix_write(name, folder, &options, &mix, &err) ? FAILED : DONE;
    bar_clear(&bar);
    if (status)
        fail(&err);
    else if (mix.interrupted)
        status = INTERRUPTED, fputs("stopped; nothing is written\n", stderr);
    else
        status = write_list(&mix, list);
    if (!status) status = say_mixed(context, &mix, values->out, list);
    free(list);
    convo_mix_free(&mix);
    return status;
}

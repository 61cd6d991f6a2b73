#include "listen/keep.h"

#include "paths.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

struct cli_keep {
    const char *folder;
    char stem[160]; // what files begin with
    int rate, classes, hops;
    double window, hop;
    float *sample; // a ring of the last `room` samples
    size_t room;
    int64_t count; // of samples so far
    float *score;  // a ring of the probabilities of the last hops, [hops][classes]
    char *path;
};

// A name without what leads out of a folder or cannot be seen.
static void name_of(const char *text, char *out, size_t size) {
    size_t n = 0;
    for (; text[n] && n + 1 < size; n++) {
        const unsigned char c = (unsigned char)text[n];
        out[n] = c == '/' || c < 32 || c == 127 || (c == '.' && n == 0) ? '_' : (char)c;
    }
    out[n] = 0;
}

// "kitchen" of "a/kitchen.wav"; of what has no name the time of day.
static void name_source(const char *source, char stem[160]) {
    char now[32] = "";
    struct tm local;
    const time_t seconds = time(NULL);
    if (source && strcmp(source, "-") != 0) {
        name_of(base_name(source), stem, 128);
        char *dot = strrchr(stem, '.');
        if (dot && dot > stem) *dot = 0;
        return;
    }
    if (localtime_r(&seconds, &local)) strftime(now, sizeof now, "%Y-%m-%d-%H%M%S", &local);
    snprintf(stem, 160, "%s", now);
}

int keep_open(const char *folder, const char *source, int rate, double window, double hop, int hops, int classes,
              cli_keep **keep) {
    cli_keep *k = *keep = calloc(1, sizeof *k);
    if (!k) return no_memory();
    *k = (cli_keep){.folder = folder, .rate = rate, .window = window, .hop = hop, .hops = hops, .classes = classes};
    k->room = (size_t)((window + (hops + 1) * hop + 1) * rate) + 1;
    k->sample = calloc(k->room, sizeof *k->sample);
    k->score = calloc((size_t)hops * (size_t)classes, sizeof *k->score);
    if (!k->sample || !k->score) return no_memory();
    name_source(source, k->stem);
    if (!mkdir(folder, 0777) || errno == EEXIST) return DONE;
    complain(folder, "cannot be created: %s", strerror(errno));
    return FAILED;
}

void keep_close(cli_keep *k) {
    if (!k) return;
    free(k->sample);
    free(k->score);
    free(k->path);
    free(k);
}

void keep_samples(cli_keep *k, const float *samples, size_t count) {
    for (size_t i = 0; i < count; i++) k->sample[(size_t)(k->count++ % (int64_t)k->room)] = samples[i];
}

void keep_scores(cli_keep *k, const convo_event *event) {
    memcpy(k->score + event->hop % k->hops * k->classes, event->probabilities, (size_t)k->classes * sizeof *k->score);
}

static void put_little(unsigned char *to, uint32_t value, int bytes) {
    for (int i = 0; i < bytes; i++) to[i] = (unsigned char)(value >> 8 * i);
}

// `count` samples from `first` on as 16-bit WAV.
static int write_clip(const cli_keep *k, int64_t first, size_t count) {
    enum { HEAD = 44 };
    unsigned char *bytes = calloc(1, HEAD + 2 * count);
    convo_error err;
    if (!bytes) return no_memory();
    memcpy(bytes, "RIFF....WAVEfmt ", 16);
    put_little(bytes + 4, (uint32_t)(HEAD - 8 + 2 * count), 4);
    const uint32_t fields[][2] = {{16, 4}, {1, 2}, {1, 2}, {(uint32_t)k->rate, 4}, {2 * (uint32_t)k->rate, 4},
                                  {2, 2},  {16, 2}};
    unsigned char *to = bytes + 16;
    for (size_t f = 0; f < COUNT(fields); f++) {
        put_little(to, fields[f][0], (int)fields[f][1]);
        to += fields[f][1];
    }
    memcpy(to, "data", 4);
    put_little(to + 4, (uint32_t)(2 * count), 4);
    for (size_t i = 0; i < count; i++) {
        const int64_t at = first + (int64_t)i;
        const float x = at < 0 || at >= k->count ? 0 : k->sample[(size_t)(at % (int64_t)k->room)];
        const float v = rintf(x * 32768);
        put_little(bytes + HEAD + 2 * i, (uint32_t)(int32_t)(v > 32767 ? 32767 : v < -32768 ? -32768 : v), 2);
    }
    const convo_status status = convo_file_write(k->path, bytes, HEAD + 2 * count, &err);
    free(bytes);
    return status ? fail(&err) : DONE;
}

int keep_event(cli_keep *k, const convo_event *event, const char *label, const char **path) {
    char name[128];
    int64_t best = event->hop;
    for (int64_t n = event->hop - 1; n >= 0 && n > event->hop - k->hops; n--)
        if (k->score[n % k->hops * k->classes + event->heard] > k->score[best % k->hops * k->classes + event->heard])
            best = n;
    const double begin = event->time - (double)(event->hop - best) * k->hop - k->window;
    name_of(*label ? label : "_", name, sizeof name);
    free(k->path);
    k->path = text_of("%s/%s", k->folder, name);
    if (!k->path) return no_memory();
    if (mkdir(k->path, 0777) && errno != EEXIST) {
        complain(k->path, "cannot be created: %s", strerror(errno));
        return FAILED;
    }
    free(k->path);
    k->path = text_of("%s/%s/%s-%.2f.wav", k->folder, name, k->stem, begin);
    *path = k->path;
    return k->path ? write_clip(k, llround(begin * k->rate), (size_t)llround(k->window * k->rate)) : no_memory();
}

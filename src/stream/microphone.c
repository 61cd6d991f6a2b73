// Microphones, by PortAudio. The library is loaded when a microphone is first asked for.
#include "base/library.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#ifdef CONVO_HAVE_PORTAUDIO
#include <portaudio.h>

#define PORTAUDIO_FUNCTIONS(X)                                                                                         \
    X(Pa_Initialize)                                                                                                   \
    X(Pa_Terminate)                                                                                                    \
    X(Pa_GetDeviceCount)                                                                                               \
    X(Pa_GetDefaultInputDevice)                                                                                        \
    X(Pa_GetDeviceInfo)                                                                                                \
    X(Pa_GetHostApiInfo)                                                                                               \
    X(Pa_OpenStream)                                                                                                   \
    X(Pa_StartStream)                                                                                                  \
    X(Pa_GetStreamReadAvailable) X(Pa_ReadStream) X(Pa_AbortStream) X(Pa_CloseStream) X(Pa_GetErrorText)

typedef struct portaudio {
    PORTAUDIO_FUNCTIONS(CV_LIBRARY_MEMBER)
} portaudio;
static const char *const portaudio_names[] = {PORTAUDIO_FUNCTIONS(CV_LIBRARY_NAME)};

static const char where[] = "microphone";
static const double most_waiting = 0.1, most_silence = 2; // seconds

struct convo_microphone {
    portaudio lib;
    PaStream *stream;
    int rate;
    int64_t lost;
    double heard; // when samples came last
};

static convo_status start_library(portaudio *lib, convo_error *err) {
    CV_TRY(cv_library_load(CONVO_PORTAUDIO_FILE, portaudio_names, CV_COUNT(portaudio_names), lib, where, err));
    const PaError code = lib->Pa_Initialize();
    if (code == paNoError && lib->Pa_GetDeviceCount() >= 0) return CONVO_OK;
    if (code == paNoError) lib->Pa_Terminate();
    return cv_fail(err, CONVO_IO, where, "there is no sound system here (%s)", lib->Pa_GetErrorText(code));
}

static void fill_info(const portaudio *lib, int device, convo_microphone_info *info) {
    const PaDeviceInfo *from = lib->Pa_GetDeviceInfo(device);
    const PaHostApiInfo *host = lib->Pa_GetHostApiInfo(from->hostApi);
    *info = (convo_microphone_info){.channels = from->maxInputChannels,
                                    .rate = from->defaultSampleRate,
                                    .usual = device == lib->Pa_GetDefaultInputDevice()};
    cv_print(info->name, sizeof info->name, "%s", from->name);
    cv_print(info->host, sizeof info->host, "%s", host ? host->name : "");
}

// Whether a device records, and what is known of it.
static bool records(const portaudio *lib, int device, convo_microphone_info *info) {
    const PaDeviceInfo *from = lib->Pa_GetDeviceInfo(device);
    if (!from || from->maxInputChannels < 1) return false;
    fill_info(lib, device, info);
    return true;
}

convo_status convo_microphone_list(convo_microphone_info **list, int *count, convo_error *err) {
    portaudio lib;
    if (!list || !count) return cv_fail(err, CONVO_ARGUMENT, "", "room for a list and its length is needed");
    *list = NULL;
    *count = 0;
    CV_TRY(start_library(&lib, err));
    const int devices = lib.Pa_GetDeviceCount();
    *list = cv_alloc((size_t)devices + 1, sizeof **list);
    for (int k = 0; *list && k < devices; k++)
        if (records(&lib, k, &(*list)[*count])) ++*count;
    lib.Pa_Terminate();
    return *list ? CONVO_OK : cv_no_memory(err, "the list of microphones");
}

// The device of that name, else the first whose name begins so; -1: none.
static int find_device(const portaudio *lib, const char *name) {
    int found = -1;
    if (!name) return lib->Pa_GetDefaultInputDevice();
    for (int k = lib->Pa_GetDeviceCount() - 1; k >= 0; k--) {
        convo_microphone_info info;
        if (!records(lib, k, &info) || strncmp(info.name, name, strlen(name)) != 0) continue;
        found = k;
        if (strcmp(info.name, name) == 0) return k;
    }
    return found;
}

static PaError open_at(convo_microphone *m, int device, double rate) {
    const PaDeviceInfo *info = m->lib.Pa_GetDeviceInfo(device);
    const PaStreamParameters how = {.device = device,
                                    .channelCount = 1,
                                    .sampleFormat = paFloat32,
                                    .suggestedLatency = info->defaultHighInputLatency};
    m->rate = (int)rate;
    return m->lib.Pa_OpenStream(&m->stream, &how, NULL, rate, paFramesPerBufferUnspecified, paNoFlag, NULL, NULL);
}

convo_status convo_microphone_open(const char *name, int rate, convo_microphone **microphone, convo_error *err) {
    if (!microphone || rate < 1) return cv_fail(err, CONVO_ARGUMENT, "", "a rate and room for a microphone are needed");
    *microphone = NULL;
    convo_microphone *m = cv_alloc(1, sizeof *m);
    if (!m) return cv_no_memory(err, where);
    convo_status status = start_library(&m->lib, err);
    if (status) {
        free(m);
        return status;
    }
    const int device = find_device(&m->lib, name);
    if (device < 0)
        status = name ? cv_fail(err, CONVO_ARGUMENT, name, "is no microphone of this computer")
                      : cv_fail(err, CONVO_ARGUMENT, where, "this computer has none");
    PaError code = status ? paNoError : open_at(m, device, rate);
    if (!status && code) code = open_at(m, device, m->lib.Pa_GetDeviceInfo(device)->defaultSampleRate);
    if (!status && !code) code = m->lib.Pa_StartStream(m->stream);
    if (!status && code)
        status = cv_fail(err, CONVO_IO, name ? name : where, "cannot be opened (%s)", m->lib.Pa_GetErrorText(code));
    m->heard = cv_now();
    if (status)
        convo_microphone_free(m);
    else
        *microphone = m;
    return status;
}

static void wait_a_little(void) {
    nanosleep(&(struct timespec){.tv_nsec = 5000000}, NULL);
}

convo_status convo_microphone_read(convo_microphone *m, float *samples, size_t most, size_t *count, int64_t *lost,
                                   convo_error *err) {
    if (!m || !samples || !most || !count)
        return cv_fail(err, CONVO_ARGUMENT, "", "a microphone and room for samples are needed");
    const double began = cv_now();
    long there = m->lib.Pa_GetStreamReadAvailable(m->stream);
    for (; there == 0 && cv_now() - began < most_waiting; there = m->lib.Pa_GetStreamReadAvailable(m->stream))
        wait_a_little();
    *count = 0;
    if (there > 0) {
        const size_t n = (size_t)there < most ? (size_t)there : most;
        const PaError code = m->lib.Pa_ReadStream(m->stream, samples, n);
        if (code == paInputOverflowed) m->lost++;
        there = code == paInputOverflowed ? 1 : code;
        m->heard = cv_now();
        *count = there < 0 ? 0 : n;
    }
    if (lost) *lost = m->lost;
    if (there < 0)
        return cv_fail(err, CONVO_IO, where, "the device is gone (%s)", m->lib.Pa_GetErrorText((PaError)there));
    if (cv_now() - m->heard > most_silence)
        return cv_fail(err, CONVO_IO, where, "the device gives no samples any more: it is gone, or was taken over");
    return CONVO_OK;
}

int convo_microphone_rate(const convo_microphone *m) {
    return m->rate;
}

void convo_microphone_free(convo_microphone *m) {
    if (!m) return;
    if (m->stream) m->lib.Pa_AbortStream(m->stream);
    if (m->stream) m->lib.Pa_CloseStream(m->stream);
    m->lib.Pa_Terminate();
    free(m);
}

#else

struct convo_microphone {
    int rate;
};

static convo_status no_portaudio(convo_error *err) {
    return cv_fail(err, CONVO_UNSUPPORTED, "microphone",
                   "this build cannot record: pass a file or -, or install portaudio19-dev and build again");
}

convo_status convo_microphone_list(convo_microphone_info **list, int *count, convo_error *err) {
    if (!list || !count) return cv_fail(err, CONVO_ARGUMENT, "", "room for a list and its length is needed");
    return no_portaudio(err);
}

convo_status convo_microphone_open(const char *name, int rate, convo_microphone **microphone, convo_error *err) {
    (void)name;
    if (!microphone || rate < 1) return cv_fail(err, CONVO_ARGUMENT, "", "a rate and room for a microphone are needed");
    *microphone = NULL;
    return no_portaudio(err);
}

convo_status convo_microphone_read(convo_microphone *m, float *samples, size_t most, size_t *count, int64_t *lost,
                                   convo_error *err) {
    (void)lost;
    if (!m || !samples || !most || !count)
        return cv_fail(err, CONVO_ARGUMENT, "", "a microphone and room for samples are needed");
    return no_portaudio(err);
}

int convo_microphone_rate(const convo_microphone *m) {
    return m->rate;
}

void convo_microphone_free(convo_microphone *m) {
    free(m);
}

#endif

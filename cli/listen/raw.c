#include "listen/raw.h"

#include <errno.h>
#include <math.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

enum { WAITING = 100 }; // milliseconds
const char raw_formats[] = "u8|s16|s24|s32|f32";
static const struct {
    const char *name;
    int bytes, code; // code: in the header of a WAV file
} formats[] = {{"u8", 1, 1}, {"s16", 2, 1}, {"s24", 3, 1}, {"s32", 4, 1}, {"f32", 4, 3}};

bool raw_format(const char *name, cli_raw *raw) {
    raw->channels = 1;
    for (size_t k = 0; k < COUNT(formats); k++) {
        if (strcmp(formats[k].name, name) != 0) continue;
        raw->format = (int)k;
        return true;
    }
    return false;
}

static unsigned little(const unsigned char *byte, int count) {
    unsigned value = 0;
    for (int i = 0; i < count; i++) value |= (unsigned)byte[i] << 8 * i;
    return value;
}

static int bad_header(const char *what) {
    complain("standard input", "%s", what);
    return FAILED;
}

// Reads the chunk "fmt " of a WAV file: code, channels, rate, bytes per second and per sample, bits.
static int read_format(cli_raw *raw, const unsigned char *chunk) {
    const unsigned code = little(chunk, 2), channels = little(chunk + 2, 2), rate = little(chunk + 4, 4),
                   bits = little(chunk + 14, 2);
    raw->format = -1;
    for (size_t k = 0; k < COUNT(formats); k++)
        if ((code == 0xfffe ? 1 : (int)code) == formats[k].code && (unsigned)formats[k].bytes * 8 == bits)
            raw->format = (int)k;
    if (raw->format < 0 || channels < 1 || channels > 64 || rate < 1000 || rate > 1000000)
        return bad_header("this WAV file has samples of a kind that is not read from a pipe: convert it to 16 bits");
    raw->channels = (int)channels;
    raw->rate = (int)rate;
    return DONE;
}

// Looks for the samples of a WAV file; *more: its header is not complete yet. Raw samples begin otherwise.
static int look_for_header(cli_raw *raw, bool *more) {
    const unsigned char *b = raw->byte;
    bool described = false;
    const size_t same = raw->count < 4 ? raw->count : 4;
    *more = !memcmp(b, "RIFF", same) && raw->count < 12;
    if (*more || raw->count < 12 || memcmp(b, "RIFF", 4) != 0 || memcmp(b + 8, "WAVE", 4) != 0) return DONE;
    for (size_t at = 12; at + 8 <= raw->count;) {
        const size_t size = little(b + at + 4, 4), begin = at + 8;
        if (!memcmp(b + at, "data", 4)) {
            raw->count -= begin;
            memmove(raw->byte, b + begin, raw->count);
            return described ? DONE : bad_header("this WAV file does not say what its samples are");
        }
        if (size > sizeof raw->byte - begin) return bad_header("the header of this WAV file is too long");
        if (!memcmp(b + at, "fmt ", 4) && size >= 16 && begin + size <= raw->count) {
            if (read_format(raw, b + begin)) return FAILED;
            described = true;
        }
        at = begin + size + size % 2;
    }
    *more = raw->count < sizeof raw->byte;
    return *more ? DONE : bad_header("the header of this WAV file is too long");
}

int raw_fill(cli_raw *raw, bool *end) {
    struct pollfd in = {.fd = STDIN_FILENO, .events = POLLIN};
    *end = false;
    if (poll(&in, 1, WAITING) <= 0) return DONE; // nothing yet, or a signal
    const ssize_t got = read(STDIN_FILENO, raw->byte + raw->count, sizeof raw->byte - raw->count);
    if (got < 0 && (errno == EINTR || errno == EAGAIN)) return DONE;
    if (got < 0) return bad_header(strerror(errno));
    bool more = false;
    raw->count += (size_t)got;
    const int status = raw->known ? DONE : look_for_header(raw, &more);
    raw->known = !more || got == 0;
    *end = got == 0;
    return status;
}

static double value_of(int format, const unsigned char *byte) {
    float wide;
    switch (format) {
    case 0: return (byte[0] - 128) / 128.0;
    case 1: return (double)(int16_t)little(byte, 2) / 0x1p15;
    case 2: return (double)(int32_t)(little(byte, 3) << 8) / 0x1p31;
    case 3: return (double)(int32_t)little(byte, 4) / 0x1p31;
    default: memcpy(&wide, byte, sizeof wide); return isfinite(wide) ? (double)wide : 0;
    }
}

size_t raw_take(cli_raw *raw, float *samples, size_t most) {
    const size_t bytes = (size_t)formats[raw->format].bytes, unit = bytes * (size_t)raw->channels;
    size_t count = raw->known ? raw->count / unit : 0;
    if (count > most) count = most;
    for (size_t t = 0; t < count; t++) {
        double sum = 0;
        for (size_t c = 0; c < (size_t)raw->channels; c++)
            sum += value_of(raw->format, raw->byte + t * unit + c * bytes);
        samples[t] = (float)(sum / raw->channels);
    }
    raw->count -= count * unit;
    memmove(raw->byte, raw->byte + count * unit, raw->count);
    return count;
}

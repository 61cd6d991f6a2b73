#include "audio/sound_file.h"

#include "base/slice.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

// --- reading ------------------------------------------------------------------------------------------------------

static bool read_at(const cv_sound_file *file, int64_t at, void *out, size_t count) {
    return at >= 0 && at <= file->size && count <= (size_t)(file->size - at) &&
           pread(file->descriptor, out, count, (off_t)(file->begin + at)) == (ssize_t)count;
}

static sf_count_t length_of(void *context) {
    const cv_sound_file *file = context;
    return file->size;
}

static sf_count_t place_of(void *context) {
    const cv_sound_file *file = context;
    return file->at;
}

static sf_count_t seek(sf_count_t offset, int whence, void *context) {
    cv_sound_file *file = context;
    const int64_t from = whence == SEEK_SET ? 0 : whence == SEEK_CUR ? file->at : file->size;
    if (offset < -from || offset > INT64_MAX / 2 - from) return -1;
    return file->at = from + offset;
}

static sf_count_t read_some(void *out, sf_count_t count, void *context) {
    cv_sound_file *file = context;
    const int64_t begin = file->at;
    if (count > file->size - begin) count = begin < file->size ? file->size - begin : 0;
    uint8_t *bytes = out;
    while (file->at < begin + count) {
        const ssize_t got = pread(file->descriptor, bytes + (file->at - begin), (size_t)(begin + count - file->at),
                                  (off_t)(file->begin + file->at));
        if (got < 0 && errno == EINTR) continue;
        if (got <= 0) break;
        file->at += got;
    }
    for (int k = 0; k < file->filled_count; k++)
        for (int b = 0; b < file->filled[k].count; b++) {
            const int64_t at = file->filled[k].at + b;
            if (at >= begin && at < file->at) bytes[at - begin] = file->filled[k].byte[b];
        }
    return file->at - begin;
}

static sf_count_t write_nothing(const void *bytes, sf_count_t count, void *context) {
    (void)bytes, (void)count, (void)context;
    return 0;
}

SF_VIRTUAL_IO cv_sound_file_io(void) {
    return (SF_VIRTUAL_IO){
        .get_filelen = length_of, .seek = seek, .read = read_some, .write = write_nothing, .tell = place_of};
}

// --- lengths ------------------------------------------------------------------------------------------------------

static uint64_t number_of(const uint8_t *byte, int count, bool big) {
    uint64_t number = 0;
    for (int k = 0; k < count; k++) number |= (uint64_t)byte[k] << 8 * (big ? count - 1 - k : k);
    return number;
}

// Writers that do not know the length beforehand put 0 there, or something near the largest number.
static bool is_open(uint64_t length, int bytes) {
    return length == 0 || length >= (bytes == 8 ? UINT64_C(0x7fffffffffff0000) : 0x7fff0000);
}

// Replaces the `bytes` bytes at `at` by a number, in what libsndfile is given to read; the file itself stays.
static void fill_in(cv_sound_file *file, int64_t at, int bytes, bool big, int64_t number) {
    struct cv_filled *f = &file->filled[file->filled_count++];
    *f = (struct cv_filled){.at = at, .count = bytes};
    for (int k = 0; k < bytes; k++) f->byte[k] = (uint8_t)(number >> 8 * (big ? bytes - 1 - k : k));
}

// Files of chunks, each with a name of four letters, a length, and contents.
static const struct container {
    const char *magic;
    int begin;        // of the first chunk
    int bytes;        // of a length
    bool big, padded; // the lengths are big-endian; contents of an odd length have a byte more
} containers[] = {{"RIFF", 12, 4, false, true},
                  {"RIFX", 12, 4, true, true},
                  {"RF64", 12, 4, false, true},
                  {"caff", 8, 8, true, false}};

static const struct container *container_of(const cv_sound_file *file) {
    char magic[5] = "";
    if (!read_at(file, 0, magic, 4)) return NULL;
    for (size_t k = 0; k < CV_COUNT(containers); k++)
        if (strcmp(magic, containers[k].magic) == 0) return &containers[k];
    return NULL;
}

// The place of the first chunk called `name` from `at` on; the end of the file exactly where there is none and the
// chunks fill it; -1 where they do not.
static int64_t find_chunk(const cv_sound_file *file, const struct container *c, int64_t at, const char *name) {
    enum { MOST_CHUNKS = 1000 }; // a made-up file may have very many
    for (int k = 0; at != file->size; k++) {
        uint8_t head[12];
        if (k == MOST_CHUNKS || at > file->size || !read_at(file, at, head, (size_t)c->bytes + 4)) return -1;
        for (int letter = 0; letter < 4; letter++)
            if (head[letter] < ' ' || head[letter] > '~') return -1; // samples; silence is many zeros
        if (memcmp(head, name, 4) == 0) return at;
        const uint64_t length = number_of(head + 4, c->bytes, c->big);
        if (length > (uint64_t)file->size) return -1;
        at += 4 + c->bytes + (int64_t)length + (c->padded && length % 2);
    }
    return at;
}

// RF64's lengths are in its first chunk: of the file, of the samples, and their count.
static void fill_in_rf64(cv_sound_file *file, int64_t rest) {
    enum { FILE_LENGTH = 20, DATA_LENGTH = 28, COUNT = 36 };
    uint8_t lengths[16];
    if (!read_at(file, FILE_LENGTH, lengths, sizeof lengths) || !is_open(number_of(lengths + 8, 8, false), 8)) return;
    fill_in(file, FILE_LENGTH, 8, false, file->size - 8);
    fill_in(file, DATA_LENGTH, 8, false, rest);
    fill_in(file, COUNT, 8, false, 0);
}

// Fills in the length of the samples where the writer left it open: they extend to the end of the file. If chunks
// follow a length of 0, there really are no samples. Returns the size that the file has by its header; 0 if that was
// left open or there is no chunk of samples.
static int64_t fill_in_length(cv_sound_file *file, const struct container *c) {
    uint8_t length[8];
    const int64_t at = find_chunk(file, c, c->begin, "data"), begin = at + 4 + c->bytes, rest = file->size - begin;
    if (at < 0 || rest <= 0 || !read_at(file, at + 4, length, (size_t)c->bytes)) return 0;
    const uint64_t claimed = number_of(length, c->bytes, c->big);
    if (!is_open(claimed, c->bytes)) return begin + (int64_t)claimed;
    if (strcmp(c->magic, "RF64") == 0)
        fill_in_rf64(file, rest);
    else if (claimed || find_chunk(file, c, begin, "data") < 0)
        fill_in(file, at + 4, c->bytes, c->big, c->bytes == 8 || rest < UINT32_MAX ? rest : UINT32_MAX);
    return 0;
}

// How long a file should be by its header; 0 where that does not say.
static int64_t promised_length(const cv_sound_file *file) {
    static const struct {
        const char *magic, *kind; // at byte 0 and 8
        int at, bytes;
        bool big;
        int more; // bytes that the length does not count
    } headers[] = {{"RIFF", "WAVE", 4, 4, false, 8},     {"RIFX", "WAVE", 4, 4, true, 8},
                   {"RF64", "WAVE", 20, 8, false, 8},    {"FORM", "AIF", 4, 4, true, 8},
                   {".snd", "", 8, 4, true, 0},          {"dns.", "", 8, 4, false, 0},
                   {"riff\x2e\x91", "", 16, 8, false, 0}};
    uint8_t head[28];
    if (!read_at(file, 0, head, sizeof head)) return 0;
    for (size_t k = 0; k < CV_COUNT(headers); k++) {
        if (memcmp(head, headers[k].magic, strlen(headers[k].magic)) != 0 ||
            memcmp(head + 8, headers[k].kind, strlen(headers[k].kind)) != 0)
            continue;
        const uint64_t length = number_of(head + headers[k].at, headers[k].bytes, headers[k].big);
        if (is_open(length, headers[k].bytes)) return 0;
        const bool au = headers[k].at == 8; // counts the samples; where they begin, it says before
        return (int64_t)(length + (au ? number_of(head + 4, 4, headers[k].big) : 0)) + headers[k].more;
    }
    return 0;
}

// --- open, close --------------------------------------------------------------------------------------------------

convo_status cv_sound_file_open(const char *path, cv_sound_file *file, convo_error *err) {
    cv_slice slice;
    const convo_status status = cv_slice_open(path, &slice, err);
    *file = (cv_sound_file){.descriptor = slice.descriptor, .begin = slice.begin, .size = slice.size};
    if (status) return status;
    if (slice.size == 0) return cv_fail(err, CONVO_FORMAT, path, "is empty: a sound file has at least a header");
    const struct container *c = container_of(file);
    const int64_t needed = c ? fill_in_length(file, c) : 0;
    const int64_t promised = c && c->begin == 8 ? needed : promised_length(file); // CAF has no length of the whole
    if (promised - 1 > file->size) // some leave the last padding byte out
        return cv_fail(err, CONVO_FORMAT, path, "is cut short: its header promises %lld bytes and there are %lld",
                       (long long)promised, (long long)file->size);
    return CONVO_OK;
}

void cv_sound_file_close(cv_sound_file *file) {
    if (file->descriptor >= 0) close(file->descriptor);
    file->descriptor = -1;
}

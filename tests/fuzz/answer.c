// The headers of a server's answer, line by line, and behind @@@1 what a broken download is remembered by.
#include "fetch/transfer.c" // its functions are static

#include "fuzz.h"

#if CV_HAVE_FETCH
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static const char *const names[] = {"headers", "download.tag"};
    const fuzz_path path = fuzz_in_folder("download");
    transfer t = {.path = path.text, .answer_first = -1};
    cv_bytes headers = {0};
    fuzz_write_parts(data, size, names, CV_COUNT(names));
    load_tag(&t);
    fuzz_must(!strpbrk(t.tag, "\r\n"), "what is sent back to the server is one line");
    if (!cv_file_read(fuzz_in_folder(names[0]).text, SIZE_MAX, &headers, NULL)) {
        for (size_t at = 0, length; at < headers.size; at += length) {
            const uint8_t *end = memchr(headers.data + at, '\n', headers.size - at);
            length = end ? (size_t)(end - headers.data) - at + 1 : headers.size - at;
            char *line = malloc(length); // as libcurl hands it over: no 0 byte at its end
            memcpy(line, headers.data + at, length);
            fuzz_must(on_header(line, 1, length, &t) == length, "every line is taken");
            free(line);
        }
        fuzz_tell_text(t.answer);
        fuzz_tell_text(t.tag);
        fuzz_must(!strpbrk(t.answer, "\r\n"), "what is kept is one line");
    }
    free(headers.data);
    return 0;
}
#else
FUZZ_NOTHING
#endif

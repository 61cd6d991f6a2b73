// Downloaded archives: a .tar.gz, behind @@@1 a tar that is packed here (so that what is behind the checksum is
// reached), and behind @@@2 a single packed file.
#include "fuzz.h"

#include "fetch/remote.h"
#include "fetch/unpack.h"

#if CV_HAVE_FETCH
#include <archive.h>
#include <archive_entry.h>

static void pack(const char *from, const char *to) {
    cv_bytes bytes;
    if (cv_file_read(from, SIZE_MAX, &bytes, NULL)) return;
    struct archive *out = archive_write_new();
    struct archive_entry *entry = archive_entry_new();
    archive_entry_set_pathname(entry, "data");
    archive_entry_set_filetype(entry, AE_IFREG);
    archive_entry_set_size(entry, (int64_t)bytes.size);
    fuzz_must(!archive_write_set_format_raw(out) && !archive_write_add_filter_gzip(out) &&
                  !archive_write_set_filter_option(out, "gzip", "compression-level", "1") &&
                  !archive_write_open_filename(out, to) && !archive_write_header(out, entry) &&
                  archive_write_data(out, bytes.data, bytes.size) == (la_ssize_t)bytes.size &&
                  !archive_write_close(out),
              "a file can be packed");
    archive_entry_free(entry);
    archive_write_free(out);
    free(bytes.data);
}

static int tell_entry(const char *path, const struct stat *about, int type, struct FTW *walk) {
    (void)walk;
    fuzz_tell_number(about->st_mode);
    if (type == FTW_F) fuzz_tell_file(path);
    return 0;
}

static void unpack(const char *name) {
    enum { MOST_OPEN = 16 };
    const fuzz_path archive = fuzz_in_folder(name), folder = fuzz_in_folder("out");
    const convo_get_options options = {0};
    cv_watch watch = {.options = &options};
    cv_unpacking job = {.inside = "", .most_bytes = 1 << 20, .most_files = 100};
    convo_error err = {0};
    if (!cv_is_file(archive.text)) return;
    fuzz_check(cv_folder_make(folder.text, &err), &err);
    fuzz_check(cv_unpack(archive.text, folder.text, &job, &watch, &err), &err);
    fuzz_must(job.files <= job.most_files, "no more files than allowed");
    fuzz_must(!nftw(folder.text, tell_entry, MOST_OPEN, FTW_PHYS), "what was unpacked can be read");
    fuzz_remove(folder.text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static const char *const names[] = {"a.tar.gz", "plain.tar", "b.gz"};
    fuzz_write_parts(data, size, names, CV_COUNT(names));
    unlink(fuzz_in_folder("c.tar.gz").text);
    pack(fuzz_in_folder(names[1]).text, fuzz_in_folder("c.tar.gz").text);
    unpack(names[0]);
    unpack("c.tar.gz");
    unpack(names[2]);
    return 0;
}
#else
FUZZ_NOTHING
#endif

// Archives that came from the network: good ones, damaged ones, hostile ones.
#define _GNU_SOURCE
#include "base/file.h"
#include "fetch/remote.h"
#include "fetch/digest.h"
#include "fetch/unpack.h"

#include <ftw.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
// after the headers that it needs
#include <cmocka.h>

#if CV_HAVE_FETCH
#include "packer.h"

enum { MOST_BYTES = 20000, MOST_FILES = 20 };

// --- a folder for each case -------------------------------------------------------------------------------------

static char top[32], folder[64], archive_path[64];
static int entries_found;
static long long bytes_found;

static int remove_entry(const char *path, const struct stat *about, int type, struct FTW *at) {
    (void)about, (void)type, (void)at;
    return remove(path);
}

static int count_entry(const char *path, const struct stat *about, int type, struct FTW *at) {
    (void)path, (void)at;
    if (type == FTW_D) return 0;
    entries_found++;
    bytes_found += about->st_size;
    return 0;
}

static void count_under(const char *path) {
    entries_found = 0;
    bytes_found = 0;
    nftw(path, count_entry, 8, FTW_PHYS);
}

static void end(void) {
    nftw(top, remove_entry, 8, FTW_DEPTH | FTW_PHYS);
}

// top/ holds the archive and top/inner/into, where it is unpacked: room to climb out.
static void begin(const packed *archive, const char *name) {
    strcpy(top, "/tmp/convo-unpack-XXXXXX");
    assert_non_null(mkdtemp(top));
    cv_print(folder, sizeof folder, "%s/inner/into", top);
    cv_print(archive_path, sizeof archive_path, "%s/%s", top, name);
    assert_int_equal(cv_folder_make(folder, NULL), CONVO_OK);
    FILE *stream = fopen(archive_path, "wb"); // cv_file_write waits for the disk
    assert_non_null(stream);
    assert_int_equal(fwrite(archive->data, 1, archive->size, stream), archive->size);
    assert_int_equal(fclose(stream), 0);
}

static convo_status unpack(const char *inside, cv_unpacking *job, convo_error *err) {
    static const convo_get_options options;
    cv_watch watch = {.options = &options};
    *job = (cv_unpacking){.inside = inside, .most_bytes = MOST_BYTES, .most_files = MOST_FILES};
    return cv_unpack(archive_path, folder, job, &watch, err);
}

static void assert_holds(const char *name, const char *text) {
    char *path = cv_format("%s/%s", folder, name);
    cv_bytes bytes;
    convo_error err = {0};
    if (cv_file_read(path, 1000, &bytes, &err)) fail_msg("%s: %s", err.where, err.message);
    if (strcmp((char *)bytes.data, text)) fail_msg("%s holds '%s' instead of '%s'", name, (char *)bytes.data, text);
    free(bytes.data);
    free(path);
}

// --- good ones --------------------------------------------------------------------------------------------------

static const pack_entry good[] = {{.name = "./", .type = AE_IFDIR, .mode = 0500},
                                  {.name = "./a", .text = "first", .mode = 04777},
                                  {.name = "./b/", .type = AE_IFDIR, .mode = 0},
                                  {.name = "./b/c.txt", .text = "second"},
                                  {.name = "b//d", .text = ""},
                                  {.name = "b/..e", .text = "third"},
                                  {.name = NULL}};

static void files_and_folders_are_unpacked(void **state) {
    (void)state;
    packed archive = pack_tar(good);
    cv_unpacking job;
    convo_error err = {0};
    begin(&archive, "x.tar.gz");
    if (unpack("", &job, &err)) fail_msg("%s: %s", err.where, err.message);
    assert_holds("a", "first");
    assert_holds("b/c.txt", "second");
    assert_holds("b/d", "");
    assert_holds("b/..e", "third");
    assert_int_equal(job.files, 4);
    assert_int_equal(job.bytes, 16);
    end();
    free(archive.data);
}

static void modes_are_not_taken_over(void **state) {
    (void)state;
    packed archive = pack_tar(good);
    cv_unpacking job;
    struct stat about;
    begin(&archive, "x.tar.gz");
    const mode_t mask = umask(022);
    assert_int_equal(unpack("", &job, NULL), CONVO_OK);
    umask(mask);
    char *path = cv_format("%s/a", folder);
    assert_int_equal(stat(path, &about), 0);
    assert_int_equal(about.st_mode & 07777, 0644);
    free(path);
    end();
    free(archive.data);
}

static void only_the_folder_that_is_wanted_is_kept(void **state) {
    (void)state;
    static const pack_entry entries[] = {{.name = "top/readme", .text = "no"},
                                         {.name = "top/recordings", .type = AE_IFDIR},
                                         {.name = "top/recordings/1.wav", .text = "yes"},
                                         {.name = "./top/recordings/2.wav", .text = "yes too"},
                                         {.name = "top/recordings2/3.wav", .text = "no"},
                                         {.name = NULL}};
    packed archive = pack_tar(entries);
    cv_unpacking job;
    begin(&archive, "x.tar.gz");
    assert_int_equal(unpack("top/recordings/", &job, NULL), CONVO_OK);
    assert_holds("1.wav", "yes");
    assert_holds("2.wav", "yes too");
    assert_int_equal(job.files, 2);
    count_under(folder);
    assert_int_equal(entries_found, 2);
    end();
    free(archive.data);
}

static void a_single_packed_file_gets_the_name_of_its_archive(void **state) {
    (void)state;
    packed archive = pack(NULL, "numbers", 7, 1);
    cv_unpacking job;
    begin(&archive, "labels-idx1-ubyte.gz");
    assert_int_equal(unpack("", &job, NULL), CONVO_OK);
    assert_holds("labels-idx1-ubyte", "numbers");
    assert_int_equal(job.files, 1);
    end();
    free(archive.data);
}

// --- hostile ones -----------------------------------------------------------------------------------------------

#define NINE "1/2/3/4/5/6/7/8/9"

static void hostile_archives_are_refused(void **state) {
    (void)state;
    static const struct {
        const char *name;
        pack_entry entries[4];
        convo_status status;
        const char *text; // in the message
    } cases[] = {
        {"a path that climbs",
         {{.name = "../climbed", .text = "x"}},
         CONVO_FORMAT,
         "leads outside the target folder"},
        {"one that climbs later",
         {{.name = "a/../../climbed", .text = "x"}},
         CONVO_FORMAT,
         "leads outside the target folder"},
        {"one that ends so", {{.name = "a/..", .text = "x"}}, CONVO_FORMAT, "leads outside the target folder"},
        {"a folder that climbs",
         {{.name = "../d", .type = AE_IFDIR}},
         CONVO_FORMAT,
         "leads outside the target folder"},
        {"an absolute path", {{.name = "/tmp/convo-absolute", .text = "x"}}, CONVO_FORMAT, "absolute path"},
        {"a symbolic link", {{.name = "l", .text = "/etc", .type = AE_IFLNK}}, CONVO_FORMAT, "'l' is a symbolic link"},
        {"a file behind a link",
         {{.name = "l", .text = "..", .type = AE_IFLNK}, {.name = "l/climbed", .text = "x"}},
         CONVO_FORMAT,
         "symbolic link"},
        {"a hard link",
         {{.name = "a", .text = "x"}, {.name = "h", .text = "/etc/passwd", .hard = true}},
         CONVO_FORMAT,
         "'h' is a hard link"},
        {"a device", {{.name = "null", .type = AE_IFCHR}}, CONVO_FORMAT, "a device"},
        {"a disk", {{.name = "disk", .type = AE_IFBLK}}, CONVO_FORMAT, "a device"},
        {"a pipe", {{.name = "pipe", .type = AE_IFIFO}}, CONVO_FORMAT, "a pipe"},
        {"a line end in a name", {{.name = "a\nb", .text = "x"}}, CONVO_FORMAT, "'a\\nb' has a control character"},
        {"a terminal's escape in a name", {{.name = "\033[2J", .text = "x"}}, CONVO_FORMAT, "'\\x1b[2J'"},
        {"the same name twice",
         {{.name = "a", .text = "x"}, {.name = "./a", .text = "y"}},
         CONVO_FORMAT,
         "'a' appears twice"},
        {"a file below a file", {{.name = "a", .text = "x"}, {.name = "a/b", .text = "y"}}, CONVO_FORMAT, "twice"},
        {"a file in place of a folder",
         {{.name = "a/b", .text = "x"}, {.name = "a", .text = "y"}},
         CONVO_FORMAT,
         "twice"},
        {"folders in folders", {{.name = NINE, .text = "x"}}, CONVO_FORMAT, "nested too deep"},
        {"a bomb", {{.name = "a", .text = "x"}, {.name = "zeros", .zeros = 1 << 20}}, CONVO_LIMIT, "20000 bytes"},
        {"a bomb in parts", {{.name = "a", .zeros = 15000}, {.name = "b", .zeros = 15000}}, CONVO_LIMIT, "20000 bytes"},
        {"a bomb of a hole",
         {{.name = "a", .text = "x"}, {.name = "hole", .hole = 1 << 21}},
         CONVO_LIMIT,
         "20000 bytes"},
        {"a file that ends in a hole", {{.name = "a", .hole = 15000}}, CONVO_FORMAT, "not as long as its header says"},
    };
    for (size_t k = 0; k < CV_COUNT(cases); k++) {
        packed archive = pack_tar(cases[k].entries);
        cv_unpacking job;
        convo_error err = {0};
        begin(&archive, "x.tar.gz");
        const convo_status status = unpack("", &job, &err);
        if (status != cases[k].status || !strstr(err.message, cases[k].text))
            fail_msg("%s: %s (%s)", cases[k].name, convo_status_name(status), err.message);
        assert_string_equal(err.where, archive_path);
        for (const char *c = err.message; *c; c++) assert_true((unsigned char)*c >= ' ');
        count_under(folder);
        if (bytes_found > MOST_BYTES + 65536) fail_msg("%s: wrote %lld bytes", cases[k].name, bytes_found);
        const int inside = entries_found;
        count_under(top);
        if (entries_found != inside + 1) fail_msg("%s: wrote outside of the folder", cases[k].name);
        assert_int_not_equal(access("/tmp/convo-absolute", F_OK), 0);
        end();
        free(archive.data);
    }
}

static void what_is_not_kept_is_checked_too(void **state) {
    (void)state;
    static const struct {
        const char *name;
        pack_entry entries[3];
        convo_status status;
    } cases[] = {
        {"a path that climbs", {{.name = "other/../../x", .text = "x"}}, CONVO_FORMAT},
        {"a link", {{.name = "other/l", .text = "/etc", .type = AE_IFLNK}}, CONVO_FORMAT},
        {"a bomb", {{.name = "other/zeros", .zeros = 1 << 20}, {.name = "top/a", .text = "x"}}, CONVO_LIMIT},
        {"a bomb in parts", {{.name = "other/a", .zeros = 15000}, {.name = "other/b", .zeros = 15000}}, CONVO_LIMIT},
    };
    for (size_t k = 0; k < CV_COUNT(cases); k++) {
        packed archive = pack_tar(cases[k].entries);
        cv_unpacking job;
        convo_error err = {0};
        begin(&archive, "x.tar.gz");
        const convo_status status = unpack("top/", &job, &err);
        if (status != cases[k].status) fail_msg("%s: %s", cases[k].name, convo_status_name(status));
        end();
        free(archive.data);
    }
}

static void too_many_entries_are_refused(void **state) {
    (void)state;
    pack_entry entries[MOST_FILES + 2] = {{.name = NULL}};
    char names[MOST_FILES + 1][8];
    for (int more = 0; more < 2; more++) {
        for (int k = 0; k < MOST_FILES + more; k++) {
            cv_print(names[k], sizeof names[k], "%d", k);
            entries[k] = (pack_entry){.name = names[k], .text = ""};
        }
        packed archive = pack_tar(entries);
        cv_unpacking job;
        begin(&archive, "x.tar.gz");
        assert_int_equal(unpack("", &job, NULL), more ? CONVO_LIMIT : CONVO_OK);
        assert_int_equal(job.files, MOST_FILES);
        end();
        free(archive.data);
    }
}

static void a_name_ends_at_a_zero_byte(void **state) {
    (void)state;
    // A tar archive by hand: a pax header that names the entry after it "ab\0/../c". (POSIX pax, ustar header)
    enum { T = 512 };
    char tar[7 * T] = "";
    const char record[] = "17 path=ab\0/../c\n";
    for (int k = 0; k < 2; k++) {
        char *head = tar + 2 * k * T;
        cv_print(head, 100, k ? "placeholder" : "header");
        memcpy(head + 100, "0000644", 8);
        memcpy(head + 108, "0000000", 8);
        memcpy(head + 116, "0000000", 8);
        cv_print(head + 124, 12, "%011o", k ? 1u : (unsigned)sizeof record - 1);
        cv_print(head + 136, 12, "%011o", 0u);
        head[156] = k ? '0' : 'x';
        memcpy(head + 257, "ustar\00000", 8);
        memset(head + 148, ' ', 8);
        unsigned sum = 0;
        for (int i = 0; i < T; i++) sum += (unsigned char)head[i];
        cv_print(head + 148, 8, "%06o", sum);
        memcpy(head + T, k ? "x" : record, k ? 1 : sizeof record - 1);
    }
    packed archive = pack(NULL, tar, sizeof tar, 1);
    cv_unpacking job;
    begin(&archive, "x.tar.gz");
    const convo_status status = unpack("", &job, NULL); // refused or shortened: both are safe
    count_under(top);
    assert_int_equal(entries_found, status ? 1 : 2);
    if (!status) assert_holds("ab", "x");
    end();
    free(archive.data);
}

static void layers_of_gzip_are_refused(void **state) {
    (void)state;
    static const pack_entry entries[] = {{.name = "a", .text = "x"}, {.name = NULL}};
    for (int layers = 0; layers <= 3; layers++)
        for (int tar = 0; tar < 2; tar++) {
            packed archive = pack(tar ? entries : NULL, tar ? NULL : "x", tar ? 0 : 1, layers);
            cv_unpacking job;
            begin(&archive, tar ? "x.tar.gz" : "x.gz");
            assert_int_equal(unpack("", &job, NULL), layers == 1 ? CONVO_OK : CONVO_FORMAT);
            assert_int_equal(job.files, layers == 1);
            end();
            free(archive.data);
        }
}

// --- damaged ones -----------------------------------------------------------------------------------------------

static void an_archive_cut_anywhere_is_an_error_or_whole(void **state) {
    (void)state;
    packed archive = pack_tar(good);
    int errors = 0;
    for (size_t cut = 0; cut < archive.size; cut++) {
        const packed part = {archive.data, cut};
        cv_unpacking job;
        begin(&part, "x.tar.gz");
        const convo_status status = unpack("", &job, NULL);
        if (status) assert_int_equal(status, CONVO_FORMAT);
        if (!status && job.bytes != 16)
            fail_msg("cut at %zu of %zu: no error, %d bytes", cut, archive.size, (int)job.bytes);
        errors += status != CONVO_OK;
        end();
    }
    assert_true(errors > (int)archive.size / 2);
    free(archive.data);
}

static void a_changed_byte_does_no_harm(void **state) {
    (void)state;
    packed archive = pack_tar(good);
    for (size_t k = 0; k < archive.size; k++) {
        archive.data[k] = (char)(archive.data[k] ^ 0x55);
        cv_unpacking job;
        begin(&archive, "x.tar.gz");
        unpack("", &job, NULL);
        count_under(folder);
        const int inside = entries_found;
        count_under(top);
        assert_int_equal(entries_found, inside + 1);
        end();
        archive.data[k] = (char)(archive.data[k] ^ 0x55);
    }
    free(archive.data);
}

static void what_is_no_archive_is_an_error(void **state) {
    (void)state;
    char page[] = "<html>Service unavailable</html>";
    const packed files[] = {{page, sizeof page}, {page, 0}};
    for (size_t k = 0; k < 2; k++)
        for (int tar = 0; tar < 2; tar++) {
            cv_unpacking job;
            convo_error err = {0};
            begin(&files[k], tar ? "x.tar.gz" : "x.gz");
            assert_int_equal(unpack("", &job, &err), CONVO_FORMAT);
            count_under(folder);
            assert_int_equal(entries_found, 0);
            end();
        }
}

// --- checksums --------------------------------------------------------------------------------------------------

static void checksums_are_those_of_the_standards(void **state) {
    (void)state;
    // FIPS 180-4 (SHA-256 of "abc") and RFC 1321, A.5 (MD5 of "abc")
    static const char sha256[] = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
                      md5[] = "900150983cd24fb0d6963f7d28e17f72";
    static const struct {
        cv_remote_file file;
        convo_status status;
    } cases[] = {
        {{.sha256 = sha256, .md5 = md5}, CONVO_OK},
        {{.sha256 = sha256}, CONVO_OK},
        {{.md5 = md5}, CONVO_OK},
        {{.name = "neither"}, CONVO_OK},
        {{.sha256 = sha256, .md5 = "00"}, CONVO_FORMAT},
        {{.sha256 = "00", .md5 = md5}, CONVO_FORMAT},
        {{.md5 = sha256}, CONVO_FORMAT},
    };
    static const convo_get_options options;
    packed abc = {(char[]){'a', 'b', 'c'}, 3};
    begin(&abc, "abc");
    for (size_t k = 0; k < CV_COUNT(cases); k++) {
        cv_watch watch = {.options = &options};
        convo_error err = {0};
        if (cv_digest_check(archive_path, &cases[k].file, &watch, &err) != cases[k].status)
            fail_msg("case %zu: %s", k, err.message);
    }
    end();
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(files_and_folders_are_unpacked),
        cmocka_unit_test(modes_are_not_taken_over),
        cmocka_unit_test(only_the_folder_that_is_wanted_is_kept),
        cmocka_unit_test(a_single_packed_file_gets_the_name_of_its_archive),
        cmocka_unit_test(hostile_archives_are_refused),
        cmocka_unit_test(what_is_not_kept_is_checked_too),
        cmocka_unit_test(too_many_entries_are_refused),
        cmocka_unit_test(a_name_ends_at_a_zero_byte),
        cmocka_unit_test(layers_of_gzip_are_refused),
        cmocka_unit_test(an_archive_cut_anywhere_is_an_error_or_whole),
        cmocka_unit_test(a_changed_byte_does_no_harm),
        cmocka_unit_test(what_is_no_archive_is_an_error),
        cmocka_unit_test(checksums_are_those_of_the_standards),
    };
    return cmocka_run_group_tests_name("unpack", tests, NULL, NULL);
}
#else
static void archives_need_libcurl_libarchive_and_nettle(void **state) {
    (void)state;
    skip();
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(archives_need_libcurl_libarchive_and_nettle)};
    return cmocka_run_group_tests_name("unpack", tests, NULL, NULL);
}
#endif

// Errors, memory, text, files, threads and options.
#include "base/cpu.h"
#include "base/file.h"
#include "base/option.h"
#include "base/threads.h"
#include "folder.h"

#include <errno.h>
#include <float.h>
#include <math.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

// --- errors, memory ---------------------------------------------------------------------------------------------

static void an_error_keeps_code_place_and_sentence(void **state) {
    (void)state;
    convo_error err;
    assert_int_equal(cv_fail(&err, CONVO_SHAPE, "conv.1", "kernel %d", 5), CONVO_SHAPE);
    assert_int_equal(err.code, CONVO_SHAPE);
    assert_string_equal(err.where, "conv.1");
    assert_string_equal(err.message, "kernel 5");
    // Its own text may be passed on.
    cv_fail(&err, err.code, err.where, "in the net: %s", err.message);
    assert_string_equal(err.where, "conv.1");
    assert_string_equal(err.message, "in the net: kernel 5");
    assert_int_equal(cv_fail(NULL, CONVO_IO, "", "nobody listens"), CONVO_IO);
}

static void every_status_has_a_name(void **state) {
    (void)state;
    for (convo_status status = CONVO_OK; status <= CONVO_STATE; status++)
        assert_string_not_equal(convo_status_name(status), "UNKNOWN");
    assert_string_equal(convo_status_name((convo_status)99), "UNKNOWN");
    assert_string_equal(convo_version(), "0.1.0");
}

static void sizes_that_do_not_fit_get_no_memory(void **state) {
    (void)state;
    size_t product = 7;
    assert_true(cv_mul(SIZE_MAX / 2, 2, &product));
    assert_false(cv_mul(SIZE_MAX / 2 + 1, 2, &product));
    assert_null(cv_alloc(SIZE_MAX / 4, 8));
    assert_null(cv_alloc_aligned(SIZE_MAX / 4, 8));
    assert_null(cv_alloc_aligned(SIZE_MAX, 1));
    int *array = NULL;
    size_t capacity = 0;
    assert_false(cv_grow(&array, &capacity, SIZE_MAX / 2, sizeof *array));
    assert_int_equal(capacity, 0);
}

static void aligned_memory_is_aligned_and_zero(void **state) {
    (void)state;
    static const size_t sizes[] = {0, 1, 63, 64, 65, 1000};
    for (size_t k = 0; k < CV_COUNT(sizes); k++) {
        char *memory = cv_alloc_aligned(sizes[k], 1);
        assert_non_null(memory);
        assert_int_equal((uintptr_t)memory % 64, 0);
        for (size_t i = 0; i < sizes[k]; i++) assert_int_equal(memory[i], 0);
        free(memory);
    }
}

static void an_array_keeps_what_it_holds_when_it_grows(void **state) {
    (void)state;
    size_t *array = NULL, capacity = 0;
    for (size_t i = 0; i < 1000; i++) {
        assert_true(cv_grow(&array, &capacity, i + 1, sizeof *array));
        array[i] = i;
    }
    for (size_t i = 0; i < 1000; i++) assert_int_equal(array[i], i);
    free(array);
}

// --- text -------------------------------------------------------------------------------------------------------

static void text_that_does_not_fit_is_cut(void **state) {
    (void)state;
    char text[8] = "ab";
    cv_append(text, sizeof text, "%d", 12);
    assert_string_equal(text, "ab12");
    cv_append(text, sizeof text, "%s", "345678");
    assert_string_equal(text, "ab12345");
    cv_append(text, sizeof text, "more");
    assert_string_equal(text, "ab12345");
    cv_print(text, sizeof text, "%d", 123456789);
    assert_string_equal(text, "1234567");
}

static const char *layer_at(const void *context, size_t k) {
    (void)context;
    static const char *const names[] = {"conv1d", "conv2d", "linear", "batchnorm", "relu", "add", NULL};
    return names[k];
}

static void text_is_shown_and_not_obeyed(void **state) {
    (void)state;
    static const struct {
        const char *text, *shown;
    } cases[] = {
        {"", ""},
        {"größe 字 \U0001f600 a\\b 50% ~", "größe 字 \U0001f600 a\\b 50% ~"},
        {"\a\b\t\n\v\f\r", "\\a\\b\\t\\n\\v\\f\\r"},
        {"\x1b[31m\x01\x7f", "\\x1b[31m\\x01\\x7f"},
        {"\xc2\x85\xc2\x9b\u00a0", "\\u0085\\u009b\u00a0"},
        {"a\u202eb\u2066c\u200e\u061c\u2028\u200d", "a\\u202eb\\u2066c\\u200e\\u061c\\u2028\u200d"},
        {"\xff\xe2\x82", "\\xff\\xe2\\x82"},                                     // no UTF-8, cut short
        {"\xc0\xaf\xe0\x80\xaf", "\\xc0\\xaf\\xe0\\x80\\xaf"},                   // longer than need be
        {"\xed\xa0\x80\xf4\x90\x80\x80", "\\xed\\xa0\\x80\\xf4\\x90\\x80\\x80"}, // half of UTF-16, too large
        {"\xc3(\x80", "\\xc3(\\x80"},
    };
    for (size_t k = 0; k < CV_COUNT(cases); k++) {
        char out[128], again[128];
        assert_int_equal(convo_text_show(cases[k].text, NULL, 0), strlen(cases[k].shown));
        assert_int_equal(convo_text_show(cases[k].text, out, sizeof out), strlen(cases[k].shown));
        assert_string_equal(out, cases[k].shown);
        convo_text_show(out, again, sizeof again);
        assert_string_equal(again, out);
    }
    char few[6];
    assert_int_equal(convo_text_show("abc\xff", few, sizeof few), 7);
    assert_string_equal(few, "abc");
    assert_int_equal(convo_text_show("abcdö", few, sizeof few), 6); // no half of a character
    assert_string_equal(few, "abcd");
    convo_error err;
    cv_fail(&err, CONVO_IO, "a\xff", "%s\n", "b\x1b[0m");
    assert_string_equal(err.where, "a\\xff");
    assert_string_equal(err.message, "b\\x1b[0m");
}

static void a_misspelt_word_gets_the_nearest(void **state) {
    (void)state;
    static const struct {
        const char *word, *nearest;
    } cases[] = {
        {"conv2", "conv2d"}, {"Conv1D", "conv1d"}, {"batch_norm", "batchnorm"}, {"liner", "linear"},
        {"rleu", "relu"},    {"ad", "add"},        {"dropout", NULL},           {"", NULL},
        {"x", NULL},         {"lstm", NULL},
    };
    for (size_t k = 0; k < CV_COUNT(cases); k++) {
        const char *nearest = cv_nearest(cases[k].word, layer_at, NULL);
        if ((nearest == NULL) != (cases[k].nearest == NULL) || (nearest && strcmp(nearest, cases[k].nearest) != 0))
            fail_msg("'%s': got %s, wanted %s", cases[k].word, nearest ? nearest : "none",
                     cases[k].nearest ? cases[k].nearest : "none");
    }
    assert_string_equal(cv_did_you_mean("liner", layer_at, NULL).text, ", did you mean 'linear'?");
    assert_string_equal(cv_did_you_mean("dropout", layer_at, NULL).text, "");
    char endless[500];
    memset(endless, 'a', sizeof endless - 1);
    endless[sizeof endless - 1] = 0;
    assert_null(cv_nearest(endless, layer_at, NULL));
}

// --- files ------------------------------------------------------------------------------------------------------

static char *in_folder(void **state, const char *name) {
    return cv_format("%s/%s", (char *)*state, name);
}

static size_t count_in(const char *folder) {
    char **names;
    size_t count;
    assert_int_equal(cv_folder_list(folder, &names, &count, NULL), CONVO_OK);
    cv_folder_free(names, count);
    return count;
}

static void assert_text(const char *path, const char *text) {
    cv_bytes bytes;
    assert_int_equal(cv_file_read(path, 1000, &bytes, NULL), CONVO_OK);
    assert_string_equal((char *)bytes.data, text);
    assert_int_equal(bytes.size, strlen(text));
    free(bytes.data);
}

static void a_file_reads_back_as_written(void **state) {
    char *path = in_folder(state, "a");
    static const char *const texts[] = {"", "x", "hello", "shorter"};
    for (size_t k = 0; k < CV_COUNT(texts); k++) {
        assert_int_equal(cv_file_write(path, texts[k], strlen(texts[k]), NULL), CONVO_OK);
        assert_text(path, texts[k]);
    }
    assert_int_equal(count_in(*state), 1);
    free(path);
}

static void what_cannot_be_read_is_refused(void **state) {
    static const struct {
        const char *name;
        size_t limit;
        convo_status status;
    } cases[] = {
        {".", 10, CONVO_IO},    {"missing", 10, CONVO_IO},      {"ten", 9, CONVO_LIMIT},
        {"ten", 10, CONVO_OK},  {"ten", 0, CONVO_LIMIT},        {"empty", 0, CONVO_OK},
        {"pipe", 10, CONVO_IO}, {"huge", 1 << 20, CONVO_LIMIT}, {"ten/x", 10, CONVO_IO},
    };
    char *ten = in_folder(state, "ten"), *empty = in_folder(state, "empty"), *pipe = in_folder(state, "pipe"),
         *huge = in_folder(state, "huge");
    assert_int_equal(cv_file_write(ten, "0123456789", 10, NULL), CONVO_OK);
    assert_int_equal(cv_file_write(empty, "", 0, NULL), CONVO_OK);
    assert_int_equal(mkfifo(pipe, 0600), 0);
    assert_int_equal(cv_file_write(huge, "", 0, NULL), CONVO_OK);
    assert_int_equal(truncate(huge, (off_t)1 << 40), 0); // sparse
    for (size_t k = 0; k < CV_COUNT(cases); k++) {
        char *path = in_folder(state, cases[k].name);
        cv_bytes bytes;
        convo_error err = {.where = ""};
        convo_status status = cv_file_read(path, cases[k].limit, &bytes, &err);
        if (status != cases[k].status)
            fail_msg("%s with limit %zu: %s (%s)", cases[k].name, cases[k].limit, convo_status_name(status),
                     err.message);
        if (status) assert_string_equal(err.where, path);
        if (status) assert_null(bytes.data);
        free(bytes.data);
        free(path);
    }
    free(ten);
    free(empty);
    free(pipe);
    free(huge);
}

static void a_file_that_says_it_is_empty_is_read_to_its_end(void **state) {
    (void)state;
    cv_bytes bytes;
    if (!cv_is_file("/proc/self/status")) skip(); // only Linux has such files
    assert_int_equal(cv_file_read("/proc/self/status", 1 << 20, &bytes, NULL), CONVO_OK);
    assert_true(bytes.size > 100);
    free(bytes.data);
}

static void an_abandoned_file_leaves_the_old_one(void **state) {
    char *path = in_folder(state, "a");
    assert_int_equal(cv_file_write(path, "old", 3, NULL), CONVO_OK);
    cv_output out;
    assert_int_equal(cv_file_open(&out, path, NULL), CONVO_OK);
    fputs("new", out.stream);
    assert_int_equal(count_in(*state), 2);
    cv_file_abandon(&out);
    cv_file_abandon(&out); // harmless
    assert_int_equal(count_in(*state), 1);
    assert_text(path, "old");
    free(path);
}

static void a_file_that_lies_beside_is_not_written_into(void **state) {
    char *path = in_folder(state, "a"), *part = in_folder(state, "a.part"), *other = in_folder(state, "other");
    struct stat about;
    assert_int_equal(cv_file_write(other, "other", 5, NULL), CONVO_OK);
    assert_int_equal(symlink("other", part), 0); // planted
    assert_int_equal(cv_file_write(path, "new", 3, NULL), CONVO_OK);
    assert_int_equal(lstat(path, &about), 0);
    assert_true(S_ISREG(about.st_mode));
    assert_text(path, "new");
    assert_text(other, "other");
    assert_int_equal(link(other, part), 0); // the same, or left by a process that was killed
    assert_int_equal(cv_file_write(path, "newer", 5, NULL), CONVO_OK);
    assert_text(path, "newer");
    assert_text(other, "other");
    assert_int_equal(count_in(*state), 2);
    free(path);
    free(part);
    free(other);
}

static void two_writers_leave_one_whole_file(void **state) {
    char *path = in_folder(state, "a");
    cv_output first, second;
    convo_error err = {.where = ""};
    assert_int_equal(cv_file_open(&first, path, &err), CONVO_OK);
    fputs("first", first.stream);
    assert_int_equal(cv_file_open(&second, path, &err), CONVO_OK);
    fputs("sec", second.stream);
    assert_int_equal(cv_file_commit(&first, &err), CONVO_IO);
    assert_non_null(strstr(err.message, "another process"));
    fputs("ond", second.stream);
    assert_int_equal(cv_file_commit(&second, &err), CONVO_OK);
    assert_text(path, "second");
    assert_int_equal(count_in(*state), 1);
    free(path);
}

static void the_longest_name_is_written(void **state) {
    char name[256] = "", *path;
    memset(name, 'x', sizeof name - 1);
    path = in_folder(state, name);
    assert_int_equal(cv_file_write(path, "new", 3, NULL), CONVO_OK);
    assert_text(path, "new");
    assert_int_equal(count_in(*state), 1);
    free(path);
}

static void a_folder_that_cannot_be_made_says_why(void **state) {
    (void)state;
    static const char *const places[] = {"/sys/convo", "/convo"}; // the first not by root either
    for (size_t k = 0; k < CV_COUNT(places); k++) {
        const int cause = mkdir(places[k], 0777) ? errno : 0;
        if (!cause) rmdir(places[k]);
        if (!cause || cause == ENOENT) continue;
        convo_error err = {.where = ""};
        char *path = cv_format("%s/deeper", places[k]);
        assert_int_equal(cv_folder_make(path, &err), CONVO_IO);
        assert_non_null(strstr(err.message, strerror(cause)));
        assert_string_equal(err.where, places[k]);
        free(path);
        return;
    }
    skip(); // a system that lets us make folders anywhere
}

// Files may have no more than `bytes` bytes, as on a disk that has so many left.
static void fill_disk(rlim_t bytes) {
    signal(SIGXFSZ, SIG_IGN);
    struct rlimit limit;
    getrlimit(RLIMIT_FSIZE, &limit);
    limit.rlim_cur = bytes;
    setrlimit(RLIMIT_FSIZE, &limit);
}

static void a_full_disk_leaves_the_old_file(void **state) {
    char *path = in_folder(state, "a"), *data = calloc(1, 100000);
    static const size_t sizes[] = {2000, 100000}; // noticed when flushed, noticed when written
    assert_int_equal(cv_file_write(path, "old", 3, NULL), CONVO_OK);
    for (size_t k = 0; k < CV_COUNT(sizes); k++)
        for (int step = 0; step < 2; step++) {
            convo_error err = {.where = ""};
            fill_disk(1000);
            convo_status status;
            if (step) {
                cv_output out; // a writer that looks at nothing before the end
                assert_int_equal(cv_file_open(&out, path, &err), CONVO_OK);
                for (size_t i = 0; i < sizes[k]; i++) fputc('x', out.stream);
                status = cv_file_commit(&out, &err);
            } else {
                status = cv_file_write(path, data, sizes[k], &err);
            }
            fill_disk(RLIM_INFINITY);
            assert_int_equal(status, CONVO_IO);
            assert_string_equal(err.where, path);
            assert_non_null(strstr(err.message, strerror(EFBIG)));
            assert_int_equal(count_in(*state), 1);
            assert_text(path, "old");
        }
    free(data);
    free(path);
}

// The disk was full for a moment, and had room again when the rest was flushed.
static void an_earlier_failure_is_not_forgotten_at_the_end(void **state) {
    char *path = in_folder(state, "a"), *data = calloc(1, 100000);
    cv_output out;
    convo_error err = {.where = ""};
    assert_int_equal(cv_file_write(path, "old", 3, NULL), CONVO_OK);
    assert_int_equal(cv_file_open(&out, path, NULL), CONVO_OK);
    fill_disk(1000);
    assert_true(fwrite(data, 1, 100000, out.stream) < 100000);
    fill_disk(RLIM_INFINITY);
    fputs("the end", out.stream);
    assert_int_equal(cv_file_commit(&out, &err), CONVO_IO);
    assert_string_equal(err.where, path);
    assert_int_equal(count_in(*state), 1);
    assert_text(path, "old");
    free(data);
    free(path);
}

// The linker puts these in front of those of the system (tests/CMakeLists.txt).
static off_t size_at_fsync = -1;  // of the file
static off_t size_at_rename = -1; // what had been flushed by then
int __real_fsync(int file);
int __wrap_fsync(int file);
int __real_rename(const char *from, const char *to);
int __wrap_rename(const char *from, const char *to);

int __wrap_fsync(int file) {
    struct stat about;
    if (!fstat(file, &about)) size_at_fsync = about.st_size;
    return __real_fsync(file);
}

int __wrap_rename(const char *from, const char *to) {
    size_at_rename = size_at_fsync;
    return __real_rename(from, to);
}

// Else a power cut may leave the new name with nothing behind it.
static void a_file_is_on_the_disk_before_it_takes_its_name(void **state) {
    char *path = in_folder(state, "a");
    assert_int_equal(cv_file_write(path, "0123456789", 10, NULL), CONVO_OK);
    assert_int_equal(size_at_rename, 10);
    free(path);
}

static void what_cannot_be_written_is_refused(void **state) {
    char *inside = in_folder(state, "no/such/folder");
    const char *const paths[] = {*state, inside, "/dev/full"};
    for (size_t k = 0; k < CV_COUNT(paths); k++) {
        convo_error err = {.where = ""};
        if (k == 2 && access("/dev/full", W_OK)) continue;
        assert_int_equal(cv_file_write(paths[k], "x", 1, &err), CONVO_IO);
        assert_string_equal(err.where, paths[k]);
    }
    free(inside);
}

static void a_device_is_written_to_and_not_replaced(void **state) {
    (void)state;
    assert_int_equal(cv_file_write("/dev/null", "x", 1, NULL), CONVO_OK);
    struct stat about;
    assert_int_equal(stat("/dev/null", &about), 0);
    assert_true(S_ISCHR(about.st_mode));
}

static void folders_are_made_with_their_parents(void **state) {
    char *deep = in_folder(state, "a//b/c/"), *file = in_folder(state, "file"), *below = in_folder(state, "file/x");
    assert_int_equal(cv_folder_make(deep, NULL), CONVO_OK);
    assert_int_equal(cv_folder_make(deep, NULL), CONVO_OK);
    assert_true(cv_is_folder(deep));
    assert_int_equal(cv_file_write(file, "", 0, NULL), CONVO_OK);
    assert_true(cv_is_file(file));
    assert_false(cv_is_folder(file));
    convo_error err;
    assert_int_equal(cv_folder_make(file, &err), CONVO_IO);
    assert_int_equal(cv_folder_make(below, &err), CONVO_IO);
    assert_string_equal(err.where, file);
    free(deep);
    free(file);
    free(below);
}

static void a_folder_is_listed_in_order_without_hidden_names(void **state) {
    static const char *const made[] = {"b", "a10", ".hidden", "a2", "B"}, *const wanted[] = {"B", "a10", "a2", "b"};
    for (size_t k = 0; k < CV_COUNT(made); k++) {
        char *path = in_folder(state, made[k]);
        assert_int_equal(cv_file_write(path, "", 0, NULL), CONVO_OK);
        free(path);
    }
    char **names;
    size_t count;
    assert_int_equal(cv_folder_list(*state, &names, &count, NULL), CONVO_OK);
    assert_int_equal(count, CV_COUNT(wanted));
    for (size_t k = 0; k < count; k++) assert_string_equal(names[k], wanted[k]);
    cv_folder_free(names, count);
    assert_int_equal(cv_folder_list("/no/such/folder", &names, &count, NULL), CONVO_IO);
}

// --- threads ----------------------------------------------------------------------------------------------------

typedef struct counts {
    int *done; // [tasks]
    atomic_int worker_out_of_range;
    int workers;
} counts;

static void count_task(void *context, int task, int worker) {
    counts *c = context;
    c->done[task]++; // without a lock: a task run twice at once is a race that the thread sanitizer sees
    if (worker < 0 || worker >= c->workers) atomic_store(&c->worker_out_of_range, 1);
}

static void sleep_milliseconds(long milliseconds) {
    nanosleep(&(struct timespec){.tv_nsec = milliseconds * 1000000}, NULL);
}

static void every_task_is_run_once(void **state) {
    (void)state;
    enum { MOST = 257, ROUNDS = 300 };
    static const int tasks[] = {0, 1, 2, 3, 7, MOST};
    for (int threads = 1; threads <= 5; threads++) {
        cv_pool *pool;
        assert_int_equal(cv_pool_new_running(&pool, threads, threads, NULL), CONVO_OK);
        assert_int_equal(cv_pool_size(pool), threads);
        int wanted = 0, done[MOST] = {0};
        counts c = {.done = done, .workers = threads};
        for (int round = 0; round < ROUNDS; round++) {
            int count = tasks[round % (int)CV_COUNT(tasks)];
            cv_pool_run(pool, count, count_task, &c);
            if (count == MOST) wanted++;
            for (int i = 0; i < MOST; i++)
                if (count == MOST && done[i] < wanted) fail_msg("%d threads: task %d was not run", threads, i);
            if (round % 100 == 50) sleep_milliseconds(1); // the workers fall asleep
        }
        int total = 0, all = 0;
        for (int i = 0; i < MOST; i++) total += done[i];
        for (int round = 0; round < ROUNDS; round++) all += tasks[round % (int)CV_COUNT(tasks)];
        assert_int_equal(total, all);
        assert_int_equal(c.worker_out_of_range, 0);
        cv_pool_free(pool);
    }
    cv_pool_free(NULL);
}

static void slow_task(void *context, int task, int worker) {
    (void)worker;
    if (task > 0) sleep_milliseconds(2);
    ((int *)context)[task] = 1;
}

static void the_caller_waits_for_slow_workers(void **state) {
    (void)state;
    cv_pool *pool;
    assert_int_equal(cv_pool_new(&pool, 3, NULL), CONVO_OK);
    for (int round = 0; round < 5; round++) {
        int done[6] = {0};
        cv_pool_run(pool, 6, slow_task, done);
        for (int i = 0; i < 6; i++) assert_int_equal(done[i], 1);
    }
    cv_pool_free(pool);
}

#if defined(__SSE__) || defined(__aarch64__)
static void halve_smallest(void *context, int task, int worker) {
    (void)worker;
    sleep_milliseconds(1); // so that every worker gets a task
    volatile float smallest = FLT_MIN;
    smallest = smallest / 2;
    ((float *)context)[task] = smallest;
}
#endif

static void denormals_are_zero_inside_tasks_only(void **state) {
    (void)state;
#if defined(__SSE__) || defined(__aarch64__)
    for (int threads = 1; threads <= 2; threads++) {
        cv_pool *pool;
        assert_int_equal(cv_pool_new(&pool, threads, NULL), CONVO_OK);
        float result[8];
        cv_pool_run(pool, 8, halve_smallest, result);
        for (int i = 0; i < 8; i++) assert_true(fpclassify(result[i]) == FP_ZERO);
        halve_smallest(result, 0, 0);
        assert_true(fpclassify(result[0]) == FP_SUBNORMAL);
        cv_pool_free(pool);
    }
#else
    skip();
#endif
}

static void odd_thread_counts_are_refused(void **state) {
    (void)state;
    cv_pool *pool;
    convo_error err;
    assert_int_equal(cv_pool_new(&pool, -1, &err), CONVO_ARGUMENT);
    assert_null(pool);
    assert_int_equal(cv_pool_new(&pool, 1000000, &err), CONVO_ARGUMENT);
    assert_int_equal(cv_pool_new(&pool, 0, &err), CONVO_OK);
    assert_int_equal(cv_pool_size(pool), cv_cpu_count());
    cv_pool_free(pool);
}

static void threads_without_a_processor_do_not_run(void **state) {
    (void)state;
    cv_pool *pool;
    assert_int_equal(cv_pool_new(&pool, 1024, NULL), CONVO_OK);
    assert_int_equal(cv_pool_size(pool), 1024);
    assert_int_equal(cv_pool_running(pool), cv_cpu_count());
    cv_pool_free(pool);
}

static void write_text(const char *path, const char *text) {
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    assert_true(fputs(text, file) >= 0 && fclose(file) == 0);
}

// A system as a process in a control group sees it: what proc/self/cgroup says, and files of sys/fs/cgroup.
static void a_quota_of_a_container_is_found(void **state) {
    (void)state;
    static const struct {
        const char *name, *groups;
        struct {
            const char *folder, *file, *text;
        } files[4];
        double quota;
    } systems[] = {
        {"no file", NULL, {{NULL}}, 0},
        {"no group", "", {{NULL}}, 0},
        {"version 2", "0::/\n", {{"", "cpu.max", "150000 100000\n"}}, 1.5},
        {"version 2, no limit", "0::/\n", {{"", "cpu.max", "max 100000\n"}}, 0},
        {"a group of version 2",
         "0::/a/b\n",
         {{"/a/b", "cpu.max", "max 100000\n"}, {"/a", "cpu.max", "200000 50000\n"}, {"", "cpu.max", "900000 100000\n"}},
         4},
        {"beside version 1", "1:cpuset:/\n0::/a\n", {{"/unified/a", "cpu.max", "50000 100000\n"}}, 0.5},
        {"version 1",
         "3:memory:/x\n2:cpu,cpuacct:/x\n0::/\n",
         {{"/cpu,cpuacct/x", "cpu.cfs_quota_us", "250000\n"}, {"/cpu,cpuacct/x", "cpu.cfs_period_us", "100000\n"}},
         2.5},
        {"version 1, no limit",
         "2:cpu:/\n",
         {{"/cpu", "cpu.cfs_quota_us", "-1\n"}, {"/cpu", "cpu.cfs_period_us", "100000\n"}},
         0},
        {"a path of the host",
         "2:cpu:/docker/12ab\n",
         {{"/cpu", "cpu.cfs_quota_us", "300000\n"}, {"/cpu", "cpu.cfs_period_us", "100000\n"}},
         3},
        {"another controller",
         "2:cpuset:/\n",
         {{"/cpu", "cpu.cfs_quota_us", "1\n"}, {"/cpu", "cpu.cfs_period_us", "1\n"}},
         0},
        {"a period of zero", "0::/\n", {{"", "cpu.max", "100 0\n"}}, 0},
        {"no numbers", "0::/\n::\nx\n", {{"", "cpu.max", "a b\n"}}, 0},
    };
    for (size_t k = 0; k < CV_COUNT(systems); k++) {
        char root[64], path[256];
        snprintf(root, sizeof root, "/tmp/convo-quota-XXXXXX");
        assert_non_null(mkdtemp(root));
        snprintf(path, sizeof path, "mkdir -p %s/proc/self", root);
        assert_int_equal(system(path), 0);
        snprintf(path, sizeof path, "%s/proc/self/cgroup", root);
        if (systems[k].groups) write_text(path, systems[k].groups);
        for (int i = 0; i < 4 && systems[k].files[i].file; i++) {
            snprintf(path, sizeof path, "mkdir -p %s/sys/fs/cgroup%s", root, systems[k].files[i].folder);
            assert_int_equal(system(path), 0);
            snprintf(path, sizeof path, "%s/sys/fs/cgroup%s/%s", root, systems[k].files[i].folder,
                     systems[k].files[i].file);
            write_text(path, systems[k].files[i].text);
        }
        const double quota = cv_cpu_quota(root);
        if (quota != systems[k].quota) fail_msg("%s: %g in place of %g", systems[k].name, quota, systems[k].quota);
        snprintf(path, sizeof path, "rm -r %s", root);
        assert_int_equal(system(path), 0);
    }
}

// --- options ----------------------------------------------------------------------------------------------------

typedef struct block {
    int64_t whole, any, pair[2], length[2];
    double real, free, span[2];
    int64_t special, sides[4], ends[4];
    bool yes;
    int word;
    char text[CV_TEXT_SIZE], list[CV_LIST_SIZE];
} block;

static const cv_option schema[] = {
    {.name = "whole", .type = CV_INT, .offset = offsetof(block, whole), .fallback = 3, .min = 1, .max = 64},
    {.name = "any", .type = CV_INT, .offset = offsetof(block, any), .fallback = -1},
    {.name = "pair", .type = CV_PAIR, .offset = offsetof(block, pair), .fallback = 2, .min = 1, .max = INFINITY},
    {.name = "length", .type = CV_LENGTH, .offset = offsetof(block, length), .fallback = 5, .unit = 1},
    {.name = "real", .type = CV_FLOAT, .offset = offsetof(block, real), .fallback = 0.05, .min = 0, .max = 1},
    {.name = "free", .type = CV_FLOAT, .offset = offsetof(block, free)},
    {.name = "yes", .type = CV_BOOL, .offset = offsetof(block, yes), .fallback = 1},
    {.name = "word", .type = CV_WORD, .offset = offsetof(block, word), .fallback = 1, .words = "none|global|no"},
    {.name = "text", .type = CV_TEXT, .offset = offsetof(block, text), .text = "theo"},
    {.name = "list", .type = CV_LIST, .offset = offsetof(block, list)},
    {.name = "span", .type = CV_SPAN, .offset = offsetof(block, span), .text = "[0, 0.5]", .min = -1, .max = 1},
    {.name = "special",
     .type = CV_INT,
     .offset = offsetof(block, special),
     .fallback = 1,
     .min = 1,
     .max = 9,
     .words = "all"},
    {.name = "sides", .type = CV_SIDES, .offset = offsetof(block, sides), .max = 9, .words = "same|causal"},
    {.name = "ends", .type = CV_ENDS, .offset = offsetof(block, ends), .max = 9, .words = "same|causal"},
    {0},
};

static void options_start_at_their_defaults(void **state) {
    (void)state;
    static const char *const defaults[] = {"3",      "-1",   "2", "5",        "0.05", "0", "true",
                                           "global", "theo", "",  "[0, 0.5]", "1",    "0", "0"};
    block b;
    memset(&b, 0xff, sizeof b);
    cv_options_default(schema, &b);
    cv_options_default(NULL, NULL);
    for (size_t k = 0; schema[k].name; k++) {
        char text[CV_TEXT_SIZE];
        cv_option_get(&schema[k], &b, text, sizeof text);
        assert_string_equal(text, defaults[k]);
    }
    assert_int_equal(b.length[0], 1);
}

static void options_read_what_they_should_and_refuse_the_rest(void **state) {
    (void)state;
    static const struct {
        const char *name, *text, *got; // as cv_option_get gives it; NULL when refused
        const char *why;
    } cases[] = {
        {"special", "all", "all", NULL},
        {"special", "3", "3", NULL},
        {"special", "some", NULL, "a whole number from 1 to 9, or all, not 'some'"},
        {"special", "-1", NULL, "a whole number from 1 to 9, or all, not '-1'"},
        {"sides", "2", "2", NULL},
        {"sides", "[1, 1]", "1", NULL},
        {"sides", "[1, 2]", "[1, 2]", NULL},
        {"sides", "[1, 2, 1, 2]", "[1, 2, 1, 2]", NULL},
        {"sides", "[1,1,2,2]", "[1, 2]", NULL},
        {"sides", "causal", "causal", NULL},
        {"sides", "[1, 2, 3]", NULL,
         "a whole number, [rows, columns] or [top, bottom, left, right], from 0 to 9, or same or causal, not '[1, 2, "
         "3]'"},
        {"sides", "[1, 2, 3, 4, 5]", NULL,
         "a whole number, [rows, columns] or [top, bottom, left, right], from 0 to 9, or same or causal, not '[1, 2, "
         "3, 4, 5]'"},
        {"sides", "[1, 2, 3, 10]", NULL,
         "a whole number, [rows, columns] or [top, bottom, left, right], from 0 to 9, or same or causal, not '[1, 2, "
         "3, 10]'"},
        {"sides", "[same, 1]", NULL,
         "a whole number, [rows, columns] or [top, bottom, left, right], from 0 to 9, or same or causal, not '[same, "
         "1]'"},
        {"ends", "3", "3", NULL},
        {"ends", "[0, 3]", "[0, 3]", NULL},
        {"ends", "same", "same", NULL},
        {"ends", "[0, 3, 1, 2]", NULL,
         "a whole number or [left, right], from 0 to 9, or same or causal, not '[0, 3, 1, 2]'"},
        {"ends", "[1", NULL, "a whole number or [left, right], from 0 to 9, or same or causal, not '[1'"},
        {"ends", "", NULL, "a whole number or [left, right], from 0 to 9, or same or causal, not ''"},
        {"whole", "64", "64", NULL},
        {"whole", "+7", "7", NULL},
        {"whole", "0", NULL, "a whole number from 1 to 64, not '0'"},
        {"whole", "65", NULL, "a whole number from 1 to 64, not '65'"},
        {"whole", "x", NULL, "a whole number from 1 to 64, not 'x'"},
        {"whole", "", NULL, NULL},
        {"whole", " 3", NULL, NULL},
        {"whole", "3 ", NULL, NULL},
        {"whole", "3.0", NULL, NULL},
        {"whole", "0x10", NULL, NULL},
        {"whole", "+", NULL, NULL},
        {"whole", "1e1", NULL, NULL},
        {"any", "-9223372036854775808", "-9223372036854775808", NULL},
        {"any", "9223372036854775808", NULL, "a whole number, not '9223372036854775808'"},
        {"any", "000000000000000000000000000000000000000001", NULL, NULL},
        {"pair", "3", "3", NULL},
        {"pair", "[3, 5]", "[3, 5]", NULL},
        {"pair", "[3,5]", "[3, 5]", NULL},
        {"pair", "[5, 3]", "[5, 3]", NULL},
        {"pair", "[ 3 , 3 ]", "3", NULL},
        {"pair", "[3, 0]", NULL, "a whole number or a pair such as [3, 5] of at least 1, not '[3, 0]'"},
        {"pair", "[3]", NULL, NULL},
        {"pair", "[3, 5", NULL, NULL},
        {"pair", "[3, 5, 7]", NULL, NULL},
        {"pair", "[3, 5] ", NULL, NULL},
        {"pair", "[,]", NULL, NULL},
        {"pair", "[", NULL, NULL},
        {"span", "[-1, 2/4]", "[-1, 0.5]", NULL},
        {"span", "[ .5 , .5 ]", "0.5", NULL},
        {"span", "0.25", "0.25", NULL},
        {"span", "[0.5, 0]", NULL, "a number, or a range such as [0.5, 2], from -1 to 1, not '[0.5, 0]'"},
        {"span", "[0, 2]", NULL, NULL},
        {"span", "[0]", NULL, NULL},
        {"span", "[0, 1", NULL, NULL},
        {"span", "[0, 0.5, 1]", NULL, NULL},
        {"span", "[0, 0000000000000000000000000000000000000000000000000000000000000000]", NULL, NULL},
        {"length", "7", "7", NULL},
        {"length", "[1, 7]", NULL, "a whole number, not '[1, 7]'"},
        {"real", "0.1", "0.1", NULL},
        {"real", "1e-3", "0.001", NULL},
        {"real", ".5", "0.5", NULL},
        {"real", "2/3", "0.6666666666666666", NULL},
        {"real", "1", "1", NULL},
        {"real", "3/2", NULL, "a number from 0 to 1, not '3/2'"},
        {"free", "-1e300", "-1e+300", NULL},
        {"free", "1e999", NULL, NULL},
        {"free", "1/0", NULL, NULL},
        {"free", "0/0", NULL, "a number, not '0/0'"},
        {"real", "1/2/3", NULL, NULL},
        {"real", "1/", NULL, NULL},
        {"real", "/2", NULL, NULL},
        {"real", "nan", NULL, NULL},
        {"real", "inf", NULL, NULL},
        {"real", "0x1", NULL, NULL},
        {"real", "0.5x", NULL, NULL},
        {"real", "0,5", NULL, NULL},
        {"real", "", NULL, NULL},
        {"real", "e", NULL, NULL},
        {"yes", "false", "false", NULL},
        {"yes", "no", NULL, "true or false, not 'no'"},
        {"word", "none", "none", NULL},
        {"word", "no", "no", NULL},
        {"word", "glob", NULL, "one of none, global, no, not 'glob'"},
        {"word", "", NULL, NULL},
        {"word", "none|global", NULL, NULL},
        {"text", "", "", NULL},
        {"text", "a b", "a b", NULL},
        {"list", "", "", NULL},
        {"list", "bed", "bed\n", NULL},
        {"list", " bed,  cat\thappy ", "bed\ncat\nhappy\n", NULL},
        {"list", "hey mycroft\n", "hey mycroft\n", NULL},
        {"list", "\n a, [b]\n\n\"c\"", " a, [b]\n\"c\"\n", NULL},
    };
    for (size_t k = 0; k < CV_COUNT(cases); k++) {
        const cv_option *option = cv_option_find(schema, cases[k].name);
        block b, untouched;
        char why[256] = "", got[CV_TEXT_SIZE];
        memset(&untouched, 0, sizeof untouched);
        cv_options_default(schema, &untouched);
        memcpy(&b, &untouched, sizeof b);
        bool set = cv_option_set(option, &b, cases[k].text, why, sizeof why);
        if (set != (cases[k].got != NULL)) fail_msg("%s: '%s' is %s", option->name, cases[k].text, set ? "read" : why);
        if (!set && memcmp(&b, &untouched, sizeof b) != 0)
            fail_msg("%s: '%s' is refused, yet something changed", option->name, cases[k].text);
        if (!set && why[0] == 0) fail_msg("%s: '%s' is refused without a word", option->name, cases[k].text);
        if (cases[k].why) assert_string_equal(why, cases[k].why);
        if (!set) continue;
        cv_option_get(option, &b, got, sizeof got);
        assert_string_equal(got, cases[k].got);
    }
}

static void a_text_too_long_is_refused(void **state) {
    (void)state;
    char text[CV_TEXT_SIZE + 1], why[256];
    block b;
    memset(text, 'a', sizeof text);
    text[CV_TEXT_SIZE] = 0;
    assert_false(cv_option_set(cv_option_find(schema, "text"), &b, text, why, sizeof why));
    text[CV_TEXT_SIZE - 1] = 0;
    assert_true(cv_option_set(cv_option_find(schema, "text"), &b, text, why, sizeof why));
    assert_string_equal(b.text, text);
}

static void a_list_too_long_is_refused(void **state) {
    (void)state;
    char text[CV_WRITTEN_SIZE], why[256];
    block b;
    const cv_option *list = cv_option_find(schema, "list");
    for (size_t k = 0; k < sizeof text; k++) text[k] = "a\n"[k % 2];
    text[CV_LIST_SIZE] = 0;
    assert_false(cv_option_set(list, &b, text, why, sizeof why));
    assert_string_equal(why, "a list such as [bed, hey mycroft], of at most 4095 characters");
    text[CV_LIST_SIZE - 2] = 0;
    assert_true(cv_option_set(list, &b, text, why, sizeof why));
    assert_string_equal(b.list, text);
}

static void the_items_of_a_list_come_one_by_one(void **state) {
    (void)state;
    const char *list = "bed\nhey mycroft\n", *item;
    size_t length;
    assert_true(cv_list_next(&list, &item, &length));
    assert_int_equal(length, 3);
    assert_true(cv_list_next(&list, &item, &length));
    assert_int_equal(length, 11);
    assert_memory_equal(item, "hey mycroft", length);
    assert_false(cv_list_next(&list, &item, &length));
}

static void options_are_found_by_name(void **state) {
    (void)state;
    assert_ptr_equal(cv_option_find(schema, "pair"), &schema[2]);
    assert_null(cv_option_find(schema, "pairs"));
    assert_null(cv_option_find(NULL, "pair"));
}

static void distance_counts_letters(void **state) {
    (void)state;
    static const struct {
        const char *a, *b;
        size_t distance;
    } cases[] = {{"train", "train", 0}, {"Train", "tRAIN", 0}, {"tarin", "train", 1}, {"trai", "train", 1},
                 {"brain", "train", 1}, {"", "eval", 4},       {"sweep", "eval", 5}};
    char word[65] = "";
    for (size_t k = 0; k < CV_COUNT(cases); k++) {
        assert_int_equal(convo_text_distance(cases[k].a, cases[k].b), cases[k].distance);
        assert_int_equal(convo_text_distance(cases[k].b, cases[k].a), cases[k].distance);
    }
    memset(word, 'a', 63);
    assert_int_equal(convo_text_distance(word, "a"), 62);
    word[63] = 'a';
    assert_true(convo_text_distance(word, "a") == SIZE_MAX && convo_text_distance("a", word) == SIZE_MAX);
}

int main(void) {
#define IN_FOLDER(test) cmocka_unit_test_setup_teardown(test, make_folder, remove_folder)
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_error_keeps_code_place_and_sentence),
        cmocka_unit_test(every_status_has_a_name),
        cmocka_unit_test(sizes_that_do_not_fit_get_no_memory),
        cmocka_unit_test(aligned_memory_is_aligned_and_zero),
        cmocka_unit_test(an_array_keeps_what_it_holds_when_it_grows),
        cmocka_unit_test(text_that_does_not_fit_is_cut),
        cmocka_unit_test(text_is_shown_and_not_obeyed),
        cmocka_unit_test(a_misspelt_word_gets_the_nearest),
        IN_FOLDER(a_file_reads_back_as_written),
        IN_FOLDER(what_cannot_be_read_is_refused),
        cmocka_unit_test(a_file_that_says_it_is_empty_is_read_to_its_end),
        IN_FOLDER(an_abandoned_file_leaves_the_old_one),
        IN_FOLDER(a_file_that_lies_beside_is_not_written_into),
        IN_FOLDER(two_writers_leave_one_whole_file),
        IN_FOLDER(the_longest_name_is_written),
        cmocka_unit_test(a_folder_that_cannot_be_made_says_why),
        IN_FOLDER(a_full_disk_leaves_the_old_file),
        IN_FOLDER(an_earlier_failure_is_not_forgotten_at_the_end),
        IN_FOLDER(a_file_is_on_the_disk_before_it_takes_its_name),
        IN_FOLDER(what_cannot_be_written_is_refused),
        cmocka_unit_test(a_device_is_written_to_and_not_replaced),
        IN_FOLDER(folders_are_made_with_their_parents),
        IN_FOLDER(a_folder_is_listed_in_order_without_hidden_names),
        cmocka_unit_test(every_task_is_run_once),
        cmocka_unit_test(the_caller_waits_for_slow_workers),
        cmocka_unit_test(denormals_are_zero_inside_tasks_only),
        cmocka_unit_test(odd_thread_counts_are_refused),
        cmocka_unit_test(threads_without_a_processor_do_not_run),
        cmocka_unit_test(a_quota_of_a_container_is_found),
        cmocka_unit_test(options_start_at_their_defaults),
        cmocka_unit_test(options_read_what_they_should_and_refuse_the_rest),
        cmocka_unit_test(a_text_too_long_is_refused),
        cmocka_unit_test(a_list_too_long_is_refused),
        cmocka_unit_test(the_items_of_a_list_come_one_by_one),
        cmocka_unit_test(options_are_found_by_name),
        cmocka_unit_test(distance_counts_letters),
    };
    return cmocka_run_group_tests_name("base", tests, NULL, NULL);
}

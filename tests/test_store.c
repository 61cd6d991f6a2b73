// Stores of rows: exact in the narrowest type, never half a file, made once by all processes, damage is noticed.
#include "data/store_file.h"
#include "sounds.h"

#include <math.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <sys/wait.h>

enum { ROWS = 40 };

typedef struct job {
    int threads_seen;
    size_t fails, fails_too; // tasks; ROWS: none
    bool skips;
    const char *count_file; // receives a byte for each task; NULL: none
} job;

static float number_of(size_t row, size_t i) {
    return (float)((row * 31 + i * 7) % 65536) / 32768 - 1;
}

static convo_status fill_rows(void *context, size_t task, cv_store_writer *writer, convo_error *err) {
    const job *j = context;
    float value[100];
    if (task == j->fails || task == j->fails_too) return cv_fail(err, CONVO_FORMAT, "", "task %zu failed", task);
    if (j->count_file) {
        FILE *file = fopen(j->count_file, "ab");
        fputc('x', file);
        fclose(file);
        usleep(1000);
    }
    for (size_t i = 0; i < task + 1; i++) value[i] = number_of(task, i);
    return cv_store_put(writer, task, value, task + 1, CV_ROW_SAMPLES, 0.25, 2, err);
}

static bool skip_any(void *context, size_t task, const convo_error *reason) {
    (void)task;
    assert_int_equal(reason->code, CONVO_FORMAT);
    return ((job *)context)->skips;
}

static cv_store_plan plan_of(job *j, const char *path) {
    return (cv_store_plan){.path = path,
                           .key = "key",
                           .about = "numbers",
                           .rows = ROWS,
                           .tasks = ROWS,
                           .fill = fill_rows,
                           .context = j,
                           .skip = skip_any};
}

static cv_store *make(job *j, const char *path, int threads) {
    const cv_store_plan plan = plan_of(j, path);
    convo_error err = {.message = ""};
    cv_store *store;
    cv_pool *pool;
    assert_int_equal(cv_pool_new(&pool, threads, NULL), CONVO_OK);
    if (cv_store_make(&plan, pool, &store, &err)) fail_msg("%s: %s", err.where, err.message);
    cv_pool_free(pool);
    return store;
}

static void check_store(const cv_store *store) {
    float value[ROWS + 2];
    for (size_t row = 0; row < ROWS; row++) {
        const cv_row *r = &cv_store_rows(store)[row];
        assert_int_equal(r->type, CV_ROW_SAMPLES);
        cv_row_read(r, 0, row + 2, value);
        for (size_t i = 0; i < row + 2; i++) {
            const float x = i <= row ? number_of(row, i) : 0, want = (float)(((double)x - 0.25) * 2);
            if (value[i] != want) fail_msg("row %zu, number %zu: %g, not %g", row, i, (double)value[i], (double)want);
        }
    }
}

static void rows_come_back_from_memory_and_from_a_file(void **state) {
    char *path = cv_format("%s/store", (char *)*state);
    for (int threads = 1; threads <= 3; threads++) {
        job j = {.fails = ROWS, .fails_too = ROWS};
        cv_store *store = make(&j, NULL, threads);
        check_store(store);
        cv_store_free(store);
        store = make(&j, path, threads);
        check_store(store);
        cv_store_free(store);
        job none = {.fails = 0};
        store = make(&none, path, threads); // made already
        check_store(store);
        cv_store_free(store);
        assert_int_equal(unlink(path), 0);
    }
    free(path);
}

static const float halves[] = {0.5f, -1, 0}, loud[] = {1, 0.5f}, fine[] = {0.1f, 0.5f}, pixels[] = {0, 1, 128.0f / 255},
                   between[] = {0, 0.5f};

static const struct {
    const float *value;
    size_t count;
    uint32_t asked, got;
} types[] = {
    {halves, 3, CV_ROW_SAMPLES, CV_ROW_SAMPLES}, {loud, 2, CV_ROW_SAMPLES, CV_ROW_FLOATS},
    {fine, 2, CV_ROW_SAMPLES, CV_ROW_FLOATS},    {pixels, 3, CV_ROW_BYTES, CV_ROW_BYTES},
    {between, 2, CV_ROW_BYTES, CV_ROW_FLOATS},   {halves, 3, CV_ROW_BYTES, CV_ROW_FLOATS},
    {halves, 3, CV_ROW_FLOATS, CV_ROW_FLOATS},   {halves, 0, CV_ROW_SAMPLES, CV_ROW_SAMPLES},
};

static convo_status fill_types(void *context, size_t task, cv_store_writer *writer, convo_error *err) {
    (void)context;
    return cv_store_put(writer, task, types[task].value, types[task].count, types[task].asked, 0, 1, err);
}

static void numbers_keep_their_bits_in_the_narrowest_type(void **state) {
    char *path = cv_format("%s/store", (char *)*state);
    const cv_store_plan plan = {.path = path,
                                .key = "types",
                                .about = "",
                                .rows = CV_COUNT(types),
                                .tasks = CV_COUNT(types),
                                .fill = fill_types};
    cv_store *store;
    cv_pool *pool;
    assert_int_equal(cv_pool_new(&pool, 1, NULL), CONVO_OK);
    assert_int_equal(cv_store_make(&plan, pool, &store, NULL), CONVO_OK);
    for (size_t k = 0; k < CV_COUNT(types); k++) {
        const cv_row *row = &cv_store_rows(store)[k];
        float value[3];
        if (row->type != types[k].got) fail_msg("case %zu is of type %u", k, row->type);
        cv_row_read(row, 0, types[k].count, value);
        assert_memory_equal(value, types[k].value, types[k].count * sizeof *value);
    }
    cv_store_free(store);
    cv_pool_free(pool);
    free(path);
}

static void the_first_failure_is_reported_and_nothing_is_left(void **state) {
    char *path = cv_format("%s/store", (char *)*state), **names;
    size_t count;
    for (int threads = 1; threads <= 3; threads++)
        for (int in_file = 0; in_file < 2; in_file++) {
            job j = {.fails = 30, .fails_too = 11};
            const cv_store_plan plan = plan_of(&j, in_file ? path : NULL);
            convo_error err = {.message = ""};
            cv_store *store;
            cv_pool *pool;
            assert_int_equal(cv_pool_new(&pool, threads, NULL), CONVO_OK);
            assert_int_equal(cv_store_make(&plan, pool, &store, &err), CONVO_FORMAT);
            assert_string_equal(err.message, "task 11 failed");
            assert_null(store);
            cv_pool_free(pool);
            assert_int_equal(cv_folder_list(*state, &names, &count, NULL), CONVO_OK);
            cv_folder_free(names, count);
            assert_int_equal(count, 0);
        }
    free(path);
}

static void rows_that_may_be_missing_are(void **state) {
    (void)state;
    job j = {.fails = 30, .fails_too = 11, .skips = true};
    cv_store *store = make(&j, NULL, 2);
    float value = 1;
    for (size_t row = 0; row < ROWS; row++)
        assert_int_equal(cv_store_rows(store)[row].type == CV_ROW_MISSING, row == 30 || row == 11);
    cv_row_read(&cv_store_rows(store)[30], 0, 1, &value);
    assert_true(value == 0);
    cv_store_free(store);
}

static size_t size_of(const char *path) {
    cv_bytes bytes;
    assert_int_equal(cv_file_read(path, 1 << 20, &bytes, NULL), CONVO_OK);
    free(bytes.data);
    return bytes.size;
}

// They all have it at the same time: nobody waits for the one that made it to be done with it.
static void processes_that_want_the_same_store_make_it_once(void **state) {
    char *path = cv_format("%s/store", (char *)*state), *tasks = cv_format("%s/tasks", (char *)*state);
    enum { PROCESSES = 4 };
    pid_t child[PROCESSES];
    atomic_int *have = mmap(NULL, sizeof *have, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    assert_true(have != MAP_FAILED);
    for (int k = 0; k < PROCESSES; k++) {
        child[k] = fork();
        if (child[k]) continue;
        job j = {.fails = ROWS, .fails_too = ROWS, .count_file = tasks};
        const cv_store_plan plan = plan_of(&j, path);
        cv_store *store;
        cv_pool *pool;
        float value = 0;
        if (cv_pool_new(&pool, 1, NULL) || cv_store_make(&plan, pool, &store, NULL)) _exit(1);
        cv_row_read(&cv_store_rows(store)[7], 0, 1, &value);
        atomic_fetch_add(have, 1);
        for (int wait = 0; atomic_load(have) < PROCESSES; wait++)
            if (wait == 2000 || usleep(10000)) _exit(2);
        _exit(value != (float)(((double)number_of(7, 0) - 0.25) * 2));
    }
    for (int k = 0; k < PROCESSES; k++) {
        int status;
        assert_int_equal(waitpid(child[k], &status, 0), child[k]);
        assert_int_equal(status, 0);
    }
    assert_int_equal(size_of(tasks), ROWS);
    munmap(have, sizeof *have);
    free(path);
    free(tasks);
}

// What a killed process leaves behind, and a link that somebody planted.
static void a_part_that_lies_there_is_overwritten_and_a_link_is_not_followed(void **state) {
    char *path = cv_format("%s/store", (char *)*state), *part = cv_format("%s.part", path),
         *other = cv_format("%s/other", (char *)*state);
    job j = {.fails = ROWS, .fails_too = ROWS};
    write_file(*state, "store.part", "rubbish", 7);
    cv_store *store = make(&j, path, 1);
    check_store(store);
    assert_string_equal(cv_store_path(store), path);
    cv_store_free(store);
    assert_int_equal(unlink(path), 0);
    write_file(*state, "other", "thesis", 6);
    assert_int_equal(symlink("other", part), 0);
    store = make(&j, path, 1);
    check_store(store);
    assert_null(cv_store_path(store)); // in memory
    cv_store_free(store);
    assert_int_equal(size_of(other), 6);
    assert_int_equal(unlink(part), 0);
    free(path);
    free(part);
    free(other);
}

static void rows_of_a_large_store_are_checked_on_use(void **state) {
    char *path = cv_format("%s/store", (char *)*state);
    job j = {.fails = ROWS, .fails_too = ROWS};
    cv_store_plan plan = plan_of(&j, path);
    cv_store *store;
    cv_pool *pool;
    cv_bytes bytes;
    cv_store_free(make(&j, path, 1));
    assert_int_equal(cv_file_read(path, 1 << 20, &bytes, NULL), CONVO_OK);
    bytes.data[sizeof(cv_store_header)] ^= 1; // of the first row
    assert_int_equal(cv_file_write(path, bytes.data, bytes.size, NULL), CONVO_OK);
    assert_int_equal(cv_pool_new(&pool, 1, NULL), CONVO_OK);
    cv_store_open(&plan, pool, &store);
    assert_null(store);
    plan.large = 1;
    cv_store_open(&plan, pool, &store);
    assert_non_null(store);
    assert_true(cv_store_is_large(store));
    for (int time = 0; time < 2; time++)
        for (size_t row = 1; row < ROWS; row++) {
            float value[2], want[2];
            assert_int_equal(cv_store_fetch(store, row, 2, value, NULL), CONVO_OK);
            cv_row_read(&cv_store_rows(store)[row], 0, 2, want);
            assert_memory_equal(value, want, sizeof want);
        }
    assert_true(cv_is_file(path));
    convo_error err = {.message = ""};
    assert_int_equal(cv_store_fetch(store, 0, 1, &(float){0}, &err), CONVO_FORMAT);
    assert_non_null(strstr(err.message, "damaged"));
    assert_false(cv_is_file(path));
    cv_store_free(store);
    cv_pool_free(pool);
    free(bytes.data);
    free(path);
}

int main(void) {
#define IN_FOLDER(test) cmocka_unit_test_setup_teardown(test, make_folder, remove_folder)
    const struct CMUnitTest tests[] = {
        IN_FOLDER(rows_come_back_from_memory_and_from_a_file),
        IN_FOLDER(numbers_keep_their_bits_in_the_narrowest_type),
        IN_FOLDER(the_first_failure_is_reported_and_nothing_is_left),
        cmocka_unit_test(rows_that_may_be_missing_are),
        IN_FOLDER(processes_that_want_the_same_store_make_it_once),
        IN_FOLDER(a_part_that_lies_there_is_overwritten_and_a_link_is_not_followed),
        IN_FOLDER(rows_of_a_large_store_are_checked_on_use),
    };
    return cmocka_run_group_tests_name("store", tests, NULL, NULL);
}

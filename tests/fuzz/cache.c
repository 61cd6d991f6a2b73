// Cached features: a store with a key and sums.
#include "fuzz.h"

#include "data/store_file.h"

// As a cache file whose sum is right: only then the table is read at all.
static void write_with_sum(const uint8_t *data, size_t size) {
    cv_store_header header;
    uint8_t *copy = malloc(size + 1);
    if (!copy) abort();
    if (size) memcpy(copy, data, size);
    if (size >= sizeof header) {
        memcpy(&header, data, sizeof header);
        const size_t rows = header.rows < size / sizeof(cv_row) ? (size_t)header.rows : 0;
        cv_row *table = calloc(rows + 1, sizeof *table);
        if (!table) abort();
        if (rows == header.rows && header.table <= size && rows * sizeof *table <= size - header.table) {
            memcpy(table, data + header.table, rows * sizeof *table);
            header.sum = cv_store_sum(&header, table);
            memcpy(copy, &header, sizeof header);
        }
        free(table);
    }
    fuzz_write("store.rows", copy, size);
    free(copy);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    enum { ROWS = 3, COUNT = 5 };
    const fuzz_path path = fuzz_in_folder("store.rows");
    // Large: the sums of the rows, which protect nothing, are not checked.
    const cv_store_plan plan = {.path = path.text, .key = "key", .rows = ROWS, .large = 1};
    char about[CV_STORE_ABOUT];
    cv_store *store;
    cv_pool *pool;
    write_with_sum(data, size);
    fuzz_tell_text(cv_store_about(path.text, about) ? about : "");
    if (cv_pool_new(&pool, 1, NULL)) abort();
    cv_store_open(&plan, pool, &store);
    for (size_t r = 0; store && r < ROWS; r++) {
        float value[COUNT];
        cv_row_read(&cv_store_rows(store)[r], 0, COUNT, value);
        fuzz_tell(value, sizeof value);
    }
    cv_store_free(store);
    cv_pool_free(pool);
    return 0;
}

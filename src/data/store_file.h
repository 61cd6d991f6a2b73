// The file of a store: a header, the numbers of the rows, then the table of rows. Shared by reading and writing.
#pragma once

#include "data/store.h"

// The numbers of a computer with the other byte order are refused: they belong to another cache.
typedef struct cv_store_header {
    char magic[16];
    uint32_t order, row_size; // CV_STORE_ORDER, sizeof(cv_row)
    uint64_t rows, table;     // number; where the table begins, and all numbers end
    uint64_t sum;             // cv_hash_bytes of this header with sum 0, xor that of the table
    char key[CV_STORE_KEY], about[CV_STORE_ABOUT];
} cv_store_header;

#define CV_STORE_MAGIC "convo rows 1\n"
enum { CV_STORE_ORDER = 0x01020304, CV_STORE_ALIGNMENT = 8 };

uint64_t cv_store_sum(const cv_store_header *header, const cv_row *table);

// Makes a store of the open file of a plan, which it does not close. NULL if it is damaged or memory runs out.
cv_store *cv_store_map(int file, const cv_store_plan *plan);
// Makes a store of memory and the table of its rows, which it then owns. NULL if memory runs out.
cv_store *cv_store_of_memory(uint8_t *memory, cv_row *table);

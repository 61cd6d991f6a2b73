// The tables of the front end `micro` for other processors.
#pragma once

#include <stddef.h>
#include <stdint.h>

// Writes them as src/device/micro.h has them, given what `prepare` of cv_feature_micro returned. whole, words: NULL
// where only the number of words is wanted, which is returned.
size_t cv_micro_tables(const void *config, const void *tables, int32_t *whole, int16_t *words);

// Products of bf16 matrices on AMX tiles. The only file with intrinsics: a tile has no name in C.
//
//   sum[i][j] += a[i][2k] b[k][2j] + a[i][2k+1] b[k][2j+1]     i, j, k from 0 to 15, in one instruction
//
// A tile is 16 rows of 64 bytes, each row a cell: as large as one vector of floats. Rows of `a` are 16 pairs of terms;
// rows of `b` are one pair of terms for 16 results; rows of `sum` are 16 floats. Terms come in pairs of bf16, the first
// in the low half of 32 bits. Sums are fp32.
#pragma once

#include "op/layers/bf16.h"

#include <immintrin.h>

enum { TILE = 16, TILE_SUMS = 4 }; // TILE_SUMS: tiles of sums that are worked on at a time; a and b take the other four

static inline int64_t divide_up(int64_t n, int64_t by) {
    return (n + by - 1) / by;
}

static inline uint32_t round_one(real x) {
    uint32_t u;
    memcpy(&u, &x, sizeof u);
    return x == x ? (u + 0x7fff + (u >> 16 & 1)) >> 16 : (u | 0x400000) >> 16;
}

static inline uint32_t pair_of(real first, real second) {
    return round_one(first) | round_one(second) << 16;
}

// The first `count` numbers, and zeros: none past them are read.
static inline lanes first_numbers(const real *from, int64_t count) {
    const __mmask16 first = count >= LANES ? 0xffff : count > 0 ? (__mmask16)((1u << count) - 1) : 0;
    return (lanes)_mm512_maskz_loadu_ps(first, from);
}

// All tiles are whole. Tiles belong to a thread, from begin to end.
static inline void tiles_begin(void) {
    static const struct {
        uint8_t palette, start, reserved[14];
        uint16_t bytes[16];
        uint8_t rows[16];
    } whole = {1, 0, {0}, {64, 64, 64, 64, 64, 64, 64, 64}, {16, 16, 16, 16, 16, 16, 16, 16}};
    _tile_loadconfig(&whole);
}

static inline void tiles_end(void) {
    _tile_release();
}

// What a product reads. a: tiles of it one below the other, their terms in `steps` tiles one behind the other. b: the
// first cells of up to TILE_SUMS columns of tiles; in all of them tile k lies offset[k] cells further.
typedef struct product {
    const lanes *a[2], *b[TILE_SUMS];
    int64_t row, step; // cells from one row of `a` to the next, and from one of its tiles to the next
    const int32_t *offset;
    int64_t steps;
} product;

#define LOAD_A(tile, i) _tile_loadd(tile, p->a[i] + k * p->step, p->row * (int64_t)sizeof(lanes))
#define LOAD_B(tile, j) _tile_loadd(tile, p->b[j] + p->offset[k], sizeof(lanes))

#define ZERO_SUMS()                                                                                                    \
    do {                                                                                                               \
        _tile_zero(0);                                                                                                 \
        _tile_zero(1);                                                                                                 \
        _tile_zero(2);                                                                                                 \
        _tile_zero(3);                                                                                                 \
    } while (0)
#define STORE_SUMS()                                                                                                   \
    do {                                                                                                               \
        _tile_stored(0, sum[0], sizeof(lanes));                                                                        \
        _tile_stored(1, sum[1], sizeof(lanes));                                                                        \
        _tile_stored(2, sum[2], sizeof(lanes));                                                                        \
        _tile_stored(3, sum[3], sizeof(lanes));                                                                        \
    } while (0)

// sum[j] = a[0] b[j]
static inline void multiply_one_by_four(const product *p, lanes sum[TILE_SUMS][TILE]) {
    ZERO_SUMS();
    for (int64_t k = 0; k < p->steps; k++) {
        LOAD_A(4, 0);
        LOAD_B(5, 0);
        _tile_dpbf16ps(0, 4, 5);
        LOAD_B(6, 1);
        _tile_dpbf16ps(1, 4, 6);
        LOAD_B(7, 2);
        _tile_dpbf16ps(2, 4, 7);
        LOAD_B(5, 3);
        _tile_dpbf16ps(3, 4, 5);
    }
    STORE_SUMS();
}

// sum[2 i + j] = a[i] b[j]
static inline void multiply_two_by_two(const product *p, lanes sum[TILE_SUMS][TILE]) {
    ZERO_SUMS();
    for (int64_t k = 0; k < p->steps; k++) {
        LOAD_A(4, 0);
        LOAD_B(6, 0);
        _tile_dpbf16ps(0, 4, 6);
        LOAD_B(7, 1);
        _tile_dpbf16ps(1, 4, 7);
        LOAD_A(5, 1);
        _tile_dpbf16ps(2, 5, 6);
        _tile_dpbf16ps(3, 5, 7);
    }
    STORE_SUMS();
}

// Products of `high` (1 or 2) tiles of `a` with TILE_SUMS / high of `b`.
static inline void multiply_tiles(const product *p, int high, lanes sum[TILE_SUMS][TILE]) {
    __asm__ volatile("" ::: "memory"); // GCC's _tile_loadd does not say that it reads memory
    if (high == 2)
        multiply_two_by_two(p, sum);
    else
        multiply_one_by_four(p, sum);
}

#undef ZERO_SUMS
#undef STORE_SUMS
#undef LOAD_A
#undef LOAD_B

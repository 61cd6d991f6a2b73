// Linear layers in bf16: the three products of linear.c as products of tiles. Inputs of the products are rounded to
// bf16, sums are fp32.
//
//        a                                         b                                            sum
//   y    W: 16 outputs, 16 pairs of inputs         x: 16 pairs of inputs, 16 samples            16 outputs, 16 samples
//   dx   dy transposed: 16 samples, 16 pairs of    W: 16 pairs of outputs, 16 inputs            16 samples, 16 inputs
//        outputs
//   dW   dy: 16 outputs, 16 pairs of samples, of   x transposed: 16 pairs of samples,           16 outputs, 16 inputs
//        two blocks                                16 inputs
//
// Cells are made of a run of numbers at a time, at most ROOM tiles of either factor, so that they stay in the cache.
#include "op/layers/linear_bf16.h"

#include "op/layers/tile_bf16.h"

enum { ROOM = 32, STEP = 2 * TILE, STEPS = 8, RUN_TERMS = STEPS * STEP, GROUP = ROOM / STEPS, HIGH = 2 };

static int64_t smaller(int64_t a, int64_t b) {
    return a < b ? a : b;
}

// A tile with few of its rows or terms in use takes as long as a whole one.
static bool linear_pays(const cv_pass *p) {
    return p->training && p->in.c >= STEP && p->out.c >= STEP && p->share.blocks <= 2 * ROOM;
}

// Where the tiles of a run begin, one behind the other.
static void fill_tile_offsets(int32_t offset[ROOM]) {
    for (int k = 0; k < ROOM; k++) offset[k] = k * TILE;
}

// --- y --------------------------------------------------------------------------------------------------------------

// Rows of 16 pairs of terms, of up to 16 rows of W.
static void weights_along(lanes *to, const real *w, int64_t n, int64_t rows, int64_t terms) {
    for (int64_t k = 0; k < terms; k += STEP, to += TILE)
        for (int64_t i = 0; i < rows && i < TILE; i++) {
            const real *from = w + i * n + k;
            __builtin_prefetch(from + STEP);
            __builtin_prefetch(from + STEP + LANES);
            to[i] = cells_along(first_numbers(from, terms - k), first_numbers(from + LANES, terms - k - LANES));
        }
}

// Cells of two neighbours.
static void pair_terms(lanes *to, const lanes *x, int64_t terms) {
    for (int64_t k = 0; k < terms; k += STEP)
        for (int64_t i = k; i < k + STEP; i += 2)
            *to++ = pair_lanes(i < terms ? x[i] : (lanes){0}, i + 1 < terms ? x[i + 1] : (lanes){0});
}

// Some of the outputs of a block.
static void store_outputs(lanes *y, bool add, const lanes sum[TILE], const real *bias, int64_t rows) {
    for (int64_t i = 0; i < rows && i < TILE; i++) y[i] = sum[i] + (add ? y[i] : lanes_of(bias ? bias[i] : 0));
}

bool cv_bf16_linear_forward(const cv_pass *p, cv_span outputs, const real *bias) {
    if (!linear_pays(p)) return false;
    const size_t apart = p->share.apart;
    const int64_t n = p->in.c;
    lanes cells[GROUP][STEPS * TILE], weight[HIGH][STEPS * TILE], sum[TILE_SUMS][TILE];
    int32_t offset[ROOM];
    product f = {.a = {weight[0], weight[1]}, .row = 1, .step = TILE, .offset = offset};
    fill_tile_offsets(offset);
    tiles_begin();
    for (int first = 0; first < p->share.blocks; first += GROUP) {
        const int blocks = (int)smaller(p->share.blocks - first, GROUP);
        const lanes *x = (const lanes *)p->x[0] + (size_t)first * apart;
        for (int64_t k = 0; k < n; k += RUN_TERMS) {
            const int64_t terms = smaller(n - k, RUN_TERMS);
            f.steps = divide_up(terms, STEP);
            for (int b = 0; b < blocks; b++) pair_terms(cells[b], x + (size_t)b * apart + k, terms);
            for (int64_t o = outputs.first, high; o < outputs.end; o += high * TILE) {
                high = outputs.end - o > TILE ? HIGH : 1;
                for (int64_t i = 0; i < high; i++)
                    weights_along(weight[i], (const real *)p->tensor[0] + (o + i * TILE) * n + k, n,
                                  outputs.end - o - i * TILE, terms);
                const int wide = TILE_SUMS / (int)high;
                for (int b = 0; b < blocks; b += wide) {
                    for (int j = 0; j < wide; j++) f.b[j] = cells[smaller(b + j, blocks - 1)];
                    multiply_tiles(&f, (int)high, sum);
                    for (int t = 0; t < TILE_SUMS; t++) {
                        const int64_t row = o + t / wide * TILE;
                        if (b + t % wide < blocks)
                            store_outputs((lanes *)p->y + (size_t)(first + b + t % wide) * apart + row, k > 0, sum[t],
                                          bias ? bias + row : NULL, outputs.end - row);
                    }
                }
            }
        }
    }
    tiles_end();
    return true;
}

// --- dx -------------------------------------------------------------------------------------------------------------

// Rows of 16 pairs of terms, of the samples of a block.
static void samples_along(lanes *to, const lanes *dy, int64_t terms) {
    pair_terms(to, dy, terms);
    for (int64_t k = 0; k < terms; k += STEP, to += TILE) transpose_lanes(to);
}

// Cells of two neighbouring rows of W, `count` of their numbers at most. Past the last row it repeats, times zero.
static void weights_across(lanes *to, const real *w, int64_t n, int64_t count, int64_t terms) {
    for (int64_t k = 0; k < terms; k += STEP)
        for (int64_t i = k; i < k + STEP; i += 2)
            *to++ = pair_lanes(first_numbers(w + smaller(i, terms - 1) * n, count),
                               first_numbers(w + smaller(i + 1, terms - 1) * n, count));
}

// Some of the gradients of a block.
static void store_gradients(lanes *dx, bool add, lanes sum[TILE], int64_t count) {
    transpose_lanes(sum);
    for (int64_t i = 0; i < count && i < TILE; i++) dx[i] = sum[i] + (add ? dx[i] : (lanes){0});
}

bool cv_bf16_linear_input_gradient(const cv_pass *p, cv_span inputs) {
    if (!linear_pays(p)) return false;
    const size_t apart = p->share.apart;
    const int64_t n = p->in.c, m = p->out.c;
    lanes from[GROUP][STEPS * TILE], cells[TILE_SUMS][STEPS * TILE], sum[TILE_SUMS][TILE];
    int32_t offset[ROOM];
    product f = {.b = {cells[0], cells[1], cells[2], cells[3]}, .row = 1, .step = TILE, .offset = offset};
    fill_tile_offsets(offset);
    tiles_begin();
    for (int first = 0; first < p->share.blocks; first += GROUP) {
        const int blocks = (int)smaller(p->share.blocks - first, GROUP);
        for (int64_t o = 0; o < m; o += RUN_TERMS) {
            const int64_t terms = smaller(m - o, RUN_TERMS);
            f.steps = divide_up(terms, STEP);
            for (int b = 0; b < blocks; b++)
                samples_along(from[b], (const lanes *)p->dy + (size_t)(first + b) * apart + o, terms);
            for (int64_t k = inputs.first; k < inputs.end; k += TILE_SUMS * TILE) {
                for (int j = 0; j < TILE_SUMS && k + j * TILE < inputs.end; j++)
                    weights_across(cells[j], (const real *)p->tensor[0] + o * n + k + j * TILE, n,
                                   inputs.end - k - j * TILE, terms);
                for (int b = 0; b < blocks; b++) {
                    f.a[0] = from[b];
                    multiply_tiles(&f, 1, sum);
                    for (int64_t j = 0, at = k; j < TILE_SUMS && at < inputs.end; j++, at += TILE)
                        store_gradients((lanes *)p->dx[0] + (size_t)(first + b) * apart + at, o > 0, sum[j],
                                        inputs.end - at);
                }
            }
        }
    }
    tiles_end();
    return true;
}

// --- dW -------------------------------------------------------------------------------------------------------------

// Of an output, pairs of samples of each two blocks: to row i of the tiles from `to` on.
static void samples_of_blocks(lanes *to, const lanes *dy, size_t apart, int blocks) {
    for (int b = 0; b < blocks; b += 2, to += TILE, dy += 2 * apart)
        *to = cells_along(dy[0], b + 1 < blocks ? dy[apart] : (lanes){0});
}

// Cells of two samples, for 16 inputs: those of two blocks one below the other.
static void samples_across(lanes *to, const lanes *x, size_t apart, int blocks, int64_t count) {
    for (int b = 0; b < blocks; b++, x += apart, to += TILE / 2) {
        lanes square[TILE];
        for (int64_t i = 0; i < TILE; i++) square[i] = i < count ? x[i] : (lanes){0};
        transpose_lanes(square);
        for (int i = 0; i < TILE / 2; i++) to[i] = pair_lanes(square[2 * i], square[2 * i + 1]);
    }
    if (blocks % 2) memset(to, 0, TILE / 2 * sizeof *to);
}

// A tile of sums into the rows of dW.
static void put_sums(real *dw, int64_t n, bool set, const lanes sum[TILE], int64_t rows, int64_t count) {
    for (int64_t i = 0; i < rows && i < TILE; i++, dw += n) {
        lanes_anywhere *to = (lanes_anywhere *)dw;
        if (count < TILE)
            for (int64_t l = 0; l < count; l++) dw[l] = (set ? 0 : dw[l]) + sum[i][l];
        else if (set)
            *to = sum[i];
        else
            *to += sum[i];
    }
}

static void hand_over_sums(const cv_share *s, int64_t first, int64_t n, lanes sum[TILE_SUMS][TILE], int64_t rows,
                           int64_t count) {
    for (int64_t i = 0; i < rows && i < TILE; i++) {
        const lanes line[TILE_SUMS] = {sum[0][i], sum[1][i], sum[2][i], sum[3][i]};
        s->receive(s->receiver, 0, first + i * n, smaller(count, TILE_SUMS * TILE), line);
    }
}

// What follows is to be written.
static void fetch_sums(const real *dw, int64_t n, int64_t rows) {
    for (int64_t i = 0; i < rows && i < TILE; i++, dw += n)
        for (int64_t j = 0; j < TILE_SUMS; j++) __builtin_prefetch(dw + j * TILE, 1);
}

bool cv_bf16_linear_weight_gradient(const cv_pass *p, cv_span inputs) {
    if (!linear_pays(p)) return false;
    const int64_t n = p->in.c, m = p->out.c;
    const int blocks = p->share.blocks, pairs = (blocks + 1) / 2;
    const size_t apart = p->share.apart;
    const int64_t most = ROOM / pairs; // tiles of outputs, or of inputs, at a time
    lanes from[ROOM * TILE], cells[ROOM * TILE], sum[TILE_SUMS][TILE];
    int32_t offset[ROOM];
    product f = {.row = 1, .step = TILE, .offset = offset, .steps = pairs};
    fill_tile_offsets(offset);
    tiles_begin();
    for (int64_t first = 0, end; first < m; first = end) {
        end = smaller(m, first + most * TILE);
        for (int64_t i = 0; i < end - first; i++)
            samples_of_blocks(from + i / TILE * pairs * TILE + i % TILE, (const lanes *)p->dy + first + i, apart,
                              blocks);
        for (int64_t k = inputs.first; k < inputs.end; k += most * TILE) {
            const int64_t tiles = smaller(most, divide_up(inputs.end - k, TILE));
            for (int64_t j = 0; j < tiles; j++)
                samples_across(cells + j * pairs * TILE, (const lanes *)p->x[0] + k + j * TILE, apart, blocks,
                               inputs.end - k - j * TILE);
            for (int64_t o = first; o < end; o += TILE)
                for (int64_t c = 0; c < tiles; c += TILE_SUMS) {
                    const int64_t at = o * n + k + c * TILE, count = inputs.end - k - c * TILE;
                    f.a[0] = from + (o - first) * pairs;
                    for (int64_t j = 0; j < TILE_SUMS; j++) f.b[j] = cells + smaller(c + j, tiles - 1) * pairs * TILE;
                    if (p->set && p->grad[0]) fetch_sums((const real *)p->grad[0] + at, n, m - o);
                    multiply_tiles(&f, 1, sum);
                    if (p->share.receive)
                        hand_over_sums(&p->share, at, n, sum, m - o, count);
                    else
                        for (int64_t j = 0; j < TILE_SUMS && c + j < tiles; j++)
                            put_sums((real *)p->grad[0] + at + j * TILE, n, p->set, sum[j], m - o, count - j * TILE);
                }
        }
    }
    tiles_end();
    return true;
}

#include "base/values.h"

#include <stdlib.h>
#include <string.h>

const size_t cv_row_bytes[CV_ROW_TYPES] = {sizeof(float), sizeof(uint8_t), sizeof(int16_t), 0};

bool cv_values_any(const cv_values *v) {
    return v->value || v->byte || v->row;
}

static void decode(const cv_values *v, size_t first, size_t count, float *out) {
    for (size_t i = 0; i < count; i++) out[i] = v->of_byte[v->byte[first + i]];
}

// Division is by a power of two or, for bytes, what Pillow and torchvision do: all are the floats that were stored.
static void decode_stored(const void *stored, const cv_row *row, size_t count, float *out) {
    const float *real = stored;
    const uint8_t *byte = stored;
    const int16_t *sample = stored;
    switch (row->type) {
    case CV_ROW_FLOATS: memcpy(out, real, count * sizeof *out); break;
    case CV_ROW_BYTES:
        for (size_t i = 0; i < count; i++) out[i] = (float)byte[i] / 255;
        break;
    default:
        for (size_t i = 0; i < count; i++) out[i] = (float)sample[i] / 32768;
    }
}

void cv_row_read(const cv_row *row, size_t first, size_t count, float *out) {
    const size_t there = first < row->count ? row->count - first : 0, used = count < there ? count : there;
    if (used) decode_stored((const uint8_t *)row->stored + first * cv_row_bytes[row->type], row, used, out);
    if (used < count) memset(out + used, 0, (count - used) * sizeof *out);
    if (row->shift == 0 && row->gain == 1) return;
    const double shift = row->shift, gain = row->gain;
    for (size_t i = 0; i < count; i++) out[i] = (float)(((double)out[i] - shift) * gain);
}

bool cv_values_in_place(const cv_values *v, size_t row, size_t size) {
    const cv_row *r = v->row ? &v->row[row] : NULL;
    return v->value || (r && r->type == CV_ROW_FLOATS && r->count == size && r->shift == 0 && r->gain == 1);
}

const float *cv_values_piece(const cv_values *v, size_t row, size_t size, size_t first, size_t count, float *scratch) {
    if (v->value) return v->value + row * size + first;
    if (v->byte) {
        decode(v, row * size + first, count, scratch);
        return scratch;
    }
    if (cv_values_in_place(v, row, size)) return (const float *)v->row[row].stored + first;
    cv_row_read(&v->row[row], first, count, scratch);
    return scratch;
}

const float *cv_values_row(const cv_values *v, size_t row, size_t size, float *scratch) {
    const float *piece = cv_values_piece(v, row, size, 0, size, scratch);
    if (!v->normal || cv_values_tabled(v)) return piece;
    if (piece != scratch) memcpy(scratch, piece, size * sizeof *scratch);
    cv_normal_apply(v->normal, 0, size, scratch);
    return scratch;
}

const void *cv_values_stored(const cv_values *v, size_t row, size_t size, size_t *bytes) {
    if (v->row) {
        *bytes = v->row[row].count * cv_row_bytes[v->row[row].type];
        return v->row[row].stored;
    }
    *bytes = v->byte ? size : size * sizeof *v->value;
    return v->byte ? (const void *)(v->byte + row * size) : (const void *)(v->value + row * size);
}

bool cv_values_grow(cv_values *v, size_t rows, size_t size, bool bytes) {
    const bool narrow = v->byte || (bytes && !v->value);
    size_t total;
    if (!cv_mul(rows, size, &total) || !cv_mul(total, narrow ? 1 : sizeof *v->value, &total)) return false;
    void *grown = realloc(narrow ? (void *)v->byte : (void *)v->value, total);
    if (!grown) return false;
    if (narrow)
        v->byte = grown;
    else
        v->value = grown;
    return true;
}

bool cv_values_widen(cv_values *v, size_t rows, size_t size) {
    size_t total;
    if (!v->byte) return true;
    if (!cv_mul(rows, size, &total) || !(v->value = cv_alloc_aligned(total, sizeof *v->value))) return false;
    decode(v, 0, total, v->value);
    free(v->byte);
    v->byte = NULL;
    return true;
}

bool cv_values_tabled(const cv_values *v) {
    return v->byte && (!v->normal || cv_normal_count(v->normal) == 1);
}

void cv_values_normalize(cv_values *v, const cv_normal *normal) {
    const size_t count = cv_normal_count(normal);
    bool same = true;
    for (size_t k = 0; k < count; k++) same = same && normal->mean[k] == 0 && normal->std[k] == 1;
    if (same) return;
    v->normal = normal;
    for (size_t k = 0; cv_values_tabled(v) && k < CV_COUNT(v->of_byte); k++)
        v->of_byte[k] = (v->of_byte[k] - *normal->mean) / *normal->std;
}

void cv_values_free(cv_values *v) {
    if (!v->borrowed) free(v->value);
    free(v->byte);
    free(v->row);
    *v = (cv_values){0};
}

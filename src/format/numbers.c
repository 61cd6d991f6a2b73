#include "format/numbers.h"

#include <math.h>
#include <string.h>

bool cv_numbers_lay_out(cv_numbers *numbers, cv_order order, size_t *bytes) {
    size_t reach = (size_t)numbers->size; // as if no dimension were 0, so that no product of some of them overflows
    bool empty = false;
    for (int k = 0; k < numbers->dims; k++) {
        const int d = order == CV_C_ORDER ? numbers->dims - 1 - k : k;
        const int64_t dim = numbers->dim[d];
        numbers->stride[d] = (int64_t)reach;
        empty = empty || dim == 0;
        if (dim < 0 || !cv_mul(reach, dim ? (size_t)dim : 1, &reach) || reach > SIZE_MAX / 2) return false;
    }
    *bytes = empty ? 0 : reach;
    return true;
}

static const char order[CV_MAX_DIMS + 1] = "nchw";

// Letters of `order`, none twice; channels or columns alone are vectors, rows need columns.
static bool is_layout(const char *letters) {
    for (const char *at = letters; *at; at++)
        if (!strchr(order, *at) || strchr(at + 1, *at)) return false;
    return (strchr(letters, 'c') || strchr(letters, 'w')) && (!strchr(letters, 'h') || strchr(letters, 'w'));
}

convo_status cv_numbers_arrange(cv_numbers *numbers, const char *layout, convo_error *err) {
    char letters[CV_MAX_DIMS + 1];
    if (!*layout) return CONVO_OK;
    if (strlen(layout) + !strchr(layout, 'n') > CV_MAX_DIMS || !is_layout(layout))
        return cv_fail(
            err, CONVO_ARGUMENT, "data.layout",
            "is '%s': letters of n (examples), c (channels), h (rows) and w (columns) are wanted, such as hwc", layout);
    cv_print(letters, sizeof letters, "%s%s", strchr(layout, 'n') ? "" : "n", layout);
    if (strlen(letters) != (size_t)numbers->dims)
        return cv_fail(err, CONVO_SHAPE, numbers->where, "has %d dimensions, and data.layout describes %zu: %s",
                       numbers->dims, strlen(letters), letters);
    cv_numbers arranged = *numbers;
    arranged.dims = 0;
    for (const char *letter = order; *letter; letter++) {
        const char *at = strchr(letters, *letter);
        const int from = at ? (int)(at - letters) : -1, to = arranged.dims;
        if (from < 0 && !(*letter == 'c' && strchr(letters, 'w'))) continue;
        arranged.dim[to] = from < 0 ? 1 : numbers->dim[from];
        arranged.stride[to] = from < 0 ? 0 : numbers->stride[from];
        arranged.dims++;
    }
    *numbers = arranged;
    return CONVO_OK;
}

int64_t cv_numbers_row_size(const cv_numbers *numbers) {
    int64_t size = 1;
    for (int d = 1; d < numbers->dims; d++) size *= numbers->dim[d];
    return size;
}

double cv_half(uint16_t bits) {
    const int exponent = bits >> 10 & 31, fraction = bits & 1023;
    double value;
    if (exponent == 31)
        value = fraction ? (double)NAN : (double)INFINITY;
    else
        value = exponent ? ldexp(1024 + fraction, exponent - 25) : ldexp(fraction, -24);
    return bits >> 15 ? -value : value;
}

static double number_at(const cv_numbers *n, const uint8_t *at) {
    union {
        uint8_t byte[8];
        uint8_t u1;
        uint16_t u2;
        uint32_t u4;
        uint64_t u8;
        int8_t i1;
        int16_t i2;
        int32_t i4;
        int64_t i8;
        float f4;
        double f8;
    } v = {{0}};
    for (int k = 0; k < n->size; k++) v.byte[k] = at[n->swapped ? n->size - 1 - k : k];
    const bool is_float = n->type == 'f', is_signed = n->type == 'i';
    switch (n->size) {
    case 1: return is_signed ? v.i1 : n->type == 'b' ? v.u1 != 0 : v.u1;
    case 2: return is_float ? cv_half(v.u2) : is_signed ? v.i2 : v.u2;
    case 4: return is_float ? (double)v.f4 : is_signed ? (double)v.i4 : (double)v.u4;
    default: return is_float ? v.f8 : is_signed ? (double)v.i8 : (double)v.u8;
    }
}

// The numbers along the last dimension. Bytes (pictures) have a loop of their own: they are many.
static void read_run(const cv_numbers *n, const uint8_t *at, int64_t stride, int64_t count, double *out) {
    if (n->type == 'u' && n->size == 1)
        for (int64_t k = 0; k < count; k++) out[k] = at[k * stride];
    else
        for (int64_t k = 0; k < count; k++) out[k] = number_at(n, at + k * stride);
}

void cv_numbers_row(const cv_numbers *numbers, int64_t row, double *out) {
    // Four dimensions always: those that are missing, in front of the last one, have size 1.
    int64_t dim[CV_MAX_DIMS] = {1, 1, 1, 1}, stride[CV_MAX_DIMS] = {0};
    for (int d = 1; d < numbers->dims; d++) {
        const int to = CV_MAX_DIMS - numbers->dims + d;
        dim[to] = numbers->dim[d];
        stride[to] = numbers->stride[d];
    }
    const uint8_t *start = numbers->data + row * numbers->stride[0];
    for (int64_t i = 0; i < dim[1]; i++)
        for (int64_t j = 0; j < dim[2]; j++, out += dim[3])
            read_run(numbers, start + i * stride[1] + j * stride[2], stride[3], dim[3], out);
}

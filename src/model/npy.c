// NumPy's .npy, version 1.0: a magic word, the length of a header, the header (a Python dictionary), the numbers.
// https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html
#include "base/file.h"

#include <inttypes.h>
#include <stdlib.h>

#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
#define FLOAT32 ">f4"
#else
#define FLOAT32 "<f4"
#endif

enum { PREFIX = 10, HEADER = 246 }; // together a multiple of 64, as NumPy asks for

void convo_array_free(convo_array *array) {
    if (!array) return;
    free(array->value);
    *array = (convo_array){0};
}

static bool count_values(const convo_array *array, size_t *count) {
    *count = 1;
    if (array->dims < 0 || array->dims > (int)CV_COUNT(array->dim)) return false;
    for (int d = 0; d < array->dims; d++)
        if (array->dim[d] < 0 || !cv_mul(*count, (size_t)array->dim[d], count)) return false;
    return array->value || !*count;
}

convo_status convo_array_save(const convo_array *array, const char *path, convo_error *err) {
    size_t count;
    if (!array || !path || !count_values(array, &count))
        return cv_fail(err, CONVO_ARGUMENT, path ? path : "", "there is no array to write");
    char header[HEADER + 1] = "{'descr': '" FLOAT32 "', 'fortran_order': False, 'shape': (";
    for (int d = 0; d < array->dims; d++) cv_append(header, sizeof header, "%" PRId64 ", ", array->dim[d]);
    cv_append(header, sizeof header, "), }");
    char padded[HEADER + 1];
    cv_print(padded, sizeof padded, "%-*s\n", HEADER - 1, header);

    const unsigned char prefix[PREFIX] = {0x93, 'N', 'U', 'M', 'P', 'Y', 1, 0, HEADER & 255, HEADER >> 8};
    cv_output out;
    convo_status status = cv_file_open(&out, path, err);
    if (status) return status;
    fwrite(prefix, 1, PREFIX, out.stream); // what fails here shows in cv_file_commit
    fwrite(padded, 1, HEADER, out.stream);
    fwrite(array->value, sizeof *array->value, count, out.stream);
    return cv_file_commit(&out, err);
}

#include "op/shape.h"

void cv_shape_text(cv_shape s, char *text, size_t size) {
    if (s.dims == 1) cv_print(text, size, "(%lld)", (long long)s.c);
    if (s.dims == 2) cv_print(text, size, "(%lld, %lld)", (long long)s.c, (long long)s.w);
    if (s.dims == 3) cv_print(text, size, "(%lld, %lld, %lld)", (long long)s.c, (long long)s.h, (long long)s.w);
}

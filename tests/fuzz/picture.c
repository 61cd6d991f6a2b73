// PNG and JPEG pictures, and their values in another size.
#include "fuzz.h"

#include "data/picture.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    const cv_shape gray = {3, 1, 5, 7}, colour = {3, 3, 3, 2};
    float values[5 * 7] = {0};
    cv_picture picture;
    convo_error err = {0};
    fuzz_check(cv_picture_read(fuzz_write("picture", data, size).text, cv_exif_readable, &picture, &err), &err);
    if (!err.code) {
        fuzz_check(cv_picture_values(&picture, gray, values, &err), &err);
        fuzz_tell(values, sizeof values);
        fuzz_check(cv_picture_values(&picture, colour, values, &err), &err);
        fuzz_tell(values, sizeof values);
    }
    cv_picture_free(&picture);
    return 0;
}

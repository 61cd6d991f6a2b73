// NumPy's .npy files, as a data set of several.
#include "dataset.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static const char *const names[] = {"X_train.npy", "y_train.npy", "X_test.npy", "y_test.npy", "X.npy", "y.npy"};
    fuzz_write_parts(data, size, names, CV_COUNT(names));
    fuzz_dataset(&cv_data_arrays, fuzz_folder(), NULL);
    return 0;
}

// MATLAB files.
#include "dataset.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (!cv_data_mat.missing) fuzz_dataset(&cv_data_mat, fuzz_write("x.mat", data, size).text, NULL);
    return 0;
}

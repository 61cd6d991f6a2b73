// NumPy's .npz files: zip, and .npy in it.
#include "dataset.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    fuzz_dataset(&cv_data_arrays, fuzz_write("x.npz", data, size).text, NULL);
    return 0;
}

// MNIST's IDX files, packed or not.
#include "dataset.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static const char *const names[] = {"train-images-idx3-ubyte",    "train-labels-idx1-ubyte",
                                        "t10k-images-idx3-ubyte",     "t10k-labels-idx1-ubyte",
                                        "train-images-idx3-ubyte.gz", "train-labels-idx1-ubyte.gz",
                                        "t10k-images-idx3-ubyte.gz",  "t10k-labels-idx1-ubyte.gz"};
    fuzz_write_parts(data, size, names, CV_COUNT(names));
    fuzz_dataset(&cv_data_mnist, fuzz_folder(), NULL);
    return 0;
}

// CSV files that list recordings.
#include "dataset.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (!cv_data_manifest.missing) fuzz_dataset(&cv_data_manifest, fuzz_write("list.csv", data, size).text, NULL);
    return 0;
}

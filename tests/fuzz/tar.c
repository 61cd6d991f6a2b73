// Tar files of recordings.
#include "dataset.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    fuzz_dataset(&cv_data_webdataset, fuzz_write("words-train.tar", data, size).text, NULL);
    return 0;
}

// CIFAR's binary files and lists of names. All files of CIFAR-10 have the same pictures, to keep inputs short.
#include "dataset.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static const char *const names[] = {"train.bin", "test.bin", "fine_label_names.txt", "coarse_label_names.txt",
                                        "batches.meta.txt"},
                             *const batches[] = {"data_batch_1.bin", "data_batch_2.bin", "data_batch_3.bin",
                                                 "data_batch_4.bin", "data_batch_5.bin", "test_batch.bin"};
    fuzz_write_parts(data, size, names, CV_COUNT(names));
    for (size_t k = 0; k < CV_COUNT(batches); k++)
        if (symlink(names[0], fuzz_in_folder(batches[k]).text)) break; // they are there already
    fuzz_dataset(cv_is_file(fuzz_in_folder(names[4]).text) ? &cv_data_cifar_10 : &cv_data_cifar_100, fuzz_folder(),
                 NULL);
    return 0;
}

// validation_list.txt and testing_list.txt of Speech Commands.
#include "dataset.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static const char *const names[] = {"validation_list.txt", "testing_list.txt"}, *const recordings[] = {
                                                                                        "yes/a_nohash_0.wav",
                                                                                        "yes/b_nohash_1.wav",
                                                                                        "no/a_nohash_0.wav"};
    convo_error err = {0};
    fuzz_write_parts(data, size, names, CV_COUNT(names));
    if (!cv_is_folder(fuzz_in_folder("no").text)) {
        fuzz_check(cv_folder_make(fuzz_in_folder("yes").text, &err), &err);
        fuzz_check(cv_folder_make(fuzz_in_folder("no").text, &err), &err);
        for (size_t k = 0; k < CV_COUNT(recordings); k++) fuzz_write(recordings[k], "", 0);
    }
    fuzz_dataset(&cv_data_speech_commands_v2, fuzz_folder(), NULL);
    return 0;
}

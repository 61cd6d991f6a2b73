// Cached features: safetensors with a key and a sum.
#include "fuzz.h"

#include "model/cache.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static const cv_cache_key key = {"0123456789abcdef0123456789abcdef01234567"};
    enum { COUNT = 3 };
    fuzz_write("0123456789abcdef0123456789abcdef01234567.safetensors", data, size);
    float *values = cv_cache_load(fuzz_folder(), &key, COUNT);
    fuzz_tell(values, COUNT * sizeof *values);
    free(values);
    return 0;
}

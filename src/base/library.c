#include "base/library.h"

#include <dlfcn.h>
#include <string.h>

convo_status cv_library_load(const char *file, const char *const *names, size_t count, void *functions,
                             const char *where, convo_error *err) {
    void *library = dlopen(file, RTLD_NOW | RTLD_LOCAL);
    if (!library)
        return cv_fail(err, CONVO_UNSUPPORTED, where, "needs the library %s, which is not installed on this machine",
                       file);
    for (size_t k = 0; k < count; k++) {
        void *function = dlsym(library, names[k]);
        if (!function)
            return cv_fail(err, CONVO_UNSUPPORTED, where, "needs a newer %s: this one has no %s", file, names[k]);
        memcpy((char *)functions + k * sizeof function, &function, sizeof function); // C has no cast for this
    }
    return CONVO_OK;
}

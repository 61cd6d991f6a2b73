// A folder for the files of a test, or of all tests of a program.
#pragma once

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char *test_folder; // the one that was made last, as *state

static inline int make_folder(void **state) {
    const char *base = getenv("TMPDIR");
    char name[256];
    snprintf(name, sizeof name, "%s/convo-test-XXXXXX", base ? base : "/tmp");
    *state = test_folder = mkdtemp(name) ? strdup(name) : NULL;
    return *state ? 0 : -1;
}

// Fails if a half-written file is left.
static inline int remove_folder(void **state) {
    char command[640];
    snprintf(command, sizeof command, "left=$(find '%s' -name '*.part'); rm -r '%s' && [ -z \"$left\" ]",
             (char *)*state, (char *)*state);
    free(*state);
    return system(command); // NOLINT(cert-env33-c): a name made above
}

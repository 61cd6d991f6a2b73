#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

enum { MOST = 4096 }; // as in run.py

static unsigned char nowhere[MOST];
int cv_mutant_on = -1;
volatile unsigned char *cv_mutant_reached = nowhere;

__attribute__((constructor)) static void begin(void) {
    const char *on = getenv("MUTANT"), *path = getenv("MUTANTS_REACHED");
    if (on) cv_mutant_on = atoi(on);
    const int file = path ? open(path, O_RDWR | O_CLOEXEC) : -1;
    if (file < 0) return;
    void *shared = mmap(NULL, MOST, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    if (shared != MAP_FAILED) cv_mutant_reached = shared;
    close(file);
}

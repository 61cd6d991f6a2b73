// Replays seeds through a fuzz target, in a build without libFuzzer: each as it is, cut at every byte, and with bits
// flipped. Arguments: files and folders of files.
#include "fuzz.h"

#include <signal.h>
#ifdef __GLIBC__
#include <malloc.h>
#endif
#include <sys/resource.h>
#include <sys/time.h>

enum {
    MOST_CUTS = 1024, // of longer seeds, as many places evenly spaced
    FLIPPED = 256,    // copies of each seed
    HEAD = 128,       // bytes in which every second copy is changed: headers decide the most
    SECONDS = 10,     // of the processor, for one input
    MEMORY = 1 << 28, // bytes of address space that a reader may ask for, above what the process has at its start
};

// What is being replayed, for the last words.
static char now[256];

static void last_words(int signal_number) {
    static const char head[] = "\nwhile replaying ";
    if (write(STDERR_FILENO, head, sizeof head - 1) < 0 || write(STDERR_FILENO, now, strlen(now)) < 0 ||
        write(STDERR_FILENO, "\n", 1) < 0)
        _exit(1);
    if (!signal_number) return;
    signal(signal_number, SIG_DFL);
    raise(signal_number);
}

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANITIZED 1
#elif defined(__has_feature)
#define SANITIZED (__has_feature(address_sanitizer) || __has_feature(thread_sanitizer))
#else
#define SANITIZED 0
#endif

void __asan_on_error(void); // called by the address sanitizer, where there is one
void __asan_on_error(void) {
    last_words(0);
}

static int fresh; // what new memory is full of: so those show who read it and have not written to it

// The largest single request is seen here, also those of libraries, which may go on when it fails.
#if defined(__GLIBC__) && !SANITIZED
#define REPLACES __attribute__((visibility("default")))
void *__libc_malloc(size_t size);
void *__libc_calloc(size_t count, size_t size);
void *__libc_realloc(void *old, size_t size);

static void *fill(void *memory, size_t from) {
    const size_t size = memory ? malloc_usable_size(memory) : 0;
    if (from < size) memset((char *)memory + from, fresh, size - from);
    return memory;
}

static void look_at(size_t count, size_t size) {
    static const char words[] = "too much memory is asked for at once\n";
    size_t bytes;
    if (cv_mul(count, size, &bytes) && bytes <= MEMORY) return;
    if (write(STDERR_FILENO, words, sizeof words - 1) >= 0) abort();
}

REPLACES void *malloc(size_t size) {
    look_at(1, size);
    return fill(__libc_malloc(size), 0);
}

REPLACES void *calloc(size_t count, size_t size) {
    look_at(count, size);
    return __libc_calloc(count, size);
}

REPLACES void *realloc(void *old, size_t size) {
    look_at(1, size);
    const size_t kept = old ? malloc_usable_size(old) : 0;
    return fill(__libc_realloc(old, size), kept);
}
#endif

// All together. Sanitizers reserve more than any limit.
static void limit_memory(void) {
    long pages = 0;
    FILE *file = fopen("/proc/self/statm", "r");
    if (!file || fscanf(file, "%ld", &pages) != 1) pages = 0;
    if (file) fclose(file);
    if (SANITIZED || !pages) return;
    const rlim_t most = (rlim_t)pages * (rlim_t)sysconf(_SC_PAGESIZE) + MEMORY;
    setrlimit(RLIMIT_AS, &(struct rlimit){most, most});
}

// A copy that ends where its memory ends, so that a step beyond is noticed.
static uint64_t try_once(const uint8_t *data, size_t size) {
    uint8_t *copy = malloc(size ? size : 1);
    fuzz_must(copy != NULL, "there is memory for the input");
    if (size) memcpy(copy, data, size);
    const struct itimerval most = {.it_value.tv_sec = SECONDS}, none = {0};
    fuzz_sum = 0;
    setitimer(ITIMER_PROF, &most, NULL);
    LLVMFuzzerTestOneInput(copy, size);
    setitimer(ITIMER_PROF, &none, NULL);
    free(copy);
    return fuzz_sum;
}

static void try_input(const uint8_t *data, size_t size) {
    enum { ONE = 0x55, OTHER = 0xaa }; // as floats: 1.4e13, -3e-13
    fresh = ONE;
    const uint64_t sum = try_once(data, size);
    if (SANITIZED) return; // it has an allocator of its own
    fresh = OTHER;
    fuzz_must(try_once(data, size) == sum, "the same comes out whatever fresh memory holds");
}

static void cut(const char *name, const cv_bytes *seed) {
    const size_t cuts = seed->size < MOST_CUTS ? seed->size : MOST_CUTS;
    for (size_t k = 0; k < cuts; k++) {
        const size_t size = seed->size * k / cuts;
        cv_print(now, sizeof now, "%s cut after %zu bytes", name, size);
        try_input(seed->data, size);
    }
}

// xorshift64: Marsaglia, Xorshift RNGs, 2003
static uint64_t next_random(uint64_t *state) {
    *state ^= *state << 13;
    *state ^= *state >> 7;
    return *state ^= *state << 17;
}

static void flip(const char *name, const cv_bytes *seed) {
    for (uint64_t k = 1; k <= FLIPPED && seed->size; k++) {
        uint64_t random = k * UINT64_C(0x9e3779b97f4a7c15), bits = 1 + k % 4;
        uint8_t *copy = malloc(seed->size);
        fuzz_must(copy != NULL, "there is memory for the input");
        memcpy(copy, seed->data, seed->size);
        while (bits--) {
            const size_t range = k % 2 && seed->size > HEAD ? HEAD : seed->size;
            const uint64_t draw = next_random(&random) >> 8;
            copy[draw / 8 % range] ^= (uint8_t)(1 << draw % 8);
        }
        cv_print(now, sizeof now, "%s with bits flipped, copy %d", name, (int)k);
        try_input(copy, seed->size);
        free(copy);
    }
}

static int replay_file(const char *path) {
    cv_bytes seed;
    convo_error err = {0};
    fuzz_check(cv_file_read(path, SIZE_MAX, &seed, &err), &err);
    fuzz_must(seed.data != NULL, "a seed can be read");
    cv_print(now, sizeof now, "%s", path);
    try_input(seed.data, seed.size);
    cut(path, &seed);
    flip(path, &seed);
    free(seed.data);
    return 1;
}

static int replay(const char *path) {
    char **names = NULL;
    size_t count = 0;
    int seeds = 0;
    convo_error err = {0};
    if (!cv_is_folder(path)) return replay_file(path);
    fuzz_check(cv_folder_list(path, &names, &count, &err), &err);
    for (size_t k = 0; k < count; k++) {
        char file[512];
        cv_print(file, sizeof file, "%s/%s", path, names[k]);
        if (cv_is_file(file)) seeds += replay_file(file);
    }
    cv_folder_free(names, count);
    return seeds;
}

int main(int argc, char **argv) {
    static const int deadly[] = {SIGABRT, SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGPROF};
    for (size_t k = 0; k < CV_COUNT(deadly); k++)
        if (!SANITIZED || deadly[k] == SIGABRT || deadly[k] == SIGPROF) signal(deadly[k], last_words);
    limit_memory();
    int seeds = 0;
    for (int k = 1; k < argc; k++) seeds += replay(argv[k]);
    printf("[  %s  ] %d test(s).\n", seeds ? "PASSED" : "FAILED", seeds ? seeds : 1);
    return !seeds;
}

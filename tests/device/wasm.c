// An exported net as WebAssembly, compiled by clang alone; wasm.mjs is around it. See run.c.
#include HEADER

#include <stddef.h>

#define JOIN_(a, b) a##b
#define JOIN(a, b)  JOIN_(a, b)
#define EXPORTED    __attribute__((visibility("default")))

static JOIN(NET, _state) state;
static int16_t clip[SAMPLES];
static float probability[CLASSES];

// There is no C library.
void *memcpy(void *to, const void *from, size_t size) {
    for (size_t i = 0; i < size; i++) ((char *)to)[i] = ((const char *)from)[i];
    return to;
}
void *memset(void *to, int byte, size_t size) {
    for (size_t i = 0; i < size; i++) ((char *)to)[i] = (char)byte;
    return to;
}

EXPORTED int16_t *clip_at(void);
EXPORTED float *scores_at(void);
EXPORTED int classes(void);
EXPORTED int samples(void);
EXPORTED int self_test(void);
EXPORTED uint32_t predict(void);

int16_t *clip_at(void) {
    return clip;
}
float *scores_at(void) {
    return probability;
}
int classes(void) {
    return CLASSES;
}
int samples(void) {
    return SAMPLES;
}
int self_test(void) {
    return JOIN(NET, _self_test)(&state);
}
uint32_t predict(void) { // returns the hash of the state that run.c writes
    const unsigned char *byte = (const unsigned char *)&state;
    uint32_t hash = 2166136261u;
    JOIN(NET, _predict)(&state, clip, SAMPLES, probability);
    for (uint32_t i = 0; i < sizeof state; i++) hash = (hash ^ byte[i]) * 16777619u;
    return hash;
}

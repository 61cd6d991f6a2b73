// What a page calls of an exported net. Text that `convo export -o page.html` gives to clang behind the net itself, for
// WebAssembly; not compiled into convo.
#define EXPORTED __attribute__((visibility("default")))

// There is no C library.
void *memcpy(void *to, const void *from, size_t size) {
    for (size_t i = 0; i < size; i++) ((char *)to)[i] = ((const char *)from)[i];
    return to;
}
void *memset(void *to, int byte, size_t size) {
    for (size_t i = 0; i < size; i++) ((char *)to)[i] = (char)byte;
    return to;
}

EXPORTED net_state state;
EXPORTED float scores[NET_CLASSES];
#ifdef NET_RATE
EXPORTED int16_t input[NET_SAMPLES];
EXPORTED const int32_t facts[] = {sizeof state, NET_CLASSES, NET_RATE, NET_SAMPLES};
#else
EXPORTED float input[NET_CHANNELS * NET_ROWS * NET_COLUMNS];
EXPORTED const int32_t facts[] = {sizeof state, NET_CLASSES, 0, NET_CHANNELS, NET_ROWS, NET_COLUMNS};
#endif

EXPORTED void predict(int32_t count) { // count: of samples
#ifdef NET_RATE
    net_predict(&state, input, count, scores);
#else
    (void)count;
    net_predict(&state, input, scores);
#endif
}
EXPORTED int self_test(void) {
    return net_self_test(&state);
}

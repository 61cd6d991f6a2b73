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
#ifdef NET_HOP
#define HOP NET_HOP
#else
#define HOP 0
#endif
EXPORTED const int32_t facts[] = {sizeof state, NET_CLASSES, NET_RATE, NET_SAMPLES, HOP};
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
#ifdef NET_HOP
// A stream: samples are put into packet, and heard from there.
static net_stream stream;
EXPORTED int16_t packet[NET_HOP];
EXPORTED int32_t hear(int32_t first, int32_t count) { // returns how many were heard, up to the end of a window
    return net_push(&stream, packet + first, count);
}
EXPORTED int heard(int k) { // 1: word k
    return stream.heard[k];
}
EXPORTED float smoothed(int k) {
    return stream.score[k];
}
EXPORTED void forget(void) {
    memset(&stream, 0, sizeof stream);
}
EXPORTED int self_test(void) {
    const int failed = net_self_test(&state);
    return failed ? failed : net_stream_self_test(&stream);
}
#else
EXPORTED int self_test(void) {
    return net_self_test(&state);
}
#endif

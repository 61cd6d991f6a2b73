// What counts as heard: smoothing, thresholds, gaps and reset levels, by table; and the settings in a model file.
#include "detect/detection.h"
#include "models.h"

#include <unistd.h>

enum { CLASSES = 2 };

// Settings in hops: a hop is 0.1 s.
typedef struct sequence {
    const char *name;
    int smooth, gap;
    bool largest, silent; // silent: class 0 never fires
    double threshold, reset;
    const char *scores; // of class 0, in tenths, a hop each: "059 " ; 'x' is 1, '-' a hop below the gate
    const char *heard;  // the same hops: '!' where class 0 is heard
} sequence;

static const sequence sequences[] = {
    {"a threshold is reached, not passed", 1, 1, false, false, 0.5, 0, "045", "..!"},
    {"below it nothing is heard", 1, 1, false, false, 0.6, 0, "05555", "....."},
    {"without a gap every hop counts", 1, 0, false, false, 0.5, 0, "099990", ".!!!!."},
    {"the gap counts from the event", 1, 3, false, false, 0.5, 0, "9999999", "!..!..!"},
    {"a gap is over though nothing was there", 1, 3, false, false, 0.5, 0, "9000099", "!....!."},
    {"the mean of four hops", 4, 9, false, false, 0.5, 0, "0xx0000", "..!...."},
    {"hops before the first count as zero", 4, 9, false, false, 0.5, 0, "99999", "..!.."},
    {"the largest of three hops lasts for three", 3, 0, true, false, 0.5, 0, "0900000", ".!!!..."},
    {"a reset level has to be left", 1, 2, false, false, 0.5, 0.3, "99999994929", "!.........!"},
    {"a reset level may be left within the gap", 1, 4, false, false, 0.5, 0.3, "9299999", "!...!.."},
    {"a reset level asks for less than itself", 1, 1, false, false, 0.5, 0.3, "9393929", "!.....!"},
    {"a silent class is never heard", 1, 1, false, true, 0.1, 0, "xxxxxx", "......"},
    {"a hop below the gate is zero", 2, 9, false, false, 0.6, 0, "09-9-99", "......!"},
    {"the ring goes round", 3, 1, false, false, 0.89, 0, "9990999000999", "..!...!.....!"},
};

static convo_listening settings_of(const sequence *s, convo_listening_class *of) {
    for (int k = 0; k < CLASSES; k++)
        of[k] = (convo_listening_class){
            .threshold = k ? 1 : s->threshold, .reset = k ? 0 : s->reset, .silent = !k && s->silent};
    return (convo_listening){.hop = 0.1,
                             .smooth = s->smooth * 0.1,
                             .gap = s->gap * 0.1,
                             .smoothing = s->largest ? CONVO_LARGEST : CONVO_MEAN,
                             .classes = CLASSES,
                             .of = of};
}

static void hear(cv_detection *d, const char *scores, char *heard) {
    for (; *scores; scores++) {
        const float score[CLASSES] = {*scores == 'x' ? 1.0f : (float)(*scores - '0') / 10, 0};
        cv_detection_hop(d, *scores == '-' ? NULL : score);
        assert_int_equal(d->heard[1], 0);
        *heard++ = d->heard[0] ? '!' : '.';
    }
    *heard = 0;
}

static void words_are_heard_as_the_settings_say(void **state) {
    (void)state;
    for (size_t k = 0; k < CV_COUNT(sequences); k++) {
        const sequence *s = &sequences[k];
        convo_listening_class of[CLASSES];
        const convo_listening settings = settings_of(s, of);
        convo_error err = {0};
        cv_detection *d;
        char heard[32];
        must(cv_listening_check(&settings, CLASSES, &err), &err);
        must(cv_detection_new(&settings, &d, &err), &err);
        for (int round = 0; round < 2; round++) { // the second one from the beginning, at another place of the ring
            hear(d, s->scores, heard);
            if (strcmp(heard, s->heard) != 0) fail_msg("%s: %s gives %s, not %s", s->name, s->scores, heard, s->heard);
            cv_detection_clear(d);
        }
        cv_detection_free(d);
    }
}

static void each_class_has_its_own_gap(void **state) {
    (void)state;
    convo_listening_class of[CLASSES] = {{.threshold = 0.5}, {.threshold = 0.8}};
    const convo_listening settings = {.hop = 0.1, .gap = 0.3, .classes = CLASSES, .of = of};
    const float scores[][CLASSES] = {{0.6f, 0}, {0.6f, 0.9f}, {0.6f, 0.9f}, {0.9f, 0.6f}, {0, 0.9f}};
    const int heard[][CLASSES] = {{1, 0}, {0, 1}, {0, 0}, {1, 0}, {0, 1}};
    convo_error err = {0};
    cv_detection *d;
    must(cv_detection_new(&settings, &d, &err), &err);
    for (size_t k = 0; k < CV_COUNT(scores); k++) {
        cv_detection_hop(d, scores[k]);
        for (int c = 0; c < CLASSES; c++)
            if (d->heard[c] != heard[k][c]) fail_msg("hop %zu, class %d: %d", k, c, d->heard[c]);
    }
    cv_detection_free(d);
}

// The words of a class do not depend on the settings' place in memory, and a size beyond reason is refused.
static void too_long_a_smoothing_is_refused(void **state) {
    (void)state;
    convo_listening_class *of = calloc(1000, sizeof *of);
    const convo_listening settings = {.hop = 0.001, .smooth = 60, .classes = 1000, .of = of};
    convo_error err = {0};
    cv_detection *d;
    assert_non_null(of);
    assert_int_equal(cv_detection_new(&settings, &d, &err), CONVO_LIMIT);
    free(of);
}

// --- settings -----------------------------------------------------------------------------------------------------

#define NET_REST                                                                                                       \
    "features: {kind: waveform, samples: 16, rate: 8000}\nmodel: [flatten, {linear: 3}]\n"                             \
    "train: {loss: cross_entropy, optimizer: {sgd: {lr: 0.1}}, batch: 1, epochs: 1}\n"
#define NET               "data: {set: audiofolder}\n" NET_REST
#define NET_WITHOUT(none) "data: {set: audiofolder, none: [" none "]}\n" NET_REST

static void classes_that_are_no_words_are_silent(void **state) {
    (void)state;
    static const struct {
        char *label;
        bool silent;
    } cases[] = {{"yes", false},    {"unknown", true},   {"_unknown_", true}, {"_silence_", true},
                 {"none", true},    {"Silence", true},   {"unknowns", false}, {"_background_noise_", true},
                 {"silent", false}, {"__noise__", true}, {"", false},         {"_", false},
                 {"NOTHING", true}};
    char *labels[CV_COUNT(cases)];
    convo_listening l;
    convo_error err = {0};
    for (size_t k = 0; k < CV_COUNT(cases); k++) labels[k] = cases[k].label;
    must(cv_listening_default(labels, CV_COUNT(cases), &l, &err), &err);
    must(cv_listening_check(&l, CV_COUNT(cases), &err), &err);
    for (size_t k = 0; k < CV_COUNT(cases); k++)
        if (l.of[k].silent != cases[k].silent) fail_msg("'%s'", labels[k]);
    convo_listening_free(&l);
}

static void what_the_recipe_calls_none_is_silent(void **state) {
    (void)state;
    convo_model *model = make_model(NET_WITHOUT("two"), 3);
    convo_listening l;
    convo_error err = {0};
    must(convo_model_listening(model, &l, &err), &err);
    assert_true(!l.of[0].silent && !l.of[1].silent && l.of[2].silent);
    convo_listening_free(&l);
    convo_model_free(model);
}

static void a_class_may_be_called_anything(void **state) {
    (void)state;
    convo_model *model = make_model(NET, 3);
    convo_listening l;
    convo_error err = {0};
    free(model->labels[1]);
    must((model->labels[1] = cv_format("a.b=c, d")) ? CONVO_OK : CONVO_MEMORY, &err);
    must(convo_model_listening(model, &l, &err), &err);
    must(convo_listening_set(&l, model, "threshold.a.b=c, d=0.75", &err), &err);
    assert_true(l.of[1].threshold == 0.75 && l.of[0].threshold == 0.5);
    convo_listening_free(&l);
    convo_model_free(model);
}

static void a_model_file_keeps_them(void **state) {
    (void)state;
    char path[] = "/tmp/convo-detect-XXXXXX";
    convo_model *model = make_model(NET, 3), *again;
    convo_listening l, read;
    convo_error err = {0};
    assert_true(close(mkstemp(path)) == 0);
    must(convo_model_listening(model, &l, &err), &err);
    l.hop = 0.03, l.smooth = 0.45, l.gap = 2, l.gate = -55.5, l.smoothing = CONVO_LARGEST, l.carry = true;
    l.of[1] = (convo_listening_class){.threshold = 0.1234567, .reset = 0.05, .silent = true};
    must(convo_model_listen_with(model, &l, &err), &err);
    must(convo_model_save(model, path, &err), &err);
    must(convo_model_load(path, &again, &err), &err);
    must(convo_model_listening(again, &read, &err), &err);
    assert_true(read.hop == l.hop && read.smooth == l.smooth && read.gap == l.gap && read.gate == l.gate);
    assert_true(read.smoothing == CONVO_LARGEST && read.carry && read.classes == 3);
    assert_memory_equal(read.of, l.of, 3 * sizeof *l.of);
    convo_listening_free(&l);
    convo_listening_free(&read);
    convo_model_free(model);
    convo_model_free(again);
    unlink(path);
}

#define REST "\"smoothing\":\"mean\",\"threshold\":[0.5],\"reset\":[0],\"silent\":[false]}"
static void settings_that_are_not_possible_are_refused(void **state) {
    (void)state;
    static const struct {
        const char *text, *says;
    } cases[] = {
        {"{}", "all of"},
        {"[]", "all of"},
        {"{\"hop\":0.02,\"smooth\":0.3,\"gap\":1," REST, "all of"},
        {"{\"hop\":0,\"smooth\":0.3,\"gap\":1,\"gate\":0," REST, "hop must be from 0.001 to 10 s, not 0"},
        {"{\"hop\":0.02,\"smooth\":61,\"gap\":1,\"gate\":0," REST, "smooth must be"},
        {"{\"hop\":0.02,\"smooth\":0.3,\"gap\":-1,\"gate\":0," REST, "gap must be"},
        {"{\"hop\":0.02,\"smooth\":0.3,\"gap\":1,\"gate\":3," REST, "gate must be from -200 to 0 dB, not 3"},
        {"{\"hop\":0.02,\"smooth\":0.3,\"gap\":1,\"gate\":0,\"smoothing\":\"sum\",\"threshold\":[0.5],\"reset\":[0],"
         "\"silent\":[false]}",
         "all of"},
        {"{\"hop\":0.02,\"smooth\":0.3,\"gap\":1,\"gate\":0,\"smoothing\":\"max\",\"threshold\":[0.5,0.5],\"reset\":[0]"
         ","
         "\"silent\":[false]}",
         "all of"},
        {"{\"hop\":0.02,\"smooth\":0.3,\"gap\":1,\"gate\":0,\"smoothing\":\"max\",\"threshold\":[0],\"reset\":[0],"
         "\"silent\":[false]}",
         "a threshold above 0"},
        {"{\"hop\":0.02,\"smooth\":0.3,\"gap\":1,\"gate\":0,\"smoothing\":\"max\",\"threshold\":[0.5],\"reset\":[0.6],"
         "\"silent\":[false]}",
         "not 0.5 and 0.6"},
    };
    for (size_t k = 0; k < CV_COUNT(cases); k++) {
        convo_listening l;
        convo_error err = {0};
        assert_int_equal(cv_listening_read(cases[k].text, "file", 1, &l, &err), CONVO_FORMAT);
        if (!strstr(err.message, cases[k].says)) fail_msg("%s: %s", cases[k].text, err.message);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(words_are_heard_as_the_settings_say),
        cmocka_unit_test(each_class_has_its_own_gap),
        cmocka_unit_test(too_long_a_smoothing_is_refused),
        cmocka_unit_test(classes_that_are_no_words_are_silent),
        cmocka_unit_test(what_the_recipe_calls_none_is_silent),
        cmocka_unit_test(a_class_may_be_called_anything),
        cmocka_unit_test(a_model_file_keeps_them),
        cmocka_unit_test(settings_that_are_not_possible_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

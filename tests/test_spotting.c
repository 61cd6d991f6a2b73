// What was heard against what was said, by table; intervals against published values; streams of any packets.
#include "audio/sound.h"
#include "audio/sound_write.h"
#include "data/dataset.h"
#include "detect/spotting.h"
#include "models.h"
#include "sounds.h"

#define HOP 0.1 // seconds; the first hop ends at 1 s

// --- counting -----------------------------------------------------------------------------------------------------

// Scores in tenths, a hop each; a word from its start to its end. Events are at the hops that reach 0.5.
static const struct {
    const char *name, *scores;
    int gap;
    double reset;
    int words;
    cv_said said[3];
    int hits, false_accepts;
} cases[] = {
    {"nothing is said and nothing is heard", "0000000000", 5, 0, 0, {{0, 0}}, 0, 0},
    {"what is heard and not said is a false accept", "0009000000", 5, 0, 0, {{0, 0}}, 0, 1},
    {"within the word it is a hit", "0009000000", 5, 0, 1, {{1.2, 1.5}}, 1, 0},
    {"at its very start, too", "0009000000", 5, 0, 1, {{1.3, 1.5}}, 1, 0},
    {"before its start it is not", "0009000000", 5, 0, 1, {{1.31, 1.5}}, 0, 1},
    {"half a second after its end it still is", "0000000900", 5, 0, 1, {{1.0, 1.2}}, 1, 0},
    {"later it is not", "0000000090", 5, 0, 1, {{1.0, 1.29}}, 0, 1},
    {"a word is hit once", "0009009000", 3, 0, 1, {{1.2, 1.8}}, 1, 1},
    {"within the gap nothing is heard twice", "0009099000", 5, 0, 1, {{1.2, 1.8}}, 1, 0},
    {"a score that does not fall is not heard twice", "0009999999", 3, 0.3, 1, {{1.2, 1.5}}, 1, 0},
    {"two words are hit by two events", "0900009000", 3, 0, 2, {{1.0, 1.2}, {1.5, 1.7}}, 2, 0},
    {"where words overlap, the earlier one is hit first", "0090090000", 3, 0, 2, {{1.0, 1.4}, {1.3, 1.6}}, 2, 0},
    {"a second event in the slack of one word hits the next one",
     "0009009000",
     3,
     0,
     2,
     {{1.1, 1.4}, {1.5, 1.7}},
     2,
     0},
    {"one event does not hit two words", "0000900000", 3, 0, 2, {{1.0, 1.4}, {1.3, 1.6}}, 1, 0},
    {"each word needs an event", "0090000000", 3, 0, 3, {{1.1, 1.2}, {2.5, 2.6}, {3, 4}}, 1, 0},
};

static cv_spotted make_spotted(const char *scores, float *score, const cv_said *said, int64_t count) {
    const int64_t hops = (int64_t)strlen(scores);
    for (int64_t k = 0; k < hops; k++) score[k] = (float)(scores[k] - '0') / 10;
    return (cv_spotted){.score = score,
                        .hops = hops,
                        .first = 1,
                        .hop = HOP,
                        .seconds = 1 + HOP * (double)hops,
                        .said = said,
                        .count = count};
}

static void hits_and_false_accepts_are_counted(void **state) {
    (void)state;
    for (size_t k = 0; k < CV_COUNT(cases); k++) {
        float score[64];
        const cv_spotted r = make_spotted(cases[k].scores, score, cases[k].said, cases[k].words);
        const cv_spotting_rule rule = {.gap = cases[k].gap, .reset = (float)cases[k].reset, .slack = 0.5};
        cv_spotting_tally tally;
        assert_int_equal(cv_spotting_count(&r, 1, &rule, &(float){0.5f}, 1, &tally, NULL, NULL, NULL), CONVO_OK);
        if (tally.hits != cases[k].hits || tally.false_accepts != cases[k].false_accepts)
            fail_msg("%s: %d hits, %d false accepts", cases[k].name, (int)tally.hits, (int)tally.false_accepts);
    }
}

static void thresholds_together_are_as_each_by_itself(void **state) {
    (void)state;
    static const char scores[] = "0123456789876543210098700123456543200889900000065432";
    float score[2][64];
    const cv_said said[] = {{1.5, 2.0}, {4.9, 5.3}};
    const cv_spotted r[] = {make_spotted(scores, score[0], said, 2), make_spotted("007700", score[1], said, 0)};
    const cv_spotting_rule rule = {.gap = 4, .slack = 0.5};
    float *threshold;
    size_t count;
    assert_int_equal(cv_spotting_thresholds(r, 2, &rule, &threshold, &count, NULL), CONVO_OK);
    static const float peaks[] = {0.9f, 0.7f, 0.6f};
    assert_int_equal(count, CV_COUNT(peaks));
    assert_memory_equal(threshold, peaks, sizeof peaks);
    cv_spotting_tally together[CV_COUNT(peaks)], alone;
    assert_int_equal(cv_spotting_count(r, 2, &rule, threshold, count, together, NULL, NULL, NULL), CONVO_OK);
    for (size_t k = 0; k < count; k++) {
        assert_int_equal(cv_spotting_count(r, 2, &rule, threshold + k, 1, &alone, NULL, NULL, NULL), CONVO_OK);
        assert_memory_equal(&alone, &together[k], sizeof alone);
    }
    assert_int_equal(together[0].false_accepts, 1); // 0.9 outside of the words
    free(threshold);
}

// 100 words whose score stays at 1 for 20 hops are one threshold, however many peaks: the others are all kept.
static void scores_that_stay_at_one_displace_no_threshold(void **state) {
    enum { FLAT = 2000, PEAKS = 100 };
    static float score[FLAT + 4 * PEAKS];
    (void)state;
    for (int k = 0; k < FLAT; k++) score[k] = 1;
    for (int k = 0; k < PEAKS; k++) score[FLAT + 4 * k + 2] = (float)(k + 1) / (2 * PEAKS);
    const cv_spotted r = {.score = score, .hops = CV_COUNT(score), .hop = 0.02, .seconds = 48};
    const cv_spotting_rule rule = {.gap = 2, .slack = 0.5};
    float *threshold;
    size_t count;
    assert_int_equal(cv_spotting_thresholds(&r, 1, &rule, &threshold, &count, NULL), CONVO_OK);
    assert_int_equal(count, 1 + PEAKS);
    for (size_t k = 1; k < count; k++)
        if (threshold[k] != (float)(PEAKS + 1 - (int)k) / (2 * PEAKS)) fail_msg("threshold %zu: %g", k, threshold[k]);
    free(threshold);
}

static void a_threshold_keeps_to_its_false_accepts(void **state) {
    (void)state;
    static const float threshold[] = {0.9f, 0.8f, 0.6f, 0.4f};
    static const cv_spotting_tally tally[] = {
        {1, 0}, {2, 1}, {3, 3}, {3, 2}}; // more may lie above, as a gap ends elsewhere
    static const struct {
        double most, hours;
        float chosen;
    } c[] = {{0, 2, 0.85f}, {0.5, 2, 0.7f}, {1, 2, 0.2f}, {1.5, 2, 0.3f}, {0.5, 1, 0.85f}};
    for (size_t k = 0; k < CV_COUNT(c); k++) {
        const float got = cv_spotting_choose(threshold, tally, CV_COUNT(tally), c[k].hours, c[k].most);
        if (fabsf(got - c[k].chosen) > 1e-6f) fail_msg("case %zu: %g", k, (double)got);
    }
    assert_true(cv_spotting_choose(threshold, (cv_spotting_tally[]){{0, 9}}, 1, 1, 0) > 0.9f); // none keeps to it
    // A lower threshold may miss more, as a gap ends elsewhere; of the best, those side by side are taken.
    static const cv_spotting_tally fewer[] = {{2, 0}, {1, 0}, {0, 0}}, apart[] = {{2, 0}, {2, 5}, {2, 0}, {2, 9}};
    assert_true(fabsf(cv_spotting_choose(threshold, fewer, 3, 1, 1) - 0.85f) < 1e-6f);
    assert_true(fabsf(cv_spotting_choose(threshold, apart, 4, 1, 1) - 0.5f) < 1e-6f);
}

static void hours_without_words_leave_out_their_slack(void **state) {
    (void)state;
    const cv_said said[] = {{1, 2}, {1.5, 3}, {9, 9.9}, {20, 21}};
    const struct {
        int64_t count;
        double rest;
    } c[] = {{0, 10}, {1, 8.5}, {2, 7.5}, {3, 6.5}, {4, 6.5}}; // the last word lies behind the end
    for (size_t k = 0; k < CV_COUNT(c); k++) {
        const cv_spotted r = {.seconds = 10, .said = said, .count = c[k].count};
        assert_true(fabs(cv_spotting_rest(&r, 1, 0.5) - c[k].rest) < 1e-9);
    }
    const cv_said within[] = {{1, 5}, {2, 3}, {6, 7}};
    const cv_spotted r = {.seconds = 10, .said = within, .count = 3};
    assert_true(fabs(cv_spotting_rest(&r, 1, 0.5) - 4) < 1e-9);
}

// --- intervals ----------------------------------------------------------------------------------------------------

// Limits for the mean of a Poisson variable, 95 %: E. S. Pearson, H. O. Hartley, Biometrika Tables for Statisticians 1,
// table 40.
static void rates_have_exact_intervals(void **state) {
    (void)state;
    static const struct {
        int64_t count;
        double low, high;
    } table[] = {{1, 0.0253, 5.572}, {2, 0.242, 7.225}, {5, 1.623, 11.668}, {10, 4.795, 18.390}, {50, 37.11, 65.92}};
    for (size_t k = 0; k < CV_COUNT(table); k++)
        for (double hours = 0.5; hours < 4; hours *= 2) {
            const convo_interval got = convo_rate_interval(table[k].count, hours);
            if (fabs(got.low * hours - table[k].low) > 6e-3 || fabs(got.high * hours - table[k].high) > 6e-3)
                fail_msg("%d: %g to %g", (int)table[k].count, got.low * hours, got.high * hours);
        }
    assert_true(convo_rate_interval(0, 2).low == 0 && convo_rate_interval(0, 2).high == 1.5); // the rule of three
    assert_true(isinf(convo_rate_interval(0, 0).high));
    const convo_interval many = convo_rate_interval(10001, 1), few = convo_rate_interval(10000, 1);
    assert_true(fabs(many.low - few.low) < 3 && fabs(many.high - few.high) < 3);
}

static void quantiles_lie_between_neighbours(void **state) {
    (void)state;
    double value[] = {3, 1, 2, 5};
    assert_true(cv_quantile(value, 4, 0.5) == 2.5 && cv_quantile(value, 4, 1) == 5 && cv_quantile(value, 1, 0.5) == 1);
    assert_true(isnan(cv_quantile(value, 0, 0.5)));
}

// --- a model ------------------------------------------------------------------------------------------------------

#define LISTENER                                                                                                       \
    "features: {kind: logmel, rate: 8000, samples: 4000, filters: 8, center: false}\n"                                 \
    "model: [{conv2d: {out: 4, kernel: 3}}, relu, globalavgpool, {linear: 2}]\n"                                       \
    "train: {loss: cross_entropy, optimizer: {sgd: {lr: 1}}, epochs: 1}\n"

// Recordings of digits one after the other: long enough for a few hundred windows.
static void write_stream(const char *folder, const char *name) {
    char *path = cv_format("%s/%s", folder, name);
    cv_sound_writer writer;
    assert_int_equal(cv_sound_write_begin(&writer, path, 8000, NULL), CONVO_OK);
    for (int k = 0; k < 20; k++) {
        char *digit = cv_format("data/fsdd/%d_theo_%d.flac", k % 10, k);
        cv_sound sound;
        assert_int_equal(cv_sound_read(digit, 0, &sound, NULL), CONVO_OK);
        assert_int_equal(cv_sound_write(&writer, sound.sample, sound.count, NULL), CONVO_OK);
        cv_sound_free(&sound);
        free(digit);
    }
    assert_int_equal(cv_sound_write_end(&writer, NULL), CONVO_OK);
    free(path);
}

static convo_spotting spot_in(const char *list, int64_t packet, double at) {
    convo_model *model = make_model(LISTENER, 2);
    convo_spotting result;
    convo_error err = {0};
    if (convo_spot(model, list, &(convo_spot_options){.packet = packet, .at = at}, &result, &err))
        fail_msg("%s: %s", err.where, err.message);
    convo_listening l;
    assert_int_equal(convo_model_listening(model, &l, NULL), CONVO_OK);
    for (int w = 0; w < result.words; w++)
        assert_true(l.of[w].threshold == result.word[w].threshold); // the model has it
    convo_listening_free(&l);
    convo_model_free(model);
    return result;
}

static void packets_of_any_size_are_heard_alike(void **state) {
    if (cv_data_manifest.missing) skip();
    write_stream(*state, "a.wav");
    static const char list[] = "start,end,word\n0.5,1.2,zero\n2,2.4,one\n2.5,2.9,zero\n";
    write_file(*state, "a.csv", list, strlen(list));
    const convo_spotting whole = spot_in(*state, 0, 1e5);
    assert_int_equal(whole.words, 2);
    assert_int_equal(whole.word[0].said, 2);
    assert_int_equal(whole.word[1].said, 1);
    assert_true(whole.heard_count > 4 && whole.word[0].points > 1 && whole.seconds > 3);
    static const int64_t packets[] = {1, 7, 160, 4095};
    for (size_t k = 0; k < CV_COUNT(packets); k++) {
        convo_spotting r = spot_in(*state, packets[k], 1e5);
        assert_int_equal(r.heard_count, whole.heard_count);
        for (int64_t e = 0; e < r.heard_count; e++)
            assert_true(r.heard[e].time == whole.heard[e].time && r.heard[e].score == whole.heard[e].score &&
                        r.heard[e].hit == whole.heard[e].hit && r.heard[e].label == whole.heard[e].label);
        for (int w = 0; w < r.words; w++) {
            assert_int_equal(r.word[w].points, whole.word[w].points);
            for (int p = 0; p < r.word[w].points; p++)
                assert_int_equal(r.word[w].curve[p].false_accepts, whole.word[w].curve[p].false_accepts);
        }
        convo_spotting_free(&r);
    }
    convo_spotting_free((convo_spotting *)&whole);
}

// A folder, a recording and a list say the same; without words every event is a false accept.
static void lists_come_in_three_forms(void **state) {
    if (cv_data_manifest.missing) skip();
    write_stream(*state, "a.wav");
    write_stream(*state, "b.wav");
    static const char beside[] = "start,end,word,snr\n1,1.5,zero,3\n",
                      list[] = "path,start,end,word\na.wav,1,1.5,zero\nb.wav,,,\n";
    write_file(*state, "a.csv", beside, strlen(beside));
    write_file(*state, "list.csv", list, strlen(list));
    char *of[] = {cv_format("%s", (char *)*state), cv_format("%s/list.csv", (char *)*state),
                  cv_format("%s/a.wav", (char *)*state), cv_format("%s/b.wav", (char *)*state)};
    static const int recordings[] = {2, 2, 1, 1}, said[] = {1, 1, 1, 0};
    for (size_t k = 0; k < CV_COUNT(of); k++) {
        convo_spotting r = spot_in(of[k], 0, 0);
        assert_int_equal(r.recordings, recordings[k]);
        assert_int_equal(r.word[0].said, said[k]);
        assert_int_equal(r.word[1].said, 0);
        for (int64_t e = 0; e < r.heard_count; e++) assert_true(r.heard[e].hit == 0 || said[k]);
        assert_true(fabs(r.word[1].hours * 3600 - r.seconds) < 1e-6);
        convo_spotting_free(&r);
        free(of[k]);
    }
}

// Of two words each may have half of the false accepts.
static void words_share_what_false_accepts_there_may_be(void **state) {
    if (cv_data_manifest.missing) skip();
    write_stream(*state, "a.wav");
    char *path = cv_format("%s/a.wav", (char *)*state);
    convo_spotting all = spot_in(path, 0, 0);
    const double most = 3, at = 2 * most / all.word[0].hours;
    convo_spotting chosen = spot_in(path, 0, at);
    for (int w = 0; w < 2; w++) { // nothing is said: all thresholds that keep to it are as good
        const convo_spot_point *curve = all.word[w].curve;
        int end = 0;
        while (end < all.word[w].points && (double)curve[end].false_accepts <= most) end++;
        const double below = end < all.word[w].points ? curve[end].threshold : 0;
        assert_true(end > 0 && fabs(chosen.word[w].threshold - (curve[0].threshold + below) / 2) < 1e-6);
    }
    convo_spotting_free(&all);
    convo_spotting_free(&chosen);
    free(path);
}

static void words_behind_a_silent_class_have_their_own_scores(void **state) {
    if (cv_data_manifest.missing) skip();
    write_stream(*state, "a.wav");
    convo_model *model = make_model(LISTENER, 2);
    convo_listening l;
    convo_spotting result[2];
    convo_error err = {0};
    must(convo_model_listening(model, &l, &err), &err);
    for (int k = 0; k < 2; k++) {
        l.of[0].silent = k;
        must(convo_model_listen_with(model, &l, &err), &err);
        must(convo_spot(model, *state, NULL, &result[k], &err), &err);
    }
    const convo_spot_word *behind = &result[0].word[1], *alone = &result[1].word[0];
    assert_int_equal(result[1].words, 1);
    assert_int_equal(alone->label, 1);
    assert_int_equal(alone->points, behind->points);
    for (int p = 0; p < alone->points; p++) assert_true(alone->curve[p].threshold == behind->curve[p].threshold);
    for (int k = 0; k < 2; k++) convo_spotting_free(&result[k]);
    convo_listening_free(&l);
    convo_model_free(model);
}

// A word at the end of a recording may be heard half a second later, even if the net hears more than all of it at once.
static void a_word_at_the_end_has_its_time(void **state) {
    if (cv_data_manifest.missing) skip();
    cv_sound_writer writer;
    char *path = cv_format("%s/a.wav", (char *)*state);
    static const float sample[2400] = {0.5f}; // 0.3 s of a net's 0.5
    assert_int_equal(cv_sound_write_begin(&writer, path, 8000, NULL), CONVO_OK);
    assert_int_equal(cv_sound_write(&writer, sample, CV_COUNT(sample), NULL), CONVO_OK);
    assert_int_equal(cv_sound_write_end(&writer, NULL), CONVO_OK);
    static const char list[] = "start,end,word\n0.1,0.3,zero\n";
    write_file(*state, "a.csv", list, strlen(list));
    convo_spotting r = spot_in(path, 0, 1e6);
    assert_true(r.word[0].points > 0); // it has scores
    assert_int_equal(r.word[0].said, 1);
    assert_true(fabs(r.seconds - 0.3) < 1e-9); // silence is no sound
    convo_spotting_free(&r);
    free(path);
}

int main(void) {
#define IN_FOLDER(test) cmocka_unit_test_setup_teardown(test, make_folder, remove_folder)
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(hits_and_false_accepts_are_counted),
        cmocka_unit_test(thresholds_together_are_as_each_by_itself),
        cmocka_unit_test(scores_that_stay_at_one_displace_no_threshold),
        cmocka_unit_test(a_threshold_keeps_to_its_false_accepts),
        cmocka_unit_test(hours_without_words_leave_out_their_slack),
        cmocka_unit_test(rates_have_exact_intervals),
        cmocka_unit_test(quantiles_lie_between_neighbours),
        IN_FOLDER(packets_of_any_size_are_heard_alike),
        IN_FOLDER(lists_come_in_three_forms),
        IN_FOLDER(words_share_what_false_accepts_there_may_be),
        IN_FOLDER(words_behind_a_silent_class_have_their_own_scores),
        IN_FOLDER(a_word_at_the_end_has_its_time),
    };
    return cmocka_run_group_tests_name("spotting", tests, NULL, NULL);
}

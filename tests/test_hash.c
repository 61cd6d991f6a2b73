// SHA-1 against FIPS 180-4's examples and sha1sum; the sum over floats.
#include "base/hash.h"

#include <setjmp.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void sha1_is_sha1(void **state) {
    (void)state;
    static const struct {
        const char *text; // repeated `times`
        int times;
        const char *digest;
    } cases[] = {
        {"", 1, "da39a3ee5e6b4b0d3255bfef95601890afd80709"},
        {"abc", 1, "a9993e364706816aba3e25717850c26c9cd0d89d"},
        {"abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq", 1, "84983e441c3bd26ebaae4aa1f95129e5e54670f1"},
        {"a", 55, "c1c8bbdc22796e28c0e15163d20899b65621d65a"}, // around the ends of blocks
        {"a", 56, "c2db330f6083854c99d4b5bfb6e8f29f201be699"},
        {"a", 63, "03f09f5b158a7a8cdad920bddc29b81c18a551f5"},
        {"a", 64, "0098ba824b5c16427bd7a1122a5a442a25ec644d"},
        {"a", 119, "ee971065aaa017e0632a8ca6c77bb3bf8b1dfc56"},
        {"aaaaaaaaaa", 100000, "34aa973cd4c4daa4f61eeb2bdbad27316534016f"},
    };
    for (size_t k = 0; k < CV_COUNT(cases); k++) {
        cv_sha1 sha;
        uint8_t digest[CV_SHA1_SIZE];
        char text[CV_SHA1_TEXT];
        cv_sha1_begin(&sha);
        for (int i = 0; i < cases[k].times; i++) cv_sha1_add(&sha, cases[k].text, strlen(cases[k].text));
        cv_sha1_end(&sha, digest);
        cv_sha1_text(digest, text);
        if (strcmp(text, cases[k].digest) != 0) fail_msg("case %zu: %s, not %s", k, text, cases[k].digest);
    }
}

static void pieces_make_no_difference(void **state) {
    (void)state;
    static const char text[] = "The quick brown fox jumps over the lazy dog, again and again, until the block is full.";
    char whole[CV_SHA1_TEXT];
    for (size_t cut = 0; cut < strlen(text); cut++) {
        cv_sha1 sha;
        uint8_t digest[CV_SHA1_SIZE];
        char pieces[CV_SHA1_TEXT];
        cv_sha1_begin(&sha);
        cv_sha1_add(&sha, text, cut);
        cv_sha1_add_text(&sha, "%s", text + cut);
        cv_sha1_end(&sha, digest);
        cv_sha1_text(digest, cut ? pieces : whole);
        if (cut) assert_string_equal(pieces, whole);
    }
}

static void the_sum_sees_every_bit(void **state) {
    (void)state;
    float values[] = {0, 1, -2.5f, 1e-38f, 3}, changed[CV_COUNT(values)];
    const uint64_t sum = cv_hash_floats(values, CV_COUNT(values));
    assert_true(cv_hash_floats(values, CV_COUNT(values) - 1) != sum);
    for (size_t bit = 0; bit < 8 * sizeof values; bit++) {
        memcpy(changed, values, sizeof values);
        ((uint8_t *)changed)[bit / 8] ^= (uint8_t)(1 << bit % 8);
        assert_true(cv_hash_floats(changed, CV_COUNT(values)) != sum);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sha1_is_sha1),
        cmocka_unit_test(pieces_make_no_difference),
        cmocka_unit_test(the_sum_sees_every_bit),
    };
    return cmocka_run_group_tests_name("hash", tests, NULL, NULL);
}

// Changes of pictures, and mixed examples. golden/changes.py made the golden values, with Pillow.
#include "change/picture.h"
#include "changes.h"
#include "format/npy.h"
#include "support.h"

#include "base/file.h"

enum { SIDE = 32, PIXELS = SIDE * SIDE, SIZE = 3 * PIXELS };
static const cv_shape shape = {3, 3, SIDE, SIDE};

// Every pixel is different, and none is black.
static void make_picture(float x[SIZE]) {
    for (int i = 0; i < SIZE; i++) x[i] = (float)(i + 1) / (SIZE + 1);
}

static void change_picture(const cv_changes *changes, uint64_t example, float x[SIZE]) {
    float scratch[SIZE];
    make_picture(x);
    cv_changes_picture(changes, (cv_change_key){0, 0, example}, shape, x, scratch);
}

// --- golden values ------------------------------------------------------------------------------------------------

static void compare(const char *what, double amount, cv_shape s, const float *got, const float **want) {
    int64_t worst = 0;
    for (int64_t i = 0; i < cv_shape_size(s); i++)
        if (fabsf(got[i] - (*want)[i]) > fabsf(got[worst] - (*want)[worst])) worst = i;
    if (fabsf(got[worst] - (*want)[worst]) > 2e-5f)
        fail_msg("%s %g: value %lld is %g, not %g", what, amount, (long long)worst, (double)got[worst],
                 (double)(*want)[worst]);
    *want += cv_shape_size(s);
}

static void pictures_equal_golden_values(void **state) {
    (void)state;
    static const cv_shape shapes[] = {{3, 3, 6, 9}, {3, 1, 8, 5}};
    static const double angles[] = {0, 17, -40.5, 89, 180}, factors[] = {0, 0.6, 1.7};
    cv_bytes bytes;
    cv_numbers numbers;
    convo_error err = {.message = ""};
    must(cv_file_read("tests/golden/changes.npy", 1 << 20, &bytes, &err), &err);
    must(cv_npy_parse("changes.npy", bytes.data, bytes.size, &numbers, &err), &err);
    const float *want = (const float *)(const void *)numbers.data, *const end = want + numbers.dim[0];
    for (uint32_t k = 0; k < CV_COUNT(shapes); k++) {
        const cv_shape s = shapes[k];
        float x[162], y[162], scratch[162];
        for (uint32_t i = 0; i < cv_shape_size(s); i++) x[i] = (made_up(k, i) + 1) / 2;
        for (size_t a = 0; a < CV_COUNT(angles); a++) {
            memcpy(y, x, sizeof y);
            cv_picture_rotate(s, angles[a], CV_BEYOND_ZERO, y, scratch);
            compare("rotate", angles[a], s, y, &want);
        }
        for (int contrast = 0; contrast < 2; contrast++)
            for (size_t f = 0; f < CV_COUNT(factors); f++) {
                memcpy(y, x, sizeof y);
                (contrast ? cv_picture_contrast : cv_picture_brightness)(s, factors[f], y);
                compare(contrast ? "contrast" : "brightness", factors[f], s, y, &want);
            }
    }
    assert_ptr_equal(want, end);
    free(bytes.data);
}

// --- what is beyond the border ------------------------------------------------------------------------------------

static void borders_go_on_as_asked(void **state) {
    (void)state;
    // numpy.pad([0, 1, 2], 5, mode) at -5 ... 7
    static const int64_t edge[] = {0, 0, 0, 0, 0, 0, 1, 2, 2, 2, 2, 2, 2},
                         reflect[] = {1, 0, 1, 2, 1, 0, 1, 2, 1, 0, 1, 2, 1};
    for (int64_t i = -5; i <= 7; i++) {
        assert_int_equal(cv_beyond_index(i, 3, CV_BEYOND_EDGE), edge[i + 5]);
        assert_int_equal(cv_beyond_index(i, 3, CV_BEYOND_REFLECT), reflect[i + 5]);
        assert_int_equal(cv_beyond_index(i, 3, CV_BEYOND_ZERO), i < 0 || i > 2 ? -1 : i);
        assert_int_equal(cv_beyond_index(i, 1, CV_BEYOND_REFLECT), 0);
    }
}

// Turning about the centre, far from the border, does not depend on what is beyond it.
static void a_rotation_reads_beyond_the_border(void **state) {
    (void)state;
    float zero[SIZE], reflect[SIZE], edge[SIZE], scratch[SIZE];
    make_picture(zero);
    make_picture(reflect);
    make_picture(edge);
    cv_picture_rotate(shape, 30, CV_BEYOND_ZERO, zero, scratch);
    cv_picture_rotate(shape, 30, CV_BEYOND_REFLECT, reflect, scratch);
    cv_picture_rotate(shape, 30, CV_BEYOND_EDGE, edge, scratch);
    for (int y = 0; y < SIDE; y++)
        for (int x = 0; x < SIDE; x++) {
            const int i = y * SIDE + x;
            if (hypot(y - 15.5, x - 15.5) < 15) assert_true(zero[i] == reflect[i] && zero[i] == edge[i]);
            assert_true(reflect[i] > 0 && edge[i] > 0);
        }
    assert_true(zero[0] == 0 && zero[SIDE - 1] == 0 && zero[PIXELS - 1] == 0);
}

// --- pictures that move -------------------------------------------------------------------------------------------

// Where a changed picture's pixels were, from its middle: x[c][y][x] = before[c][y - *down][x - *right], zero beyond.
static void find_move(const float *x, int *down, int *right) {
    const int from = (int)lround((double)x[SIDE / 2 * SIDE + SIDE / 2] * (SIZE + 1)) - 1;
    *down = SIDE / 2 - from / SIDE;
    *right = SIDE / 2 - from % SIDE;
    for (int i = 0; i < SIZE; i++) {
        const int row = i / SIDE % SIDE - *down, column = i % SIDE - *right;
        const bool inside = row >= 0 && row < SIDE && column >= 0 && column < SIDE;
        const float want = inside ? (float)(i / PIXELS * PIXELS + row * SIDE + column + 1) / (SIZE + 1) : 0;
        if (x[i] != want)
            fail_msg("value %d is %g, not %g: moved by %d, %d", i, (double)x[i], (double)want, *down, *right);
    }
}

// Every place is as likely as any other: the counts of `places` moves down and right are within 4.5 deviations.
static void check_moves(const char *augment, int most, bool uniform) {
    enum { EXAMPLES = 3000 };
    cv_changes *changes = make_changes("pictures", augment, NULL);
    int counts[2][2 * SIDE + 1] = {{0}}, places = 2 * most + 1;
    for (uint64_t example = 0; example < EXAMPLES; example++) {
        float x[SIZE];
        int down, right;
        change_picture(changes, example, x);
        find_move(x, &down, &right);
        if (abs(down) > most || abs(right) > most) fail_msg("%s moves by %d, %d", augment, down, right);
        counts[0][down + most]++;
        counts[1][right + most]++;
    }
    const double mean = (double)EXAMPLES / places;
    for (int axis = 0; axis < 2; axis++)
        for (int k = 0; k < places; k++)
            if (counts[axis][k] == 0 || (uniform && fabs(counts[axis][k] - mean) > 4.5 * sqrt(mean)))
                fail_msg("%s moves by %d %d times, not %g", augment, k - most, counts[axis][k], mean);
    cv_changes_free(changes);
}

static void crops_and_shifts_move_the_picture(void **state) {
    (void)state;
    check_moves("{crop: 4}", 4, true);
    check_moves("{shift: 0.1}", 3, false); // 3.2 pixels at the most, rounded
}

static void a_crop_can_be_filled(void **state) {
    (void)state;
    cv_changes *reflect = make_changes("pictures", "{crop: {padding: 4, fill: reflect}}", NULL);
    for (uint64_t example = 0; example < 50; example++) {
        float x[SIZE];
        change_picture(reflect, example, x);
        for (int i = 0; i < SIZE; i++) assert_true(x[i] > 0);
    }
    cv_changes_free(reflect);
}

static void flips_mirror_their_share(void **state) {
    (void)state;
    enum { EXAMPLES = 2000 };
    cv_changes *changes = make_changes("pictures", "{flip: {horizontal: 0.5, vertical: 0.2}}", NULL),
               *usual = make_changes("pictures", "{flip: }", NULL);
    int flips[2] = {0}, alone = 0;
    for (uint64_t example = 0; example < EXAMPLES; example++) {
        float x[SIZE], before[SIZE];
        make_picture(before);
        change_picture(changes, example, x);
        const int first = (int)lround((double)x[0] * (SIZE + 1)) - 1, right = first % SIDE != 0, down = first >= SIDE;
        for (int i = 0; i < SIZE; i++) {
            const int row = i / SIDE % SIDE, column = i % SIDE;
            assert_true(x[i] == before[i / PIXELS * PIXELS + (down ? SIDE - 1 - row : row) * SIDE +
                                       (right ? SIDE - 1 - column : column)]);
        }
        flips[0] += right;
        flips[1] += down;
        change_picture(usual, example, x);
        alone += x[0] != before[0];
        assert_true(x[0] == before[0] || x[0] == before[SIDE - 1]);
    }
    if (abs(flips[0] - 1000) > 90 || abs(flips[1] - 400) > 72 || abs(alone - 1000) > 90)
        fail_msg("%d and %d of %d are mirrored, and %d", flips[0], flips[1], EXAMPLES, alone);
    cv_changes_free(changes);
    cv_changes_free(usual);
}

// --- light, cutout ------------------------------------------------------------------------------------------------

static void light_changes_by_the_factor(void **state) {
    (void)state;
    cv_changes *brightness = make_changes("pictures", "{brightness: 0.4}", NULL),
               *contrast = make_changes("pictures", "{contrast: 1.5}", NULL);
    double least[2] = {INFINITY, INFINITY}, most[2] = {0};
    for (uint64_t example = 0; example < 400; example++) {
        float x[SIZE];
        change_picture(brightness, example, x);
        const double factor = (double)x[0] * (SIZE + 1);
        for (int i = 0; i < SIZE; i += 97)
            assert_true(fabs((double)x[i] - fmin(1, factor * (i + 1) / (SIZE + 1))) < 1e-6);
        least[0] = fmin(least[0], factor);
        most[0] = fmax(most[0], factor);
        change_picture(contrast, example, x);
        const double slope = (double)(x[SIZE / 2 + 1] - x[SIZE / 2]) * (SIZE + 1); // neighbours near the mean
        least[1] = fmin(least[1], slope);
        most[1] = fmax(most[1], slope);
        for (int i = 0; i < SIZE; i++) assert_true(x[i] >= 0 && x[i] <= 1);
    }
    if (least[0] < 0.6 || least[0] > 0.61 || most[0] > 1.4 || most[0] < 1.39)
        fail_msg("brightness from %g to %g", least[0], most[0]);
    if (least[1] < -0.001 || least[1] > 0.02 || most[1] > 2.501 || most[1] < 2.48)
        fail_msg("contrast from %g to %g", least[1], most[1]);
    cv_changes_free(brightness);
    cv_changes_free(contrast);
}

// A square of at most 8 pixels, smaller only at the border, of the channel's mean. Its centre covers the picture.
static void a_square_is_cut_out(void **state) {
    (void)state;
    enum { EXAMPLES = 2000 };
    cv_changes *changes = make_changes("pictures", "{cutout: 8}", NULL);
    int whole = 0, corners = 0;
    for (uint64_t example = 0; example < EXAMPLES; example++) {
        float x[SIZE], before[SIZE];
        make_picture(before);
        change_picture(changes, example, x);
        int top = SIDE, bottom = -1, left = SIDE, right = -1, covered = 0;
        for (int i = 0; i < PIXELS; i++) {
            if (x[i] == before[i]) continue;
            const int row = i / SIDE, column = i % SIDE;
            top = row < top ? row : top;
            bottom = row;
            left = column < left ? column : left;
            right = column > right ? column : right;
            covered++;
        }
        const int height = bottom - top + 1, width = right - left + 1;
        assert_int_equal(covered, height * width);
        for (int c = 0; c < 3; c++) {
            const double mean = (c * PIXELS + (PIXELS + 1) / 2.0) / (SIZE + 1);
            assert_true(fabs((double)x[c * PIXELS + top * SIDE + left] - mean) < 1e-6);
        }
        if ((height != 8 && top != 0 && bottom != SIDE - 1) || height > 8 || width > 8)
            fail_msg("a square of %d x %d from %d, %d", height, width, top, left);
        whole += height == 8 && width == 8;
        corners += top == 0 && left == 0;
    }
    // Whole where 25 of 32 rows and columns are the centre; in the corner, where 5 of 32 are.
    if (abs(whole - (int)(EXAMPLES * 0.61)) > 90 || abs(corners - (int)(EXAMPLES * 0.0244)) > 28)
        fail_msg("%d are whole, %d in the corner", whole, corners);
    cv_changes_free(changes);
}

// --- the same bits ------------------------------------------------------------------------------------------------

static void pictures_depend_on_their_key_alone(void **state) {
    (void)state;
    cv_changes *changes = make_changes(
        "pictures", "{flip: 0.5, rotate: 15, shift: 0.1, crop: 2, brightness: 0.2, contrast: 0.2, cutout: 6}", NULL);
    float one[SIZE], again[SIZE], other[SIZE], scratch[SIZE];
    for (uint64_t example = 0; example < 20; example++) {
        change_picture(changes, example, one);
        change_picture(changes, example + 1, other);
        change_picture(changes, example, again);
        assert_memory_equal(one, again, sizeof one);
        assert_memory_not_equal(one, other, sizeof one);
        make_picture(other);
        cv_changes_picture(changes, (cv_change_key){0, 1, example}, shape, other, scratch);
        assert_memory_not_equal(one, other, sizeof one);
    }
    cv_changes_free(changes);
}

// --- mixing -------------------------------------------------------------------------------------------------------

enum { BATCH = 8, MIXES = 4000 };

static void partners_are_others_of_the_batch(void **state) {
    (void)state;
    cv_changes *changes = make_changes("pictures", "{mixup: 1}", NULL);
    int partners[BATCH] = {0};
    double mean = 0;
    for (uint64_t example = 0; example < MIXES; example++) {
        const cv_mix mix = cv_changes_mix(changes, (cv_change_key){0, 0, example}, shape, 3, BATCH);
        assert_true(mix.partner < BATCH && mix.height == 0 && mix.lambda >= 0 && mix.lambda <= 1);
        partners[mix.partner]++;
        mean += mix.lambda / MIXES;
    }
    assert_int_equal(partners[3], 0);
    for (int k = 0; k < BATCH; k++)
        if (k != 3 && abs(partners[k] - MIXES / 7) > 100) fail_msg("partner %d of %d: %d times", k, BATCH, partners[k]);
    if (fabs(mean - 0.5) > 0.02) fail_msg("the mean share is %g", mean);
    const cv_mix alone = cv_changes_mix(changes, (cv_change_key){0}, shape, 0, 1);
    assert_true(alone.partner == 0 && alone.lambda == 1);
    cv_changes_free(changes);
}

static void mixup_is_a_weighted_mean(void **state) {
    (void)state;
    const cv_shape s = {1, 4, 1, 1};
    const cv_mix mix = {.partner = 1, .lambda = 0.75};
    float x[4] = {0, 4, -8, 1};
    const float partner[4] = {4, 0, 8, 1}, want[4] = {1, 3, -4, 1};
    cv_mix_apply(&mix, s, x, partner, x);
    assert_memory_equal(x, want, sizeof x);
}

// The box covers what the share says, to a pixel, and all channels.
static void cutmix_takes_a_box(void **state) {
    (void)state;
    cv_changes *changes = make_changes("pictures", "{cutmix: 1}", NULL);
    float x[SIZE], partner[SIZE], out[SIZE];
    double mean = 0, most = 0;
    make_picture(x);
    for (int i = 0; i < SIZE; i++) partner[i] = -x[i];
    for (uint64_t example = 0; example < MIXES; example++) {
        const cv_mix mix = cv_changes_mix(changes, (cv_change_key){0, 0, example}, shape, 0, BATCH);
        int taken = 0;
        cv_mix_apply(&mix, shape, x, partner, out);
        for (int i = 0; i < SIZE; i++) {
            const int row = i / SIDE % SIDE, column = i % SIDE;
            const bool inside =
                row >= mix.top && row < mix.top + mix.height && column >= mix.left && column < mix.left + mix.width;
            assert_true(out[i] == (inside ? partner[i] : x[i]));
            taken += inside;
        }
        if (fabs(1 - mix.lambda - (double)taken / SIZE) > 1e-9) fail_msg("share %g, %d values", mix.lambda, taken);
        mean += taken / (double)SIZE / MIXES;
        most = fmax(most, taken / (double)SIZE);
    }
    double wanted = 0; // a side of even length 2 k, with r^2 uniform, around each of the pixels in turn
    for (int k = 1; k <= SIDE / 2; k++) {
        double kept = 0; // of the side, on average
        for (int c = 0; c < SIDE; c++) kept += (fmin(c + k, SIDE) - fmax(c - k, 0)) / (SIDE * SIDE);
        wanted += kept * kept * (pow(fmin(2.0 * k + 2, SIDE) / SIDE, 2) - pow(2.0 * k / SIDE, 2));
    }
    if (fabs(mean - wanted) > 0.015) fail_msg("%g of the values are taken on average, not %g", mean, wanted);
    if (most < 0.85) fail_msg("at most %g are taken", most);
    cv_changes_free(changes);
}

static void frames_have_a_box_in_time(void **state) {
    (void)state;
    const cv_shape frames = {2, 5, 1, 100};
    cv_changes *changes = make_changes("frames", "{cutmix: {alpha: 1, share: 0.5}}", NULL);
    int mixed = 0;
    for (uint64_t example = 0; example < MIXES; example++) {
        const cv_mix mix = cv_changes_mix(changes, (cv_change_key){0, 0, example}, frames, 0, BATCH);
        if (mix.partner == 0) continue;
        mixed++;
        assert_true(mix.height == 1 && mix.top == 0 && mix.width >= 0 && mix.left + mix.width <= 100);
        assert_true(fabs(mix.lambda - (1 - (double)mix.width / 100)) < 1e-9);
    }
    if (abs(mixed - MIXES / 2) > 130) fail_msg("%d of %d are mixed", mixed, MIXES);
    cv_changes_free(changes);
}

static void with_both_each_example_has_one(void **state) {
    (void)state;
    cv_changes *changes = make_changes("pictures", "{mixup: 0.4, cutmix: 1}", NULL);
    int boxes = 0;
    for (uint64_t example = 0; example < MIXES; example++)
        boxes += cv_changes_mix(changes, (cv_change_key){0, 0, example}, shape, 0, BATCH).height > 0;
    if (abs(boxes - MIXES / 2) > 150) fail_msg("%d of %d are boxes", boxes, MIXES);
    cv_changes_free(changes);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pictures_equal_golden_values),
        cmocka_unit_test(borders_go_on_as_asked),
        cmocka_unit_test(a_rotation_reads_beyond_the_border),
        cmocka_unit_test(crops_and_shifts_move_the_picture),
        cmocka_unit_test(a_crop_can_be_filled),
        cmocka_unit_test(flips_mirror_their_share),
        cmocka_unit_test(light_changes_by_the_factor),
        cmocka_unit_test(a_square_is_cut_out),
        cmocka_unit_test(pictures_depend_on_their_key_alone),
        cmocka_unit_test(partners_are_others_of_the_batch),
        cmocka_unit_test(mixup_is_a_weighted_mean),
        cmocka_unit_test(cutmix_takes_a_box),
        cmocka_unit_test(frames_have_a_box_in_time),
        cmocka_unit_test(with_both_each_example_has_one),
    };
    return cmocka_run_group_tests_name("change_pictures", tests, NULL, NULL);
}

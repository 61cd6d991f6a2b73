// Pictures: files of every sort, and what Pillow and PyTorch make of them (golden/pictures.py).
#include "datasets.h"

#include "data/picture.h"

#if defined(CONVO_HAVE_LIBPNG) && defined(CONVO_HAVE_LIBJPEG)
#define HAVE_PICTURES 1
#else
#define HAVE_PICTURES 0
#endif

#ifdef CONVO_HAVE_LIBWEBP
static const bool have_webp = true;
#else
static const bool have_webp = false;
#endif

#define PICTURES "tests/golden/pictures/"

static void skip_unless(bool possible, const char *why) {
    if (possible) return;
    print_message("[  SKIPPED ] %s\n", why);
    skip();
}

static const char no_pictures[] = "built without libpng or libjpeg";
enum { ROWS = 9, COLUMNS = 13 }; // of the golden pictures, before they are turned

// The golden pictures whose names begin like this, sorted. Free them with cv_folder_free.
static char **list_pictures(const char *begin, size_t *count) {
    char **names;
    size_t all;
    assert_int_equal(cv_folder_list(PICTURES, &names, &all, NULL), CONVO_OK);
    *count = 0;
    for (size_t k = 0; k < all; k++) {
        const char *ending = strrchr(names[k], '.');
        const bool readable = strcmp(ending, ".bmp") == 0 || (strcmp(ending, ".webp") == 0 ? have_webp : HAVE_PICTURES);
        if (strncmp(names[k], begin, strlen(begin)) == 0 && strcmp(ending, ".npy") != 0 && readable)
            names[(*count)++] = names[k];
        else
            free(names[k]);
    }
    return names;
}

// --- what a file holds ------------------------------------------------------------------------------------------

// JPEG decoders may differ by a step or two.
static void check_pixels(const char *name, bool orient) {
    char *path = cv_format(PICTURES "%s", name), *array = cv_format(PICTURES "%s.npy", name);
    const int allowed = strstr(name, ".jpg") ? 2 : 0;
    cv_bytes bytes = read_whole(array);
    cv_numbers want;
    cv_picture p;
    convo_error err;
    if (cv_npy_parse(array, bytes.data, bytes.size, &want, &err)) fail_msg("%s: %s", err.where, err.message);
    if (cv_picture_read(path, orient, &p, &err)) fail_msg("%s: %s", err.where, err.message);
    if (want.dims != 3 || want.dim[0] != p.height || want.dim[1] != p.width || want.dim[2] != 3)
        fail_msg("%s has %d rows and %d columns", name, (int)p.height, (int)p.width);
    int worst = 0;
    const uint8_t *w = want.data;
    for (int i = 0; i < ROWS * COLUMNS * 3; i++)
        if (abs(p.pixel[i] - w[i]) > abs(p.pixel[worst] - w[worst])) worst = i;
    if (abs(p.pixel[worst] - w[worst]) > allowed)
        fail_msg("%s: value %d is %d, Pillow has %d", name, worst, p.pixel[worst], w[worst]);
    cv_picture_free(&p);
    free(bytes.data);
    free(array);
    free(path);
}

static void every_sort_of_picture_is_read_as_pillow_reads_it(void **state) {
    (void)state;
    size_t count, checked = 0;
    char **names = list_pictures("", &count);
    for (size_t k = 0; k < count; k++) {
        if (strncmp(names[k], "damaged", 7) == 0 || strncmp(names[k], "turned", 6) == 0 ||
            strncmp(names[k], "limit", 5) == 0 || strncmp(names[k], "unsupported", 11) == 0)
            continue;
        check_pixels(names[k], false);
        checked++;
    }
    assert_true(checked > (HAVE_PICTURES ? 60 : 13));
    cv_folder_free(names, count);
}

static void pictures_are_turned_only_where_that_is_asked_for(void **state) {
    (void)state;
    skip_unless(HAVE_PICTURES, no_pictures);
    size_t count;
    char **names = list_pictures("turned", &count);
    assert_int_equal(count, have_webp ? 12 : 10);
    for (size_t k = 0; k < count; k++) {
        char *path = cv_format(PICTURES "%s", names[k]);
        cv_picture p;
        convo_error err;
        assert_int_equal(cv_picture_read(path, false, &p, NULL), CONVO_OK);
        assert_true(p.height == ROWS && p.width == COLUMNS);
        cv_picture_free(&p);
        if (cv_exif_readable) {
            check_pixels(names[k], true);
        } else {
            assert_int_equal(cv_picture_read(path, true, &p, &err), CONVO_UNSUPPORTED);
            assert_non_null(strstr(err.message, "libexif-dev"));
        }
        free(path);
    }
    if (cv_exif_readable) check_pixels("rgb.png", true); // without EXIF data
    cv_folder_free(names, count);
}

// Compares with a golden array.
static void check_values(const char *array, cv_shape shape, double allowed) {
    cv_picture p;
    convo_error err;
    size_t count;
    float *want = golden_array(array, &count), *got = malloc(count * sizeof *got);
    assert_int_equal(count, cv_shape_size(shape));
    if (cv_picture_read(PICTURES "rgb.png", false, &p, &err)) fail_msg("%s: %s", err.where, err.message);
    if (cv_picture_values(&p, shape, got, &err)) fail_msg("%s: %s", err.where, err.message);
    size_t worst = 0;
    for (size_t i = 0; i < count; i++)
        if (fabsf(got[i] - want[i]) > fabsf(got[worst] - want[worst])) worst = i;
    if ((double)fabsf(got[worst] - want[worst]) > allowed)
        fail_msg("value %zu of %zu is %g, %s has %g", worst, count, (double)got[worst], array, (double)want[worst]);
    cv_picture_free(&p);
    free(want);
    free(got);
}

static void gray_is_the_luma_that_pillow_has(void **state) {
    (void)state;
    skip_unless(HAVE_PICTURES, no_pictures);
    check_values(PICTURES "rgb-luma.npy", (cv_shape){3, 1, ROWS, COLUMNS}, 0);
}

static void pictures_are_resized_as_pytorch_resizes_them(void **state) {
    (void)state;
    skip_unless(HAVE_PICTURES, no_pictures);
    check_values(PICTURES "rgb-5x7.npy", (cv_shape){3, 3, 5, 7}, 1e-6);
    check_values(PICTURES "rgb-20x17.npy", (cv_shape){3, 3, 20, 17}, 1e-6);
    check_values(PICTURES "rgb-4x30.npy", (cv_shape){3, 3, 4, 30}, 1e-6);
}

// --- what is refused --------------------------------------------------------------------------------------------

static convo_status read_bytes(const char *folder, const void *data, size_t size, cv_picture *p, convo_error *err) {
    char *path = cv_format("%s/picture", folder);
    write_damaged(path, data, size);
    const convo_status status = cv_picture_read(path, cv_exif_readable, p, err);
    free(path);
    return status;
}

static void what_is_no_picture_is_refused(void **state) {
    static const char *const texts[] = {"",
                                        "\x89PNG\r\n\x1a\n",
                                        "\xff\xd8\xff",
                                        "\xff\xd8\xff\xe0 nothing that follows",
                                        "GIF89a",
                                        "BM",
                                        "BM begins this text, which goes on for some time",
                                        "\x89PNG\r\n\x1a\n\xff\xff\xff\xffIHDRxxxxxxxxxxxxxxxxx"};
    skip_unless(HAVE_PICTURES, no_pictures);
    for (size_t k = 0; k < CV_COUNT(texts); k++) {
        cv_picture p;
        convo_error err = {.message = ""};
        const convo_status status = read_bytes(*state, texts[k], strlen(texts[k]), &p, &err);
        if (status != CONVO_FORMAT) fail_msg("text %zu: %s: %s", k, convo_status_name(status), err.message);
        assert_null(p.pixel);
        assert_non_null(strstr(err.where, "/picture"));
    }
}

static uint32_t crc32_of(const uint8_t *data, size_t size) {
    uint32_t crc = ~0u;
    for (size_t i = 0; i < size; i++) {
        crc ^= data[i];
        for (int k = 0; k < 8; k++) crc = crc & 1 ? crc >> 1 ^ 0xedb88320u : crc >> 1;
    }
    return ~crc;
}

static void put_big(uint8_t *at, uint32_t value, int count) {
    for (int k = 0; k < count; k++) at[k] = (uint8_t)(value >> 8 * (count - 1 - k));
}

// What a few bytes claim must not cost gigabytes.
static void pictures_that_claim_to_be_huge_are_refused(void **state) {
    static const uint32_t sizes[][2] = {{16385, 1}, {1, 20000}, {16000, 16000}, {1000000, 1000000}};
    skip_unless(HAVE_PICTURES, no_pictures);
    cv_bytes png = read_whole(PICTURES "rgb.png"), jpeg = read_whole(PICTURES "gray.jpg");
    size_t frame = 0; // the JPEG's start of frame: marker, length, precision, height, width
    while (jpeg.data[frame] != 0xff || jpeg.data[frame + 1] != 0xc0) frame++;
    for (size_t k = 0; k < CV_COUNT(sizes); k++) {
        cv_picture p;
        convo_error err = {.message = ""};
        put_big(png.data + 16, sizes[k][0], 4);
        put_big(png.data + 20, sizes[k][1], 4);
        put_big(png.data + 29, crc32_of(png.data + 12, 17), 4);
        convo_status status = read_bytes(*state, png.data, png.size, &p, &err);
        // libpng has a limit of its own, of a million in a row.
        if (status != CONVO_LIMIT && (k < 3 || status != CONVO_FORMAT)) fail_msg("PNG %zu: %s", k, err.message);
        if (sizes[k][0] > 65500) continue;
        put_big(jpeg.data + frame + 5, sizes[k][0], 2);
        put_big(jpeg.data + frame + 7, sizes[k][1], 2);
        status = read_bytes(*state, jpeg.data, jpeg.size, &p, &err);
        if (status != CONVO_LIMIT) fail_msg("JPEG %zu: %s", k, err.message);
    }
    free(png.data);
    free(jpeg.data);
}

// A pass over all pixels may be a few bytes.
static void a_jpeg_of_very_many_passes_is_refused(void **state) {
    (void)state;
    skip_unless(HAVE_PICTURES, no_pictures);
    cv_picture p;
    convo_error err = {.message = ""};
    assert_int_equal(cv_picture_read(PICTURES "limit-passes.jpg", false, &p, &err), CONVO_LIMIT);
    assert_non_null(strstr(err.message, "100 times"));
}

static void pictures_without_their_end_or_with_a_wrong_sum_are_refused(void **state) {
    (void)state;
    skip_unless(HAVE_PICTURES, no_pictures);
    size_t count;
    char **names = list_pictures("damaged", &count);
    assert_int_equal(count, have_webp ? 19 : 15);
    for (size_t k = 0; k < count; k++) {
        char *path = cv_format(PICTURES "%s", names[k]);
        cv_picture p;
        convo_error err = {.message = ""};
        if (cv_picture_read(path, false, &p, &err) != CONVO_FORMAT) fail_msg("%s is read: %s", names[k], err.message);
        free(path);
    }
    cv_folder_free(names, count);
}

static void animations_are_refused(void **state) {
    (void)state;
    cv_picture p;
    convo_error err = {.message = ""};
    assert_int_equal(cv_picture_read(PICTURES "unsupported-animation.webp", false, &p, &err), CONVO_UNSUPPORTED);
    if (!strstr(err.message, have_webp ? "animation" : "libwebp-dev")) fail_msg("%s", err.message);
}

static void unusual_bmps_are_refused_by_name(void **state) {
    (void)state;
    static const char *const files[] = {"16-bits", "masks", "packed"};
    for (size_t k = 0; k < CV_COUNT(files); k++) {
        char *path = cv_format(PICTURES "unsupported-%s.bmp", files[k]);
        cv_picture p;
        convo_error err = {.message = ""};
        assert_int_equal(cv_picture_read(path, false, &p, &err), CONVO_UNSUPPORTED);
        if (!strstr(err.message, "save it as PNG")) fail_msg("%s", err.message);
        free(path);
    }
}

// Never a crash, and never half a picture.
static void cut_or_damaged_pictures_are_refused(void **state) {
    static const char *const files[] = {"rgb.png",       "palette2-trns.png", "gray16.png",       "turned-6.png",
                                        "rgb.jpg",       "progressive.jpg",   "cmyk.jpg",         "turned.jpg",
                                        "lossless.webp", "lossy.webp",        "lossy-alpha.webp", "turned.webp",
                                        "rgb.bmp",       "palette4.bmp",      "masks.bmp",        "old.bmp"};
    skip_unless(HAVE_PICTURES, no_pictures);
    for (size_t k = 0; k < CV_COUNT(files); k++) {
        char *path = cv_format(PICTURES "%s", files[k]);
        cv_bytes bytes = read_whole(path);
        cv_picture p;
        for (size_t size = 0; size < bytes.size; size++)
            if (read_bytes(*state, bytes.data, size, &p, NULL) == CONVO_OK)
                fail_msg("%s: %zu of %zu bytes make a picture", files[k], size, bytes.size);
        for (size_t at = 0; at < bytes.size; at++) {
            bytes.data[at] ^= 0x55;
            if (read_bytes(*state, bytes.data, bytes.size, &p, NULL) == CONVO_OK) {
                if (strstr(files[k], ".png")) fail_msg("%s: a wrong byte %zu is not noticed", files[k], at);
                cv_picture_free(&p);
            }
            bytes.data[at] ^= 0x55;
        }
        free(bytes.data);
        free(path);
    }
}

int main(void) {
#define IN_FOLDER(test) cmocka_unit_test_setup_teardown(test, make_folder, remove_folder)
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_sort_of_picture_is_read_as_pillow_reads_it),
        cmocka_unit_test(pictures_are_turned_only_where_that_is_asked_for),
        cmocka_unit_test(gray_is_the_luma_that_pillow_has),
        cmocka_unit_test(pictures_are_resized_as_pytorch_resizes_them),
        IN_FOLDER(what_is_no_picture_is_refused),
        IN_FOLDER(pictures_that_claim_to_be_huge_are_refused),
        cmocka_unit_test(a_jpeg_of_very_many_passes_is_refused),
        cmocka_unit_test(pictures_without_their_end_or_with_a_wrong_sum_are_refused),
        cmocka_unit_test(animations_are_refused),
        cmocka_unit_test(unusual_bmps_are_refused_by_name),
        IN_FOLDER(cut_or_damaged_pictures_are_refused),
    };
    return cmocka_run_group_tests_name("pictures", tests, NULL, NULL);
}

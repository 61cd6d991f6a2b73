// Data sets of pictures: folders of them, CIFAR and IDX files.
#include "data/picture.h"
#include "data/reading.h"
#include "base/limits.h"
#include "datasets.h"

#ifdef CONVO_HAVE_LIBARCHIVE
#include "packer.h"
#endif

#if defined(CONVO_HAVE_LIBPNG) && defined(CONVO_HAVE_LIBJPEG)
#define HAVE_PICTURES 1
#else
#define HAVE_PICTURES 0
#endif

#define PICTURES "tests/golden/pictures/"

static void skip_unless(bool possible, const char *why) {
    if (possible) return;
    print_message("[  SKIPPED ] %s\n", why);
    skip();
}

static const char no_pictures[] = "built without libpng or libjpeg";
enum { ROWS = 9, COLUMNS = 13 }; // of the golden pictures

static void copy_golden(const char *from, const char *folder, const char *to) {
    char *path = cv_format(PICTURES "%s", from);
    cv_bytes bytes = read_whole(path);
    write_file(folder, to, bytes.data, bytes.size);
    free(bytes.data);
    free(path);
}

// --- folders of pictures ----------------------------------------------------------------------------------------

static const cv_data_kind *const imagefolder = &cv_data_imagefolder;

static void put_picture(const char *folder, const char *inner, const char *name, const char *golden) {
    char *path = cv_format("%s/%s", folder, inner);
    assert_int_equal(cv_folder_make(path, NULL), CONVO_OK);
    copy_golden(golden, path, name);
    free(path);
}

static void folders_are_classes(void **state) {
    skip_unless(HAVE_PICTURES, no_pictures);
    put_picture(*state, "dog", "2.PNG", "rgb.png");
    put_picture(*state, "dog", "1.jpeg", "rgb.jpg");
    put_picture(*state, "cat", "a.jpg", "gray.jpg");
    put_picture(*state, "train", "express.png", "gray8.png"); // no part: there are others beside it
    put_picture(*state, "__MACOSX", "x.png", "gray8.png");
    put_picture(*state, "dog", "notes.txt", "rgb-luma.npy");
    write_file(*state, "readme.txt", "hello", 5);
    cv_dataset *d = open_data(imagefolder, *state, NULL);
    assert_int_equal(d->count, 4);
    check_shape(d, 3, 3, ROWS, COLUMNS);
    assert_int_equal(d->label_count, 3);
    assert_string_equal(d->labels[0], "cat");
    assert_string_equal(d->labels[2], "train");
    assert_non_null(strstr(d->example[1].path, "/dog/1.jpeg"));
    assert_int_equal(d->example[1].label, 1);
    assert_int_equal(d->example[1].part, -1);

    cv_pool *pool;
    float *values;
    cv_picture p;
    enum { COUNT = 3 * ROWS * COLUMNS };
    float want[COUNT];
    assert_int_equal(cv_picture_read(PICTURES "rgb.png", false, &p, NULL), CONVO_OK);
    assert_int_equal(cv_picture_values(&p, d->shape, want, NULL), CONVO_OK);
    cv_picture_free(&p);
    void *config = data_options(imagefolder, NULL);
    assert_int_equal(cv_pool_new(&pool, 2, NULL), CONVO_OK);
    assert_int_equal(cv_dataset_read(d, imagefolder, config, NULL, pool, &values, NULL), CONVO_OK);
    assert_memory_equal(values + 2 * COUNT, want, sizeof want);
    cv_pool_free(pool);
    free(config);
    free(values);
    cv_dataset_free(d);
}

// Pictures of sounds: the folders are those of Speech Commands.
static void words_may_be_pictures(void **state) {
    static const struct {
        const char *const settings[4];
        int labels;
        size_t unknown, silence;
    } cases[] = {
        {{NULL}, 5, 0, 0},
        {{"keywords=yes no", NULL}, 4, 2, 2}, // ceil(0.1 * 2), and all noise that is there, in each of two parts
        {{"keywords=yes no", "unknown=2", NULL}, 4, 6, 2},
        {{"keywords=yes no", "silence=0", NULL}, 3, 2, 0},
        {{"keywords=yes no", "unknown=0", NULL}, 3, 0, 2},
    };
    static const char *const words[] = {"yes", "no", "bed", "cat", "cat", "_background_noise_"};
    skip_unless(HAVE_PICTURES, no_pictures);
    for (size_t k = 0; k < CV_COUNT(words); k++) {
        char name[16], *train = cv_format("train/%s", words[k]), *validation = cv_format("validation/%s", words[k]);
        snprintf(name, sizeof name, "%zu.png", k);
        put_picture(*state, train, name, "gray8.png");
        put_picture(*state, validation, name, "gray8.png");
        free(train);
        free(validation);
    }
    for (size_t k = 0; k < CV_COUNT(cases); k++) {
        cv_dataset *d = open_data(imagefolder, *state, cases[k].settings);
        size_t unknown = 0, silence = 0;
        for (size_t i = 0; i < d->count; i++) {
            unknown += strcmp(d->labels[d->example[i].label], "_unknown_") == 0;
            silence += strcmp(d->labels[d->example[i].label], "_silence_") == 0;
        }
        assert_int_equal(d->label_count, cases[k].labels);
        assert_int_equal(unknown, cases[k].unknown);
        assert_int_equal(silence, cases[k].silence);
        if (k) assert_int_equal(d->count, 4 + unknown + silence);
        cv_dataset_free(d);
    }
}

static void train_validation_and_test_are_the_official_split(void **state) {
    static const char *const gray[] = {"channels=1", NULL};
    put_picture(*state, "train/cat", "1.png", "gray8.png");
    put_picture(*state, "train/dog", "1.png", "rgb.png");
    put_picture(*state, "validation/dog", "2.png", "rgb.png");
    put_picture(*state, "test/eel", "3.png", "rgb.png");
    skip_unless(HAVE_PICTURES, no_pictures);
    cv_dataset *d = open_data(imagefolder, *state, gray);
    assert_int_equal(d->count, 4);
    check_shape(d, 3, 1, ROWS, COLUMNS);
    assert_int_equal(d->label_count, 3);
    assert_int_equal(count_part(d, CONVO_TRAIN), 2);
    assert_int_equal(count_part(d, CONVO_VALIDATION), 1);
    assert_int_equal(count_part(d, CONVO_TEST), 1);
    cv_dataset_free(d);
}

static void another_size_is_refused_or_resized(void **state) {
    static const char *const small[] = {"size=[5, 7]", NULL}, *const resized[] = {"size=[5, 7]", "resize=true", NULL},
                             *const unsized[] = {"resize=true", NULL};
    skip_unless(HAVE_PICTURES, no_pictures);
    put_picture(*state, "cat", "1.png", "rgb.png");
    refuse_data(imagefolder, *state, unsized, CONVO_ARGUMENT, "size");
    for (int resize = 0; resize < 2; resize++) {
        const char *const *settings = resize ? resized : small;
        void *config = data_options(imagefolder, settings);
        cv_shape known;
        assert_true(imagefolder->shape(config, &known));
        assert_true(known.c == 3 && known.h == 5 && known.w == 7);
        cv_dataset *d = open_data(imagefolder, *state, settings);
        cv_pool *pool;
        float *values;
        convo_error err = {.message = ""};
        assert_int_equal(cv_pool_new(&pool, 1, NULL), CONVO_OK);
        const convo_status status = cv_dataset_read(d, imagefolder, config, NULL, pool, &values, &err);
        assert_int_equal(status, resize ? CONVO_OK : CONVO_SHAPE);
        if (!resize && (!strstr(err.message, "resize: true") || !strstr(err.where, "cat/1.png")))
            fail_msg("%s: %s", err.where, err.message);
        free(values);
        cv_pool_free(pool);
        cv_dataset_free(d);
        free(config);
    }
}

static void orient_turns_the_pictures_of_a_folder(void **state) {
    static const char *const settings[] = {"orient=true", NULL};
    skip_unless(HAVE_PICTURES, no_pictures);
    put_picture(*state, "cat", "1.png", "turned-6.png");
    cv_dataset *d = open_data(imagefolder, *state, NULL);
    check_shape(d, 3, 3, ROWS, COLUMNS);
    cv_dataset_free(d);
    if (!cv_exif_readable) {
        refuse_data(imagefolder, *state, settings, CONVO_UNSUPPORTED, "libexif-dev");
        return;
    }
    d = open_data(imagefolder, *state, settings);
    check_shape(d, 3, 3, COLUMNS, ROWS);
    cv_dataset_free(d);
}

static void classes_are_those_that_are_asked_for(void **state) {
    static const char *const two[] = {"classes=eel cat", "size=[4, 4]", NULL};
    static const char *const wrong[] = {"classes=cat dgo", NULL}, *const rare[] = {"classes=cat fox", NULL};
    skip_unless(HAVE_PICTURES, no_pictures);
    put_picture(*state, "train/cat", "1.png", "gray8.png");
    put_picture(*state, "train/dog", "1.png", "rgb.png");
    put_picture(*state, "train/eel", "1.png", "rgb.png");
    put_picture(*state, "test/cat", "2.png", "rgb.png");
    put_picture(*state, "test/dog", "2.png", "rgb.png");
    put_picture(*state, "test/fox", "2.gif", "rgb.png");
    cv_dataset *d = open_data(imagefolder, *state, two);
    assert_int_equal(d->count, 3);
    assert_int_equal(d->label_count, 2);
    assert_string_equal(d->labels[0], "cat");
    assert_int_equal(count_part(d, CONVO_TEST), 1);
    cv_dataset_free(d);
    refuse_data(imagefolder, *state, wrong, CONVO_ARGUMENT, "no folder 'dgo' in it, did you mean 'dog'?");
    refuse_data(imagefolder, *state, rare, CONVO_FORMAT, "test/fox");
}

static void folders_beside_the_parts_are_told(void **state) {
    put_picture(*state, "Train/cat", "1.png", "gray8.png");
    put_picture(*state, "testing/cat", "1.png", "gray8.png");
    put_picture(*state, "test", "1.png", "gray8.png"); // no part: it has no class folders
    put_picture(*state, "other/cat", "1.png", "gray8.png");
    skip_unless(HAVE_PICTURES, no_pictures);
    cv_dataset *d = open_data(imagefolder, *state, NULL);
    assert_int_equal(d->count, 2);
    assert_int_equal(count_part(d, CONVO_TEST), 1);
    assert_string_equal(d->found.of[CV_FOUND_FOLDER].sentence, "skipped 2 folders out of place: other, test");
    cv_dataset_free(d);
}

static void a_folder_without_pictures_is_refused(void **state) {
    skip_unless(HAVE_PICTURES, no_pictures);
    refuse_data(imagefolder, *state, NULL, CONVO_FORMAT, "holds no pictures");
    refuse_data(imagefolder, "/no/such/folder", NULL, CONVO_IO, "/no/such/folder");
    put_picture(*state, ".", "1.png", "rgb.png"); // of no class
    refuse_data(imagefolder, *state, NULL, CONVO_FORMAT, "holds no pictures");
}

// Number `at` of all pictures, which must be kept as bytes.
static float byte_of(const cv_dataset *d, size_t at) {
    assert_non_null(d->values.byte);
    assert_null(d->values.value);
    return d->values.of_byte[d->values.byte[at]];
}

// --- CIFAR ------------------------------------------------------------------------------------------------------

enum { PIXELS = 3072 };

static uint8_t cifar_pixel(int file, int picture, int pixel) {
    return (uint8_t)(file * 50 + picture * 7 + pixel * 13);
}

// Two pictures a file, of class (file + picture) % 10; CIFAR-100: of coarse class `file`.
static void write_cifar(const char *folder, const char *name, int file, int heads) {
    uint8_t bytes[2 * (2 + PIXELS)], *at = bytes;
    for (int n = 0; n < 2; n++) {
        if (heads == 2) *at++ = (uint8_t)file;
        *at++ = (uint8_t)((file + n) % 10);
        for (int k = 0; k < PIXELS; k++) *at++ = cifar_pixel(file, n, k);
    }
    write_file(folder, name, bytes, (size_t)(at - bytes));
}

static void write_names(const char *folder, const char *name, int count) {
    char text[2000] = "";
    for (int k = 0; k < count; k++) cv_append(text, sizeof text, "name %03d\r\n", k);
    cv_append(text, sizeof text, "\n");
    write_file(folder, name, text, strlen(text));
}

static const char *const batches[] = {"data_batch_1.bin", "data_batch_2.bin", "data_batch_3.bin",
                                      "data_batch_4.bin", "data_batch_5.bin", "test_batch.bin"};

static void cifar_10_is_read(void **state) {
    char *inner = cv_format("%s/cifar-10-batches-bin", (char *)*state);
    assert_int_equal(cv_folder_make(inner, NULL), CONVO_OK);
    for (int k = 0; k < 6; k++) write_cifar(inner, batches[k], k, 1);
    write_names(inner, "batches.meta.txt", 10);
    for (int outer = 0; outer < 2; outer++) {
        cv_dataset *d = open_data(&cv_data_cifar_10, outer ? *state : inner, NULL);
        assert_int_equal(d->count, 12);
        check_shape(d, 3, 3, 32, 32);
        assert_int_equal(d->label_count, 10);
        assert_string_equal(d->labels[3], "name 003");
        for (int n = 0; n < 12; n++) {
            assert_int_equal(d->example[n].label, (n / 2 + n % 2) % 10);
            assert_int_equal(d->example[n].part, n < 10 ? CONVO_TRAIN : CONVO_TEST);
            for (int k = 0; k < PIXELS; k++)
                assert_true(byte_of(d, (size_t)n * PIXELS + (size_t)k) == (float)cifar_pixel(n / 2, n % 2, k) / 255);
        }
        cv_dataset_free(d);
    }
    write_names(inner, "batches.meta.txt", 9);
    refuse_data(&cv_data_cifar_10, inner, NULL, CONVO_FORMAT, "holds 9 names");
    write_names(inner, "batches.meta.txt", 10);
    write_cifar(inner, "data_batch_3.bin", 2, 2);
    refuse_data(&cv_data_cifar_10, inner, NULL, CONVO_FORMAT, "data_batch_3.bin");
    write_file(inner, "data_batch_3.bin", "", 0);
    refuse_data(&cv_data_cifar_10, inner, NULL, CONVO_FORMAT, "data_batch_3.bin");
    uint8_t wrong[1 + PIXELS] = {10};
    write_file(inner, "data_batch_3.bin", wrong, sizeof wrong);
    refuse_data(&cv_data_cifar_10, inner, NULL, CONVO_FORMAT, "label 10");
    free(inner);
    refuse_data(&cv_data_cifar_10, "/no/such/folder", NULL, CONVO_IO, "batches.meta.txt");
}

static void cifar_100_has_fine_classes_and_coarse_groups(void **state) {
    write_cifar(*state, "train.bin", 3, 2);
    write_cifar(*state, "test.bin", 19, 2);
    write_names(*state, "fine_label_names.txt", 100);
    write_names(*state, "coarse_label_names.txt", 20);
    cv_dataset *d = open_data(&cv_data_cifar_100, *state, NULL);
    assert_int_equal(d->count, 4);
    assert_int_equal(d->label_count, 100);
    assert_int_equal(d->group_count, 20);
    assert_int_equal(d->example[1].label, 4);
    assert_int_equal(d->example[1].group, 3);
    assert_int_equal(d->example[2].group, 19);
    assert_int_equal(d->example[2].part, CONVO_TEST);
    cv_dataset_free(d);
    write_cifar(*state, "test.bin", 20, 2);
    refuse_data(&cv_data_cifar_100, *state, NULL, CONVO_FORMAT, "coarse class 20");
}

// --- IDX --------------------------------------------------------------------------------------------------------

static void put_big(uint8_t *at, uint32_t value, int count) {
    for (int k = 0; k < count; k++) at[k] = (uint8_t)(value >> 8 * (count - 1 - k));
}

static const char *const idx_files[] = {"train-images-idx3-ubyte", "train-labels-idx1-ubyte", "t10k-images-idx3-ubyte",
                                        "t10k-labels-idx1-ubyte"};

// Two pictures a file. Returns the size.
static size_t make_idx(int file, uint8_t *bytes) {
    const bool images = file % 2 == 0;
    memcpy(bytes, images ? "\0\0\x8\3" : "\0\0\x8\1", 4);
    put_big(bytes + 4, 2, 4);
    put_big(bytes + 8, 28, 4);
    put_big(bytes + 12, 28, 4);
    const size_t header = images ? 16 : 8, count = images ? 2 * 28 * 28 : 2;
    for (size_t k = 0; k < count; k++)
        bytes[header + k] = (uint8_t)(images ? k * 3 + (size_t)file : (k + (size_t)file) * 9 % 10);
    return header + count;
}

static void check_idx(const cv_data_kind *kind, const char *folder, const char *last) {
    cv_dataset *d = open_data(kind, folder, NULL);
    assert_int_equal(d->count, 4);
    check_shape(d, 3, 1, 28, 28);
    assert_int_equal(d->label_count, 10);
    assert_string_equal(d->labels[9], last);
    static const int labels[] = {9, 8, 7, 6};
    for (int n = 0; n < 4; n++) {
        assert_int_equal(d->example[n].label, labels[n]);
        assert_int_equal(d->example[n].part, n < 2 ? CONVO_TRAIN : CONVO_TEST);
        for (int k = 0; k < 784; k++)
            assert_true(byte_of(d, (size_t)n * 784 + (size_t)k) ==
                        (float)(uint8_t)((n % 2 * 784 + k) * 3 + n / 2 * 2) / 255);
    }
    cv_dataset_free(d);
}

static void idx_files_are_read(void **state) {
    uint8_t bytes[16 + 2 * 784];
    for (int k = 0; k < 4; k++) write_file(*state, idx_files[k], bytes, make_idx(k, bytes));
    check_idx(&cv_data_mnist, *state, "9");
    check_idx(&cv_data_fashion_mnist, *state, "Ankle boot");
    for (int k = 0; k < 4; k++) { // as some programs unpack them
        char *from = cv_format("%s/%s", (char *)*state, idx_files[k]), *to = cv_format("%s", from);
        strstr(to, "-idx")[0] = '.';
        assert_int_equal(rename(from, to), 0);
        if (k == 3) check_idx(&cv_data_mnist, *state, "9");
        if (k == 3) refuse_data(&cv_data_emnist, *state, NULL, CONVO_IO, "emnist-letters-train-images-idx3-ubyte");
        free(from);
        free(to);
    }
    for (int k = 0; k < 4; k++) write_file(*state, idx_files[k], bytes, make_idx(k, bytes));
    for (int k = 0; k < 4; k++) { // cut short anywhere
        const size_t size = make_idx(k, bytes);
        for (size_t cut = 0; cut < size; cut += cut < 20 ? 1 : 97) {
            write_file(*state, idx_files[k], bytes, cut);
            refuse_data(&cv_data_mnist, *state, NULL, CONVO_FORMAT, idx_files[k]);
        }
        write_file(*state, idx_files[k], bytes, size);
    }
    size_t size = make_idx(0, bytes);
    put_big(bytes + 8, 14, 4);
    put_big(bytes + 12, 56, 4);
    write_file(*state, idx_files[0], bytes, size);
    refuse_data(&cv_data_mnist, *state, NULL, CONVO_SHAPE, "28 x 28");
    for (int d = 0; d < 3; d++) put_big(bytes + 4 + 4 * d, 0xffffffff, 4);
    write_file(*state, idx_files[0], bytes, size);
    refuse_data(&cv_data_mnist, *state, NULL, CONVO_FORMAT, "cut short or damaged");
    write_file(*state, idx_files[0], bytes, make_idx(0, bytes));
    size = make_idx(1, bytes);
    bytes[9] = 10;
    write_file(*state, idx_files[1], bytes, size);
    refuse_data(&cv_data_mnist, *state, NULL, CONVO_FORMAT, "label 10");
}

#if defined(CONVO_HAVE_LIBARCHIVE) && defined(CONVO_HAVE_ZLIB)
static void idx_files_may_be_gzipped(void **state) {
    uint8_t bytes[16 + 2 * 784];
    for (int k = 0; k < 4; k++) {
        char name[64];
        packed gz = pack(NULL, (const char *)bytes, make_idx(k, bytes), 1);
        snprintf(name, sizeof name, "%s%s", idx_files[k], k == 3 ? "" : ".gz");
        write_file(*state, name, k == 3 ? (void *)bytes : gz.data, k == 3 ? make_idx(k, bytes) : gz.size);
        free(gz.data);
    }
    check_idx(&cv_data_mnist, *state, "9");
    packed gz = pack(NULL, (const char *)bytes, make_idx(0, bytes), 1);
    for (size_t size = 0; size < gz.size; size += size < gz.size - 8 ? 7 : 1) {
        write_file(*state, "train-images-idx3-ubyte.gz", gz.data, size);
        refuse_data(&cv_data_mnist, *state, NULL, CONVO_FORMAT, idx_files[0]);
    }
    free(gz.data);
}

// The last 8 bytes of a gzipped file are the sum and the length of its contents.
static void damaged_gzipped_files_are_refused(void **state) {
    enum { BEHIND = 5 };
    const char *name = "train-images-idx3-ubyte.gz";
    uint8_t bytes[16 + 2 * 784];
    for (int k = 1; k < 4; k++) write_file(*state, idx_files[k], bytes, make_idx(k, bytes));
    const size_t size = make_idx(0, bytes);
    packed first = pack(NULL, (const char *)bytes, size / 2, 1),
           second = pack(NULL, (const char *)bytes + size / 2, size - size / 2, 1);
    char file[4096] = {0};
    const size_t both = first.size + second.size;
    memcpy(file, first.data, first.size);
    memcpy(file + first.size, second.data, second.size);
    write_file(*state, name, file, both);
    check_idx(&cv_data_mnist, *state, "9"); // members that follow each other are one file
    write_file(*state, name, file, both + BEHIND);
    check_idx(&cv_data_mnist, *state, "9"); // so are zeros behind it, as tapes have them
    memcpy(file + both, "later", BEHIND);
    write_file(*state, name, file, both + BEHIND);
    refuse_data(&cv_data_mnist, *state, NULL, CONVO_FORMAT, "5 more bytes");
    const size_t ends[] = {first.size, both};
    for (size_t e = 0; e < CV_COUNT(ends); e++)
        for (size_t at = ends[e] - 8; at < ends[e]; at++) {
            file[at] ^= 4;
            write_file(*state, name, file, both);
            refuse_data(&cv_data_mnist, *state, NULL, CONVO_FORMAT, "checksum");
            file[at] ^= 4;
        }
    write_file(*state, name, bytes, size);
    refuse_data(&cv_data_mnist, *state, NULL, CONVO_FORMAT, "not gzipped");
    const size_t bomb = CV_LIMIT_UNPACKED_FREELY + 1;
    char *zeros = calloc(bomb, 1);
    packed small = pack(NULL, zeros, bomb, 1);
    write_file(*state, name, small.data, small.size);
    refuse_data(&cv_data_mnist, *state, NULL, CONVO_LIMIT, "unpack it yourself");
    free(small.data);
    free(zeros);
    free(first.data);
    free(second.data);
}
#else
static void idx_files_may_be_gzipped(void **state) {
    write_file(*state, "train-images-idx3-ubyte.gz", "\x1f\x8b", 2);
#ifndef CONVO_HAVE_ZLIB
    refuse_data(&cv_data_mnist, *state, NULL, CONVO_UNSUPPORTED, "zlib1g-dev");
#endif
}

static void damaged_gzipped_files_are_refused(void **state) {
    (void)state;
    skip_unless(false, "built without libarchive or zlib");
}
#endif

// --- real data --------------------------------------------------------------------------------------------------

// A folder in that of CONVO_TEST_DATA; the test is skipped without.
static char *real_folder(const char *name) {
    const char *folder = getenv("CONVO_TEST_DATA");
    char *path = cv_format("%s/%s", folder ? folder : "", name);
    const bool there = folder && cv_is_folder(path);
    if (!there) free(path);
    if (!there) print_message("[  SKIPPED ] CONVO_TEST_DATA names no folder with %s\n", name);
    if (!there) skip();
    return path;
}

static void cifar_10_as_it_is(void **state) {
    (void)state;
    char *folder = real_folder("cifar-10-batches-bin");
    const double start = cv_now();
    cv_dataset *d = open_data(&cv_data_cifar_10, folder, NULL);
    print_message("CIFAR-10 was read in %.2f s\n", cv_now() - start);
    assert_int_equal(d->count, 60000);
    assert_int_equal(count_part(d, CONVO_TEST), 10000);
    int of_class[10] = {0};
    for (size_t i = 0; i < d->count; i++) of_class[d->example[i].label]++;
    for (int k = 0; k < 10; k++) assert_int_equal(of_class[k], 6000);
    assert_string_equal(d->labels[0], "airplane");
    assert_string_equal(d->labels[9], "truck");
    assert_int_equal(d->example[0].label, 6); // the first training picture is a frog
    // Published means of the training pictures' channels: 0.4914, 0.4822, 0.4465.
    static const double want[3] = {0.4914, 0.4822, 0.4465};
    for (int c = 0; c < 3; c++) {
        double sum = 0;
        for (size_t i = 0; i < 50000; i++)
            for (size_t k = 0; k < 1024; k++) sum += (double)byte_of(d, i * PIXELS + (size_t)c * 1024 + k);
        if (fabs(sum / 51.2e6 - want[c]) > 0.002) fail_msg("mean of channel %d: %.4f", c, sum / 51.2e6);
    }
    cv_dataset_free(d);
    free(folder);
}

static void log_mel_pictures_as_they_are(void **state) {
    (void)state;
    static const char *const gray[] = {"channels=1", NULL};
    skip_unless(HAVE_PICTURES, no_pictures);
    char *folder = real_folder("gsc12-logmel");
    cv_dataset *d = open_data(imagefolder, folder, gray);
    assert_int_equal(d->label_count, 35);
    assert_true(count_part(d, CONVO_TRAIN) > count_part(d, CONVO_VALIDATION));
    assert_int_equal(count_part(d, CONVO_TRAIN) + count_part(d, CONVO_VALIDATION), d->count);
    const size_t all = d->count;
    d->count = 500; // the rest is of the same sort
    cv_pool *pool;
    float *values;
    convo_error err;
    void *config = data_options(imagefolder, gray);
    assert_int_equal(cv_pool_new(&pool, 0, NULL), CONVO_OK);
    if (cv_dataset_read(d, imagefolder, config, NULL, pool, &values, &err)) fail_msg("%s: %s", err.where, err.message);
    d->count = all;
    cv_pool_free(pool);
    free(config);
    free(values);
    cv_dataset_free(d);
    free(folder);
}

int main(void) {
#define IN_FOLDER(test) cmocka_unit_test_setup_teardown(test, make_folder, remove_folder)
    const struct CMUnitTest tests[] = {
        IN_FOLDER(folders_are_classes),
        IN_FOLDER(words_may_be_pictures),
        IN_FOLDER(train_validation_and_test_are_the_official_split),
        IN_FOLDER(another_size_is_refused_or_resized),
        IN_FOLDER(orient_turns_the_pictures_of_a_folder),
        IN_FOLDER(classes_are_those_that_are_asked_for),
        IN_FOLDER(folders_beside_the_parts_are_told),
        IN_FOLDER(a_folder_without_pictures_is_refused),
        IN_FOLDER(cifar_10_is_read),
        IN_FOLDER(cifar_100_has_fine_classes_and_coarse_groups),
        IN_FOLDER(idx_files_are_read),
        IN_FOLDER(idx_files_may_be_gzipped),
        IN_FOLDER(damaged_gzipped_files_are_refused),
        cmocka_unit_test(cifar_10_as_it_is),
        cmocka_unit_test(log_mel_pictures_as_they_are),
    };
    return cmocka_run_group_tests_name("picture sets", tests, NULL, NULL);
}

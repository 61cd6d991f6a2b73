// MNIST and what is laid out like it: IDX files, as they are or gzipped. Two zero bytes, a type (8: bytes), the number
// of dimensions, the dimensions as big-endian 32-bit numbers, the bytes. http://yann.lecun.com/exdb/mnist
#include "format/inflate.h"
#include "base/limits.h"
#include "data/idx.h"

#include <stdlib.h>
#include <string.h>

enum { SIDE = 28, CLASSES = 10, BYTES = 8 };

static const char *const digits[CLASSES] = {"0", "1", "2", "3", "4", "5", "6", "7", "8", "9"};
static const char *const clothes[CLASSES] = {"T-shirt/top", "Trouser", "Pullover", "Dress", "Coat",
                                             "Sandal",      "Shirt",   "Sneaker",  "Bag",   "Ankle boot"};

bool cv_idx_shape(const void *config, cv_shape *out) {
    (void)config;
    *out = (cv_shape){3, 1, SIDE, SIDE};
    return true;
}

static convo_status parse_idx(const cv_bytes *bytes, int dims, cv_numbers *out, convo_error *err) {
    const size_t header = 4 + 4 * (size_t)dims;
    const uint8_t *head = bytes->data;
    if (bytes->size < header || head[0] || head[1] || head[2] != BYTES || head[3] != dims)
        return cv_fail(err, CONVO_FORMAT, out->where, "is no IDX file of bytes in %d dimension(s)", dims);
    out->type = 'u';
    out->size = 1;
    out->dims = dims;
    for (int d = 0; d < dims; d++) {
        const uint8_t *at = head + 4 + 4 * d;
        out->dim[d] = (int64_t)((uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3]);
    }
    size_t size;
    if (!cv_numbers_lay_out(out, CV_C_ORDER, &size) || size != bytes->size - header)
        return cv_fail(err, CONVO_FORMAT, out->where, "is cut short or damaged: %zu bytes do not fill its dimensions",
                       bytes->size - header);
    out->data = head + header;
    return CONVO_OK;
}

// The file that is there, of STEM-images-idx3-ubyte, STEM-images.idx3-ubyte and both with .gz; else the first of them.
static char *find_idx(const char *folder, const char *stem, const char *what, int dims, bool *packed) {
    for (int k = 0; k < 5; k++) {
        *packed = k == 0 || k == 1;
        char *path =
            cv_format("%s/%s-%s%cidx%d-ubyte%s", folder, stem, what, k & 1 ? '.' : '-', dims, *packed ? ".gz" : "");
        if (!path || k == 4 || cv_is_file(path)) return path;
        free(path);
    }
    return NULL;
}

// *path is what out->where points to; it and bytes->data are freed by the caller, even after a failure.
static convo_status load_idx(const char *folder, const char *stem, const char *what, int dims, char **path,
                             cv_bytes *bytes, cv_numbers *out, convo_error *err) {
    bool packed;
    *path = find_idx(folder, stem, what, dims, &packed);
    if (!*path) return cv_no_memory(err, folder);
    *out = (cv_numbers){.where = *path};
    const convo_status status =
        packed ? cv_gzip_read(*path, CV_LIMIT_ARRAYS, bytes, err) : cv_file_read(*path, CV_LIMIT_ARRAYS, bytes, err);
    return status ? status : parse_idx(bytes, dims, out, err);
}

convo_status cv_idx_add(const char *folder, const char *stem, bool turned, int part, cv_examples *examples,
                        convo_error *err) {
    char *x_path = NULL, *y_path = NULL;
    cv_bytes x_bytes = {0}, y_bytes = {0};
    cv_numbers x, y;
    convo_status status = load_idx(folder, stem, "images", 3, &x_path, &x_bytes, &x, err);
    if (!status) status = load_idx(folder, stem, "labels", 1, &y_path, &y_bytes, &y, err);
    if (!status && (x.dim[1] != SIDE || x.dim[2] != SIDE))
        status = cv_fail(err, CONVO_SHAPE, x_path, "holds no pictures of %d x %d pixels", SIDE, SIDE);
    if (!status) status = cv_numbers_arrange(&x, turned ? "nwh" : "nhw", err);
    if (!status) status = cv_examples_add(examples, &x, &y, part, err);
    free(x_bytes.data);
    free(y_bytes.data);
    free(x_path);
    free(y_path);
    return status;
}

static convo_status idx_scan(const char *folder, const char *const names[CLASSES], cv_dataset *dataset,
                             convo_error *err) {
    cv_examples examples = {.dataset = dataset, .divisor = 255};
    convo_status status = cv_idx_add(folder, "train", false, CONVO_TRAIN, &examples, err);
    if (!status) status = cv_idx_add(folder, "t10k", false, CONVO_TEST, &examples, err);
    return status ? status : cv_examples_finish(&examples, names, CLASSES, folder, err);
}

static convo_status scan_mnist(const char *path, const void *config, cv_dataset *dataset, convo_error *err) {
    (void)config;
    return idx_scan(path, digits, dataset, err);
}

static convo_status scan_fashion(const char *path, const void *config, cv_dataset *dataset, convo_error *err) {
    (void)config;
    return idx_scan(path, clothes, dataset, err);
}

const cv_data_kind cv_data_mnist = {
    .name = "mnist",
    .help = "MNIST: 70,000 handwritten digits of 28 x 28 pixels, in IDX files (.gz or not)",
    .shape = cv_idx_shape,
    .scan = scan_mnist,
};

const cv_data_kind cv_data_fashion_mnist = {
    .name = "fashion-mnist",
    .help = "Fashion-MNIST: 70,000 pictures of clothes of 28 x 28 pixels, in IDX files (.gz or not)",
    .shape = cv_idx_shape,
    .scan = scan_fashion,
};

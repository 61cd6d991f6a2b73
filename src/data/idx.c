// MNIST and what is laid out like it: IDX files, as they are or gzipped. Two zero bytes, a type (8: bytes), the number
// of dimensions, the dimensions as big-endian 32-bit numbers, the bytes. http://yann.lecun.com/exdb/mnist
#include "format/inflate.h"
#include "base/limits.h"
#include "data/examples.h"

#include <stdlib.h>
#include <string.h>

enum { SIDE = 28, CLASSES = 10, BYTES = 8 };

static const char *const digits[CLASSES] = {"0", "1", "2", "3", "4", "5", "6", "7", "8", "9"};
static const char *const clothes[CLASSES] = {"T-shirt/top", "Trouser", "Pullover", "Dress", "Coat",
                                             "Sandal",      "Shirt",   "Sneaker",  "Bag",   "Ankle boot"};
static const struct {
    const char *images, *labels;
    int part;
} files[] = {{"train-images-idx3-ubyte", "train-labels-idx1-ubyte", CONVO_TRAIN},
             {"t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte", CONVO_TEST}};

static bool idx_shape(const void *config, cv_shape *out) {
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

// *path is what out->where points to; it and bytes->data are freed by the caller, even after a failure.
static convo_status load_idx(const char *folder, const char *name, int dims, char **path, cv_bytes *bytes, cv_numbers *out,
                         convo_error *err) {
    *path = cv_format("%s/%s.gz", folder, name);
    if (!*path) return cv_no_memory(err, folder);
    const bool packed = cv_is_file(*path);
    if (!packed) (*path)[strlen(*path) - strlen(".gz")] = 0;
    *out = (cv_numbers){.where = *path};
    const convo_status status =
        packed ? cv_gzip_read(*path, CV_LIMIT_ARRAYS, bytes, err) : cv_file_read(*path, CV_LIMIT_ARRAYS, bytes, err);
    return status ? status : parse_idx(bytes, dims, out, err);
}

static convo_status add_idx_part(const char *folder, size_t k, cv_examples *examples, convo_error *err) {
    char *x_path = NULL, *y_path = NULL;
    cv_bytes x_bytes = {0}, y_bytes = {0};
    cv_numbers x, y;
    convo_status status = load_idx(folder, files[k].images, 3, &x_path, &x_bytes, &x, err);
    if (!status) status = load_idx(folder, files[k].labels, 1, &y_path, &y_bytes, &y, err);
    if (!status && (x.dim[1] != SIDE || x.dim[2] != SIDE))
        status = cv_fail(err, CONVO_SHAPE, x_path, "holds no pictures of %d x %d pixels", SIDE, SIDE);
    if (!status) { // one channel
        x.dims = 4;
        x.dim[3] = x.dim[2];
        x.dim[2] = x.dim[1];
        x.dim[1] = 1;
        x.stride[3] = x.stride[2];
        x.stride[2] = x.stride[1];
        status = cv_examples_add(examples, &x, &y, files[k].part, err);
    }
    free(x_bytes.data);
    free(y_bytes.data);
    free(x_path);
    free(y_path);
    return status;
}

static convo_status idx_scan(const char *folder, const char *const names[CLASSES], cv_dataset *dataset, convo_error *err) {
    cv_examples examples = {.dataset = dataset, .divisor = 255};
    convo_status status = CONVO_OK;
    for (size_t k = 0; k < CV_COUNT(files) && !status; k++) status = add_idx_part(folder, k, &examples, err);
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
    .shape = idx_shape,
    .scan = scan_mnist,
};

const cv_data_kind cv_data_fashion_mnist = {
    .name = "fashion-mnist",
    .help = "Fashion-MNIST: 70,000 pictures of clothes of 28 x 28 pixels, in IDX files (.gz or not)",
    .shape = idx_shape,
    .scan = scan_fashion,
};

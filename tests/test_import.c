// Models of others come in and say what they said where they came from: nets exported by PyTorch, the single-operator
// cases of ONNX itself, weights as PyTorch names them. What does not fit is refused in words; damaged files are too.
#include "models.h"

#include "base/file.h"
#include "format/npy.h"
#include "format/onnx.h"
#include "format/safetensors.h"
#include "folder.h"

#include <math.h>
#include <unistd.h>

#define GOLDEN "tests/golden/onnx"

static const char *in_folder(const char *name) {
    static char path[2][512];
    static int turn;
    turn = !turn;
    snprintf(path[turn], sizeof path[turn], "%s/%s", test_folder, name);
    return path[turn];
}

#ifdef CONVO_HAVE_ONNX
// --- scores -------------------------------------------------------------------------------------------------------

// All numbers of a .npy file; *rows: its first dimension.
static float *read_npy(const char *path, int *rows, size_t *row_size) {
    cv_bytes bytes;
    cv_numbers numbers;
    convo_error err = {0};
    must(cv_file_read(path, 1 << 24, &bytes, &err), &err);
    must(cv_npy_parse(path, bytes.data, bytes.size, &numbers, &err), &err);
    *rows = (int)numbers.dim[0];
    *row_size = (size_t)cv_numbers_row_size(&numbers);
    float *values = test_memory((size_t)*rows * *row_size, sizeof *values);
    double *row = test_memory(*row_size, sizeof *row);
    for (int n = 0; n < *rows; n++) {
        cv_numbers_row(&numbers, n, row);
        for (size_t i = 0; i < *row_size; i++) values[(size_t)n * *row_size + i] = (float)row[i];
    }
    free(row);
    free(bytes.data);
    return values;
}

// What the net ended in, and convo leaves out. sum: of exp(logit) over the row.
static double ended_in(const char *what, double logit, double sum) {
    if (!strcmp(what, "softmax")) return exp(logit) / sum;
    if (!strcmp(what, "logsoftmax")) return logit - log(sum);
    if (!strcmp(what, "sigmoid")) return 1 / (1 + exp(-logit));
    return logit;
}

// What an import says of the order of its input: "its dimensions 3, 1, 2"; "": nothing.
static char said_order[64];

static void hear_order(const char *sentence, void *user) {
    const char *order = strstr(sentence, "its dimensions ");
    (void)user;
    if (order) snprintf(said_order, sizeof said_order, "%s", order + strlen("its dimensions "));
}

static convo_status import_and_hear(const char *path, convo_model **model, convo_error *err) {
    const convo_import_options options = {.note = hear_order};
    said_order[0] = 0;
    return convo_import(path, &options, model, err);
}

// Puts inputs [rows][size] in that order, from the dimensions of the model's.
static void reorder(const convo_model *model, float *x, int rows, size_t size) {
    const cv_shape s = model->net->input;
    const int64_t side[3] = {s.c, s.dims == 3 ? s.h : s.w, s.w};
    int from[3] = {0};
    size_t stride[4] = {0}, last = 1;
    float *row = test_memory(size, sizeof *row);
    const int dims = sscanf(said_order, "%d, %d, %d", &from[0], &from[1], &from[2]);
    if (dims < 2) return free(row);
    for (int k = 3; k > 0; k--) // of the graph's dimension k
        for (int m = 0; m < dims; m++)
            if (from[m] == k) stride[k] = last, last *= (size_t)side[m];
    for (int n = 0; n < rows; n++) {
        memcpy(row, x + (size_t)n * size, size * sizeof *row);
        for (size_t i = 0; i < size; i++) {
            size_t left = i, at = 0;
            for (int m = dims - 1; m >= 0; m--) {
                at += left % (size_t)side[m] * stride[from[m]];
                left /= (size_t)side[m];
            }
            x[(size_t)n * size + i] = row[at];
        }
    }
    free(row);
}

// The largest difference between what the model says to x and y.
static double difference(const convo_model *model, const char *x_path, const char *y_path, const char *what) {
    int rows, y_rows;
    size_t inputs, outputs;
    float *x = read_npy(x_path, &rows, &inputs), *y = read_npy(y_path, &y_rows, &outputs);
    reorder(model, x, rows, inputs);
    assert_int_equal(rows, y_rows);
    assert_int_equal(inputs, cv_shape_size(model->net->input));
    assert_int_equal(outputs, cv_shape_size(cv_net_output(model->net)));
    float *said = model_outputs(model, x, rows);
    double worst = 0;
    for (size_t n = 0; n < (size_t)rows; n++) {
        double sum = 0;
        for (size_t k = 0; k < outputs; k++) sum += exp((double)said[n * outputs + k]);
        for (size_t k = 0; k < outputs; k++) {
            const double got = ended_in(what, (double)said[n * outputs + k], sum),
                         off = fabs(got - (double)y[n * outputs + k]);
            if (!(off <= worst)) worst = isnan(off) ? INFINITY : off;
        }
    }
    free(said);
    free(x);
    free(y);
    return worst;
}

// --- ONNX ---------------------------------------------------------------------------------------------------------

typedef struct tally {
    int same, refused, expected;
    double worst;
} tally;

// A folder that tests/onnx/nets.py or cases.py has filled. either: what is not imported may be refused.
static tally try_list(const char *where, bool either) {
    tally t = {0};
    char path[512], model_name[64], x_name[64], y_name[64], what[32], name[128] = "", line[512];
    snprintf(path, sizeof path, "%s/list", where);
    FILE *list = fopen(path, "r");
    if (!list) fail_msg("%s is not there", path);
    while (fgets(line, sizeof line, list)) {
        char x[512], y[512];
        convo_model *model;
        convo_error err = {0};
        if (sscanf(line, "%63s %63s %63s %31s %127s", model_name, x_name, y_name, what, name) < 4) fail_msg("%s", line);
        snprintf(path, sizeof path, "%s/%s", where, model_name);
        snprintf(x, sizeof x, "%s/%s", where, x_name);
        snprintf(y, sizeof y, "%s/%s", where, y_name);
        t.expected++;
        const bool refuse = !strcmp(what, "refused");
        if (import_and_hear(path, &model, &err)) {
            if (!refuse && !either) fail_msg("%s: %s", err.where, err.message);
            if (err.code != CONVO_UNSUPPORTED && err.code != CONVO_SHAPE)
                fail_msg("%s %s: %s", name, err.where, err.message);
            t.refused++;
            continue;
        }
        if (refuse) fail_msg("%s is imported", path);
        const double plain = difference(model, x, y, what),
                     logs = either ? difference(model, x, y, "logsoftmax") : plain;
        const double off = plain < logs ? plain : logs;
        if (!(off < 1e-5)) fail_msg("%s %s: off by %g", path, name, off);
        t.worst = fmax(t.worst, off);
        t.same++;
        convo_model_free(model);
    }
    fclose(list);
    return t;
}

static void nets_of_pytorch_say_the_same(void **state) {
    (void)state;
    const tally t = try_list(GOLDEN, false);
    assert_int_equal(t.same, 26);
    assert_int_equal(t.refused, 7);
}

static bool python_has(const char *module) {
    char command[128];
    snprintf(command, sizeof command, "/usr/bin/python3 -c 'import %s' 2>/dev/null", module);
    return system(command) == 0;
}

static void nets_of_the_pytorch_that_is_here_say_the_same(void **state) {
    (void)state;
    char command[256];
    if (!python_has("torch")) {
        print_message("[  SKIPPED ] nets_of_the_pytorch_that_is_here_say_the_same: python3-torch is not installed\n");
        skip();
    }
    snprintf(command, sizeof command, "/usr/bin/python3 tests/onnx/nets.py %s --full >%s 2>&1", in_folder("nets"),
             in_folder("log"));
    if (system(command)) {
        print_message("[  SKIPPED ] nets_of_the_pytorch_that_is_here_say_the_same: this PyTorch cannot export them\n");
        skip();
    }
    const tally t = try_list(in_folder("nets"), false);
    print_message("PyTorch: %d of %d exports say the same (to %.2g), %d are refused\n", t.same, t.expected, t.worst,
                  t.refused);
}

static void no_operator_of_onnx_is_misread(void **state) {
    (void)state;
    char command[256];
    if (!python_has("onnx") || !cv_is_folder("/usr/share/libonnx-testdata/data")) {
        print_message(
            "[  SKIPPED ] no_operator_of_onnx_is_misread: python3-onnx or libonnx-testdata is not installed\n");
        skip();
    }
    snprintf(command, sizeof command, "/usr/bin/python3 tests/onnx/cases.py %s", in_folder("cases"));
    assert_int_equal(system(command), 0);
    const tally t = try_list(in_folder("cases"), true);
    print_message("ONNX's own cases: %d of %d say the same (to %.2g), %d are refused\n", t.same, t.expected, t.worst,
                  t.refused);
    assert_true(t.same >= 80);
}

// What convo exports comes back as it was: the same recipe, labels, normalisation and scores.
static void check_comes_back(const char *features) {
    char text[1024];
    static const char model[] = "data: {set: fsdd}\n"
                                "features: {kind: mfcc, samples: 3000, %s}\n"
                                "model:\n"
                                "  - conv1d: {out: 6, kernel: 5, stride: 2, padding: 1, bias: false}\n"
                                "  - batchnorm\n"
                                "  - residual: {body: [{conv1d: {out: 6, kernel: 3, padding: 1}}, tanh], shortcut: "
                                "[{batchnorm: {eps: 0.01}}, softmax]}\n"
                                "  - sumpool1d: 2\n"
                                "  - residual: {body: [relu]}\n"
                                "  - residual: {body: [{dropout: 0.5}]}\n"
                                "  - flatten\n"
                                "  - linear: {out: 12, bias: false}\n"
                                "  - sigmoid\n"
                                "  - linear: 10\n";
    snprintf(text, sizeof text, model, features);
    convo_model *made = make_model(text, 10), *back;
    convo_error err = {0};
    char *before, *after, path[512];
    snprintf(path, sizeof path, "%s", in_folder("exported.onnx"));
    must(convo_export(made, path, NULL, &err), &err);
    must(convo_import(path, NULL, &back, &err), &err);
    must(convo_recipe_text(made->recipe, &before, &err), &err);
    must(convo_recipe_text(back->recipe, &after, &err), &err);
    assert_non_null(strstr(after, "kind: mfcc"));
    assert_true(cv_normal_equal(&back->normal, &made->normal));
    assert_string_equal(convo_model_label(back, 7), "seven");
    for (int t = 0; t < made->net->tensors; t++)
        assert_string_equal(made->net->tensor[t].name, back->net->tensor[t].name);
    float scores[2][10];
    must(convo_model_predict_file(made, "data/fsdd/7_theo_3.flac", scores[0], &err), &err);
    must(convo_model_predict_file(back, "data/fsdd/7_theo_3.flac", scores[1], &err), &err);
    assert_memory_equal(scores[0], scores[1], sizeof scores[0]);
    free(before);
    free(after);
    convo_model_free(made);
    convo_model_free(back);
}

static void an_exported_model_comes_back(void **state) {
    (void)state;
    check_comes_back("mean: -2, std: 8");
    check_comes_back("mean: [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, -13], std: 3");
    check_comes_back("mean: 0, std: [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13]");
}

// Graphs in which a value is a view, a vector or a single number where a layer wants columns.
static void what_lies_otherwise_is_put_in_order(void **state) {
    (void)state;
    static const struct {
        const char *input, *model;
    } cases[] = {
        {"[2, 25]", "[{mean: {over: columns}}, {attention: {heads: 1}}, flatten, {linear: 2}]"},
        {"[3, 5]", "[{permute: {order: wc}}, {attention: {heads: 1}}, flatten, {linear: 2}]"},
        {"[2, 25]", "[{pad1d: {padding: [4, 20]}}, {lstm: {hidden: 3, layers: 2}}, flatten, {linear: 2}]"},
        {"[1, 2]", "[relu, {reshape: {channels: 2, columns: 1}}, {adaptiveavgpool1d: {out: 5}}, layernorm, flatten, "
                   "{linear: 2}]"},
        {"[1, 1]", "[{dropout: {p: 0, name: a}}, {add: {from: [previous, a]}}, flatten, {dropout: {p: 0, name: b}}, "
                   "{add: {from: [a, previous]}}, flatten, {linear: 2}]"},
    };
    for (size_t k = 0; k < CV_COUNT(cases); k++) {
        enum { COUNT = 3, MOST = 50 };
        char text[512], path[512];
        float x[COUNT * MOST];
        convo_error err = {0};
        convo_model *back;
        snprintf(text, sizeof text, "input: %s\nmodel: %s\n", cases[k].input, cases[k].model);
        snprintf(path, sizeof path, "%s", in_folder("ordered.onnx"));
        convo_model *made = make_model(text, 2);
        for (size_t i = 0; i < CV_COUNT(x); i++) x[i] = made_up(7, (uint32_t)i);
        must(convo_export(made, path, NULL, &err), &err);
        if (convo_import(path, NULL, &back, &err)) fail_msg("%s: %s: %s", cases[k].model, err.where, err.message);
        float *want = model_outputs(made, x, COUNT), *got = model_outputs(back, x, COUNT);
        for (size_t i = 0; i < (size_t)COUNT * 2; i++)
            if (!(fabsf(want[i] - got[i]) <= 1e-6f))
                fail_msg("%s: %g, not %g", cases[k].model, (double)got[i], (double)want[i]);
        free(want);
        free(got);
        convo_model_free(made);
        convo_model_free(back);
    }
}

// A file of some nodes on two inputs; constants hold 1, 2, 3 and so on.
static convo_status import_nodes(const char *nodes, bool square, convo_model **model, convo_error *err) {
    static const char *const names[] = {"w", "b", "m", "v", "one"};
    cv_graph graph = {0};
    for (size_t k = 0; k < CV_COUNT(names); k++) {
        const bool matrix = square && k == 0;
        const int64_t size = strcmp(names[k], "one") ? 2 : 1;
        float *data = cv_graph_add_constant(&graph, names[k], CV_CONST_F32, matrix ? 2 : 1, (int64_t[]){size, 2});
        for (int i = 0; i < (matrix ? 4 : size); i++) data[i] = (float)i + 1;
    }
    cv_graph_add_source(&graph, "x", 2, (int64_t[]){-1, 2});
    cv_graph_add_result(&graph, "y", 2, (int64_t[]){-1, 2});
    assert_true(cv_graph_parse(&graph, nodes, NULL));
    must(cv_onnx_write(&graph, "nodes", in_folder("nodes.onnx"), err), err);
    cv_graph_free(&graph);
    return convo_import(in_folder("nodes.onnx"), NULL, model, err);
}

static void import_node(const char *node, bool square, convo_model **model) {
    convo_error err = {0};
    must(import_nodes(node, square, model, &err), &err);
}

static void factors_of_a_gemm_are_in_the_weights(void **state) {
    (void)state;
    static const struct {
        const char *node;
        float weight[4], bias[2];
    } rows[] = {
        {"y = Gemm(x, w, b) transB=1", {1, 2, 3, 4}, {1, 2}},
        {"y = Gemm(x, w, b)", {1, 3, 2, 4}, {1, 2}},
        {"y = Gemm(x, w, b) transB=1 alpha=0.5", {0.5f, 1, 1.5f, 2}, {1, 2}},
        {"y = Gemm(x, w, b) beta=3.0", {1, 3, 2, 4}, {3, 6}},
        {"y = Gemm(x, w, b) alpha=2.0 beta=-1.0", {2, 6, 4, 8}, {-1, -2}},
        {"y = Gemm(x, w, one) beta=3.0", {1, 3, 2, 4}, {3, 3}}, // one number for all outputs
    };
    for (size_t k = 0; k < CV_COUNT(rows); k++) {
        convo_model *model;
        float weight[4], bias[2];
        import_node(rows[k].node, true, &model);
        cv_net_read(model->net, 0, weight);
        cv_net_read(model->net, 1, bias);
        assert_memory_equal(weight, rows[k].weight, sizeof weight);
        assert_memory_equal(bias, rows[k].bias, sizeof bias);
        convo_model_free(model);
    }
}

// Nodes that make p of a sequence of `length` numbers x; k is a kernel of two, 1 and 2.
static convo_status import_window(const char *nodes, int64_t length, convo_model **model, convo_error *err) {
    cv_graph graph = {0};
    float *data = cv_graph_add_constant(&graph, "k", CV_CONST_F32, 3, (int64_t[]){1, 1, 2});
    data[0] = 1, data[1] = 2;
    cv_graph_add_source(&graph, "x", 3, (int64_t[]){-1, 1, length});
    cv_graph_add_result(&graph, "y", 2, (int64_t[]){-1, -1});
    assert_true(cv_graph_parse(&graph, nodes, NULL) && cv_graph_parse(&graph, "y = Flatten(p)", NULL));
    must(cv_onnx_write(&graph, "window", in_folder("window.onnx"), err), err);
    cv_graph_free(&graph);
    return convo_import(in_folder("window.onnx"), NULL, model, err);
}

// The same with an auto_pad, which the graphs of convo have not: a list of the same length is written, then replaced.
static convo_status import_padded(const char *mode, convo_model **model, convo_error *err) {
    static const uint8_t ints = 7, text = 3, list[] = {0x40, 1, 0x40, 1, 0x40, 1, 0x40, 1, 0x40, 1, 0x40, 1};
    uint8_t field[sizeof list + 1] = {0x22, sizeof list - 2};
    if (!import_window("p = Conv(x, k) auto_pad=[1, 1, 1, 1, 1, 1]", 5, model, err)) convo_model_free(*model);
    assert_int_equal(strlen(mode), sizeof list - 2);
    memcpy(field + 2, mode, sizeof list - 2);
    cv_bytes file;
    must(cv_file_read(in_folder("window.onnx"), 1 << 20, &file, err), err);
    uint8_t *at = file.data;
    while (memcmp(at, list, sizeof list) != 0) assert_true(++at + sizeof list < file.data + file.size);
    uint8_t *type = memchr(at, ints, 16);
    memcpy(at, field, sizeof list);
    *type = text;
    must(cv_file_write(in_folder("window.onnx"), file.data, file.size, err), err);
    free(file.data);
    return convo_import(in_folder("window.onnx"), NULL, model, err);
}

static void windows_are_read_as_they_are_or_not_at_all(void **state) {
    (void)state;
    static const struct {
        const char *nodes;
        int64_t length;
        const char *says; // the recipe, or the error
        bool refused;
    } rows[] = {
        {"p = AveragePool(x) kernel_shape=[3] pads=[1, 1]", 5, "count_padding: false", false},
        {"p = AveragePool(x) kernel_shape=[3] pads=[1, 1] count_include_pad=1", 5, "padding: 1}", false},
        {"p = MaxPool(x) kernel_shape=[2] strides=[2] ceil_mode=1", 4, "maxpool1d", false},
        {"p = MaxPool(x) kernel_shape=[2] strides=[2] ceil_mode=1", 5, "padding: [0, 1]", false},
        {"p = MaxPool(x) kernel_shape=[2] strides=[2] ceil_mode=1 pads=[1, 1]", 5, "padding: 1}", false},
        {"p = AveragePool(x) kernel_shape=[2] strides=[2] ceil_mode=1", 5, "count_padding: false", false},
        {"p = AveragePool(x) kernel_shape=[3] strides=[2] ceil_mode=1 pads=[1, 1] count_include_pad=1", 6, "ceil_mode",
         true},
        {"p = Conv(x, k) pads=[0, 1]", 5, "padding: [0, 1]", false},
        {"p = Conv(x, k) pads=[2, 0] dilations=[2]", 5, "padding: [2, 0]", false},
        {"q = Pad(x, #[0, 0, 1, 0, 0, 0]); p = Conv(q, k) pads=[1, 0]", 5, "padding: [2, 0]", false},
        {"SAME_UPPER", 5, "padding: [0, 1]", false},
        {"SAME_LOWER", 5, "padding: [1, 0]", false},
        {"p = MaxPool(x) kernel_shape=[2] strides=[2]", 5, "maxpool1d", false},
        {"m = AveragePool(x) kernel_shape=[2]; p = Mul(m, #2)", 5, "sumpool1d", false},
        {"m = AveragePool(x) kernel_shape=[2]; p = Mul(m, #3)", 5, "batchnorm", false},
    };
    for (size_t k = 0; k < CV_COUNT(rows); k++) {
        convo_model *model;
        convo_error err = {0};
        char *text = NULL;
        const convo_status status = strncmp(rows[k].nodes, "SAME", 4) == 0
                                        ? import_padded(rows[k].nodes, &model, &err)
                                        : import_window(rows[k].nodes, rows[k].length, &model, &err);
        if ((status != CONVO_OK) != rows[k].refused)
            fail_msg("%s of %lld: %s", rows[k].nodes, (long long)rows[k].length, status ? err.message : "is read");
        if (!status) must(convo_recipe_text(convo_model_recipe(model), &text, &err), &err);
        if (!strstr(status ? err.message : text, rows[k].says))
            fail_msg("%s: '%s' is not said in\n%s", rows[k].nodes, rows[k].says, status ? err.message : text);
        free(text);
        if (!status) convo_model_free(model);
    }
}

// As exporters write x.view(x.size(0), -1), counting from either end.
static void numbers_of_a_shape_are_followed(void **state) {
    (void)state;
    static const char *const rows[] = {
        "s = Shape(x); g = Gather(s, #[1]); c = Concat(#[-1], g) axis=0; f = Reshape(x, c); y = Gemm(f, w, b)",
        "s = Shape(x); g = Gather(s, #[-1]); c = Concat(#[-1], g) axis=0; f = Reshape(x, c); y = Gemm(f, w, b)",
        "s = Shape(x); g = Gather(s, #[-2]); c = Concat(g, #[2]) axis=0; f = Reshape(x, c); y = Gemm(f, w, b)",
    };
    for (size_t k = 0; k < CV_COUNT(rows); k++) {
        convo_model *model;
        import_node(rows[k], true, &model);
        assert_int_equal(cv_net_output(model->net).c, 2);
        convo_model_free(model);
    }
}

// As PyTorch and TensorFlow write it, with the operator's own values.
static void a_layer_norm_is_one_however_it_is_written(void **state) {
    (void)state;
#define CENTRED  "a = ReduceMean(x) axes=[1]; d = Sub(x, a); "
#define VARIANCE "s = Pow(d, #2); e = ReduceMean(s) axes=[1]; f = Add(e, #0.25); r = Sqrt(f); "
#define PRODUCT  "s = Mul(d, d); e = ReduceMean(s) axes=[1]; f = Add(#0.25, e); r = Sqrt(f); i = Reciprocal(r); "
    static const struct {
        const char *nodes, *refused; // NULL: it is the same as the operator
    } rows[] = {
        {CENTRED VARIANCE "n = Div(d, r); g = Mul(n, b); y = Add(g, m)", NULL},
        {CENTRED PRODUCT "n = Mul(d, i); g = Mul(b, n); y = Add(m, g)", NULL},
        {CENTRED PRODUCT "k = Mul(i, b); j = Mul(a, k); c = Sub(m, j); h = Mul(x, k); y = Add(h, c)", NULL},
        {CENTRED VARIANCE "k = Div(b, r); j = Mul(a, k); c = Sub(m, j); h = Mul(x, k); y = Add(h, c)", NULL},
        {"q = Identity(x); y = LayerNormalization(q, b, m) axis=-1 epsilon=0.25", NULL},
        {CENTRED "s = Pow(d, #3); e = ReduceMean(s) axes=[1]; f = Add(e, #0.25); r = Sqrt(f); y = Div(d, r)", "Pow"},
        {CENTRED VARIANCE "n = Div(d, r); g = Mul(n, b); q = Add(g, m); y = Add(q, r)", "Sqrt"}, // read elsewhere too
        {CENTRED "s = Pow(d, #2); e = ReduceMean(s) axes=[0]; f = Add(e, #0.25); r = Sqrt(f); y = Div(d, r)", "Sqrt"},
    };
    static const float x[] = {1, 3, -2, 0.5f, 7, 7.5f};
    convo_model *model;
    convo_error err = {0};
    must(import_nodes("y = LayerNormalization(x, b, m) axis=1 epsilon=0.25", false, &model, &err), &err);
    float *want = model_outputs(model, x, 3);
    convo_model_free(model);
    for (size_t k = 0; k < CV_COUNT(rows); k++) {
        const convo_status status = import_nodes(rows[k].nodes, false, &model, &err);
        if ((status == CONVO_OK) != !rows[k].refused || (status && !strstr(err.message, rows[k].refused)))
            fail_msg("row %zu: %s", k, status ? err.message : "is read");
        if (status) continue;
        float *got = model_outputs(model, x, 3);
        assert_memory_equal(got, want, 6 * sizeof *got);
        free(got);
        convo_model_free(model);
    }
    free(want);
}

// What is constant is computed, whatever it is made of: the same weights come out.
static void constants_are_computed(void **state) {
    (void)state;
    static const char *const rows[] = {
        "t = Transpose(w) perm=[1, 0]; y = Gemm(x, t, b) transB=1",
        "t = Reshape(w, #[4]); s = Reshape(t, #[2, -1]); y = Gemm(x, s, b)",
        "t = Add(w, #1); s = Sub(t, #1); y = Gemm(x, s, b)",
        "t = Mul(w, #4); s = Div(t, #4); p = MatMul(x, s); y = Add(p, b)",
        "t = Concat(w, w) axis=0; s = Slice(t, #[2], #[9], #[0]); y = Gemm(x, s, b)",
        "t = Unsqueeze(w, #[1]); s = Squeeze(t, #[1]); y = Gemm(x, s, b)",
        "t = Gather(w, #[-1, 0]) axis=0; s = Gather(t, #[1, 0]) axis=0; y = Gemm(x, s, b)",
        "z = Shape(x); e = Expand(#0, z); c = Gemm(x, w, b); q = Exp(#0); y = Mul(c, q)",
        "p = Max(w, #-9); y = Gemm(x, p, b)",
        "p = Gemm(x, w, b); h = Shape(p) start=1; r = Concat(#[-1], h) axis=0; y = Reshape(p, r)",
        "p = Gemm(x, w, b); y = ReduceMean(p) noop_with_empty_axes=1",
    };
    static const float x[] = {1, 3, -2, 0.5f};
    convo_model *model;
    import_node("y = Gemm(x, w, b)", true, &model);
    float *want = model_outputs(model, x, 2);
    convo_model_free(model);
    for (size_t k = 0; k < CV_COUNT(rows); k++) {
        convo_error err = {0};
        if (import_nodes(rows[k], true, &model, &err)) fail_msg("%s: %s", rows[k], err.message);
        float *got = model_outputs(model, x, 2);
        for (int i = 0; i < 4; i++)
            if (!(fabsf(got[i] - want[i]) < 1e-6f))
                fail_msg("%s: %g, not %g", rows[k], (double)got[i], (double)want[i]);
        free(got);
        convo_model_free(model);
    }
}

// One number is a number, unless a Sigmoid or two labels say that it tells two classes apart.
static void a_net_of_one_number_is_no_classifier(void **state) {
    (void)state;
    static const char *const two[] = {"no", "yes", NULL};
    static const struct {
        const char *nodes, *loss;
        const char *const *labels;
        int classes;
    } rows[] = {
        {"g = Gemm(x, w, b); y = ReduceMean(g) axes=[1]", "regression", NULL, 1},
        {"g = Gemm(x, w, b); y = ReduceMean(g) axes=[1]", "logistic", two, 2},
        {"g = Gemm(x, w, b); r = ReduceMean(g) axes=[1]; y = Sigmoid(r)", "logistic", NULL, 2},
        {"g = Gemm(x, w, b); r = ReduceMean(g) axes=[1]; y = Tanh(r)", "regression", NULL, 1},
        {"y = Gemm(x, w, b)", "cross_entropy", NULL, 2},
        {"g = Gemm(x, w, b); s = Softmax(g) axis=1; y = ArgMax(s) axis=1", "cross_entropy", NULL, 2},
        {"g = Gemm(x, w, b); y = Sigmoid(g)", "binary_cross_entropy", NULL, 2}, // each of its own
    };
    for (size_t k = 0; k < CV_COUNT(rows); k++) {
        convo_error err = {0};
        convo_model *model;
        must(import_nodes(rows[k].nodes, true, &model, &err), &err);
        convo_model_free(model);
        const convo_import_options options = {.labels = rows[k].labels};
        must(convo_import(in_folder("nodes.onnx"), &options, &model, &err), &err);
        if (strcmp(model->recipe->loss->name, rows[k].loss) != 0 || model->classes != rows[k].classes)
            fail_msg("row %zu: %s, %d classes", k, model->recipe->loss->name, model->classes);
        convo_model_free(model);
    }
}

static char last_note[512];

static void hear_note(const char *sentence, void *user) {
    (void)user;
    if (strstr(sentence, "outputs")) snprintf(last_note, sizeof last_note, "%s", sentence);
}

static void of_several_outputs_one_is_imported(void **state) {
    (void)state;
    static const struct {
        const char *output, *says; // what is said, or the error
        int layers;                // 0: it is refused
    } rows[] = {
        {NULL, "of the outputs first, second, 'first' is imported", 2},
        {"second", "", 3},
        {"inner", "", 1},
        {"third", "its outputs are first, second", 0},
        {"", "its outputs are first, second", 0},
    };
    for (size_t k = 0; k < CV_COUNT(rows); k++) {
        cv_graph graph = {0};
        convo_error err = {0};
        convo_model *model = NULL;
        const convo_import_options options = {.output = rows[k].output, .note = hear_note};
        float *w = cv_graph_add_constant(&graph, "w", CV_CONST_F32, 2, (int64_t[]){2, 2});
        for (int i = 0; i < 4; i++) w[i] = (float)i;
        cv_graph_add_source(&graph, "x", 2, (int64_t[]){-1, 2});
        cv_graph_add_source(&graph, "state", 2, (int64_t[]){-1, 2}); // which no output but its own needs
        cv_graph_add_result(&graph, "first", 2, (int64_t[]){-1, 2});
        cv_graph_add_result(&graph, "second", 2, (int64_t[]){-1, 2});
        assert_true(cv_graph_parse(&graph, "second = Tanh(first); first = Relu(inner); inner = MatMul(x, w)", NULL));
        must(cv_onnx_write(&graph, "two", in_folder("two.onnx"), &err), &err);
        cv_graph_free(&graph);
        last_note[0] = 0;
        const convo_status status = convo_import(in_folder("two.onnx"), &options, &model, &err);
        if ((status != CONVO_OK) != !rows[k].layers || !strstr(status ? err.message : last_note, rows[k].says))
            fail_msg("row %zu: '%s'", k, status ? err.message : last_note);
        if (!status) assert_int_equal(model->net->nodes, rows[k].layers);
        convo_model_free(model);
    }
}

static void all_reasons_are_given_at_once(void **state) {
    (void)state;
    static const char *const reasons[] = {"Pow 'a'", "Sin 'c'", "Clip 'd' has limits"};
    convo_model *model;
    convo_error err = {0};
    assert_int_equal(
        import_nodes("a = Pow(x, #3); c = Sin(x); d = Clip(x, b); e = Relu(a); f = Add(c, d); y = Add(e, f)", true,
                     &model, &err),
        CONVO_UNSUPPORTED);
    for (size_t k = 0; k < CV_COUNT(reasons); k++)
        if (!strstr(err.message, reasons[k])) fail_msg("'%s' is not in: %s", reasons[k], err.message);
    assert_null(strstr(err.message, "Relu")); // what follows from them is not a reason
}

// The seed names w.bin, of four numbers.
static void numbers_may_lie_beside_the_model(void **state) {
    (void)state;
    static const float w[] = {1, 2, 3, 4};
    cv_bytes bytes;
    convo_error err = {0};
    convo_model *model;
    float got[4];
    must(cv_file_read("tests/fuzz/corpus/onnx/external", SIZE_MAX, &bytes, &err), &err);
    must(cv_file_write(in_folder("external.onnx"), bytes.data, bytes.size, &err), &err);
    free(bytes.data);
    must(cv_file_write(in_folder("w.bin"), w, sizeof w, &err), &err);
    must(convo_import(in_folder("external.onnx"), NULL, &model, &err), &err);
    cv_net_read(model->net, 0, got);
    for (int k = 0; k < 4; k++) assert_true(got[k] == w[k / 2 + k % 2 * 2]); // [out][in]
    convo_model_free(model);
    must(cv_file_write(in_folder("w.bin"), w, sizeof w - 1, &err), &err);
    assert_int_equal(convo_import(in_folder("external.onnx"), NULL, &model, &err), CONVO_FORMAT);
    assert_non_null(strstr(err.message, "ends before"));
    unlink(in_folder("w.bin"));
}

static void batch_norm_keeps_its_epsilon_and_momentum(void **state) {
    (void)state;
    static const struct {
        const char *attributes, *says;
    } rows[] = {
        {"", "- batchnorm\n"},
        {"epsilon=0.02", "- batchnorm: 0.02\n"},
        {"momentum=0.75", "- batchnorm: {momentum: 0.25}\n"}, // ONNX's is the share of the past
    };
    for (size_t k = 0; k < CV_COUNT(rows); k++) {
        convo_model *model;
        char *text, node[128];
        convo_error err = {0};
        snprintf(node, sizeof node, "y = BatchNormalization(x, w, b, m, v) %s", rows[k].attributes);
        import_node(node, false, &model);
        must(convo_recipe_text(convo_model_recipe(model), &text, &err), &err);
        if (!strstr(text, rows[k].says)) fail_msg("'%s' is not in\n%s", rows[k].says, text);
        free(text);
        convo_model_free(model);
    }
}

// (x - 1) / 2 and so on before the first layers are the recipe's normalisation: one for all.
static void the_input_is_normalised_in_one_way(void **state) {
    (void)state;
    static const struct {
        const char *nodes, *says; // NULL: it is read
        float mean[2], std[2];
    } rows[] = {
        {"n = Sub(x, #1); s = Div(n, #2); y = Gemm(s, w, b)", NULL, {1}, {2}},
        {"s = Div(x, #2); n = Sub(s, #1); y = Gemm(n, w, b)", NULL, {2}, {2}},
        {"s = Mul(x, #4); n = Add(s, #2); y = Gemm(n, w, b)", NULL, {-0.5f}, {0.25f}},
        {"n = Sub(x, m); y = Gemm(n, w, b)", NULL, {1, 2}, {1, 1}},
        {"n = Sub(x, #1); s = Div(n, v); t = Mul(s, #0.5); y = Gemm(t, w, b)", NULL, {1, 1}, {2, 4}},
        {"s = Div(x, v); n = Add(s, m); y = Gemm(n, w, b)", NULL, {-1, -4}, {1, 2}},
        {"n = Sub(x, w); y = Gemm(n, w, b)", "of other dimensions", {0}, {0}},
        {"n = Sub(x, m); r = Relu(n); a = Gemm(r, w, b); k = Sub(x, b); y = Add(a, k)",
         "another normalisation",
         {0},
         {0}},
        {"n = Sub(x, #1); r = Relu(n); a = Gemm(r, w, b); y = Add(a, n)", NULL, {1}, {1}},
        {"n = Sub(x, #1); r = Relu(n); a = Gemm(r, w, b); y = Add(a, x)", "with another normalisation", {0}, {0}},
        {"n = Div(x, #2); r = Relu(x); a = Gemm(r, w, b); y = Add(a, n)", "with another normalisation", {0}, {0}},
    };
    for (size_t k = 0; k < CV_COUNT(rows); k++) {
        convo_model *model;
        convo_error err = {0};
        const convo_status status = import_nodes(rows[k].nodes, true, &model, &err);
        if ((status == CONVO_OK) != !rows[k].says || (status && !strstr(err.message, rows[k].says)))
            fail_msg("%s: '%s'", rows[k].nodes, err.message);
        if (status) continue;
        const cv_normal *n = &model->normal;
        assert_int_equal(cv_normal_count(n), rows[k].std[1] > 0 ? 2 : 1);
        for (size_t c = 0; c < cv_normal_count(n); c++)
            if (n->mean[c] != rows[k].mean[c] || n->std[c] != rows[k].std[c])
                fail_msg("%s: mean %g and deviation %g", rows[k].nodes, (double)n->mean[c], (double)n->std[c]);
        convo_model_free(model);
    }
}

static void a_recipe_gives_a_graph_its_data(void **state) {
    (void)state;
    convo_model *model;
    convo_error err = {0};
    convo_recipe *recipe =
        make_recipe("data: {set: cifar-10}\nfeatures: {mean: 0.5, std: 0.25}\nmodel: [flatten, {linear: 10}]\n"
                    "train: {optimizer: adam, epochs: 3}\n");
    const char *const labels[] = {"a", "b", "c", "d", "e", "f", "g", "h", "i", "j", NULL};
    convo_import_options options = {.recipe = recipe, .labels = labels};
    must(convo_import(GOLDEN "/resnet8-17.onnx", &options, &model, &err), &err);
    assert_string_equal(convo_recipe_data(convo_model_recipe(model)), "cifar-10");
    assert_string_equal(convo_model_label(model, 3), "d");
    assert_true(*model->normal.mean == 0.5f && *model->normal.std == 0.25f);
    convo_model_free(model);
    options.mean = (const double[]){0};
    options.std = (const double[]){2};
    options.means = options.stds = 1;
    must(convo_import(GOLDEN "/resnet8-17.onnx", &options, &model, &err), &err);
    assert_true(*model->normal.mean == 0 && *model->normal.std == 2);
    convo_model_free(model);
    assert_int_equal(convo_import(GOLDEN "/dscnn-17.onnx", &options, &model, &err), CONVO_SHAPE);
    options.labels = (const char *const[]){"a", "b", NULL};
    assert_int_equal(convo_import(GOLDEN "/resnet8-17.onnx", &options, &model, &err), CONVO_ARGUMENT);
    assert_non_null(strstr(err.message, "2 labels are given, but the net has 10 classes"));
    convo_recipe_free(recipe);
}

static void all_that_is_not_known_is_named(void **state) {
    (void)state;
    convo_model *model;
    convo_error err = {0};
    assert_int_equal(convo_import(GOLDEN "/strange-17.onnx", NULL, &model, &err), CONVO_UNSUPPORTED);
    assert_null(strstr(err.message, "Erf '")); // part of a gelu, as PyTorch writes it
    assert_non_null(strstr(err.message, "Resize '"));
}

// Files that tests/fuzz/seeds.py makes.
static void what_is_not_read_is_refused_for_its_true_reason(void **state) {
    (void)state;
    static const struct {
        const char *name;
        convo_status status;
        const char *reason, *remedy;
    } cases[] = {
        {"if-0", CONVO_UNSUPPORTED, "If 'y'", "tracing"},
        {"if-3", CONVO_UNSUPPORTED, "If 'y'", "tracing"},
        {"if-40", CONVO_LIMIT, "nested deeper", ""},
        {"trees", CONVO_UNSUPPORTED, "ai.onnx.ml.TreeEnsemble", "no nets"},
        {"no-opset", CONVO_FORMAT, "does not state the opset", "again"},
        {"opset-26", CONVO_UNSUPPORTED, "opset 26", "opset 17"},
        {"quantised", CONVO_UNSUPPORTED, "QLinearMatMul", "before it is quantised"},
        {"functions", CONVO_UNSUPPORTED, "functions of its own", "inline"},
        {"external", CONVO_IO, "cannot be opened", "belongs beside"},
        {"external-folder", CONVO_IO, "", ""},
        {"external-colon", CONVO_FORMAT, "only files in the model's folder", ""},
        {"external-above", CONVO_FORMAT, "only files in the model's folder", ""},
        {"external-absolute", CONVO_FORMAT, "only files in the model's folder", ""},
        {"sparse", CONVO_UNSUPPORTED, "sparse", "dense"},
        {"strings", CONVO_UNSUPPORTED, "of type STRING", "float32"},
        {"any-size", CONVO_UNSUPPORTED, "not fixed", "fixed one"},
        {"no-graph", CONVO_FORMAT, "no graph", ""},
        {"sequence", CONVO_UNSUPPORTED, "a sequence", "one tensor"},
        {"attention-wide", CONVO_UNSUPPORTED, "as many channels in all heads as it reads", ""},
        {"attention-mask", CONVO_UNSUPPORTED, "without a mask", ""},
        {"lstm-lengths", CONVO_UNSUPPORTED, "has sequence_lens", "its last column"},
        {"attention-old", CONVO_UNSUPPORTED, "Softmax 'p' reads a product of two values", ""}, // over all but examples
        {"attention-crossed", CONVO_UNSUPPORTED, "of a kind that convo does not have", ""},    // examples are heads
    };
    for (size_t k = 0; k < CV_COUNT(cases); k++) {
        char from[128];
        convo_model *model = NULL;
        convo_error err = {0};
        cv_bytes bytes;
        snprintf(from, sizeof from, "tests/fuzz/corpus/onnx/%s", cases[k].name);
        must(cv_file_read(from, SIZE_MAX, &bytes, &err), &err);
        must(cv_file_write(in_folder("refused.onnx"), bytes.data, bytes.size, &err), &err);
        const convo_status status = convo_import(in_folder("refused.onnx"), NULL, &model, &err);
        if (status != cases[k].status || !strstr(err.message, cases[k].reason) || !strstr(err.message, cases[k].remedy))
            fail_msg("%s: %s: %s", cases[k].name, convo_status_name(status), err.message);
        free(bytes.data);
    }
}

// Keras's exports say of every example that it has all columns.
static void lengths_may_be_those_of_all_columns(void **state) {
    (void)state;
    static const int32_t some[] = {4, 5, 2}, all[] = {5, 5, 5};
    convo_model *model = NULL;
    convo_error err = {0};
    cv_bytes bytes;
    must(cv_file_read("tests/fuzz/corpus/onnx/lstm-lengths", SIZE_MAX, &bytes, &err), &err);
    size_t at = 0;
    while (at + sizeof some < bytes.size && memcmp(bytes.data + at, some, sizeof some) != 0) at++;
    assert_int_equal(memcmp(bytes.data + at, some, sizeof some), 0);
    memcpy(bytes.data + at, all, sizeof all);
    must(cv_file_write(in_folder("lengths.onnx"), bytes.data, bytes.size, &err), &err);
    must(convo_import(in_folder("lengths.onnx"), NULL, &model, &err), &err);
    convo_model_free(model);
    free(bytes.data);
}
#endif

// --- weights ------------------------------------------------------------------------------------------------------

static const char net[] = "input: [2, 5]\nmodel: [{conv1d: {out: 3, kernel: 2}}, batchnorm, flatten, {linear: 4}]\n";

typedef struct tensor {
    const char *name;
    cv_st_type type;
    int dims;
    int64_t dim[3];
} tensor;

#define BATCHNORM(type)                                                                                                \
    {"1.weight", type, 1, {3}}, {"1.bias", type, 1, {3}}, {"1.running_mean", type, 1, {3}}, {                          \
        "1.running_var", type, 1, {                                                                                    \
            3                                                                                                          \
        }                                                                                                              \
    }
#define END_OF_NET                                                                                                     \
    {"3.weight", CV_F32, 2, {4, 12}}, {                                                                                \
        "3.bias", CV_F32, 1, {                                                                                         \
            4                                                                                                          \
        }                                                                                                              \
    }

// Number i of every tensor is i / 4 + 1, which all types can hold.
static void write_weights(const char *path, const tensor *of) {
    cv_st_tensor list[16];
    static union {
        float f32[64];
        double f64[64];
        int64_t i64[64];
        uint16_t half[2][64];
    } numbers[CV_BF16 + 1];
    convo_error err = {0};
    cv_safetensors file = {.tensor = list};
    for (int i = 0; i < 64; i++) {
        const float x = (float)i / 4 + 1;
        uint32_t bits;
        int exponent;
        numbers[CV_F32].f32[i] = x;
        numbers[CV_F64].f64[i] = (double)x;
        numbers[CV_I64].i64[i] = i;
        memcpy(&bits, &x, sizeof bits);
        numbers[CV_BF16].half[0][i] = (uint16_t)(bits >> 16);
        const float fraction = frexpf(x, &exponent);
        numbers[CV_F16].half[0][i] = (uint16_t)((exponent + 14) << 10 | ((int)(fraction * 2048) & 1023));
    }
    for (; of->name; of++) {
        cv_st_tensor t = {
            .name = (char *)(uintptr_t)of->name, .type = of->type, .dims = of->dims, .data = &numbers[of->type]};
        size_t count = 1;
        for (int d = 0; d < of->dims; d++) count *= (size_t)(t.dim[d] = of->dim[d]);
        t.bytes = count * (of->type == CV_F16 || of->type == CV_BF16 ? 2 : of->type == CV_F32 ? 4 : 8);
        list[file.tensors++] = t;
    }
    must(cv_safetensors_write(path, &file, &err), &err);
}

static convo_status import_net(const char *name, const char *const *map, convo_model **model, convo_error *err) {
    convo_recipe *recipe = make_recipe(net);
    const convo_import_options options = {.recipe = recipe, .map = map};
    const convo_status status = convo_import(in_folder(name), &options, model, err);
    convo_recipe_free(recipe);
    return status;
}

static void check_numbers(const convo_model *model) {
    for (int t = 0; t < model->net->tensors; t++) {
        const cv_net_tensor *made = &model->net->tensor[t];
        float values[64];
        cv_net_read(model->net, t, values);
        for (size_t i = 0; i < made->size; i++) assert_true(values[i] == (made->spec.integer ? 0 : (float)i / 4 + 1));
    }
}

static void weights_of_every_type_are_converted(void **state) {
    (void)state;
    static const cv_st_type types[] = {CV_F32, CV_F64, CV_F16, CV_BF16};
    for (size_t k = 0; k < CV_COUNT(types); k++) {
        convo_model *model;
        convo_error err = {0};
        const tensor list[] = {
            {"0.weight", types[k], 3, {3, 2, 2}}, {"0.bias", types[k], 1, {3}}, BATCHNORM(types[k]), END_OF_NET, {0}};
        write_weights(in_folder("typed.safetensors"), list);
        must(import_net("typed.safetensors", NULL, &model, &err), &err);
        check_numbers(model);
        assert_string_equal(convo_model_label(model, 3), "3");
        convo_model_free(model);
    }
}

static void halves_become_the_same_numbers(void **state) {
    (void)state;
    static const struct {
        uint16_t bits;
        float is;
    } halves[] = {{0x3c00, 1},        {0xc000, -2},
                  {0x7bff, 65504},    {0x0400, 0x1p-14f},
                  {0x0001, 0x1p-24f}, {0x83ff, -1023 * 0x1p-24f},
                  {0x7c00, INFINITY}, {0xfc00, -INFINITY},
                  {0x8000, -0.0f},    {0x3555, 0.333251953125f}};
    for (size_t k = 0; k < CV_COUNT(halves); k++) {
        float is = 0;
        cv_safetensors_floats(&(cv_st_tensor){.type = CV_F16, .data = &halves[k].bits, .bytes = 2}, &is);
        assert_memory_equal(&is, &halves[k].is, sizeof is);
    }
    float is = 0;
    cv_safetensors_floats(&(cv_st_tensor){.type = CV_F16, .data = &(uint16_t){0x7e00}, .bytes = 2}, &is);
    assert_true(isnan(is));
    cv_safetensors_floats(&(cv_st_tensor){.type = CV_BF16, .data = &(uint16_t){0xc048}, .bytes = 2}, &is);
    assert_true(is == -3.125f);
}

static void names_are_mapped(void **state) {
    (void)state;
    convo_model *model;
    convo_error err = {0};
    const tensor list[] = {{"module.conv.weight", CV_F32, 3, {3, 2, 2}},
                           {"module.conv.bias", CV_F32, 1, {3}},
                           BATCHNORM(CV_F32),
                           {"fc", CV_F32, 2, {4, 12}},
                           {"3.bias", CV_F32, 1, {4}},
                           {0}};
    write_weights(in_folder("named.safetensors"), list);
    must(import_net("named.safetensors", (const char *const[]){"module.conv=0", "fc=3.weight", NULL}, &model, &err),
         &err);
    check_numbers(model);
    convo_model_free(model);
    const tensor longer[] = {{"f.1.weight", CV_F32, 3, {3, 2, 2}}, {"f.1.bias", CV_F32, 1, {3}},  BATCHNORM(CV_F32),
                             {"f.10.weight", CV_F32, 2, {4, 12}},  {"f.10.bias", CV_F32, 1, {4}}, {0}};
    write_weights(in_folder("longer.safetensors"), longer);
    must(import_net("longer.safetensors", (const char *const[]){"f.1=0", "f.10=3", NULL}, &model, &err), &err);
    check_numbers(model);
    convo_model_free(model);
    static const char *const wrong[] = {"module.conv", "=0"};
    for (size_t k = 0; k < CV_COUNT(wrong); k++)
        assert_int_equal(import_net("named.safetensors", (const char *const[]){wrong[k], NULL}, &model, &err),
                         CONVO_ARGUMENT);
    assert_int_equal(import_net("named.safetensors", (const char *const[]){"module.con=0", NULL}, &model, &err),
                     CONVO_SHAPE);
    assert_int_equal(
        import_net("named.safetensors", (const char *const[]){"module.conv=0", "fc=0.weight", NULL}, &model, &err),
        CONVO_FORMAT); // two tensors of one name
}

static void all_that_does_not_fit_is_named(void **state) {
    (void)state;
    convo_model *model;
    convo_error err = {0};
    const tensor list[] = {{"0.weight", CV_F32, 3, {3, 2, 3}},
                           BATCHNORM(CV_F32),
                           {"3.weight", CV_F32, 2, {4, 12}},
                           {"head.weight", CV_F32, 1, {1}},
                           {0}};
    write_weights(in_folder("misfit.safetensors"), list);
    assert_int_equal(import_net("misfit.safetensors", NULL, &model, &err), CONVO_SHAPE);
    static const char *const said[] = {"it has no 0.bias, 3.bias", "0.weight is [3, 2, 3], the net's is [3, 2, 2]",
                                       "the net has no head.weight"};
    for (size_t k = 0; k < CV_COUNT(said); k++)
        if (!strstr(err.message, said[k])) fail_msg("'%s' is not said, but '%s'", said[k], err.message);
}

static void write_text(const char *name, const char *text) {
    convo_error err = {0};
    must(cv_file_write(in_folder(name), text, strlen(text), &err), &err);
}

static void shards_are_one_file(void **state) {
    (void)state;
    convo_model *model;
    convo_error err = {0};
    const tensor first[] = {{"0.weight", CV_F32, 3, {3, 2, 2}}, {"0.bias", CV_F32, 1, {3}}, {0}};
    const tensor second[] = {BATCHNORM(CV_F32), END_OF_NET, {0}};
    write_weights(in_folder("a.safetensors"), first);
    write_weights(in_folder("b.safetensors"), second);
    write_text("model.safetensors.index.json", "{\"metadata\": {}, \"weight_map\": {\"0.weight\": \"a.safetensors\", "
                                               "\"0.bias\": \"a.safetensors\", \"3.weight\": \"b.safetensors\"}}");
    must(import_net("model.safetensors.index.json", NULL, &model, &err), &err);
    check_numbers(model);
    convo_model_free(model);
    static const struct {
        const char *text;
        convo_status status;
    } wrong[] = {{"", CONVO_FORMAT},
                 {"{}", CONVO_FORMAT},
                 {"{\"weight_map\": {\"0.weight\": 3}}", CONVO_FORMAT},
                 {"{\"weight_map\": {\"0.weight\": \"../b.safetensors\"}}", CONVO_FORMAT},
                 {"{\"weight_map\": {\"0.weight\": \"none.safetensors\"}}", CONVO_IO}};
    for (size_t k = 0; k < CV_COUNT(wrong); k++) {
        write_text("wrong.json", wrong[k].text);
        assert_int_equal(import_net("wrong.json", NULL, &model, &err), wrong[k].status);
    }
}

static void pickles_are_refused(void **state) {
    (void)state;
    static const struct {
        const char *start, *said;
    } files[] = {{"PK\3\4 and so on, up to the name net/data.pkl", "pickle"},
                 {"\x80\x02}q", "pickle"},
                 {"PK\3\4 and so on, up to the name 0.weight.npy", "zip file"}};
    for (size_t k = 0; k < CV_COUNT(files); k++) {
        convo_model *model;
        convo_error err = {0};
        write_text("net.pt", files[k].start);
        assert_int_equal(import_net("net.pt", NULL, &model, &err), CONVO_UNSUPPORTED);
        assert_non_null(strstr(err.message, "save_file"));
        assert_non_null(strstr(err.message, files[k].said));
    }
}

// The length of the header is what a safetensors file begins with: some of them read as a pickle does.
static void headers_of_any_length_are_read(void **state) {
    (void)state;
    enum { LENGTH = 8, STEP = 128 };
    const tensor list[] = {
        {"0.weight", CV_F32, 3, {3, 2, 2}}, {"0.bias", CV_F32, 1, {3}}, BATCHNORM(CV_F32), END_OF_NET, {0}};
    convo_error err = {0};
    cv_bytes bytes;
    write_weights(in_folder("plain.safetensors"), list);
    must(cv_file_read(in_folder("plain.safetensors"), SIZE_MAX, &bytes, &err), &err);
    const size_t header = bytes.data[0] | (size_t)bytes.data[1] << 8, rest = bytes.size - LENGTH - header;
    for (size_t longer = (header + STEP - 1) / STEP * STEP; longer <= 0x680; longer += STEP) {
        convo_model *model;
        char *file = test_memory(LENGTH + longer + rest, 1);
        memset(file + LENGTH, ' ', longer);
        memcpy(file, &(uint64_t){longer}, LENGTH);
        memcpy(file + LENGTH, bytes.data + LENGTH, header);
        memcpy(file + LENGTH + longer, bytes.data + LENGTH + header, rest);
        must(cv_file_write(in_folder("padded.safetensors"), file, LENGTH + longer + rest, &err), &err);
        must(import_net("padded.safetensors", NULL, &model, &err), &err);
        check_numbers(model);
        convo_model_free(model);
        free(file);
    }
    free(bytes.data);
}

// --- damaged files ------------------------------------------------------------------------------------------------

#ifdef CONVO_HAVE_ONNX
// Nothing but a refusal may come of it; what is read all the same is a model.
static void import_bytes(const uint8_t *data, size_t size) {
    convo_model *model;
    convo_error err = {0};
    const char *path = in_folder("damaged.onnx");
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(data, 1, size, file), size);
    fclose(file);
    if (!convo_import(path, NULL, &model, &err)) convo_model_free(model);
}

static void files_cut_at_every_byte_are_refused(void **state) {
    (void)state;
    cv_bytes bytes;
    convo_error err = {0};
    must(cv_file_read(GOLDEN "/nested-17.onnx", 1 << 20, &bytes, &err), &err);
    for (size_t size = 0; size < bytes.size; size++) import_bytes(bytes.data, size);
    free(bytes.data);
}

static void damaged_files_do_no_harm(void **state) {
    (void)state;
    static const char *const names[] = {"nested-17.onnx", "normalised-17.onnx", "samples-17.onnx"};
    for (size_t k = 0; k < CV_COUNT(names); k++) {
        char path[128];
        cv_bytes bytes;
        convo_error err = {0};
        snprintf(path, sizeof path, "%s/%s", GOLDEN, names[k]);
        must(cv_file_read(path, 1 << 20, &bytes, &err), &err);
        cv_random random;
        cv_random_seed(&random, k);
        for (int n = 0; n < 300; n++) {
            uint8_t *copy = test_memory(bytes.size, 1);
            memcpy(copy, bytes.data, bytes.size);
            for (uint32_t changes = 1 + cv_random_u32(&random) % 4; changes; changes--)
                copy[cv_random_u32(&random) % bytes.size] = (uint8_t)cv_random_u32(&random);
            import_bytes(copy, bytes.size);
            free(copy);
        }
        free(bytes.data);
    }
}

// Makes what lies from *at to the end of the bytes a field with this tag.
static void wrap(uint8_t *bytes, size_t size, size_t *at, uint8_t tag) {
    const size_t inside = size - *at;
    size_t digits = 1;
    while (inside >> 7 * digits) digits++;
    *at -= digits + 1;
    bytes[*at] = tag;
    for (size_t k = 0; k < digits; k++)
        bytes[*at + 1 + k] = (uint8_t)((inside >> 7 * k & 127) | (k + 1 < digits ? 128 : 0));
}

// A graph within a node within a graph, and so on: protobuf-c would call itself until the stack ends.
static void nesting_is_limited(void **state) {
    (void)state;
    enum {
        SIZE = 1 << 18,
        GRAPH_OF_ATTRIBUTE = 0x32,
        ATTRIBUTE_OF_NODE = 0x2a,
        NODE_OF_GRAPH = 0x0a,
        GRAPH_OF_MODEL = 0x3a
    };
    uint8_t *bytes = test_memory(SIZE, 1);
    size_t at = SIZE;
    while (at > 32) {
        wrap(bytes, SIZE, &at, GRAPH_OF_ATTRIBUTE);
        wrap(bytes, SIZE, &at, ATTRIBUTE_OF_NODE);
        wrap(bytes, SIZE, &at, NODE_OF_GRAPH);
    }
    wrap(bytes, SIZE, &at, GRAPH_OF_MODEL);
    import_bytes(bytes + at, SIZE - at);
    free(bytes);
}
#endif

int main(void) {
    const struct CMUnitTest tests[] = {
#ifdef CONVO_HAVE_ONNX
        cmocka_unit_test(nets_of_pytorch_say_the_same),
        cmocka_unit_test(nets_of_the_pytorch_that_is_here_say_the_same),
        cmocka_unit_test(no_operator_of_onnx_is_misread),
        cmocka_unit_test(an_exported_model_comes_back),
        cmocka_unit_test(what_lies_otherwise_is_put_in_order),
        cmocka_unit_test(factors_of_a_gemm_are_in_the_weights),
        cmocka_unit_test(windows_are_read_as_they_are_or_not_at_all),
        cmocka_unit_test(numbers_of_a_shape_are_followed),
        cmocka_unit_test(a_layer_norm_is_one_however_it_is_written),
        cmocka_unit_test(constants_are_computed),
        cmocka_unit_test(a_net_of_one_number_is_no_classifier),
        cmocka_unit_test(of_several_outputs_one_is_imported),
        cmocka_unit_test(all_reasons_are_given_at_once),
        cmocka_unit_test(numbers_may_lie_beside_the_model),
        cmocka_unit_test(batch_norm_keeps_its_epsilon_and_momentum),
        cmocka_unit_test(the_input_is_normalised_in_one_way),
        cmocka_unit_test(a_recipe_gives_a_graph_its_data),
        cmocka_unit_test(all_that_is_not_known_is_named),
        cmocka_unit_test(what_is_not_read_is_refused_for_its_true_reason),
        cmocka_unit_test(lengths_may_be_those_of_all_columns),
        cmocka_unit_test(files_cut_at_every_byte_are_refused),
        cmocka_unit_test(damaged_files_do_no_harm),
        cmocka_unit_test(nesting_is_limited),
#endif
        cmocka_unit_test(weights_of_every_type_are_converted),
        cmocka_unit_test(halves_become_the_same_numbers),
        cmocka_unit_test(names_are_mapped),
        cmocka_unit_test(all_that_does_not_fit_is_named),
        cmocka_unit_test(shards_are_one_file),
        cmocka_unit_test(pickles_are_refused),
        cmocka_unit_test(headers_of_any_length_are_read),
    };
    return cmocka_run_group_tests_name("import", tests, make_folder, remove_folder);
}

// Pictures and sounds of the page, as data URIs: small BMP pictures and WAV clips, which every browser reads.
#include "evaluation.h"
#include "output.h"
#include "paths.h"
#include "quote.h"
#include "report/page.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

// A clip has at most so many samples (3 s at 16 kHz, 96 kB), a picture so many rows and columns (120 kB): a page stays
// below 3 MB.
enum { MOST_SAMPLES = 48000, MOST_SECONDS = 3, MOST_SIDE = 200, MOST_FRAMES = MOST_SIDE - 2, MOST_FILTERS = 64 };

// --- data URIs --------------------------------------------------------------------------------------------------

static void put_little(unsigned char *at, uint32_t value, int bytes) {
    for (int k = 0; k < bytes; k++) at[k] = (unsigned char)(value >> 8 * k);
}

typedef struct colour {
    double red, green, blue; // in [0, 1]
} colour;

static unsigned char level(double share) {
    return (unsigned char)lround(255 * fmin(fmax(share, 0), 1));
}

// Between the colours of a map; share in [0, 1].
static colour mix(const uint32_t *map, size_t count, double share) {
    const double place = fmin(fmax(share, 0), 1) * (double)(count - 1);
    const size_t k = place < (double)(count - 1) ? (size_t)place : count - 2;
    double mixed[3];
    for (int j = 0; j < 3; j++) {
        const double a = (double)(map[k] >> (16 - 8 * j) & 255), b = (double)(map[k + 1] >> (16 - 8 * j) & 255);
        mixed[j] = (a + (place - (double)k) * (b - a)) / 255;
    }
    return (colour){mixed[0], mixed[1], mixed[2]};
}

// Dark for little, bright for much; and blue, white, red for negative, zero, positive.
static colour viridis(double share) {
    static const uint32_t map[] = {0x440154, 0x472d7b, 0x3b528b, 0x2c728e, 0x21918c,
                                   0x28ae80, 0x5ec962, 0xaddc30, 0xfde725};
    return mix(map, COUNT(map), share);
}

static colour gray(double share) {
    return (colour){share, share, share};
}

static colour two_colours(double share) {
    static const uint32_t map[] = {0x0072b2, 0x8fc1de, 0xffffff, 0xeeb58c, 0xd55e00};
    return mix(map, COUNT(map), share);
}

// Numbers as a picture: one map, or three that are red, green and blue.
typedef struct picture {
    int64_t rows, columns;
    const float *value;
    bool rgb, transposed;        // transposed: value is [columns][rows]
    double least, most;          // become 0 and 1
    colour (*map)(double share); // where it is not rgb
} picture;

static int64_t smaller(int64_t a, int64_t b) {
    return a < b ? a : b;
}

// The mean of side x side values, fewer at the edges.
static colour pixel(const picture *p, int64_t side, int64_t row, int64_t column) {
    double share[3] = {0};
    const int64_t height = smaller(side, p->rows - side * row), width = smaller(side, p->columns - side * column);
    for (int64_t k = 0; k < (p->rgb ? 3 : 1) * height * width; k++) {
        const int64_t map = k / (height * width), y = row * side + k / width % height, x = column * side + k % width;
        const int64_t at = map * p->rows * p->columns + (p->transposed ? x * p->rows + y : y * p->columns + x);
        share[map] += ((double)p->value[at] - p->least) / (p->most - p->least) / (double)(height * width);
    }
    return p->rgb ? (colour){share[0], share[1], share[2]} : p->map(share[0]);
}

// A BMP of 24 bits a pixel, lines from the bottom up, each padded to four bytes.
static void write_picture(const picture *p, const char *alt, const char *attributes, FILE *out) {
    enum { HEAD = 54 };
    const int64_t longest = p->rows > p->columns ? p->rows : p->columns, side = (longest + MOST_SIDE - 1) / MOST_SIDE;
    const int64_t rows = (p->rows - 1) / side + 1, columns = (p->columns - 1) / side + 1;
    const size_t line = ((size_t)columns * 3 + 3) / 4 * 4, size = HEAD + line * (size_t)rows;
    unsigned char *bmp = calloc(1, size);
    if (!bmp) return; // the text around it stays
    memcpy(bmp, "BM", 2);
    put_little(bmp + 2, (uint32_t)size, 4);
    put_little(bmp + 10, HEAD, 4);
    put_little(bmp + 14, 40, 4);
    put_little(bmp + 18, (uint32_t)columns, 4);
    put_little(bmp + 22, (uint32_t)rows, 4);
    put_little(bmp + 26, 1, 2);
    put_little(bmp + 28, 24, 2);
    for (int64_t y = 0; y < rows; y++)
        for (int64_t x = 0; x < columns; x++) {
            const colour c = pixel(p, side, rows - 1 - y, x);
            unsigned char *at = bmp + HEAD + (size_t)y * line + 3 * (size_t)x;
            at[0] = level(c.blue);
            at[1] = level(c.green);
            at[2] = level(c.red);
        }
    fputs("<img alt=\"", out);
    html_text(alt, out);
    fprintf(out, "\" %s src=\"data:image/bmp;base64,", attributes);
    html_base64(bmp, size, out);
    fputs("\">\n", out);
    free(bmp);
}

static void range_of(const float *value, int64_t count, double *least, double *most) {
    *least = INFINITY;
    *most = -INFINITY;
    for (int64_t k = 0; k < count; k++) {
        *least = fmin(*least, (double)value[k]);
        *most = fmax(*most, (double)value[k]);
    }
    if (!(*most > *least)) *most = *least + 1;
}

// --- filters ----------------------------------------------------------------------------------------------------

// A filter over one sequence is a curve.
static void write_waveform(const float *value, int64_t count, double most, FILE *out) {
    fputs("<svg viewBox=\"0 0 120 80\" width=\"120\" role=\"img\" aria-label=\"filter\"><path class=\"grid\" d=\"M0 "
          "40H120\"/>"
          "<path class=\"curve train\" d=\"",
          out);
    for (int64_t k = 0; k < count; k++)
        fprintf(out, "%s%.1f %.1f", k ? "L" : "M", 2 + 116.0 * (double)k / (double)(count > 1 ? count - 1 : 1),
                40 - 37 * (double)value[k] / most);
    fputs("\"/></svg>", out);
}

// [out, in, columns] of sequences, [out, in, rows, columns] of pictures.
static bool is_rgb(const convo_array *a) {
    return a->dims == 4 && a->dim[1] == 3;
}

void piece_axes(const page *p, FILE *out) {
    const convo_array *a = &p->filters.values;
    if (a->dims == 3)
        fputs(a->dim[1] == 1 ? "Positions to the right." : "Positions to the right, input channels down.", out);
    if (a->dims == 4 && !is_rgb(a) && a->dim[1] > 1) fputs("A picture for each filter and input channel.", out);
}

void piece_scale(const page *p, FILE *out) {
    if (is_rgb(&p->filters.values))
        fputs("Gray is zero in all three colours.", out);
    else if (p->filters.values.dims != 3 || p->filters.values.dim[1] > 1)
        fputs("negative <i></i> positive", out);
}

void piece_filters(const page *p, FILE *out) {
    enum { SIDE = 108 };
    const convo_array *a = &p->filters.values;
    if (!a->dims) return;
    const bool rgb = is_rgb(a), sequence = a->dims == 3;
    const int64_t columns = a->dim[a->dims - 1], rows = sequence ? a->dim[1] : a->dim[2];
    const int64_t maps = a->dims == 4 && !rgb ? a->dim[0] * a->dim[1] : a->dim[0],
                  size = rows * columns * (rgb ? 3 : 1);
    double least, most;
    range_of(a->value, maps * size, &least, &most);
    most = fmax(fabs(least), fabs(most));
    const double longest = (double)(rows > columns ? rows : columns), scale = fmax(1, floor(SIDE / longest));
    char attributes[96], name[64];
    snprintf(attributes, sizeof attributes, "class=\"pixels\" width=\"%.0f\" height=\"%.0f\"", scale * (double)columns,
             scale * (double)rows);
    for (int64_t k = 0; k < maps && k < MOST_FILTERS; k++) {
        const picture filter = {rows, columns, a->value + k * size, rgb, false, -most, most, two_colours};
        snprintf(name, sizeof name, "filter %lld", (long long)k);
        fputs("<figure>", out);
        if (rows == 1 && !rgb)
            write_waveform(filter.value, columns, most, out);
        else
            write_picture(&filter, name, attributes, out);
        fprintf(out, "<figcaption>%lld</figcaption></figure>\n", (long long)k);
    }
}

// --- recordings -------------------------------------------------------------------------------------------------

static bool read_clip(const char *path, convo_recording *c) {
    if (convo_recording_read(path, MOST_SECONDS, c, NULL)) return false;
    if (c->count > MOST_SAMPLES) c->count = MOST_SAMPLES;
    return true;
}

static bool is_cut(const convo_recording *c) {
    return c->count >= MOST_SAMPLES || c->count >= MOST_SECONDS * (int64_t)c->rate;
}

static int in_16_bits(float sample) {
    return (int)lrintf(fminf(fmaxf(32768 * sample, -32768), 32767));
}

// A WAV file, 16 bits, mono.
static void write_sound(const convo_recording *c, FILE *out) {
    enum { HEAD = 44 };
    const size_t data = 2 * (size_t)c->count;
    unsigned char *wav = calloc(1, HEAD + data);
    if (!wav) return;
    memcpy(wav, "RIFF    WAVEfmt ", 16);
    put_little(wav + 4, (uint32_t)(HEAD - 8 + data), 4);
    put_little(wav + 16, 16, 4);
    put_little(wav + 20, 1, 2); // PCM
    put_little(wav + 22, 1, 2); // channel
    put_little(wav + 24, (uint32_t)c->rate, 4);
    put_little(wav + 28, 2 * (uint32_t)c->rate, 4);
    put_little(wav + 32, 2, 2);
    put_little(wav + 34, 16, 2);
    memcpy(wav + 36, "data", 4);
    put_little(wav + 40, (uint32_t)data, 4);
    for (int64_t k = 0; k < c->count; k++) put_little(wav + HEAD + 2 * k, (uint32_t)in_16_bits(c->sample[k]), 2);
    fputs("<audio controls preload=\"metadata\" src=\"data:audio/wav;base64,", out);
    html_base64(wav, HEAD + data, out);
    fputs("\"></audio>\n", out);
    free(wav);
}

// Log mel energies in decibels, whatever the net itself reads: what people know as a spectrogram.
static convo_status find_spectrum(const char *path, const convo_recording *c, convo_array *spectrum) {
    const double hop = fmax(8, 1000.0 * (double)c->count / c->rate / MOST_FRAMES);
    char text[512];
    const int length =
        snprintf(text, sizeof text,
                 "data: {set: audiofolder}\n"
                 "features: {kind: logmel, rate: %d, samples: %lld, window_ms: %.3f, hop_ms: %.3f, fft: 0, "
                 "filters: 40, log: db}\n"
                 "model: [flatten, linear: 2]\n",
                 c->rate, (long long)c->count, 3 * hop, hop);
    convo_recipe *recipe = NULL;
    convo_status status = convo_recipe_parse(text, (size_t)length, "spectrogram", &recipe, NULL);
    if (!status) status = convo_features(recipe, path, spectrum, NULL);
    convo_recipe_free(recipe);
    return status;
}

static void write_spectrum(const char *path, const convo_recording *c, FILE *out) {
    const double shown = 60; // decibels below the loudest
    char alt[96];
    convo_array a = {0};
    if (find_spectrum(path, c, &a)) return;
    picture p = {.rows = a.dim[2], .columns = a.dim[1], .value = a.value, .transposed = true, .map = viridis};
    const int64_t rows = p.rows;
    for (int64_t t = 0; t < p.columns; t++) // low tones below
        for (int64_t k = 0; k < rows / 2; k++) {
            float *frame = a.value + t * rows, low = frame[k];
            frame[k] = frame[rows - 1 - k];
            frame[rows - 1 - k] = low;
        }
    range_of(a.value, rows * p.columns, &p.least, &p.most);
    p.least = p.most - shown;
    snprintf(alt, sizeof alt, "spectrogram of %.2f s, up to %g kHz (mel), %.0f dB", (double)c->count / c->rate,
             c->rate / 2000.0, shown);
    write_picture(&p, alt, "class=\"spectrum\"", out);
    convo_array_free(&a);
}

static void write_recording(const char *path, const convo_recording *c, FILE *out) {
    write_spectrum(path, c, out);
    write_sound(c, out);
    fprintf(out, "<small>%s%.2f s</small>\n", is_cut(c) ? "the first " : "", (double)c->count / c->rate);
}

// --- mistakes ---------------------------------------------------------------------------------------------------

convo_status find_mistakes(page *p, const convo_train_options *how, convo_error *err) {
    const convo_evaluation *e = &p->evaluation;
    cli_mistake *list = NULL;
    int64_t count = 0, index[MOST_MISTAKES];
    if (list_mistakes(e, &list, &count)) {
        *err = (convo_error){.code = CONVO_MEMORY, .message = "not enough memory"};
        return err->code;
    }
    if (count > MOST_MISTAKES) count = MOST_MISTAKES;
    for (int64_t k = 0; k < count; k++) {
        p->wrong[k] = list[k];
        index[k] = e->index[list[k].row];
    }
    free(list);
    if (!count) return CONVO_OK;
    return convo_examples_read(convo_model_recipe(p->model), how, CONVO_ALL, index, count, &p->mistakes, err);
}

// A picture, or what has rows and columns like one.
static void write_picture_values(const convo_array *a, int64_t k, FILE *out) {
    if (a->dims != 4 || (a->dim[1] != 1 && a->dim[1] != 3)) return;
    const int64_t size = a->dim[1] * a->dim[2] * a->dim[3];
    picture shown = {
        .rows = a->dim[2], .columns = a->dim[3], .value = a->value + k * size, .rgb = a->dim[1] == 3, .map = gray};
    range_of(shown.value, size, &shown.least, &shown.most);
    write_picture(&shown, "what the net reads", "class=\"pixels wide\"", out);
}

// Where it lies, where the net reads two numbers.
static void write_point(const convo_array *a, int64_t k, FILE *out) {
    if (a->dims != 2 || a->dim[1] != 2) return;
    fprintf(out, " at %.4g, %.4g", (double)a->value[2 * k], (double)a->value[2 * k + 1]);
}

// The class, or where several may be true, all that are: each: [classes] 1 or 0.
static void write_labels(const convo_evaluation *e, const int64_t *class, const uint8_t *each, int64_t row, FILE *out) {
    int written = 0;
    if (!each) html_text(e->labels[class[row]], out);
    for (int c = 0; each && c < e->classes; c++)
        if (each[row * e->classes + c]) html_print(out, "%s%s", written++ ? ", " : "", e->labels[c]);
    if (each && !written) fputs("none", out);
}

static void write_mistake(const page *p, int64_t k, FILE *out) {
    const convo_evaluation *e = &p->evaluation;
    const int64_t row = p->wrong[k].row;
    const char *path = p->mistakes.file[k];
    convo_recording c;
    fputs("<figure class=\"mistake\"><p><span>truth<b>", out);
    write_labels(e, e->truth, e->truths, row, out);
    fputs("</b></span><span>predicted", out);
    if (e->probabilities) fprintf(out, ", %.3f", p->wrong[k].probability);
    fputs("<b class=\"no\">", out);
    write_labels(e, e->predicted, e->answers, row, out);
    fputs("</b></span></p>\n", out);
    const bool whole = p->mistakes.start[k] <= 0 && p->mistakes.seconds[k] <= 0;
    if (path && whole && read_clip(path, &c)) {
        write_recording(path, &c, out);
        convo_recording_free(&c);
    } else
        write_picture_values(&p->mistakes.values, k, out);
    fputs("<figcaption>", out);
    if (path)
        html_text(base_name(path), out);
    else
        fprintf(out, "example %lld", (long long)p->mistakes.index[k]);
    if (!whole) fprintf(out, " from %.2f s", p->mistakes.start[k]);
    write_point(&p->mistakes.values, k, out);
    fputs("</figcaption></figure>\n", out);
}

void piece_mistakes(const page *p, FILE *out) {
    for (int64_t k = 0; k < p->mistakes.count; k++) write_mistake(p, k, out);
}

// How to read a spectrogram, where there are any.
void piece_sound(const page *p, FILE *out) {
    convo_recording c;
    if (!p->mistakes.count || !p->mistakes.file[0] || !read_clip(p->mistakes.file[0], &c)) return;
    convo_recording_free(&c);
    fputs("Spectrograms: time to the right, mel frequency upwards, bright is loud.", out);
}

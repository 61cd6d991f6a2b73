// The charts of the page as SVG. Colours are classes and variables of the page's style sheet.
#include "quote.h"
#include "report/page.h"

#include <math.h>
#include <string.h>

// --- confusion --------------------------------------------------------------------------------------------------

enum { MATRIX = 440, LARGEST_CELL = 40, MOST_NUMBERS = 20, LETTER = 7, LONGEST_LABEL = 14 };

// One cell; its colour is stronger the larger its share of the row, mistakes by the root of it, so that rare ones show.
static void write_cell(const convo_evaluation *e, int row, int column, int64_t all, double left, double top,
                       double cell, FILE *out) {
    const int64_t n = e->confusion[(int64_t)row * e->classes + column];
    if (!n) return;
    const double share = (double)n / (double)all, strength = 0.15 + 0.85 * (row == column ? share : sqrt(share));
    const double x = left + column * cell, y = top + row * cell;
    fprintf(out, "<rect class=\"%s\" x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" height=\"%.1f\" fill-opacity=\"%.2f\">",
            row == column ? "right" : "wrong", x, y, cell - 1, cell - 1, strength);
    if (e->classes <= 2 * MOST_NUMBERS) {
        fputs("<title>", out);
        html_print(out, "truth %s, predicted %s: %lld of %lld", e->labels[row], e->labels[column], (long long)n,
                   (long long)all);
        fputs("</title>", out);
    }
    fputs("</rect>\n", out);
    if (e->classes <= MOST_NUMBERS)
        fprintf(out, "<text class=\"mid cell%s\" x=\"%.1f\" y=\"%.1f\">%lld</text>\n", strength > 0.7 ? " on" : "",
                x + (cell - 1) / 2, y + cell / 2 + 4, (long long)n);
}

static void write_label(const char *label, FILE *out) {
    size_t size = 0; // bytes of the first characters
    for (int seen = 0; label[size]; size++)
        if ((label[size] & 0xC0) != 0x80 && ++seen > LONGEST_LABEL) break;
    html_bytes(label, size, out);
    fputs(label[size] ? "&hellip;</text>\n" : "</text>\n", out);
}

void piece_confusion(const page *p, FILE *out) {
    const convo_evaluation *e = &p->evaluation;
    const int n = e->classes;
    if (!e->confusion) return;
    size_t longest = 0;
    for (int k = 0; k < n; k++) longest = strlen(e->labels[k]) > longest ? strlen(e->labels[k]) : longest;
    if (longest > LONGEST_LABEL) longest = LONGEST_LABEL + 1;
    const bool labels = n <= 2 * MOST_NUMBERS, slanted = longest > 3;
    const double cell = fmin((double)MATRIX / n, LARGEST_CELL);
    const double left = labels ? 26 + LETTER * (double)longest : 22,
                 top = labels && slanted ? 26 + LETTER * 0.8 * (double)longest : 40;
    fprintf(out,
            "<svg viewBox=\"0 0 %.0f %.0f\" style=\"max-width:%.0fpx\" role=\"img\" aria-label=\"confusion matrix\">\n",
            left + n * cell + (slanted ? 40 : 2), top + n * cell + 2, 1.25 * (left + n * cell));
    fprintf(out, "<text class=\"mid\" x=\"%.1f\" y=\"12\">predicted</text>", left + n * cell / 2);
    fprintf(out, "<text class=\"mid\" transform=\"translate(12 %.1f) rotate(-90)\">truth</text>\n", top + n * cell / 2);
    fprintf(out, "<rect class=\"empty\" x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" height=\"%.1f\"/>\n", left, top,
            n * cell - 1, n * cell - 1);
    for (int k = 0; k < n; k++) {
        int64_t all = 0;
        for (int j = 0; j < n; j++) all += e->confusion[(int64_t)k * n + j];
        for (int j = 0; j < n; j++) write_cell(e, k, j, all, left, top, cell, out);
        if (!labels) continue;
        fprintf(out, "<text class=\"end%s\" x=\"%.1f\" y=\"%.1f\">", cell < 14 ? " small" : "", left - 6,
                top + (k + 0.5) * cell + 4);
        write_label(e->labels[k], out);
        fprintf(out, "<text class=\"%s%s\" transform=\"translate(%.1f %.1f)%s\">", slanted ? "start" : "mid",
                cell < 14 ? " small" : "", left + (k + 0.5) * cell, top - 6, slanted ? " rotate(-50)" : "");
        write_label(e->labels[k], out);
    }
    fputs("</svg>\n", out);
}

// --- receptive field --------------------------------------------------------------------------------------------

enum { FIELD_WIDTH = 440, NAME = 96, COUNT_WIDTH = 84, ROW = 26, SIDE = 280, NAMES = 150, LINE = 17 };

// The field of a layer's middle pixel along one side of the input, cut at the edges.
typedef struct page_span {
    double from, to; // pixels
} page_span;

static page_span field_of(const convo_field_grid *g, const convo_field_grid *input, int side) {
    const int64_t count = side ? g->columns : g->rows, all = side ? input->columns : input->rows;
    const int64_t start = g->start[side] + (count - 1) / 2 * g->jump[side];
    return (page_span){fmax(0, (double)start), fmin((double)all, (double)(start + g->size[side]))};
}

// 1-d: a bar for each layer, below the input.
static void write_bars(const convo_field *f, FILE *out) {
    const convo_field_grid *input = &f->grid[0];
    const double scale = (double)(FIELD_WIDTH - NAME - COUNT_WIDTH) / (double)input->columns;
    int row = 0;
    for (int k = 0; k < f->count; k++) row += k == 0 || f->grid[k].moves;
    fprintf(out,
            "<svg viewBox=\"0 0 %d %d\" style=\"max-width:640px\" role=\"img\" aria-label=\"receptive field of each "
            "layer\">\n",
            FIELD_WIDTH, row * ROW);
    row = 0;
    for (int k = 0; k < f->count; k++) {
        const convo_field_grid *g = &f->grid[k];
        if (k && !g->moves) continue;
        const double y = row++ * ROW;
        const page_span s = k ? field_of(g, input, 1) : (page_span){0, (double)input->columns};
        fprintf(out, "<text class=\"end\" x=\"%d\" y=\"%.0f\">", NAME - 10, y + 17);
        html_print(out, "%s %s", g->path, g->type);
        fprintf(out, "</text><rect class=\"empty\" x=\"%d\" y=\"%.0f\" width=\"%.1f\" height=\"%d\" rx=\"3\"/>", NAME,
                y + 4, scale * (double)input->columns, ROW - 8);
        fprintf(out, "<rect class=\"%s\" x=\"%.1f\" y=\"%.0f\" width=\"%.1f\" height=\"%d\" rx=\"3\"/>",
                k ? "right" : "faint", NAME + scale * s.from, y + 4, scale * (s.to - s.from), ROW - 8);
        fprintf(out, "<text x=\"%d\" y=\"%.0f\">%.0f of %lld</text>\n", FIELD_WIDTH - COUNT_WIDTH + 8, y + 17,
                s.to - s.from, (long long)input->columns);
    }
    fputs("</svg>\n", out);
}

// 2-d: frames in the input, the largest first, each with its name on the right.
static void write_frames(const convo_field *f, FILE *out) {
    const convo_field_grid *input = &f->grid[0];
    const double rows = (double)input->rows, columns = (double)input->columns, scale = SIDE / fmax(rows, columns);
    const double side = scale * columns, name = side + 24;
    int frames = 0;
    for (int k = 1; k < f->count; k++) frames += f->grid[k].moves;
    const double height = fmax(scale * rows, scale * rows / 2 + LINE * (frames + 1)) + 2, width = name + NAMES;
    fprintf(out,
            "<svg viewBox=\"-1 -1 %.1f %.1f\" style=\"max-width:%.0fpx\" role=\"img\" aria-label=\"receptive field of "
            "each layer in the input\">\n",
            width, height, width);
    fprintf(out, "<rect class=\"empty\" width=\"%.1f\" height=\"%.1f\"/>\n", side, scale * rows);
    fprintf(out, "<text x=\"%.1f\" y=\"12\">input: %.0f &times; %.0f</text>\n", name, rows, columns);
    double below = 12; // names stand at the corners of their frames, or as near as the names above let them
    for (int k = f->count - 1; k > 0; k--) {
        const convo_field_grid *g = &f->grid[k];
        if (!g->moves) continue;
        const page_span y = field_of(g, input, 0), x = field_of(g, input, 1);
        below = fmax(below + LINE, scale * y.from + 4);
        fprintf(out, "<rect class=\"frame\" x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" height=\"%.1f\"/>", scale * x.from,
                scale * y.from, scale * (x.to - x.from), scale * (y.to - y.from));
        fprintf(out, "<path class=\"leader\" d=\"M%.1f %.1fL%.1f %.1fH%.1f\"/><text x=\"%.1f\" y=\"%.1f\">",
                scale * x.to, scale * y.from, side + 4, below - 4, name - 4, name, below);
        html_print(out, "%s %s: ", g->path, g->type);
        fprintf(out, "%.0f &times; %.0f</text>\n", y.to - y.from, x.to - x.from);
    }
    fputs("</svg>\n", out);
}

void piece_field(const page *p, FILE *out) {
    if (!p->field.count) return;
    if (p->field.dims == 1)
        write_bars(&p->field, out);
    else
        write_frames(&p->field, out);
}

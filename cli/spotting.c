// convo eval --stream: what a model hears in recordings of hours, against what is said in them.
#include "spotting.h"

#include "chart/chart.h"
#include "output.h"
#include "paths.h"
#include "quote.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static double share_of(int64_t part, int64_t all) {
    return all > 0 ? (double)part / (double)all : NAN;
}

static double rate_of(const convo_spot_word *w, int64_t false_accepts) {
    return w->hours > 0 ? (double)false_accepts / w->hours : NAN;
}

// --- JSON ---------------------------------------------------------------------------------------------------------

static json_t *pair_json(convo_interval interval) {
    return json_pack("[o, o]", json_number(interval.low), json_number(interval.high));
}

static json_t *word_json(const convo_spotting *r, const convo_spot_word *w) {
    json_t *curve = json_array();
    for (int k = 0; k < w->points; k++)
        json_array_append_new(curve, json_pack("{s:f, s:I, s:I}", "threshold", w->curve[k].threshold, "missed",
                                               (json_int_t)w->curve[k].missed, "false_accepts",
                                               (json_int_t)w->curve[k].false_accepts));
    return json_pack("{s:o, s:f, s:I, s:I, s:o, s:o, s:I, s:f, s:o, s:o, s:o, s:o, s:o}", "word",
                     json_text(r->label[w->label]), "threshold", w->threshold, "said", (json_int_t)w->said, "missed",
                     (json_int_t)w->missed, "miss_rate", json_number(share_of(w->missed, w->said)),
                     "miss_rate_interval", pair_json(w->misses), "false_accepts", (json_int_t)w->false_accepts, "hours",
                     w->hours, "false_accepts_per_hour", json_number(rate_of(w, w->false_accepts)),
                     "false_accepts_per_hour_interval", pair_json(w->per_hour), "delay_p50", json_number(w->delay_p50),
                     "delay_p95", json_number(w->delay_p95), "curve", curve);
}

static json_t *spotting_json(const convo_spotting *r) {
    json_t *words = json_array(), *heard = json_array(), *recordings = json_array();
    for (int k = 0; k < r->words; k++) json_array_append_new(words, word_json(r, &r->word[k]));
    for (int k = 0; k < r->recordings; k++) json_array_append_new(recordings, json_text(r->recording[k]));
    for (int64_t k = 0; k < r->heard_count; k++) {
        const convo_spotted *h = &r->heard[k];
        json_array_append_new(heard,
                              json_pack("{s:i, s:f, s:o, s:f, s:b}", "recording", h->recording, "time", h->time, "word",
                                        json_text(r->label[h->label]), "score", h->score, "hit", (int)h->hit));
    }
    return json_pack("{s:o, s:o, s:o, s:f, s:f}", "words", words, "heard", heard, "recordings", recordings, "seconds",
                     r->seconds, "share_of_real_time", r->share);
}

// --- for people ---------------------------------------------------------------------------------------------------

// One of many places; -v names all.
static void print_false(const convo_spotting *r, bool all) {
    enum { FEW = 5 };
    int64_t count = 0;
    for (int64_t k = 0; k < r->heard_count; k++) {
        const convo_spotted *h = &r->heard[k];
        if (h->hit || (++count > FEW && !all)) continue;
        say(stdout, "%s %s  %s  %.3f  %s\n", count == 1 ? "false accepts" : "             ", clock_of(h->time).text,
            r->label[h->label], h->score, r->recording[h->recording]);
    }
    if (count > FEW && !all) printf("              (-v names all %lld)\n", (long long)count);
}

// What cannot be said of a word that is never said, or heard, is a dash.
static void put_number(cli_table *table, const char *format, double number) {
    char text[48];
    snprintf(text, sizeof text, format, number);
    table_cell(table, "%s", isfinite(number) ? text : "-");
}

static void put_span(cli_table *table, const char *format, convo_interval span) {
    char text[96];
    snprintf(text, sizeof text, format, span.low, span.high);
    table_cell(table, "%s", isfinite(span.low) && isfinite(span.high) ? text : "-");
}

static void put_row(cli_table *table, const convo_spotting *r, const convo_spot_word *w) {
    table_row(table, "%s\t%.4f\t%lld\t%lld", r->label[w->label], w->threshold, (long long)w->said,
              (long long)w->missed);
    put_number(table, "%.4f", share_of(w->missed, w->said));
    put_span(table, "%.4f to %.4f", w->said ? w->misses : (convo_interval){NAN, NAN});
    table_cell(table, "%lld", (long long)w->false_accepts);
    put_number(table, "%.2f", rate_of(w, w->false_accepts));
    put_span(table, "%.2f to %.2f", w->per_hour);
    put_number(table, "%.2f s", w->delay_p50);
    put_number(table, "%.2f s", w->delay_p95);
}

static int print_spotting(const convo_spotting *r, bool all) {
    cli_table table = {0};
    table_row(&table, "word\tthreshold\tsaid\tmissed\tshare\t95 %%\tfalse accepts\tper hour\t95 %%\tdelay p50\tp95");
    for (int k = 0; k < r->words; k++) put_row(&table, r, &r->word[k]);
    if (table_print(&table, "lrrrrrrrrrr", stdout)) return FAILED;
    print_false(r, all);
    say(stdout, "%s of sound in %d recording%s, %s of it without the word%s; listening took %.2g %% of real time\n",
        clock_of(r->seconds).text, r->recordings, r->recordings == 1 ? "" : "s",
        r->words ? clock_of(3600 * r->word[0].hours).text : "none", r->words == 1 ? "" : "s", 100 * r->share);
    return DONE;
}

// --- the curve ----------------------------------------------------------------------------------------------------

// On logarithmic axes none has no place: it is drawn as a half.
static void put_word(FILE *out, const convo_spot_word *w, const char *label) {
    fprintf(out, "# %s: false accepts an hour, missed (%%), threshold\n", label);
    for (int k = 0; k < w->points; k++) {
        const convo_spot_point *p = &w->curve[k];
        const double wrong = p->false_accepts ? (double)p->false_accepts : 0.5,
                     missed = p->missed ? (double)p->missed : 0.5;
        fprintf(out, "%.6g %.6g %.6g\n", wrong / w->hours, 100 * missed / (double)w->said, p->threshold);
    }
    fprintf(out, "\n\n%.6g %.6g\n\n\n", (w->false_accepts ? (double)w->false_accepts : 0.5) / w->hours,
            100 * (w->missed ? (double)w->missed : 0.5) / (double)w->said);
}

static int draw_spotting(const char *stem, const char *name, const convo_spotting *r) {
    cli_chart f;
    size_t drawn = 0;
    if (chart_open(&f)) {
        chart_begin(&f, stem, 680);
        chart_set(&f, "title", "%s: misses against false accepts in %s of sound", name, clock_of(r->seconds).text);
        fputs("  set logscale xy\n  set xlabel 'false accepts an hour (none: drawn as a half)'\n"
              "  set ylabel 'missed (%)'\n  set xrange [*:100]\n  set yrange [*:100]\n  set key top right\n  plot ",
              f.script);
        for (int k = 0; k < r->words; k++) {
            const convo_spot_word *w = &r->word[k];
            if (!w->points || !w->said || !(w->hours > 0)) continue;
            const char *label = r->label[w->label];
            put_word(f.data, w, label);
            fprintf(f.script, "%sdata index %zu using 1:2 with steps lw 2 lc rgb '%s' title ",
                    drawn ? ", \\\n       " : "", 2 * drawn, chart_colour(drawn));
            gnuplot_text(label, f.script);
            fprintf(f.script, ", \\\n       data index %zu using 1:2 with points pt 7 ps 1.5 lc rgb '%s' title ",
                    2 * drawn + 1, chart_colour(drawn));
            char *title = text_of("threshold %.3f", w->threshold);
            gnuplot_text(title ? title : "", f.script);
            free(title);
            drawn++;
        }
        fputc('\n', f.script);
    }
    if (drawn) return chart_draw(&f, stem, NULL);
    chart_free(&f);
    return complain(stem, "there is no curve to draw: no word is said and heard"), FAILED;
}

// --- the command --------------------------------------------------------------------------------------------------

static void show_listening(const char *recording, double seconds, void *user) {
    cli_bar *bar = user;
    if (!bar_due(bar)) return;
    char *before = text_of("listening to %s", base_name(recording));
    if (before) bar_draw(bar, before, 0, clock_of(seconds).text);
    free(before);
}

// The thresholds that were chosen go into the model's file.
static int keep_thresholds(const convo_model *model, const convo_spotting *r, const char *word, bool quiet) {
    char *path = is_folder(word) ? text_of("%s/best.safetensors", word) : text_of("%s", word);
    convo_error err;
    int status = !path ? no_memory() : convo_model_save(model, path, &err) ? fail(&err) : DONE;
    if (!status && !quiet) say(stderr, "%s has the new thresholds\n", path);
    for (int k = 0; k < r->words && !status && !quiet; k++)
        if (!r->word[k].said)
            say(stderr, "%s is never said here: its threshold was chosen by the false accepts alone\n",
                r->label[r->word[k].label]);
    free(path);
    return status;
}

int eval_stream(const cli_context *context, convo_model *model, const cli_spotting *values) {
    char *stem = NULL, *end = NULL;
    convo_spotting result = {0};
    convo_error err;
    cli_bar bar = bar_new(context);
    convo_spot_options options = {.progress = show_listening, .user = &bar};
    if (values->at) options.at = strtod(values->at, &end);
    if (values->at && (end == values->at || *end || !(options.at > 0)))
        return usage_error("eval", "--at takes false accepts an hour, as in --at 0.5, not '%s'", values->at);
    int status = values->out ? chart_stem("eval", values->out, &stem, NULL) : DONE;
    if (!status) {
        const bool failed = convo_spot(model, values->list, &options, &result, &err);
        bar_clear(&bar);
        if (failed) status = fail(&err);
    }
    if (!status)
        status = context->json ? print_json(spotting_json(&result), false) : print_spotting(&result, context->verbose);
    if (!status && stem) status = draw_spotting(stem, convo_recipe_name(convo_model_recipe(model)), &result);
    if (!status && values->at) status = keep_thresholds(model, &result, context->word[0], context->quiet || context->json);
    convo_spotting_free(&result);
    free(stem);
    return status;
}

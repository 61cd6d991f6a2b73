// A CSV file that lists recordings: path and label, and where they are known the part of the split and the group, which
// may be called speaker. Semicolons and tabs will do for commas.
//   path,label,split,group
//   clips/1.wav,cat,train,ann
// The examples are in the order of the file. Columns start and end, in seconds, make an example a piece of a recording;
// with the option window, recordings are cut into windows that such pieces label. Instead of one file there may be a
// folder of recordings with a file beside each, NAME.csv, without the column path.
#include "base/file.h"
#include "base/limits.h"
#include "base/filename.h"
#include "data/several.h"
#include "data/windows.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

typedef struct manifest_config {
    cv_windows_config windows;
    char label_separator[CV_TEXT_SIZE];
} manifest_config;

static const cv_option schema[] = {
    CV_WINDOWS_OPTIONS(manifest_config, windows),
    CV_OPTION("label_separator", CV_TEXT, manifest_config, label_separator,
              "between labels in the column label, such as ';', where several may be true, or none in an empty field "
              "(see binary_cross_entropy)"),
    {.name = NULL},
};

#ifdef CONVO_HAVE_LIBCSV

#include <csv.h>

enum { PATH, LABEL, SPLIT, GROUP, START, END, COLUMNS, OTHER = COLUMNS };
static const struct column {
    const char *name;
    int kind;
} columns[] = {{"path", PATH},     {"label", LABEL}, {"split", SPLIT}, {"group", GROUP},
               {"speaker", GROUP}, {"start", START}, {"end", END},     {"word", LABEL}};

// What a list is read for: one label for each row; several, or none in an empty field; where in a stream words are.
typedef enum purpose { ONE_LABEL, SEVERAL_LABELS, WORDS } purpose;

typedef struct reader {
    const char *file;
    const char *recording; // that it is about; NULL: the column path says
    size_t folder;         // length of the file's folder with its slash
    purpose purpose;
    long line, row; // being read; where the row began
    bool header;    // is behind us
    int column;     // within the row
    int *kind;      // of each column, by the header
    size_t columns, capacity;
    char *field[COLUMNS]; // of the row; NULL: not there
    cv_listing *listing;
    convo_status status;
    convo_error *err;
} reader;

#define FAIL(r, code, ...) ((r)->status = cv_fail((r)->err, code, place(r).text, __VA_ARGS__))

typedef struct where {
    char text[512];
} where;

static where place(const reader *r) {
    where w;
    cv_print(w.text, sizeof w.text, "%.480s:%ld", r->file, r->row);
    return w;
}

static const char *column_at(const void *context, size_t k) {
    (void)context;
    return k < CV_COUNT(columns) ? columns[k].name : NULL;
}

// --- fields -----------------------------------------------------------------------------------------------------

// Columns of other names are the user's own, unless they look like a slip of the pen.
static void read_header_field(reader *r, const char *text) {
    int kind = OTHER;
    for (size_t k = 0; k < CV_COUNT(columns); k++)
        if (strcasecmp(text, columns[k].name) == 0) kind = columns[k].kind;
    const cv_hint hint = kind == OTHER ? cv_did_you_mean(text, column_at, NULL) : (cv_hint){""};
    if (hint.text[0]) {
        FAIL(r, CONVO_FORMAT, "there is no column '%.60s'%s", text, hint.text);
        return;
    }
    for (size_t k = 0; k < r->columns && kind != OTHER; k++)
        if (r->kind[k] == kind) {
            FAIL(r, CONVO_FORMAT, "duplicate column '%s'%s", text, kind == GROUP ? " ('speaker' is 'group')" : "");
            return;
        }
    if (kind == OTHER) r->status = cv_findings_add(&r->listing->dataset->found, CV_FOUND_COLUMN, text, r->err);
    if (r->status) return;
    if (cv_grow(&r->kind, &r->capacity, r->columns + 1, sizeof *r->kind))
        r->kind[r->columns++] = kind;
    else
        r->status = cv_no_memory(r->err, r->file);
}

static void on_field(void *text, size_t length, void *context) {
    reader *r = context;
    if (r->status) return;
    const int column = r->column++;
    if (column == 0) r->row = r->line;
    if (strlen(text) != length)
        FAIL(r, CONVO_FORMAT, "field %d has a 0 byte in it", column + 1);
    else if (!r->header)
        read_header_field(r, text);
    else if ((size_t)column < r->columns && r->kind[column] != OTHER) {
        char **field = &r->field[r->kind[column]];
        if (!(*field = cv_format("%s", (const char *)text))) r->status = cv_no_memory(r->err, r->file);
    }
}

// --- rows -------------------------------------------------------------------------------------------------------

static void check_header(reader *r) {
    bool there[COLUMNS + 1] = {false};
    for (size_t k = 0; k < r->columns; k++) there[r->kind[k]] = true;
    if ((!there[PATH] && !r->recording) || !there[LABEL])
        FAIL(r, CONVO_FORMAT,
             "the first line must name the columns 'path' and 'label' (and may name 'split', 'group', 'start', 'end'), "
             "separated by commas, semicolons or tabs");
    if (r->purpose == WORDS && there[START] != there[END])
        FAIL(r, CONVO_FORMAT, "the first line names the column '%s' and not '%s': a word needs both, in seconds",
             there[START] ? "start" : "end", there[START] ? "end" : "start");
    if (there[PATH] && r->recording)
        FAIL(r, CONVO_FORMAT, "the file is beside the recording that it is about: leave out the column 'path'");
}

// An empty field: 0.
static double read_seconds(reader *r, const char *text, const char *name) {
    static const cv_option seconds = {.name = "seconds", .type = CV_FLOAT, .max = 1e7};
    double value = 0;
    char why[256];
    if (text && text[0] && !cv_option_set(&seconds, &value, text, why, sizeof why))
        FAIL(r, CONVO_FORMAT, "%s must be a number of seconds, not '%.40s'", name, text);
    return value;
}

static cv_piece read_piece(reader *r) {
    const char *end = r->field[END];
    const double start = read_seconds(r, r->field[START], "start"), until = read_seconds(r, end, "end");
    if (!r->status && end && end[0] && until <= start) FAIL(r, CONVO_FORMAT, "end must be after start");
    return (cv_piece){.start = start, .seconds = end && end[0] ? until - start : 0};
}

static void add_row(reader *r) {
    const char *path = r->recording ? r->recording : r->field[PATH], *label = r->field[LABEL], *split = r->field[SPLIT],
               *group = r->field[GROUP];
    if ((size_t)r->column != r->columns)
        FAIL(r, CONVO_FORMAT, "has %d fields, the first line names %zu columns", r->column, r->columns);
    else if (!path[0] || (!label[0] && r->purpose == ONE_LABEL))
        FAIL(r, CONVO_FORMAT, "has no %s", path[0] ? "label" : "path");
    else if (!label[0] && r->purpose == WORDS &&
             ((r->field[START] && r->field[START][0]) || (r->field[END] && r->field[END][0])))
        FAIL(r, CONVO_FORMAT, "says when and not which word: leave the times empty, too, where nothing is said");
    else if (split && cv_part_named(split) < 0)
        FAIL(r, CONVO_FORMAT, "split must be train, validation or test, not '%.60s'", split);
    if (r->status) return;
    const cv_piece piece = read_piece(r);
    const bool whole = r->recording || path[0] == '/';
    if (r->status) return;
    r->status = cv_listing_add(
        r->listing, cv_format("%.*s%s", whole ? 0 : (int)r->folder, r->file, path), (cv_word){label, strlen(label)},
        group && group[0] ? (cv_word){group, strlen(group)} : (cv_word){0}, split ? cv_part_named(split) : -1, r->err);
    cv_dataset *d = r->listing->dataset;
    if (!r->status) d->example[d->count - 1].piece = piece;
}

static void on_row(int end, void *context) {
    (void)end;
    reader *r = context;
    if (!r->status) (r->header ? add_row : check_header)(r);
    for (int k = 0; k < COLUMNS; k++) {
        free(r->field[k]);
        r->field[k] = NULL;
    }
    r->column = 0;
    r->header = true;
    r->row = r->line + 1;
}

// --- the file ---------------------------------------------------------------------------------------------------

// The one of ",;\t" that is most often in the first line, between quotes apart; a comma where none is.
static char find_delimiter(const char *text, size_t size) {
    static const char kinds[] = ",;\t";
    size_t count[sizeof kinds] = {0}, most = 0;
    bool quoted = false;
    for (size_t i = strspn(text, "\r\n"); i < size && (quoted || !strchr("\r\n", text[i])); i++) {
        const char *kind = text[i] && !quoted ? strchr(kinds, text[i]) : NULL;
        if (kind) count[kind - kinds]++;
        if (text[i] == '"') quoted = !quoted;
    }
    for (size_t k = 0; k < sizeof kinds; k++)
        if (count[k] > count[most]) most = k;
    return kinds[most];
}

// Line by line, for errors to name them; a quoted field may go over several.
static void parse_manifest(reader *r, const char *text, size_t size) {
    struct csv_parser csv;
    bool good = !csv_init(&csv, CSV_STRICT | CSV_STRICT_FINI | CSV_APPEND_NULL);
    if (good) csv_set_delim(&csv, (unsigned char)find_delimiter(text, size));
    for (size_t at = 0; at < size && good && !r->status;) {
        const char *end = memchr(text + at, '\n', size - at);
        const size_t length = (end ? (size_t)(end - text) + 1 : size) - at;
        r->line++;
        good = csv_parse(&csv, text + at, length, on_field, on_row, r) == length;
        at += length;
    }
    if (good && !r->status) good = !csv_fini(&csv, on_field, on_row, r);
    if (!good && !r->status) {
        if (csv_error(&csv) == CSV_EPARSE)
            FAIL(r, CONVO_FORMAT, "a quote is out of place: quote whole fields, and write \"\" for a quote in them");
        else
            r->status = cv_no_memory(r->err, r->file);
    }
    csv_free(&csv);
}

static convo_status read_csv(const char *file, const char *recording, purpose use, cv_listing *listing,
                             convo_error *err) {
    static const char mark[] = "\xef\xbb\xbf"; // some programs begin UTF-8 files with it
    cv_bytes text;
    const char *slash = strrchr(file, '/');
    reader r = {.file = file,
                .recording = recording,
                .folder = slash ? (size_t)(slash - file) + 1 : 0,
                .purpose = use,
                .row = 1,
                .listing = listing,
                .err = err};
    CV_TRY(cv_file_read(file, CV_LIMIT_LIST, &text, err));
    const size_t begin = strncmp((const char *)text.data, mark, strlen(mark)) == 0 ? strlen(mark) : 0;
    parse_manifest(&r, (const char *)text.data + begin, text.size - begin);
    for (int k = 0; k < COLUMNS; k++) free(r.field[k]);
    free(r.kind);
    free(text.data);
    return r.status;
}

// A recording and the list beside it, NAME.csv. A folder of recordings needs all lists; without one (NULL), the
// recording is a stream: an example itself, without a label, that may lack the list.
static convo_status read_recording(const char *recording, const char *folder, purpose use, cv_listing *listing,
                                   convo_error *err) {
    const char *slash = strrchr(recording, '/'), *name = slash ? slash + 1 : recording, *ending = strrchr(name, '.');
    char *list = cv_format("%.*s.csv", (int)((ending ? ending : name + strlen(name)) - recording), recording);
    if (!list) return cv_no_memory(err, recording);
    convo_status status = CONVO_OK;
    if (!folder) status = cv_listing_add(listing, cv_format("%s", recording), (cv_word){"", 0}, (cv_word){0}, -1, err);
    if (!status && cv_is_file(list))
        status = read_csv(list, recording, use, listing, err);
    else if (!status && folder)
        status = cv_fail(err, CONVO_FORMAT, folder, "%s has no list 'start,end,label' beside it, %s", name, list);
    free(list);
    return status;
}

static convo_status read_folder(const char *folder, purpose use, cv_listing *listing, convo_error *err) {
    const bool spoken = use == WORDS;
    char **names;
    size_t count;
    CV_TRY(cv_folder_list(folder, &names, &count, err));
    convo_status status = CONVO_OK;
    for (size_t k = 0; k < count && !status; k++) {
        if (!cv_is_sound_name(names[k])) continue;
        char *path = cv_format("%s/%s", folder, names[k]);
        status = path ? read_recording(path, spoken ? NULL : folder, use, listing, err) : cv_no_memory(err, folder);
        free(path);
    }
    cv_folder_free(names, count);
    if (!status && listing->dataset->count == 0)
        status = cv_fail(err, CONVO_FORMAT, folder, "holds no recordings%s (%s)",
                         spoken ? "" : " with a list 'start,end,label' beside each, NAME.csv", cv_sound_endings);
    return status;
}

static convo_status spoken_scan(const char *list, const void *config, cv_dataset *dataset, convo_error *err) {
    (void)config;
    cv_listing listing = {.dataset = dataset};
    convo_status status = cv_is_folder(list)       ? read_folder(list, WORDS, &listing, err)
                          : cv_is_sound_name(list) ? read_recording(list, NULL, WORDS, &listing, err)
                                                   : read_csv(list, NULL, WORDS, &listing, err);
    if (!status && dataset->count == 0)
        status = cv_fail(err, CONVO_FORMAT, list,
                         "has no rows: write a line 'path,start,end,word' and, below it, a line for each word");
    return cv_listing_end(&listing, status, err);
}

static convo_status manifest_scan(const char *file, const void *config, cv_dataset *dataset, convo_error *err) {
    static const manifest_config none;
    const manifest_config *c = config ? config : &none;
    cv_listing listing = {.dataset = dataset};
    const bool several = c->label_separator[0];
    const purpose use = several ? SEVERAL_LABELS : ONE_LABEL;
    convo_status status =
        cv_is_folder(file) ? read_folder(file, use, &listing, err) : read_csv(file, NULL, use, &listing, err);
    if (!status && dataset->count == 0)
        status = cv_fail(err, CONVO_FORMAT, file,
                         "has no rows: write a line 'path,label' and, below it, a line for each recording");
    if (!status) status = cv_windows_cut(&c->windows, &listing, err);
    status = cv_listing_end(&listing, status, err);
    return status || !several ? status : cv_several_split(dataset, c->label_separator, err);
}

#define MISSING NULL

#else

static convo_status manifest_scan(const char *file, const void *config, cv_dataset *dataset, convo_error *err) {
    (void)config, (void)dataset;
    return cv_fail(err, CONVO_UNSUPPORTED, file, "this build cannot read CSV files");
}

#define spoken_scan manifest_scan

#define MISSING "libcsv-dev, and build again"

#endif

const cv_data_kind cv_data_manifest = {
    .name = "manifest",
    .help = "recordings listed in a CSV file: path,label[,split,group,start,end]; speaker is group",
    .missing = MISSING,
    .recordings = true,
    .schema = schema,
    .config_size = sizeof(manifest_config),
    .scan = manifest_scan,
};

static const cv_data_kind spoken_kind = {.name = "spoken", .missing = MISSING, .scan = spoken_scan};

convo_status cv_spoken_open(const char *list, cv_dataset **dataset, convo_error *err) {
    return cv_dataset_open(&spoken_kind, list, NULL, dataset, err);
}

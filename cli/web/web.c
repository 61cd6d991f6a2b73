// The C of an exported model, compiled to WebAssembly by clang, in a page around it.
#define _GNU_SOURCE // mkdtemp
#include "web/web.h"

#include "output.h"
#include "paths.h"
#include "program.h"
#include "quote.h"
#include "template.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

// --- from C to WebAssembly ----------------------------------------------------------------------------------------

enum { SOURCE, HEADER, STRING, WASM, SAID, FILES };

// The files of one compilation, in a folder of their own.
typedef struct workshop {
    char *folder, *file[FILES];
} workshop;

static int open_workshop(workshop *w) {
    static const char *const names[FILES] = {"net.c", "net.h", "string.h", "net.wasm", "said.txt"};
    const char *root = getenv("TMPDIR");
    *w = (workshop){.folder = text_of("%s/convo-XXXXXX", root && *root ? root : "/tmp")};
    if (!w->folder) return no_memory();
    if (!mkdtemp(w->folder))
        return complain(w->folder, "cannot be made: %s; TMPDIR chooses another folder", strerror(errno));
    for (int k = 0; k < FILES; k++)
        if (!(w->file[k] = text_of("%s/%s", w->folder, names[k]))) return no_memory();
    return write_text(w->file[STRING], "#include <stddef.h>\n"
                                       "void *memcpy(void *to, const void *from, size_t size);\n"
                                       "void *memset(void *to, int byte, size_t size);\n");
}

static void close_workshop(workshop *w) {
    for (int k = 0; k < FILES; k++) {
        if (w->file[k]) unlink(w->file[k]);
        free(w->file[k]);
    }
    if (w->folder) rmdir(w->folder);
    free(w->folder);
}

// The whole file, and its size; NULL if it cannot be read.
static char *read_whole(const char *path, size_t *size) {
    char *text = NULL, part[4096];
    FILE *in = fopen(path, "rb"), *out = in ? open_memstream(&text, size) : NULL;
    for (size_t got; out && (got = fread(part, 1, sizeof part, in)) > 0;) fwrite(part, 1, got, out);
    if (in) fclose(in);
    if (!out) return NULL;
    if (!fclose(out)) return text;
    free(text);
    return NULL;
}

// The first line with an error in what clang said.
static int blame_clang(const workshop *w, const char *path) {
    size_t size;
    char *said = read_whole(w->file[SAID], &size), *error = said ? strstr(said, "error:") : NULL;
    complain(path, "clang cannot compile it to WebAssembly (%.*s): install what Debian calls clang and lld",
             error ? (int)strcspn(error, "\n") : 12, error ? error : "it gave up ");
    free(said);
    return FAILED;
}

static int compile(const workshop *w, const char *path) {
    char *const line[] = {"clang",
                          "--target=wasm32",
                          "-O2",
                          "-ffreestanding",
                          "-nostdlib",
                          "-fvisibility=hidden",
                          "-I",
                          w->folder,
                          "-DNET_SELF_TEST",
                          "-Wl,--no-entry",
                          "-Wl,--export-dynamic",
                          "-Wl,--strip-all",
                          w->file[SOURCE],
                          "-o",
                          w->file[WASM],
                          NULL};
    FILE *source = fopen(w->file[SOURCE], "a");
    if (!source || fputs(web_wasm, source) < 0 || fclose(source))
        return complain(w->file[SOURCE], "cannot be written: %s", strerror(errno));
    int problem;
    if (run_program(line, w->file[SAID], &problem)) return DONE;
    if (problem == ENOENT)
        return complain(
            path, "clang compiles the page to WebAssembly and is not here: install what Debian calls clang and lld");
    return blame_clang(w, path);
}

// --- the page -----------------------------------------------------------------------------------------------------

static void write_labels(const convo_model *model, FILE *out) {
    for (int k = 0; k < convo_model_classes(model); k++) {
        fputs("<li><span>", out);
        html_text(convo_model_label(model, k), out);
        fputs("</span><i></i><data></data></li>\n", out);
    }
}

typedef enum reads { NUMBERS, SOUND, PICTURES } reads;

// What the header says that the net reads.
static reads what_it_reads(const workshop *w) {
    size_t size;
    char *header = read_whole(w->file[HEADER], &size);
    const reads what = !header                               ? NUMBERS
                       : strstr(header, "#define NET_RATE ") ? SOUND
                       : strstr(header, "#define NET_ROWS ") ? PICTURES
                                                             : NUMBERS;
    free(header);
    return what;
}

typedef struct web_page {
    const convo_model *model;
    const convo_export_options *how;
    reads what;
    const unsigned char *wasm;
    size_t size;
} web_page;

// What stands in web.html for {{name}}; of {{?sound}} only whether there is anything.
static void write_piece(const web_page *p, const char *name, FILE *out) {
    const char *recipe = convo_recipe_name(convo_model_recipe(p->model));
    if (!strcmp(name, "title")) html_text(p->how->name ? p->how->name : recipe, out);
    if (!strcmp(name, "recipe")) html_text(recipe, out);
    if (!strcmp(name, "numbers")) fputs(p->how->int8 ? "8-bit numbers" : "floats", out);
    if (!strcmp(name, "bytes")) fputs(bytes_of((double)p->size).text, out);
    if (!strcmp(name, "version")) fputs(convo_version(), out);
    if (!strcmp(name, "what")) fputs(p->what == PICTURES ? "image" : "audio", out);
    if (!strcmp(name, "sound") && p->what == SOUND) fputs("sound", out);
    if (!strcmp(name, "labels")) write_labels(p->model, out);
    if (!strcmp(name, "wasm")) html_base64(p->wasm, p->size, out);
}

// The page's text; NULL without memory. Free it.
static char *web_text(const web_page *p) {
    static const char *const names[] = {"title", "recipe", "numbers", "bytes", "version",
                                        "what",  "sound",  "labels",  "wasm"};
    cli_piece piece[COUNT(names) + 1] = {{0}};
    size_t size;
    bool complete = true;
    for (size_t k = 0; k < COUNT(names); k++) {
        piece[k].name = names[k];
        FILE *out = open_memstream(&piece[k].text, &size);
        if (out) write_piece(p, names[k], out);
        if (!out || fclose(out)) complete = false;
    }
    char *text = complete ? fill_template(web_template, piece) : NULL;
    for (size_t k = 0; k < COUNT(names); k++) free(piece[k].text);
    return text;
}

// The C of a model that listens to a stream if it can; pictures cannot be listened to.
static int write_source(const convo_model *model, const workshop *w, bool i8) {
    convo_export_options c = {.name = "net", .int8 = i8, .stream = true};
    convo_error err;
    convo_status status = convo_export(model, w->file[SOURCE], &c, &err);
    c.stream = false;
    if (status == CONVO_STATE || status == CONVO_UNSUPPORTED) status = convo_export(model, w->file[SOURCE], &c, &err);
    return status ? fail(&err) : DONE;
}

int make_web(const convo_model *model, const char *path, const convo_export_options *how, char **text) {
    web_page page = {.model = model, .how = how};
    workshop w = {0};
    int status = open_workshop(&w);
    if (!status) status = write_source(model, &w, how->int8);
    if (!status && !(page.what = what_it_reads(&w)))
        status = complain(path, "this model reads arrays: a page is for models of recordings or pictures");
    if (!status) status = compile(&w, path);
    char *wasm = status ? NULL : read_whole(w.file[WASM], &page.size);
    page.wasm = (const unsigned char *)wasm;
    *text = wasm ? web_text(&page) : NULL;
    if (!status && !*text) status = no_memory();
    free(wasm);
    close_workshop(&w);
    return status;
}

int write_web(const convo_model *model, const char *path, const convo_export_options *how) {
    char *text = NULL;
    int status = make_web(model, path, how, &text);
    if (!status) status = write_text(path, text);
    free(text);
    return status;
}

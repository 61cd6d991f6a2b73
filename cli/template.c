#define _GNU_SOURCE // open_memstream
#include "template.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// What stands for "{{...}}", size bytes without the braces.
static const char *find_piece(const cli_piece *piece, const char *name, size_t size) {
    while (strlen(piece->name) != size || memcmp(piece->name, name, size) != 0) piece++;
    return piece->text;
}

char *fill_template(const char *template, const cli_piece *piece) {
    char *whole = NULL;
    size_t length;
    FILE *out = open_memstream(&whole, &length);
    bool kept = true; // not within a section that is left out
    const char *at = template, *open;
    if (!out) return NULL;
    for (; (open = strstr(at, "{{")); at = strstr(open, "}}") + 2) {
        if (kept) fwrite(at, 1, (size_t)(open - at), out);
        const char *name = open + 2;
        const size_t size = (size_t)(strstr(name, "}}") - name);
        if (*name == '/')
            kept = true;
        else if (*name == '?')
            kept = *find_piece(piece, name + 1, size - 1);
        else if (kept)
            fputs(find_piece(piece, name, size), out);
    }
    fputs(at, out);
    if (!fclose(out)) return whole;
    free(whole);
    return NULL;
}

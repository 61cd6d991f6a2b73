// Pages from a template: {{name}} is replaced by a piece, and {{?name}} ... {{/name}} is kept only if that piece is not
// empty. Sections are not nested.
#pragma once

typedef struct cli_piece {
    const char *name;
    char *text; // HTML
} cli_piece;

// Returns the page, which the caller frees; NULL if memory runs out. piece: ends with a NULL name, and has all names of
// the template.
char *fill_template(const char *template, const cli_piece *piece);

// A model as a page: convo export -o page.html.
#pragma once

#include "command.h"

extern const char web_template[], web_wasm[]; // cli/web/web.html, wasm.c, put into the program by the build

// Makes the page; free *text. path: what errors call it. how: int8, and name, the title (NULL: that of the recipe).
// Errors: no clang for WebAssembly; a model that reads neither recordings nor pictures; those of convo_export.
int make_web(const convo_model *model, const char *path, const convo_export_options *how, char **text);
int write_web(const convo_model *model, const char *path, const convo_export_options *how); // and writes it

#include "data/part_list.h"

#include "base/file.h"
#include "base/limits.h"

#include <stdlib.h>
#include <string.h>

static size_t stem_length(const char *name, size_t length) {
    for (size_t k = length; k > 0 && name[k - 1] != '/'; k--)
        if (name[k - 1] == '.') return k - 1;
    return length;
}

static int compare_lines(const void *left, const void *right) {
    return strcmp(*(char *const *)left, *(char *const *)right);
}

static void sort_lines(cv_part_list *list) {
    size_t kept = 0;
    if (list->count) qsort(list->name, list->count, sizeof *list->name, compare_lines);
    for (size_t k = 0; k < list->count; k++) {
        if (kept && strcmp(list->name[kept - 1], list->name[k]) == 0)
            free(list->name[k]);
        else
            list->name[kept++] = list->name[k];
    }
    list->count = kept;
}

convo_status cv_part_list_read(const char *path, cv_part_list *list, convo_error *err) {
    cv_bytes text = {0};
    size_t room = 0;
    *list = (cv_part_list){0};
    convo_status status = cv_file_read(path, CV_LIMIT_LIST, &text, err);
    for (const char *line = (const char *)text.data; line && *line && !status;) {
        line += strncmp(line, "./", 2) == 0 ? 2 : 0;
        const size_t length = strcspn(line, "\r\n"), stem = stem_length(line, length);
        if (stem && (!cv_grow(&list->name, &room, list->count + 1, sizeof *list->name) ||
                     !(list->name[list->count++] = cv_format("%.*s", (int)stem, line))))
            status = cv_no_memory(err, path);
        line += length + strspn(line + length, "\r\n");
    }
    free(text.data);
    if (!status && !(list->used = cv_alloc(list->count + 1, sizeof *list->used))) status = cv_no_memory(err, path);
    if (!status)
        sort_lines(list);
    else
        cv_part_list_free(list);
    return status;
}

bool cv_part_list_find(cv_part_list *list, const char *place) {
    const size_t stem = stem_length(place, strlen(place));
    size_t first = 0, end = list->count;
    while (first < end) {
        const size_t middle = first + (end - first) / 2;
        const int order = strncmp(list->name[middle], place, stem);
        if (order == 0 && !list->name[middle][stem]) return list->used[middle] = true;
        if (order < 0)
            first = middle + 1;
        else
            end = middle;
    }
    return false;
}

void cv_part_list_free(cv_part_list *list) {
    for (size_t k = 0; k < list->count; k++) free(list->name[k]);
    free(list->name);
    free(list->used);
    *list = (cv_part_list){0};
}

const char *cv_place(const cv_dataset *dataset, const char *path) {
    const char *folder = dataset->folder, *slash = strrchr(folder, '/');
    const size_t whole = strlen(folder), outer = slash ? (size_t)(slash - folder) : 0;
    if (strncmp(path, folder, whole) == 0 && path[whole] == '/') return path + whole + 1;
    return outer && strncmp(path, folder, outer) == 0 && path[outer] == '/' ? path + outer + 1 : path;
}

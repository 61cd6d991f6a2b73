// Weights from other programs: tensors found by name, in one file or in several.
#pragma once

#include "format/safetensors.h"
#include "net/net.h"

typedef struct cv_weights {
    const char *path;
    cv_safetensors *file; // one, or the shards
    size_t files, file_room;
    struct cv_weight {
        const cv_st_tensor *tensor;
        char *name; // after the map
    } * weight;     // in the order of their names
    size_t weights, weight_room;
} cv_weights;

// path: a .safetensors file or the .index.json of a sharded one. map: NULL-terminated list of "old=new", for whole
// names or prefixes that end before a point; the first match applies; may be NULL.
convo_status cv_weights_read(const char *path, const char *const *map, cv_weights *weights, convo_error *err);
void cv_weights_free(cv_weights *weights);

// A list of names that fits into one sentence: "0.weight, 0.bias and 3 more".
typedef struct cv_name_list {
    char text[128];
    int count, left_out;
} cv_name_list;
void cv_name_list_add(cv_name_list *list, const char *format, ...) CV_PRINTF(2, 3);
void cv_name_list_end(cv_name_list *list); // adds "and 3 more"

typedef struct cv_fit {
    int taken;
    cv_name_list missing, shapes,
        extra; // of the net but not of the file, of another shape, of the file but not of the net
} cv_fit;

// Copies every tensor whose name and shape match into the net, converted to floats. A counter of batches may be
// missing, as in old files. Errors: NUMERIC if a number is not finite.
convo_status cv_weights_fill(const cv_weights *weights, cv_net *net, cv_fit *fit, convo_error *err);
// Copies one tensor into tensor t of the net, which has the same shape, converted. path: of the file, for errors.
convo_status cv_weights_load(const char *path, const cv_st_tensor *from, cv_net *net, int t, convo_error *err);
// Writes the mismatches as one sentence: "it has no 0.bias; 2.weight is [3, 4], the net's is [3, 5]".
void cv_fit_text(const cv_fit *fit, char *text, size_t size);

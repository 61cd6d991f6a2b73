// A model as a device runs it: calls of kernels (src/device) on values that share one piece of memory. convo runs it
// itself (cv_program_run) and writes it down as C (cv_program_write): the same kernels, tables and places.
#pragma once

#include "device/device.h"
#include "base/normal.h"
#include "net/net.h"
#include "recipe/recipe.h"

typedef enum cv_table_type { CV_TABLE_F32, CV_TABLE_I32, CV_TABLE_I16, CV_TABLE_I8, CV_TABLE_U8 } cv_table_type;
size_t cv_table_size(cv_table_type type); // bytes of a number

typedef struct cv_table {
    char name[96];
    cv_table_type type;
    size_t count;
    void *values;
} cv_table;

// In a program of hops, what is there of a value: its last `columns`, of which `fresh` come with a hop. Those of hops
// that are `period` apart follow each other; each of the `period` lies in a place of its own.
typedef struct cv_kept {
    int32_t columns, fresh, period; // 0: all of it is written in every hop
    size_t column;                  // numbers
    bool stays;                     // until the next hop
} cv_kept;

// A value between two calls. It lives from the call that writes it to the last one that reads it.
typedef struct cv_device_value {
    cv_maps maps;
    size_t count, offset; // numbers; the first one's place in the memory, in bytes
    bool i8;              // 8-bit numbers; else floats
    float scale;          // of these: q stands for scale (q - zero)
    int32_t zero;
    int born, dies; // calls
    int shares;     // the value whose memory it takes over, -1: none
    cv_kept kept;   // in a program of hops
} cv_device_value;

typedef struct cv_device_call {
    const cv_kernel *kernel;
    bool i8; // of its two forms; kernels that make floats of 8-bit numbers, or the other way, have only this one
    cv_f32_layer f32;
    cv_i8_layer i8_layer;
    int x, x1, y;    // values; x of the first call and y of the last one are not in the memory: -1
    int32_t skip[2]; // in a program of hops, the columns of what is kept of x and x1 that come before those it reads
    char path[128];  // the layers that it stands for, for comments
} cv_device_call;

// The value that a call reads besides x; -1: none, x1 is the kernel's work memory, if anything.
static inline int cv_call_second(const cv_device_call *c) {
    return c->kernel->works ? -1 : c->x1;
}
// Whether a call reads a value.
static inline bool cv_call_reads(const cv_device_call *c, int value) {
    return c->x == value || cv_call_second(c) == value;
}

typedef struct cv_program {
    // What is on offer outside.
    const cv_kernel *front; // NULL: the input is an array
    cv_f32_front f32_front;
    cv_i8_layer i8_front; // where value 0 is of 8 bits
    int rate, classes, outputs;
    cv_shape input; // of an array
    int work;       // the value that the front end works in; -1: none
    int logits;     // the value that holds the net's outputs
    cv_device_call *call;
    int calls;
    size_t call_capacity;
    cv_device_value *value;
    int values;
    size_t value_capacity;
    cv_table *table;
    int tables;
    size_t table_capacity;
    struct cv_made {
        int value; // that holds what a node makes
        int i8;    // that holds it in 8-bit numbers for calls that read it so, -1: none
    } * made;      // of the net's input, then of the nodes of the folded net
    int mades;
    size_t memory; // bytes that all values need together, a multiple of 4
    int64_t macs;
    int flowing; // of hops: so many calls compute what is new, also before there is a whole window; the rest all
} cv_program;

// What a program is made from, borrowed.
typedef struct cv_ship {
    const convo_recipe *recipe;
    const cv_net *net;
    char *const *labels; // [classes]
    int classes;
    float mean, std;         // the net sees (x - mean) / std
    const cv_normal *normal; // where they differ from channel to channel; else NULL
} cv_ship;

// Makes the program of a model. Errors: UNSUPPORTED, naming the layer or the front end that has no form for devices.
convo_status cv_program_new(const cv_ship *ship, cv_program **program, convo_error *err);
void cv_program_free(cv_program *program);

// What a program runs on: samples, an array, or features as training has them ([c][h][w], not normalised).
typedef struct cv_device_input {
    const int16_t *sample;
    size_t count;
    const float *values, *features;
} cv_device_input;

// Sees what every call in floats wrote.
typedef void cv_observe(void *user, int value, const float *numbers, size_t count);

// Runs it, as a device does. memory: [program->memory] bytes, aligned as floats. logits: [outputs], probabilities:
// [classes]; each may be NULL.
void cv_program_run(const cv_program *program, const cv_device_input *input, void *memory, float *logits,
                    float *probabilities);
void cv_program_watch(const cv_program *program, const cv_device_input *input, void *memory, cv_observe *observe,
                      void *user);

// Runs a program of hops: its front end reads as many samples as it has. hop: its number, below 0 before there is a
// whole window; nothing is written to probabilities then.
void cv_program_hop(const cv_program *program, const int16_t *sample, int64_t hop, void *memory, float *probabilities);

// Makes the program of 8-bit numbers from one in floats. range: [values of program], what each is between.
typedef struct cv_range {
    float low, high;
    bool floats; // the call that writes it stays in floats
} cv_range;
convo_status cv_program_quantize(const cv_program *program, const cv_range *range, cv_program **quantized,
                                 convo_error *err);

// Makes calls stay in floats that stand for layers of a list (see cv_layer_entry). Errors: ARGUMENT if there are none.
convo_status cv_program_keep_floats(const cv_program *program, const char *layers, cv_range *range, convo_error *err);
// Makes the net that is trained for 8-bit numbers: that of the program, in which every value is rounded as on the
// device, and every weight (cv_node.rounded). It has the tensors of `net`, with their values.
convo_status cv_program_fake(const cv_program *program, const cv_range *range, const cv_net *net, cv_net **fake,
                             convo_error *err);

// --- its parts ----------------------------------------------------------------------------------------------------

// Each appends and returns the number, or -1 without memory. A table's values are zeros.
int cv_program_add_value(cv_program *program, cv_maps maps, size_t count);
int cv_program_add_call(cv_program *program, const char *kernel, int x, int x1, int y, const char *path);
void *cv_program_add_table(cv_program *program, cv_table_type type, size_t count, const char *path, const char *name);

// The front end, up to the net's input, value 0.
convo_status cv_program_front(const cv_ship *ship, cv_program *program, convo_error *err);
// The layers, from value 0 to program->logits.
convo_status cv_program_layers(const cv_ship *ship, cv_program *program, convo_error *err);
// The bytes of a number; those of what is kept of a value for one of its periods; the memory that a value takes.
size_t cv_device_number(const cv_device_value *value);
size_t cv_kept_size(const cv_device_value *value);
size_t cv_program_bytes(const cv_device_value *value);
// Gives every value its place.
convo_status cv_program_plan(cv_program *program, convo_error *err);

// Limits on what is accepted from outside. All are checked before memory is allocated, so that a small file never
// requests much. To change a limit, build with another number, CFLAGS=-DCV_LIMIT_PARAMETERS=1000000000. docs/files.md
// lists the limits for users.
#pragma once

#include <stdint.h>

// --- recipes and nets ---------------------------------------------------------------------------------------------

enum { CV_LIMIT_NESTING = 64, CV_LIMIT_KEYS = 1000, CV_LIMIT_LAYERS = 4096 };
#ifndef CV_LIMIT_RECIPE
#define CV_LIMIT_RECIPE (1 << 20) // bytes
#endif
#ifndef CV_LIMIT_PARAMETERS
#define CV_LIMIT_PARAMETERS 150000000 // of a net: 600 MB
#endif
#ifndef CV_LIMIT_MAP
#define CV_LIMIT_MAP (1 << 28) // values of one example in a layer's output; offsets must fit 32 bits
#endif
#ifndef CV_LIMIT_ALIVE
#define CV_LIMIT_ALIVE (1 << 23) // vectors of up to 16 values that a net holds at once in inference: 512 MiB
#endif
#ifndef CV_LIMIT_CLASSES
#define CV_LIMIT_CLASSES 65536
#endif
#ifndef CV_LIMIT_CONFUSED
#define CV_LIMIT_CONFUSED 10000 // classes of an evaluated model, whose confusion matrix has the square of this number
#endif
#ifndef CV_LIMIT_CLIP
#define CV_LIMIT_CLIP (1 << 26) // samples that a front end reads of a recording: 70 minutes at 16 kHz
#endif

// --- files, in bytes ----------------------------------------------------------------------------------------------

#define CV_FOUR_GB (SIZE_MAX > UINT32_MAX ? (size_t)(UINT64_C(4) << 30) : SIZE_MAX / 2) // if size_t can hold it
#ifndef CV_LIMIT_SAFETENSORS
#define CV_LIMIT_SAFETENSORS CV_FOUR_GB
#endif
#ifndef CV_LIMIT_HEADER
#define CV_LIMIT_HEADER ((size_t)100 << 20) // of a safetensors file, the format's own limit; of an index of shards
#endif
#ifndef CV_LIMIT_JSON
#define CV_LIMIT_JSON (1 << 18) // values; a tensor takes about seven
#endif
#define CV_LIMIT_ONNX ((size_t)INT32_MAX) // protobuf's own
enum {
    CV_LIMIT_ONNX_NODES = 8192,       // and constants
    CV_LIMIT_ONNX_DEPTH = 100,        // of nested messages: protobuf's own limit
    CV_LIMIT_ONNX_MESSAGES = 1 << 18, // a node, each of its attributes, each size of a shape, ...
    CV_LIMIT_ONNX_FIELDS = 1 << 20
};
#ifndef CV_LIMIT_ARRAYS
#define CV_LIMIT_ARRAYS CV_FOUR_GB // an array, or a file of arrays, unpacked
#endif
#ifndef CV_LIMIT_FOLDERS
#define CV_LIMIT_FOLDERS 16 // nested, in a folder of classes
#endif
#ifndef CV_LIMIT_LIST
#define CV_LIMIT_LIST ((size_t)256 << 20) // lists of recordings
#endif
// Unpacked data may have CV_LIMIT_UNPACKED_FREELY bytes; beyond that at most CV_LIMIT_RATIO times the size of the file.
// Typical training data shrink to a tenth when packed, labels to a hundredth.
#ifndef CV_LIMIT_UNPACKED_FREELY
#define CV_LIMIT_UNPACKED_FREELY ((size_t)32 << 20)
#endif
#ifndef CV_LIMIT_RATIO
#define CV_LIMIT_RATIO ((size_t)100)
#endif
#ifndef CV_LIMIT_MEMBERS
#define CV_LIMIT_MEMBERS 1024 // of an .npz file
#endif
// The largest ratio that deflate can reach: 258 bytes take at least two bits (RFC 1951). A file that claims more is a
// bomb.
#define CV_DEFLATE_RATIO ((size_t)1032)

// --- recordings and pictures --------------------------------------------------------------------------------------

#ifndef CV_LIMIT_SOUND
#define CV_LIMIT_SOUND (3600 * 48000) // samples: an hour at 48 kHz
#endif
#ifndef CV_LIMIT_RECORDINGS
#define CV_LIMIT_RECORDINGS ((size_t)1 << 29) // samples of noise, or of impulse responses: 1 GiB, 9 hours at 16 kHz
#endif
#ifndef CV_LIMIT_PICTURE
#define CV_LIMIT_PICTURE ((size_t)256 << 20) // bytes of a file
#endif
#ifndef CV_LIMIT_SIDE
#define CV_LIMIT_SIDE 16384 // pixels in a row or column
#endif
#ifndef CV_LIMIT_PIXELS
#define CV_LIMIT_PIXELS (64 << 20)
#endif
#ifndef CV_LIMIT_PASSES
#define CV_LIMIT_PASSES 100 // over a progressive JPEG: programs write about ten
#endif

// --- devices ------------------------------------------------------------------------------------------------------

#define CV_LIMIT_DEVICE      (1 << 26) // numbers of a map: their places fit in 32 bits
#define CV_LIMIT_DEVICE_CLIP 92000     // samples of a waveform: n times the sum of n squares fits in 64 bits
#define CV_LIMIT_DEVICE_FFT  8192      // points

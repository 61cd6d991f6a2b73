// Checks a file before protobuf-c, which trusts its input, reads it.
#include "format/onnx.h"

#ifdef CONVO_HAVE_ONNX

#include "format/onnx_unpack.h"

// protobuf-c calls itself for every message within a message, and allocates for every field: so the file is walked
// through before. Model, graph, node, attribute, tensor are five; what is deeper are graphs within nodes.
typedef struct walk {
    const uint8_t *at;
    size_t fields, messages;
    bool too_deep, too_many; // the only faults of a file that is an ONNX file all the same
    bool functions;          // the model has some; old versions of onnx.proto do not know of them
} walk;

static bool read_varint(walk *w, const uint8_t *end, uint64_t *value) {
    *value = 0;
    for (int shift = 0; w->at < end && shift < 70; shift += 7) {
        const uint8_t byte = *w->at++;
        if (shift < 64) *value |= (uint64_t)(byte & 127) << shift;
        if (byte < 128) return true;
    }
    return false;
}

// false: at w->at the file is none that protobuf could have written, or exceeds what is accepted.
static bool walk_message(walk *w, const ProtobufCMessageDescriptor *message, const uint8_t *end, int depth) {
    enum { FUNCTIONS = 25 };
    w->too_deep = depth > CV_LIMIT_ONNX_DEPTH;
    w->too_many = ++w->messages > CV_LIMIT_ONNX_MESSAGES;
    if (w->too_deep || w->too_many) return false;
    while (w->at < end) {
        uint64_t tag, value;
        w->too_many = ++w->fields > CV_LIMIT_ONNX_FIELDS;
        if (w->too_many || !read_varint(w, end, &tag)) return false;
        w->functions = w->functions || (!depth && tag >> 3 == FUNCTIONS);
        const size_t left = (size_t)(end - w->at);
        switch (tag & 7) {
        case PROTOBUF_C_WIRE_TYPE_VARINT:
            if (!read_varint(w, end, &value)) return false;
            break;
        case PROTOBUF_C_WIRE_TYPE_64BIT:
        case PROTOBUF_C_WIRE_TYPE_32BIT:
            value = (tag & 7) == PROTOBUF_C_WIRE_TYPE_64BIT ? 8 : 4;
            if (left < value) return false;
            w->at += value;
            break;
        case PROTOBUF_C_WIRE_TYPE_LENGTH_PREFIXED: {
            if (!read_varint(w, end, &value) || value > (size_t)(end - w->at)) return false;
            const ProtobufCFieldDescriptor *field =
                tag >> 3 <= UINT32_MAX ? protobuf_c_message_descriptor_get_field(message, (unsigned)(tag >> 3)) : NULL;
            const uint8_t *last = w->at + value;
            if (field && field->type == PROTOBUF_C_TYPE_MESSAGE && !walk_message(w, field->descriptor, last, depth + 1))
                return false;
            w->at = last;
            break;
        }
        default: return false;
        }
    }
    return true;
}

convo_status cv_onnx_unpack(const char *path, const cv_bytes *bytes, Onnx__ModelProto **model, convo_error *err) {
    walk w = {.at = bytes->data};
    char where[sizeof err->where];
    const bool sound = walk_message(&w, &onnx__model_proto__descriptor, w.at + bytes->size, 0);
    cv_print(where, sizeof where, "%.460s@%td", path, w.at - bytes->data);
    *model = NULL;
    if (w.too_deep)
        return cv_fail(err, CONVO_LIMIT, where,
                       "graphs within graphs are nested deeper than the %d messages that are read",
                       CV_LIMIT_ONNX_DEPTH);
    if (w.too_many)
        return cv_fail(err, CONVO_LIMIT, where, "it has more than the %d messages or %d fields that are read",
                       CV_LIMIT_ONNX_MESSAGES, CV_LIMIT_ONNX_FIELDS);
    if (w.functions && sound)
        return cv_fail(err, CONVO_UNSUPPORTED, path,
                       "the model has functions of its own: inline them, with "
                       "onnx.inliner.inline_local_functions(model)");
    if (sound) *model = onnx__model_proto__unpack(NULL, bytes->size, bytes->data);
    return *model ? CONVO_OK
                  : cv_fail(err, CONVO_FORMAT, where, "this is not an ONNX file, or it is cut short or damaged");
}

#else
typedef int nothing_to_unpack_onnx;
#endif

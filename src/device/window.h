// Which taps of a window lie inside the map.
#pragma once

#include "device/layer.h"

typedef struct cv_taps {
    int32_t first, end;
} cv_taps;

// Of the taps 0 ... kernel - 1 at start, start + apart, ...: those in 0 ... size - 1.
static cv_taps cv_taps_inside(int32_t start, int32_t kernel, int32_t apart, int32_t size) {
    cv_taps taps = {0, 0};
    if (start < 0) taps.first = (apart - 1 - start) / apart;
    if (start < size) taps.end = (size - start + apart - 1) / apart;
    if (taps.end > kernel) taps.end = kernel;
    if (taps.end < taps.first) taps.end = taps.first;
    return taps;
}

#include "format/pixels.h"

#ifdef CONVO_HAVE_LIBEXIF

#include <libexif/exif-data.h>

const bool cv_exif_readable = true;

int cv_exif_orientation(const uint8_t *data, size_t size) {
    ExifData *exif = size <= UINT32_MAX ? exif_data_new_from_data(data, (unsigned)size) : NULL;
    ExifEntry *entry = exif ? exif_content_get_entry(exif->ifd[EXIF_IFD_0], EXIF_TAG_ORIENTATION) : NULL;
    int orientation = 1;
    if (entry && entry->format == EXIF_FORMAT_SHORT && entry->components == 1 && entry->size >= 2)
        orientation = exif_get_short(entry->data, exif_data_get_byte_order(exif));
    exif_data_unref(exif);
    return orientation >= 1 && orientation <= 8 ? orientation : 1;
}

#else

const bool cv_exif_readable = false;

int cv_exif_orientation(const uint8_t *data, size_t size) {
    (void)data, (void)size;
    return 1;
}

#endif

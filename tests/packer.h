// Makes archives for tests, good and hostile ones.
#pragma once

#include "base/base.h"

#include <archive.h>
#include <archive_entry.h>
#include <stdlib.h>
#include <string.h>

enum { PACK_MOST = 4 << 20 };

typedef struct packed {
    char *data;
    size_t size;
} packed;

typedef struct pack_entry {
    const char *name; // NULL ends a list
    const char *text; // contents; for links: the target
    mode_t type;      // AE_IFREG, ...; 0: a file
    bool hard;        // a hard link
    int64_t zeros;    // contents: so many zero bytes
    int64_t hole;     // contents: a hole of so many bytes, which take no room in the archive
    int mode;         // 0: 0644
} pack_entry;

static inline void pack_add(struct archive *archive, const pack_entry *e) {
    struct archive_entry *entry = archive_entry_new();
    const mode_t type = e->type ? e->type : AE_IFREG;
    const bool file = type == AE_IFREG && !e->hard;
    const size_t length = e->text ? strlen(e->text) : 0;
    archive_entry_set_pathname(entry, e->name);
    archive_entry_set_filetype(entry, type);
    archive_entry_set_perm(entry, (unsigned)(e->mode ? e->mode : 0644) & 07777);
    if (type == AE_IFLNK) archive_entry_set_symlink(entry, e->text);
    if (e->hard) archive_entry_set_hardlink(entry, e->text);
    archive_entry_set_size(entry, !file ? 0 : e->hole ? e->hole : e->zeros ? e->zeros : (int64_t)length);
    if (e->hole) archive_entry_sparse_add_entry(entry, e->hole, 0);
    archive_write_header(archive, entry);
    static const char zeros[4096];
    if (file && !e->zeros && !e->hole && length) archive_write_data(archive, e->text, length);
    for (int64_t done = 0; done < e->zeros + e->hole; done += (int64_t)sizeof zeros)
        archive_write_data(archive, zeros, sizeof zeros); // the rest of the last block is cut
    archive_entry_free(entry);
}

// A tar archive of the entries, or one raw file of the bytes; packed with gzip `layers` times.
static inline packed pack(const pack_entry *entries, const char *bytes, size_t size, int layers) {
    packed out = {.data = malloc(PACK_MOST)};
    struct archive *archive = archive_write_new();
    for (int k = 0; k < layers; k++) archive_write_add_filter_gzip(archive);
    if (entries)
        archive_write_set_format_pax_restricted(archive);
    else
        archive_write_set_format_raw(archive);
    archive_write_set_bytes_in_last_block(archive, 1);
    if (!out.data || archive_write_open_memory(archive, out.data, PACK_MOST, &out.size) != ARCHIVE_OK) abort();
    for (; entries && entries->name; entries++) pack_add(archive, entries);
    if (bytes) {
        struct archive_entry *entry = archive_entry_new();
        archive_entry_set_filetype(entry, AE_IFREG);
        archive_write_header(archive, entry);
        archive_write_data(archive, bytes, size);
        archive_entry_free(entry);
    }
    archive_write_close(archive);
    archive_write_free(archive);
    return out;
}

static inline packed pack_tar(const pack_entry *entries) {
    return pack(entries, NULL, 0, 1);
}

/* SPDX-License-Identifier: Apache-2.0 */

#include "deb-archive.h"
#include "macro.h"

#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <stdio.h>
#include <sys/stat.h>

static void archive_done(struct archive **a) {
        if (*a)
                (void) archive_write_free(*a);
}

static void entry_done(struct archive_entry **e) {
        if (*e)
                archive_entry_free(*e);
}

static void memory_file_done(FILE **f) {
        if (*f)
                (void) fclose(*f);
}

void deb_bytes_done(DebBytes *b) {
        free(b->data);
        *b = (DebBytes) {};
}

static int failed(struct archive *a) {
        fprintf(stderr, "likenessctl: the package cannot be written: %s\n", archive_error_string(a) ?: "no reason given");
        return -EIO;
}

static int add(struct archive *a, const DebFile *file) {
        _cleanup_(entry_done) struct archive_entry *entry = archive_entry_new();

        if (!entry)
                return -ENOMEM;

        archive_entry_set_pathname(entry, file->path);
        archive_entry_set_filetype(entry, file->data ? AE_IFREG : AE_IFDIR);
        archive_entry_set_perm(entry, file->data ? 0644 : 0755);
        archive_entry_set_size(entry, (la_int64_t) file->size);
        archive_entry_set_mtime(entry, DEB_TIME, 0);
        archive_entry_set_uid(entry, 0);
        archive_entry_set_gid(entry, 0);
        archive_entry_set_uname(entry, "root");
        archive_entry_set_gname(entry, "root");

        if (archive_write_header(a, entry) != ARCHIVE_OK)
                return failed(a);
        if (file->size > 0 && archive_write_data(a, file->data, file->size) != (la_ssize_t) file->size)
                return failed(a);
        return 0;
}

/* Writes `files` into an archive that is set up, and its bytes to `to`. */
static int write_all(struct archive *a, FILE *to, const DebFile *files, size_t n) {
        int r;

        /* the last block is not filled up */
        if (archive_write_set_bytes_in_last_block(a, 1) != ARCHIVE_OK || archive_write_open_FILE(a, to) != ARCHIVE_OK)
                return failed(a);
        for (size_t i = 0; i < n; i++) {
                r = add(a, &files[i]);
                if (r < 0)
                        return r;
        }
        return archive_write_close(a) == ARCHIVE_OK ? 0 : failed(a);
}

static int write_to_memory(struct archive *a, const DebFile *files, size_t n, DebBytes *ret) {
        _cleanup_(memory_file_done) FILE *memory = NULL;
        DebBytes bytes = {};
        int r;

        memory = open_memstream(&bytes.data, &bytes.size);
        if (!memory)
                return -ENOMEM;
        r = write_all(a, memory, files, n);
        if (r >= 0 && fflush(memory) != 0)
                r = -ENOMEM;
        memory_file_done(&memory);
        memory = NULL;
        if (r < 0) {
                deb_bytes_done(&bytes);
                return r;
        }

        *ret = bytes;
        return 0;
}

int deb_tar(const DebFile *files, size_t n, DebBytes *ret) {
        _cleanup_(archive_done) struct archive *a = archive_write_new();

        if (!a)
                return -ENOMEM;
        if (archive_write_set_format_ustar(a) != ARCHIVE_OK || archive_write_add_filter_xz(a) != ARCHIVE_OK ||
            archive_write_set_options(a, "xz:compression-level=1,xz:threads=1") != ARCHIVE_OK)
                return failed(a);
        return write_to_memory(a, files, n, ret);
}

int deb_gzip(const void *data, size_t size, DebBytes *ret) {
        _cleanup_(archive_done) struct archive *a = archive_write_new();

        if (!a)
                return -ENOMEM;
        if (archive_write_set_format_raw(a) != ARCHIVE_OK || archive_write_add_filter_gzip(a) != ARCHIVE_OK ||
            archive_write_set_options(a, "gzip:!timestamp,gzip:compression-level=9") != ARCHIVE_OK)
                return failed(a);
        return write_to_memory(a, &(DebFile) { .path = "data", .data = data, .size = size }, 1, ret);
}

int deb_write(int fd, const DebBytes *control, const DebBytes *data) {
        static const char format[] = "2.0\n";
        const DebFile members[] = {
                { "debian-binary", format, sizeof(format) - 1 },
                { "control.tar.xz", control->data, control->size },
                { "data.tar.xz", data->data, data->size },
        };
        _cleanup_(archive_done) struct archive *a = archive_write_new();
        _cleanup_(memory_file_done) FILE *file = NULL;
        int copy, r;

        if (!a)
                return -ENOMEM;
        copy = dup(fd);
        file = copy >= 0 ? fdopen(copy, "wb") : NULL;
        if (!file) {
                safe_close(copy);
                return -ENOMEM;
        }

        if (archive_write_set_format_ar_bsd(a) != ARCHIVE_OK)
                return failed(a);
        r = write_all(a, file, members, ELEMENTSOF(members));
        if (r >= 0 && fflush(file) != 0) {
                fprintf(stderr, "likenessctl: the package cannot be written: %m\n");
                r = -EIO;
        }
        return r;
}

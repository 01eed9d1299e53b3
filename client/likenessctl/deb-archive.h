/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

/* The container of a Debian package (deb(5)): an ar archive of two compressed tar archives. Owners, times and order are
 * fixed, so that the same files give the same bytes. */

/* One file, or (`data` NULL) a directory; all borrowed. */
typedef struct DebFile {
        const char *path;              /* "./usr/share/…"; of a directory without slash at the end */
        const void *data;
        size_t size;
} DebFile;

/* The time of every file in the package: seconds of the epoch. */
#define DEB_TIME 946684800

/* Bytes, to be freed with deb_bytes_done(). */
typedef struct DebBytes {
        char *data;
        size_t size;
} DebBytes;

void deb_bytes_done(DebBytes *b);

/* A tar archive of `files` in their order, directories 0755 and files 0644, root's, compressed with xz.
 * -ENOMEM, or -EIO after a message on standard error. */
int deb_tar(const DebFile *files, size_t n, DebBytes *ret);

/* The same bytes compressed with gzip, without a name and a time. */
int deb_gzip(const void *data, size_t size, DebBytes *ret);

/* Writes the package of both archives to `fd`. Fails as deb_tar() does. */
int deb_write(int fd, const DebBytes *control, const DebBytes *data);

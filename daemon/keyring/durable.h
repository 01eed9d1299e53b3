/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stddef.h>
#include <stdint.h>

/* Files that must be whole after a crash, and files of which nothing may stay. All return 0 or a negative
 * errno, without a message. `directory` is an open directory, `name` a file in it; symbolic links are never
 * followed. */

/* Reads a whole regular file of at most `max` bytes; -EFBIG if it is longer, -EINVAL if it is no regular
 * file, -ENOENT if it is not there. The caller frees `*ret`, which has a NUL after its last byte. */
int durable_read(int directory, const char *name, size_t max, uint8_t **ret, size_t *ret_size);

/* Writes a file (mode 0600) beside `name`, syncs it, puts it in the place of `name`, and syncs the
 * directory. */
int durable_write(int directory, const char *name, const void *data, size_t size);

/* Opens a directory in `directory`, makes it (mode 0700) if it is not there, and returns the descriptor. */
int durable_directory(int directory, const char *name);

/* Overwrites a file with zeros (that reaches the disk only where the file system writes in place), and syncs
 * it. */
int wipe_descriptor(int fd);

/* Wipes a file as far as that is possible, and unlinks it; one that has further names (libsecret's backups
 * begin as links to the file itself) is only unlinked. */
int wipe_file(int directory, const char *name);

/* Wipes and unlinks every file in `directory` but `keep` (may be NULL). */
int wipe_others(int directory, const char *keep);

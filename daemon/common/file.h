/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stddef.h>
#include <sys/types.h>

/* Reading and writing all of it: short counts and interruptions are gone on with. */

/* Reads until `size` bytes are there or the file ends, from where the descriptor stands; how many there were, or a
 * negative errno. */
ssize_t file_read_all(int fd, void *buffer, size_t size);
/* The same from `offset` on, without moving the descriptor. */
ssize_t file_read_all_at(int fd, void *buffer, size_t size, off_t offset);

/* Writes all `size` bytes to where the descriptor stands; 0 or a negative errno. */
int file_write_all(int fd, const void *data, size_t size);

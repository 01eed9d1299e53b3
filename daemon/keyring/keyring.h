/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "key.h"
#include "macro.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* libsecret's file keyring: a terminal's keys in one encrypted file, with a canary that tells whether the
 * password fits (libsecret does not: with a wrong one it finds nothing, and what it stores cannot be read
 * together with the rest).
 *
 * libsecret works in a child process for each call. What it leaves in memory, its threads, and an assertion
 * that a file makes fail end with that process. A file is read from a sealed copy in memory, exactly the
 * bytes that were checked, and written as a whole new file: libsecret never changes one in its place, and
 * the "FILE~" in which it keeps what was replaced never holds a key. */

/* The keys of one keyring, in memory that is not swapped (if permitted), not dumped, shared with the
 * children, and wiped in the end. */
typedef struct Keys {
        Key current, pending;          /* a key without id is not there */
} Keys;

Keys *keys_new(void);                  /* NULL if out of memory */
Keys *keys_free(Keys *k);
DEFINE_CLEANUP(Keys *, keys_free);

/* Reads the keys of a keyring file's contents. `demo` keyrings and others do not open as each other.
 * KEYRING_DONE, KEYRING_PASSWORD_WRONG (no item can be found with this password), KEYRING_DAMAGED (also if
 * libsecret crashes), or KEYRING_INTERNAL_ERROR. */
KeyringOutcome keyring_read(const uint8_t *data, size_t size, bool demo, const char *password, Keys *ret);

/* Writes a new keyring file with `keys` at `path`, where there must be none, in a directory that is there.
 * If `make` is one of the keys in `keys`, it is generated, and is there afterwards. KEYRING_DONE,
 * KEYRING_DISK_FULL, KEYRING_DISK, or KEYRING_INTERNAL_ERROR. The file is complete, but not synced. */
KeyringOutcome keyring_write(const char *path, bool demo, const char *password, Keys *keys, Key *make);

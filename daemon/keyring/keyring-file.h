/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* libsecret's keyring files, looked at before libsecret does: it believes the header (an impossible salt
 * length aborts the process, an iteration count of 4e9 keeps it busy for hours). Untrusted input. */

#define KEYRING_FILE_SIZE_MAX (UINT32_C(1024) * 1024)

/* libsecret 0.20 writes 100,000; more is allowed for its successors, within what takes about a second. */
#define KEYRING_FILE_ITERATIONS_MIN UINT32_C(100000)
#define KEYRING_FILE_ITERATIONS_MAX UINT32_C(2000000)

/* True if the header is one that libsecret writes. Layout ("GnomeKeyring\n\r\0\n", version 1.0, then a
 * GVariant "(uayutua(a{say}ay))": salt length, salt, iterations, time, usage count, items): libsecret's
 * secret-file-collection.c and the GVariant specification. Says nothing about the items. */
bool keyring_file_header_valid(const uint8_t *data, size_t size);

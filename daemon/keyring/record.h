/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "keyring-protocol.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The record that a terminal was provisioned, outside the keyring: the hash of the one keyring file that is
 * right, and the ids of its keys. It makes a lost keyring a loss and not a beginning, tells a wrong password
 * from a damaged file, and keeps libsecret from parsing anything that libsecret did not write. While the
 * keyring is being replaced it names both the old and the new one. */

#define RECORD_HASH_SIZE 32

typedef struct RecordedKeyring {
        bool absent;                   /* there is no keyring (before the first one) */
        uint8_t hash[RECORD_HASH_SIZE]; /* SHA-256 of the file */
        char key_id[KEYRING_KEY_ID_SIZE];
        char pending_id[KEYRING_KEY_ID_SIZE]; /* "" if there is none */
} RecordedKeyring;

typedef struct Record {
        size_t n_keyrings;             /* 0: never provisioned, 1, or 2 while the first is replaced by the second */
        RecordedKeyring keyrings[2];
} Record;

/* Reads the record `name` in `directory`. No file is a record without keyrings; -EBADMSG for a damaged one,
 * other negative errnos of reading. No message. */
int record_read(int directory, const char *name, Record *ret);

/* Writes it durably. */
int record_write(int directory, const char *name, const Record *record);

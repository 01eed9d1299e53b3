/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "receipt.h"
#include "signer.h"

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/* What an entry says about itself, and how it is read back. */

#define BOOT_ID_SIZE 33                /* 32 hexadecimal digits and the terminating zero */

/* Where an entry stands in the chain. */
typedef struct EntryPlace {
        uint64_t sequence;
        const char *previous;          /* hash of the entry before, "" for the first */
} EntryPlace;

/* This boot's id, as the claim "boot" has it. */
int entry_boot_id(char ret[static BOOT_ID_SIZE]);

/* Milliseconds of CLOCK_BOOTTIME, the claim "boot-time". */
uint64_t entry_boot_time(void);

/* Whether somebody (NTP, PTP, GPS) keeps the clock right; no if the sandbox forbids to ask. */
bool entry_clock_synchronised(void);

/* The claims of a whole entry: those that all entries have, then `claims` (borrowed). -EINVAL if `claims` has one of the
 * common names. */
int entry_compose(
                const char *entry,
                const char *terminal,
                const char *protection,
                const char *boot,
                const EntryPlace *place,
                const json_t *claims,
                json_t **ret);

/* The claims that connect a closing entry to its opening, taken from the opening's claims; a new object. */
json_t *entry_closing_of(const json_t *opening);

/* The claims of "key-changed": both public keys, and the new key's word that it follows the old one. */
int entry_key_change(const Signer *old, const Signer *new, json_t **ret);

/* The key id that the next entry must be signed with: the header's, or the new key's if the entry changes the key.
 * Borrowed; NULL if the entry has none. */
const char *entry_next_key(const json_t *header, const json_t *claims);

/* True if a key-changed entry's new key itself says that it follows the old one. */
bool entry_key_change_proved(const json_t *claims, const char *typ);

/* The members that the ledger itself goes by. Absent or of another type: "", 0. */
const char *entry_text(const json_t *claims, const char *name);
uint64_t entry_number(const json_t *claims, const char *name);
bool entry_is(const json_t *claims, const char *entry);

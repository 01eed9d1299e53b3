/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "macro.h"
#include "signer.h"

#include <jansson.h>
#include <stdint.h>

/* The terminal's record: entries in order, each a compact JWS on a line of its own, each holding the hash of the one
 * before, in append-only segment files. An entry is on disk, file and directory, when ledger_append() returns. */

/* The segments are named "ledger-%016x.jws" after the sequence number of their first entry (hexadecimal); each opens with
 * a signed entry "segment" that sums up what came before, so that a start reads the last segment only and retention can
 * drop the first ones. A new one begins after LEDGER_SEGMENT_ENTRIES entries. */
#define LEDGER_SEGMENT_ENTRIES 4096

typedef struct Ledger Ledger;

typedef struct LedgerSetup {
        const char *directory;         /* exists, mode 0700, ours; borrowed for the call, as the next */
        const char *terminal;          /* the terminal's name in every entry */
        Signer *signer;                /* borrowed until ledger_free() or ledger_set_signer() */
} LedgerSetup;

/* Opens the ledger of `directory`, alone (a second opener gets -EBUSY), or begins one. What an interrupted write left
 * behind the last whole entry is cut off and the entry "repaired" says so; an opening without a closing is closed as
 * "interrupted"; an entry "started" follows. A ledger that was altered (a bad signature or hash in the last segment) is
 * not written to: -EUCLEAN, logged. Other errors are logged with the file. */
int ledger_open(Ledger **ret, const LedgerSetup *setup);
Ledger *ledger_free(Ledger *l);
DEFINE_CLEANUP(Ledger *, ledger_free);

/* Appends an entry. `claims` (an object; a reference is taken over, also on failure) gets the claims that all entries
 * have: version, entry, terminal, key-protection, sequence, previous, time, clock, boot, boot-time. It is written, fsynced
 * (the directory too, when a file was created), and returned as a compact JWS if `ret_jws` is not NULL.
 * After a write or fsync failed, nothing is signed any more: this and every later call returns a negative errno until the
 * ledger is opened anew, which rewrites the tail. */
int ledger_append(Ledger *l, const char *entry, json_t *claims, char **ret_jws);

/* Key change: appends "key-changed" (with both public keys and each key's signature over the other's id), then signs with
 * `signer`. The old key's entries stay verifiable: the public keys of all entries are in the ledger's "keys.json". */
int ledger_set_signer(Ledger *l, Signer *signer);

/* The JWK set of this ledger's keys, the current one first; a new reference. */
json_t *ledger_keys(const Ledger *l);

/* The sequence number of the last entry, and the hash of its JWS (owned by the ledger). */
uint64_t ledger_sequence(const Ledger *l);
const char *ledger_head(const Ledger *l);

/* The newest closing entry with this nonce within the last `seconds`: 1 with its JWS and claims (new reference), 0 if there
 * is none, or a negative errno. */
int ledger_find_nonce(Ledger *l, const char *nonce, uint64_t seconds, char **ret_jws, json_t **ret_claims);

/* Writes all entries with a time of `from` (seconds of the epoch) or later, whole and in order, one a line, to `fd`, never
 * blocking for longer than the file needs; the first line is the "segment" entry that they follow. */
int ledger_export(const Ledger *l, uint64_t from, int fd);

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
 * drop the first ones. A new one begins when the last has LEDGER_SEGMENT_ENTRIES entries, its summary included. The
 * summary's claims are "first" (its own sequence number), "entries" (how many came before it), "open" (the sequence number
 * of an opening that has no closing yet, or 0) and "latest" (the highest "time" before it: wall clocks go back). */
#define LEDGER_SEGMENT_ENTRIES 1024

typedef struct Ledger Ledger;

typedef struct LedgerSetup {
        const char *directory;         /* exists, mode 0700, ours; borrowed for the call, as the next */
        const char *terminal;          /* the terminal's name in every entry */
        Signer *signer;                /* borrowed until ledger_free() or ledger_set_signer() */
} LedgerSetup;

/* The id (44 bytes) of the key that the next entry in `directory` must be signed with, before a key is there to open the
 * ledger with: the last entry's, or the one that it announces if it is "key-changed"; "" for a directory without entries.
 * Nothing is verified: ledger_open() does. -EUCLEAN if there is no reading it. */
int ledger_peek_key(const char *directory, char *ret_key_id);

/* Opens the ledger of `directory`, alone (a second opener gets -EBUSY), or begins one. What an interrupted write left
 * behind the last whole entry is cut off and the entry "repaired" says so; then an opening without a closing is closed as
 * "interrupted". The caller appends "started". All errors are logged.
 *   -EUCLEAN  it was altered (the last segment's hashes, its last signature, the end of the segment before, keys.json): it
 *             is not written to
 *   -ENOKEY   its last entry was signed by another key than the signer's, or names another one as its successor: open it
 *             with that key (after an interrupted rotation, the other of the two), or set the ledger aside
 *   -EREMCHG  its entries are those of a terminal with another name
 *   -EPERM    the directory is another user's or open to others */
int ledger_open(Ledger **ret, const LedgerSetup *setup);
Ledger *ledger_free(Ledger *l);
DEFINE_CLEANUP(Ledger *, ledger_free);

/* Appends an entry. `claims` (an object; a reference is taken over, also on failure) gets the claims that all entries
 * have: version, entry, terminal, key-protection, sequence, previous, time, clock, boot, boot-time; and a "closed" the
 * claim "opening", if it has none. It is written, fsynced (the directory too, when a file was created), and returned as a
 * compact JWS if `ret_jws` is not NULL.
 * Nothing is written for a mistake of the caller's: -EBUSY ("opened" while another opening has no closing), -EINVAL
 * ("closed" without its opening, a claim with a common name, an entry that only the ledger makes), -EMSGSIZE (longer than
 * RECEIPT_SIZE_MAX), -ENOMEM.
 * After a write or fsync failed (-ENOSPC, -EIO, …; logged once), nothing is signed any more: every later call returns
 * -ENOTRECOVERABLE until the ledger is opened anew, which rewrites the tail. */
int ledger_append(Ledger *l, const char *entry, json_t *claims, char **ret_jws);

/* Key change: appends "key-changed" (signed by the old key; with both public keys and the new key's own signature over the
 * old one's id), then signs with `signer`. The old key's entries stay verifiable: the public keys of all entries are in
 * the ledger's "keys.json". -EINVAL if it is the same key or one for another "typ"; fails as ledger_append() does. */
int ledger_set_signer(Ledger *l, Signer *signer);

/* Whether a write failed, so that nothing is signed any more. */
bool ledger_failed(const Ledger *l);

/* The JWK set of this ledger's keys, the current one first; a new reference. NULL if out of memory. */
json_t *ledger_keys(const Ledger *l);

/* The sequence number of the last entry, and the hash of its JWS (owned by the ledger). */
uint64_t ledger_sequence(const Ledger *l);
const char *ledger_head(const Ledger *l);

/* The newest entry "closed" or "declined" with this nonce within the last `seconds`: 1 with its JWS and claims (new reference), 0 if there
 * is none, or a negative errno. Entries of this boot are dated by the boot's clock; older ones by the wall clock, unless it
 * was not synchronised: then they count as recent, because an old answer does less harm than a second check. The search
 * reads at least 2 segments, goes on to the first one that begins before the window, and ends after 64 at the latest. */
int ledger_find_nonce(Ledger *l, const char *nonce, uint64_t seconds, char **ret_jws, json_t **ret_claims);

/* The claims of the newest entry of this kind (a new reference): 1, 0 if the last 64 segments have none, or a negative errno;
 * its signature is verified. */
int ledger_find_last(const Ledger *l, const char *entry, json_t **ret_claims);

/* Calls `handler` with the claims (borrowed) of every entry, in order, from the newest segment on that began more than
 * `seconds` ago in this boot, but of the last `segments` (at least 1) at most: the first ones may be older than that. A
 * negative result of the handler's ends it and is returned; -EUCLEAN if an entry cannot be read. Signatures are not verified
 * here. */
typedef int (*LedgerHandler)(const json_t *claims, void *userdata);
int ledger_read_recent(const Ledger *l, unsigned segments, uint64_t seconds, LedgerHandler handler, void *userdata);

/* Writes to `fd` (from its position on) all entries that there are now, in order, one a line, from the segment on that has
 * the first entry with a time of `from` (seconds of the epoch) or later: so the chain has no gap, the first line is a
 * "segment" entry, some of the first lines may be older than `from`, and no entry is lost because a clock went back. If no
 * entry is that late, the last segment is written. Entries that are appended while it writes are not part of it.
 * `fd` should be a regular file or memfd. A blocking pipe or socket holds the caller up for as long as the reader likes; a
 * full non-blocking one ends with -EAGAIN and a part written. A pipe without reader raises SIGPIPE if that is not ignored. */
int ledger_export(const Ledger *l, uint64_t from, int fd);

/* After an export from this time on that went well: if it and those before hold every attempt, the file "unexported" in the
 * ledger's directory goes; the next attempt brings it back. Negative errno: it may be there still. */
int ledger_mark_exported(Ledger *l, uint64_t from);

/* Drops the oldest segments: those whose entries are all older than `days` and in an export, but for the last two. The entry
 * "dropped" says so first. Nothing happens while the clock is not synchronised. To be called daily: so that there is
 * something to drop on a terminal with few checks, a segment ends after a week. How many segments were dropped, or a negative
 * errno (a file that cannot be deleted is logged, and tried again the next time). */
int ledger_drop(Ledger *l, unsigned days);

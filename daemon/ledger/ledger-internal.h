/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "entry.h"
#include "ledger.h"
#include "segment.h"

/* What the ledger's own files share: opening (ledger-open.c), writing (ledger.c), reading (ledger-read.c), keys.json
 * (ledger-keys.c), what was exported (ledger-exported.c), what is dropped (ledger-drop.c). */

struct Ledger {
        char *path;
        char *terminal;
        Signer *signer;                /* borrowed */
        unsigned segment_entries;      /* entries of a segment, its first included */

        int directory;                 /* locked */
        int file;                      /* the last segment, O_APPEND; -1 before there is one */
        SegmentList segments;
        uint64_t size;                 /* bytes of the last segment */
        unsigned entries;              /* lines of the last segment */
        json_t *keys;

        uint64_t sequence;             /* of the last entry; 0 before there is one */
        char head[RECEIPT_HASH_SIZE];
        uint64_t latest;               /* the highest "time" of all entries: clocks go back */
        json_t *opening;               /* claims of the opening that has no closing yet, or NULL */

        uint64_t unexported;           /* the first attempt that no export contains, or 0 */
        char boot[BOOT_ID_SIZE];
        bool failed;                   /* a write or fsync failed: nothing is signed any more */
};

/* ledger_open() with segments of another length (at least 2), for tests. */
int ledger_open_sized(Ledger **ret, const LedgerSetup *setup, unsigned segment_entries);

/* Loads keys.json; an empty set if there is none. */
int ledger_load_keys(Ledger *l);

/* Makes the signer's key the first of keys.json; on disk when it returns. */
int ledger_add_key(Ledger *l, const Signer *signer);

/* Reads the mark of ledger-exported.c. */
void ledger_load_mark(Ledger *l);

/* Before an entry of this kind is written: sets the mark, on disk when it returns, if it needs one. */
int ledger_mark_unexported(Ledger *l, const char *entry);

/* The claims of the summary of the i-th segment, unverified; a new reference. */
int ledger_read_summary(const Ledger *l, size_t i, json_t **ret);

/* As ledger_append(), for entries that only the ledger makes. Takes over `claims`. */
int ledger_append_own(Ledger *l, const char *entry, json_t *claims);

/* The index of the segment where an export from this time on begins. */
int ledger_find_start(const Ledger *l, uint64_t from, size_t *ret);

/* Writes one entry to the end of the last segment, or over what is there from byte `offset` on (then the file ends behind
 * the entry) if that is not negative. `claims` is borrowed. */
int ledger_write(Ledger *l, const char *entry, const json_t *claims, int64_t offset, char **ret_jws);

/* Begins a segment with its summary. */
int ledger_begin_segment(Ledger *l);

/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "entries.h"
#include "macro.h"
#include "receipt.h"

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

/* Reads a terminal's entries, one after the other and with bounded memory, and names everything that does not hold. It needs
 * public keys and, against truncation, a checkpoint; nothing of the terminal. All lines are untrusted. */

typedef struct Audit Audit;

typedef enum AuditKind {
        AUDIT_MALFORMED,               /* no entry at all, or the end of one is missing */
        AUDIT_SIGNATURE,               /* altered, or forged */
        AUDIT_UNKNOWN_KEY,
        AUDIT_TYP,                     /* a demonstration's entry in a real ledger, or the reverse */
        AUDIT_KEY_SWAP,                /* a key that no valid key change introduced here */
        AUDIT_KEY_CHANGE,              /* a key change whose proofs do not hold */
        AUDIT_REVOKED,
        AUDIT_CHAIN,                   /* "previous" is not the hash of the entry before */
        AUDIT_HOLE,
        AUDIT_REORDERED,
        AUDIT_DUPLICATE,
        AUDIT_FORK,                    /* two signed entries with the same sequence number */
        AUDIT_BEGINNING,               /* begins neither with entry 1 nor with a segment */
        AUDIT_SEGMENT,                 /* a segment's summary contradicts what came before it */
        AUDIT_TERMINAL,                /* another terminal's entry */
        AUDIT_KIND,                    /* entry of an unknown kind */
        AUDIT_CLAIMS,                  /* a claim is missing, of a wrong type or without place */
        AUDIT_FORBIDDEN,               /* a claim such as entries must never hold */
        AUDIT_UNCLOSED,
        AUDIT_CLOSED_TWICE,
        AUDIT_NOT_OPENED,
        AUDIT_CLOSING_DIFFERS,
        AUDIT_TRUNCATED,               /* ends before the checkpoint */
        AUDIT_CHECKPOINT,              /* the checkpoint's entry is another one, or is not there */
        AUDIT_TIME,                    /* time ran backwards */
        _AUDIT_KIND_MAX,
} AuditKind;

/* The word for a kind; a static string, NULL outside the list. */
const char *audit_kind_to_string(AuditKind kind);

typedef struct AuditFinding {
        AuditKind kind;
        bool warning;                  /* worth knowing, but the ledger may still be whole */
        uint64_t line;                 /* from 1; 0 for what concerns the whole */
        uint64_t sequence;             /* that the finding is about; 0 if unknown */
        const char *words;             /* for people; may hold what the entries say, any bytes */
} AuditFinding;

typedef struct AuditSetup {
        const json_t *keys;            /* that are trusted: from audit_keys_index() */
        const char *typ;               /* RECEIPT_TYP or DEMO_TYP */
        const json_t *checkpoints;     /* a checkpoint, an array of them, or NULL; those of other terminals are passed over */
        const json_t *revoked;         /* from audit_revoked_index(), or NULL */
        bool collected;                /* from a collector, which may lack the beginning and repeat what it has: such findings
                                        * are warnings, and a line that is no entry of the terminal takes no place */
        void (*found)(const AuditFinding *finding, void *userdata);
        void *userdata;
} AuditSetup;

typedef struct AuditSummary {
        const char *terminal;          /* NULL if no entry could be read; owned by the audit, as the next */
        const char *head;              /* hash of the last entry, empty if unknown */
        const char *key;               /* id of the key that signed it */
        uint64_t lines, entries;       /* read; of these with a signature that holds */
        uint64_t first, last;          /* sequence numbers */
        uint64_t missing;              /* entries in holes */
        bool retained;                 /* what came before `first` was dropped; its segment entry sums it up */
        uint64_t before;               /* how many entries that were */
        uint64_t checkpoints;          /* found to hold */
        uint64_t key_changes;          /* with proofs that hold */
        uint64_t time;                 /* of the last entry */
        uint64_t running;              /* sequence of a last opening that is not closed yet, or 0 */
        uint64_t errors, warnings;
} AuditSummary;

/* Checks registered keys (a JWK set, what "likenessctl provision --json" prints, or an array of these) or a revocation list
 * ({"revoked": [{"kid", "since", "reason"}]}) and makes an index of it, a new reference, which many audits may share. A key
 * with "x-likeness-demo" is trusted with DEMO_TYP only; one with "x-likeness-terminal" for that terminal only. -EINVAL with
 * `ret_problem`, in words, if it is none. */
int audit_keys_index(json_t **ret, const json_t *keys, const char *typ, const char **ret_problem);
int audit_revoked_index(json_t **ret, const json_t *revoked, const char **ret_problem);

/* What is wrong with a checkpoint, or an array of them, in words; NULL if nothing. */
const char *audit_checkpoints_problem(const json_t *checkpoints);

/* `setup` is copied, except for what it points to, which must stay. -EINVAL if a checkpoint is none (not logged). */
int audit_new(Audit **ret, const AuditSetup *setup);
Audit *audit_free(Audit *a);
DEFINE_CLEANUP(Audit *, audit_free);

/* Another `userdata` for what is found from now on. */
void audit_set_userdata(Audit *a, void *userdata);

/* The next line. 1 if its signature holds, 0 if there is something wrong with it (told through `found`); negative only if
 * memory runs out. */
int audit_line(Audit *a, const EntryLine *line);

/* Behind the last line: what only the end can tell. Once. */
void audit_end(Audit *a);

/* Valid until the next call. */
const AuditSummary *audit_summary(const Audit *a);

/* The checkpoint of the last entry, to be kept: {"terminal", "sequence", "hash", "time", "kid"}; a new reference, NULL if
 * there is no entry. */
json_t *audit_checkpoint(const Audit *a);

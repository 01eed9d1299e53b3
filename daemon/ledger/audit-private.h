/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "audit.h"
#include "claims.h"

/* What audit.c, audit-keys.c and audit-attempts.c share. Every list is bounded: a hostile file cannot make it grow. */

#define KEY_ID_SIZE 44                 /* base64url of a SHA-256 and the terminating zero */
#define RECENT_MAX 64U                 /* entries that are remembered to tell a repetition from a fork */
#define HOLES_MAX 256U
#define OPEN_MAX 32U                   /* attempts open at once; a terminal has one */
#define CLOSED_MAX 1024U               /* closed openings that are remembered */
#define KEY_CHANGES_MAX 1024U

typedef struct Hole {
        uint64_t first, last;
} Hole;

typedef struct Recent {
        uint64_t sequence;
        char hash[RECEIPT_HASH_SIZE];
} Recent;

typedef struct Opening {
        uint64_t sequence;
        json_t *claims;                /* NULL: the opening is in a part that was dropped */
} Opening;

typedef struct Entry {
        EntryKind kind;
        const json_t *claims;
        const char *key;               /* id */
        uint64_t sequence, time;
        char hash[RECEIPT_HASH_SIZE];
} Entry;

struct Audit {
        AuditSetup setup;
        AuditSummary summary;
        bool *checkpoint_seen;
        size_t n_checkpoints;

        /* keys */
        json_t *introduced;            /* by key changes, indexed as setup.keys is */
        char header[512];              /* the last entry's protected header, encoded, and what it said */
        size_t header_size;
        char header_key[KEY_ID_SIZE];
        char current[KEY_ID_SIZE];     /* the key that signs at this point of the chain */

        bool incomplete;               /* the line at hand does not end */

        /* order */
        uint64_t expected;             /* the next sequence number; 0 at the beginning */
        char head[RECEIPT_HASH_SIZE];  /* empty: unknown, after a line that could not be read */
        Recent recent[RECENT_MAX];
        Hole holes[HOLES_MAX];
        size_t n_holes;

        /* what entries say of themselves */
        char *terminal;
        char boot[33];
        uint64_t boot_time, time, time_max;
        bool synchronised;

        /* attempts */
        Opening open[OPEN_MAX];
        size_t n_open;
        uint64_t last_opened;
        uint64_t closed[CLOSED_MAX];
        size_t n_closed;               /* since the beginning */
};

void audit_found(Audit *a, AuditKind kind, bool warning, uint64_t sequence, const char *format, ...) _printf_(5, 6);
#define audit_error(a, kind, sequence, ...) audit_found(a, kind, false, sequence, __VA_ARGS__)
#define audit_warning(a, kind, sequence, ...) audit_found(a, kind, true, sequence, __VA_ARGS__)

/* An integer claim; 0 if it is none, or negative. */
uint64_t audit_count(const json_t *claims, const char *name);
/* A string claim; "" if it is none. Owned by the claims. */
const char *audit_word(const json_t *claims, const char *name);
/* Whether an entry is known to be missing, or could not be read. */
bool audit_missing(const Audit *a, uint64_t sequence);

/* audit-keys.c */
/* 1 with the claims and the key's id, 0 after telling what is wrong, or a negative errno. */
int audit_signature(Audit *a, const char *line, size_t size, json_t **ret_claims, const char **ret_key);
/* The key that signs from here, and whether it had been revoked: for entries in their place. */
void audit_key_use(Audit *a, const Entry *e);
/* An entry "key-changed": introduces a key if both proofs hold. */
int audit_key_changed(Audit *a, const Entry *e);

/* audit-attempts.c */
void audit_opened(Audit *a, const Entry *e);
void audit_closed(Audit *a, const Entry *e);
/* The service was started: nothing can be open. */
void audit_started(Audit *a, const Entry *e);
/* Sums up what came before; `beginning` if it is the first entry that is there. */
void audit_segment(Audit *a, const Entry *e, bool beginning);
void audit_attempts_end(Audit *a);

/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "cause.h"
#include "decision.h"
#include "ledger.h"
#include "request.h"

#include <sys/types.h>

/* The one place through which every attempt is recorded: an opening entry before a camera opens, and exactly one
 * closing entry for it. Says what stands in the entries; the ledger signs and keeps them. */

#define SUPPORT_CODE_SIZE 10

/* How far back a nonce counts as used, and its answer can be had again. */
#define NONCE_WINDOW_SEC (UINT64_C(24) * 60 * 60)

typedef struct Record Record;

/* All of it is borrowed and must outlive the record. */
typedef struct RecordSetup {
        Ledger *ledger;
        const Configuration *configuration;
        const Policy *policy;
        const Manifest *manifest;
        bool demo;
} RecordSetup;

/* One attempt: what its opening says and its closing repeats. */
typedef struct Attempt {
        const Request *request;        /* borrowed for the attempt */
        uid_t caller;
        uint64_t opening;              /* sequence of the opening entry */
        uint64_t opened_usec;          /* CLOCK_MONOTONIC */
        char support_code[SUPPORT_CODE_SIZE]; /* finds the entries; read out over a telephone */
} Attempt;

/* How an attempt ended. */
typedef struct Closing {
        Cause cause;
        const Decision *decision;      /* with CAUSE_VERDICT */
        bool face_seen;
        bool binding;
} Closing;

/* What a closing entry said, read back. */
typedef struct RecordedAnswer {
        Cause cause;
        Decision decision;             /* with CAUSE_VERDICT; `passive` is not read back */
        bool binding;
        uid_t caller;
        char support_code[SUPPORT_CODE_SIZE];
        char *receipt;                 /* owned */
} RecordedAnswer;

/* Appends the entry "started". */
int record_new(Record **ret, const RecordSetup *setup);
Record *record_free(Record *r);
DEFINE_CLEANUP(Record *, record_free);

/* Writes the opening entry for `a->request` and `a->caller` and sets the other members; when it returns 0 the entry is
 * on disk. */
int record_open(Record *r, Attempt *a);

/* Writes the closing entry; when it returns 0 it is on disk. `ret_receipt` is its compact JWS, to be freed. */
int record_close(Record *r, const Attempt *a, const Closing *closing, char **ret_receipt);

/* Writes the entry "health": what the terminal is, and what it did since the last one (or since the start). */
int record_health(Record *r);

/* The answer that a check with this nonce ended with: 1, 0 if there was none, or a negative errno. */
int record_find(Record *r, const char *nonce, RecordedAnswer *ret);
void recorded_answer_done(RecordedAnswer *a);

/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "attempts.h"
#include "cause.h"
#include "decision.h"
#include "ledger.h"
#include "request.h"
#include "terminal-secret.h"

#include <sys/types.h>
#include <systemd/sd-event.h>

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
        const TerminalSecret *secret;
        bool demo;
} RecordSetup;

/* Whether another attempt may be made. */
typedef enum Permission {
        PERMISSION_GIVEN,
        PERMISSION_EXHAUSTED,          /* the transaction has used up its tries: that is the answer */
        PERMISSION_WAIT,               /* the terminal or the operator has made too many in the last hour */
} Permission;

/* One attempt: what its opening says and its closing repeats. */
typedef struct Attempt {
        const Request *request;        /* borrowed for the attempt */
        uid_t caller;
        uint64_t opening;              /* sequence of the opening entry */
        uint64_t opened_usec;          /* CLOCK_MONOTONIC */
        unsigned number;               /* of the transaction's attempts, from 1 */
        unsigned left;                 /* set by record_close(): how many more are answered at least */
        char support_code[SUPPORT_CODE_SIZE]; /* finds the entries; read out over a telephone */
} Attempt;

/* How an attempt ended. */
typedef struct Closing {
        Cause cause;
        const Decision *decision;      /* with CAUSE_VERDICT */
        const char *camera;            /* the name of the camera that was used; NULL: none, or a recording */
        bool face_seen;
        bool binding;
        Ended ended;                   /* … and its processes */
} Closing;

/* What a closing entry said, read back. */
typedef struct RecordedAnswer {
        Cause cause;
        Decision decision;             /* with CAUSE_VERDICT; `passive` is not read back */
        bool binding;
        uid_t caller;
        unsigned attempt, attempts_left; /* `attempt` 0: nothing is said of attempts */
        char support_code[SUPPORT_CODE_SIZE];
        char *receipt;                 /* owned */
} RecordedAnswer;

/* Appends the entry "started", after reading back how often who has tried. */
int record_new(Record **ret, const RecordSetup *setup);
Record *record_free(Record *r);
DEFINE_CLEANUP(Record *, record_free);

/* Whether an attempt for this request may be made now; `ret_wait_sec` is set with PERMISSION_WAIT. Waits are for where the
 * answers are binding (Mode=enforce). */
Permission record_permits(const Record *r, const Request *q, uint64_t *ret_wait_sec);

/* Records a request whose transaction has used up its tries, and the answer to it. */
int record_exhausted(Record *r, const Request *q, uid_t caller, RecordedAnswer *ret);

/* Records that the customer chose another way. */
int record_declined(Record *r, const Request *q, uid_t caller, RecordedAnswer *ret);

/* Writes the opening entry for `a->request` and `a->caller` and sets the other members; when it returns 0 the entry is
 * on disk. */
int record_open(Record *r, Attempt *a);

/* Writes the closing entry and sets `a->left`; when it returns 0 it is on disk. `ret_receipt` is its compact JWS, to be freed. */
int record_close(Record *r, Attempt *a, const Closing *closing, char **ret_receipt);

/* After record_close() or record_exhausted() failed: ends the service if the opening is still open although the ledger works
 * (there was no memory to sign with), because no other could be opened. Its next start closes it. */
void record_end_if_open(const Record *r, sd_event *event, int error);

/* Writes the entry "health": what the terminal is, and what it did since the last one (or since the start). `camera` is
 * its fitness in a word. */
int record_health(Record *r, const char *camera);

/* Drops what the configuration does not keep any longer; to be called daily. */
int record_drop(Record *r);

/* The answer that a check with this nonce ended with, or the decline with it: 1, 0 if there was none, or a negative errno. */
int record_find(Record *r, const char *nonce, RecordedAnswer *ret);
void recorded_answer_done(RecordedAnswer *a);

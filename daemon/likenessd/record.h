/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "cause.h"
#include "decision.h"
#include "request.h"

#include <sys/types.h>

/* The one place through which every attempt is recorded: an opening before a camera opens, and exactly one closing for
 * it. Signed receipts and the ledger belong behind this interface; until they exist entries go to the log, and the
 * receipt is empty. */

#define SUPPORT_CODE_SIZE 10

typedef struct Record Record;

typedef struct RecordOpening {
        const Request *request;
        uid_t caller;
} RecordOpening;

typedef struct RecordClosing {
        Cause cause;
        const Decision *decision;      /* with CAUSE_VERDICT */
        bool face_seen;
        bool binding;
        uint64_t duration_usec;
} RecordClosing;

int record_new(Record **ret, bool demo);
Record *record_free(Record *r);
DEFINE_CLEANUP(Record *, record_free);

/* Writes the opening entry; when it returns 0 it is on disk. `ret_support_code` finds the entry again. */
int record_open(Record *r, const RecordOpening *opening, char ret_support_code[static SUPPORT_CODE_SIZE]);

/* Writes the closing entry of the attempt; `ret_receipt` is the signed receipt, to be freed, or empty. */
int record_close(Record *r, const char *support_code, const RecordClosing *closing, char **ret_receipt);

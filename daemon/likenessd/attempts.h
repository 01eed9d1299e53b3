/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "attempt-limits.h"
#include "cause.h"
#include "ledger.h"
#include "vocabulary.h"

/* How often a transaction, a terminal and an operator have tried. Counted from the ledger's opening entries: those of the
 * time before this start are read back from it, those since then are added as they are written, so that neither a restart
 * nor a crash forgets one.
 *
 * Time is CLOCK_BOOTTIME in milliseconds, given by the caller, never the wall clock. How long a terminal was switched off
 * nobody can tell, so that what still counted at the last entry of one boot counts from the beginning of the next one on:
 * windows and waits start again.
 *
 * At most ATTEMPTS_MAX attempts are kept, the oldest are dropped first: of a terminal that is asked without a pause, that
 * many are looked back to even if the window is longer. */

#define ATTEMPTS_MAX 8192U

#define ATTEMPTS_HOUR_MSEC (UINT64_C(60) * 60 * 1000)

/* What an attempt uses up of its transaction. */
typedef enum AttemptUse {
        USES_NOTHING,
        USES_TRY,
        USES_UNCLEAR,
} AttemptUse;

/* Where a transaction stands: `number` attempts so far, and how many calls more are answered at least, whatever they come
 * to; with 0 the next one is "exhausted". */
typedef struct Standing {
        unsigned number, left;
} Standing;

typedef struct Attempts Attempts;

int attempts_new(Attempts **ret);
Attempts *attempts_free(Attempts *a);
DEFINE_CLEANUP(Attempts *, attempts_free);

/* `verdict` is of CAUSE_VERDICT only. */
AttemptUse attempt_use(Cause cause, Verdict verdict, bool face_seen);

/* An opening entry; it uses a try until it is closed, as one does that is never closed. `transaction` and `operator_id` may
 * be NULL, and are copied. */
int attempts_open(Attempts *a, uint64_t sequence, const char *transaction, const char *operator_id, uint64_t now);
/* … which was not written after all: the last one is taken back. */
void attempts_take_back(Attempts *a);
/* … with its sequence number, known when it is written. */
void attempts_number_last(Attempts *a, uint64_t sequence);
/* Its closing entry. One whose opening is not there (any more) is ignored. */
void attempts_close(Attempts *a, uint64_t sequence, AttemptUse use);

/* The terminal was started anew; `last` is the time of the old boot's last entry. */
void attempts_rebooted(Attempts *a, uint64_t last, uint64_t window);

/* Without a transaction (NULL) the last attempt stands alone. */
Standing attempts_standing(const Attempts *a, const char *transaction, uint64_t now, uint64_t window);

/* Openings of the last hour: of one operator, or of the whole terminal with NULL. */
unsigned attempts_last_hour(const Attempts *a, const char *operator_id, uint64_t now);

/* Milliseconds until fewer than `per_hour` (at least 1) openings of the operator (NULL: of the terminal) are within the
 * last hour; 0 if there is room now. */
uint64_t attempts_wait(const Attempts *a, const char *operator_id, unsigned per_hour, uint64_t now);

/* Reads the ledger's attempts of the last `window` back; -EUCLEAN if the ledger cannot be read. */
int attempts_read(Attempts *a, Ledger *ledger, uint64_t window);

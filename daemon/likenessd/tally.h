/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "cause.h"
#include "decision.h"

#include <jansson.h>
#include <stdint.h>

/* What a terminal did since its last entry "health": counts only, of a fixed size however much it does. */

#define TALLY_STEP_MSEC 100U           /* of durations: what a caller is told, too */
#define TALLY_STEPS 600U               /* a minute; what takes longer counts as that */
/* With fewer answers the 95th percentile would be the longest of them: one customer's own time, which no entry has. */
#define TALLY_P95_MIN 20U

typedef struct Tally {
        uint64_t checks;               /* opened */
        uint64_t answers[_VERDICT_MAX];
        uint64_t aborted[_CAUSE_MAX];
        uint32_t durations[TALLY_STEPS + 1]; /* of checks with an answer, from the opening on */
} Tally;

/* An attempt ended after so long: with an answer (cause "verdict", and which), or without. */
void tally_close(Tally *t, Cause cause, const Decision *decision, uint64_t duration_usec);

/* The claims "checks", "answers" and "aborted" (what did not happen is left out), and "p95", in milliseconds, if there
 * were TALLY_P95_MIN answers. A new reference; NULL if out of memory. */
json_t *tally_claims(const Tally *t);

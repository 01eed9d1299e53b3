/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "findings.h"
#include "macro.h"

/* What was found and what the policy asks for make a verdict. A pure function: no clock, no state, no bus. */

#define DECISION_REASONS_MAX 4

/* What the passive networks had to say. They may object; they never prove anything. */
typedef enum Passive {
        PASSIVE_NONE,                  /* too little was seen */
        PASSIVE_OBJECTION,
        PASSIVE_UNCERTAIN,
        PASSIVE_NO_OBJECTION,
        _PASSIVE_MAX,
} Passive;

typedef struct Policy {
        int match_from;                /* similarity, thousandths: from here on it is the same person */
        int no_match_below;            /* below it is a different person; between the two nobody can be certain */
        unsigned live_from;            /* passive liveness, thousandths: from here on nothing speaks against a live face */
        unsigned attack_below;         /* below it is a presentation attack */
        double false_match_rate;       /* the rate that match_from holds … */
        const char *population;        /* … in this population, the worst; borrowed from the manifest */
} Policy;

typedef struct Decision {
        Verdict verdict;
        Reason reasons[DECISION_REASONS_MAX];
        size_t n_reasons;
        Passive passive;
} Decision;

/* The fewest frames of evidence that a verdict about a person may rest on; with fewer it is inconclusive. */
#define DECISION_FRAMES_MIN 5U
#define DECISION_MATCHED_MIN 2U

/* True if the outcome leads to a verdict; false if the check could not be carried out (camera, model, …). */
bool outcome_has_verdict(Outcome outcome);

/* The word for records; a static string. */
const char *passive_to_string(Passive p);

/* `f` must be valid (findings_valid()) and its outcome have a verdict. Never VERDICT_MATCH unless every condition for
 * it was met by OUTCOME_EXAMINED. */
void decide(const Findings *f, const Policy *p, Decision *ret);

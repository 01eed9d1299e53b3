/* SPDX-License-Identifier: Apache-2.0 */

#include "decision.h"

#include <assert.h>

bool outcome_has_verdict(Outcome outcome) {
        return outcome == OUTCOME_EXAMINED || outcome == OUTCOME_TIME_RAN_OUT ||
               outcome == OUTCOME_REFERENCE_UNUSABLE;
}

static void decision_add(Decision *d, Reason reason) {
        if (reason == REASON_NONE)
                return;
        for (size_t i = 0; i < d->n_reasons; i++)
                if (d->reasons[i] == reason)
                        return;

        assert(d->n_reasons < DECISION_REASONS_MAX);
        d->reasons[d->n_reasons++] = reason;
}

static void decision_set(Decision *d, Verdict verdict, Reason reason) {
        *d = (Decision) { .verdict = verdict };
        decision_add(d, reason);
}

static bool enough_evidence(const Findings *f) {
        return f->frames_used >= DECISION_FRAMES_MIN && f->frames_matched >= DECISION_MATCHED_MIN;
}

void decide(const Findings *f, const Policy *p, Decision *ret) {
        assert(outcome_has_verdict(f->outcome));

        if (f->outcome == OUTCOME_REFERENCE_UNUSABLE) {
                decision_set(ret, VERDICT_REFERENCE_UNUSABLE, f->reason);
                return;
        }

        /* An attack is an attack with whatever evidence there was, and whoever's face it shows. */
        if (f->attack_signs != 0 || (enough_evidence(f) && f->liveness < p->attack_below)) {
                decision_set(ret, VERDICT_NOT_LIVE, REASON_ATTACK_SUSPECTED);
                return;
        }

        if (f->outcome == OUTCOME_TIME_RAN_OUT || !enough_evidence(f)) {
                decision_set(ret, VERDICT_INCONCLUSIVE, f->reason);
                decision_add(ret, enough_evidence(f) ? REASON_NOT_CERTAIN : REASON_TIME_RAN_OUT);
                return;
        }

        if (f->liveness < p->live_from)
                decision_set(ret, VERDICT_INCONCLUSIVE, REASON_NOT_CERTAIN);
        else if (f->similarity < p->no_match_below)
                decision_set(ret, VERDICT_NO_MATCH, REASON_NONE);
        else if (f->similarity < p->match_from)
                decision_set(ret, VERDICT_INCONCLUSIVE, REASON_NOT_CERTAIN);
        else
                decision_set(ret, VERDICT_MATCH, REASON_NONE);
}

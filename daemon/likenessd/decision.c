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

const char *passive_to_string(Passive p) {
        static const char *const words[_PASSIVE_MAX] = {
                [PASSIVE_NONE] = "none",
                [PASSIVE_OBJECTION] = "objection",
                [PASSIVE_UNCERTAIN] = "uncertain",
                [PASSIVE_NO_OBJECTION] = "no-objection",
        };

        return (unsigned) p < _PASSIVE_MAX ? words[p] : NULL;
}

static Passive passive_evidence(const Findings *f, const Policy *p) {
        if (f->attack_signs != 0)
                return PASSIVE_OBJECTION;
        if (f->outcome == OUTCOME_REFERENCE_UNUSABLE || !enough_evidence(f))
                return PASSIVE_NONE;
        if (f->liveness < p->attack_below)
                return PASSIVE_OBJECTION;
        return f->liveness < p->live_from ? PASSIVE_UNCERTAIN : PASSIVE_NO_OBJECTION;
}

static void decide_verdict(const Findings *f, const Policy *p, Passive passive, Decision *ret) {
        if (f->outcome == OUTCOME_REFERENCE_UNUSABLE) {
                decision_set(ret, VERDICT_REFERENCE_UNUSABLE, f->reason);
                return;
        }

        /* An attack is an attack with whatever evidence there was, and whoever's face it shows. */
        if (passive == PASSIVE_OBJECTION) {
                decision_set(ret, VERDICT_NOT_LIVE, REASON_ATTACK_SUSPECTED);
                return;
        }

        if (f->outcome == OUTCOME_TIME_RAN_OUT || passive == PASSIVE_NONE) {
                decision_set(ret, VERDICT_INCONCLUSIVE, f->reason);
                decision_add(ret, passive == PASSIVE_NONE ? REASON_TIME_RAN_OUT : REASON_NOT_CERTAIN);
                return;
        }

        if (passive == PASSIVE_UNCERTAIN)
                decision_set(ret, VERDICT_INCONCLUSIVE, REASON_NOT_CERTAIN);
        else if (f->similarity < p->no_match_below)
                decision_set(ret, VERDICT_NO_MATCH, REASON_NONE);
        else if (f->similarity < p->match_from)
                decision_set(ret, VERDICT_INCONCLUSIVE, REASON_NOT_CERTAIN);
        else
                decision_set(ret, VERDICT_MATCH, REASON_NONE);
}

void decide(const Findings *f, const Policy *p, Decision *ret) {
        Passive passive;

        assert(outcome_has_verdict(f->outcome));

        passive = passive_evidence(f, p);
        decide_verdict(f, p, passive, ret);
        ret->passive = passive;
}

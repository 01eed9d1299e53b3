/* SPDX-License-Identifier: Apache-2.0 */

/* What needs attention, brought together from those who know of it. */

#include "verifier-private.h"

#include <errno.h>

void verifier_learn(Verifier *v, const SessionResult *result) {
        Cause cause = result->cause;
        Problems found = cause == CAUSE_MODEL ? problem_bit(PROBLEM_MODELS_UNUSABLE) :
                         cause == CAUSE_SANDBOX || cause == CAUSE_EXAMINER_UNWATCHED ?
                                                problem_bit(PROBLEM_SANDBOX_MISSING) :
                                                0;

        if (found != 0 || result->able || cause == CAUSE_VERDICT)
                v->learnt = found;
}

static Problems verifier_problems(const Verifier *v) {
        Problems p = v->learnt | watch_problems(v->setup.watch) | signing_problems(v->setup.signing);

        if ((v->session && !v->audience) || verifier_listing_is_stuck(v))
                p |= problem_bit(PROBLEM_EXAMINER_STUCK);
        if (authority_polkit_missing(v->authority))
                p |= problem_bit(PROBLEM_POLKIT_MISSING);
        if (reload_refused(v->setup.reload))
                p |= problem_bit(PROBLEM_CONFIGURATION_REFUSED);
        if (v->setup.demo)
                p |= problem_bit(PROBLEM_DEMO);
        return p;
}

int verifier_append_problems(const Verifier *v, sd_bus_message *reply) {
        Problems all = verifier_problems(v);
        int r;

        r = sd_bus_message_open_container(reply, 'a', "s");
        for (Problem p = 0; p < _PROBLEM_MAX && r >= 0; p++)
                if (all & problem_bit(p))
                        r = sd_bus_message_append(reply, "s", problem_to_string(p));
        return r < 0 ? r : sd_bus_message_close_container(reply);
}

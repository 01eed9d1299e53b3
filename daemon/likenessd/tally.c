/* SPDX-License-Identifier: Apache-2.0 */

#include "tally.h"

#include "macro.h"

void tally_close(Tally *t, Cause cause, const Decision *decision, uint64_t duration_usec) {
        uint64_t step = (duration_usec / USEC_PER_MSEC + TALLY_STEP_MSEC / 2) / TALLY_STEP_MSEC;

        if ((unsigned) cause >= _CAUSE_MAX)
                return;
        if (cause != CAUSE_VERDICT || !decision || (unsigned) decision->verdict >= _VERDICT_MAX) {
                t->aborted[cause]++;
                return;
        }
        t->answers[decision->verdict]++;
        if (decision->verdict == VERDICT_EXHAUSTED)
                return;                /* nothing was done that took time */
        t->durations[step < TALLY_STEPS ? step : TALLY_STEPS]++;
}

/* The smallest step that at least 95 % of the durations do not exceed (nearest rank); -1 if there are too few. */
static int tally_p95(const Tally *t) {
        uint64_t all = 0, seen = 0;

        for (size_t i = 0; i < ELEMENTSOF(t->durations); i++)
                all += t->durations[i];
        for (size_t i = 0; all >= TALLY_P95_MIN && i < ELEMENTSOF(t->durations); i++) {
                seen += t->durations[i];
                if (seen * 20 >= all * 19)
                        return (int) i;
        }
        return -1;
}

static int add_count(json_t *counts, const char *word, uint64_t n) {
        return n > 0 ? json_object_set_new(counts, word, json_integer((json_int_t) n)) : 0;
}

json_t *tally_claims(const Tally *t) {
        json_t *answers = json_object(), *aborted = json_object(), *claims;
        int p95 = tally_p95(t), r = answers && aborted ? 0 : -1;

        for (Verdict v = 0; r >= 0 && v < _VERDICT_MAX; v++)
                r = add_count(answers, verdict_to_string(v), t->answers[v]);
        for (Cause c = 0; r >= 0 && c < _CAUSE_MAX; c++)
                r = add_count(aborted, cause_to_string(c), t->aborted[c]);

        /* "o" takes both references, also when it fails */
        claims = json_pack("{s:I, s:o, s:o}", "checks", (json_int_t) t->checks, "answers", answers, "aborted", aborted);
        if (r >= 0 && claims && p95 >= 0)
                r = json_object_set_new(claims, "p95", json_integer((json_int_t) p95 * (json_int_t) TALLY_STEP_MSEC));
        if (r < 0) {
                json_decref(claims);
                return NULL;
        }
        return claims;
}

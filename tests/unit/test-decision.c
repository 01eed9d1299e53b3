/* SPDX-License-Identifier: Apache-2.0 */

#include "decision.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static const Policy policy = {
        .match_from = 490,
        .no_match_below = 300,
        .live_from = 600,
        .attack_below = 300,
};

/* A live face that is the right person's, seen long enough. */
static const Findings good = {
        .outcome = OUTCOME_EXAMINED,
        .frames_captured = 30,
        .frames_used = 15,
        .frames_matched = 4,
        .similarity = 700,
        .liveness = 950,
};

static Decision decided(Findings f) {
        Decision d;

        assert_true(findings_valid(&f));
        decide(&f, &policy, &d);
        return d;
}

static void assert_decision(Findings f, Verdict verdict, Reason first, Reason second) {
        Decision d = decided(f);
        size_t n = (first != REASON_NONE) + (second != REASON_NONE);

        assert_int_equal(d.verdict, verdict);
        assert_int_equal(d.n_reasons, n);
        if (n > 0)
                assert_int_equal(d.reasons[0], first);
        if (n > 1)
                assert_int_equal(d.reasons[1], second);
}

static void test_match(void **state) {
        Findings f = good;

        assert_decision(f, VERDICT_MATCH, REASON_NONE, REASON_NONE);
        f.similarity = policy.match_from;
        f.liveness = policy.live_from;
        f.frames_used = DECISION_FRAMES_MIN;
        f.frames_matched = DECISION_MATCHED_MIN;
        assert_decision(f, VERDICT_MATCH, REASON_NONE, REASON_NONE);
}

static void test_similarity(void **state) {
        Findings f = good;

        f.similarity = policy.match_from - 1;
        assert_decision(f, VERDICT_INCONCLUSIVE, REASON_NOT_CERTAIN, REASON_NONE);
        f.similarity = policy.no_match_below;
        assert_decision(f, VERDICT_INCONCLUSIVE, REASON_NOT_CERTAIN, REASON_NONE);
        f.similarity = policy.no_match_below - 1;
        assert_decision(f, VERDICT_NO_MATCH, REASON_NONE, REASON_NONE);
        f.similarity = -1000;
        assert_decision(f, VERDICT_NO_MATCH, REASON_NONE, REASON_NONE);
}

static void test_liveness(void **state) {
        Findings f = good;

        f.liveness = policy.live_from - 1;
        assert_decision(f, VERDICT_INCONCLUSIVE, REASON_NOT_CERTAIN, REASON_NONE);
        f.liveness = policy.attack_below;
        assert_decision(f, VERDICT_INCONCLUSIVE, REASON_NOT_CERTAIN, REASON_NONE);
        f.liveness = policy.attack_below - 1;
        assert_decision(f, VERDICT_NOT_LIVE, REASON_ATTACK_SUSPECTED, REASON_NONE);

        /* whoever it shows: an attack that does not look like the reference is an attack as well */
        f.similarity = 0;
        assert_decision(f, VERDICT_NOT_LIVE, REASON_ATTACK_SUSPECTED, REASON_NONE);
}

static void test_one_sign_is_a_veto(void **state) {
        for (unsigned sign = 1; sign <= _ATTACK_SIGN_ALL; sign <<= 1) {
                Findings f = good;

                f.attack_signs = sign;
                f.liveness = 1000;
                f.similarity = 1000;
                assert_decision(f, VERDICT_NOT_LIVE, REASON_ATTACK_SUSPECTED, REASON_NONE);

                f.outcome = OUTCOME_TIME_RAN_OUT;
                assert_decision(f, VERDICT_NOT_LIVE, REASON_ATTACK_SUSPECTED, REASON_NONE);
        }
}

static void test_time_ran_out(void **state) {
        Findings f = { .outcome = OUTCOME_TIME_RAN_OUT, .reason = REASON_NO_FACE, .frames_captured = 150 };

        assert_decision(f, VERDICT_INCONCLUSIVE, REASON_NO_FACE, REASON_TIME_RAN_OUT);
        f.reason = REASON_NONE;
        assert_decision(f, VERDICT_INCONCLUSIVE, REASON_TIME_RAN_OUT, REASON_NONE);

        /* evidence that never became clear is not made clear by waiting */
        f = good;
        f.outcome = OUTCOME_TIME_RAN_OUT;
        assert_decision(f, VERDICT_INCONCLUSIVE, REASON_NOT_CERTAIN, REASON_NONE);
        f.liveness = 0;
        assert_decision(f, VERDICT_NOT_LIVE, REASON_ATTACK_SUSPECTED, REASON_NONE);
}

static void test_too_little_evidence(void **state) {
        Findings f = good;

        f.frames_used = f.frames_matched = DECISION_FRAMES_MIN - 1;
        assert_decision(f, VERDICT_INCONCLUSIVE, REASON_TIME_RAN_OUT, REASON_NONE);
        f = good;
        f.frames_matched = DECISION_MATCHED_MIN - 1;
        assert_decision(f, VERDICT_INCONCLUSIVE, REASON_TIME_RAN_OUT, REASON_NONE);
        f = (Findings) { .outcome = OUTCOME_EXAMINED };
        assert_decision(f, VERDICT_INCONCLUSIVE, REASON_TIME_RAN_OUT, REASON_NONE);
}

static void test_reference(void **state) {
        Findings f = good;

        f.outcome = OUTCOME_REFERENCE_UNUSABLE;
        f.reason = REASON_PORTRAIT_BLURRED;
        assert_decision(f, VERDICT_REFERENCE_UNUSABLE, REASON_PORTRAIT_BLURRED, REASON_NONE);
}

/* Over a grid of everything that can be found: a match needs every condition, and never comes without one. */
static void test_match_needs_everything(void **state) {
        static const int scores[] = { -1000, 0, 299, 300, 489, 490, 600, 1000 };
        static const unsigned counts[] = { 0, 1, 2, 4, 5, 20 };
        size_t matches = 0;

        for (Outcome outcome = 0; outcome < _OUTCOME_MAX; outcome++) {
                if (!outcome_has_verdict(outcome))
                        continue;
                for (size_t s = 0; s < ELEMENTSOF(scores); s++)
                        for (size_t l = 0; l < ELEMENTSOF(scores); l++)
                                for (size_t u = 0; u < ELEMENTSOF(counts); u++)
                                        for (size_t m = 0; m < ELEMENTSOF(counts); m++)
                                                for (unsigned signs = 0; signs <= _ATTACK_SIGN_ALL; signs++) {
                                                        Findings f = {
                                                                .outcome = outcome,
                                                                .frames_captured = 20,
                                                                .frames_used = counts[u],
                                                                .frames_matched = counts[m],
                                                                .similarity = scores[s],
                                                                .liveness = (uint32_t) scores[l],
                                                                .attack_signs = signs,
                                                        };
                                                        if (!findings_valid(&f))
                                                                continue;

                                                        bool all = outcome == OUTCOME_EXAMINED && signs == 0 &&
                                                                   f.similarity >= 490 && f.liveness >= 600 &&
                                                                   f.frames_used >= 5 && f.frames_matched >= 2;
                                                        assert_int_equal(decided(f).verdict == VERDICT_MATCH, all);
                                                        matches += all;
                                                }
        }
        assert_true(matches > 0);
}

static void test_which_outcomes_have_a_verdict(void **state) {
        for (Outcome outcome = 0; outcome < _OUTCOME_MAX; outcome++)
                assert_int_equal(outcome_has_verdict(outcome), outcome == OUTCOME_EXAMINED ||
                                outcome == OUTCOME_TIME_RAN_OUT || outcome == OUTCOME_REFERENCE_UNUSABLE);
}

static void test_findings_ranges(void **state) {
        Findings f = good;

        assert_true(findings_valid(&f));
#define REFUSED(member, value)                          \
        do {                                            \
                f = good;                               \
                f.member = (value);                     \
                assert_false(findings_valid(&f));       \
        } while (false)
        REFUSED(outcome, _OUTCOME_MAX);
        REFUSED(outcome, (Outcome) -1);
        REFUSED(reason, _REASON_MAX);
        REFUSED(model, 64);
        REFUSED(frames_captured, 1000001);
        REFUSED(frames_used, 31);
        REFUSED(frames_matched, 16);
        REFUSED(similarity, 1001);
        REFUSED(similarity, -1001);
        REFUSED(liveness, 1001);
        REFUSED(attack_signs, _ATTACK_SIGN_ALL + 1);
#undef REFUSED
}

int main(void) {
        static const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_match),
                cmocka_unit_test(test_similarity),
                cmocka_unit_test(test_liveness),
                cmocka_unit_test(test_one_sign_is_a_veto),
                cmocka_unit_test(test_time_ran_out),
                cmocka_unit_test(test_too_little_evidence),
                cmocka_unit_test(test_reference),
                cmocka_unit_test(test_match_needs_everything),
                cmocka_unit_test(test_which_outcomes_have_a_verdict),
                cmocka_unit_test(test_findings_ranges),
        };

        return cmocka_run_group_tests_name("decision", tests, NULL, NULL);
}

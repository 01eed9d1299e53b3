/* SPDX-License-Identifier: Apache-2.0 */

/* The closed lists of words, and what goes with each of them. */

#include "cause.h"
#include "macro.h"
#include "prompts.h"
#include "vocabulary.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void test_there_and_back(void **state) {
        for (Verdict v = 0; v < _VERDICT_MAX; v++)
                assert_int_equal(verdict_from_string(verdict_to_string(v)), v);
        for (Reason r = REASON_NONE + 1; r < _REASON_MAX; r++)
                assert_int_equal(reason_from_string(reason_to_string(r)), r);
        for (Challenge c = 0; c < _CHALLENGE_MAX; c++)
                assert_int_equal(challenge_from_string(challenge_to_string(c)), c);
        for (Pace p = 0; p < _PACE_MAX; p++)
                assert_int_equal(pace_from_string(pace_to_string(p)), p);
}

/* The words are a contract with callers: none may change. */
static void test_the_words(void **state) {
        static const char *const verdicts[] = { "match", "no-match", "not-live", "reference-unusable", "inconclusive",
                                                "exhausted", "declined" };
        static const char *const reasons[] = {
                "card-not-found", "card-wrong-kind", "card-wrong-side", "card-glare", "portrait-too-small",
                "portrait-blurred", "portrait-several", "portrait-none", "not-a-card", "document-expired",
                "mrz-unreadable", "mrz-invalid", "no-face", "several-faces", "too-dark", "backlit", "too-far",
                "turned-away", "face-covered", "face-changed", "challenge-not-completed", "light-too-weak",
                "attack-suspected", "not-certain", "time-ran-out",
        };

        assert_int_equal(ELEMENTSOF(verdicts), _VERDICT_MAX);
        for (size_t i = 0; i < ELEMENTSOF(verdicts); i++)
                assert_string_equal(verdict_to_string((Verdict) i), verdicts[i]);
        assert_int_equal(ELEMENTSOF(reasons), _REASON_MAX - 1);
        for (size_t i = 0; i < ELEMENTSOF(reasons); i++)
                assert_string_equal(reason_to_string((Reason) (i + 1)), reasons[i]);
}

static void test_nothing_else(void **state) {
        assert_true(verdict_from_string("Match") < 0);
        assert_true(verdict_from_string("") < 0);
        assert_true(verdict_from_string(NULL) < 0);
        assert_true(reason_from_string("matchx") < 0);
        assert_true(challenge_from_string("none ") < 0);
        assert_true(pace_from_string("slow") < 0);
        assert_null(verdict_to_string(_VERDICT_MAX));
        assert_null(verdict_to_string((Verdict) -1));
        assert_null(reason_to_string(REASON_NONE));
        assert_null(reason_to_string(_REASON_MAX));
        assert_null(prompt_to_string(_PROMPT_MAX));
}

static void test_every_prompt_has_a_text(void **state) {
        for (Prompt p = 0; p < _PROMPT_MAX; p++) {
                assert_non_null(prompt_to_string(p));
                assert_non_null(prompt_text(p));
        }
        assert_null(prompt_text(_PROMPT_MAX));
}

static void test_every_cause_is_told(void **state) {
        for (Cause c = 0; c < _CAUSE_MAX; c++) {
                assert_non_null(cause_to_string(c));
                if (c == CAUSE_VERDICT) {
                        assert_null(cause_error(c));
                        continue;
                }
                assert_non_null(cause_message(c));
                assert_int_equal(strncmp(cause_error(c), "org.likeness.Verifier1.Error.", 29), 0);
                /* a camera's trouble: what it is; what to do */
                if (strncmp(cause_to_string(c), "camera-", 7) == 0 && !strstr(cause_message(c), "; "))
                        fail_msg("%s: what to do?", cause_message(c));
        }

        /* what happened to the examination is never told as something else than a failure */
        for (Outcome o = 0; o < _OUTCOME_MAX; o++)
                assert_int_not_equal(cause_of_outcome(o), CAUSE_VERDICT);
        assert_int_equal(cause_of_outcome(OUTCOME_CAMERA_BUSY), CAUSE_CAMERA_BUSY);
        assert_int_equal(cause_of_outcome(OUTCOME_MODEL_ALTERED), CAUSE_MODEL);
        assert_int_equal(cause_of_outcome(_OUTCOME_MAX), CAUSE_EXAMINER_FAILED);
}

static void test_every_bad_picture_is_told(void **state) {
        for (DecodeOutcome o = DECODE_DONE + 1; o < _DECODE_MAX; o++)
                assert_non_null(decode_outcome_message(o));
        assert_null(decode_outcome_message(DECODE_DONE));
        assert_null(decode_outcome_message(_DECODE_MAX));
}

int main(void) {
        static const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_there_and_back),
                cmocka_unit_test(test_the_words),
                cmocka_unit_test(test_nothing_else),
                cmocka_unit_test(test_every_prompt_has_a_text),
                cmocka_unit_test(test_every_cause_is_told),
                cmocka_unit_test(test_every_bad_picture_is_told),
        };

        return cmocka_run_group_tests_name("words", tests, NULL, NULL);
}

/* SPDX-License-Identifier: Apache-2.0 */

/* How often who has tried: pure counting, with the clock given by the test. */

#include "attempts.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

#define HOUR ATTEMPTS_HOUR_MSEC
#define DAY (24 * HOUR)
#define SECOND UINT64_C(1000)

static Attempts *fresh(void) {
        Attempts *a = NULL;

        assert_int_equal(attempts_new(&a), 0);
        return a;
}

/* One attempt of each use, an opening and a closing entry; returns the opening's sequence. */
static uint64_t try(Attempts *a, const char *transaction, const char *operator_id, AttemptUse use, uint64_t now) {
        static uint64_t sequence = 0;

        sequence += 2;
        assert_int_equal(attempts_open(a, sequence, transaction, operator_id, now), 0);
        attempts_close(a, sequence, use);
        return sequence;
}

static unsigned left(const Attempts *a, const char *transaction, uint64_t now) {
        return attempts_standing(a, transaction, now, DAY).left;
}

static void test_what_counts(void **state) {
        static const AttemptUse uses[_VERDICT_MAX] = {
                [VERDICT_MATCH] = USES_NOTHING,
                [VERDICT_NO_MATCH] = USES_TRY,
                [VERDICT_NOT_LIVE] = USES_TRY,
                [VERDICT_REFERENCE_UNUSABLE] = USES_UNCLEAR,
                [VERDICT_INCONCLUSIVE] = USES_UNCLEAR,
                [VERDICT_EXHAUSTED] = USES_NOTHING,
                [VERDICT_DECLINED] = USES_NOTHING,
        };

        for (Verdict v = 0; v < _VERDICT_MAX; v++)
                for (int seen = 0; seen < 2; seen++)
                        assert_int_equal(attempt_use(CAUSE_VERDICT, v, seen), uses[v]);
        for (Cause c = CAUSE_VERDICT + 1; c < _CAUSE_MAX; c++) {
                assert_int_equal(attempt_use(c, VERDICT_MATCH, true), USES_TRY);
                assert_int_equal(attempt_use(c, VERDICT_MATCH, false), USES_NOTHING);
        }
}

static void test_three_tries(void **state) {
        _cleanup_(attempts_freep) Attempts *a = fresh();

        assert_int_equal(left(a, "T", 0), 3);
        for (unsigned i = 1; i <= 3; i++) {
                Standing s;

                (void) try(a, "T", NULL, USES_TRY, i);
                s = attempts_standing(a, "T", i, DAY);
                assert_int_equal(s.number, i);
                assert_int_equal(s.left, 3 - i);
        }
        assert_int_equal(left(a, "U", 3), 3);
}

static void test_six_unclear(void **state) {
        static const unsigned expected[] = { 3, 3, 3, 2, 1, 0 };
        _cleanup_(attempts_freep) Attempts *a = fresh();

        for (unsigned i = 0; i < 6; i++) {
                (void) try(a, "T", NULL, USES_UNCLEAR, i);
                assert_int_equal(left(a, "T", i), expected[i]);
        }
}

static void test_mixed(void **state) {
        _cleanup_(attempts_freep) Attempts *a = fresh();

        for (unsigned i = 0; i < 5; i++)
                (void) try(a, "T", NULL, USES_UNCLEAR, 0);
        (void) try(a, "T", NULL, USES_TRY, 0);
        (void) try(a, "T", NULL, USES_TRY, 0);
        for (unsigned i = 0; i < 20; i++)
                (void) try(a, "T", NULL, USES_NOTHING, 0);
        assert_int_equal(left(a, "T", 0), 1);
        (void) try(a, "T", NULL, USES_TRY, 0);
        assert_int_equal(left(a, "T", 0), 0);
        assert_int_equal(attempts_standing(a, "T", 0, DAY).number, 28);
}

/* What is not closed is a try: a crash is no way out. What was not written is none. */
static void test_never_closed(void **state) {
        _cleanup_(attempts_freep) Attempts *a = fresh();

        assert_int_equal(attempts_open(a, 1, "T", NULL, 0), 0);
        assert_int_equal(left(a, "T", 0), 2);
        assert_int_equal(attempts_open(a, 0, "T", NULL, 0), 0);
        attempts_take_back(a);
        assert_int_equal(left(a, "T", 0), 2);
        assert_int_equal(attempts_open(a, 0, "T", NULL, 0), 0);
        attempts_number_last(a, 7);
        attempts_close(a, 7, USES_NOTHING);
        attempts_close(a, 5, USES_NOTHING);    /* not there */
        attempts_close(a, 9, USES_NOTHING);
        assert_int_equal(left(a, "T", 0), 2);
}

static void test_without_a_transaction(void **state) {
        _cleanup_(attempts_freep) Attempts *a = fresh();

        for (unsigned i = 0; i < 10; i++) {
                Standing s;

                (void) try(a, NULL, NULL, USES_TRY, i);
                s = attempts_standing(a, NULL, i, DAY);
                assert_int_equal(s.number, 1);
                assert_int_equal(s.left, 2);
        }
        assert_int_equal(left(a, "T", 10), 3);
}

static void test_the_window(void **state) {
        _cleanup_(attempts_freep) Attempts *a = fresh();

        for (unsigned i = 0; i < 3; i++)
                (void) try(a, "T", NULL, USES_TRY, HOUR);
        assert_int_equal(left(a, "T", HOUR + DAY - 1), 0);
        assert_int_equal(left(a, "T", HOUR + DAY), 3);
        assert_int_equal(left(a, "T", 0), 0);  /* a clock that went back */
}

static void test_waiting(void **state) {
        _cleanup_(attempts_freep) Attempts *a = fresh();

        for (unsigned i = 0; i < 5; i++)
                (void) try(a, "T", i % 2 ? "anna" : "ben", USES_NOTHING, 10 * HOUR + i * SECOND);

        assert_int_equal(attempts_wait(a, NULL, 6, 10 * HOUR + 4 * SECOND), 0);
        assert_int_equal(attempts_wait(a, NULL, 5, 10 * HOUR + 4 * SECOND), HOUR - 4 * SECOND);
        assert_int_equal(attempts_wait(a, NULL, 2, 10 * HOUR + 4 * SECOND), HOUR - SECOND);
        assert_int_equal(attempts_wait(a, "anna", 3, 10 * HOUR + 4 * SECOND), 0);
        assert_int_equal(attempts_wait(a, "anna", 2, 10 * HOUR + 4 * SECOND), HOUR - 3 * SECOND);
        assert_int_equal(attempts_wait(a, "carl", 1, 10 * HOUR + 4 * SECOND), 0);
        assert_int_equal(attempts_wait(a, NULL, 5, 11 * HOUR - 1), 1);
        assert_int_equal(attempts_wait(a, NULL, 5, 11 * HOUR), 0);
        assert_int_equal(attempts_last_hour(a, NULL, 11 * HOUR), 4);
        assert_int_equal(attempts_last_hour(a, "ben", 11 * HOUR - 1), 3);
        assert_int_equal(attempts_last_hour(a, NULL, 12 * HOUR), 0);
}

/* What still counted when the terminal went off counts from its new start on, and no sooner is it forgotten. */
static void test_a_reboot(void **state) {
        _cleanup_(attempts_freep) Attempts *a = fresh();

        (void) try(a, "old", "anna", USES_TRY, HOUR);
        (void) try(a, "T", "anna", USES_TRY, 20 * HOUR);
        (void) try(a, "T", "anna", USES_TRY, 30 * HOUR);
        attempts_rebooted(a, 30 * HOUR + 10, DAY);

        assert_int_equal(left(a, "old", 0), 3);
        assert_int_equal(left(a, "T", 0), 1);
        assert_int_equal(left(a, "T", DAY - 1), 1);
        assert_int_equal(left(a, "T", DAY), 3);

        assert_int_equal(attempts_last_hour(a, NULL, 0), 1);
        assert_int_equal(attempts_wait(a, "anna", 1, 0), HOUR);
        assert_int_equal(attempts_wait(a, "anna", 1, HOUR), 0);

        attempts_rebooted(a, HOUR / 2, DAY);   /* and once more: the wait starts again */
        assert_int_equal(attempts_wait(a, "anna", 1, 0), HOUR);
        attempts_rebooted(a, HOUR, DAY);
        assert_int_equal(attempts_wait(a, "anna", 1, 0), 0);
        assert_int_equal(left(a, "T", 0), 1);
}

static void test_bounded(void **state) {
        _cleanup_(attempts_freep) Attempts *a = fresh();
        char name[32];

        (void) try(a, "first", NULL, USES_TRY, 0);
        for (unsigned i = 0; i < ATTEMPTS_MAX - 1; i++) {
                (void) snprintf(name, sizeof(name), "T%u", i);
                (void) try(a, name, "anna", USES_TRY, 0);
        }
        assert_int_equal(left(a, "first", 0), 2);
        (void) try(a, "one-more", NULL, USES_TRY, 0);
        assert_int_equal(left(a, "first", 0), 3);
        assert_int_equal(left(a, "T0", 0), 2);
        assert_int_equal(attempts_last_hour(a, NULL, 0), ATTEMPTS_MAX);
}

int main(void) {
        static const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_what_counts),
                cmocka_unit_test(test_three_tries),
                cmocka_unit_test(test_six_unclear),
                cmocka_unit_test(test_mixed),
                cmocka_unit_test(test_never_closed),
                cmocka_unit_test(test_without_a_transaction),
                cmocka_unit_test(test_the_window),
                cmocka_unit_test(test_waiting),
                cmocka_unit_test(test_a_reboot),
                cmocka_unit_test(test_bounded),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: Apache-2.0 */

/* How soon a camera's trouble is told, by a clock of the test's own. */

#include "capture-flow.h"
#include "macro.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#define START UINT64_C(5000000)
#define FRAME UINT64_C(33333)

typedef struct Play {
        Flow flow;
        uint64_t now, again;
} Play;

static Play begin(void) {
        Play p = { .now = START };

        flow_start(&p.flow, p.now);
        return p;
}

static Outcome judge(Play *p) {
        return flow_judge(&p->flow, p->now, &p->again);
}

static void arrive(Play *p, FrameFault fault, unsigned n, bool usable) {
        for (unsigned i = 0; i < n; i++) {
                p->now += FRAME;
                flow_arrived(&p->flow, fault, p->now);
                if (usable)
                        flow_usable(&p->flow, p->now);
        }
}

static void assert_fine_until(Play *p, uint64_t usec, Outcome then) {
        p->now += usec - 1;
        assert_int_equal(judge(p), OUTCOME_EXAMINED);
        assert_int_equal(p->again, p->now + 1);
        p->now++;
        assert_int_equal(judge(p), then);
}

static void test_silent(void **state) {
        Play p = begin();

        assert_fine_until(&p, 3 * USEC_PER_SEC, OUTCOME_CAMERA_SILENT);
}

static void test_slow_to_wake(void **state) {
        Play p = begin();

        p.now += 2900 * USEC_PER_MSEC;
        assert_int_equal(judge(&p), OUTCOME_EXAMINED);
        arrive(&p, FRAME_WHOLE, 1, true);
        assert_int_equal(judge(&p), OUTCOME_EXAMINED);
}

static void test_lost(void **state) {
        Play p = begin();

        arrive(&p, FRAME_WHOLE, 10, true);
        assert_fine_until(&p, 900 * USEC_PER_MSEC, OUTCOME_CAMERA_LOST);

        /* also if the only one was of no use */
        p = begin();
        arrive(&p, FRAME_DAMAGED, 1, false);
        assert_fine_until(&p, 900 * USEC_PER_MSEC, OUTCOME_CAMERA_LOST);
}

/* Frames go on to arrive, but none becomes a picture. */
static void test_useless(void **state) {
        static const struct {
                FrameFault fault;
                Outcome outcome;
        } cases[] = {
                { FRAME_WHOLE, OUTCOME_CAMERA_DAMAGED },
                { FRAME_DAMAGED, OUTCOME_CAMERA_DAMAGED },
                { FRAME_OTHER_SIZE, OUTCOME_CAMERA_SIZE },
                { FRAME_STALE, OUTCOME_CAMERA_FROZEN },
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++)
                for (unsigned good = 0; good < 20; good += 10) {
                        Play p = begin();
                        uint64_t since;

                        arrive(&p, FRAME_WHOLE, good, true);
                        since = p.now;
                        while (judge(&p) == OUTCOME_EXAMINED && p.now < since + 2 * USEC_PER_SEC)
                                arrive(&p, cases[i].fault, 1, false);
                        assert_int_equal(judge(&p), cases[i].outcome);
                        assert_in_range(p.now - since, 900 * USEC_PER_MSEC, USEC_PER_SEC);
                }
}

/* What most of them had. */
static void test_mixed(void **state) {
        Play p = begin();

        for (unsigned i = 0; i < 10; i++) {
                arrive(&p, FRAME_OTHER_SIZE, 2, false);
                arrive(&p, FRAME_DAMAGED, 1, false);
        }
        assert_int_equal(judge(&p), OUTCOME_CAMERA_SIZE);
}

/* One usable picture now and then is enough. */
static void test_now_and_then(void **state) {
        Play p = begin();

        for (unsigned i = 0; i < 20; i++) {
                arrive(&p, FRAME_DAMAGED, 20, false);
                assert_int_equal(judge(&p), OUTCOME_EXAMINED);
                arrive(&p, FRAME_WHOLE, 1, true);
        }
}

/* A machine that was busy elsewhere: a single frame that nobody has decoded yet. */
static void test_stall(void **state) {
        Play p = begin();

        arrive(&p, FRAME_WHOLE, 10, true);
        arrive(&p, FRAME_WHOLE, 1, false);
        p.now += 800 * USEC_PER_MSEC;
        arrive(&p, FRAME_WHOLE, 1, false);
        p.now += 100 * USEC_PER_MSEC;
        assert_int_equal(judge(&p), OUTCOME_EXAMINED);
}

int main(void) {
        static const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_silent),
                cmocka_unit_test(test_slow_to_wake),
                cmocka_unit_test(test_lost),
                cmocka_unit_test(test_useless),
                cmocka_unit_test(test_mixed),
                cmocka_unit_test(test_now_and_then),
                cmocka_unit_test(test_stall),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}

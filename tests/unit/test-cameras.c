/* SPDX-License-Identifier: Apache-2.0 */

/* Which camera a caller gets: one of his own seat, or none. */

#include "cameras.h"
#include "macro.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

static Camera desk[] = {
        { .node = (char *) "/dev/video0", .captures = false },
        { .node = (char *) "/dev/video1", .seat = (char *) "seat-left", .captures = false },
        { .node = (char *) "/dev/video2", .seat = (char *) "seat-left", .captures = true },
        { .node = (char *) "/dev/video3", .captures = true },
        { .node = (char *) "/dev/video4", .seat = (char *) "seat0", .captures = true },
        { .node = (char *) "/dev/video5", .seat = (char *) "seat-right", .captures = true },
        { .node = (char *) "/dev/video6", .seat = (char *) "seat-dark", .captures = false },
};

static void expect(const Cameras *c, const char *seat, const char *node) {
        const Camera *chosen = cameras_choose(c, seat);

        if (node) {
                assert_non_null(chosen);
                assert_string_equal(chosen->node, node);
        } else
                assert_null(chosen);
}

static void test_own_seat_only(void **state) {
        const Cameras all = { desk, ELEMENTSOF(desk) };

        expect(&all, "seat-left", "/dev/video2");
        expect(&all, "seat-right", "/dev/video5");
        expect(&all, "seat0", "/dev/video3");
        expect(&all, "seat-dark", NULL);
        expect(&all, "seat-nowhere", NULL);
        expect(&all, "seat", NULL);
}

/* A caller without a seat, as one at seat0. */
static void test_no_seat(void **state) {
        const Cameras all = { desk, ELEMENTSOF(desk) };

        expect(&all, NULL, "/dev/video3");
        expect(&all, "", "/dev/video3");
}

static void test_nothing_of_another_seat_instead(void **state) {
        const Cameras left = { desk + 1, 2 }, none = {};

        expect(&left, "seat-left", "/dev/video2");
        expect(&left, "seat0", NULL);
        expect(&left, NULL, NULL);
        expect(&none, NULL, NULL);
        expect(&none, "seat-left", NULL);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_own_seat_only),
                cmocka_unit_test(test_no_seat),
                cmocka_unit_test(test_nothing_of_another_seat_instead),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}

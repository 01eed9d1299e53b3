/* SPDX-License-Identifier: Apache-2.0 */

/* Which cameras a caller gets, in which order, and what counts as a change. */

#include "cameras.h"
#include "macro.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <cmocka.h>

static Configuration policy;

static int reset(void **state) {
        policy = (Configuration) {};
        return 0;
}

static void pin(CameraRole role, const char *pattern) {
        policy.cameras[role].pattern = (char *) pattern;
}

#define CAMERA_(i, its_name, its_seat, its_backing, capturing)                                                \
        { .node = (char *) "/dev/video" #i, .identity = { its_name, its_backing }, .seat = (char *) its_seat, \
          .captures = capturing, .number = 0x5100 + i, .since_usec = 1000 + i }
#define CAMERA(i, its_name, its_seat) CAMERA_(i, its_name, its_seat, CAMERA_PHYSICAL, true)
#define METADATA(i, its_name, its_seat) CAMERA_(i, its_name, its_seat, CAMERA_PHYSICAL, false)
#define SOFTWARE(i, its_name, its_backing) CAMERA_(i, its_name, NULL, its_backing, true)

static Camera desk[] = {
        METADATA(0, "usb-1:1@c-1:1.0#1", NULL),
        METADATA(1, "usb-1:1@c-2:1.0#1", "seat-left"),
        CAMERA(2, "usb-1:1@c-2:1.0", "seat-left"),
        CAMERA(3, "usb-1:1@c-1:1.0", NULL),
        CAMERA(4, "usb-1:1@c-3:1.0", "seat0"),
        CAMERA(5, "usb-1:1@c-4:1.0", "seat-right"),
        METADATA(6, "usb-1:1@c-5:1.0#1", "seat-dark"),
};

/* The names of the candidates, separated by spaces, must be `names`. */
static void expect(const Cameras *c, const char *seat, int choice, const char *names) {
        CameraCandidates candidates = {};
        const Camera *refused = NULL;
        char text[2048] = "";

        assert_int_equal(cameras_choose(c, seat, &policy, CAMERA_ROLE_FACE, &candidates, &refused), choice);
        for (size_t i = 0; i < candidates.n; i++) {
                bool found = false;

                (void) sprintf(text + strlen(text), "%s%s", i > 0 ? " " : "", candidates.all[i].name);
                for (size_t k = 0; k < c->n; k++)
                        found |= streq(c->all[k].node, candidates.all[i].node) &&
                                 streq(c->all[k].identity.name, candidates.all[i].name);
                assert_true(found);
        }
        if (choice == CAMERAS_SOFTWARE) {
                assert_int_equal(candidates.n, 0);
                assert_string_equal(refused->identity.name, names);
        } else
                assert_string_equal(text, names);
        camera_candidates_free(&candidates);
        assert_int_equal(candidates.n, 0);
}

static void test_own_seat_only(void **state) {
        const Cameras all = { desk, ELEMENTSOF(desk) };

        expect(&all, "seat-left", CAMERAS_CHOSEN, "usb-1:1@c-2:1.0");
        expect(&all, "seat-right", CAMERAS_CHOSEN, "usb-1:1@c-4:1.0");
        expect(&all, "seat0", CAMERAS_CHOSEN, "usb-1:1@c-1:1.0 usb-1:1@c-3:1.0");
        expect(&all, "seat-dark", CAMERAS_NONE, "");
        expect(&all, "seat-nowhere", CAMERAS_NONE, "");
        expect(&all, "seat", CAMERAS_NONE, "");
}

/* A caller without a seat, as one at seat0. */
static void test_no_seat(void **state) {
        const Cameras all = { desk, ELEMENTSOF(desk) };

        expect(&all, NULL, CAMERAS_CHOSEN, "usb-1:1@c-1:1.0 usb-1:1@c-3:1.0");
        expect(&all, "", CAMERAS_CHOSEN, "usb-1:1@c-1:1.0 usb-1:1@c-3:1.0");
}

static void test_nothing_of_another_seat_instead(void **state) {
        const Cameras left = { desk + 1, 2 }, none = {};

        expect(&left, "seat-left", CAMERAS_CHOSEN, "usb-1:1@c-2:1.0");
        expect(&left, "seat0", CAMERAS_NONE, "");
        expect(&left, NULL, CAMERAS_NONE, "");
        expect(&none, NULL, CAMERAS_NONE, "");
        expect(&none, "seat-left", CAMERAS_NONE, "");
        pin(CAMERA_ROLE_FACE, "*");
        expect(&left, "seat0", CAMERAS_NONE, "");
}

/* The numbers of the nodes are those of whoever was plugged in first: nothing is decided by them. */
static void test_order(void **state) {
        Camera cameras[] = {
                SOFTWARE(0, "virtual@video0", CAMERA_VIRTUAL),
                CAMERA(1, "usb-8086:0b07@0000:00:14.0-8:1.2", NULL),
                CAMERA(2, "usb-8086:0b07@0000:00:14.0-8:1.0#1", NULL),
                CAMERA(3, "usb-8086:0b07@0000:00:14.0-8:1.0", NULL),
                CAMERA(4, "usb-046d:0825@0000:00:14.0-10:1.0", NULL),
                CAMERA(5, "usb-046d:0825@0000:00:14.0-9:1.0", NULL),
        };
        const Cameras all = { cameras, ELEMENTSOF(cameras) };

        expect(&all, NULL, CAMERAS_CHOSEN,
               "usb-046d:0825@0000:00:14.0-9:1.0 usb-046d:0825@0000:00:14.0-10:1.0 "
               "usb-8086:0b07@0000:00:14.0-8:1.0 usb-8086:0b07@0000:00:14.0-8:1.0#1 usb-8086:0b07@0000:00:14.0-8:1.2");

        policy.software_cameras = true;
        pin(CAMERA_ROLE_DOCUMENT, "usb-046d:*");
        for (unsigned rounds = 0; rounds < 100; rounds++) {
                Camera *a = &cameras[(size_t) rand() % all.n], *b = &cameras[(size_t) rand() % all.n], c = *a;

                *a = *b;
                *b = c;
                expect(&all, NULL, CAMERAS_CHOSEN,
                       "usb-8086:0b07@0000:00:14.0-8:1.0 usb-8086:0b07@0000:00:14.0-8:1.0#1 "
                       "usb-8086:0b07@0000:00:14.0-8:1.2 usb-046d:0825@0000:00:14.0-9:1.0 "
                       "usb-046d:0825@0000:00:14.0-10:1.0 virtual@video0");
        }
}

static void test_pinned(void **state) {
        Camera cameras[] = {
                CAMERA(0, "usb-046d:0825-AAA@0000:00:14.0-1:1.0", NULL),
                CAMERA(1, "usb-046d:0825-BBB@0000:00:14.0-2:1.0", NULL),
                CAMERA(2, "usb-046d:0825-BBB@0000:00:14.0-2:1.0#1", NULL),
                CAMERA(3, "pci-8086:5a88@0000:00:05.0", NULL),
                SOFTWARE(4, "virtual@video4", CAMERA_VIRTUAL),
        };
        const Cameras all = { cameras, ELEMENTSOF(cameras) };

        pin(CAMERA_ROLE_FACE, "usb-046d:0825-BBB@*");
        expect(&all, NULL, CAMERAS_CHOSEN,
               "usb-046d:0825-BBB@0000:00:14.0-2:1.0 usb-046d:0825-BBB@0000:00:14.0-2:1.0#1");
        pin(CAMERA_ROLE_FACE, "usb-046d:0825-BBB@*:1.0");
        expect(&all, NULL, CAMERAS_CHOSEN, "usb-046d:0825-BBB@0000:00:14.0-2:1.0");
        pin(CAMERA_ROLE_FACE, "*@0000:00:14.0-1:1.0");
        expect(&all, NULL, CAMERAS_CHOSEN, "usb-046d:0825-AAA@0000:00:14.0-1:1.0");
        pin(CAMERA_ROLE_FACE, "pci-*");
        expect(&all, NULL, CAMERAS_CHOSEN, "pci-8086:5a88@0000:00:05.0");
        pin(CAMERA_ROLE_FACE, "usb-046d:0825-[AC]??@*");
        expect(&all, NULL, CAMERAS_CHOSEN, "usb-046d:0825-AAA@0000:00:14.0-1:1.0");
        /* the whole name, and nothing instead */
        pin(CAMERA_ROLE_FACE, "usb-046d:0825");
        expect(&all, NULL, CAMERAS_NOT_PINNED, "");
        pin(CAMERA_ROLE_FACE, "usb-046d:0825-CCC@*");
        expect(&all, NULL, CAMERAS_NOT_PINNED, "");
        pin(CAMERA_ROLE_FACE, "virtual@video4");
        expect(&all, NULL, CAMERAS_SOFTWARE, "virtual@video4");
        policy.software_cameras = true;
        expect(&all, NULL, CAMERAS_CHOSEN, "virtual@video4");
}

/* Whatever is not hardware is refused, by its name, but only if there is nothing else. */
static void test_software(void **state) {
        static const CameraBacking not_hardware[] = { CAMERA_VIRTUAL, CAMERA_EMULATED, CAMERA_UNKNOWN_BUS };

        for (size_t i = 0; i < ELEMENTSOF(not_hardware); i++) {
                Camera cameras[] = {
                        SOFTWARE(0, "a", not_hardware[i]),
                        CAMERA(1, "b", NULL),
                };
                const Cameras both = { cameras, 2 }, software = { cameras, 1 };

                policy.software_cameras = false;
                expect(&both, NULL, CAMERAS_CHOSEN, "b");
                expect(&software, NULL, CAMERAS_SOFTWARE, "a");
                assert_false(camera_permitted(&cameras[0], &policy, CAMERA_ROLE_FACE));
                assert_true(camera_permitted(&cameras[1], &policy, CAMERA_ROLE_FACE));
                policy.software_cameras = true;
                expect(&both, NULL, CAMERAS_CHOSEN, "b a");
                expect(&software, NULL, CAMERAS_CHOSEN, "a");
                assert_true(camera_permitted(&cameras[0], &policy, CAMERA_ROLE_FACE));
        }
}

static void test_permitted(void **state) {
        const Camera camera = CAMERA(0, "usb-046d:0825@c-1:1.0", "seat-left"), other = METADATA(1, "pci-1:1@c", NULL);

        assert_true(camera_permitted(&camera, &policy, CAMERA_ROLE_FACE));
        assert_false(camera_permitted(&other, &policy, CAMERA_ROLE_FACE));
        pin(CAMERA_ROLE_FACE, "pci-*");
        assert_false(camera_permitted(&camera, &policy, CAMERA_ROLE_FACE));
        assert_true(camera_permitted(&camera, &policy, CAMERA_ROLE_DOCUMENT));
}

/* More than an order can name: the best of them. */
static void test_many(void **state) {
        Camera cameras[30];
        char names[30][32];
        const Cameras all = { cameras, ELEMENTSOF(cameras) };

        for (unsigned i = 0; i < all.n; i++) {
                cameras[i] = (Camera) { .node = names[i], .captures = true };
                (void) snprintf(cameras[i].identity.name, CAMERA_NAME_MAX, "usb@%u", (i * 7) % 30);
                (void) snprintf(names[i], sizeof(names[i]), "/dev/video%u", i);
        }
        expect(&all, NULL, CAMERAS_CHOSEN, "usb@0 usb@1 usb@2 usb@3 usb@4 usb@5 usb@6 usb@7");
}

static void expect_change(
                const Cameras *before, const Cameras *after, const char *seat, CameraChange change, const char *name) {

        const Camera *refused = NULL, *which = desk;
        CameraCandidates candidates = {};

        (void) cameras_choose(before, seat, &policy, CAMERA_ROLE_FACE, &candidates, &refused);
        assert_int_equal(cameras_compare(before, after, seat, &candidates, &which), change);
        if (name)
                assert_string_equal(which->identity.name, name);
        else
                assert_null(which);
        camera_candidates_free(&candidates);
}

static void test_changes(void **state) {
        static const Camera one[] = { CAMERA(0, "a", NULL), METADATA(1, "a#1", NULL) };
        static const Camera two[] = { CAMERA(0, "a", NULL), METADATA(1, "a#1", NULL), CAMERA(2, "b", NULL) };
        static const Camera software[] = { CAMERA(0, "a", NULL), SOFTWARE(3, "virtual@video3", CAMERA_VIRTUAL) };
        static const Camera elsewhere[] = { CAMERA(0, "a", NULL), CAMERA(2, "b", "seat-left") };
        const Cameras none = {}, a = { (Camera *) one, 2 }, ab = { (Camera *) two, 3 };
        const Cameras as = { (Camera *) software, 2 }, at = { (Camera *) elsewhere, 2 };

        expect_change(&a, &a, NULL, CAMERAS_SAME, NULL);
        expect_change(&none, &none, NULL, CAMERAS_SAME, NULL);
        expect_change(&a, &ab, NULL, CAMERAS_CHANGED, "b");
        expect_change(&none, &a, NULL, CAMERAS_CHANGED, "a");
        expect_change(&a, &none, NULL, CAMERAS_LOST, "a");
        expect_change(&ab, &a, NULL, CAMERAS_LOST, "b");       /* the examiner may have turned to it */
        expect_change(&a, &as, NULL, CAMERAS_CHANGED, "virtual@video3");
        expect_change(&as, &a, NULL, CAMERAS_CHANGED, "virtual@video3");
        /* what happens at another seat is of no concern, unless it came from this one */
        expect_change(&a, &at, NULL, CAMERAS_SAME, NULL);
        expect_change(&at, &a, NULL, CAMERAS_SAME, NULL);
        expect_change(&at, &a, "seat-left", CAMERAS_LOST, "b");
        expect_change(&ab, &at, NULL, CAMERAS_LOST, "b");
        /* a pinned one among others */
        pin(CAMERA_ROLE_FACE, "a");
        expect_change(&ab, &a, NULL, CAMERAS_CHANGED, "b");
        pin(CAMERA_ROLE_FACE, "b");
        expect_change(&ab, &none, NULL, CAMERAS_LOST, "b");
}

/* Under the same name there can be another one. */
static void test_exchanged(void **state) {
        const Camera original = CAMERA(0, "a", NULL);
        Camera other;
        const Cameras before = { (Camera *) &original, 1 }, after = { &other, 1 };

        other = original;
        other.since_usec++;            /* unplugged and plugged in */
        expect_change(&before, &after, NULL, CAMERAS_CHANGED, "a");
        other = original;
        other.number++;
        expect_change(&before, &after, NULL, CAMERAS_CHANGED, "a");
        other = original;
        other.node = (char *) "/dev/video7";
        expect_change(&before, &after, NULL, CAMERAS_CHANGED, "a");
        other = original;
        other.identity.backing = CAMERA_EMULATED;
        expect_change(&before, &after, NULL, CAMERAS_CHANGED, "a");
        other = original;
        (void) strcpy(other.identity.name, "b");
        expect_change(&before, &after, NULL, CAMERAS_LOST, "a");
        other = original;
        other.captures = false;
        expect_change(&before, &after, NULL, CAMERAS_LOST, "a");
        other = original;
        expect_change(&before, &after, NULL, CAMERAS_SAME, NULL);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup(test_own_seat_only, reset),
                cmocka_unit_test_setup(test_no_seat, reset),
                cmocka_unit_test_setup(test_nothing_of_another_seat_instead, reset),
                cmocka_unit_test_setup(test_order, reset),
                cmocka_unit_test_setup(test_pinned, reset),
                cmocka_unit_test_setup(test_software, reset),
                cmocka_unit_test_setup(test_permitted, reset),
                cmocka_unit_test_setup(test_many, reset),
                cmocka_unit_test_setup(test_changes, reset),
                cmocka_unit_test_setup(test_exchanged, reset),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}

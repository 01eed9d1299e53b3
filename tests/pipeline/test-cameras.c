/* SPDX-License-Identifier: Apache-2.0 */

/* The devices that udev knows (umockdev's, here), as the daemon reads them: node, seat, what it is. */

#include "cameras.h"
#include "macro.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <cmocka.h>
#include <umockdev.h>

static void add(UMockdevTestbed *bed, unsigned number, const char *subsystem, const char *properties) {
        char description[512];
        GError *error = NULL;

        (void) snprintf(description, sizeof(description),
                        "P: /devices/pci0/usb1/1-%u/%s/video%u\nN: video%u=00\nE: DEVNAME=/dev/video%u\n"
                        "E: SUBSYSTEM=%s\n%s\n",
                        number, subsystem, number, number, number, subsystem, properties);
        assert_true(umockdev_testbed_add_from_string(bed, description, &error));
}

static int setup(void **state) {
        UMockdevTestbed *bed = umockdev_testbed_new();

        add(bed, 10, "video4linux", "E: ID_V4L_CAPABILITIES=:capture:\n");
        add(bed, 2, "video4linux", "E: ID_V4L_CAPABILITIES=:capture:\nE: ID_SEAT=seat-left\n");
        add(bed, 3, "video4linux", "E: ID_V4L_CAPABILITIES=:\n");
        add(bed, 4, "video4linux", "E: ID_V4L_CAPABILITIES=:video_output:\n");
        add(bed, 5, "video4linux", "");
        add(bed, 1, "sound", "E: ID_V4L_CAPABILITIES=:capture:\n");
        *state = bed;
        return 0;
}

static int teardown(void **state) {
        g_object_unref(*state);
        return 0;
}

static void expect(const Camera *c, const char *node, const char *seat, bool captures) {
        assert_string_equal(c->node, node);
        if (seat)
                assert_string_equal(c->seat, seat);
        else
                assert_null(c->seat);
        assert_int_equal(c->captures, captures);
}

static void test_list(void **state) {
        Cameras c = {};

        assert_int_equal(cameras_list(&c), 0);
        assert_int_equal(c.n, 5);
        expect(&c.all[0], "/dev/video2", "seat-left", true);
        expect(&c.all[1], "/dev/video3", NULL, false);
        expect(&c.all[2], "/dev/video4", NULL, false);
        expect(&c.all[3], "/dev/video5", NULL, false);
        expect(&c.all[4], "/dev/video10", NULL, true);
        cameras_done(&c);
        assert_int_equal(c.n, 0);
}

static void test_find(void **state) {
        CameraCandidate left = {}, nowhere = {}, none = {};

        assert_int_equal(cameras_find("seat-left", &left), 0);
        assert_string_equal(left.node, "/dev/video2");
        assert_int_equal(cameras_find(NULL, &nowhere), 0);
        assert_string_equal(nowhere.node, "/dev/video10");
        assert_int_equal(cameras_find("seat-right", &none), -ENODEV);
        assert_null(none.node);
        camera_candidates_done(&left, 1);
        camera_candidates_done(&nowhere, 1);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_list),
                cmocka_unit_test(test_find),
        };
        const char *preloaded = getenv("LD_PRELOAD");

        if (!preloaded || !strstr(preloaded, "umockdev-preload")) {
                print_message("umockdev is not preloaded: no devices to test with\n");
                return 77;
        }
        return cmocka_run_group_tests(tests, setup, teardown);
}

/* SPDX-License-Identifier: Apache-2.0 */

/* What an examiner tells of cameras that it is asked to inspect: of several, of such as are busy, wedged, gone or
 * exchanged. */

#include "inspection.h"
#include "v4l2-mock.h"

#include <dirent.h>
#include <errno.h>
#include <linux/videodev2.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <cmocka.h>

#define COLOUR "usb-1d6b:0102-A1@0000:00:14.0-1:1.0"
#define INFRARED "usb-1d6b:0102-A1@0000:00:14.0-1:1.2"
#define METADATA COLOUR "#1"
#define LOOPBACK "virtual@video3"

#define PATIENCE_MSEC 10000
#define A_MOMENT_MSEC 300              /* in which what is not wedged is long through */

typedef struct Bed {
        V4l2Mock *colour, *infrared, *metadata, *loopback;
} Bed;

static void set_up_modes(Bed *b) {
        const MockConfig colour = {
                .modes = {
                        { V4L2_PIX_FMT_MJPEG, 1920, 1080, 30 },
                        { V4L2_PIX_FMT_YUYV, 640, 480, 15 },
                        { V4L2_PIX_FMT_YUYV, 640, 480, 30 },
                },
        };
        const MockConfig infrared = {
                .modes = { { V4L2_PIX_FMT_GREY, 640, 360, 15 }, { V4L2_PIX_FMT_Y16, 640, 360, 15 } },
        };

        v4l2_mock_configure(b->colour, &colour);
        v4l2_mock_configure(b->infrared, &infrared);
        v4l2_mock_configure(b->metadata, &(MockConfig) {});
        v4l2_mock_configure(b->loopback, &colour);
}

static int setup(void **state) {
        Bed *b = calloc(1, sizeof(*b));

        b->colour = v4l2_mock_new_at(&(MockPlace) { .serial = "A1" });
        if (!b->colour)
                return -1;
        b->infrared = v4l2_mock_add(b->colour, &(MockPlace) { .number = 1, .serial = "A1", .interface = 2 });
        b->metadata = v4l2_mock_add(b->colour,
                                    &(MockPlace) { .number = 2, .serial = "A1", .index = 1, .metadata = true });
        b->loopback = v4l2_mock_add(b->colour, &(MockPlace) { .number = 3, .software = true });
        *state = b;
        return b->infrared && b->metadata && b->loopback ? 0 : -1;
}

static int teardown(void **state) {
        Bed *b = *state;

        v4l2_mock_free(b->loopback);
        v4l2_mock_free(b->metadata);
        v4l2_mock_free(b->infrared);
        v4l2_mock_free(b->colour);
        free(b);
        return 0;
}

static InspectionOrder order_of(const char *const cameras[][2], size_t n, bool software) {
        InspectionOrder order = { .n_cameras = n, .software = software };

        for (size_t i = 0; i < n; i++)
                order.cameras[i] = (CameraCandidate) { .node = strdup(cameras[i][0]), .name = strdup(cameras[i][1]) };
        return order;
}

static void await(Inspection *i) {
        struct pollfd fd = { .fd = inspection_get_fd(i), .events = POLLIN };

        while (!inspection_is_done(i))
                assert_int_equal(poll(&fd, 1, PATIENCE_MSEC), 1);
}

static Inspection *inspect(const char *const cameras[][2], size_t n, bool software) {
        const InspectionOrder order = order_of(cameras, n, software);
        Inspection *i;

        assert_int_equal(inspection_new(&i, &order), 0);
        await(i);
        assert_int_equal(inspection_count(i), n);
        for (size_t k = 0; k < n; k++)
                assert_true(camera_report_valid(inspection_get_report(i, k)));
        return i;
}

static void expect_mode(
                const CameraReport *r, size_t n, uint32_t fourcc, uint32_t width, uint32_t height, uint32_t rate) {

        assert_true(n < r->n_modes);
        assert_int_equal(r->modes[n].fourcc, fourcc);
        assert_int_equal(r->modes[n].width, width);
        assert_int_equal(r->modes[n].height, height);
        assert_int_equal(r->modes[n].rate, rate);
}

static size_t devices_open(void) {
        DIR *fds = opendir("/proc/self/fd");
        size_t n = 0;

        for (const struct dirent *e = readdir(fds); e; e = readdir(fds)) {
                char path[64], target[256] = "";

                (void) snprintf(path, sizeof(path), "/proc/self/fd/%.20s", e->d_name);
                n += readlink(path, target, sizeof(target) - 1) > 0 && strstr(target, "/dev/video");
        }
        closedir(fds);
        return n;
}

static void test_modes(void **state) {
        static const char *const cameras[][2] = {
                { "/dev/video0", COLOUR }, { "/dev/video1", INFRARED }, { "/dev/video2", METADATA },
        };
        const CameraReport *r;
        Bed *b = *state;
        Inspection *i;

        set_up_modes(b);
        i = inspect(cameras, ELEMENTSOF(cameras), false);

        r = inspection_get_report(i, 0);
        assert_int_equal(r->outcome, OUTCOME_EXAMINED);
        assert_int_equal(r->n_modes, 2);
        expect_mode(r, 0, V4L2_PIX_FMT_MJPEG, 1920, 1080, 30000);
        expect_mode(r, 1, V4L2_PIX_FMT_YUYV, 640, 480, 30000); /* once, at its best */

        r = inspection_get_report(i, 1);
        assert_int_equal(r->outcome, OUTCOME_EXAMINED);
        expect_mode(r, 0, V4L2_PIX_FMT_GREY, 640, 360, 15000);
        expect_mode(r, 1, V4L2_PIX_FMT_Y16, 640, 360, 15000);

        assert_int_equal(inspection_get_report(i, 2)->outcome, OUTCOME_CAMERA_FORMAT);

        /* nothing was streamed and nothing is held */
        assert_false(v4l2_mock_streaming(b->colour));
        assert_false(v4l2_mock_streaming(b->infrared));
        inspection_free(i);
        assert_int_equal(devices_open(), 0);
}

static void test_busy(void **state) {
        static const char *const cameras[][2] = { { "/dev/video1", INFRARED }, { "/dev/video0", COLOUR } };
        Inspection *i;
        Bed *b = *state;

        set_up_modes(b);
        v4l2_mock_configure(b->infrared, &(MockConfig) {
                        .modes = { { V4L2_PIX_FMT_GREY, 640, 360, 15 } },
                        .set_format_error = EBUSY,
        });
        i = inspect(cameras, ELEMENTSOF(cameras), false);
        assert_int_equal(inspection_get_report(i, 0)->outcome, OUTCOME_CAMERA_BUSY);
        assert_int_equal(inspection_get_report(i, 0)->n_modes, 1);
        assert_int_equal(inspection_get_report(i, 1)->outcome, OUTCOME_EXAMINED);
        inspection_free(i);
}

/* The node leads to another camera than the one that is meant, or to none. */
static void test_identity(void **state) {
        static const char *const cameras[][2] = {
                { "/dev/video0", INFRARED }, { "/dev/video0", "" }, { "/dev/video9", COLOUR }, { "/dev/null", COLOUR },
                { "/dev/video0", COLOUR },
        };
        Inspection *i;

        set_up_modes(*state);
        i = inspect(cameras, ELEMENTSOF(cameras), true);
        assert_int_equal(inspection_get_report(i, 0)->outcome, OUTCOME_CAMERA_CHANGED);
        assert_int_equal(inspection_get_report(i, 1)->outcome, OUTCOME_CAMERA_CHANGED);
        assert_int_equal(inspection_get_report(i, 2)->outcome, OUTCOME_CAMERA_NONE);
        assert_int_equal(inspection_get_report(i, 3)->outcome, OUTCOME_CAMERA_CHANGED);
        assert_int_equal(inspection_get_report(i, 4)->outcome, OUTCOME_EXAMINED);
        inspection_free(i);
        assert_int_equal(devices_open(), 0);
}

static void test_software(void **state) {
        static const char *const cameras[][2] = { { "/dev/video3", LOOPBACK } };
        Inspection *i;

        set_up_modes(*state);
        i = inspect(cameras, ELEMENTSOF(cameras), false);
        assert_int_equal(inspection_get_report(i, 0)->outcome, OUTCOME_CAMERA_REFUSED);
        assert_int_equal(inspection_get_report(i, 0)->n_modes, 0);
        inspection_free(i);

        i = inspect(cameras, ELEMENTSOF(cameras), true);
        assert_int_equal(inspection_get_report(i, 0)->outcome, OUTCOME_EXAMINED);
        assert_int_equal(inspection_get_report(i, 0)->n_modes, 2);
        inspection_free(i);
}

/* The infrared one's driver does not come back from opening it. */
static void set_up_stuck(Bed *b) {
        set_up_modes(b);
        v4l2_mock_configure(b->infrared, &(MockConfig) {
                        .modes = { { V4L2_PIX_FMT_GREY, 640, 360, 15 } },
                        .fault = MOCK_FAULT_STUCK_OPENING,
        });
}

/* One whose driver does not come back does not keep the others from being told, and changes nothing when it does. */
static void test_stuck(void **state) {
        static const char *const cameras[][2] = { { "/dev/video1", INFRARED }, { "/dev/video0", COLOUR } };
        const InspectionOrder order = order_of(cameras, ELEMENTSOF(cameras), false);
        struct pollfd fd = { .events = POLLIN };
        Inspection *i;
        Bed *b = *state;

        set_up_stuck(b);
        assert_int_equal(inspection_new(&i, &order), 0);
        fd.fd = inspection_get_fd(i);
        assert_int_equal(poll(&fd, 1, A_MOMENT_MSEC), 0);
        assert_true(v4l2_mock_stuck(b->infrared));

        assert_int_equal(inspection_skip(i), 0);
        await(i);
        assert_int_equal(inspection_get_report(i, 0)->outcome, OUTCOME_CAMERA_STUCK);
        assert_int_equal(inspection_get_report(i, 1)->outcome, OUTCOME_EXAMINED);
        assert_int_equal(inspection_get_report(i, 1)->n_modes, 2);

        v4l2_mock_release(b->infrared);
        assert_int_equal(poll(NULL, 0, A_MOMENT_MSEC), 0);
        assert_true(inspection_is_done(i));
        assert_int_equal(inspection_get_report(i, 0)->outcome, OUTCOME_CAMERA_STUCK);
        assert_int_equal(inspection_get_report(i, 0)->n_modes, 0);
        inspection_free(i);            /* is left behind */
}

/* The first one answers at the last moment, when its time is up already: that is not the second one's. */
static void test_answers_at_the_last_moment(void **state) {
        static const char *const cameras[][2] = { { "/dev/video0", COLOUR }, { "/dev/video1", INFRARED } };
        const InspectionOrder order = order_of(cameras, ELEMENTSOF(cameras), false);
        struct pollfd fd = { .events = POLLIN };
        Inspection *i;
        Bed *b = *state;

        set_up_stuck(b);
        assert_int_equal(inspection_new(&i, &order), 0);
        fd.fd = inspection_get_fd(i);
        assert_int_equal(poll(&fd, 1, PATIENCE_MSEC), 1);
        while (!v4l2_mock_stuck(b->infrared))
                (void) poll(NULL, 0, 10);

        assert_int_equal(inspection_skip(i), 0);
        assert_false(inspection_is_done(i));
        v4l2_mock_release(b->infrared);
        await(i);
        assert_int_equal(inspection_get_report(i, 0)->outcome, OUTCOME_EXAMINED);
        assert_int_equal(inspection_get_report(i, 1)->outcome, OUTCOME_CAMERA_FORMAT); /* released with an error */
        inspection_free(i);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_modes),
                cmocka_unit_test(test_busy),
                cmocka_unit_test(test_identity),
                cmocka_unit_test(test_software),
                cmocka_unit_test(test_answers_at_the_last_moment),
                cmocka_unit_test(test_stuck),
        };
        const char *preloaded = getenv("LD_PRELOAD");

        if (!preloaded || !strstr(preloaded, "umockdev-preload")) {
                print_message("umockdev is not preloaded: no devices to test with\n");
                return 77;
        }
        return cmocka_run_group_tests(tests, setup, teardown);
}

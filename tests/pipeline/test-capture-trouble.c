/* SPDX-License-Identifier: Apache-2.0 */

/* What can be wrong with a camera, and that each is told as what it is; which of several cameras is used; that it is the
 * one that was chosen; how it is mounted; and that nothing is left of it. All with GStreamer's real v4l2src. How soon
 * each is told is tested by a clock of their own: tests/unit/test-capture-flow.c, tests/unit/test-capture-picture.c. */

#include "capture.h"
#include "clock.h"
#include "macro.h"
#include "numbered.h"

#include <dirent.h>
#include <errno.h>
#include <linux/videodev2.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

#include <cmocka.h>

/* Long enough for the slowest machine; nothing here takes as long unless it fails. */
#define PATIENCE (UINT64_C(30) * USEC_PER_SEC)

#define OTHER_DEVICE "/dev/video1"
#define OTHER_NAME "usb-1d6b:0102-MOCK0002@0000:00:14.0-2:1.0"
#define SOFTWARE_DEVICE "/dev/video2"
#define SOFTWARE_NAME "virtual@video2"

typedef struct Bed {
        V4l2Mock *mock, *other, *software;
        Bytes numbered[NUMBERED_FRAMES];
} Bed;

static const MockMode mjpeg = { V4L2_PIX_FMT_MJPEG, 640, 480, 30 }, yuyv = { V4L2_PIX_FMT_YUYV, 640, 480, 30 },
                      nv12 = { V4L2_PIX_FMT_NV12, 640, 480, 30 }, grey = { V4L2_PIX_FMT_GREY, 640, 480, 30 };

static CameraCandidate first = { (char *) MOCK_DEVICE, (char *) MOCK_NAME },
                       second = { (char *) OTHER_DEVICE, (char *) OTHER_NAME },
                       made_up = { (char *) SOFTWARE_DEVICE, (char *) SOFTWARE_NAME };

static void need_mock(Bed *bed) {
        if (bed->mock)
                return;
        print_message("umockdev is not preloaded: no camera to test with\n");
        skip();
}

static void configure(Bed *bed, MockMode mode, MockConfig config) {
        config.modes[0] = mode;
        if (mode.fourcc == V4L2_PIX_FMT_MJPEG) {
                config.frames = bed->numbered;
                config.n_frames = NUMBERED_FRAMES;
        }
        v4l2_mock_configure(bed->mock, &config);
}

static Outcome open_one(const CameraCandidate *camera, Capture **ret) {
        const CaptureSetup setup = { .cameras = camera, .n_cameras = 1 };
        Outcome outcome = OUTCOME_EXAMINED;
        size_t used;

        return capture_new(ret, &setup, &used, &outcome) < 0 ? outcome : OUTCOME_EXAMINED;
}

/* Reads until there is trouble; returns which, and how many pictures there were before. */
static Outcome read_on(Capture *c, unsigned *ret_n) {
        Outcome outcome = OUTCOME_EXAMINED;
        Frame frame;
        int r;

        *ret_n = 0;
        while ((r = capture_next(c, PATIENCE, &frame, &outcome)) == 1) {
                frame_release(&frame);
                if (++*ret_n == 300)
                        return OUTCOME_EXAMINED;
        }
        assert_int_equal(r, -EIO);
        /* and so it stays */
        Outcome again = OUTCOME_EXAMINED;
        assert_int_equal(capture_next(c, PATIENCE, &frame, &again), -EIO);
        assert_int_equal(again, outcome);
        return capture_explain(c, outcome);
}

static void test_every_trouble(void **state) {
        static const struct {
                const char *what;
                MockMode mode;
                MockFault fault;
                uint32_t after;
                Outcome outcome;
        } cases[] = {
                { "silent", mjpeg, MOCK_FAULT_SILENT, 0, OUTCOME_CAMERA_SILENT },
                { "silent later", mjpeg, MOCK_FAULT_SILENT, 10, OUTCOME_CAMERA_LOST },
                { "cut off", mjpeg, MOCK_FAULT_CUT_OFF, 0, OUTCOME_CAMERA_DAMAGED },
                { "cut off later", mjpeg, MOCK_FAULT_CUT_OFF, 10, OUTCOME_CAMERA_DAMAGED },
                { "scrambled", mjpeg, MOCK_FAULT_SCRAMBLED, 0, OUTCOME_CAMERA_DAMAGED },
                { "scrambled later", mjpeg, MOCK_FAULT_SCRAMBLED, 10, OUTCOME_CAMERA_DAMAGED },
                { "other size", mjpeg, MOCK_FAULT_OTHER_SIZE, 0, OUTCOME_CAMERA_SIZE },
                { "other size later", mjpeg, MOCK_FAULT_OTHER_SIZE, 10, OUTCOME_CAMERA_SIZE },
                /* v4l2src throws them away, as uvcvideo does before it, and nobody is told that there was anything */
                { "other size, raw", yuyv, MOCK_FAULT_OTHER_SIZE, 0, OUTCOME_CAMERA_SILENT },
                { "cut off, raw", yuyv, MOCK_FAULT_CUT_OFF, 10, OUTCOME_CAMERA_LOST },
                { "frozen", mjpeg, MOCK_FAULT_FROZEN, 0, OUTCOME_CAMERA_FROZEN },
                { "frozen later", mjpeg, MOCK_FAULT_FROZEN, 10, OUTCOME_CAMERA_FROZEN },
                { "frozen, raw", yuyv, MOCK_FAULT_FROZEN, 10, OUTCOME_CAMERA_FROZEN },
                { "covered", mjpeg, MOCK_FAULT_COVERED, 0, OUTCOME_CAMERA_COVERED },
                { "covered later", yuyv, MOCK_FAULT_COVERED, 10, OUTCOME_CAMERA_COVERED },
                { "covered, NV12", nv12, MOCK_FAULT_COVERED, 0, OUTCOME_CAMERA_COVERED },
                { "covered, grey", grey, MOCK_FAULT_COVERED, 0, OUTCOME_CAMERA_COVERED },
                { "stale", yuyv, MOCK_FAULT_STALE, 0, OUTCOME_CAMERA_FROZEN },
                { "always the same time", yuyv, MOCK_FAULT_SAME_TIME, 10, OUTCOME_CAMERA_FROZEN },
                { "I/O error", yuyv, MOCK_FAULT_IO, 0, OUTCOME_CAMERA_SILENT },
                { "I/O error later", yuyv, MOCK_FAULT_IO, 10, OUTCOME_CAMERA_LOST },
                { "other format", yuyv, MOCK_FAULT_OTHER_FORMAT, 0, OUTCOME_CAMERA_FORMAT },
                { "says one size and sets another", yuyv, MOCK_FAULT_LIES, 0, OUTCOME_CAMERA_SIZE },
        };
        Bed *bed = *state;
        unsigned wrong = 0;

        need_mock(bed);
        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                MockConfig config = { .fault = cases[i].fault, .fault_after = cases[i].after };
                uint64_t began = now_monotonic_usec();
                Outcome outcome;
                unsigned n = 0;
                Capture *c;

                if (cases[i].fault == MOCK_FAULT_OTHER_FORMAT)
                        config.modes[1] = (MockMode) { V4L2_PIX_FMT_H264, 640, 480, 30 };
                configure(bed, cases[i].mode, config);
                outcome = open_one(&first, &c);
                if (outcome == OUTCOME_EXAMINED) {
                        outcome = read_on(c, &n);
                        (void) capture_free(c);
                }
                print_message("%s: outcome %d after %u pictures, %u ms\n", cases[i].what, outcome, n,
                              (unsigned) ((now_monotonic_usec() - began) / USEC_PER_MSEC));
                wrong += outcome != cases[i].outcome ||
                         (cases[i].after == 0 && cases[i].fault != MOCK_FAULT_FROZEN && n > 0);
                assert_true(v4l2_mock_closed(bed->mock));
        }
        assert_int_equal(wrong, 0);
}

/* A sensor's first pictures are green, then dark, then brighter and brighter: none of them is handed out. */
static void test_waking(void **state) {
        const MockMode modes[] = { yuyv, nv12, grey };
        Bed *bed = *state;

        need_mock(bed);
        for (size_t i = 0; i < ELEMENTSOF(modes); i++) {
                Outcome outcome;
                Capture *c;
                Frame frame;

                configure(bed, modes[i], (MockConfig) { .waking = 18 });
                assert_int_equal(open_one(&first, &c), OUTCOME_EXAMINED);
                assert_int_equal(capture_next(c, PATIENCE, &frame, &outcome), 1);
                assert_true(capture_count(c) > 18);
                frame_release(&frame);
                (void) capture_free(c);
        }
}

/* What a driver has left of an earlier stream is dropped; time stamps that it puts back are replaced. */
static void test_time_stamps(void **state) {
        static const MockConfig configs[] = {
                { .fault = MOCK_FAULT_STALE, .fault_until = 5 },
                { .fault = MOCK_FAULT_STALE, .fault_after = 10 },
        };
        Bed *bed = *state;

        need_mock(bed);
        for (size_t i = 0; i < ELEMENTSOF(configs); i++) {
                uint64_t last = now_monotonic_usec();
                Outcome outcome;
                Capture *c;

                configure(bed, yuyv, configs[i]);
                assert_int_equal(open_one(&first, &c), OUTCOME_EXAMINED);
                for (unsigned n = 0; n < 20; n++) {
                        Frame frame;

                        if (capture_next(c, PATIENCE, &frame, &outcome) != 1)
                                fail_msg("stamps %zu: outcome %d at picture %u", i, outcome, n);
                        assert_true(frame.image.timestamp_usec > last);
                        assert_true(frame.image.timestamp_usec <= now_monotonic_usec());
                        assert_true(n > 0 || capture_count(c) > configs[i].fault_until);
                        last = frame.image.timestamp_usec;
                        frame_release(&frame);
                }
                (void) capture_free(c);
        }
}

/* The descriptor is asked, not the path. */
static void test_identity(void **state) {
        CameraCandidate wrong_name = { first.node, second.name }, no_name = { first.node, (char *) "" };
        CameraCandidate elsewhere = { second.node, first.name };
        Bed *bed = *state;
        Capture *c;

        need_mock(bed);
        configure(bed, yuyv, (MockConfig) {});
        v4l2_mock_configure(bed->other, &(MockConfig) { .modes = { yuyv } });
        v4l2_mock_configure(bed->software, &(MockConfig) { .modes = { yuyv } });

        assert_int_equal(open_one(&wrong_name, &c), OUTCOME_CAMERA_CHANGED);
        assert_int_equal(open_one(&no_name, &c), OUTCOME_CAMERA_CHANGED);
        assert_int_equal(open_one(&second, &c), OUTCOME_EXAMINED);
        c = capture_free(c);

        /* exchanged between the choice and the opening: by another camera, and by one that only seems to be the same */
        assert_true(v4l2_mock_swap(bed->mock, bed->other));
        assert_int_equal(open_one(&first, &c), OUTCOME_CAMERA_CHANGED);
        assert_true(v4l2_mock_swap(bed->mock, bed->software));
        assert_int_equal(open_one(&first, &c), OUTCOME_CAMERA_CHANGED);
        assert_true(v4l2_mock_swap(bed->mock, NULL));
        /* or the right one, by a node that leads to another one by now */
        assert_true(v4l2_mock_swap(bed->other, bed->mock));
        assert_int_equal(open_one(&elsewhere, &c), OUTCOME_CAMERA_CHANGED);
        assert_true(v4l2_mock_swap(bed->other, NULL));
        v4l2_mock_set_serial(bed->mock, "MOCK0009");
        assert_int_equal(open_one(&first, &c), OUTCOME_CAMERA_CHANGED);
        v4l2_mock_set_serial(bed->mock, "MOCK0001");
        assert_int_equal(open_one(&first, &c), OUTCOME_EXAMINED);

        /* and while it is open */
        assert_int_equal(capture_check(c), OUTCOME_EXAMINED);
        v4l2_mock_set_serial(bed->mock, "MOCK0009");
        assert_int_equal(capture_check(c), OUTCOME_CAMERA_CHANGED);
        v4l2_mock_set_serial(bed->mock, "MOCK0001");
        assert_int_equal(capture_check(c), OUTCOME_EXAMINED);
        c = capture_free(c);
        assert_true(v4l2_mock_closed(bed->mock));
}

static void test_software(void **state) {
        CaptureSetup setup = { .cameras = &made_up, .n_cameras = 1 };
        Bed *bed = *state;
        Outcome outcome;
        Capture *c;
        size_t used;

        need_mock(bed);
        v4l2_mock_configure(bed->software, &(MockConfig) { .modes = { yuyv } });
        assert_int_equal(capture_new(&c, &setup, &used, &outcome), -EIO);
        assert_int_equal(outcome, OUTCOME_CAMERA_REFUSED);
        assert_true(v4l2_mock_closed(bed->software));

        setup.software = true;
        assert_int_equal(capture_new(&c, &setup, &used, &outcome), 0);
        assert_int_equal(capture_check(c), OUTCOME_EXAMINED);
        c = capture_free(c);
}

/* What is opened of two, in this order: the index, or the trouble with its index. */
static void assert_choice(Bed *bed, const MockConfig *one, const MockConfig *two, size_t camera, Outcome expected) {
        const CameraCandidate both[] = { first, second };
        const CaptureSetup setup = { .cameras = both, .n_cameras = 2 };
        Outcome outcome = OUTCOME_EXAMINED;
        Capture *c = NULL;
        size_t used;
        int r;

        v4l2_mock_configure(bed->mock, one);
        v4l2_mock_configure(bed->other, two);
        r = capture_new(&c, &setup, &used, &outcome);
        assert_int_equal(r < 0 ? outcome : OUTCOME_EXAMINED, expected);
        assert_int_equal(used, camera);
        (void) capture_free(c);
        assert_true(v4l2_mock_closed(bed->mock));
        assert_true(v4l2_mock_closed(bed->other));
}

static void test_candidates(void **state) {
        const MockConfig colour = { .modes = { yuyv } }, infrared = { .modes = { grey } },
                         useless = { .modes = { { V4L2_PIX_FMT_H264, 640, 480, 30 } } },
                         metadata = { .no_capture = true };
        const CameraCandidate absent[] = { { (char *) "/dev/video9", first.name }, second };
        const CaptureSetup setup = { .cameras = absent, .n_cameras = 2 };
        Outcome outcome = OUTCOME_EXAMINED;
        Bed *bed = *state;
        Capture *c = NULL;
        size_t used;

        need_mock(bed);
        assert_choice(bed, &colour, &colour, 0, OUTCOME_EXAMINED);
        assert_choice(bed, &infrared, &colour, 1, OUTCOME_EXAMINED);
        assert_choice(bed, &useless, &colour, 1, OUTCOME_EXAMINED);
        assert_choice(bed, &metadata, &colour, 1, OUTCOME_EXAMINED);
        assert_choice(bed, &infrared, &infrared, 0, OUTCOME_EXAMINED);
        assert_choice(bed, &useless, &infrared, 1, OUTCOME_EXAMINED);
        assert_choice(bed, &useless, &metadata, 0, OUTCOME_CAMERA_FORMAT);

        /* no silent change to another one */
        v4l2_mock_configure(bed->other, &colour);
        assert_int_equal(capture_new(&c, &setup, &used, &outcome), -ENOENT);
        assert_int_equal(outcome, OUTCOME_CAMERA_NONE);
        assert_int_equal(used, 0);
}

/* The quadrants of the test picture by their brightness: 0 red, 1 green, 2 blue, 3 yellow (above left, above right,
 * below left, below right, as they were taken). */
static unsigned quadrant_at(const Image *image, uint32_t x, uint32_t y) {
        static const unsigned luma[] = { 83, 126, 43, 186 };
        const size_t step = image->format == PIXEL_FORMAT_YUY2 ? 2 : 1;
        unsigned value = image->plane[0][y * image->stride[0] + x * step], nearest = 0;

        for (unsigned i = 0; i < ELEMENTSOF(luma); i++)
                if (abs((int) luma[i] - (int) value) < abs((int) luma[nearest] - (int) value))
                        nearest = i;
        return nearest;
}

/* As the camera is mounted: what is above left, above right, below left, below right in the picture that is judged. */
static void test_views(void **state) {
        static const unsigned expected[_CAMERA_VIEW_ALL + 1][4] = {
                [0] = { 0, 1, 2, 3 },
                [1] = { 2, 0, 3, 1 },
                [2] = { 3, 2, 1, 0 },
                [3] = { 1, 3, 0, 2 },
                [CAMERA_VIEW_MIRRORED] = { 1, 0, 3, 2 },
                [CAMERA_VIEW_MIRRORED | 1] = { 3, 1, 2, 0 },
                [CAMERA_VIEW_MIRRORED | 2] = { 2, 3, 0, 1 },
                [CAMERA_VIEW_MIRRORED | 3] = { 0, 2, 1, 3 },
        };
        const MockMode modes[] = { mjpeg, yuyv, nv12, grey };
        JpegKind kind = { .width = 640, .height = 480, .luma_across = 2, .luma_down = 1 };
        Bytes quadrants[2];
        Bed *bed = *state;

        need_mock(bed);
        for (size_t i = 0; i < ELEMENTSOF(quadrants); i++) {
                /* two that are not the same to the last bit */
                kind.quality = i == 0 ? 95 : 40;
                quadrants[i] = picture_jpeg(&kind);
        }
        for (size_t i = 0; i < ELEMENTSOF(modes); i++)
                for (unsigned view = 0; view <= _CAMERA_VIEW_ALL; view++) {
                        const CaptureSetup setup = { .cameras = &first, .n_cameras = 1, .view = view };
                        const MockConfig config = { .modes = { modes[i] }, .frames = quadrants, .n_frames = 2 };
                        const bool sideways = view % 2 == 1;
                        Outcome outcome;
                        Capture *c;
                        Frame frame;
                        size_t used;

                        v4l2_mock_configure(bed->mock, &config);
                        assert_int_equal(capture_new(&c, &setup, &used, &outcome), 0);
                        assert_int_equal(capture_next(c, PATIENCE, &frame, &outcome), 1);
                        assert_int_equal(frame.image.width, sideways ? 480 : 640);
                        assert_int_equal(frame.image.height, sideways ? 640 : 480);
                        for (unsigned corner = 0; corner < 4; corner++)
                                assert_int_equal(quadrant_at(&frame.image,
                                                             frame.image.width * (1 + 2 * (corner % 2)) / 4,
                                                             frame.image.height * (1 + 2 * (corner / 2)) / 4),
                                                 expected[view][corner]);
                        frame_release(&frame);
                        (void) capture_free(c);
                }
        bytes_done(&quadrants[0]);
        bytes_done(&quadrants[1]);
}

/* Also from a camera that is mounted in another way than upright. */
static void test_cut_off_and_turned(void **state) {
        Bed *bed = *state;

        need_mock(bed);
        for (unsigned view = 1; view <= _CAMERA_VIEW_ALL; view++) {
                const CaptureSetup setup = { .cameras = &first, .n_cameras = 1, .view = view };
                Outcome outcome;
                size_t used;
                unsigned n;
                Capture *c;

                configure(bed, mjpeg, (MockConfig) { .fault = MOCK_FAULT_CUT_OFF });
                assert_int_equal(capture_new(&c, &setup, &used, &outcome), 0);
                assert_int_equal(read_on(c, &n), OUTCOME_CAMERA_DAMAGED);
                assert_int_equal(n, 0);
                (void) capture_free(c);
        }
}

static void *release_later(void *userdata) {
        Bed *bed = userdata;

        while (!v4l2_mock_stuck(bed->mock))
                (void) usleep(10000);
        (void) usleep(300000);
        v4l2_mock_release(bed->mock);
        return NULL;
}

/* A driver that does not come back from reading is told as silence; whoever closes waits for it, and gets away when it
 * comes back. (That nobody waits longer than three seconds is the examiner's work: tests/bus/test_camera_trouble.py) */
static void test_stuck(void **state) {
        static const MockFault faults[] = { MOCK_FAULT_STUCK, MOCK_FAULT_STUCK_CLOSING };
        Bed *bed = *state;

        need_mock(bed);
        for (size_t i = 0; i < ELEMENTSOF(faults); i++) {
                Outcome outcome = OUTCOME_EXAMINED;
                pthread_t thread;
                Capture *c;
                Frame frame;
                int r;

                configure(bed, yuyv, (MockConfig) { .fault = faults[i], .fault_after = 10 });
                assert_int_equal(open_one(&first, &c), OUTCOME_EXAMINED);
                assert_int_equal(pthread_create(&thread, NULL, release_later, bed), 0);
                do {
                        r = capture_next(c, PATIENCE, &frame, &outcome);
                        if (r == 1)
                                frame_release(&frame);
                } while (r == 1 && faults[i] == MOCK_FAULT_STUCK);
                assert_int_equal(outcome, faults[i] == MOCK_FAULT_STUCK ? OUTCOME_CAMERA_LOST : OUTCOME_EXAMINED);
                c = capture_free(c);
                assert_int_equal(pthread_join(thread, NULL), 0);
        }
}

static unsigned entries(const char *path) {
        DIR *directory = opendir(path);
        unsigned n = 0;

        assert_non_null(directory);
        while (readdir(directory))
                n++;
        (void) closedir(directory);
        return n;
}

/* Opened, a picture, closed; now and then without a picture, and in another format. */
static void test_no_growth(void **state) {
        const MockMode modes[] = { { V4L2_PIX_FMT_YUYV, 320, 240, 240 }, { V4L2_PIX_FMT_MJPEG, 640, 480, 240 },
                                   { V4L2_PIX_FMT_NV12, 320, 240, 240 }, { V4L2_PIX_FMT_GREY, 320, 240, 240 } };
        unsigned descriptors = 0, threads = 0;
        size_t memory = 0;
        Bed *bed = *state;

        need_mock(bed);
        for (unsigned i = 0; i < 500; i++) {
                Outcome outcome;
                Capture *c;
                Frame frame;

                configure(bed, modes[i % ELEMENTSOF(modes)], (MockConfig) {});
                assert_int_equal(open_one(&first, &c), OUTCOME_EXAMINED);
                if (i % 5 != 0) {
                        assert_int_equal(capture_next(c, PATIENCE, &frame, &outcome), 1);
                        frame_release(&frame);
                }
                c = capture_free(c);
                assert_true(v4l2_mock_closed(bed->mock));
                if (i == 50) {
                        descriptors = entries("/proc/self/fd");
                        threads = entries("/proc/self/task");
                        memory = resident_kib();
                }
        }
        print_message("450 cycles: %d descriptors, %d threads, %ld KiB more\n",
                      (int) entries("/proc/self/fd") - (int) descriptors,
                      (int) entries("/proc/self/task") - (int) threads, (long) resident_kib() - (long) memory);
        /* the mock, in the same process, closes its ends a little later */
        assert_true(entries("/proc/self/fd") <= descriptors + 20);
        assert_true(entries("/proc/self/task") <= threads + 1);
        /* the smallest picture kept of each would be 33 MiB; half a kibibyte of each is a quarter of a mebibyte */
        assert_true(resident_kib() < memory + 2048);
}

static int bed_up(void **state) {
        Bed *bed = calloc(1, sizeof(*bed));

        assert_non_null(bed);
        numbered_make(bed->numbered);
        bed->mock = v4l2_mock_new();
        if (bed->mock) {
                bed->other = v4l2_mock_add(bed->mock, &(MockPlace) { .number = 1, .port = 2, .serial = "MOCK0002" });
                bed->software = v4l2_mock_add(bed->mock, &(MockPlace) { .number = 2, .software = true });
        }
        *state = bed;
        return capture_library_init();
}

static int bed_down(void **state) {
        Bed *bed = *state;

        (void) v4l2_mock_free(bed->software);
        (void) v4l2_mock_free(bed->other);
        (void) v4l2_mock_free(bed->mock);
        numbered_done(bed->numbered);
        free(bed);
        return 0;
}

int main(int argc, char **argv) {
        static const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_every_trouble),
                cmocka_unit_test(test_waking),
                cmocka_unit_test(test_time_stamps),
                cmocka_unit_test(test_identity),
                cmocka_unit_test(test_software),
                cmocka_unit_test(test_candidates),
                cmocka_unit_test(test_views),
                cmocka_unit_test(test_cut_off_and_turned),
                cmocka_unit_test(test_stuck),
                cmocka_unit_test(test_no_growth),
        };

        if (argc > 1)
                cmocka_set_test_filter(argv[1]);
        return cmocka_run_group_tests(tests, bed_up, bed_down);
}

/* SPDX-License-Identifier: Apache-2.0 */

#include "capture-mode.h"
#include "macro.h"
#include "pictures.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

/* What cameras offer, and what is to be chosen; NULL for nothing. */
static const struct {
        const char *offered, *chosen;
} cases[] = {
        /* A plain USB camera: MJPEG up to 1080p, uncompressed only when small or slow. */
        { "image/jpeg, width=1920, height=1080, framerate={ (fraction)30/1, (fraction)15/1 };"
          "image/jpeg, width=1280, height=720, framerate={ (fraction)30/1, (fraction)15/1 };"
          "image/jpeg, width=640, height=480, framerate=(fraction)30/1;"
          "video/x-raw, format=YUY2, width=1280, height=720, framerate=(fraction)10/1;"
          "video/x-raw, format=YUY2, width=640, height=480, framerate=(fraction)30/1",
                        "image/jpeg, width=1280, height=720, framerate=30/1" },
        /* The same size both ways: uncompressed. */
        { "image/jpeg, width=640, height=480, framerate=(fraction)30/1;"
          "video/x-raw, format=YUY2, width=640, height=480, framerate=(fraction)30/1",
                        "video/x-raw, width=640, height=480, framerate=30/1, format=YUY2" },
        /* Fast and small before large and slow. */
        { "video/x-raw, format=YUY2, width=1280, height=720, framerate=(fraction)10/1;"
          "video/x-raw, format=NV12, width=320, height=240, framerate=(fraction)30/1",
                        "video/x-raw, width=320, height=240, framerate=30/1, format=NV12" },
        /* All slow: the fastest, and what it can do at most. */
        { "video/x-raw, format=YUY2, width=1280, height=720, framerate={ (fraction)5/1, (fraction)10/1 };"
          "video/x-raw, format=YUY2, width=640, height=480, framerate={ (fraction)15/1, (fraction)20/1 }",
                        "video/x-raw, width=640, height=480, framerate=20/1, format=YUY2" },
        { "video/x-raw, format=YUY2, width=1280, height=720, framerate={ (fraction)1/1, (fraction)9/2 }", NULL },
        /* Nearest to 30, but never below 24 for it. */
        { "image/jpeg, width=1280, height=720, framerate={ (fraction)60/1, (fraction)23/1 }",
                        "image/jpeg, width=1280, height=720, framerate=60/1" },
        { "image/jpeg, width=1280, height=720, framerate={ (fraction)60/1, (fraction)25/1, (fraction)120/1 "
          "}",
                        "image/jpeg, width=1280, height=720, framerate=25/1" },
        { "image/jpeg, width=640, height=480, framerate=(fraction)30000/1001",
                        "image/jpeg, width=640, height=480, framerate=30000/1001" },
        /* Ranges, as of virtual and industrial cameras. */
        { "video/x-raw, format={ NV12, I420 }, width=[ 2, 8192, 2 ], height=[ 2, 8192, 2 ],"
          "framerate=(fraction)[ 0/1, 100/1 ]",
                        "video/x-raw, width=1280, height=720, framerate=30/1, format=NV12" },
        { "video/x-raw, format=YUY2, width=[ 48, 640 ], height=[ 32, 360 ], framerate=(fraction)[ 1/1, 30/1 "
          "]",
                        "video/x-raw, width=640, height=360, framerate=30/1, format=YUY2" },
        /* Colour before grey, even slow; grey if there is nothing else. */
        { "video/x-raw, format=GRAY8, width=1280, height=720, framerate=(fraction)30/1;"
          "video/x-raw, format=YUY2, width=640, height=480, framerate=(fraction)15/1",
                        "video/x-raw, width=640, height=480, framerate=15/1, format=YUY2" },
        { "video/x-raw, format=GRAY8, width=340, height=340, framerate=(fraction)30/1;"
          "video/x-raw, format=GRAY16_LE, width=640, height=480, framerate=(fraction)30/1",
                        "video/x-raw, width=340, height=340, framerate=30/1, format=GRAY8" },
        /* Only the large one: it is taken; beyond the limit it is not. */
        { "image/jpeg, width=3840, height=2160, framerate=(fraction)30/1",
                        "image/jpeg, width=3840, height=2160, framerate=30/1" },
        { "image/jpeg, width=8000, height=6000, framerate=(fraction)30/1", NULL },
        { "image/jpeg, width=16, height=16, framerate=(fraction)30/1", NULL },
        /* Nothing that we read. */
        { "video/x-h264, width=1280, height=720, framerate=(fraction)30/1;"
          "video/x-raw, format=RGB, width=640, height=480, framerate=(fraction)30/1",
                        NULL },
        { "video/x-raw, format=YUY2, interlace-mode=interleaved, width=640, height=480, "
          "framerate=(fraction)30/1",
                        NULL },
        { "EMPTY", NULL },
};

static void test_choose(void **state) {
        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                GstCaps *offered = gst_caps_from_string(cases[i].offered), *chosen, *expected;

                assert_non_null(offered);
                chosen = capture_mode_choose(offered);
                gst_caps_unref(offered);

                if (!cases[i].chosen) {
                        assert_null(chosen);
                        continue;
                }

                assert_non_null(chosen);
                assert_true(gst_caps_is_fixed(chosen));
                expected = gst_caps_from_string(cases[i].chosen);
                if (!gst_caps_is_equal(chosen, expected))
                        fail_msg("of %s: %s, not %s", cases[i].offered, gst_caps_to_string(chosen),
                                        cases[i].chosen);
                gst_caps_unref(expected);
                gst_caps_unref(chosen);
        }
}

static bool plausible(Bytes b) {
        JpegSize size = {};
        bool result = capture_jpeg_plausible(b.data, b.size, &size);

        bytes_done(&b);
        return result;
}

static void test_jpeg_plausible(void **state) {
        Bytes b = picture_jpeg(&(JpegKind){ .width = 640, .height = 480 });
        JpegSize size = {};

        assert_true(capture_jpeg_plausible(b.data, b.size, &size));
        assert_int_equal(size.width, 640);
        assert_int_equal(size.height, 480);
        bytes_done(&b);

        assert_true(plausible(picture_jpeg(&(JpegKind){ .width = 640, .height = 480, .orientation = 1 })));
        assert_true(plausible(picture_jpeg(&(JpegKind){ .width = 640, .height = 480, .grey = true })));
        assert_true(plausible(picture_jpeg(&(JpegKind){ .width = 4096, .height = 64, .plain = true })));

        assert_false(plausible(picture_jpeg(&(JpegKind){ .width = 4097, .height = 64, .plain = true })));
        assert_false(plausible(picture_jpeg(&(JpegKind){ .width = 64, .height = 63, .plain = true })));
        assert_false(plausible(
                        picture_jpeg(&(JpegKind){ .width = 640, .height = 480, .progressive = true })));
        assert_false(plausible(picture_jpeg(&(JpegKind){ .width = 640, .height = 480, .cmyk = true })));
}

/* Cut off anywhere before the frame header's end, and filled with whatever else. */
static void test_jpeg_bytes(void **state) {
        Bytes b = picture_jpeg(&(JpegKind){ .width = 640, .height = 480 });
        size_t header = 0;
        JpegSize told;

        while (!(b.data[header] == 0xff && b.data[header + 1] == 0xc0))
                header++;

        for (size_t size = 0; size < header + 19; size++) {
                uint8_t *exact = malloc(size > 0 ? size : 1);

                assert_non_null(exact);
                memcpy(exact, b.data, size);
                assert_false(capture_jpeg_plausible(exact, size, &told));
                for (size_t i = 2; i < size; i++)
                        exact[i] = 0xff;
                assert_false(capture_jpeg_plausible(exact, size, &told));
                free(exact);
        }
        bytes_done(&b);
}

int main(void) {
        static const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_choose),
                cmocka_unit_test(test_jpeg_plausible),
                cmocka_unit_test(test_jpeg_bytes),
        };

        (void) setenv("GST_REGISTRY_DISABLE", "yes", 1);
        gst_init(NULL, NULL);
        return cmocka_run_group_tests(tests, NULL, NULL);
}

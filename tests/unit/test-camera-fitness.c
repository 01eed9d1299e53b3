/* SPDX-License-Identifier: Apache-2.0 */

/* Which camera is fit for which role, by what it can deliver; and what may be told of a camera at all. */

#include "camera-fitness.h"
#include "macro.h"

#include <linux/videodev2.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#define MJPEG V4L2_PIX_FMT_MJPEG
#define YUY2 V4L2_PIX_FMT_YUYV
#define NV12 V4L2_PIX_FMT_NV12
#define GREY V4L2_PIX_FMT_GREY

#define MODES(...) (const CameraMode[]) { __VA_ARGS__ }, ELEMENTSOF(((const CameraMode[]) { __VA_ARGS__ }))

static uint32_t expect(CameraFitness face, CameraFitness document, const CameraMode *modes, size_t n) {
        uint32_t face_pixels, document_pixels;

        assert_string_equal(camera_fitness_to_string(camera_modes_fitness(modes, n, CAMERA_ROLE_FACE, &face_pixels)),
                            camera_fitness_to_string(face));
        assert_string_equal(camera_fitness_to_string(
                                            camera_modes_fitness(modes, n, CAMERA_ROLE_DOCUMENT, &document_pixels)),
                            camera_fitness_to_string(document));
        return document_pixels;
}

/* The two that the rule is known by, whatever the format. */
static void test_pixels_of_a_document(void **state) {
        static const uint32_t formats[] = { MJPEG, YUY2, NV12, V4L2_PIX_FMT_NV12M };

        for (size_t i = 0; i < ELEMENTSOF(formats); i++) {
                assert_int_equal(expect(CAMERA_FIT, CAMERA_FIT, MODES({ formats[i], 1920, 1080, 30000 })), 30);
                assert_int_equal(expect(CAMERA_FIT, CAMERA_FEW_PIXELS, MODES({ formats[i], 1280, 720, 30000 })), 20);
        }
        assert_int_equal(expect(CAMERA_FIT, CAMERA_FIT, MODES({ MJPEG, 3840, 2160, 30000 })), 60);
        assert_int_equal(expect(CAMERA_FIT, CAMERA_FEW_PIXELS, MODES({ MJPEG, 1600, 1200, 30000 })), 25);
        /* just enough, and just not */
        assert_int_equal(expect(CAMERA_FIT, CAMERA_FIT, MODES({ MJPEG, 1910, 1080, 30000 })), 30);
        assert_int_equal(expect(CAMERA_FIT, CAMERA_FEW_PIXELS, MODES({ MJPEG, 1909, 1080, 30000 })), 29);
        /* the longer side counts, which is not the width where the sensor stands upright */
        assert_int_equal(expect(CAMERA_FIT, CAMERA_FIT, MODES({ MJPEG, 1080, 1920, 30000 })), 30);
}

static void test_pixels_of_a_face(void **state) {
        uint32_t pixels;

        (void) camera_modes_fitness(MODES({ YUY2, 640, 480, 30000 }), CAMERA_ROLE_FACE, &pixels);
        assert_int_equal(pixels, 38);
        expect(CAMERA_FIT, CAMERA_FEW_PIXELS, MODES({ YUY2, 640, 480, 30000 }));
        /* of several modes that which a check uses: the nearest to 1280 × 720, else to 640 × 480 */
        (void) camera_modes_fitness(MODES({ MJPEG, 1920, 1080, 30000 }, { MJPEG, 1280, 720, 30000 },
                                          { MJPEG, 640, 480, 30000 }), CAMERA_ROLE_FACE, &pixels);
        assert_int_equal(pixels, 76);
        (void) camera_modes_fitness(MODES({ MJPEG, 1920, 1080, 30000 }, { YUY2, 640, 480, 30000 }), CAMERA_ROLE_FACE,
                                    &pixels);
        assert_int_equal(pixels, 38);
        expect(CAMERA_FIT, CAMERA_FEW_PIXELS, MODES({ YUY2, 601, 480, 30000 }));
        expect(CAMERA_FEW_PIXELS, CAMERA_FEW_PIXELS, MODES({ YUY2, 599, 480, 30000 }));
        expect(CAMERA_FEW_PIXELS, CAMERA_FEW_PIXELS, MODES({ YUY2, 320, 240, 30000 }));
}

/* A face moves, a card does not. */
static void test_speed(void **state) {
        expect(CAMERA_SLOW, CAMERA_FIT, MODES({ YUY2, 1920, 1080, 3000 }));
        expect(CAMERA_FIT, CAMERA_FIT, MODES({ YUY2, 1920, 1080, 5000 }));
        expect(CAMERA_SLOW, CAMERA_SLOW, MODES({ YUY2, 1920, 1080, 999 }));
        expect(CAMERA_FIT, CAMERA_FIT, MODES({ YUY2, 1920, 1080, 0 })); /* does not tell */
        /* what is slow is not used for a face where there is a fast mode: then that one counts */
        expect(CAMERA_FEW_PIXELS, CAMERA_FIT, MODES({ YUY2, 1920, 1080, 10000 }, { YUY2, 320, 240, 30000 }));
        expect(CAMERA_FIT, CAMERA_FIT, MODES({ YUY2, 1920, 1080, 10000 }, { MJPEG, 640, 480, 30000 }));
}

/* What is told must be what a check does (capture-mode.c): it takes no mode below 5 pictures a second, in colour or not,
 * and of slow ones the fastest. */
static void test_as_a_check_does(void **state) {
        uint32_t pixels;
        bool colour;

        assert_false(camera_modes_usable(MODES({ YUY2, 1280, 720, 4000 }), &colour));
        assert_false(colour);
        assert_true(camera_modes_usable(MODES({ YUY2, 1280, 720, 5000 }), &colour));
        assert_true(colour);
        assert_true(camera_modes_usable(MODES({ YUY2, 1280, 720, 4000 }, { GREY, 640, 480, 30000 }), &colour));
        assert_false(colour);
        assert_false(camera_modes_usable(NULL, 0, &colour));

        /* too slow in colour, so that it sees the customer in grey; a card lies still */
        expect(CAMERA_NO_COLOUR, CAMERA_FIT, MODES({ MJPEG, 1920, 1080, 4000 }, { GREY, 640, 480, 30000 }));

        assert_int_equal(camera_modes_fitness(MODES({ YUY2, 1280, 720, 10000 }, { YUY2, 320, 240, 20000 }),
                                              CAMERA_ROLE_FACE, &pixels), CAMERA_FEW_PIXELS);
        assert_int_equal(pixels, 19);
        assert_int_equal(camera_modes_fitness(MODES({ YUY2, 320, 240, 20000 }, { YUY2, 1280, 720, 0 }),
                                              CAMERA_ROLE_FACE, &pixels), CAMERA_FIT);
        assert_int_equal(pixels, 76);
}

static void test_formats(void **state) {
        expect(CAMERA_NO_FORMAT, CAMERA_NO_FORMAT, NULL, 0);
        expect(CAMERA_NO_FORMAT, CAMERA_NO_FORMAT, MODES({ V4L2_PIX_FMT_H264, 1920, 1080, 30000 }));
        expect(CAMERA_NO_FORMAT, CAMERA_NO_FORMAT, MODES({ V4L2_PIX_FMT_Y16, 1920, 1080, 30000 }));
        expect(CAMERA_NO_FORMAT, CAMERA_NO_FORMAT, MODES({ YUY2, 8192, 4320, 30000 }, { YUY2, 32, 32, 30000 }));
        expect(CAMERA_NO_COLOUR, CAMERA_NO_COLOUR, MODES({ GREY, 1920, 1080, 30000 }));
        expect(CAMERA_FEW_PIXELS, CAMERA_FEW_PIXELS, MODES({ GREY, 320, 240, 30000 }));
        /* grey modes of a colour camera do not count */
        expect(CAMERA_FEW_PIXELS, CAMERA_FEW_PIXELS, MODES({ GREY, 1920, 1080, 30000 }, { YUY2, 320, 240, 30000 }));
        expect(CAMERA_FIT, CAMERA_FIT, MODES({ V4L2_PIX_FMT_H264, 320, 240, 30000 }, { MJPEG, 1920, 1080, 30000 }));
}

static void test_kinds(void **state) {
        static const uint32_t grey[] = { GREY, V4L2_PIX_FMT_Y10, V4L2_PIX_FMT_Y12, V4L2_PIX_FMT_Y16, V4L2_PIX_FMT_Y8I };

        for (size_t i = 0; i < ELEMENTSOF(grey); i++) {
                assert_int_equal(camera_modes_kind(MODES({ grey[i], 640, 480, 0 })), CAMERA_KIND_INFRARED);
                assert_int_equal(camera_modes_kind(MODES({ grey[i], 640, 480, 0 }, { YUY2, 640, 480, 0 })),
                                 CAMERA_KIND_COLOUR);
        }
        assert_int_equal(camera_modes_kind(MODES({ V4L2_PIX_FMT_Z16, 640, 480, 0 })), CAMERA_KIND_DEPTH);
        assert_int_equal(camera_modes_kind(MODES({ V4L2_PIX_FMT_Z16, 640, 480, 0 }, { GREY, 640, 480, 0 })),
                         CAMERA_KIND_INFRARED);
        assert_int_equal(camera_modes_kind(NULL, 0), CAMERA_KIND_UNKNOWN);
}

static void test_words(void **state) {
        char text[CAMERA_FOURCC_SIZE];

        for (CameraFitness f = 0; f < _CAMERA_FITNESS_MAX; f++)
                assert_non_null(camera_fitness_to_string(f));
        for (CameraKind k = 0; k < _CAMERA_KIND_MAX; k++)
                assert_non_null(camera_kind_to_string(k));
        camera_fourcc_to_string(YUY2, text);
        assert_string_equal(text, "YUYV");
        camera_fourcc_to_string(V4L2_PIX_FMT_Y16, text);
        assert_string_equal(text, "Y16");
        camera_fourcc_to_string(UINT32_C(0x20202020), text);
        assert_string_equal(text, "");
}

static void test_bounds(void **state) {
        CameraReport report = { .outcome = OUTCOME_EXAMINED, .n_modes = 1 };

        assert_true(camera_mode_valid(&(CameraMode) { YUY2, 1, CAMERA_MODE_SIDE_MAX, CAMERA_MODE_RATE_MAX }));
        assert_false(camera_mode_valid(&(CameraMode) { YUY2, 0, 480, 30000 }));
        assert_false(camera_mode_valid(&(CameraMode) { YUY2, 640, CAMERA_MODE_SIDE_MAX + 1, 30000 }));
        assert_false(camera_mode_valid(&(CameraMode) { YUY2, 640, 480, CAMERA_MODE_RATE_MAX + 1 }));
        assert_false(camera_mode_valid(&(CameraMode) { YUY2 & 0xffffff, 640, 480, 30000 }));
        assert_false(camera_mode_valid(&(CameraMode) { YUY2 | 0x80, 640, 480, 30000 }));
        assert_false(camera_mode_valid(&(CameraMode) { (YUY2 & ~UINT32_C(0xff)) | '\n', 640, 480, 30000 }));

        assert_true(camera_report_valid(&report));
        report.outcome = OUTCOME_CAMERA_BUSY;
        assert_true(camera_report_valid(&report));
        report.outcome = OUTCOME_CAMERA_DENIED; /* what could not be opened has said nothing */
        assert_false(camera_report_valid(&report));
        report.n_modes = 0;
        assert_true(camera_report_valid(&report));
        for (Outcome o = 0; o < _OUTCOME_MAX; o++) {
                report.outcome = o;
                assert_true(camera_report_valid(&report) ==
                            (o == OUTCOME_EXAMINED || o == OUTCOME_CAMERA_NONE || o == OUTCOME_CAMERA_BUSY ||
                             o == OUTCOME_CAMERA_DENIED || o == OUTCOME_CAMERA_REFUSED || o == OUTCOME_CAMERA_CHANGED ||
                             o == OUTCOME_CAMERA_FORMAT || o == OUTCOME_CAMERA_STUCK));
        }
        report.outcome = (Outcome) _OUTCOME_MAX;
        assert_false(camera_report_valid(&report));
        report = (CameraReport) { .outcome = OUTCOME_EXAMINED, .n_modes = CAMERA_MODES_MAX + 1 };
        assert_false(camera_report_valid(&report));
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_pixels_of_a_document),
                cmocka_unit_test(test_pixels_of_a_face),
                cmocka_unit_test(test_speed),
                cmocka_unit_test(test_as_a_check_does),
                cmocka_unit_test(test_formats),
                cmocka_unit_test(test_kinds),
                cmocka_unit_test(test_words),
                cmocka_unit_test(test_bounds),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}

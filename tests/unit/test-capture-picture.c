/* SPDX-License-Identifier: Apache-2.0 */

/* What is said of a camera by its pictures, and how soon, by a clock of the test's own. */

#include "capture-picture.h"
#include "macro.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#define FRAME UINT64_C(33333)
#define WIDTH 160U
#define HEIGHT 120U

/* A picture of 160 × 120 in one layout. */
typedef struct Scene {
        Image image;
        uint8_t pixels[WIDTH * HEIGHT * 3];
} Scene;

static Scene *scene_new(PixelFormat format) {
        Scene *s = calloc(1, sizeof(*s));
        const size_t n = (size_t) WIDTH * HEIGHT;

        assert_non_null(s);
        s->image = (Image) { .format = format, .width = WIDTH, .height = HEIGHT, .plane = { s->pixels } };
        s->image.stride[0] = format == PIXEL_FORMAT_YUY2 ? WIDTH * 2 : format == PIXEL_FORMAT_RGB ? WIDTH * 3 : WIDTH;
        if (format == PIXEL_FORMAT_I420 || format == PIXEL_FORMAT_Y42B) {
                s->image.plane[1] = s->pixels + n;
                s->image.plane[2] = s->pixels + n + n / 2;
                s->image.stride[1] = s->image.stride[2] = WIDTH / 2;
        } else if (format == PIXEL_FORMAT_NV12) {
                s->image.plane[1] = s->pixels + n;
                s->image.stride[1] = WIDTH;
        }
        return s;
}

/* Two halves of these brightnesses, a little noise, neutral colour. */
static void paint(Scene *s, unsigned left, unsigned right, unsigned noise, unsigned seed) {
        const size_t step = s->image.format == PIXEL_FORMAT_YUY2 ? 2 : s->image.format == PIXEL_FORMAT_RGB ? 3 : 1;

        memset(s->pixels, 128, sizeof(s->pixels));
        srand(seed + 2);        /* 0 and 1 are the same */
        for (uint32_t y = 0; y < HEIGHT; y++)
                for (uint32_t x = 0; x < WIDTH; x++) {
                        uint8_t *p = s->pixels + y * s->image.stride[0] + x * step;
                        unsigned value = (x < WIDTH / 2 ? left : right) + (noise > 0 ? (unsigned) rand() % noise : 0);

                        memset(p, (int) value, step == 3 ? 3 : 1);
                }
}

typedef struct Play {
        PictureWatch watch;
        uint64_t now;
} Play;

static PictureWord take(Play *p, const Scene *s) {
        const PictureMeasures m = picture_measure(&s->image);

        p->now += FRAME;
        return picture_watch_take(&p->watch, &m, p->now);
}

/* Shows scenes until another word than `usual` is said; returns which, and after how many microseconds. */
static PictureWord until(Play *p, Scene *s, unsigned left, unsigned right, unsigned noise, PictureWord usual,
                         uint64_t *ret_usec) {
        const uint64_t since = p->now;
        PictureWord word;
        unsigned seed = 0;

        do {
                paint(s, left, right, noise, noise > 0 ? ++seed : 0);
                word = take(p, s);
        } while ((word == usual || word == PICTURE_REPEATED) && p->now < since + 5 * USEC_PER_SEC);
        *ret_usec = p->now - since;
        return word;
}

static const PixelFormat formats[] = { PIXEL_FORMAT_I420, PIXEL_FORMAT_Y42B, PIXEL_FORMAT_NV12, PIXEL_FORMAT_YUY2,
                                       PIXEL_FORMAT_GREY, PIXEL_FORMAT_RGB };

static void test_covered(void **state) {
        for (size_t i = 0; i < ELEMENTSOF(formats); i++) {
                Scene *s = scene_new(formats[i]);
                Play p = {};
                uint64_t usec;

                picture_watch_init(&p.watch, true);
                assert_int_equal(until(&p, s, 16, 18, 12, PICTURE_FINE, &usec), PICTURE_COVERED);
                assert_in_range(usec, 900 * USEC_PER_MSEC, USEC_PER_SEC);

                /* also if it is the same black picture again and again, and while the sensor wakes */
                picture_watch_init(&p.watch, false);
                assert_int_equal(until(&p, s, 16, 16, 0, PICTURE_WAKING, &usec), PICTURE_COVERED);
                assert_in_range(usec, 900 * USEC_PER_MSEC, USEC_PER_SEC);
                free(s);
        }
}

/* A dark room has lighter and darker places: it is looked at, after a second. */
static void test_dark_room(void **state) {
        Scene *s = scene_new(PIXEL_FORMAT_YUY2);
        Play p = {};
        uint64_t usec;

        picture_watch_init(&p.watch, false);
        assert_int_equal(until(&p, s, 6, 24, 8, PICTURE_WAKING, &usec), PICTURE_FINE);
        assert_in_range(usec, USEC_PER_SEC, 1100 * USEC_PER_MSEC);
        assert_int_equal(until(&p, s, 6, 24, 8, PICTURE_FINE, &usec), PICTURE_FINE);
        free(s);
}

static void test_frozen(void **state) {
        for (size_t i = 0; i < ELEMENTSOF(formats); i++) {
                Scene *s = scene_new(formats[i]);
                Play p = {};
                uint64_t usec;

                picture_watch_init(&p.watch, true);
                assert_int_equal(until(&p, s, 60, 150, 0, PICTURE_FINE, &usec), PICTURE_FROZEN);
                assert_in_range(usec, 700 * USEC_PER_MSEC, 800 * USEC_PER_MSEC);
                picture_watch_init(&p.watch, true);
                assert_int_equal(until(&p, s, 60, 150, 2, PICTURE_FINE, &usec), PICTURE_FINE);
                free(s);
        }
}

/* In poor light a driver delivers each picture four times; it is judged once. */
static void test_repeats_in_poor_light(void **state) {
        Scene *s = scene_new(PIXEL_FORMAT_NV12);
        Play p = {};

        picture_watch_init(&p.watch, true);
        for (unsigned i = 0; i < 200; i++) {
                paint(s, 60, 150, 3, i / 4);
                assert_int_equal(take(&p, s), i % 4 == 0 ? PICTURE_FINE : PICTURE_REPEATED);
        }
        free(s);
}

static void test_settled_at_once(void **state) {
        Scene *s = scene_new(PIXEL_FORMAT_I420);
        Play p = {};

        picture_watch_init(&p.watch, false);
        paint(s, 80, 120, 4, 1);
        assert_int_equal(take(&p, s), PICTURE_WAKING);
        paint(s, 81, 121, 4, 2);
        assert_int_equal(take(&p, s), PICTURE_FINE);
        /* once awake, a light that is switched on or off is nobody's waking */
        paint(s, 10, 60, 4, 3);
        assert_int_equal(take(&p, s), PICTURE_FINE);
        free(s);
}

static void test_exposure_that_moves(void **state) {
        Scene *s = scene_new(PIXEL_FORMAT_I420);
        Play p = {};
        unsigned i;

        picture_watch_init(&p.watch, false);
        for (i = 0; i < 20; i++) {
                paint(s, 20 + 5 * i, 60 + 5 * i, 4, i);
                assert_int_equal(take(&p, s), PICTURE_WAKING);
        }
        paint(s, 20 + 5 * i, 60 + 5 * i, 4, i);
        (void) take(&p, s);
        paint(s, 20 + 5 * i, 60 + 5 * i, 4, i + 1);
        assert_int_equal(take(&p, s), PICTURE_FINE);

        /* and if it never settles, for a second */
        picture_watch_init(&p.watch, false);
        for (i = 0; i < 31; i++) {
                paint(s, i % 2 ? 100 : 60, i % 2 ? 140 : 120, 4, i);
                assert_int_equal(take(&p, s), PICTURE_WAKING);
        }
        paint(s, 60, 120, 4, i);
        assert_int_equal(take(&p, s), PICTURE_FINE);
        free(s);
}

/* Buffers that nobody has written to. */
static void test_green(void **state) {
        for (size_t i = 0; i < ELEMENTSOF(formats); i++) {
                Scene *s = scene_new(formats[i]);
                Play p = {};
                bool coloured = formats[i] != PIXEL_FORMAT_GREY && formats[i] != PIXEL_FORMAT_RGB;

                picture_watch_init(&p.watch, false);
                for (unsigned n = 0; n < 20; n++) {
                        PictureWord word;

                        /* bright, but without blue and red */
                        paint(s, 80, 120, 4, n);
                        if (formats[i] == PIXEL_FORMAT_YUY2)
                                for (size_t k = 1; k < (size_t) WIDTH * HEIGHT * 2; k += 2)
                                        s->pixels[k] = 0;
                        else if (coloured)
                                memset(s->pixels + (size_t) WIDTH * HEIGHT, 0, (size_t) WIDTH * HEIGHT);
                        word = take(&p, s);
                        assert_int_equal(word, coloured || n == 0 ? PICTURE_WAKING : PICTURE_FINE);
                }
                free(s);
        }
}

static void test_cut_off(void **state) {
        Scene *s = scene_new(PIXEL_FORMAT_Y42B);
        Play p = {};

        picture_watch_init(&p.watch, true);
        for (unsigned i = 0; i < 60; i++) {
                PictureWord word;

                paint(s, 60, 150, 4, i);
                memset(s->pixels + (size_t) WIDTH * (HEIGHT - 8), 128, (size_t) WIDTH * 8);
                word = take(&p, s);
                assert_int_equal(word, i * FRAME < 900 * USEC_PER_MSEC ? PICTURE_CUT_OFF : PICTURE_DAMAGED);
        }
        /* one row less is a scene */
        s->pixels[(size_t) WIDTH * (HEIGHT - 8)]++;
        assert_int_equal(take(&p, s), PICTURE_FINE);
        free(s);
}

/* A camera that hangs on its side or upside down has the end of its pictures elsewhere. */
static void test_cut_off_and_turned(void **state) {
        Scene *s = scene_new(PIXEL_FORMAT_I420);

        paint(s, 60, 150, 4, 1);
        assert_false(picture_measure(&s->image).cut_off);
        memset(s->pixels, 128, (size_t) WIDTH * 8);
        assert_true(picture_measure(&s->image).cut_off);
        for (uint32_t left = 0; left < WIDTH; left += WIDTH - 8) {
                paint(s, 60, 150, 4, 2);
                for (uint32_t y = 0; y < HEIGHT; y++)
                        memset(s->pixels + (size_t) WIDTH * y + left, 128, 8);
                assert_true(picture_measure(&s->image).cut_off);
                s->pixels[left + 3]++;
                assert_false(picture_measure(&s->image).cut_off);
        }
        free(s);
}

int main(void) {
        static const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_covered),
                cmocka_unit_test(test_dark_room),
                cmocka_unit_test(test_frozen),
                cmocka_unit_test(test_repeats_in_poor_light),
                cmocka_unit_test(test_settled_at_once),
                cmocka_unit_test(test_exposure_that_moves),
                cmocka_unit_test(test_green),
                cmocka_unit_test(test_cut_off),
                cmocka_unit_test(test_cut_off_and_turned),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}

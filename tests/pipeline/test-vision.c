/* SPDX-License-Identifier: Apache-2.0 */

/* The vision library on recordings of people and of attacks, and on pictures that are none. Needs the weights
 * (LIKENESS_MODELS) and for most tests the recordings (LIKENESS_DATA); without them it skips. */

#include "liveness-limits.h"
#include "measure.h"
#include "recording.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/mman.h>

#include <cmocka.h>

#define PEOPLE 5
#define FRAMES_MAX 200

static const char *models_directory, *camera_directory;

static void need_models(void) {
        if (!models_directory) {
                printf("SKIP: no networks; LIKENESS_MODELS names their directory\n");
                skip();
        }
}

static void need_recordings(void) {
        need_models();
        if (!camera_directory) {
                printf("SKIP: no recordings; LIKENESS_DATA names their directory\n");
                skip();
        }
}

static const char *recording_path(const char *name) {
        static char path[4096];

        assert_true(snprintf(path, sizeof(path), "%s/%s", camera_directory, name) < (int) sizeof(path));
        return path;
}

/* One examination. */
typedef struct Check {
        Manifest *manifest;
        Vision *vision;
        int match_from;
        unsigned frames;               /* shown so far */
        unsigned restarts;
        Observation last;
        unsigned obstacles[_REASON_MAX];
} Check;

static void check_begin(Check *c) {
        *c = (Check) {};
        assert_int_equal(vision_load(SOURCE_ROOT "/models/manifest", models_directory, &c->manifest, &c->vision), 0);
        assert_int_equal(manifest_threshold(c->manifest, 0.001, &c->match_from, NULL, NULL), 0);
        vision_set_thresholds(c->vision, manifest_find(c->manifest, MODEL_MATCHER)->no_match_below, c->match_from);
}

static void check_end(Check *c) {
        vision_free(c->vision);
        manifest_free(c->manifest);
}

static Reason check_reference(Check *c, const char *portrait) {
        _cleanup_(picture_done) Picture p = {};
        Reason reason;

        assert_int_equal(picture_read(recording_path(portrait), true, &p), 0);
        assert_int_equal(vision_set_reference(c->vision, &p.image, &reason), 0);
        return reason;
}

static void check_frame(Check *c, const Image *frame) {
        assert_int_equal(vision_observe(c->vision, frame, &c->last), 0);
        assert_true(c->last.progress <= 1000);
        c->frames++;
        c->obstacles[c->last.obstacle]++;
        if (c->last.restarted)
                c->restarts++;
}

/* Changes a frame before it is shown; `n` counts from 0. */
typedef void (*FrameEdit)(Picture *p, unsigned n);

/* Shows frames `from` to `to` (exclusive) of a recording; ends early when nothing can change, unless `all`. */
static void check_recording(Check *c, const char *name, unsigned from, unsigned to, bool all, FrameEdit edit) {
        _cleanup_(recording_done) Recording r = {};

        assert_int_equal(recording_open(recording_path(name), &r), 0);
        for (unsigned n = 0; n < to; n++) {
                _cleanup_(picture_done) Picture frame = {};
                int got = recording_next(&r, &frame);

                assert_true(got >= 0);
                if (got == 0 || (c->last.enough && !all))
                        break;
                if (n < from)
                        continue;
                if (edit)
                        edit(&frame, n);
                check_frame(c, &frame.image);
        }
}

static Findings check_findings(Check *c) {
        Findings f = { .outcome = OUTCOME_EXAMINED, .frames_captured = c->frames };

        assert_int_equal(vision_conclude(c->vision, &f), 0);
        assert_true(findings_valid(&f));
        return f;
}

static Findings examine(const char *clip, const char *portrait) {
        Findings f;
        Check c;

        check_begin(&c);
        assert_int_equal(check_reference(&c, portrait), REASON_NONE);
        check_recording(&c, clip, 0, FRAMES_MAX, false, NULL);
        f = check_findings(&c);
        /* decides only if told so before the recording's end */
        f.outcome = c.last.enough ? OUTCOME_EXAMINED : OUTCOME_TIME_RAN_OUT;
        check_end(&c);
        return f;
}

static int match_from(void) {
        static int threshold;
        Check c;

        if (threshold == 0) {
                check_begin(&c);
                threshold = c.match_from;
                check_end(&c);
        }
        return threshold;
}

static void own_portraits_match(void **state) {
        need_recordings();
        for (unsigned i = 1; i <= PEOPLE; i++) {
                char clip[64], portrait[64];

                sprintf(clip, "person%02u-live.avi", i);
                sprintf(portrait, "person%02u-portrait.jpg", i);
                Findings f = examine(clip, portrait);
                assert_int_equal(f.outcome, OUTCOME_EXAMINED);
                assert_int_equal(f.attack_signs, 0);
                assert_true(f.liveness >= LIVENESS_ACCEPT_FROM);
                assert_true(f.similarity >= match_from());
                assert_true(f.frames_matched >= 2 && f.frames_used >= f.frames_matched);
        }
}

static void other_portraits_never_match(void **state) {
        need_recordings();
        for (unsigned i = 1; i <= PEOPLE; i++)
                for (unsigned j = 1; j <= PEOPLE; j++) {
                        char clip[64], portrait[64];

                        if (i == j)
                                continue;
                        sprintf(clip, "person%02u-live.avi", i);
                        sprintf(portrait, "person%02u-portrait.jpg", j);
                        assert_true(examine(clip, portrait).similarity < match_from());
                }
}

static void replays_are_not_live(void **state) {
        static const char *const clips[] = { "replay01.avi", "replay02.avi", "webcam-replay.avi" };

        need_recordings();
        for (size_t i = 0; i < ELEMENTSOF(clips); i++) {
                Findings f = examine(clips[i], "person03-portrait.jpg");
                assert_int_equal(f.outcome, OUTCOME_EXAMINED);
                assert_true(f.attack_signs != 0 || f.liveness < LIVENESS_REJECT_BELOW);
        }
}

static void close_replays_never_pass(void **state) {
        need_recordings();
        assert_true(examine("replay01-closeup.avi", "person03-portrait.jpg").liveness < LIVENESS_ACCEPT_FROM);
        assert_true(examine("replay02-closeup.avi", "person03-portrait.jpg").liveness < LIVENESS_ACCEPT_FROM);
}

static void another_camera_is_live(void **state) {
        need_recordings();
        Findings f = examine("webcam-live.avi", "person01-portrait.jpg");
        assert_int_equal(f.outcome, OUTCOME_EXAMINED);
        assert_true(f.liveness >= LIVENESS_ACCEPT_FROM);
        assert_true(f.similarity < match_from());
}

/* One person gives live evidence, another takes the place: nothing of the first may be left. */
static void another_person_starts_again(void **state) {
        static const unsigned shown[] = { 3, 5, 8, 10, 14 };

        need_recordings();
        for (size_t i = 0; i < ELEMENTSOF(shown); i++) {
                Check c;

                check_begin(&c);
                assert_int_equal(check_reference(&c, "person01-portrait.jpg"), REASON_NONE);
                check_recording(&c, "person01-live.avi", 0, shown[i], true, NULL);
                check_recording(&c, "person04-live.avi", 0, 30, true, NULL);
                Findings f = check_findings(&c);
                assert_int_equal(c.restarts, shown[i] >= 5);
                assert_true(f.frames_used >= 10 && f.frames_used <= 30);
                assert_true(f.similarity < match_from());
                check_end(&c);
        }
}

/* … also if the two take turns. */
static void turns_are_never_fused(void **state) {
        Check c;

        need_recordings();
        check_begin(&c);
        assert_int_equal(check_reference(&c, "person04-portrait.jpg"), REASON_NONE);
        for (unsigned turn = 0; turn < 6; turn++)
                check_recording(&c, turn % 2 ? "person01-live.avi" : "person04-live.avi", turn * 7, turn * 7 + 7, true,
                                NULL);
        /* each turn either drops what there was, or its group */
        assert_true(check_findings(&c).frames_used <= 15);
        check_end(&c);
}

static void fill(uint8_t *plane, size_t stride, unsigned x, unsigned y, unsigned width, unsigned height, int value) {
        for (unsigned row = y; row < y + height; row++)
                memset(plane + row * stride + x, value, width);
}

/* The lower half of person04's face, where it is in the first second. */
static void edit_mask(Picture *p, unsigned n) {
        static Measures m;
        static unsigned x, y, width, height;

        if (n == 0) {
                Check c;

                check_begin(&c);
                assert_int_equal(vision_measure(c.vision, &p->image, &m), 0);
                assert_true(m.faces > 0);
                check_end(&c);
                x = (unsigned) m.x & ~1u;
                y = (unsigned) (m.y + m.height * 0.56f) & ~1u;
                width = (unsigned) m.width & ~1u;
                height = (unsigned) (m.height * 0.44f) & ~1u;
        }

        unsigned halved = p->image.format == PIXEL_FORMAT_I420 ? 2 : 1;
        fill((uint8_t *) p->image.plane[0], p->image.stride[0], x, y, width, height, 200);
        fill((uint8_t *) p->image.plane[1], p->image.stride[1], x / 2, y / halved, width / 2, height / halved, 140);
        fill((uint8_t *) p->image.plane[2], p->image.stride[2], x / 2, y / halved, width / 2, height / halved, 120);
}

static void covered_mouth_is_no_evidence(void **state) {
        Check c;

        need_recordings();
        check_begin(&c);
        check_recording(&c, "person04-live.avi", 0, 30, true, edit_mask);
        assert_true(c.obstacles[REASON_FACE_COVERED] >= 8);
        assert_int_equal(check_findings(&c).frames_used, 0);
        check_end(&c);
}

static void edit_dark(Picture *p, unsigned n) {
        uint8_t *luma = (uint8_t *) p->image.plane[0];

        for (size_t i = 0; i < p->image.stride[0] * p->image.height; i++)
                luma[i] = luma[i] / 6;
}

/* Shrinks the picture to a third, in the middle of grey. */
static void edit_far(Picture *p, unsigned n) {
        for (unsigned i = 0; i < 3; i++) {
                uint8_t *plane = (uint8_t *) p->image.plane[i];
                unsigned width = p->image.width / (i ? 2 : 1);
                unsigned height = p->image.height / (i && p->image.format == PIXEL_FORMAT_I420 ? 2 : 1);
                _cleanup_free_ uint8_t *small = malloc((size_t) (width / 3) * (height / 3));

                assert_non_null(small);
                for (unsigned y = 0; y < height / 3; y++)
                        for (unsigned x = 0; x < width / 3; x++)
                                small[y * (width / 3) + x] = plane[3 * y * p->image.stride[i] + 3 * x];
                fill(plane, p->image.stride[i], 0, 0, width, height, 128);
                for (unsigned y = 0; y < height / 3; y++)
                        memcpy(plane + (y + height / 3) * p->image.stride[i] + width / 3, small + y * (width / 3),
                               width / 3);
        }
}

/* A nod: each column's running mean of 31 pixels. */
static void edit_moved(Picture *p, unsigned n) {
        enum { LENGTH = 31 };
        uint8_t *luma = (uint8_t *) p->image.plane[0];
        size_t stride = p->image.stride[0];

        for (unsigned x = 0; x < p->image.width; x++)
                for (unsigned y = 0; y + LENGTH < p->image.height; y++) {
                        unsigned sum = 0;

                        for (unsigned k = 0; k < LENGTH; k++)
                                sum += luma[(y + k) * stride + x];
                        luma[y * stride + x] = (uint8_t) (sum / LENGTH);
                }
}

static void obstacles_are_named(void **state) {
        static const struct {
                FrameEdit edit;
                Reason reason;
        } cases[] = { { edit_dark, REASON_TOO_DARK }, { edit_far, REASON_TOO_FAR } };
        Check c;

        need_recordings();
        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                check_begin(&c);
                check_recording(&c, "person04-live.avi", 0, 12, true, cases[i].edit);
                assert_true(c.obstacles[cases[i].reason] >= 10);
                assert_int_equal(check_findings(&c).frames_used, 0);
                check_end(&c);
        }

        check_begin(&c);
        check_recording(&c, "person04-live.avi", 0, 12, true, edit_moved);
        assert_true(c.last.hold_still || c.last.obstacle == REASON_NO_FACE);
        assert_int_equal(check_findings(&c).frames_used, 0);
        check_end(&c);

        /* the profile at the end of a turn */
        check_begin(&c);
        check_recording(&c, "person02-live.avi", 0, FRAMES_MAX, true, NULL);
        assert_true(c.obstacles[REASON_TURNED_AWAY] >= 20);
        check_end(&c);
}

/* Two pictures side by side; the second `divide` times smaller. Brightness only. */
static void check_pair(Check *c, const char *left, const char *right, unsigned divide, unsigned frames) {
        _cleanup_(recording_done) Recording a = {}, b = {};

        assert_int_equal(recording_open(recording_path(left), &a), 0);
        assert_int_equal(recording_open(recording_path(right), &b), 0);
        for (unsigned n = 0; n < frames; n++) {
                _cleanup_(picture_done) Picture one = {}, two = {};
                _cleanup_free_ uint8_t *pixels = NULL;

                assert_int_equal(recording_next(&a, &one), 1);
                assert_int_equal(recording_next(&b, &two), 1);
                unsigned width = one.image.width + two.image.width / divide, height = one.image.height;
                pixels = calloc(height, width);
                assert_non_null(pixels);
                for (unsigned y = 0; y < height; y++)
                        memcpy(pixels + (size_t) y * width, one.image.plane[0] + y * one.image.stride[0],
                               one.image.width);
                for (unsigned y = 0; y < two.image.height / divide && y < height; y++)
                        for (unsigned x = 0; x < two.image.width / divide; x++)
                                pixels[(size_t) y * width + one.image.width + x] =
                                        two.image.plane[0][y * divide * two.image.stride[0] + x * divide];
                Image image = {
                        .format = PIXEL_FORMAT_GREY,
                        .width = width,
                        .height = height,
                        .plane = { pixels },
                        .stride = { width },
                };
                check_frame(c, &image);
        }
}

static void two_in_front_are_too_many(void **state) {
        Check c;

        need_recordings();
        check_begin(&c);
        check_pair(&c, "person04-live.avi", "person02-live.avi", 1, 12);
        assert_int_equal(c.obstacles[REASON_SEVERAL_FACES], 12);
        assert_int_equal(c.last.faces, 2);
        assert_int_equal(check_findings(&c).frames_used, 0);
        check_end(&c);

        /* somebody far behind does not count */
        check_begin(&c);
        check_pair(&c, "person04-live.avi", "person02-live.avi", 2, 12);
        assert_int_equal(c.obstacles[REASON_SEVERAL_FACES], 0);
        assert_int_equal(c.last.faces, 1);
        assert_true(check_findings(&c).frames_used > 0);
        check_end(&c);
}

static void loops_are_signs_of_an_attack(void **state) {
        Check c;

        need_recordings();
        check_begin(&c);
        for (unsigned i = 0; i < 4; i++)
                check_recording(&c, "person04-live.avi", 0, 12, true, NULL);
        assert_int_equal(check_findings(&c).attack_signs, ATTACK_SIGN_REPEATS);
        check_end(&c);

        check_begin(&c);
        check_recording(&c, "person04-live.avi", 0, FRAMES_MAX, true, NULL);
        assert_int_equal(check_findings(&c).attack_signs, 0);
        check_end(&c);
}

static Reason judge_portrait(const uint8_t *pixels, unsigned width, unsigned height) {
        Image image = {
                .format = PIXEL_FORMAT_RGB,
                .width = width,
                .height = height,
                .plane = { pixels },
                .stride = { (size_t) width * 3 },
        };
        Reason reason;
        Check c;

        check_begin(&c);
        assert_int_equal(vision_set_reference(c.vision, &image, &reason), 0);
        check_end(&c);
        return reason;
}

/* Means over squares of `by` pixels; with `keep`, in the old size. */
static uint8_t *coarser(const Image *i, unsigned by, bool keep, unsigned *ret_width, unsigned *ret_height) {
        unsigned width = i->width / by, height = i->height / by;
        uint8_t *small = malloc((size_t) width * height * 3), *large;

        assert_non_null(small);
        for (unsigned y = 0; y < height; y++)
                for (unsigned x = 0; x < 3 * width; x++) {
                        unsigned sum = 0;

                        for (unsigned k = 0; k < by * by; k++)
                                sum += i->plane[0][(y * by + k / by) * i->stride[0] +
                                                   (x / 3 * by + k % by) * 3 + x % 3];
                        small[(size_t) y * width * 3 + x] = (uint8_t) (sum / (by * by));
                }
        *ret_width = width;
        *ret_height = height;
        if (!keep)
                return small;

        /* bilinear: what an enlarged or unfocused picture looks like */
        *ret_width = (width - 1) * by;
        *ret_height = (height - 1) * by;
        large = malloc((size_t) *ret_width * *ret_height * 3);
        assert_non_null(large);
        for (unsigned y = 0; y < *ret_height; y++)
                for (unsigned x = 0; x < *ret_width * 3; x++) {
                        const uint8_t *p = small + (size_t) (y / by) * width * 3 + x / 3 / by * 3 + x % 3;
                        unsigned fx = x / 3 % by, fy = y % by;

                        large[(size_t) y * *ret_width * 3 + x] = (uint8_t)
                                (((p[0] * (by - fx) + p[3] * fx) * (by - fy) +
                                  (p[width * 3] * (by - fx) + p[width * 3 + 3] * fx) * fy) / (by * by));
                }
        free(small);
        return large;
}

static void bad_portraits_are_named(void **state) {
        _cleanup_(picture_done) Picture p = {};
        unsigned width, height;

        need_recordings();
        assert_int_equal(picture_read(recording_path("person04-portrait.jpg"), true, &p), 0);

        _cleanup_free_ uint8_t *small = coarser(&p.image, 10, false, &width, &height);
        assert_int_equal(judge_portrait(small, width, height), REASON_PORTRAIT_TOO_SMALL);

        _cleanup_free_ uint8_t *large_enough = coarser(&p.image, 4, false, &width, &height);
        assert_int_equal(judge_portrait(large_enough, width, height), REASON_NONE);

        _cleanup_free_ uint8_t *blurred = coarser(&p.image, 36, true, &width, &height);
        assert_int_equal(judge_portrait(blurred, width, height), REASON_PORTRAIT_BLURRED);

        _cleanup_free_ uint8_t *half = coarser(&p.image, 4, false, &width, &height);
        _cleanup_free_ uint8_t *twice = malloc((size_t) width * height * 6);
        assert_non_null(twice);
        for (unsigned y = 0; y < height; y++)
                for (unsigned i = 0; i < 2; i++)
                        memcpy(twice + ((size_t) y * 2 + i) * width * 3, half + (size_t) y * width * 3, width * 3);
        assert_int_equal(judge_portrait(twice, 2 * width, height), REASON_PORTRAIT_SEVERAL);

        _cleanup_free_ uint8_t *grey = malloc(300 * 300 * 3);
        assert_non_null(grey);
        memset(grey, 128, 300 * 300 * 3);
        assert_int_equal(judge_portrait(grey, 300, 300), REASON_PORTRAIT_NONE);
}

/* A pseudo-random byte (xorshift32), the same in every run. */
static uint8_t noise(uint32_t *seed) {
        *seed ^= *seed << 13;
        *seed ^= *seed >> 17;
        *seed ^= *seed << 5;
        return (uint8_t) (*seed >> 11);
}

static void noise_of_any_format_is_no_evidence(void **state) {
        static const unsigned sizes[][2] = { { 640, 480 }, { 33, 35 }, { 101, 479 }, { 32, 1999 }, { 1281, 721 } };
        uint32_t seed = 1;

        need_models();
        for (unsigned format = 0; format < _PIXEL_FORMAT_MAX; format++) {
                Check c;

                check_begin(&c);
                for (size_t i = 0; i < ELEMENTSOF(sizes); i++) {
                        unsigned width = sizes[i][0], height = sizes[i][1];
                        /* exactly the bytes that the format has, so that reading beyond is seen */
                        bool halved = format == PIXEL_FORMAT_I420 || format == PIXEL_FORMAT_NV12;
                        size_t chroma_rows = halved ? (height + 1) / 2 : height, chroma = (width + 1) / 2;
                        size_t strides[][3] = {
                                [PIXEL_FORMAT_I420] = { width, chroma, chroma },
                                [PIXEL_FORMAT_Y42B] = { width, chroma, chroma },
                                [PIXEL_FORMAT_NV12] = { width, 2 * chroma },
                                [PIXEL_FORMAT_YUY2] = { 4 * chroma },
                                [PIXEL_FORMAT_GREY] = { width },
                                [PIXEL_FORMAT_RGB] = { 3 * (size_t) width },
                        };
                        Image image = { .format = format, .width = width, .height = height };
                        uint8_t *planes[3] = {};

                        for (unsigned p = 0; p < 3; p++) {
                                size_t size = strides[format][p] * (p ? chroma_rows : height);

                                if (size == 0)
                                        continue;
                                planes[p] = malloc(size);
                                assert_non_null(planes[p]);
                                for (size_t k = 0; k < size; k++)
                                        planes[p][k] = noise(&seed);
                                image.plane[p] = planes[p];
                                image.stride[p] = strides[format][p];
                        }
                        check_frame(&c, &image);
                        assert_int_not_equal(c.last.obstacle, REASON_NONE);
                        for (unsigned p = 0; p < 3; p++)
                                free(planes[p]);
                }
                Findings f = check_findings(&c);
                assert_int_equal(f.similarity, 0);
                assert_int_equal(f.liveness, 0);
                assert_int_equal(f.frames_used, 0);
                assert_int_equal(f.frames_matched, 0);
                assert_int_equal(f.attack_signs, 0);
                check_end(&c);
        }
}

static void a_wall_is_no_face(void **state) {
        _cleanup_free_ uint8_t *pixels = malloc(640 * 480);
        Image image = {
                .format = PIXEL_FORMAT_GREY, .width = 640, .height = 480, .plane = { pixels }, .stride = { 640 },
        };
        Check c;

        need_models();
        assert_non_null(pixels);
        check_begin(&c);
        for (unsigned i = 0; i < 20; i++) {
                for (unsigned k = 0; k < 640 * 480; k++)
                        pixels[k] = (uint8_t) (k % 640 / 4 + k / 640 / 8 + i % 2);
                check_frame(&c, &image);
                assert_int_equal(c.last.obstacle, REASON_NO_FACE);
                assert_int_equal(c.last.faces, 0);
                assert_false(c.last.enough);
        }
        Findings f = check_findings(&c);
        assert_int_equal(f.frames_used, 0);
        assert_int_equal(f.attack_signs, 0);
        check_end(&c);
}

/* The same face in every format a camera may have. */
static void formats_show_the_same_face(void **state) {
        _cleanup_(recording_done) Recording r = {};
        _cleanup_(picture_done) Picture frame = {};
        Measures *m = calloc(2, sizeof(*m));
        Check c;

        need_recordings();
        assert_non_null(m);
        assert_int_equal(recording_open(recording_path("person04-live.avi"), &r), 0);
        assert_int_equal(recording_next(&r, &frame), 1);
        unsigned width = frame.image.width & ~1u, height = frame.image.height & ~1u;
        unsigned halved = frame.image.format == PIXEL_FORMAT_I420 ? 2 : 1;
        _cleanup_free_ uint8_t *nv12 = malloc((size_t) width * height * 3 / 2), *yuy2 = malloc((size_t) width * height * 2);
        assert_non_null(nv12);
        assert_non_null(yuy2);

        /* cameras that send raw pictures use the studio range, JPEG the full one */
        for (unsigned y = 0; y < height; y++)
                for (unsigned x = 0; x < width; x++) {
                        const Image *i = &frame.image;
                        uint8_t luma = (uint8_t) (16 + i->plane[0][y * i->stride[0] + x] * 219 / 255);
                        uint8_t chroma = i->plane[1 + x % 2][y / halved * i->stride[1] + x / 2];

                        chroma = (uint8_t) (16 + chroma * 224 / 255);
                        nv12[(size_t) y * width + x] = luma;
                        nv12[(size_t) (height + y / 2) * width + x] = chroma;
                        yuy2[((size_t) y * width + x) * 2] = luma;
                        yuy2[((size_t) y * width + x) * 2 + 1] = chroma;
                }
        Image images[] = {
                { .format = PIXEL_FORMAT_NV12, .width = width, .height = height,
                  .plane = { nv12, nv12 + (size_t) width * height }, .stride = { width, width } },
                { .format = PIXEL_FORMAT_YUY2, .width = width, .height = height,
                  .plane = { yuy2 }, .stride = { (size_t) width * 2 } },
                { .format = PIXEL_FORMAT_GREY, .width = width, .height = height,
                  .plane = { frame.image.plane[0] }, .stride = { frame.image.stride[0] } },
        };

        check_begin(&c);
        assert_int_equal(vision_measure(c.vision, &frame.image, &m[0]), 0);
        for (size_t i = 0; i < ELEMENTSOF(images); i++) {
                double similarity = 0;

                assert_int_equal(vision_measure(c.vision, &images[i], &m[1]), 0);
                assert_true(m[1].faces > 0);
                for (size_t k = 0; k < m[0].n_embedding; k++)
                        similarity += (double) (m[0].embedding[k] * m[1].embedding[k]);
                assert_true(similarity > (images[i].format == PIXEL_FORMAT_GREY ? 0.75 : 0.97));
        }
        check_end(&c);
        free(m);
}

static void bad_arguments_are_refused(void **state) {
        static uint8_t pixels[64 * 64 * 3];
        Image good = {
                .format = PIXEL_FORMAT_RGB, .width = 64, .height = 64, .plane = { pixels }, .stride = { 64 * 3 },
        };
        Observation o;
        Reason reason;
        Findings f = {};
        Check c;

        need_models();
        check_begin(&c);
        Image bad[] = { good, good, good, good, good, good, good };
        bad[0].plane[0] = NULL;
        bad[1].stride[0] = 64 * 3 - 1;
        bad[2].width = 100000;
        bad[3].format = _PIXEL_FORMAT_MAX;
        bad[4].format = PIXEL_FORMAT_I420;
        bad[5].stride[0] = SIZE_MAX;
        bad[6].height = 0;
        assert_int_equal(vision_observe(c.vision, &good, &o), 0);
        for (size_t i = 0; i < ELEMENTSOF(bad); i++) {
                assert_int_equal(vision_observe(c.vision, &bad[i], &o), -EINVAL);
                if (bad[i].height > 0)
                        assert_int_equal(vision_set_reference(c.vision, &bad[i], &reason), -EINVAL);
        }
        assert_int_equal(vision_observe(NULL, &good, &o), -EINVAL);
        assert_int_equal(vision_observe(c.vision, NULL, &o), -EINVAL);
        assert_int_equal(vision_set_reference(c.vision, NULL, &reason), -EINVAL);
        assert_int_equal(vision_conclude(NULL, &f), -EINVAL);
        assert_int_equal(vision_conclude(c.vision, NULL), -EINVAL);
        assert_null(vision_free(NULL));
        check_end(&c);
}

/* Each network in turn: not a network at all, and another one of the manifest in its place. */
static void wrong_networks_are_named(void **state) {
        _cleanup_(manifest_freep) Manifest *m = NULL;
        int fds[MANIFEST_MODELS_MAX], junk;

        need_models();
        assert_int_equal(manifest_load(SOURCE_ROOT "/models/manifest", models_directory, &m), 0);
        junk = memfd_create("junk", MFD_CLOEXEC);
        assert_true(junk >= 0);
        assert_int_equal(write(junk, "no network", 10), 10);
        for (size_t i = 0; i < m->n_models; i++)
                assert_true((fds[i] = open(m->models[i].path, O_RDONLY | O_CLOEXEC)) >= 0);

        for (size_t i = 0; i < m->n_models; i++) {
                int right = fds[i], wrong[] = { junk, fds[i == 0 ? 1 : 0], -1 };

                for (size_t k = 0; k < ELEMENTSOF(wrong); k++) {
                        Vision *v = NULL;
                        size_t failed = SIZE_MAX;

                        fds[i] = wrong[k];
                        assert_true(vision_new(&v, m, fds, &failed) < 0);
                        assert_int_equal(failed, i);
                        assert_null(v);
                }
                fds[i] = right;
        }

        for (size_t i = 0; i < m->n_models; i++)
                close(fds[i]);
        close(junk);
}

/* $variable, else `fallback`, if there is a file of that name in it. */
static const char *find_directory(const char *variable, const char *fallback, const char *file) {
        static char paths[2][4096];
        static unsigned used;
        const char *directory = getenv(variable);
        char *path = paths[used++ % 2];

        snprintf(path, sizeof(paths[0]), "%s/%s", directory ?: fallback, file);
        if (access(path, R_OK) < 0)
                return NULL;
        *strrchr(path, '/') = '\0';
        return path;
}

int main(void) {
        static const struct CMUnitTest tests[] = {
                cmocka_unit_test(own_portraits_match),
                cmocka_unit_test(other_portraits_never_match),
                cmocka_unit_test(replays_are_not_live),
                cmocka_unit_test(close_replays_never_pass),
                cmocka_unit_test(another_camera_is_live),
                cmocka_unit_test(another_person_starts_again),
                cmocka_unit_test(turns_are_never_fused),
                cmocka_unit_test(covered_mouth_is_no_evidence),
                cmocka_unit_test(obstacles_are_named),
                cmocka_unit_test(two_in_front_are_too_many),
                cmocka_unit_test(loops_are_signs_of_an_attack),
                cmocka_unit_test(bad_portraits_are_named),
                cmocka_unit_test(noise_of_any_format_is_no_evidence),
                cmocka_unit_test(a_wall_is_no_face),
                cmocka_unit_test(formats_show_the_same_face),
                cmocka_unit_test(bad_arguments_are_refused),
                cmocka_unit_test(wrong_networks_are_named),
        };

        models_directory = find_directory("LIKENESS_MODELS", SOURCE_ROOT "/../shared/models",
                                          "face_detection_yunet_2022mar.onnx");
        camera_directory = find_directory("LIKENESS_DATA", SOURCE_ROOT "/../shared/data", "camera/person01-live.avi");
        return cmocka_run_group_tests(tests, NULL, NULL);
}

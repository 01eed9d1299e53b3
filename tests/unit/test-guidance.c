/* SPDX-License-Identifier: Apache-2.0 */

#include "guidance.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define FRAME UINT64_C(33333)

typedef struct Scene {
        Guidance guidance;
        uint64_t now;
        unsigned prompts;              /* told so far */
} Scene;

static Scene scene_new(bool relaxed) {
        Scene s = { .now = 1000000 };

        guidance_init(&s.guidance, relaxed, s.now);
        return s;
}

static void show(Scene *s, Observation seen, unsigned frames) {
        for (unsigned i = 0; i < frames; i++) {
                s->now += FRAME;
                s->prompts += guidance_update(&s->guidance, &seen, s->now);
        }
}

static const Observation no_face = { .obstacle = REASON_NO_FACE };
static const Observation far = { .faces = 1, .obstacle = REASON_TOO_FAR };
static const Observation fine = { .faces = 1 };

static void test_a_passing_obstacle_is_not_spoken_about(void **state) {
        Scene s = scene_new(false);

        show(&s, fine, 60);
        assert_int_equal(s.guidance.shown, PROMPT_CHECKING);
        assert_int_equal(s.prompts, 1);
        show(&s, far, 5);
        show(&s, fine, 60);
        assert_int_equal(s.prompts, 1);
}

static void test_a_lasting_obstacle_is_told_once(void **state) {
        Scene s = scene_new(false);

        show(&s, far, 90);
        assert_int_equal(s.guidance.shown, PROMPT_COME_CLOSER);
        assert_int_equal(s.prompts, 1);
        show(&s, far, 300);
        assert_int_equal(s.prompts, 1);
}

static void test_a_prompt_stays_long_enough_to_be_read(void **state) {
        Scene s = scene_new(false);
        Prompt before;
        uint64_t changed = s.now;

        /* the worst case: the picture changes its mind every 0.4 s */
        for (unsigned i = 0; i < 50; i++) {
                before = s.guidance.shown;
                show(&s, i % 2 ? far : no_face, 12);
                if (s.guidance.shown != before) {
                        assert_true(s.guidance.shown_since - changed >= 1000000);
                        changed = s.guidance.shown_since;
                }
        }
        assert_true(s.prompts > 2);
        assert_true(s.prompts <= 50 * 12 * FRAME / 1000000 + 1);
}

static void test_relaxed_is_slower(void **state) {
        Scene normal = scene_new(false), relaxed = scene_new(true);

        show(&normal, far, 40);
        show(&relaxed, far, 40);
        assert_int_equal(normal.guidance.shown, PROMPT_COME_CLOSER);
        assert_int_equal(relaxed.guidance.shown, PROMPT_LOOK_AT_CAMERA);
        show(&relaxed, far, 40);
        assert_int_equal(relaxed.guidance.shown, PROMPT_COME_CLOSER);
}

static void test_a_new_face_is_told_at_once(void **state) {
        Observation changed = { .faces = 1, .restarted = true };
        Scene s = scene_new(false);

        show(&s, fine, 40);
        show(&s, changed, 1);
        assert_int_equal(s.guidance.shown, PROMPT_STARTING_AGAIN);
}

static void test_the_longest_obstacle_is_the_reason(void **state) {
        Scene s = scene_new(false);

        assert_int_equal(guidance_obstacle(&s.guidance), REASON_NONE);
        show(&s, fine, 100);
        assert_int_equal(guidance_obstacle(&s.guidance), REASON_NONE);
        show(&s, no_face, 20);
        show(&s, far, 40);
        show(&s, no_face, 10);
        assert_int_equal(guidance_obstacle(&s.guidance), REASON_TOO_FAR);

        /* a gap without frames is nobody's fault */
        s.now += 60000000;
        show(&s, no_face, 1);
        assert_int_equal(guidance_obstacle(&s.guidance), REASON_TOO_FAR);
}

static void test_every_obstacle_has_advice(void **state) {
        static const struct {
                Reason obstacle;
                Prompt prompt;
        } advice[] = {
                { REASON_NO_FACE, PROMPT_LOOK_AT_CAMERA },   { REASON_SEVERAL_FACES, PROMPT_ONE_PERSON },
                { REASON_TOO_DARK, PROMPT_MORE_LIGHT },      { REASON_BACKLIT, PROMPT_LIGHT_BEHIND },
                { REASON_TOO_FAR, PROMPT_COME_CLOSER },      { REASON_TURNED_AWAY, PROMPT_FACE_CAMERA },
                { REASON_FACE_COVERED, PROMPT_UNCOVER_FACE },
        };

        for (size_t i = 0; i < ELEMENTSOF(advice); i++) {
                Scene s = scene_new(false);

                show(&s, (Observation) { .faces = 1, .obstacle = advice[i].obstacle }, 60);
                assert_int_equal(s.guidance.shown, advice[i].prompt);
        }

        Scene s = scene_new(false);
        show(&s, (Observation) { .faces = 1, .obstacle = REASON_TOO_FAR, .too_close = true }, 60);
        assert_int_equal(s.guidance.shown, PROMPT_MOVE_BACK);
}

int main(void) {
        static const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_a_passing_obstacle_is_not_spoken_about),
                cmocka_unit_test(test_a_lasting_obstacle_is_told_once),
                cmocka_unit_test(test_a_prompt_stays_long_enough_to_be_read),
                cmocka_unit_test(test_relaxed_is_slower),
                cmocka_unit_test(test_a_new_face_is_told_at_once),
                cmocka_unit_test(test_the_longest_obstacle_is_the_reason),
                cmocka_unit_test(test_every_obstacle_has_advice),
        };

        return cmocka_run_group_tests_name("guidance", tests, NULL, NULL);
}

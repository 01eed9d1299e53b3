/* SPDX-License-Identifier: Apache-2.0 */

/* What an entry "health" counts, and that the schema knows every word of it. */

#include "tally.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define MSEC UINT64_C(1000)

static void close_with(Tally *t, Verdict verdict, uint64_t msec) {
        const Decision decision = { .verdict = verdict };

        t->checks++;
        tally_close(t, CAUSE_VERDICT, &decision, msec * MSEC);
}

static json_int_t count(const json_t *claims, const char *group, const char *word) {
        const json_t *value = json_object_get(json_object_get(claims, group), word);

        return value ? json_integer_value(value) : -1;
}

static void test_nothing(void **state) {
        const Tally t = { 0 };
        json_auto_t *claims = tally_claims(&t);

        assert_non_null(claims);
        assert_int_equal(json_object_size(claims), 3);
        assert_int_equal(json_integer_value(json_object_get(claims, "checks")), 0);
        assert_int_equal(json_object_size(json_object_get(claims, "answers")), 0);
        assert_int_equal(json_object_size(json_object_get(claims, "aborted")), 0);
}

static void test_counts(void **state) {
        Tally t = { 0 };
        json_auto_t *claims = NULL;

        for (int i = 0; i < 3; i++)
                close_with(&t, VERDICT_MATCH, 800);
        close_with(&t, VERDICT_INCONCLUSIVE, 900);
        t.checks += 3;
        tally_close(&t, CAUSE_CANCELLED, NULL, 0);
        tally_close(&t, CAUSE_CAMERA_LOST, NULL, 0);
        tally_close(&t, CAUSE_CAMERA_LOST, NULL, 0);

        claims = tally_claims(&t);
        assert_int_equal(json_integer_value(json_object_get(claims, "checks")), 7);
        assert_int_equal(count(claims, "answers", "match"), 3);
        assert_int_equal(count(claims, "answers", "inconclusive"), 1);
        assert_int_equal(count(claims, "answers", "no-match"), -1);
        assert_int_equal(count(claims, "aborted", "cancelled"), 1);
        assert_int_equal(count(claims, "aborted", "camera-lost"), 2);
        assert_int_equal(count(claims, "aborted", "verdict"), -1);
}

static json_int_t p95(const Tally *t) {
        json_auto_t *claims = tally_claims(t);
        const json_t *value = json_object_get(claims, "p95");

        return value ? json_integer_value(value) : -1;
}

/* Of few answers it would be a customer's own time. */
static void test_p95_needs_many(void **state) {
        Tally t = { 0 };

        for (unsigned i = 1; i < 20; i++) {
                close_with(&t, VERDICT_MATCH, 1234);
                assert_int_equal(p95(&t), -1);
        }
        tally_close(&t, CAUSE_CANCELLED, NULL, 1234 * MSEC);
        assert_int_equal(p95(&t), -1);
        close_with(&t, VERDICT_MATCH, 1234);
        assert_int_equal(p95(&t), 1200);
}

static void test_p95_is_rounded(void **state) {
        static const struct {
                uint64_t msec;
                json_int_t rounded;
        } cases[] = { { 0, 0 }, { 49, 0 }, { 50, 100 }, { 1249, 1200 }, { 1250, 1300 }, { 1299, 1300 } };

        for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
                Tally t = { 0 };

                for (int j = 0; j < 20; j++)
                        close_with(&t, VERDICT_MATCH, cases[i].msec);
                assert_int_equal(p95(&t), cases[i].rounded);
        }
}

static void test_p95(void **state) {
        Tally t = { 0 };

        for (unsigned i = 1; i <= 100; i++)
                close_with(&t, VERDICT_NO_MATCH, i * 100);
        assert_int_equal(p95(&t), 9500);

        for (unsigned i = 0; i < 5; i++)
                close_with(&t, VERDICT_MATCH, 40);
        assert_int_equal(p95(&t), 9500); /* the 100th of 105 */
        close_with(&t, VERDICT_MATCH, 51);
        for (unsigned i = 0; i < 1000; i++)
                close_with(&t, VERDICT_MATCH, UINT64_C(10000000));
        assert_int_equal(p95(&t), TALLY_STEPS * TALLY_STEP_MSEC);
}

static void test_out_of_range(void **state) {
        const Decision wrong = { .verdict = _VERDICT_MAX };
        Tally t = { 0 };

        tally_close(&t, _CAUSE_MAX, NULL, 1);
        tally_close(&t, (Cause) -1, NULL, UINT64_MAX);
        tally_close(&t, CAUSE_VERDICT, &wrong, 1);
        tally_close(&t, CAUSE_VERDICT, NULL, 1);
        assert_int_equal(t.aborted[CAUSE_VERDICT], 2);
}

/* The words that may stand in an object of the schema. */
static bool lists(const json_t *words, const char *word) {
        json_t *member;
        size_t i;

        json_array_foreach(words, i, member)
                if (strcmp(json_string_value(member), word) == 0)
                        return true;
        return false;
}

static void test_schema_has_all_words(void **state) {
        json_auto_t *schema = json_load_file(RECEIPT_SCHEMA, 0, NULL);
        const json_t *definitions = json_object_get(schema, "$defs"), *verdicts, *causes;

        verdicts = json_object_get(json_object_get(definitions, "verdict"), "enum");
        causes = json_object_get(json_object_get(json_object_get(definitions, "aborted"), "propertyNames"), "enum");
        assert_int_equal(json_array_size(verdicts), _VERDICT_MAX);
        for (Verdict v = 0; v < _VERDICT_MAX; v++)
                assert_true(lists(verdicts, verdict_to_string(v)));

        /* with the cause "record" no closing entry could be written */
        assert_int_equal(json_array_size(causes), _CAUSE_MAX - 2);
        for (Cause c = 0; c < _CAUSE_MAX; c++)
                assert_int_equal(lists(causes, cause_to_string(c)), c != CAUSE_VERDICT && c != CAUSE_RECORD);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_nothing),
                cmocka_unit_test(test_counts),
                cmocka_unit_test(test_p95_needs_many),
                cmocka_unit_test(test_p95),
                cmocka_unit_test(test_p95_is_rounded),
                cmocka_unit_test(test_out_of_range),
                cmocka_unit_test(test_schema_has_all_words),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: Apache-2.0 */

/* The newest entry of a kind, wherever it is. */

#include "ledger-fixture.h"
#include "macro.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void put(Ledger *l, int number) {
        json_t *claims = json_pack("{s:i}", "test", number);

        assert_non_null(claims);
        assert_int_equal(ledger_append(l, "configuration-changed", claims, NULL), 0);
}

static void assert_last(const Ledger *l, int number) {
        json_auto_t *claims = NULL;

        assert_int_equal(ledger_find_last(l, "configuration-changed", &claims), 1);
        assert_int_equal(json_integer_value(json_object_get(claims, "test")), number);
}

static void test_none(void **state) {
        LedgerFixture *f = *state;
        json_t *claims = NULL;

        assert_int_equal(reopen(f, 4), 0);
        assert_int_equal(ledger_find_last(f->ledger, "configuration-changed", &claims), 0);
        for (unsigned i = 0; i < 9; i++)
                assert_int_equal(append_health(f->ledger), 0);
        assert_int_equal(ledger_find_last(f->ledger, "configuration-changed", &claims), 0);
        assert_null(claims);
}

static void test_the_newest(void **state) {
        LedgerFixture *f = *state;

        assert_int_equal(reopen(f, 8), 0);
        put(f->ledger, 1);
        assert_last(f->ledger, 1);
        put(f->ledger, 2);
        assert_last(f->ledger, 2);
        assert_int_equal(append_health(f->ledger), 0);
        assert_last(f->ledger, 2);
}

/* At every place in the three bytes that become four characters: the numbers before it grow from one digit to three. */
static void test_wherever_it_is(void **state) {
        LedgerFixture *f = *state;

        assert_int_equal(reopen(f, 4), 0);
        for (int i = 0; i < 60; i++) {
                put(f->ledger, i);
                assert_last(f->ledger, i);
                for (int k = 0; k < i % 7; k++)
                        assert_int_equal(append_health(f->ledger), 0);
                assert_last(f->ledger, i);
        }
        assert_int_equal(reopen(f, 4), 0);
        assert_last(f->ledger, 59);
}

/* 64 segments are looked at, not all that there ever were. */
static void test_not_for_ever(void **state) {
        LedgerFixture *f = *state;
        json_t *claims = NULL;

        assert_int_equal(reopen(f, 2), 0);
        put(f->ledger, 1);
        for (int i = 0; i < 60; i++)
                assert_int_equal(append_health(f->ledger), 0);
        assert_last(f->ledger, 1);
        for (int i = 0; i < 5; i++)
                assert_int_equal(append_health(f->ledger), 0);
        assert_int_equal(ledger_find_last(f->ledger, "configuration-changed", &claims), 0);
}

int main(void) {
        static const struct CMUnitTest tests[] = {
                WITH_LEDGER(test_none),
                WITH_LEDGER(test_the_newest),
                WITH_LEDGER(test_wherever_it_is),
                WITH_LEDGER(test_not_for_ever),
        };

        signer_wipe_json();
        return cmocka_run_group_tests_name("ledger-last", tests, NULL, NULL);
}

/* SPDX-License-Identifier: Apache-2.0 */

/* Attempts read back from a ledger of several boots, with the boot's clock as the test wants it. */

#include "attempts.h"
#include "ledger-fixture.h"
#include "macro.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#define BOOT_A "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define BOOT_B "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"
#define BOOT_C "cccccccccccccccccccccccccccccccc"
#define HOUR ATTEMPTS_HOUR_MSEC
#define DAY (24 * HOUR)

static const char *boot = BOOT_A;
static uint64_t now = 1;

int __wrap_entry_boot_id(char ret[static BOOT_ID_SIZE]);
int __real_clock_gettime(clockid_t clock, struct timespec *ret);
int __wrap_clock_gettime(clockid_t clock, struct timespec *ret);

int __wrap_entry_boot_id(char ret[static BOOT_ID_SIZE]) {
        (void) snprintf(ret, BOOT_ID_SIZE, "%s", boot);
        return 0;
}

int __wrap_clock_gettime(clockid_t clock, struct timespec *ret) {
        if (clock != CLOCK_BOOTTIME)
                return __real_clock_gettime(clock, ret);
        *ret = (struct timespec) { .tv_sec = (time_t) (now / 1000), .tv_nsec = (long) (now % 1000) * 1000000 };
        return 0;
}

/* A restart of the service at this moment. */
static void restart(LedgerFixture *f, const char *id, uint64_t at) {
        boot = id;
        now = at;
        assert_int_equal(reopen(f, 8), 0);
}

static void opened(LedgerFixture *f, const char *transaction, const char *operator_id, uint64_t at) {
        now = at;
        assert_int_equal(ledger_append(f->ledger, "opened",
                                       json_pack("{s:s,s:s*,s:s*,s:i}", "support-code", "X", "transaction", transaction,
                                                 "operator", operator_id, "caller", 1),
                                       NULL), 0);
}

/* `face`: 0 or 1, or -1 for a closing that says nothing of it. */
static void closed(LedgerFixture *f, const char *cause, const char *verdict, int face) {
        json_t *claims = json_pack("{s:s,s:s*}", "cause", cause, "verdict", verdict);

        assert_non_null(claims);
        if (face >= 0)
                assert_int_equal(json_object_set_new(claims, "face-seen", json_boolean(face)), 0);
        assert_int_equal(ledger_append(f->ledger, "closed", claims, NULL), 0);
}

static Attempts *read_back(LedgerFixture *f) {
        Attempts *a = NULL;

        assert_int_equal(attempts_new(&a), 0);
        assert_int_equal(attempts_read(a, f->ledger, DAY), 0);
        return a;
}

static unsigned left(LedgerFixture *f, const char *transaction) {
        _cleanup_(attempts_freep) Attempts *a = read_back(f);

        return attempts_standing(a, transaction, now, DAY).left;
}

static void test_each_closing(void **state) {
        static const struct {
                const char *cause, *verdict;
                int face;
                unsigned left;
        } cases[] = {
                { "verdict", "match", 1, 3 },
                { "verdict", "exhausted", 0, 3 },
                { "verdict", "no-match", 1, 2 },
                { "verdict", "not-live", 1, 2 },
                { "verdict", "inconclusive", 1, 3 },
                { "cancelled", NULL, 0, 3 },
                { "cancelled", NULL, 1, 2 },
                { "caller-gone", NULL, 1, 2 },
                { "interrupted", NULL, -1, 2 },
                { "interrupted", NULL, 0, 3 },
                { "of-a-later-version", NULL, 0, 2 },
                { "verdict", "of-a-later-version", 1, 2 },
        };
        LedgerFixture *f = *state;
        char name[16];

        restart(f, BOOT_A, HOUR);
        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                (void) snprintf(name, sizeof(name), "T%zu", i);
                opened(f, name, NULL, HOUR);
                closed(f, cases[i].cause, cases[i].verdict, cases[i].face);
                assert_int_equal(left(f, name), cases[i].left);
        }
}

/* Nobody closed it: the ledger does at its next opening, without a word about a face. */
static void test_a_crash(void **state) {
        LedgerFixture *f = *state;

        restart(f, BOOT_A, HOUR);
        opened(f, "T", NULL, HOUR);
        assert_int_equal(left(f, "T"), 2);
        restart(f, BOOT_A, HOUR + 1);
        assert_int_equal(left(f, "T"), 2);
        restart(f, BOOT_B, 1);
        assert_int_equal(left(f, "T"), 2);
}

static void test_the_window_in_one_boot(void **state) {
        LedgerFixture *f = *state;

        restart(f, BOOT_A, HOUR);
        for (unsigned i = 0; i < 3; i++) {
                opened(f, "T", NULL, HOUR);
                closed(f, "verdict", "no-match", 1);
        }
        /* many segments: those that began before the window are not read */
        for (unsigned i = 0; i < 40; i++) {
                opened(f, "other", NULL, 2 * HOUR + i * HOUR / 4);
                closed(f, "verdict", "match", 1);
        }
        restart(f, BOOT_A, HOUR + DAY - 1);
        assert_int_equal(left(f, "T"), 0);
        restart(f, BOOT_A, HOUR + DAY);
        assert_int_equal(left(f, "T"), 3);
}

static void test_boots(void **state) {
        LedgerFixture *f = *state;
        _cleanup_(attempts_freep) Attempts *a = NULL;

        restart(f, BOOT_A, HOUR);
        opened(f, "T", "anna", HOUR);
        closed(f, "verdict", "no-match", 1);
        opened(f, "T", "anna", 30 * HOUR);
        closed(f, "verdict", "no-match", 1);
        assert_int_equal(left(f, "T"), 2);

        /* the last one counts from the new start on; the first one was over before it */
        restart(f, BOOT_B, HOUR / 2);
        assert_int_equal(left(f, "T"), 2);
        a = read_back(f);
        assert_int_equal(attempts_wait(a, "anna", 1, now), HOUR / 2);
        a = attempts_free(a);

        now = DAY - 1;
        assert_int_equal(left(f, "T"), 2);
        now = DAY;
        assert_int_equal(left(f, "T"), 3);

        /* an entry late in that boot, and one boot more: its own window starts again, the old one is over */
        opened(f, "T", "anna", DAY + HOUR);
        closed(f, "verdict", "no-match", 1);
        restart(f, BOOT_C, 5);
        assert_int_equal(left(f, "T"), 2);
        a = read_back(f);
        assert_int_equal(attempts_last_hour(a, "anna", now), 1);
        assert_int_equal(attempts_standing(a, "T", DAY, DAY).left, 3);
}

static void test_an_entry_that_cannot_be_read(void **state) {
        LedgerFixture *f = *state;
        _cleanup_(attempts_freep) Attempts *a = NULL;
        char *text;
        size_t size;

        restart(f, BOOT_A, HOUR);
        for (unsigned i = 0; i < 8; i++) {
                opened(f, "T", NULL, HOUR);
                closed(f, "verdict", "match", 1);
        }
        text = file_text(f->directory, segment_file(1), &size);
        strchr(text, '.')[5] = '!';     /* in the claims of the first entry */
        file_write(f->directory, segment_file(1), text, size);
        free(text);
        assert_int_equal(attempts_new(&a), 0);
        assert_true(attempts_read(a, f->ledger, DAY) < 0);
}

int main(void) {
        static const struct CMUnitTest tests[] = {
                WITH_LEDGER(test_each_closing),
                WITH_LEDGER(test_a_crash),
                WITH_LEDGER(test_the_window_in_one_boot),
                WITH_LEDGER(test_boots),
                WITH_LEDGER(test_an_entry_that_cannot_be_read),
        };

        signer_wipe_json();
        return cmocka_run_group_tests(tests, NULL, NULL);
}

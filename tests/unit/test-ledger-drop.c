/* SPDX-License-Identifier: Apache-2.0 */

/* Retention: what goes, what stays whatever the clock says, and that the rest is whole after every crash. */

#include "ledger-fixture.h"
#include "log.h"
#include "macro.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/timex.h>
#include <time.h>

#include <cmocka.h>

#define DAY 86400
#define NOW 1900000000

static time_t fake_time;
static bool fake_synchronised;
static int unlinks_left;               /* of segments, before one fails; negative: none does */

time_t __wrap_time(time_t *ret);
time_t __wrap_time(time_t *ret) {
        return fake_time;
}

int __wrap_adjtimex(struct timex *tx);
int __wrap_adjtimex(struct timex *tx) {
        tx->status = fake_synchronised ? 0 : STA_UNSYNC;
        return fake_synchronised ? TIME_OK : TIME_ERROR;
}

int __real_unlinkat(int directory, const char *path, int flags);
int __wrap_unlinkat(int directory, const char *path, int flags);
int __wrap_unlinkat(int directory, const char *path, int flags) {
        if (strncmp(path, "ledger-", 7) == 0 && unlinks_left >= 0 && unlinks_left-- == 0) {
                errno = EIO;
                return -1;
        }
        return __real_unlinkat(directory, path, flags);
}

static int set_up(void **state) {
        fake_time = NOW;
        fake_synchronised = true;
        unlinks_left = -1;
        log_set_max_level(LOG_ERR);
        return ledger_set_up(state);
}

#define WITH(test) cmocka_unit_test_setup_teardown(test, set_up, ledger_tear_down)

static void checks(LedgerFixture *f, unsigned n) {
        for (unsigned i = 0; i < n; i++) {
                assert_int_equal(append_opened(f->ledger, NONCE_A), 0);
                assert_int_equal(append_closed(f->ledger, NONCE_A, NULL), 0);
        }
}

/* To nowhere, but whole; and noted. */
static void export_from(LedgerFixture *f, uint64_t from) {
        _cleanup_close_ int fd = memfd_create("export", MFD_CLOEXEC);

        assert_int_equal(ledger_export(f->ledger, from, fd), 0);
        assert_int_equal(ledger_mark_exported(f->ledger, from), 0);
}

/* The number of the first entry that is left. */
static uint64_t first(const LedgerFixture *f) {
        return f->ledger->segments.firsts[0];
}

/* A hundred days of checks, one a day, in segments of 8 entries or a week; exported. */
static void hundred_days(LedgerFixture *f) {
        fake_time = NOW - 100 * DAY;
        assert_int_equal(reopen(f, 8), 0);
        for (int day = 100; day > 0; day--) {
                fake_time = NOW - day * DAY;
                checks(f, 1);
        }
        fake_time = NOW;
        export_from(f, 0);
}

static void assert_whole(LedgerFixture *f) {
        uint64_t last = ledger_sequence(f->ledger), begin = first(f);

        assert_int_equal(check_chain(f->directory, RECEIPT_TYP), last);
        assert_int_equal(reopen(f, 8), 0);
        assert_int_equal(ledger_sequence(f->ledger), last);
        assert_int_equal(first(f), begin);
        checks(f, 1);
        assert_int_equal(check_chain(f->directory, RECEIPT_TYP), ledger_sequence(f->ledger));
}

/* The highest time before the first segment that is left. */
static uint64_t latest_before(const LedgerFixture *f) {
        json_auto_t *summary = NULL;

        assert_int_equal(ledger_read_summary(f->ledger, 0, &summary), 0);
        return entry_number(summary, "latest");
}

static void test_what_is_old_goes(void **state) {
        LedgerFixture *f = *state;
        json_auto_t *dropped = NULL, *next = NULL;
        int n;

        hundred_days(f);
        assert_int_equal(first(f), 1);
        n = ledger_drop(f->ledger, 40);
        assert_in_range(n, 10, 30);

        /* all that could go, and nothing else */
        assert_true(latest_before(f) < NOW - 40 * DAY);
        assert_int_equal(ledger_read_summary(f->ledger, 1, &next), 0);
        assert_true(entry_number(next, "latest") >= NOW - 40 * DAY);

        assert_int_equal(ledger_find_last(f->ledger, "dropped", &dropped), 1);
        assert_int_equal(entry_number(dropped, "first"), first(f));
        assert_int_equal(entry_number(dropped, "entries"), first(f) - 1);
        assert_int_equal(entry_number(dropped, "latest"), latest_before(f));
        assert_whole(f);

        assert_int_equal(ledger_drop(f->ledger, 40), 0);
        assert_int_equal(count_entries(f->directory, "dropped", NULL, NULL), 1);

        /* a month later it goes on */
        fake_time = NOW + 30 * DAY;
        export_from(f, 0);
        assert_true(ledger_drop(f->ledger, 40) > 0);
        assert_int_equal(count_entries(f->directory, "dropped", NULL, NULL), 2);
        assert_whole(f);
}

static void test_what_is_new_stays(void **state) {
        LedgerFixture *f = *state;

        hundred_days(f);
        assert_int_equal(ledger_drop(f->ledger, 101), 0);
        assert_int_equal(first(f), 1);
        assert_int_equal(count_entries(f->directory, "dropped", NULL, NULL), 0);
}

/* However old: nobody else has it. */
static void test_what_was_not_exported_stays(void **state) {
        LedgerFixture *f = *state;
        uint64_t unexported;

        hundred_days(f);
        fake_time = NOW + DAY;
        checks(f, 20);
        unexported = f->ledger->unexported;
        fake_time = NOW + 1000 * DAY;
        assert_true(ledger_drop(f->ledger, 40) > 0);
        assert_true(first(f) <= unexported);
        assert_true(f->ledger->segments.firsts[1] > unexported);
        assert_whole(f);

        /* an export that leaves some out does not count for them */
        export_from(f, NOW + 900 * DAY);
        assert_int_equal(ledger_drop(f->ledger, 40), 0);
        export_from(f, 0);
        assert_true(ledger_drop(f->ledger, 40) > 0);
        assert_true(first(f) > unexported);
        assert_whole(f);
}

static void test_never_exported(void **state) {
        LedgerFixture *f = *state;

        assert_int_equal(reopen(f, 8), 0);
        checks(f, 50);
        fake_time = NOW + 30000L * DAY;
        assert_int_equal(ledger_drop(f->ledger, 30), 0);
        assert_int_equal(first(f), 1);
}

static void test_an_unsynchronised_clock_deletes_nothing(void **state) {
        LedgerFixture *f = *state;

        hundred_days(f);
        fake_synchronised = false;
        assert_int_equal(ledger_drop(f->ledger, 40), 0);
        fake_time = NOW + 100000L * DAY;
        assert_int_equal(ledger_drop(f->ledger, 40), 0);
        assert_int_equal(first(f), 1);

        /* set back before there was anything */
        fake_synchronised = true;
        fake_time = 20 * DAY;
        assert_int_equal(ledger_drop(f->ledger, 40), 0);
        assert_int_equal(first(f), 1);
}

static void test_two_segments_stay(void **state) {
        LedgerFixture *f = *state;

        hundred_days(f);
        fake_time = NOW + 1000 * DAY;
        assert_true(ledger_drop(f->ledger, 30) > 0);
        assert_true(f->ledger->segments.n >= 2);
        assert_whole(f);
}

/* The opening of an attempt that is under way is needed for its closing, also after a crash. */
static void test_an_open_attempt_stays(void **state) {
        LedgerFixture *f = *state;
        uint64_t open;

        hundred_days(f);
        assert_int_equal(append_opened(f->ledger, NONCE_B), 0);
        open = ledger_sequence(f->ledger);
        for (unsigned i = 0; i < 40; i++)
                assert_int_equal(append_health(f->ledger), 0);
        fake_time = NOW + 1000 * DAY;
        export_from(f, 0);
        assert_true(ledger_drop(f->ledger, 30) > 0);
        assert_true(first(f) <= open);
        assert_int_equal(reopen(f, 8), 0);
        assert_int_equal(count_entries(f->directory, "closed", "cause", "interrupted"), 1);
}

/* On a terminal with few checks a segment would take months to fill. */
static void test_a_segment_ends_after_a_week(void **state) {
        LedgerFixture *f = *state;

        fake_time = NOW;
        assert_int_equal(reopen(f, 1024), 0);
        for (unsigned day = 0; day < 100; day++) {
                fake_time = NOW + day * DAY;
                checks(f, 1);
                export_from(f, 0);
                (void) ledger_drop(f->ledger, 30);
        }
        assert_in_range(f->ledger->segments.n, 4, 8);
        assert_in_range(latest_before(f), NOW + 50 * DAY, NOW + 70 * DAY);
        assert_whole(f);
}

static void test_nothing_of_its_own_is_taken_from_others(void **state) {
        LedgerFixture *f = *state;

        assert_int_equal(reopen(f, 8), 0);
        assert_int_equal(ledger_append(f->ledger, "dropped", json_object(), NULL), -EINVAL);
}

/* A file that cannot be deleted: what is there is whole, and it is tried again. */
static void test_a_file_that_stays(void **state) {
        LedgerFixture *f = *state;

        hundred_days(f);
        unlinks_left = 3;
        assert_int_equal(ledger_drop(f->ledger, 40), -EIO);
        assert_int_equal(first(f), f->ledger->segments.firsts[0]);
        assert_true(first(f) > 1);
        assert_whole(f);
        assert_true(ledger_drop(f->ledger, 40) > 0);
        assert_int_equal(count_entries(f->directory, "dropped", NULL, NULL), 2);
        assert_whole(f);
}

/* The power goes at each deletion: what is on the disk then is what a failed deletion leaves. */
static void test_interrupted(void **state) {
        LedgerFixture *f = *state;

        hundred_days(f);
        for (int at = 0; at < 4; at++) {
                uint64_t before = first(f);

                unlinks_left = at;
                assert_int_equal(ledger_drop(f->ledger, 40), -EIO);
                assert_int_equal(reopen(f, 8), 0);
                assert_true(at == 0 ? first(f) == before : first(f) > before);
                assert_int_equal(check_chain(f->directory, RECEIPT_TYP), ledger_sequence(f->ledger));
        }
        assert_int_equal(count_entries(f->directory, "dropped", NULL, NULL), 4);
        assert_true(ledger_drop(f->ledger, 40) > 0);
        assert_whole(f);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                WITH(test_what_is_old_goes),
                WITH(test_what_is_new_stays),
                WITH(test_what_was_not_exported_stays),
                WITH(test_never_exported),
                WITH(test_an_unsynchronised_clock_deletes_nothing),
                WITH(test_two_segments_stay),
                WITH(test_an_open_attempt_stays),
                WITH(test_a_segment_ends_after_a_week),
                WITH(test_nothing_of_its_own_is_taken_from_others),
                WITH(test_a_file_that_stays),
                WITH(test_interrupted),
        };

        signer_wipe_json();
        return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: Apache-2.0 */

/* The ledger read back: answers by their nonce and exports, with clocks that are right, wrong, and set back. */

#include "ledger-fixture.h"
#include "log.h"
#include "macro.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/timex.h>
#include <sys/wait.h>
#include <time.h>

#include <cmocka.h>

/* The clocks as a test wants them: 0 and NULL are the real ones. */
static time_t fake_time;
static bool fake_synchronised;
static const char *fake_boot;
static uint64_t fake_boot_time;

time_t __wrap_time(time_t *ret);
int __wrap_adjtimex(struct timex *tx);
int __wrap_entry_boot_id(char ret[static BOOT_ID_SIZE]);
time_t __real_time(time_t *ret);
uint64_t __wrap_entry_boot_time(void);
uint64_t __real_entry_boot_time(void);
int __real_entry_boot_id(char ret[static BOOT_ID_SIZE]);

time_t __wrap_time(time_t *ret) {
        return fake_time != 0 ? fake_time : __real_time(ret);
}

int __wrap_adjtimex(struct timex *tx) {
        tx->status = fake_synchronised ? 0 : STA_UNSYNC;
        return fake_synchronised ? TIME_OK : TIME_ERROR;
}

uint64_t __wrap_entry_boot_time(void) {
        return fake_boot_time != 0 ? fake_boot_time : __real_entry_boot_time();
}

int __wrap_entry_boot_id(char ret[static BOOT_ID_SIZE]) {
        if (!fake_boot)
                return __real_entry_boot_id(ret);
        (void) snprintf(ret, BOOT_ID_SIZE, "%s", fake_boot);
        return 0;
}

#define BOOT_A "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define BOOT_B "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"

static void real_clocks(void) {
        fake_time = 0;
        fake_synchronised = false;
        fake_boot = NULL;
        fake_boot_time = 0;
}

static void test_common_claims(void **state) {
        LedgerFixture *f = *state;
        _cleanup_free_ char *jws = NULL;
        json_auto_t *claims = NULL;
        time_t before = time(NULL);

        fake_synchronised = true;
        assert_int_equal(reopen(f, 1024), 0);
        assert_int_equal(ledger_append(f->ledger, "started", json_pack("{s:b}", "demo", 0), &jws), 0);
        assert_int_equal(receipt_read(jws, strlen(jws), NULL, &claims), 0);
        assert_int_equal(entry_number(claims, "version"), 1);
        assert_string_equal(entry_text(claims, "entry"), "started");
        assert_string_equal(entry_text(claims, "terminal"), "till-1");
        assert_string_equal(entry_text(claims, "key-protection"), "none");
        assert_int_equal(entry_number(claims, "sequence"), 2);
        assert_int_equal(strlen(entry_text(claims, "previous")), 43);
        assert_string_equal(entry_text(claims, "clock"), "synchronised");
        assert_int_equal(strlen(entry_text(claims, "boot")), 32);
        assert_in_range(entry_number(claims, "time"), before, before + 600);
        assert_in_range(entry_number(claims, "boot-time"), 1, entry_boot_time());
        assert_true(json_is_false(json_object_get(claims, "demo")));
        real_clocks();
}

static void test_nonce(void **state) {
        LedgerFixture *f = *state;
        _cleanup_free_ char *first = NULL, *second = NULL, *found = NULL;
        json_auto_t *claims = NULL;

        assert_int_equal(reopen(f, 4), 0);
        assert_int_equal(ledger_find_nonce(f->ledger, NONCE_A, 60, &found, &claims), 0);
        assert_int_equal(append_opened(f->ledger, NONCE_A), 0);
        assert_int_equal(ledger_find_nonce(f->ledger, NONCE_A, 60, &found, &claims), 0);
        assert_int_equal(append_closed(f->ledger, NONCE_A, &first), 0);
        assert_int_equal(append_opened(f->ledger, NONCE_B), 0);
        assert_int_equal(append_closed(f->ledger, NONCE_B, NULL), 0);
        assert_int_equal(ledger_find_nonce(f->ledger, NONCE_A, 60, &found, &claims), 1);
        assert_string_equal(found, first);
        free(TAKE_PTR(found));
        json_decref(TAKE_PTR(claims));

        assert_int_equal(append_opened(f->ledger, NONCE_A), 0);
        assert_int_equal(append_closed(f->ledger, NONCE_A, &second), 0);
        for (int i = 0; i < 20; i++)   /* five files further */
                assert_int_equal(append_health(f->ledger), 0);
        assert_int_equal(ledger_find_nonce(f->ledger, NONCE_A, 3600, &found, &claims), 1);
        assert_string_equal(found, second);
        assert_string_equal(entry_text(claims, "verdict"), "match");
}

/* Wherever in its line the nonce is, and of whatever length; but never a part of another one. */
static void test_nonce_anywhere(void **state) {
        LedgerFixture *f = *state;
        const char *long_nonce = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ-_";

        assert_int_equal(reopen(f, 64), 0);
        for (int before = 0; before < 7; before++)
                for (int size = 3; size < 40; size += 4) {
                        _cleanup_free_ char *code = NULL, *nonce = NULL, *jws = NULL, *found = NULL;
                        json_auto_t *claims = NULL, *none = NULL;

                        assert_true(asprintf(&code, "%.*s", before, "xxxxxxxx") >= 0);
                        assert_true(asprintf(&nonce, "%d%.*s", before, size, long_nonce + before) > 0);
                        assert_int_equal(append_opened(f->ledger, nonce), 0);
                        assert_int_equal(ledger_append(f->ledger, "closed",
                                                       json_pack("{s:s,s:s}", "support-code", code, "nonce", nonce),
                                                       &jws), 0);
                        assert_int_equal(ledger_find_nonce(f->ledger, nonce, 600, &found, &claims), 1);
                        assert_string_equal(found, jws);
                        free(TAKE_PTR(found));
                        assert_int_equal(ledger_find_nonce(f->ledger, nonce + 1, 600, &found, &none), 0);
                }
        assert_int_equal(ledger_find_nonce(f->ledger, "\"quoted nonce\"", 600, NULL, NULL), 0);
}

/* An hour's window, and clocks that were right, wrong, and set back; each boot has its own ledger_open(). */
static void test_nonce_window(void **state) {
        static const struct {
                time_t then, now;
                bool synchronised, same_boot;
                int found;
                uint64_t later;                  /* milliseconds of the boot's clock */
        } cases[] = {
                { 1000000, 1000100, true, false, 1 },
                { 1000000, 1003600, true, false, 1 },
                { 1000000, 1003601, true, false, 0 },
                { 1000000, 1003601, false, false, 1 },   /* nobody kept that clock right */
                { 1000000, 9000000, true, true, 1, 3500000 },    /* the clock was set; the boot's own tells */
                { 1000000, 1000100, true, true, 0, 3700000 },
                { 9000000, 1000000, true, false, 1 },    /* it was set back */
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                LedgerFixture *f = NULL;
                _cleanup_free_ char *found = NULL;
                json_auto_t *claims = NULL;

                (void) ledger_set_up((void **) &f);
                fake_boot = BOOT_A;
                fake_time = cases[i].then;
                fake_synchronised = cases[i].synchronised;
                assert_int_equal(reopen(f, 64), 0);
                assert_int_equal(append_opened(f->ledger, NONCE_A), 0);
                assert_int_equal(append_closed(f->ledger, NONCE_A, NULL), 0);

                fake_boot = cases[i].same_boot ? BOOT_A : BOOT_B;
                fake_boot_time = __real_entry_boot_time() + cases[i].later;    /* for the search only */
                fake_time = cases[i].now;
                fake_synchronised = true;
                assert_int_equal(reopen(f, 64), 0);
                assert_int_equal(append_health(f->ledger), 0);
                assert_int_equal(ledger_find_nonce(f->ledger, NONCE_A, 3600, &found, &claims), cases[i].found);
                (void) ledger_tear_down((void **) &f);
                real_clocks();
        }
}

/* The sequence number of an export's first line; the number of lines. Every line must follow the one before. */
static uint64_t exported(const Ledger *l, uint64_t from, uint64_t *ret_lines) {
        _cleanup_close_ int fd = memfd_create("export", MFD_CLOEXEC);
        _cleanup_free_ char *text = NULL, *path = NULL;
        char hash[RECEIPT_HASH_SIZE], *rest, *line;
        uint64_t first = 0, n = 0;

        assert_int_equal(ledger_export(l, from, fd), 0);
        assert_true(asprintf(&path, "%d", fd) > 0);
        text = file_text("/proc/self/fd", path, NULL);
        rest = text;
        while ((line = strsep(&rest, "\n")) && rest) {
                json_auto_t *claims = NULL;

                assert_int_equal(receipt_read(line, strlen(line), NULL, &claims), 0);
                if (n == 0) {
                        first = entry_number(claims, "sequence");
                        assert_string_equal(entry_text(claims, "entry"), "segment");
                } else
                        assert_string_equal(entry_text(claims, "previous"), hash);
                assert_int_equal(entry_number(claims, "sequence"), first + n);
                receipt_hash(line, strlen(line), hash);
                n++;
        }
        if (n > 0)
                assert_string_equal(hash, ledger_head(l));
        *ret_lines = n;
        return first;
}

static void test_export(void **state) {
        static const time_t times[] = { 100, 100, 100, 200, 200, 200, 900, 50, 50, 50, 50, 50, 60, 60, 70, 300 };
        LedgerFixture *f = *state;
        uint64_t n;

        fake_time = 100;
        assert_int_equal(reopen(f, 4), 0);
        for (size_t i = 0; i < ELEMENTSOF(times); i++) {
                fake_time = times[i];
                assert_int_equal(append_health(f->ledger), 0);
        }
        /* 1: 100 100 100 100 | 5: 200 200 200 200 | 9: 900 900 50 50 | 13: 50 50 50 50 | 17: 60 60 60 70 | 21: 300 300 */
        for (int i = 0; i < 2; i++) {
                assert_int_equal(exported(f->ledger, 0, &n), 1);
                assert_int_equal(n, 22);
                assert_int_equal(exported(f->ledger, 100, &n), 1);
                assert_int_equal(exported(f->ledger, 101, &n), 5);
                assert_int_equal(exported(f->ledger, 201, &n), 9);
                assert_int_equal(n, 14);
                assert_int_equal(exported(f->ledger, 900, &n), 9);
                assert_int_equal(exported(f->ledger, 901, &n), 21);
                assert_int_equal(n, 2);
                assert_int_equal(reopen(f, 4), 0);
        }
        real_clocks();
}

static bool marked(const LedgerFixture *f) {
        _cleanup_free_ char *path = NULL;

        assert_true(asprintf(&path, "%s/unexported", f->directory) > 0);
        return access(path, F_OK) == 0;
}

/* What a purge goes by: is there an attempt that no export has? */
static void test_what_was_exported(void **state) {
        LedgerFixture *f = *state;

        fake_time = 100;
        assert_int_equal(reopen(f, 4), 0);
        assert_int_equal(append_health(f->ledger), 0);
        assert_false(marked(f));                                    /* nothing happened here */

        assert_int_equal(append_opened(f->ledger, NONCE_A), 0);     /* 3 */
        assert_true(marked(f));
        assert_int_equal(append_closed(f->ledger, NONCE_A, NULL), 0);
        assert_int_equal(reopen(f, 4), 0);
        assert_true(marked(f));
        assert_int_equal(ledger_mark_exported(f->ledger, 0), 0);
        assert_false(marked(f));
        assert_int_equal(reopen(f, 4), 0);
        assert_int_equal(append_health(f->ledger), 0);              /* 6, after a new segment's first */
        assert_false(marked(f));

        /* an export of later entries only is one, if those before are in earlier exports */
        fake_time = 200;
        assert_int_equal(append_opened(f->ledger, NONCE_B), 0);     /* 7 */
        assert_int_equal(append_closed(f->ledger, NONCE_B, NULL), 0);
        fake_time = 300;
        for (int i = 0; i < 8; i++)
                assert_int_equal(append_health(f->ledger), 0);
        assert_int_equal(ledger_mark_exported(f->ledger, 300), 0);
        assert_true(marked(f));
        assert_int_equal(reopen(f, 4), 0);
        assert_int_equal(ledger_mark_exported(f->ledger, 300), 0);
        assert_true(marked(f));
        assert_int_equal(ledger_mark_exported(f->ledger, 200), 0);
        assert_false(marked(f));

        /* one that cannot be read stands for all */
        assert_int_equal(append_opened(f->ledger, NONCE_A), 0);
        file_write(f->directory, "unexported", "x", 1);
        assert_int_equal(reopen(f, 4), 0);
        assert_int_equal(ledger_mark_exported(f->ledger, 300), 0);
        assert_true(marked(f));
        assert_int_equal(ledger_mark_exported(f->ledger, 0), 0);
        assert_false(marked(f));
        real_clocks();
}

static void test_export_to_pipes(void **state) {
        LedgerFixture *f = *state;
        int ends[2], status;
        pid_t child;

        assert_int_equal(reopen(f, 64), 0);
        for (int i = 0; i < 200; i++)
                assert_int_equal(append_health(f->ledger), 0);

        assert_int_equal(pipe2(ends, O_CLOEXEC | O_NONBLOCK), 0);
        assert_int_equal(ledger_export(f->ledger, 0, ends[1]), -EAGAIN);
        (void) close(ends[0]);
        (void) close(ends[1]);

        /* a slow reader, to whom the kernel hands a page at a time */
        assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
        (void) fcntl(ends[1], F_SETPIPE_SZ, 4096);
        child = fork();
        if (child == 0) {
                char buffer[1000];
                size_t lines = 0;
                ssize_t size;

                (void) close(ends[1]);
                while ((size = read(ends[0], buffer, sizeof(buffer))) > 0)
                        for (ssize_t i = 0; i < size; i++)
                                lines += buffer[i] == '\n';
                _exit(lines == ledger_sequence(f->ledger) ? 0 : 1);
        }
        (void) close(ends[0]);
        assert_int_equal(ledger_export(f->ledger, 0, ends[1]), 0);
        (void) close(ends[1]);
        assert_int_equal(waitpid(child, &status, 0), child);
        assert_int_equal(status, 0);
        assert_int_equal(append_health(f->ledger), 0);
}

/* A copy made by another process while entries are added: what there was at the fork, and whole. */
static void test_export_while_writing(void **state) {
        LedgerFixture *f = *state;
        int status;

        assert_int_equal(reopen(f, 8), 0);
        for (int round = 0; round < 10; round++) {
                pid_t child;

                assert_int_equal(append_health(f->ledger), 0);
                child = fork();
                if (child == 0) {
                        for (int i = 0; i < 10; i++) {
                                uint64_t n;

                                if (exported(f->ledger, 0, &n) != 1 || n != ledger_sequence(f->ledger))
                                        _exit(1);
                        }
                        _exit(0);
                }
                for (int i = 0; i < 20; i++)
                        assert_int_equal(append_health(f->ledger), 0);
                assert_int_equal(waitpid(child, &status, 0), child);
                assert_int_equal(status, 0);
        }
}

int main(void) {
        const struct CMUnitTest tests[] = {
                WITH_LEDGER(test_common_claims),
                WITH_LEDGER(test_nonce),
                WITH_LEDGER(test_nonce_anywhere),
                cmocka_unit_test(test_nonce_window),
                WITH_LEDGER(test_export),
                WITH_LEDGER(test_what_was_exported),
                WITH_LEDGER(test_export_to_pipes),
                WITH_LEDGER(test_export_while_writing),
        };

        signer_wipe_json();
        log_set_max_level(LOG_ERR);
        return cmocka_run_group_tests(tests, NULL, NULL);
}

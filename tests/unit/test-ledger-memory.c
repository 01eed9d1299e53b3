/* SPDX-License-Identifier: Apache-2.0 */

/* The ledger when memory runs out: what is written is good, and what is not written can be
 * written later. */

#include "ledger-fixture.h"
#include "macro.h"

#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/wait.h>

#include <cmocka.h>

/* More than any of the operations needs. */
#define ALLOCATIONS_MAX 5000

/* How many allocations succeed before `failures` of them do not. */
static long successes = -1, failures;

#if !defined(__SANITIZE_ADDRESS__)     /* the sanitizer has an allocator of its own */
extern void *__libc_malloc(size_t size);
extern void *__libc_calloc(size_t n, size_t size);
extern void *__libc_realloc(void *old, size_t size);

static bool fails(void) {
        if (successes < 0 || successes-- > 0 || failures <= 0)
                return false;
        successes = 0;
        failures--;
        errno = ENOMEM;
        return true;
}

void *malloc(size_t size) {
        return fails() ? NULL : __libc_malloc(size);
}

void *calloc(size_t n, size_t size) {
        return fails() ? NULL : __libc_calloc(n, size);
}

void *realloc(void *old, size_t size) {
        return fails() ? NULL : __libc_realloc(old, size);
}
#endif

/* Runs out of memory from the n-th allocation on, for `count` allocations. */
static void run_out(long n, long count) {
        successes = n;
        failures = count;
}

/* True if it did; there is enough again. */
static bool did_run_out(long count) {
        bool did = failures < count;

        successes = -1;
        failures = 0;
        return did;
}

static const long counts[] = { 1, 1000000 };

static void need_faults(void) {
#if defined(__SANITIZE_ADDRESS__)
        print_message("skipped: the sanitizer has an allocator of its own\n");
        skip();
#endif
}

/* A key's pages are not there after a fork(), so that each process makes its own signer. */
static char *text;

typedef enum How {
        DONE = 10,                     /* without running out of memory: all moments were tried */
        DONE_ALL_THE_SAME,
        REFUSED,
        BROKEN,
} How;

typedef How (*Trial)(void *userdata, long n, long count);

/* Runs out of memory at every `step`th allocation, in a process of its own each time, as jansson may end it. */
static void try_all(Trial trial, void *userdata, long step) {
        for (size_t i = 0; i < ELEMENTSOF(counts); i++)
                for (long n = 0;; n += step) {
                        int status;
                        pid_t pid;

                        assert_true(n < ALLOCATIONS_MAX);
                        pid = fork();
                        assert_true(pid >= 0);
                        if (pid == 0) {
                                (void) signal(SIGSEGV, SIG_DFL); /* not cmocka's */
                                (void) signal(SIGABRT, SIG_DFL);
                                _exit((int) trial(userdata, n, counts[i]));
                        }
                        assert_int_equal(waitpid(pid, &status, 0), pid);

                        if (!WIFEXITED(status) || (WEXITSTATUS(status) != EXIT_FAILURE && WEXITSTATUS(status) < DONE) ||
                            WEXITSTATUS(status) == BROKEN)
                                fail_msg("allocation %ld, %ld failures: wait status %#x", n, counts[i], (unsigned) status);
                        if (WEXITSTATUS(status) == DONE)
                                break;
                }
}

static How sign(void *userdata, long n, long count) {
        json_t *claims, *keys, *read = NULL;
        Signer *signer = signer_from_text(text, RECEIPT_TYP);
        char *jws = NULL;
        bool did;
        int r;

        claims = json_pack("{s:s,s:f,s:I}", "verdict", "match", "rate", 0.0001, "sequence", (json_int_t) 7);
        keys = json_pack("{s:[o]}", "keys", signer_public_key(signer));
        run_out(n, count);
        r = signer_sign(signer, claims, &jws);
        did = did_run_out(count);
        if (r < 0)
                return did && !jws ? REFUSED : BROKEN;
        if (receipt_verify(keys, RECEIPT_TYP, jws, strlen(jws), &read) < 0 || !json_equal(claims, read))
                return BROKEN;
        return did ? DONE_ALL_THE_SAME : DONE;
}

static void test_signing(void **state) {
        need_faults();
        try_all(sign, NULL, 1);
}

/* Opens the ledger, makes an attempt, and something after it. */
static How attempt(void *userdata, long n, long count) {
        LedgerFixture *f = userdata;
        bool did;
        int r;

        f->signer = signer_from_text(text, RECEIPT_TYP);
        if (open_sized(&f->ledger, f->directory, f->signer, 4) < 0)
                return BROKEN;
        run_out(n, count);
        r = append_opened(f->ledger, NONCE_A);
        if (r >= 0)
                r = append_closed(f->ledger, NONCE_A, NULL);
        did = did_run_out(count);
        if (r < 0 && !did)
                return BROKEN;
        /* it goes on, or says that it must be opened again */
        if (!ledger_failed(f->ledger) && append_health(f->ledger) < 0)
                return BROKEN;
        return r < 0 ? REFUSED : did ? DONE_ALL_THE_SAME : DONE;
}

static void take_key(LedgerFixture *f) {
        signer_free(f->signer);
        f->signer = signer_from_text(text, RECEIPT_TYP);
}

static void test_appending(void **state) {
        LedgerFixture *f = *state;

        need_faults();
        take_key(f);
        assert_int_equal(reopen(f, 4), 0);
        f->ledger = ledger_free(f->ledger);
        try_all(attempt, f, 17);        /* each waits for the disk several times */

        assert_int_equal(reopen(f, 4), 0);
        (void) check_chain(f->directory, RECEIPT_TYP);
        assert_true(count_entries(f->directory, "closed", "cause", "interrupted") > 0);
        assert_true(count_entries(f->directory, "closed", "cause", "verdict") > 0);
}

static How open_again(void *userdata, long n, long count) {
        LedgerFixture *f = userdata;
        bool did;
        int r;

        f->signer = signer_from_text(text, RECEIPT_TYP);
        run_out(n, count);
        r = open_sized(&f->ledger, f->directory, f->signer, 4);
        did = did_run_out(count);
        if (r < 0)
                /* nothing is taken for altered that could not be read */
                return did && r != -EUCLEAN ? REFUSED : BROKEN;
        return did ? DONE_ALL_THE_SAME : DONE;
}

static void test_opening(void **state) {
        LedgerFixture *f = *state;

        need_faults();
        take_key(f);
        assert_int_equal(reopen(f, 4), 0);
        for (int i = 0; i < 3; i++) {
                assert_true(append_opened(f->ledger, NONCE_A) >= 0);
                assert_true(append_closed(f->ledger, NONCE_A, NULL) >= 0);
        }
        assert_true(append_opened(f->ledger, NONCE_B) >= 0);
        f->ledger = ledger_free(f->ledger);
        try_all(open_again, f, 5);

        assert_int_equal(reopen(f, 4), 0);
        (void) check_chain(f->directory, RECEIPT_TYP);
        assert_int_equal(count_entries(f->directory, "closed", "cause", "interrupted"), 1);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_signing),
                WITH_LEDGER(test_appending),
                WITH_LEDGER(test_opening),
        };

        int r;

        signer_wipe_json();
        text = key_text();
        r = cmocka_run_group_tests(tests, NULL, NULL);
        free(text);
        return r;
}

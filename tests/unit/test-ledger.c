/* SPDX-License-Identifier: Apache-2.0 */

/* The ledger: what is appended stays in order, whatever happened to the file's end; what was altered is refused. */

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
#include <time.h>

#include <cmocka.h>

#define NONCE_A "AAAAAAAAAAAAAAAAAAAAAA"
#define NONCE_B "BBBBBBBBBBBBBBBBBBBBBB"

/* A ledger and all that it needs. */
typedef struct Fixture {
        char *directory;
        Signer *signer;
        Ledger *ledger;
} Fixture;

static int set_up(void **state) {
        Fixture *f = calloc(1, sizeof(*f));

        f->directory = make_directory();
        f->signer = signer_for_test();
        *state = f;
        return 0;
}

static int tear_down(void **state) {
        Fixture *f = *state;

        ledger_free(f->ledger);
        signer_free(f->signer);
        remove_directory(f->directory);
        free(f);
        return 0;
}

/* Closes the ledger, if it is open, and opens it again with segments of `entries`. */
static int reopen(Fixture *f, unsigned entries) {
        f->ledger = ledger_free(f->ledger);
        return open_sized(&f->ledger, f->directory, f->signer, entries);
}

static void test_append_and_reopen(void **state) {
        Fixture *f = *state;
        _cleanup_free_ char *jws = NULL;
        char hash[RECEIPT_HASH_SIZE];

        assert_int_equal(reopen(f, 1024), 0);
        assert_int_equal(ledger_sequence(f->ledger), 1);
        assert_int_equal(append_opened(f->ledger, NONCE_A), 0);
        assert_int_equal(append_closed(f->ledger, NONCE_A, &jws), 0);
        assert_int_equal(ledger_sequence(f->ledger), 3);
        receipt_hash(jws, strlen(jws), hash);
        assert_string_equal(ledger_head(f->ledger), hash);

        assert_int_equal(reopen(f, 1024), 0);
        assert_int_equal(ledger_sequence(f->ledger), 3);
        assert_string_equal(ledger_head(f->ledger), hash);
        assert_int_equal(append_health(f->ledger), 0);
        assert_int_equal(check_chain(f->directory, RECEIPT_TYP), 4);
        assert_int_equal(count_entries(f->directory, "repaired", NULL, NULL), 0);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(test_append_and_reopen, set_up, tear_down),
        };

        signer_wipe_json();
        return cmocka_run_group_tests(tests, NULL, NULL);
}

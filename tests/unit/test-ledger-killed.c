/* SPDX-License-Identifier: Apache-2.0 */

/* kill -9 of a writer at random moments: what it had acknowledged is in the ledger, once. */

#include "ledger-fixture.h"
#include "log.h"
#include "macro.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <sys/wait.h>
#include <time.h>

#include <cmocka.h>

#define KILLS 120
#define NAPS_MAX 8000                  /* microseconds until the kill */
#define SEGMENT 16

/* What the writer tells when ledger_append() has returned. */
typedef struct Acknowledged {
        uint64_t sequence;
        char hash[RECEIPT_HASH_SIZE];
} Acknowledged;

static void writer(const char *directory, const char *key, int out) {
        Signer *signer = signer_from_text(key, RECEIPT_TYP);
        Ledger *l = NULL;

        if (open_sized(&l, directory, signer, SEGMENT) < 0)
                _exit(1);
        for (unsigned i = 0;; i++) {
                Acknowledged a = { 0 };

                if ((i % 2 == 0 ? append_opened(l, "n") : append_closed(l, "n", NULL)) < 0)
                        _exit(1);
                a.sequence = ledger_sequence(l);
                (void) memcpy(a.hash, ledger_head(l), sizeof(a.hash));
                if (write(out, &a, sizeof(a)) != sizeof(a))
                        _exit(1);
        }
}

/* Lets a writer work for a moment and kills it. Adds what it acknowledged. */
static void one_kill(const char *directory, const char *key, Acknowledged **told, size_t *n) {
        const struct timespec nap = { .tv_nsec = (random() % NAPS_MAX) * 1000 };
        int ends[2], status;
        Acknowledged a;
        pid_t child;

        assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
        child = fork();
        assert_true(child >= 0);
        if (child == 0)
                writer(directory, key, ends[1]);
        (void) close(ends[1]);

        /* every third is killed while it starts, the others when they have begun to write */
        for (bool waited = random() % 3 == 0;; waited = true) {
                if (waited) {
                        (void) nanosleep(&nap, NULL);
                        (void) kill(child, SIGKILL);
                }
                if (read(ends[0], &a, sizeof(a)) != sizeof(a))
                        break;
                *told = reallocarray(*told, *n + 1, sizeof(a));
                assert_non_null(*told);
                (*told)[(*n)++] = a;
        }
        (void) close(ends[0]);
        assert_int_equal(waitpid(child, &status, 0), child);
        assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
}

/* The hash of each entry, by its number, from the ledger as it is now. */
static char (*all_hashes(const char *directory, uint64_t n))[RECEIPT_HASH_SIZE] {
        char (*hashes)[RECEIPT_HASH_SIZE] = calloc(n + 1, sizeof(*hashes));
        uint64_t sequence = 0;

        assert_non_null(hashes);
        for (uint64_t first = 1; first <= n;) {
                _cleanup_free_ char *text = file_text(directory, segment_file(first), NULL);
                char *rest = text, *line;

                while ((line = strsep(&rest, "\n")) && rest) {
                        assert_in_range(++sequence, 1, n);
                        receipt_hash(line, strlen(line), hashes[sequence]);
                }
                assert_true(sequence >= first);
                first = sequence + 1;
        }
        return hashes;
}

static void test_killed_writer(void **state) {
        char *directory = make_directory();
        _cleanup_free_ char *key = key_text();
        _cleanup_(signer_freep) Signer *signer = signer_from_text(key, RECEIPT_TYP);
        _cleanup_free_ Acknowledged *told = NULL;
        _cleanup_free_ char (*hashes)[RECEIPT_HASH_SIZE] = NULL;
        Ledger *l = NULL;
        uint64_t sequence;
        size_t n = 0;

        srandom((unsigned) time(NULL));
        for (int i = 0; i < KILLS; i++)
                one_kill(directory, key, &told, &n);

        assert_int_equal(open_sized(&l, directory, signer, SEGMENT), 0);
        sequence = ledger_sequence(l);
        ledger_free(l);
        assert_int_equal(check_chain(directory, RECEIPT_TYP), sequence);
        hashes = all_hashes(directory, sequence);
        for (size_t i = 0; i < n; i++) {
                assert_in_range(told[i].sequence, 1, sequence);
                assert_string_equal(told[i].hash, hashes[told[i].sequence]);
                if (i > 0)
                        assert_true(told[i].sequence > told[i - 1].sequence);
        }
        print_message("%zu acknowledged entries of %" PRIu64 ", %u interrupted, %u repaired\n", n, sequence,
                      count_entries(directory, "closed", "cause", "interrupted"),
                      count_entries(directory, "repaired", NULL, NULL));
        assert_true(n > KILLS / 2);
        remove_directory(directory);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_killed_writer),
        };

        signer_wipe_json();
        log_set_max_level(LOG_ERR);
        return cmocka_run_group_tests(tests, NULL, NULL);
}

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

#include <cmocka.h>

static void test_append_and_reopen(void **state) {
        LedgerFixture *f = *state;
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


static void test_callers_mistakes_write_nothing(void **state) {
        LedgerFixture *f = *state;
        _cleanup_free_ char *padding = calloc(1, RECEIPT_SIZE_MAX);

        (void) memset(padding, 'x', RECEIPT_SIZE_MAX - 1);
        assert_int_equal(reopen(f, 1024), 0);
        assert_int_equal(append_closed(f->ledger, NONCE_A, NULL), -EINVAL);
        assert_int_equal(append_opened(f->ledger, NONCE_A), 0);
        assert_int_equal(append_opened(f->ledger, NONCE_B), -EBUSY);
        assert_int_equal(ledger_append(f->ledger, "closed", json_pack("{s:i}", "opening", 1), NULL), -EINVAL);
        assert_int_equal(ledger_append(f->ledger, "health", json_pack("{s:i}", "sequence", 9), NULL), -EINVAL);
        assert_int_equal(ledger_append(f->ledger, "health", NULL, NULL), -EINVAL);
        assert_int_equal(ledger_append(f->ledger, "segment", json_object(), NULL), -EINVAL);
        assert_int_equal(ledger_append(f->ledger, "repaired", json_object(), NULL), -EINVAL);
        assert_int_equal(ledger_append(f->ledger, "key-changed", json_object(), NULL), -EINVAL);
        assert_int_equal(ledger_append(f->ledger, "health", json_pack("{s:s}", "x", padding), NULL), -EMSGSIZE);
        assert_int_equal(append_closed(f->ledger, NONCE_A, NULL), 0);
        assert_int_equal(append_closed(f->ledger, NONCE_A, NULL), -EINVAL);
        assert_int_equal(check_chain(f->directory, RECEIPT_TYP), 3);
}

/* A terminal that was given another name, or another one's ledger: nothing is written. */
static void test_another_name(void **state) {
        LedgerFixture *f = *state;
        LedgerSetup setup = { .directory = f->directory, .terminal = "till-2", .signer = f->signer };
        Ledger *other = NULL;

        assert_int_equal(reopen(f, 1024), 0);
        assert_int_equal(append_opened(f->ledger, NONCE_A), 0);
        f->ledger = ledger_free(f->ledger);
        assert_int_equal(ledger_open(&other, &setup), -EREMCHG);
        assert_int_equal(check_chain(f->directory, RECEIPT_TYP), 2);
        assert_int_equal(reopen(f, 1024), 0);
        assert_int_equal(check_chain(f->directory, RECEIPT_TYP), 3);
}

static void test_segments(void **state) {
        LedgerFixture *f = *state;

        assert_int_equal(reopen(f, 8), 0);
        for (int i = 0; i < 30; i++) {
                assert_int_equal(i % 2 == 0 ? append_opened(f->ledger, NONCE_A) : append_closed(f->ledger, NONCE_A, NULL), 0);
                if (i % 5 == 4) {
                        bool open = i % 2 == 0;

                        assert_int_equal(reopen(f, 8), 0);
                        if (open)      /* it was closed by opening */
                                i++;
                }
        }
        assert_int_equal(count_entries(f->directory, "segment", NULL, NULL), (ledger_sequence(f->ledger) + 7) / 8);
        for (uint64_t first = 1; first <= ledger_sequence(f->ledger); first += 8) {
                size_t size;
                _cleanup_free_ char *text = file_text(f->directory, segment_file(first), &size);
                json_auto_t *claims = NULL;

                assert_int_equal(receipt_read(text, strcspn(text, "\n"), NULL, &claims), 0);
                assert_string_equal(entry_text(claims, "entry"), "segment");
                assert_int_equal(json_integer_value(json_object_get(claims, "first")), first);
                assert_int_equal(json_integer_value(json_object_get(claims, "entries")), first - 1);
        }
        assert_int_equal(check_chain(f->directory, RECEIPT_TYP), ledger_sequence(f->ledger));
}

/* What was being written when the power went: any part of the last entry. */
static void test_torn_at_every_byte(void **state) {
        LedgerFixture *f = *state;
        _cleanup_free_ char *whole = NULL;
        uint64_t sequence;
        size_t size, begin;

        assert_int_equal(reopen(f, 1024), 0);
        assert_int_equal(append_opened(f->ledger, NONCE_A), 0);
        assert_int_equal(append_closed(f->ledger, NONCE_A, NULL), 0);
        sequence = ledger_sequence(f->ledger);
        f->ledger = ledger_free(f->ledger);
        whole = file_text(f->directory, segment_file(1), &size);
        begin = (size_t) ((char *) memrchr(whole, '\n', size - 1) - whole) + 1;

        for (size_t cut = begin; cut < size; cut++) {
                char hash[RECEIPT_HASH_SIZE];

                file_write(f->directory, segment_file(1), whole, cut);
                assert_int_equal(reopen(f, 1024), 0);
                /* the closing is gone: a repair (unless nothing was left of it) and another closing take its place */
                receipt_hash(whole + begin, cut - begin, hash);
                assert_int_equal(ledger_sequence(f->ledger), cut == begin ? sequence : sequence + 1);
                assert_int_equal(count_entries(f->directory, "repaired", "hash", hash), cut == begin ? 0 : 1);
                assert_int_equal(count_entries(f->directory, "closed", "cause", "interrupted"), 1);
                if (cut % 16 == 0) {
                        assert_int_equal(append_health(f->ledger), 0);
                        assert_int_equal(check_chain(f->directory, RECEIPT_TYP), ledger_sequence(f->ledger));
                }
        }
}

/* The same with the first entry of a new file, and with a file that has nothing in it. */
static void test_torn_first_entry(void **state) {
        LedgerFixture *f = *state;
        _cleanup_free_ char *summary = NULL;
        size_t size;

        assert_int_equal(reopen(f, 4), 0);
        for (int i = 0; i < 3; i++)
                assert_int_equal(append_health(f->ledger), 0);
        assert_int_equal(append_health(f->ledger), 0);
        assert_int_equal(ledger_sequence(f->ledger), 6);
        summary = file_text(f->directory, segment_file(5), &size);

        for (size_t cut = 0; cut < 300; cut += 100) {
                char hash[RECEIPT_HASH_SIZE];
                uint64_t first = ledger_sequence(f->ledger) + 1;

                receipt_hash(summary, cut, hash);
                f->ledger = ledger_free(f->ledger);
                file_write(f->directory, segment_file(first), summary, cut);
                assert_int_equal(reopen(f, 4), 0);
                assert_int_equal(count_entries(f->directory, "repaired", "hash", hash), cut > 0);
                for (int i = 0; i < 6; i++)
                        assert_int_equal(append_health(f->ledger), 0);
                assert_int_equal(check_chain(f->directory, RECEIPT_TYP), ledger_sequence(f->ledger));
        }

        /* not the file that would come next: one in between is gone */
        size = ledger_sequence(f->ledger) + 2;
        f->ledger = ledger_free(f->ledger);
        file_write(f->directory, segment_file(size), "", 0);
        assert_int_equal(reopen(f, 4), -EUCLEAN);
}

/* The very first entry, before there was anything. */
static void test_torn_beginning(void **state) {
        LedgerFixture *f = *state;

        file_write(f->directory, segment_file(1), "eyJ", 3);
        assert_int_equal(reopen(f, 4), 0);
        assert_int_equal(append_health(f->ledger), 0);
        assert_int_equal(reopen(f, 4), 0);
        assert_int_equal(check_chain(f->directory, RECEIPT_TYP), 2);
}

static void test_unclosed_opening_is_closed_once(void **state) {
        static const char *const same[] = { "support-code", "nonce", "transaction", "operator", "notice" };

        for (unsigned more = 0; more < 9; more++) {
                LedgerFixture *f = NULL;
                _cleanup_free_ char *jws = NULL;
                json_auto_t *claims = NULL;

                /* the opening is in the last file, or one or two before it */
                (void) ledger_set_up((void **) &f);
                assert_int_equal(reopen(f, 4), 0);
                assert_int_equal(append_opened(f->ledger, NONCE_A), 0);
                for (unsigned i = 0; i < more; i++)
                        assert_int_equal(append_health(f->ledger), 0);
                assert_int_equal(reopen(f, 4), 0);
                assert_int_equal(reopen(f, 4), 0);
                assert_int_equal(count_entries(f->directory, "closed", NULL, NULL), 1);
                assert_int_equal(check_chain(f->directory, RECEIPT_TYP), ledger_sequence(f->ledger));

                assert_int_equal(ledger_find_nonce(f->ledger, NONCE_A, 60, &jws, &claims), 1);
                assert_string_equal(entry_text(claims, "cause"), "interrupted");
                for (size_t i = 0; i < ELEMENTSOF(same); i++)
                        assert_true(entry_text(claims, same[i])[0] != '\0');
                assert_int_equal(entry_number(claims, "opening"), 2);
                assert_int_equal(entry_number(claims, "caller"), 1000);
                (void) ledger_tear_down((void **) &f);
        }
}

static void test_one_opener(void **state) {
        LedgerFixture *f = *state;
        Ledger *second = NULL;

        assert_int_equal(reopen(f, 1024), 0);
        assert_int_equal(open_sized(&second, f->directory, f->signer, 1024), -EBUSY);
        f->ledger = ledger_free(f->ledger);
        assert_int_equal(open_sized(&second, f->directory, f->signer, 1024), 0);
        ledger_free(second);
}

static void test_directory_must_be_ours_alone(void **state) {
        LedgerFixture *f = *state;
        _cleanup_free_ char *link = NULL;

        assert_int_equal(chmod(f->directory, 0750), 0);
        assert_int_equal(reopen(f, 1024), -EPERM);
        assert_int_equal(chmod(f->directory, 0700), 0);
        if (geteuid() == 0) {
                assert_int_equal(chown(f->directory, 65534, (gid_t) -1), 0);
                assert_int_equal(reopen(f, 1024), -EPERM);
                assert_int_equal(chown(f->directory, 0, (gid_t) -1), 0);
        }
        assert_true(asprintf(&link, "%s.link", f->directory) > 0);
        assert_int_equal(symlink(f->directory, link), 0);
        assert_true(open_sized(&f->ledger, link, f->signer, 1024) < 0);
        assert_int_equal(unlink(link), 0);
        assert_int_equal(reopen(f, 1024), 0);
}

/* Any byte of the last file. Only its very last newline can be mistaken for a torn end, and then the repair says so. */
static void test_altered_bytes(void **state) {
        LedgerFixture *f = *state;
        _cleanup_free_ char *whole = NULL, *changed = NULL;
        size_t size;

        assert_int_equal(reopen(f, 4), 0);
        for (int i = 0; i < 3; i++)
                assert_int_equal(append_health(f->ledger), 0);
        assert_int_equal(append_opened(f->ledger, NONCE_A), 0);
        assert_int_equal(append_closed(f->ledger, NONCE_A, NULL), 0);
        f->ledger = ledger_free(f->ledger);
        whole = file_text(f->directory, segment_file(5), &size);
        changed = malloc(size);

        log_set_max_level(LOG_CRIT);
        srandom(3);
        for (size_t i = 0; i < size - 1; i++) {
                (void) memcpy(changed, whole, size);
                changed[i] ^= (char) (1 << random() % 8);
                file_write(f->directory, segment_file(5), changed, size);
                if (reopen(f, 4) != -EUCLEAN)
                        fail_msg("byte %zu of %zu may be changed", i, size);
        }
        log_set_max_level(LOG_ERR);

        (void) memcpy(changed, whole, size);
        changed[size - 1] = 'x';
        file_write(f->directory, segment_file(5), changed, size);
        assert_int_equal(reopen(f, 4), 0);
        assert_int_equal(count_entries(f->directory, "repaired", NULL, NULL), 1);
}

static void test_altered_files(void **state) {
        LedgerFixture *f = *state;
        _cleanup_free_ char *middle = NULL, *last = NULL, *keys = NULL, *path = NULL;
        size_t middle_size, last_size, keys_size, second;

        assert_int_equal(reopen(f, 4), 0);
        for (int i = 0; i < 8; i++)
                assert_int_equal(append_health(f->ledger), 0);
        f->ledger = ledger_free(f->ledger);
        middle = file_text(f->directory, segment_file(5), &middle_size);
        last = file_text(f->directory, segment_file(9), &last_size);
        keys = file_text(f->directory, "keys.json", &keys_size);
        second = strcspn(last, "\n") + 1;

        /* a line left out of the last file; one of them twice; the summary alone gone */
        file_write(f->directory, segment_file(9), last + second, last_size - second);
        assert_int_equal(reopen(f, 4), -EUCLEAN);
        {
                _cleanup_free_ char *twice = NULL;

                assert_true(asprintf(&twice, "%.*s%s", (int) second, last, last) > 0);
                file_write(f->directory, segment_file(9), twice, strlen(twice));
                assert_int_equal(reopen(f, 4), -EUCLEAN);
        }
        file_write(f->directory, segment_file(9), last, last_size);

        /* the file before shortened by its last entry, or gone; under another number */
        file_write(f->directory, segment_file(5), middle,
                   (size_t) ((char *) memrchr(middle, '\n', middle_size - 1) - middle) + 1);
        assert_int_equal(reopen(f, 4), -EUCLEAN);
        assert_true(asprintf(&path, "%s/%s", f->directory, segment_file(5)) > 0);
        assert_int_equal(unlink(path), 0);
        assert_int_equal(reopen(f, 4), -EUCLEAN);
        file_write(f->directory, segment_file(5), middle, middle_size);
        file_write(f->directory, segment_file(10), last, last_size);
        assert_int_equal(reopen(f, 4), -EUCLEAN);
        free(path);
        assert_true(asprintf(&path, "%s/%s", f->directory, segment_file(10)) > 0);
        assert_int_equal(unlink(path), 0);

        /* the keys */
        file_write(f->directory, "keys.json", "{\"keys\":[]}", 11);
        assert_int_equal(reopen(f, 4), -EUCLEAN);
        file_write(f->directory, "keys.json", "{\"keys\":[", 9);
        assert_int_equal(reopen(f, 4), -EUCLEAN);
        file_write(f->directory, "keys.json", keys, keys_size);

        /* old files may go, and a link in the place of a file is none */
        free(path);
        assert_true(asprintf(&path, "%s/%s", f->directory, segment_file(1)) > 0);
        assert_int_equal(unlink(path), 0);
        assert_int_equal(reopen(f, 4), 0);
        f->ledger = ledger_free(f->ledger);
        free(path);
        assert_true(asprintf(&path, "%s/%s", f->directory, segment_file(9)) > 0);
        file_write(f->directory, "elsewhere", last, last_size);
        assert_int_equal(unlink(path), 0);
        assert_int_equal(symlink("elsewhere", path), 0);
        assert_true(reopen(f, 4) < 0);
}

static void test_key_change(void **state) {
        LedgerFixture *f = *state;
        _cleanup_(signer_freep) Signer *next = signer_for_test(), *demo = NULL;
        _cleanup_free_ char *text = key_text(), *jws = NULL;
        json_auto_t *keys = NULL, *header = NULL, *claims = NULL;

        demo = signer_from_text(text, DEMO_TYP);
        assert_int_equal(reopen(f, 4), 0);
        assert_int_equal(append_opened(f->ledger, NONCE_A), 0);
        assert_int_equal(ledger_set_signer(f->ledger, f->signer), -EINVAL);
        assert_int_equal(ledger_set_signer(f->ledger, demo), -EINVAL);
        assert_int_equal(ledger_set_signer(f->ledger, next), 0);
        assert_int_equal(append_closed(f->ledger, NONCE_A, &jws), 0);
        assert_int_equal(receipt_read(jws, strlen(jws), &header, &claims), 0);
        assert_string_equal(entry_text(header, "kid"), signer_key_id(next));

        keys = ledger_keys(f->ledger);
        assert_int_equal(json_array_size(json_object_get(keys, "keys")), 2);
        assert_string_equal(entry_text(json_array_get(json_object_get(keys, "keys"), 0), "kid"), signer_key_id(next));
        assert_int_equal(check_chain(f->directory, RECEIPT_TYP), 4);

        /* the old key has had its day; old receipts go on to verify when files are added */
        assert_int_equal(reopen(f, 4), -ENOKEY);
        assert_int_equal(open_sized(&f->ledger, f->directory, next, 4), 0);
        for (int i = 0; i < 9; i++)
                assert_int_equal(append_health(f->ledger), 0);
        assert_int_equal(check_chain(f->directory, RECEIPT_TYP), ledger_sequence(f->ledger));
        f->ledger = ledger_free(f->ledger);
}

/* The entry that changes the key is the last one. */
static void test_key_change_last(void **state) {
        LedgerFixture *f = *state;
        _cleanup_(signer_freep) Signer *next = signer_for_test(), *third = signer_for_test();
        json_auto_t *claims = NULL;

        assert_int_equal(reopen(f, 64), 0);
        assert_int_equal(ledger_set_signer(f->ledger, next), 0);
        assert_int_equal(reopen(f, 64), -ENOKEY);
        assert_int_equal(open_sized(&f->ledger, f->directory, third, 64), -ENOKEY);
        assert_int_equal(open_sized(&f->ledger, f->directory, next, 64), 0);

        /* a change to a key that did not agree */
        assert_int_equal(entry_key_change(next, third, &claims), 0);
        assert_true(entry_key_change_proved(claims, RECEIPT_TYP));
        assert_false(entry_key_change_proved(claims, DEMO_TYP));
        assert_int_equal(json_object_set_new(claims, "old", signer_public_key(f->signer)), 0);
        assert_false(entry_key_change_proved(claims, RECEIPT_TYP));
        assert_int_equal(ledger_write(f->ledger, "key-changed", claims, -1, NULL), 0);
        f->ledger = ledger_free(f->ledger);
        assert_int_equal(open_sized(&f->ledger, f->directory, third, 64), -EUCLEAN);
}

/* A whole ledger of somebody else's, with keys.json to match: not ours to go on with. */
static void test_foreign_ledger(void **state) {
        LedgerFixture *f = *state;
        _cleanup_(signer_freep) Signer *own = signer_for_test();

        assert_int_equal(reopen(f, 4), 0);
        assert_int_equal(append_health(f->ledger), 0);
        f->ledger = ledger_free(f->ledger);
        assert_int_equal(open_sized(&f->ledger, f->directory, own, 4), -ENOKEY);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                WITH_LEDGER(test_append_and_reopen),
                WITH_LEDGER(test_callers_mistakes_write_nothing),
                WITH_LEDGER(test_another_name),
                WITH_LEDGER(test_segments),
                WITH_LEDGER(test_torn_at_every_byte),
                WITH_LEDGER(test_torn_first_entry),
                WITH_LEDGER(test_torn_beginning),
                cmocka_unit_test(test_unclosed_opening_is_closed_once),
                WITH_LEDGER(test_one_opener),
                WITH_LEDGER(test_directory_must_be_ours_alone),
                WITH_LEDGER(test_altered_bytes),
                WITH_LEDGER(test_altered_files),
                WITH_LEDGER(test_key_change),
                WITH_LEDGER(test_key_change_last),
                WITH_LEDGER(test_foreign_ledger),
        };

        signer_wipe_json();
        log_set_max_level(LOG_ERR);
        return cmocka_run_group_tests(tests, NULL, NULL);
}

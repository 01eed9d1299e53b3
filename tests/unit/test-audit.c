/* SPDX-License-Identifier: Apache-2.0 */

/* Every way to tamper with a ledger that the ledger's own code wrote, and every way in which a key's holder could write
 * something that must not be: each is found, and by its name. */

#include "audit.h"
#include "claims.h"
#include "ledger-fixture.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <sys/stat.h>

#include <cmocka.h>

#define LINES_MAX 128U

/* Lines of an exported file, and what an audit of them found. */
typedef struct Book {
        Signer *signer;
        json_t *keys;                  /* the registered ones */
        char *lines[LINES_MAX];
        size_t n;
        unsigned found[_AUDIT_KIND_MAX], warned[_AUDIT_KIND_MAX];
        uint64_t errors, line, sequence;       /* of the first error */
        char words[512];
        AuditSummary summary;
        bool unended;
} Book;

static void on_found(const AuditFinding *f, void *userdata) {
        Book *b = userdata;

        assert_non_null(audit_kind_to_string(f->kind));
        assert_true(strlen(f->words) > 0);
        if (f->warning) {
                b->warned[f->kind]++;
                return;
        }
        if (b->errors++ == 0) {
                b->line = f->line;
                b->sequence = f->sequence;
                (void) snprintf(b->words, sizeof(b->words), "%s", f->words);
        }
        b->found[f->kind]++;
}

/* Audits the book with these; NULL: none. */
static void audit_with(Book *b, const char *typ, json_t *checkpoint, json_t *revoked, bool collected) {
        json_auto_t *keys = NULL, *list = NULL;
        _cleanup_(audit_freep) Audit *a = NULL;
        const char *problem = NULL;
        AuditSetup setup = { .typ = typ, .checkpoints = checkpoint, .collected = collected, .found = on_found, .userdata = b };

        assert_int_equal(audit_keys_index(&keys, b->keys, typ, &problem), 0);
        setup.keys = keys;
        if (revoked) {
                assert_int_equal(audit_revoked_index(&list, revoked, &problem), 0);
                setup.revoked = list;
        }
        memset(b->found, 0, sizeof(b->found));
        memset(b->warned, 0, sizeof(b->warned));
        b->errors = b->line = b->sequence = 0;

        assert_int_equal(audit_new(&a, &setup), 0);
        for (size_t i = 0; i < b->n; i++) {
                const EntryLine line = { b->lines[i], strlen(b->lines[i]), !b->unended || i + 1 < b->n };

                assert_true(audit_line(a, &line) >= 0);
        }
        audit_end(a);
        b->summary = *audit_summary(a);
        assert_int_equal(b->summary.errors, b->errors);
        b->summary.terminal = b->summary.head = b->summary.key = NULL;
}

static void audit_book(Book *b) {
        audit_with(b, RECEIPT_TYP, NULL, NULL, false);
}

/* That kind alone, so often. */
static void assert_found(const Book *b, AuditKind kind, unsigned times) {
        for (int i = 0; i < _AUDIT_KIND_MAX; i++)
                if (b->found[i] != (i == (int) kind ? times : 0))
                        fail_msg("%u times %s; the first: line %lu, entry %lu, %s", b->found[i], audit_kind_to_string(i),
                                 (unsigned long) b->line, (unsigned long) b->sequence, b->words);
}

static void assert_whole(Book *b) {
        audit_book(b);
        assert_found(b, _AUDIT_KIND_MAX, 0);
}

static json_t *claims_of(const char *line) {
        json_t *claims;

        assert_int_equal(receipt_read(line, strlen(line), NULL, &claims), 0);
        return claims;
}

/* Signs a line anew with other claims, as the holder of the key could. */
static void sign_line(Book *b, size_t i, const Signer *signer, json_t *claims) {
        free(b->lines[i]);
        assert_int_equal(signer_sign(signer, claims, &b->lines[i]), 0);
}

/* Makes the chain hold again from line i on, as the holder of the key could. */
static void chain_from(Book *b, size_t i) {
        for (; i < b->n; i++) {
                json_auto_t *claims = claims_of(b->lines[i]);
                char hash[RECEIPT_HASH_SIZE];

                receipt_hash(b->lines[i - 1], strlen(b->lines[i - 1]), hash);
                json_object_set_new(claims, "previous", json_string(hash));
                sign_line(b, i, b->signer, claims);
        }
}

/* Sets or (NULL) removes a claim of line i, signed and chained again. */
static void set_claim(Book *b, size_t i, const char *name, json_t *value) {
        json_auto_t *claims = claims_of(b->lines[i]);

        if (value)
                json_object_set_new(claims, name, value);
        else
                json_object_del(claims, name);
        sign_line(b, i, b->signer, claims);
        chain_from(b, i + 1);
}

/* Appends an entry that is signed and chained, with the common claims of the last line's. */
static void append(Book *b, const char *entry, json_t *claims) {
        json_auto_t *all = json_object(), *before = claims_of(b->lines[b->n - 1]);
        static const char *const common[] = { "version", "terminal", "key-protection", "time", "clock", "boot", "boot-time" };

        for (size_t i = 0; i < ELEMENTSOF(common); i++)
                json_object_set(all, common[i], json_object_get(before, common[i]));
        json_object_update(all, claims);
        json_object_set_new(all, "entry", json_string(entry));
        json_object_set_new(all, "previous", json_string(""));
        json_object_set_new(all, "sequence", json_integer(json_integer_value(json_object_get(before, "sequence")) + 1));
        json_decref(claims);
        b->lines[b->n] = NULL;
        sign_line(b, b->n++, b->signer, all);
        chain_from(b, b->n - 1);
}

static void drop(Book *b, size_t i) {
        free(b->lines[i]);
        memmove(&b->lines[i], &b->lines[i + 1], (--b->n - i) * sizeof(char *));
}

static void swap(Book *b, size_t i, size_t j) {
        char *line = b->lines[i];

        b->lines[i] = b->lines[j];
        b->lines[j] = line;
}

static void change_character(char *line, size_t at) {
        line[at] = line[at] == 'A' ? 'B' : 'A';
}

static size_t find(const Book *b, const char *entry) {
        for (size_t i = 0; i < b->n; i++) {
                json_auto_t *claims = claims_of(b->lines[i]);

                if (entry_is(claims, entry))
                        return i;
        }
        fail_msg("no entry %s", entry);
        return 0;
}

static json_t *opened_claims(void) {
        return json_pack("{s:s,s:s,s:s,s:s,s:s,s:i,s:s,s:s,s:s,s:s,s:s}", "support-code", "K7-M2", "nonce",
                        "AAAAAAAAAAAAAAAAAAAAAA", "transaction", "order-9", "operator", "clerk-3", "notice", "n-2026-1",
                        "caller", 1000, "document", "id-card", "reference-source", "supplied", "challenge", "none", "mode",
                        "pilot", "software", "0.1.0");
}

static json_t *closed_claims(uint64_t opening) {
        return json_pack("{s:I,s:s,s:s,s:s,s:s,s:s,s:i,s:s,s:s,s:[],s:b,s:s,s:s,s:{s:s},s:{s:f,s:s},s:{},s:b,s:s,s:b}",
                        "opening", (json_int_t) opening, "support-code", "K7-M2", "nonce", "AAAAAAAAAAAAAAAAAAAAAA",
                        "transaction", "order-9", "operator", "clerk-3", "notice", "n-2026-1", "caller", 1000, "cause",
                        "verdict", "verdict", "match", "reasons", "binding", 0, "document-authenticity", "not-checked",
                        "document-binding", "not-asked", "evidence", "passive", "no-objection", "policy",
                        "false-match-rate", 0.0001, "population", "lfw", "models", "preview", 0, "examiner-ended",
                        "process", "face-seen", 1);
}

static void append_check_to(Ledger *l) {
        assert_int_equal(ledger_append(l, "opened", opened_claims(), NULL), 0);
        assert_int_equal(ledger_append(l, "closed", closed_claims(ledger_sequence(l)), NULL), 0);
}

static void append_started_to(Ledger *l) {
        assert_int_equal(ledger_append(l, "started", json_pack("{s:s,s:s,s:b}", "software", "0.1.0", "mode", "pilot",
                                                               "demo", 0), NULL), 0);
}

/* The ledger as an export has it. */
static void export(Book *b, const Ledger *l) {
        _cleanup_free_ char *directory = make_directory(), *text = NULL;
        _cleanup_close_ int fd = -1;
        char *rest, *line, path[256];

        (void) snprintf(path, sizeof(path), "%s/export", directory);
        fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
        assert_int_equal(ledger_export(l, 0, fd), 0);
        rest = text = file_text(directory, "export", NULL);
        for (b->n = 0; (line = strsep(&rest, "\n")) && rest; b->n++) {
                assert_true(b->n < LINES_MAX - 4);
                b->lines[b->n] = strdup(line);
        }
        remove_directory(TAKE_PTR(directory));
}

/* segment, started, and `checks` times opened and closed: 2 + 2 × checks entries. */
static Book *book_new(const char *typ, unsigned checks, unsigned segment) {
        _cleanup_free_ char *key = key_text();
        char *directory = make_directory();
        Book *b = calloc(1, sizeof(*b));
        Ledger *l = NULL;

        b->signer = signer_from_text(key, typ);
        assert_int_equal(open_sized(&l, directory, b->signer, segment), 0);
        append_started_to(l);
        for (unsigned i = 0; i < checks; i++)
                append_check_to(l);
        export(b, l);
        b->keys = ledger_keys(l);
        ledger_free(l);
        remove_directory(directory);
        return b;
}

static int setup_book(void **state) {
        *state = book_new(RECEIPT_TYP, 5, 1000);
        assert_int_equal(((Book *) *state)->n, 12);
        return 0;
}

static void book_free(Book *b) {
        for (size_t i = 0; i < b->n; i++)
                free(b->lines[i]);
        json_decref(b->keys);
        signer_free(b->signer);
        free(b);
}

static int teardown_book(void **state) {
        book_free(*state);
        return 0;
}

static void test_whole(void **state) {
        Book *b = *state;

        assert_whole(b);
        assert_int_equal(b->summary.first, 1);
        assert_int_equal(b->summary.last, 12);
        assert_int_equal(b->summary.entries, 12);
        assert_int_equal(b->summary.running, 0);
        assert_false(b->summary.retained);
        b->unended = true;             /* copied without the last newline: nothing is lost */
        assert_whole(b);
}

/* A changed character at many places of each line: header, payload, signature. */
static void test_edited(void **state) {
        Book *b = *state;

        for (size_t i = 0; i < b->n; i++)
                for (size_t at = 0; at < strlen(b->lines[i]); at += 37) {
                        char before = b->lines[i][at];

                        if (before == '.')
                                continue;
                        change_character(b->lines[i], at);
                        audit_book(b);
                        assert_true(b->found[AUDIT_SIGNATURE] + b->found[AUDIT_MALFORMED] + b->found[AUDIT_UNKNOWN_KEY] +
                                        b->found[AUDIT_TYP] == 1);
                        assert_int_equal(b->line, i + 1);
                        assert_int_equal(b->found[AUDIT_CLAIMS], 0);    /* nothing of it was believed */
                        b->lines[i][at] = before;
                }
        assert_whole(b);
        change_character(b->lines[3], strlen(b->lines[3]) / 2);
        audit_book(b);
        assert_int_equal(b->found[AUDIT_SIGNATURE], 1);
}

static void test_deleted(void **state) {
        Book *b = *state;

        drop(b, 7);                    /* a closing */
        audit_book(b);
        assert_int_equal(b->found[AUDIT_HOLE], 1);
        assert_int_equal(b->line, 8);
        assert_int_equal(b->sequence, 8);
        assert_int_equal(b->found[AUDIT_UNCLOSED], 1);
        assert_int_equal(b->summary.missing, 1);
}

static void test_whole_attempt_deleted(void **state) {
        Book *b = *state;

        drop(b, 6);
        drop(b, 6);
        audit_book(b);
        assert_found(b, AUDIT_HOLE, 1);
        assert_int_equal(b->summary.missing, 2);
}

/* The clerk's friend with the key numbers the rest anew, but cannot make the hashes of old receipts fit. */
static void test_renumbered(void **state) {
        Book *b = *state;
        _cleanup_free_ char *kept = strdup(b->lines[11]);
        char hash[RECEIPT_HASH_SIZE];
        json_auto_t *checkpoint = NULL;

        receipt_hash(kept, strlen(kept), hash);
        checkpoint = json_pack("{s:s,s:i,s:s}", "terminal", "till-1", "sequence", 10, "hash", hash);
        drop(b, 6);
        drop(b, 6);
        for (size_t i = 6; i < b->n; i++) {
                set_claim(b, i, "sequence", json_integer((json_int_t) i + 1));
                if (i % 2 == 1)
                        set_claim(b, i, "opening", json_integer((json_int_t) i));
        }
        chain_from(b, 6);
        assert_whole(b);               /* nothing else can show it */
        audit_with(b, RECEIPT_TYP, checkpoint, NULL, false);
        assert_found(b, AUDIT_CHECKPOINT, 1);
}

static void test_reordered(void **state) {
        Book *b = *state;

        swap(b, 4, 6);
        audit_book(b);
        assert_true(b->found[AUDIT_REORDERED] >= 1);
        assert_true(b->found[AUDIT_HOLE] >= 1);
        assert_int_equal(b->line, 5);
        assert_int_equal(b->summary.missing, 0);
}

static void test_duplicated(void **state) {
        Book *b = *state;

        b->lines[b->n++] = strdup(b->lines[5]);
        audit_book(b);
        assert_found(b, AUDIT_DUPLICATE, 1);
        assert_int_equal(b->sequence, 6);
}

/* Longer ago than is remembered. */
static void test_duplicated_late(void **state) {
        Book *b = book_new(RECEIPT_TYP, 50, 1000);

        b->lines[b->n++] = strdup(b->lines[5]);
        audit_book(b);
        assert_found(b, AUDIT_DUPLICATE, 1);
        book_free(b);
}

/* The terminal's disk was set back, and it went on from there. */
static void test_fork(void **state) {
        Book *b = *state;
        json_auto_t *claims = claims_of(b->lines[8]);

        json_object_set_new(claims, "transaction", json_string("order-10"));
        b->lines[b->n] = NULL;
        sign_line(b, b->n++, b->signer, claims);
        audit_book(b);
        assert_found(b, AUDIT_FORK, 1);
        assert_int_equal(b->sequence, 9);
}

static void test_replaced_in_the_chain(void **state) {
        Book *b = *state;
        json_auto_t *claims = claims_of(b->lines[4]);

        json_object_set_new(claims, "document", json_string("passport"));
        sign_line(b, 4, b->signer, claims);
        audit_book(b);
        assert_found(b, AUDIT_CHAIN, 1);
        assert_int_equal(b->sequence, 6);
}

static json_t *checkpoint_of(const Book *b, size_t i) {
        json_auto_t *claims = claims_of(b->lines[i]);
        char hash[RECEIPT_HASH_SIZE];

        receipt_hash(b->lines[i], strlen(b->lines[i]), hash);
        return json_pack("{s:O,s:O,s:s}", "terminal", json_object_get(claims, "terminal"), "sequence",
                        json_object_get(claims, "sequence"), "hash", hash);
}

static void test_truncated(void **state) {
        Book *b = *state;
        json_auto_t *checkpoint = checkpoint_of(b, 11);

        audit_with(b, RECEIPT_TYP, checkpoint, NULL, false);
        assert_found(b, _AUDIT_KIND_MAX, 0);
        assert_int_equal(b->summary.checkpoints, 1);

        drop(b, 11);
        drop(b, 10);
        assert_whole(b);               /* without the checkpoint it cannot be seen */
        audit_with(b, RECEIPT_TYP, checkpoint, NULL, false);
        assert_found(b, AUDIT_TRUNCATED, 1);

        b->lines[9][strlen(b->lines[9]) - 5] = '\0';
        b->unended = true;
        audit_book(b);
        assert_int_equal(b->found[AUDIT_MALFORMED], 1);
        assert_string_equal(b->words, "the last line is incomplete");
}

static void test_checkpoints(void **state) {
        Book *b = *state;
        json_auto_t *one = checkpoint_of(b, 3), *two = checkpoint_of(b, 9), *both = json_pack("[O,O]", one, two),
                    *other = json_deep_copy(one), *late = checkpoint_of(b, 0);

        audit_with(b, RECEIPT_TYP, both, NULL, false);
        assert_found(b, _AUDIT_KIND_MAX, 0);
        assert_int_equal(b->summary.checkpoints, 2);

        json_object_set_new(other, "terminal", json_string("till-2"));
        json_object_set_new(other, "sequence", json_integer(99));
        audit_with(b, RECEIPT_TYP, other, NULL, false);
        assert_found(b, AUDIT_CHECKPOINT, 1);

        json_object_set(two, "hash", json_object_get(one, "hash"));
        audit_with(b, RECEIPT_TYP, both, NULL, false);
        assert_found(b, AUDIT_CHECKPOINT, 1);

        drop(b, 0);
        audit_with(b, RECEIPT_TYP, late, NULL, false);
        assert_int_equal(b->found[AUDIT_CHECKPOINT], 1);
        assert_int_equal(b->found[AUDIT_BEGINNING], 1);

        json_object_del(one, "hash");
        assert_non_null(audit_checkpoints_problem(one));
        assert_non_null(audit_checkpoints_problem(both));
}

static void test_unknown_key(void **state) {
        Book *b = *state;
        _cleanup_(signer_freep) Signer *stranger = signer_for_test();
        json_auto_t *claims = claims_of(b->lines[7]);

        sign_line(b, 7, stranger, claims);
        audit_book(b);
        assert_int_equal(b->found[AUDIT_UNKNOWN_KEY], 1);
        assert_int_equal(b->line, 8);
        assert_int_equal(b->found[AUDIT_SIGNATURE], 0);
}

/* A key that the carrier knows, of another terminal perhaps, takes over without a key change. */
static void test_key_swap(void **state) {
        Book *b = *state;
        _cleanup_(signer_freep) Signer *other = signer_for_test();

        json_array_append_new(json_object_get(b->keys, "keys"), signer_public_key(other));
        for (size_t i = 8; i < b->n; i++) {
                Signer *own = b->signer;
                json_auto_t *claims = claims_of(b->lines[i]);

                b->signer = other;
                sign_line(b, i, other, claims);
                chain_from(b, i);
                b->signer = own;
        }
        audit_book(b);
        assert_found(b, AUDIT_KEY_SWAP, 1);
        assert_int_equal(b->sequence, 9);
}

/* A ledger whose key was changed once: the entry is at the place that is returned. Registered is the first key alone. */
static Book *rotated_book(Signer **ret_second, size_t *ret_change) {
        Book *b = calloc(1, sizeof(*b));
        char *directory = make_directory();
        Ledger *l = NULL;

        b->signer = signer_for_test();
        *ret_second = signer_for_test();
        assert_int_equal(open_sized(&l, directory, b->signer, 1000), 0);
        append_check_to(l);
        assert_int_equal(ledger_set_signer(l, *ret_second), 0);
        append_check_to(l);
        export(b, l);
        b->keys = json_pack("{s:[o]}", "keys", signer_public_key(b->signer));
        ledger_free(l);
        remove_directory(directory);
        *ret_change = find(b, "key-changed");
        return b;
}

static void test_key_change(void **state) {
        Signer *second = NULL;
        size_t change;
        Book *b = rotated_book(&second, &change);
        json_auto_t *claims = claims_of(b->lines[change]);
        _cleanup_(signer_freep) Signer *thief = signer_for_test();

        assert_whole(b);               /* the new key follows from the old one */
        assert_int_equal(b->summary.key_changes, 1);

        /* without the entry that introduced it the new key means nothing */
        drop(b, change);
        audit_book(b);
        assert_int_equal(b->found[AUDIT_UNKNOWN_KEY], b->n - change);
        book_free(b);
        signer_free(second);

        /* the new key's proof is missing: somebody else's key was named */
        b = rotated_book(&second, &change);
        set_claim(b, change, "new", signer_public_key(thief));
        audit_book(b);
        assert_int_equal(b->found[AUDIT_KEY_CHANGE], 1);
        assert_int_equal(b->sequence, change + 1);
        book_free(b);
        signer_free(second);

        /* the old key goes on after it was replaced */
        b = rotated_book(&second, &change);
        chain_from(b, change + 1);
        audit_book(b);
        assert_found(b, AUDIT_KEY_SWAP, 1);
        book_free(b);
        signer_free(second);

        /* another key than the old one is named as the old one */
        b = rotated_book(&second, &change);
        set_claim(b, change, "old", signer_public_key(thief));
        audit_book(b);
        assert_int_equal(b->found[AUDIT_KEY_CHANGE], 1);
        book_free(b);
        signer_free(second);
}

static void test_revoked(void **state) {
        Book *b = *state;
        json_auto_t *revoked = NULL, *never = NULL;
        const char *problem;
        json_t *index;

        for (size_t i = 0; i < b->n; i++)
                set_claim(b, i, "time", json_integer(1000 + (json_int_t) i));
        revoked = json_pack("{s:[{s:s,s:i,s:s}]}", "revoked", "kid", signer_key_id(b->signer), "since", 1010, "reason",
                        "stolen");
        audit_with(b, RECEIPT_TYP, NULL, revoked, false);
        assert_found(b, AUDIT_REVOKED, 2);
        assert_int_equal(b->sequence, 11);
        assert_non_null(strstr(b->words, "stolen"));

        /* dated back behind an entry that is after the revocation */
        for (size_t i = 0; i < b->n; i++)
                set_claim(b, i, "clock", json_string("synchronised"));
        set_claim(b, 11, "time", json_integer(1001));
        audit_with(b, RECEIPT_TYP, NULL, revoked, false);
        assert_found(b, AUDIT_REVOKED, 2);
        assert_int_equal(b->warned[AUDIT_TIME], 1);

        never = json_pack("{s:[{s:s}]}", "revoked", "kid", signer_key_id(b->signer));
        assert_int_equal(audit_revoked_index(&index, never, &problem), -EINVAL);
}

static void test_unclosed(void **state) {
        Book *b = *state;

        drop(b, 11);
        assert_whole(b);               /* the last attempt may be running */
        assert_int_equal(b->summary.running, 11);

        append(b, "opened", opened_claims());
        audit_book(b);
        assert_found(b, AUDIT_UNCLOSED, 1);
        assert_int_equal(b->sequence, 11);
        assert_int_equal(b->summary.running, 12);

        append(b, "started", json_pack("{s:s,s:s,s:b}", "software", "0.1.0", "mode", "pilot", "demo", 0));
        audit_book(b);
        assert_found(b, AUDIT_UNCLOSED, 2);
        assert_int_equal(b->summary.running, 0);
}

static void test_closed_twice(void **state) {
        Book *b = *state;

        append(b, "closed", closed_claims(11));
        audit_book(b);
        assert_found(b, AUDIT_CLOSED_TWICE, 1);
        assert_int_equal(b->sequence, 13);
}

static void test_closed_without_opening(void **state) {
        Book *b = *state;

        append(b, "closed", closed_claims(2));
        audit_book(b);
        assert_found(b, AUDIT_NOT_OPENED, 1);
        assert_int_equal(b->sequence, 13);
}

static void test_closing_differs(void **state) {
        static const char *const copied[] = { "support-code", "nonce", "transaction", "operator", "notice" };
        Book *b = *state;

        for (size_t i = 0; i < ELEMENTSOF(copied); i++) {
                json_auto_t *claims = claims_of(b->lines[11]);
                json_t *before = json_incref(json_object_get(claims, copied[i]));

                set_claim(b, 11, copied[i], json_string("another"));
                audit_book(b);
                assert_found(b, AUDIT_CLOSING_DIFFERS, 1);
                if (!streq(copied[i], "support-code")) {
                        set_claim(b, 11, copied[i], NULL);
                        audit_book(b);
                        assert_found(b, AUDIT_CLOSING_DIFFERS, 1);
                }
                set_claim(b, 11, copied[i], before);
        }
        set_claim(b, 11, "caller", json_integer(0));
        audit_book(b);
        assert_found(b, AUDIT_CLOSING_DIFFERS, 1);
}

static void test_other_terminal(void **state) {
        Book *b = *state;

        set_claim(b, 10, "terminal", json_string("till-2"));
        audit_book(b);
        assert_found(b, AUDIT_TERMINAL, 1);
        set_claim(b, 10, "terminal", json_string("till-1"));
        assert_whole(b);

        /* a key that is registered for another terminal */
        json_object_set_new(json_array_get(json_object_get(b->keys, "keys"), 0), "x-likeness-terminal",
                        json_string("till-2"));
        audit_book(b);
        assert_found(b, AUDIT_TERMINAL, 12);
}

static void test_time_backwards(void **state) {
        Book *b = *state;

        for (size_t i = 0; i < b->n; i++)
                set_claim(b, i, "clock", json_string(i < 6 ? "synchronised" : "unsynchronised"));
        set_claim(b, 4, "time", json_integer(1));
        set_claim(b, 8, "time", json_integer(1));
        assert_whole(b);
        assert_int_equal(b->warned[AUDIT_TIME], 1);

        set_claim(b, 9, "boot-time", json_integer(1));
        assert_whole(b);
        assert_int_equal(b->warned[AUDIT_TIME], 2);
}

static void test_unknown_entry(void **state) {
        Book *b = *state;

        append(b, "tidied", json_object());
        audit_book(b);
        assert_found(b, AUDIT_KIND, 1);
}

/* Each claim of each entry: gone, or of another type; and names that have no place or must never be. */
static void test_claims(void **state) {
        static const char *const forbidden[] = { "score", "similarity", "image", "family-name", "birth-date",
                                                 "document-number", "embedding", "passive-score" };
        static const char *const misplaced[] = { "verdict", "first", "anything" };
        Book *b = *state;

        for (size_t i = 10; i < 12; i++) {
                EntryKind kind = i == 10 ? ENTRY_OPENED : ENTRY_CLOSED;
                bool required;
                const char *name;

                for (size_t j = 2; (name = claims_name(kind, j, &required)); j++) {
                        json_auto_t *claims = claims_of(b->lines[i]);
                        json_t *before = json_object_get(claims, name);

                        if (!before || streq(name, "sequence"))
                                continue;
                        json_incref(before);
                        if (required && !streq(name, "previous") && !streq(name, "terminal")) {
                                set_claim(b, i, name, NULL);
                                audit_book(b);
                                assert_int_equal(b->found[AUDIT_CLAIMS], 1);
                        }
                        if (!streq(name, "previous")) {
                                set_claim(b, i, name, json_null());
                                audit_book(b);
                                assert_int_equal(b->found[AUDIT_CLAIMS], 1);
                        }
                        set_claim(b, i, name, before);
                }
        }
        assert_whole(b);

        for (size_t i = 0; i < ELEMENTSOF(forbidden); i++) {
                set_claim(b, 11, forbidden[i], json_real(0.5));
                audit_book(b);
                assert_found(b, AUDIT_FORBIDDEN, 1);
                set_claim(b, 11, forbidden[i], NULL);
        }
        for (size_t i = 0; i < ELEMENTSOF(misplaced); i++) {
                set_claim(b, 10, misplaced[i], json_integer(1));
                audit_book(b);
                assert_found(b, AUDIT_CLAIMS, 1);
                set_claim(b, 10, misplaced[i], NULL);
        }
        set_claim(b, 11, "evidence", json_pack("{s:f}", "passive", 0.7));
        audit_book(b);
        assert_found(b, AUDIT_CLAIMS, 1);
        set_claim(b, 11, "evidence", json_pack("{s:s,s:s}", "passive", "none", "score", "none"));
        audit_book(b);
        assert_found(b, AUDIT_CLAIMS, 1);
}

/* A verdict belongs to a closing with the cause "verdict" only, which must have everything that explains it. */
static void test_verdict_claims(void **state) {
        Book *b = *state;

        set_claim(b, 11, "cause", json_string("cancelled"));
        audit_book(b);
        assert_found(b, AUDIT_CLAIMS, 1);
        set_claim(b, 11, "cause", json_string("verdict"));
        set_claim(b, 11, "policy", NULL);
        audit_book(b);
        assert_found(b, AUDIT_CLAIMS, 1);
}

static void test_demo(void **state) {
        Book *b = *state, *demo = book_new(DEMO_TYP, 1, 1000);
        const char *problem;
        json_t *index;

        /* mixed in */
        b->lines[b->n++] = strdup(demo->lines[2]);
        audit_book(b);
        assert_found(b, AUDIT_TYP, 1);
        assert_int_equal(b->line, 13);

        /* whole, if it is asked for as what it is */
        audit_with(demo, DEMO_TYP, NULL, NULL, false);
        assert_found(demo, _AUDIT_KIND_MAX, 0);
        audit_book(demo);
        assert_found(demo, AUDIT_TYP, 4);

        /* a demonstration's key signs something that says it is real */
        json_object_set_new(json_array_get(json_object_get(b->keys, "keys"), 0), "x-likeness-demo", json_true());
        assert_int_equal(audit_keys_index(&index, b->keys, RECEIPT_TYP, &problem), 0);
        assert_int_equal(json_object_size(index), 0);
        json_decref(index);
        book_free(demo);
}

/* What retention leaves: the last segments. */
static void test_retention(void **state) {
        Book *b = book_new(RECEIPT_TYP, 9, 8);
        size_t second;

        assert_whole(b);
        assert_false(b->summary.retained);
        drop(b, 0);
        audit_book(b);
        assert_found(b, AUDIT_BEGINNING, 1);

        second = find(b, "segment");
        for (size_t i = 0; i < second; i++)
                drop(b, 0);
        assert_whole(b);
        assert_true(b->summary.retained);
        assert_int_equal(b->summary.before, second + 1);
        assert_int_equal(b->summary.first, second + 2);
        book_free(b);
}

static void test_segment_contradicts(void **state) {
        Book *b = book_new(RECEIPT_TYP, 9, 8);
        size_t first = find(b, "segment"), second;
        char *line = b->lines[first];

        b->lines[first] = b->lines[first + 1];  /* a line that is no segment, for find() */
        second = find(b, "segment");
        b->lines[first] = line;

        set_claim(b, second, "entries", json_integer(1));
        audit_book(b);
        assert_found(b, AUDIT_SEGMENT, 1);
        set_claim(b, second, "entries", json_integer((json_int_t) second));
        assert_whole(b);
        set_claim(b, second, "open", json_integer(2));
        audit_book(b);
        assert_found(b, AUDIT_SEGMENT, 1);
        book_free(b);
}

/* An entry that says that more was dropped than there was. */
static void test_dropped(void **state) {
        static const struct {
                json_int_t first, entries;
                bool good;
        } all[] = { { 5, 4, true }, { 13, 12, true }, { 5, 1, true }, { 14, 12, false }, { 5, 5, false } };
        Book *b = *state;

        for (size_t i = 0; i < ELEMENTSOF(all); i++) {
                append(b, "dropped", json_pack("{s:I, s:I, s:i}", "first", all[i].first, "entries", all[i].entries,
                                "latest", 1));
                audit_book(b);
                assert_found(b, all[i].good ? _AUDIT_KIND_MAX : AUDIT_SEGMENT, all[i].good ? 0 : 1);
                drop(b, b->n - 1);
        }
        append(b, "dropped", json_pack("{s:i, s:i}", "first", 5, "entries", 4));
        audit_book(b);
        assert_found(b, AUDIT_CLAIMS, 1);
}

/* A collector repeats and loses things; what is there must hold all the same. */
static void test_collected(void **state) {
        Book *b = *state;

        drop(b, 0);
        b->lines[b->n++] = strdup(b->lines[3]);
        swap(b, 6, 7);
        b->lines[b->n++] = strdup("no entry");
        audit_with(b, RECEIPT_TYP, NULL, NULL, true);
        assert_found(b, AUDIT_MALFORMED, 1);
        assert_int_equal(b->warned[AUDIT_BEGINNING], 1);
        assert_int_equal(b->warned[AUDIT_DUPLICATE], 1);
        assert_int_equal(b->warned[AUDIT_REORDERED], 1);
        free(b->lines[--b->n]);

        drop(b, 4);
        audit_with(b, RECEIPT_TYP, NULL, NULL, true);
        assert_int_equal(b->found[AUDIT_HOLE], 1);
        assert_int_equal(b->sequence, 6);
}

static void test_no_entries(void **state) {
        Book *b = *state;
        _cleanup_free_ char *long_line = malloc(RECEIPT_SIZE_MAX + 2);
        static const char *const lines[] = { "", ".", "..", "a.b.c", "{}", "eyJhbGciOiJub25lIn0.e30.",
                                             "\x80\xff.\xff.\xff" };

        memset(long_line, 'A', RECEIPT_SIZE_MAX + 1);
        long_line[RECEIPT_SIZE_MAX + 1] = '\0';
        while (b->n > 0)
                drop(b, b->n - 1);
        for (size_t i = 0; i < ELEMENTSOF(lines); i++)
                b->lines[b->n++] = strdup(lines[i]);
        b->lines[b->n++] = strdup(long_line);
        audit_book(b);
        assert_found(b, AUDIT_MALFORMED, ELEMENTSOF(lines) + 1);
        assert_int_equal(b->summary.entries, 0);
}

/* Files as they come: segments in a directory, one file, an endless line, no newline at the end. */
static void test_reader(void **state) {
        char *directory = make_directory(), path[256];
        _cleanup_(entry_reader_freep) EntryReader *r = NULL;
        _cleanup_free_ char *big = malloc(200000);
        EntryLine line;

        assert_int_equal(entry_reader_new(&r, directory), -ENODATA);
        assert_int_equal(entry_reader_new(&r, "/nonexistent"), -ENOENT);

        memset(big, 'x', 200000);
        memcpy(big + 150000, "\nshort\nlast", 11);
        file_write(directory, segment_file(1), "one\ntwo\n", 8);
        file_write(directory, segment_file(3), big, 150011);
        file_write(directory, "keys.json", "{}\n", 3);
        assert_int_equal(entry_reader_new(&r, directory), 0);
        assert_int_equal(entry_reader_next(r, &line), 1);
        assert_memory_equal(line.text, "one", line.size);
        assert_int_equal(entry_reader_next(r, &line), 1);
        assert_memory_equal(line.text, "two", line.size);
        assert_int_equal(entry_reader_next(r, &line), 1);
        assert_true(line.size > RECEIPT_SIZE_MAX);
        assert_true(line.ended);
        assert_int_equal(entry_reader_next(r, &line), 1);
        assert_int_equal(line.size, 5);
        assert_memory_equal(line.text, "short", 5);
        assert_int_equal(entry_reader_next(r, &line), 1);
        assert_memory_equal(line.text, "last", 4);
        assert_false(line.ended);
        assert_int_equal(entry_reader_next(r, &line), 0);

        r = entry_reader_free(r);
        (void) snprintf(path, sizeof(path), "%s/%s", directory, segment_file(1));
        assert_int_equal(entry_reader_new(&r, path), 0);
        assert_int_equal(entry_reader_next(r, &line), 1);
        assert_int_equal(entry_reader_next(r, &line), 1);
        assert_int_equal(entry_reader_next(r, &line), 0);
        remove_directory(directory);
}

static bool has_word(const json_t *list, const char *word) {
        const json_t *item;
        size_t i;

        json_array_foreach(list, i, item)
                if (streq(json_string_value(item), word))
                        return true;
        return false;
}

/* The audit's table and schemas/receipt.schema.json name the same claims, for every kind of entry. */
static void test_schema_agrees(void **state) {
        json_auto_t *schema = json_load_file(RECEIPT_SCHEMA, 0, NULL);
        const json_t *branch;
        size_t i;

        assert_non_null(schema);
        for (int kind = 0; kind < _ENTRY_KIND_MAX; kind++) {
                json_auto_t *names = json_object();
                bool required, everywhere;
                const char *name;
                json_t *value;
                size_t n = 0, branches = 0;

                json_array_foreach(json_object_get(schema, "oneOf"), i, branch) {
                        const json_t *properties = json_object_get(branch, "properties");

                        if (!streq(entry_text(json_object_get(properties, "entry"), "const"), entry_kind_to_string(kind)))
                                continue;
                        branches++;
                        assert_true(json_is_false(json_object_get(branch, "additionalProperties")));
                        json_object_foreach((json_t *) properties, name, value)
                                json_object_set_new(names, name, json_true());
                }
                assert_true(branches > 0);

                for (; (name = claims_name(kind, n, &required)); n++) {
                        everywhere = true;
                        if (!json_object_get(names, name))
                                fail_msg("%s: %s is not in the schema", entry_kind_to_string(kind), name);
                        json_array_foreach(json_object_get(schema, "oneOf"), i, branch)
                                if (streq(entry_text(json_object_get(json_object_get(branch, "properties"), "entry"), "const"),
                                                    entry_kind_to_string(kind)))
                                        everywhere &= has_word(json_object_get(branch, "required"), name);
                        if (everywhere != required)
                                fail_msg("%s: the schema differs in whether it needs %s", entry_kind_to_string(kind), name);
                }
                assert_int_equal(n, json_object_size(names));
        }
}

#define with_book(test) cmocka_unit_test_setup_teardown(test, setup_book, teardown_book)

int main(void) {
        const struct CMUnitTest tests[] = {
                with_book(test_whole),
                with_book(test_edited),
                with_book(test_deleted),
                with_book(test_whole_attempt_deleted),
                with_book(test_renumbered),
                with_book(test_reordered),
                with_book(test_duplicated),
                cmocka_unit_test(test_duplicated_late),
                with_book(test_fork),
                with_book(test_replaced_in_the_chain),
                with_book(test_truncated),
                with_book(test_checkpoints),
                with_book(test_unknown_key),
                with_book(test_key_swap),
                cmocka_unit_test(test_key_change),
                with_book(test_revoked),
                with_book(test_unclosed),
                with_book(test_closed_twice),
                with_book(test_closed_without_opening),
                with_book(test_closing_differs),
                with_book(test_other_terminal),
                with_book(test_time_backwards),
                with_book(test_unknown_entry),
                with_book(test_claims),
                with_book(test_verdict_claims),
                with_book(test_demo),
                cmocka_unit_test(test_retention),
                cmocka_unit_test(test_segment_contradicts),
                cmocka_unit_test_setup_teardown(test_dropped, setup_book, teardown_book),
                with_book(test_collected),
                with_book(test_no_entries),
                cmocka_unit_test(test_reader),
                cmocka_unit_test(test_schema_agrees),
        };

        signer_wipe_json();
        return cmocka_run_group_tests(tests, NULL, NULL);
}

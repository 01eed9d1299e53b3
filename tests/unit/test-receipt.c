/* SPDX-License-Identifier: Apache-2.0 */

/* receipt_verify(): no change of a receipt passes, whether made at random, on purpose, or by a signer that is ours but says
 * more than it should. */

#include "ledger-fixture.h"
#include "macro.h"

#include <errno.h>
#include <jose/b64.h>
#include <jose/jwk.h>
#include <jose/jws.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

#define MUTATIONS 10000

typedef struct Fixture {
        char *key;                     /* the private key's text */
        Signer *signer;
        json_t *keys;                  /* its public key, and another one */
        char *jws[2];                  /* two receipts of the same signer */
        size_t size[2];
} Fixture;

static int set_up(void **state) {
        Fixture *f = calloc(1, sizeof(*f));
        _cleanup_(signer_freep) Signer *other = signer_for_test();

        f->key = key_text();
        f->signer = signer_from_text(f->key, RECEIPT_TYP);
        f->keys = json_pack("{s:[oo]}", "keys", signer_public_key(other), signer_public_key(f->signer));
        for (int i = 0; i < 2; i++) {
                json_auto_t *claims = json_pack("{s:i,s:s,s:[s,s],s:b}", "sequence", 41 + i, "verdict", "match", "reasons",
                                                "too-dark", "no-face", "binding", i);

                assert_int_equal(signer_sign(f->signer, claims, &f->jws[i]), 0);
                f->size[i] = strlen(f->jws[i]);
        }
        *state = f;
        return 0;
}

static int tear_down(void **state) {
        Fixture *f = *state;

        free(f->jws[0]);
        free(f->jws[1]);
        json_decref(f->keys);
        signer_free(f->signer);
        free(f->key);
        free(f);
        return 0;
}

static int verify(const Fixture *f, const char *jws, size_t size) {
        json_auto_t *claims = NULL;
        int r = receipt_verify(f->keys, RECEIPT_TYP, jws, size, &claims);

        assert_true(r < 0 ? claims == NULL : json_is_object(claims));
        return r;
}

static void test_unchanged_passes(void **state) {
        const Fixture *f = *state;
        json_auto_t *claims = NULL, *nothing = json_pack("{s:[]}", "keys");

        assert_int_equal(receipt_verify(f->keys, RECEIPT_TYP, f->jws[0], f->size[0], &claims), 0);
        assert_int_equal(entry_number(claims, "sequence"), 41);
        json_decref(claims);
        claims = NULL;
        assert_int_equal(receipt_verify(f->keys, DEMO_TYP, f->jws[0], f->size[0], &claims), -EBADMSG);
        assert_int_equal(receipt_verify(nothing, RECEIPT_TYP, f->jws[0], f->size[0], &claims), -ENOKEY);
        assert_null(claims);
}

static void test_every_single_bit(void **state) {
        const Fixture *f = *state;
        _cleanup_free_ char *jws = strdup(f->jws[0]);

        for (size_t bit = 0; bit < f->size[0] * 8; bit++) {
                jws[bit / 8] ^= (char) (1 << bit % 8);
                if (verify(f, jws, f->size[0]) >= 0)
                        fail_msg("bit %zu may be changed", bit);
                jws[bit / 8] ^= (char) (1 << bit % 8);
        }
        assert_int_equal(verify(f, jws, f->size[0]), 0);
}

/* A byte of the characters that a receipt has, or any. */
static char random_byte(void) {
        static const char alphabet[] = JOSE_B64_MAP ".=+/ \n{\"";

        return random() % 4 == 0 ? (char) random() : alphabet[random() % (sizeof(alphabet) - 1)];
}

/* One to three deletions, insertions, bit flips or replacements; never the text that it was. */
static size_t mutate(const Fixture *f, char *jws) {
        size_t size = f->size[0];

        (void) memcpy(jws, f->jws[0], size);
        for (long n = 1 + random() % 3; n > 0; n--) {
                size_t at = (size_t) random() % size;

                switch (random() % 5) {
                case 0:
                        jws[at] ^= (char) (1 << random() % 8);
                        break;
                case 1:
                        (void) memmove(jws + at, jws + at + 1, --size - at);
                        break;
                case 2:
                        (void) memmove(jws + at + 1, jws + at, size++ - at);
                        jws[at] = random_byte();
                        break;
                case 3:
                        jws[at] = random_byte();
                        break;
                default:
                        size = at + 1;         /* cut short */
                }
        }
        if (size == f->size[0] && memcmp(jws, f->jws[0], size) == 0)
                jws[random() % (long) size] ^= 1;
        return size;
}

static void test_random_mutations(void **state) {
        const Fixture *f = *state;
        _cleanup_free_ char *jws = malloc(f->size[0] + 16);

        srandom(20260301);
        for (int i = 0; i < MUTATIONS; i++) {
                size_t size = mutate(f, jws);

                if (verify(f, jws, size) >= 0)
                        fail_msg("mutation %d passes: %.*s", i, (int) size, jws);
        }
}

/* The three parts of two receipts in every other combination and order. */
static void test_swapped_parts(void **state) {
        const Fixture *f = *state;
        char *part[6];
        _cleanup_free_ char *a = strdup(f->jws[0]), *b = strdup(f->jws[1]);
        unsigned passed = 0;

        part[0] = strtok(a, ".");
        part[1] = strtok(NULL, ".");
        part[2] = strtok(NULL, ".");
        part[3] = strtok(b, ".");
        part[4] = strtok(NULL, ".");
        part[5] = strtok(NULL, ".");
        for (int i = 0; i < 6; i++)
                for (int j = 0; j < 6; j++)
                        for (int k = 0; k < 6; k++) {
                                _cleanup_free_ char *jws = NULL;

                                assert_true(asprintf(&jws, "%s.%s.%s", part[i], part[j], part[k]) > 0);
                                if (verify(f, jws, strlen(jws)) < 0)
                                        continue;
                                assert_true(streq(jws, f->jws[0]) || streq(jws, f->jws[1]));
                                passed++;
                        }
        assert_int_equal(passed, 4);   /* both headers are the same */
}

/* The header with our key id in place of its "%s". */
static char *with_key_id(const Fixture *f, const char *template) {
        const char *mark = strstr(template, "%s");
        char *header = NULL;

        assert_true(asprintf(&header, "%.*s%s%s", (int) (mark - template), template, signer_key_id(f->signer),
                             mark + 2) > 0);
        return header;
}

/* Signs whatever header and payload with our key, as no signer of ours does. */
static char *sign_raw(const Fixture *f, const char *header, const char *payload) {
        json_auto_t *jwk = json_loads(f->key, 0, NULL), *jws = NULL, *sig = NULL;
        char *text = NULL;

        jws = json_pack("{s:o}", "payload", jose_b64_enc(payload, strlen(payload)));
        sig = json_pack("{s:o}", "protected", jose_b64_enc(header, strlen(header)));
        assert_true(jose_jws_sig(NULL, jws, sig, jwk));
        assert_true(asprintf(&text, "%s.%s.%s", entry_text(jws, "protected"), entry_text(jws, "payload"),
                             entry_text(jws, "signature")) > 0);
        return text;
}

/* Headers with %s for our key id; only the first is right. */
static const char *const headers[] = {
        "{\"alg\":\"ES256\",\"typ\":\"likeness-receipt+jwt\",\"kid\":\"%s\"}",
        "{\"alg\":\"ES256\",\"typ\":\"likeness-demo+jwt\",\"kid\":\"%s\"}",
        "{\"alg\":\"ES256\",\"typ\":\"LIKENESS-RECEIPT+JWT\",\"kid\":\"%s\"}",
        "{\"alg\":\"ES256\",\"typ\":\"likeness-receipt+jwt\",\"kid\":\"%s\",\"crit\":[\"exp\"],\"exp\":1}",
        "{\"alg\":\"ES256\",\"typ\":\"likeness-receipt+jwt\",\"kid\":\"%s\",\"crit\":[]}",
        "{\"alg\":\"ES256\",\"typ\":\"likeness-receipt+jwt\",\"kid\":\"%s\",\"zip\":\"DEF\"}",
        "{\"alg\":\"ES256\",\"typ\":\"likeness-receipt+jwt\",\"kid\":\"%s\",\"jku\":\"https://example.org\"}",
        "{\"alg\":\"ES256\",\"typ\":\"likeness-receipt+jwt\",\"kid\":\"%s\",\"kid\":\"x\"}",
        "{\"alg\":\"ES256\",\"typ\":\"likeness-receipt+jwt\",\"typ\":\"likeness-receipt+jwt\",\"kid\":\"%s\"}",
        "{\"alg\":\"ES256\",\"typ\":\"likeness-receipt+jwt\",\"KID\":\"%s\"}",
        "{\"alg\":\"ES256\",\"kid\":\"%s\"}",
};

static void test_headers_that_we_never_write(void **state) {
        const Fixture *f = *state;

        for (size_t i = 0; i < ELEMENTSOF(headers); i++) {
                _cleanup_free_ char *header = with_key_id(f, headers[i]), *jws = NULL;

                jws = sign_raw(f, header, "{\"verdict\":\"match\"}");
                assert_int_equal(verify(f, jws, strlen(jws)), i == 0 ? 0 : -EBADMSG);
        }
}

/* Headers edited and encoded again, the signature left as it was; or one made for the purpose. */
static void test_edited_headers(void **state) {
        static const char *const edits[] = {
                "{\"alg\":\"none\",\"typ\":\"likeness-receipt+jwt\",\"kid\":\"%s\"}",
                "{\"alg\":\"HS256\",\"typ\":\"likeness-receipt+jwt\",\"kid\":\"%s\"}",
                "{\"alg\":\"ES384\",\"typ\":\"likeness-receipt+jwt\",\"kid\":\"%s\"}",
                "{\"typ\":\"likeness-receipt+jwt\",\"alg\":\"ES256\",\"kid\":\"%s\"}",
                "{\"alg\":\"ES256\",\"typ\":\"likeness-receipt+jwt\",\"kid\":\"%s\"} ",
        };
        const Fixture *f = *state;
        const char *rest = strchr(f->jws[0], '.');

        for (size_t i = 0; i < ELEMENTSOF(edits); i++) {
                static const char *const signatures[] = { NULL, "", "AA" };

                for (size_t j = 0; j < ELEMENTSOF(signatures); j++) {
                        _cleanup_free_ char *header = with_key_id(f, edits[i]), *jws = NULL;
                        json_auto_t *encoded = jose_b64_enc(header, strlen(header));

                        assert_true(asprintf(&jws, "%s%.*s%s", json_string_value(encoded),
                                             signatures[j] ? (int) (strrchr(rest, '.') + 1 - rest) : (int) strlen(rest),
                                             rest, signatures[j] ? signatures[j] : "") > 0);
                        assert_true(verify(f, jws, strlen(jws)) < 0);
                }
        }
}

static void test_payloads_that_we_never_write(void **state) {
        static const char *const payloads[] = {
                "{\"verdict\":\"no-match\",\"verdict\":\"match\"}", "[]", "\"match\"", "", "{\"verdict\":\"match\"}x",
                "{\"verdict\":\"\xff\"}", "{\"verdict\":\"a\\u0000b\"}",
        };
        const Fixture *f = *state;
        _cleanup_free_ char *header = with_key_id(f, headers[0]);

        for (size_t i = 0; i < ELEMENTSOF(payloads); i++) {
                _cleanup_free_ char *jws = sign_raw(f, header, payloads[i]);

                assert_int_equal(verify(f, jws, strlen(jws)), -EBADMSG);
        }
}

/* Also without a signature to check, a text has one form only. */
static void test_reading_is_strict(void **state) {
        const Fixture *f = *state;
        _cleanup_free_ char *header = with_key_id(f, headers[0]), *jws = NULL;
        json_auto_t *claims = NULL, *other = NULL;
        char *last;

        jws = sign_raw(f, header, "{\"a\":1}");   /* 7 bytes: 4 bits of the last character count for nothing */
        last = strrchr(jws, '.') - 1;
        assert_int_equal(receipt_read(jws, strlen(jws), NULL, &claims), 0);
        for (int i = 1; i < 4; i++) {
                (*last)++;
                assert_int_equal(receipt_read(jws, strlen(jws), NULL, &other), -EBADMSG);
        }
        *last = '=';
        assert_int_equal(receipt_read(jws, strlen(jws), NULL, &other), -EBADMSG);
}

/* Somebody else's signature under our key's name. */
static void test_foreign_signature(void **state) {
        const Fixture *f = *state;
        Fixture foreign = { .key = key_text() };
        _cleanup_free_ char *header = with_key_id(f, headers[0]), *jws = NULL;

        jws = sign_raw(&foreign, header, "{\"verdict\":\"match\"}");
        assert_int_equal(verify(f, jws, strlen(jws)), -EKEYREJECTED);
        free(foreign.key);
}

static void test_sizes(void **state) {
        const Fixture *f = *state;
        _cleanup_free_ char *big = malloc(RECEIPT_SIZE_MAX + 1);

        (void) memset(big, 'A', RECEIPT_SIZE_MAX + 1);
        assert_int_equal(verify(f, big, RECEIPT_SIZE_MAX + 1), -EBADMSG);
        assert_int_equal(verify(f, big, 0), -EBADMSG);
        assert_int_equal(verify(f, "..", 2), -EBADMSG);
        for (int more = 1; more < 5; more++) {     /* a signature of one byte and more too many */
                _cleanup_free_ char *longer = NULL;

                assert_true(asprintf(&longer, "%s%.*s", f->jws[0], more, "AAAA") > 0);
                assert_int_equal(verify(f, longer, strlen(longer)), -EBADMSG);
        }
        assert_int_equal(verify(f, "a.b.c.d", 7), -EBADMSG);
        for (size_t n = 0; n < f->size[0]; n++)
                assert_true(verify(f, f->jws[0], n) < 0);
}

/* FIPS 180-4's example "abc". */
static void test_hash(void **state) {
        char hash[RECEIPT_HASH_SIZE];

        receipt_hash("abc", 3, hash);
        assert_string_equal(hash, "ungWv48Bz-pBQUDeXa4iI7ADYaOWF3qctBD_YfIAFa0");
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_unchanged_passes),
                cmocka_unit_test(test_every_single_bit),
                cmocka_unit_test(test_random_mutations),
                cmocka_unit_test(test_swapped_parts),
                cmocka_unit_test(test_headers_that_we_never_write),
                cmocka_unit_test(test_edited_headers),
                cmocka_unit_test(test_payloads_that_we_never_write),
                cmocka_unit_test(test_reading_is_strict),
                cmocka_unit_test(test_foreign_signature),
                cmocka_unit_test(test_sizes),
                cmocka_unit_test(test_hash),
        };

        signer_wipe_json();
        return cmocka_run_group_tests(tests, set_up, tear_down);
}

/* SPDX-License-Identifier: Apache-2.0 */

/* The signer: what it takes for a key, what it signs, and that the key is nowhere else in the process's memory. */

#include "ledger-fixture.h"
#include "macro.h"
#include "memory-search.h"

#include <errno.h>
#include <fcntl.h>
#include <jose/b64.h>
#include <jose/jwk.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/wait.h>

#include <cmocka.h>

#define SIGNATURES 1000

static int load(const char *text, size_t size) {
        _cleanup_(signer_freep) Signer *s = NULL;
        _cleanup_close_ int fd = sealed_text(text, size);

        return signer_new(&s, fd, RECEIPT_TYP, "host");
}

static void test_signs_what_verifies(void **state) {
        _cleanup_(signer_freep) Signer *s = signer_for_test();
        json_auto_t *claims = json_pack("{s:s,s:f}", "verdict", "match", "rate", 0.0001), *keys = NULL, *read = NULL;
        json_auto_t *header = NULL, *again = NULL;
        _cleanup_free_ char *jws = NULL, *text = NULL;

        assert_int_equal(signer_sign(s, claims, &jws), 0);
        keys = json_pack("{s:[o]}", "keys", signer_public_key(s));
        assert_int_equal(receipt_verify(keys, RECEIPT_TYP, jws, strlen(jws), &read), 0);
        assert_true(json_equal(claims, read));
        text = json_dumps(read, JSON_COMPACT | JSON_REAL_PRECISION(15));
        assert_string_equal(text, "{\"verdict\":\"match\",\"rate\":0.0001}");

        assert_int_equal(receipt_read(jws, strlen(jws), &header, &again), 0);
        assert_string_equal(entry_text(header, "kid"), signer_key_id(s));
        assert_string_equal(entry_text(header, "typ"), RECEIPT_TYP);
        assert_int_equal(strlen(signer_key_id(s)), 43);
}

/* RFC 7517, appendix A.2: a private P-256 key; its thumbprint was computed with python3-jwcrypto. */
static void test_key_id_and_public_key(void **state) {
        static const char text[] =
                "{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4\","
                "\"y\":\"4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM\","
                "\"d\":\"870MB6gfuTJ4HtUnUvYMyJpr5eUZNP4Bk43bVdj3eAE\"}";
        _cleanup_(signer_freep) Signer *s = signer_from_text(text, DEMO_TYP);
        json_auto_t *key = signer_public_key(s);

        assert_string_equal(signer_key_id(s), "cn-I_WNMClehiVp51i_0VpOENW1upEerA8sEam5hn-s");
        assert_string_equal(signer_typ(s), DEMO_TYP);
        assert_string_equal(signer_protection(s), "none");
        assert_null(json_object_get(key, "d"));
        assert_string_equal(entry_text(key, "kid"), signer_key_id(s));
        assert_string_equal(entry_text(key, "alg"), "ES256");
        assert_string_equal(entry_text(key, "use"), "sig");
        assert_int_equal(json_object_size(key), 7);
}

/* The good key with one member changed (NULL: removed). */
static int load_changed(const json_t *good, const char *name, json_t *value) {
        json_auto_t *key = json_deep_copy(good);
        _cleanup_free_ char *text = NULL;

        if (value)
                assert_int_equal(json_object_set_new(key, name, value), 0);
        else
                assert_int_equal(json_object_del(key, name), 0);
        text = json_dumps(key, JSON_COMPACT);
        return load(text, strlen(text));
}

static void test_members_are_checked(void **state) {
        _cleanup_free_ char *text = key_text(), *other_text = key_text();
        json_auto_t *good = json_loads(text, 0, NULL), *other = json_loads(other_text, 0, NULL);
        static const char *const coordinates[] = { "x", "y", "d" };

        assert_int_equal(load(text, strlen(text)), 0);
        assert_int_equal(load_changed(good, "kty", json_string("oct")), -EBADMSG);
        assert_int_equal(load_changed(good, "kty", NULL), -EBADMSG);
        assert_int_equal(load_changed(good, "crv", json_string("P-384")), -EBADMSG);
        assert_int_equal(load_changed(good, "alg", json_string("ES256")), 0);
        assert_int_equal(load_changed(good, "alg", json_string("ES384")), -EBADMSG);
        assert_int_equal(load_changed(good, "use", json_string("enc")), -EBADMSG);
        assert_int_equal(load_changed(good, "kid", json_string("mine")), -EBADMSG);

        for (size_t i = 0; i < ELEMENTSOF(coordinates); i++) {
                char value[64] = { 0 };

                strncpy(value, json_string_value(json_object_get(good, coordinates[i])), sizeof(value) - 1);
                assert_int_equal(load_changed(good, coordinates[i], NULL), -EBADMSG);
                assert_int_equal(load_changed(good, coordinates[i], json_integer(7)), -EBADMSG);
                assert_int_equal(load_changed(good, coordinates[i],
                                              json_incref(json_object_get(other, coordinates[i]))), -EBADMSG);
                assert_int_equal(load_changed(good, coordinates[i], json_stringn(value, 42)), -EBADMSG);
                value[42]++;           /* the same bits and one of the two that count for nothing */
                assert_int_equal(load_changed(good, coordinates[i], json_string(value)), -EBADMSG);
        }
}

static void test_text_is_checked(void **state) {
        _cleanup_free_ char *text = key_text(), *twice = NULL, *long_text = calloc(1, 5000);
        size_t size = strlen(text);

        assert_true(asprintf(&twice, "{\"kty\":\"EC\",%s", text + 1) > 0);
        assert_int_equal(load(twice, strlen(twice)), -EBADMSG);
        assert_int_equal(load(text, size - 1), -EBADMSG);
        assert_int_equal(load("", 0), -EBADMSG);
        assert_int_equal(load("[]", 2), -EBADMSG);
        (void) memset(long_text, ' ', 5000);
        (void) memcpy(long_text, text, size);
        assert_int_equal(load(long_text, 4096), 0);
        assert_int_equal(load(long_text, 4097), -EBADMSG);
        long_text[size] = 'x';
        assert_int_equal(load(long_text, size + 1), -EBADMSG);
}

static void test_descriptor_is_checked(void **state) {
        _cleanup_(signer_freep) Signer *s = NULL;
        _cleanup_free_ char *text = key_text();
        _cleanup_close_ int open_fd = memfd_create("key", MFD_CLOEXEC | MFD_ALLOW_SEALING), sealed = -1;

        assert_int_equal(write(open_fd, text, strlen(text)), strlen(text));
        assert_int_equal(signer_new(&s, open_fd, RECEIPT_TYP, "host"), -EBADMSG);
        assert_int_equal(fcntl(open_fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE), 0);
        assert_int_equal(signer_new(&s, open_fd, RECEIPT_TYP, "host"), -EBADMSG);

        /* without allocators that wipe, no key is taken */
        sealed = sealed_text(text, strlen(text));
        json_set_alloc_funcs(malloc, free);
        assert_int_equal(signer_new(&s, sealed, RECEIPT_TYP, "host"), -EINVAL);
        signer_wipe_json();
        assert_int_equal(signer_new(&s, sealed, RECEIPT_TYP, "host"), 0);
}

static void test_too_much_is_refused(void **state) {
        _cleanup_(signer_freep) Signer *s = signer_for_test();
        json_auto_t *claims = json_object(), *list = json_array();
        _cleanup_free_ char *jws = NULL, *padding = calloc(1, RECEIPT_SIZE_MAX);

        (void) memset(padding, 'x', RECEIPT_SIZE_MAX - 1);
        assert_int_equal(json_object_set_new(claims, "padding", json_string(padding)), 0);
        assert_int_equal(signer_sign(s, claims, &jws), -EMSGSIZE);
        assert_int_equal(signer_sign(s, list, &jws), -EINVAL);
        assert_null(jws);
}

/* A key that this process never had in its memory: made by a child, who leaves it in the memfd, and what to look for,
 * masked, in the secret. */
static int foreign_key(Secret *ret) {
        int fd = memfd_create("key", MFD_CLOEXEC | MFD_ALLOW_SEALING), status;
        Secret *shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
        pid_t child;

        assert_true(fd >= 0);
        assert_true(shared != MAP_FAILED);
        child = fork();
        assert_true(child >= 0);
        if (child == 0) {
                _cleanup_free_ char *text = key_text();
                json_auto_t *key = json_loads(text, 0, NULL);
                const char *d = entry_text(key, "d");
                uint8_t scalar[32];

                if (jose_b64_dec_buf(d, strlen(d), scalar, sizeof(scalar)) != sizeof(scalar) ||
                    write(fd, text, strlen(text)) != (ssize_t) strlen(text))
                        _exit(1);
                secret_set(shared, d, strlen(d), scalar, sizeof(scalar));
                _exit(0);
        }
        assert_int_equal(waitpid(child, &status, 0), child);
        assert_int_equal(status, 0);
        assert_int_equal(fcntl(fd, F_ADD_SEALS, F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE), 0);
        *ret = *shared;
        (void) munmap(shared, sizeof(*shared));
        return fd;
}

static void test_key_is_in_one_place(void **state) {
        _cleanup_close_ int fd = -1;
        Signer *s = NULL;
        Secret secret;
        Hits hits;
        char *copy;

#ifdef __SANITIZE_ADDRESS__
        print_message("skipped: the sanitizer's shadow memory is too large to search\n");
        skip();
#endif
        fd = foreign_key(&secret);
        memory_search(&secret, &hits);
        assert_int_equal(hits.n, 0);

        assert_int_equal(signer_new(&s, fd, RECEIPT_TYP, "host"), 0);
        for (int i = 0; i < SIGNATURES; i++) {
                json_auto_t *claims = json_pack("{s:i}", "n", i);
                _cleanup_free_ char *jws = NULL;

                assert_int_equal(signer_sign(s, claims, &jws), 0);
        }

        /* its text, once, in memory that is locked and left out of dumps and forks; the number itself nowhere */
        memory_search(&secret, &hits);
        hits_print(&hits);
        assert_int_equal(hits.n, SECRET_TEXT_WINDOWS);
        assert_int_equal(hits.text, SECRET_TEXT_WINDOWS);
        for (size_t i = 1; i < hits.n; i++)
                assert_int_equal(hits.at[i] / 4096, hits.at[0] / 4096);
        assert_true(memory_has_flags(hits.at[0], "lo dd dc"));

        /* the search does find a copy in the heap, whole or what a careless free() leaves of it */
        copy = malloc(512);
        assert_true(pread(fd, copy, 512, 0) > 0);
        memory_search(&secret, &hits);
        assert_int_equal(hits.n, 2 * SECRET_TEXT_WINDOWS);
        explicit_bzero(copy, 512);
        free(copy);

        signer_free(s);
        memory_search(&secret, &hits);
        assert_int_equal(hits.n, 0);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_key_is_in_one_place),
                cmocka_unit_test(test_signs_what_verifies),
                cmocka_unit_test(test_key_id_and_public_key),
                cmocka_unit_test(test_members_are_checked),
                cmocka_unit_test(test_text_is_checked),
                cmocka_unit_test(test_descriptor_is_checked),
                cmocka_unit_test(test_too_much_is_refused),
        };

        signer_wipe_json();
        return cmocka_run_group_tests(tests, NULL, NULL);
}

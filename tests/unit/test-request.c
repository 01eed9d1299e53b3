/* SPDX-License-Identifier: Apache-2.0 */

/* The single values of a request. Whole requests are tried over a real bus (tests/bus). */

#include "request.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void test_nonces(void **state) {
        static const char *const good[] = {
                "0123456789abcdef0123456789abcdef",
                "0123456789ABCDEF0123456789ABCDEF",
                "zY3-_k9QmN8xW2vB7tR5pL",
        };
        static const char *const bad[] = {
                "", "short", "zY3-_k9QmN8xW2vB7tR5p", "0123456789abcdef0123456789abcde", "0123456789abcdef012345",
                "zY3-_k9QmN8xW2vB7tR5pL=", "zY3+/k9QmN8xW2vB7tR5pL", "zY3 _k9QmN8xW2vB7tR5pL\n",
        };

        for (size_t i = 0; i < ELEMENTSOF(good); i++)
                assert_null(nonce_problem(good[i]));
        for (size_t i = 0; i < ELEMENTSOF(bad); i++)
                assert_non_null(nonce_problem(bad[i]));

        char text[130];
        memset(text, 'x', sizeof(text) - 1);
        text[129] = '\0';
        assert_non_null(nonce_problem(text));
        text[128] = '\0';
        assert_null(nonce_problem(text));
}

/* A telephone or identity number is refused however it is written; what merely holds digits is not. */
static void test_tokens(void **state) {
        static const char *const good[] = {
                "T-2026-000123", "order 12", "123456", "12345678901234567", "a1234567", "shop/7:42", "X",
        };
        static const char *const bad[] = {
                "", "1234567", "010-1234-5678", "+82 10 1234 5678", "900101-1234567", "1234 5678 9012 3456",
                "12.34.56.7", "0000000", "na\xc3\xafve", "semi;colon", "line\nbreak",
        };

        for (size_t i = 0; i < ELEMENTSOF(good); i++)
                assert_null(token_problem(good[i]));
        for (size_t i = 0; i < ELEMENTSOF(bad); i++)
                assert_non_null(token_problem(bad[i]));

        char text[66];
        memset(text, 'x', 65);
        text[65] = '\0';
        assert_non_null(token_problem(text));
        text[64] = '\0';
        assert_null(token_problem(text));
}

static void test_the_message_helps(void **state) {
        assert_non_null(strstr(token_problem("010-1234-5678"), "put a letter before it"));
        assert_non_null(strstr(nonce_problem("short"), "22 characters of base64url or 32 of hexadecimal"));
}

int main(void) {
        static const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_nonces),
                cmocka_unit_test(test_tokens),
                cmocka_unit_test(test_the_message_helps),
        };

        return cmocka_run_group_tests_name("request", tests, NULL, NULL);
}

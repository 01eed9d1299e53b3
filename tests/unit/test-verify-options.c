/* SPDX-License-Identifier: Apache-2.0 */

#include "verify-options.h"

#include <errno.h>
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "macro.h"

/* Parses the words after "likenessctl", a list that NULL ends. */
static int parse(VerifyOptions *o, ...) {
        char *argv[32] = { (char *) "likenessctl" };
        va_list words;
        int argc = 1;

        va_start(words, o);
        while ((argv[argc] = va_arg(words, char *)))
                argc++;
        va_end(words);

        return verify_options_parse(argc, argv, o);
}

static void test_defaults(void **state) {
        VerifyOptions o;

        setenv("LC_ALL", "ko_KR.UTF-8", 1);
        assert_int_equal(parse(&o, NULL), 1);
        assert_null(o.reference);
        assert_string_equal(o.document, "auto");
        assert_null(o.challenge);
        assert_null(o.nonce);
        assert_null(o.transaction);
        assert_null(o.operator_id);
        assert_null(o.pace);
        assert_null(o.notice);
        assert_string_equal(o.locale, "ko_KR.UTF-8");
        assert_int_equal(o.timeout_sec, 120);
        assert_false(o.json);
}

static void test_everything(void **state) {
        VerifyOptions o;

        assert_int_equal(parse(&o, "--reference", "a file.jpg", "--document=passport", "--challenge", "turn", "--nonce",
                                         "abc", "--transaction", "T-1", "--operator", "kim", "--pace", "relaxed",
                                         "--locale", "ko", "--notice", "n@1", "--timeout", "3600", "--json", NULL),
                        1);
        assert_string_equal(o.reference, "a file.jpg");
        assert_string_equal(o.document, "passport");
        assert_string_equal(o.challenge, "turn");
        assert_string_equal(o.nonce, "abc");
        assert_string_equal(o.transaction, "T-1");
        assert_string_equal(o.operator_id, "kim");
        assert_string_equal(o.pace, "relaxed");
        assert_string_equal(o.locale, "ko");
        assert_string_equal(o.notice, "n@1");
        assert_int_equal(o.timeout_sec, 3600);
        assert_true(o.json);
}

static void test_refused(void **state) {
        char long_value[130];
        VerifyOptions o;

        memset(long_value, 'a', sizeof(long_value) - 1);
        long_value[sizeof(long_value) - 1] = '\0';

        assert_int_equal(parse(&o, "--challenge", "dance", NULL), -EINVAL);
        assert_int_equal(parse(&o, "--challenge", "", NULL), -EINVAL);
        assert_int_equal(parse(&o, "--pace", "fast", NULL), -EINVAL);
        assert_int_equal(parse(&o, "--timeout", "0", NULL), -EINVAL);
        assert_int_equal(parse(&o, "--timeout", "3601", NULL), -EINVAL);
        assert_int_equal(parse(&o, "--timeout", "-5", NULL), -EINVAL);
        assert_int_equal(parse(&o, "--timeout", "5s", NULL), -EINVAL);
        assert_int_equal(parse(&o, "--timeout", "99999999999999999999", NULL), -EINVAL);
        assert_int_equal(parse(&o, "--nonce", "", NULL), -EINVAL);
        assert_int_equal(parse(&o, "--nonce", long_value, NULL), -EINVAL);
        assert_int_equal(parse(&o, "--nonce", long_value + 1, NULL), 1);
        assert_int_equal(parse(&o, "--operator", "a\nb", NULL), -EINVAL);
        assert_int_equal(parse(&o, "--transaction", "\xed\x95\x9c", NULL), -EINVAL);
        assert_int_equal(parse(&o, "--locale", "far.too.long.to.be.the.name.of.a.locale", NULL), -EINVAL);
        assert_int_equal(parse(&o, "--reference", "", NULL), -EINVAL);
        assert_int_equal(parse(&o, "--reference", NULL), -EINVAL);
        assert_int_equal(parse(&o, "--colour", "red", NULL), -EINVAL);
        assert_int_equal(parse(&o, "--json=yes", NULL), -EINVAL);
        assert_int_equal(parse(&o, "portrait.jpg", NULL), -EINVAL);
}

static void test_locale(void **state) {
        setenv("LC_ALL", "", 1);
        setenv("LC_MESSAGES", "en_GB.UTF-8", 1);
        setenv("LANG", "ko_KR.UTF-8", 1);
        assert_string_equal(locale_from_environment(), "en_GB.UTF-8");

        unsetenv("LC_MESSAGES");
        assert_string_equal(locale_from_environment(), "ko_KR.UTF-8");

        setenv("LC_ALL", "POSIX", 1);
        assert_null(locale_from_environment());

        setenv("LC_ALL", "ko/../KR", 1);
        assert_null(locale_from_environment());

        unsetenv("LC_ALL");
        unsetenv("LANG");
        assert_null(locale_from_environment());
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_defaults),
                cmocka_unit_test(test_everything),
                cmocka_unit_test(test_refused),
                cmocka_unit_test(test_locale),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}

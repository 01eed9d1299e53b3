/* SPDX-License-Identifier: Apache-2.0 */

#include "ledger-options.h"
#include "ledger-report.h"
#include "macro.h"
#include "registration.h"
#include "result.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

/* Parses words separated by one space. */
static int parse(LedgerCommand command, const char *line, LedgerOptions *ret) {
        static char text[512];
        char *argv[16] = { (char *) "likenessctl" }, *rest = text;
        int argc = 1;

        (void) snprintf(text, sizeof(text), "%s", line);
        while (text[0] != '\0' && (argv[argc] = strsep(&rest, " ")))
                argc++;
        return ledger_options_parse(command, argc, argv, ret);
}

static void test_good(void **state) {
        LedgerOptions o;

        assert_int_equal(parse(LEDGER_VERIFY, "f.jws --keys=k --checkpoint c --revoked=r --demo --json", &o), 1);
        assert_string_equal(o.file, "f.jws");
        assert_string_equal(o.keys, "k");
        assert_string_equal(o.checkpoint, "c");
        assert_string_equal(o.revoked, "r");
        assert_true(o.demo && o.json);
        assert_null(o.journal);

        assert_int_equal(parse(LEDGER_VERIFY, "--journal=d --keys=k", &o), 1);
        assert_string_equal(o.journal, "d");
        assert_int_equal(parse(LEDGER_SHOW, "f --nonce=n --support-code=c --since=2026-07-01", &o), 1);
        assert_string_equal(o.nonce, "n");
        assert_string_equal(o.support_code, "c");
        assert_int_equal(o.since, 1782864000);
        assert_int_equal(parse(LEDGER_REPORT, "- --json", &o), 1);
        assert_string_equal(o.file, "-");
        assert_int_equal(parse(LEDGER_EXPORT, "--output=o --since=@7", &o), 1);
        assert_int_equal(o.since, 7);
        assert_int_equal(parse(LEDGER_CHECKPOINT, "", &o), 1);
        assert_int_equal(parse(LEDGER_CHECKPOINT, "--file=f", &o), 1);
        for (int i = 0; i < _LEDGER_COMMAND_MAX; i++) {
                assert_int_equal(parse(i, "--help", &o), 0);
                assert_int_equal(ledger_command_from_string(ledger_command_to_string(i)), i);
        }
}

static void test_wrong(void **state) {
        static const struct {
                LedgerCommand command;
                const char *line;
        } wrong[] = {
                { LEDGER_VERIFY, "" },
                { LEDGER_VERIFY, "f" },
                { LEDGER_VERIFY, "--keys=k" },
                { LEDGER_VERIFY, "f --keys=" },
                { LEDGER_VERIFY, "f g --keys=k" },
                { LEDGER_VERIFY, "f --journal=d --keys=k" },
                { LEDGER_VERIFY, "f --keys=k --since=2026-07-01" },
                { LEDGER_SHOW, "" },
                { LEDGER_SHOW, "f --keys=k" },
                { LEDGER_SHOW, "f --since=yesterday" },
                { LEDGER_SHOW, "f --colour" },
                { LEDGER_REPORT, "f --demo" },
                { LEDGER_EXPORT, "" },
                { LEDGER_EXPORT, "f --output=o" },
                { LEDGER_CHECKPOINT, "f" },
                { LEDGER_CHECKPOINT, "--json" },
        };
        LedgerOptions o;

        for (size_t i = 0; i < ELEMENTSOF(wrong); i++)
                if (parse(wrong[i].command, wrong[i].line, &o) != -EINVAL)
                        fail_msg("accepted: %s", wrong[i].line);
        assert_int_equal(ledger_command_from_string("tidy"), -EINVAL);
}

static void test_times(void **state) {
        static const char *const wrong[] = { "", "@", "@-1", "@1x", "2026", "2026-13-01", "2026-02-30", "2026-07-01T09:00",
                                             "2026-07-01 25:00", "2026-07-01 ", "1969-12-31", "@9999999999999999" };
        uint64_t t;

        assert_int_equal(ledger_time_parse("1970-01-02", &t), 0);
        assert_int_equal(t, 86400);
        assert_int_equal(ledger_time_parse("2026-07-01 09:30", &t), 0);
        assert_int_equal(t, 1782898200);
        assert_int_equal(ledger_time_parse("2026-07-01 09:30:05", &t), 0);
        assert_int_equal(t, 1782898205);
        for (size_t i = 0; i < ELEMENTSOF(wrong); i++)
                if (ledger_time_parse(wrong[i], &t) != -EINVAL)
                        fail_msg("accepted: %s", wrong[i]);
}

static void test_report(void **state) {
        static const char *const entries[][5] = {
                { "opened", NULL, NULL, "ann" }, { "closed", "verdict", "match", "ann" },
                { "opened", NULL, NULL, "bob" }, { "closed", "camera-lost", NULL, "bob" },
                { "declined", "refused", NULL, "bob" }, { "override", "x", NULL, "ann" }, { "started", NULL, NULL, NULL },
        };
        json_t *report = report_new(), *expected;

        for (size_t i = 0; i < ELEMENTSOF(entries); i++) {
                json_t *claims = json_pack("{s:s, s:s, s:i, s:s*, s:s*, s:s*}", "entry", entries[i][0], "terminal", "t",
                                "time", i < 4 ? 86399 : 86400, "cause", entries[i][1], "verdict", entries[i][2], "operator",
                                entries[i][3]);

                assert_int_equal(report_add(report, claims), 0);
                json_decref(claims);
        }
        expected = json_pack("{s:{s:{s:i,s:{s:i},s:{s:i},s:i,s:i}}, s:{s:{s:i,s:{s:i},s:{},s:i,s:i}, s:{s:i,s:{},s:{s:i},s:i,s:i}},"
                             " s:{s:{s:i,s:{s:i},s:{s:i},s:i,s:i}, s:{s:i,s:{},s:{},s:i,s:i}}}",
                             "terminals", "t", "attempts", 2, "verdicts", "match", 1, "aborted", "camera-lost", 1, "declined",
                             1, "overrides", 1, "operators", "ann", "attempts", 1, "verdicts", "match", 1, "aborted", "declined", 0,
                             "overrides", 1, "bob", "attempts", 1, "verdicts", "aborted", "camera-lost", 1, "declined", 1,
                             "overrides", 0, "days", "1970-01-01", "attempts", 2, "verdicts", "match", 1, "aborted",
                             "camera-lost", 1, "declined", 0, "overrides", 0, "1970-01-02", "attempts", 0, "verdicts", "aborted",
                             "declined", 1, "overrides", 1);
        assert_non_null(expected);
        assert_true(json_equal(report, expected));
        json_decref(report);
        json_decref(expected);
}

#define KEY "{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"A\",\"y\":\"B\",\"kid\":\"K\"%s}"

static json_t *properties_with(const char *more) {
        char keys[256];

        (void) snprintf(keys, sizeof(keys), "{\"keys\":[" KEY "]}", more);
        return json_pack("{s:s, s:s, s:{s:s}}", "PublicKey", keys, "Version", "0.1.0", "Models", "m", "abc");
}

static void test_registration(void **state) {
        json_t *p = properties_with(",\"x-likeness-demo\":true,\"x-likeness-key-protection\":\"host\""), *r;

        assert_false(registration_names_terminal(p));
        r = registration_new(p, "till-1");
        assert_string_equal(result_string(r, "terminal"), "till-1");
        assert_string_equal(result_string(r, "kid"), "K");
        assert_string_equal(result_string(r, "key-protection"), "host");
        assert_string_equal(result_string(r, "software"), "0.1.0");
        assert_true(json_is_true(json_object_get(r, "demo")));
        assert_string_equal(result_string(json_object_get(r, "jwk"), "x-likeness-terminal"), "till-1");
        json_decref(r);
        json_decref(p);

        p = properties_with(",\"x-likeness-terminal\":\"till-9\"");
        assert_true(registration_names_terminal(p));
        r = registration_new(p, NULL);
        assert_string_equal(result_string(r, "terminal"), "till-9");
        assert_true(json_is_false(json_object_get(r, "demo")));
        json_decref(r);

        json_object_set_new(p, "PublicKey", json_string("{\"keys\":[]}"));
        assert_null(registration_new(p, "till-1"));
        json_object_set_new(p, "PublicKey", json_string("no keys"));
        assert_null(registration_keys(p));
        json_decref(p);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_good),
                cmocka_unit_test(test_wrong),
                cmocka_unit_test(test_times),
                cmocka_unit_test(test_report),
                cmocka_unit_test(test_registration),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}

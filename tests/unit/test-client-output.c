/* SPDX-License-Identifier: Apache-2.0 */

#include "output.h"
#include "result.h"
#include "vocabulary.h"
#include "wording.h"

#include <errno.h>
#include <locale.h>
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <math.h>
#include <sys/socket.h>
#include <systemd/sd-bus.h>

/* A sealed message that holds one a{sv}; nothing is sent. */
static sd_bus_message *message_new(sd_bus *bus) {
        sd_bus_message *m;

        assert_true(sd_bus_message_new_signal(bus, &m, "/", "a.b", "C") >= 0);
        return m;
}

static json_t *read_back(sd_bus_message *m) {
        json_t *object = json_object();

        assert_true(sd_bus_message_seal(m, 1, 0) >= 0);
        assert_true(sd_bus_message_rewind(m, true) >= 0);
        assert_int_equal(result_read(m, object), 0);
        sd_bus_message_unref(m);
        return object;
}

static void test_types(void **state) {
        sd_bus_message *m = message_new(*state);
        json_t *object, *expected;

        assert_true(sd_bus_message_append(m, "a{sv}", 12, "s", "s", "\"quoted\" \xed\x95\x9c", "yes", "b", 1, "y", "y", 255,
                                    "i", "i", INT32_MIN, "u", "u", UINT32_MAX, "x", "x", INT64_MIN, "t", "t",
                                    (uint64_t) INT64_MAX, "d", "d", 0.25, "nan", "d", (double) NAN, "as", "as", 2, "a",
                                    "b", "empty", "as", 0, "a{ss}", "a{ss}", 1, "k", "v") >= 0);
        object = read_back(m);
        expected = json_pack("{s:s, s:b, s:i, s:i, s:I, s:I, s:I, s:f, s:n, s:[s,s], s:[], s:{s:s}}", "s",
                        "\"quoted\" \xed\x95\x9c", "yes", 1, "y", 255, "i", INT32_MIN, "u", (json_int_t) UINT32_MAX, "x",
                        (json_int_t) INT64_MIN, "t", (json_int_t) INT64_MAX, "d", 0.25, "nan", "as", "a", "b", "empty",
                        "a{ss}", "k", "v");
        assert_non_null(expected);
        assert_true(json_equal(object, expected));
        json_decref(object);
        json_decref(expected);
}

static void test_other_types_are_left_out(void **state) {
        sd_bus_message *m = message_new(*state);
        json_t *object;

        assert_true(sd_bus_message_append(m, "a{sv}", 4, "h", "h", 0, "struct", "(ii)", 1, 2, "aay", "aay", 0, "after", "s",
                                    "seen") >= 0);
        object = read_back(m);
        assert_int_equal(json_object_size(object), 1);
        assert_string_equal(result_string(object, "after"), "seen");
        json_decref(object);
}

static void test_not_a_dictionary(void **state) {
        sd_bus_message *m = message_new(*state);
        json_t *object = json_object();

        assert_true(sd_bus_message_append(m, "s", "x") >= 0);
        assert_true(sd_bus_message_seal(m, 1, 0) >= 0);
        assert_true(result_read(m, object) < 0);
        sd_bus_message_unref(m);
        json_decref(object);
}

/* What `print` writes, in `buffer`. */
static const char *printed(void (*print)(FILE *, const json_t *), const json_t *object, char *buffer, size_t size) {
        FILE *file = tmpfile();
        size_t n;

        assert_non_null(file);
        print(file, object);
        rewind(file);
        n = fread(buffer, 1, size - 1, file);
        buffer[n] = '\0';
        fclose(file);
        return buffer;
}

static void test_verdict_in_words(void **state) {
        json_t *result = json_pack("{s:s, s:[s,s], s:i, s:b, s:s}", "verdict", "inconclusive", "reasons", "too-dark",
                        "new\033[2Jreason", "duration", 12300000, "binding", 1, "support-code", "AB12");
        char text[1024];

        assert_string_equal(printed(output_verdict, result, text, sizeof(text)),
                        "inconclusive: no certain answer\n"
                        "  - it was too dark: put more light on the face and try again (too-dark)\n"
                        "  - new[2Jreason (new[2Jreason)\n"
                        "  took 12.3 s\n"
                        "  support code AB12\n");
        json_decref(result);
}

static void test_failure_in_words(void **state) {
        json_t *failure = result_failure(SD_BUS_ERROR_ACCESS_DENIED, "Not you.");
        char text[512];

        assert_string_equal(printed(output_failure, failure, text, sizeof(text)),
                        "likenessctl: Not you.\n"
                        "You may not do this here. To check customers, work at the terminal's own session, or ask the "
                        "administrator to add you to the group likeness-operators (it works where "
                        "/etc/polkit-1/rules.d/50-likeness-operators.rules is installed). Everything else takes an "
                        "administrator.\n");
        json_decref(failure);

        failure = result_failure("com.example.Error", "");
        assert_string_equal(printed(output_failure, failure, text, sizeof(text)), "likenessctl: com.example.Error\n");
        json_decref(failure);
}

static void test_json_is_one_line(void **state) {
        json_t *object = json_pack("{s:s}", "message", "two\nlines");
        char text[128];

        assert_string_equal(printed(output_json, object, text, sizeof(text)), "{\"message\":\"two\\nlines\"}\n");
        json_decref(object);
}

/* Every word that the service can say has its explanation. */
static void test_every_word_is_explained(void **state) {
        for (int v = 0; v < _VERDICT_MAX; v++)
                assert_string_not_equal(verdict_meaning(verdict_to_string((Verdict) v)), verdict_to_string((Verdict) v));
        for (int r = REASON_NONE + 1; r < _REASON_MAX; r++)
                assert_string_not_equal(reason_advice(reason_to_string((Reason) r)), reason_to_string((Reason) r));

        assert_string_equal(reason_advice("moon-phase"), "moon-phase");
        assert_null(error_advice("com.example.Error"));
}

static void test_prompts_are_not_repeated(void **state) {
        FILE *file = tmpfile();
        char text[256] = "";
        PromptLine p;

        prompt_line_init(&p, file);
        assert_false(p.in_place);
        prompt_line_show(&p, "Look here.", 0);
        prompt_line_show(&p, "Look here.", 500);
        prompt_line_show(&p, "Thank\r\n you \xff.", 1000);
        prompt_line_clear(&p);
        rewind(file);
        assert_true(fread(text, 1, sizeof(text) - 1, file) > 0);
        assert_string_equal(text, "Look here.\nThank you ?.\n");
        fclose(file);
}

static int setup(void **state) {
        int pair[2];
        sd_bus *bus;

        /* nobody answers at the other end: messages can be made, nothing is sent */
        assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
        assert_true(sd_bus_new(&bus) >= 0);
        assert_true(sd_bus_set_fd(bus, pair[0], pair[0]) >= 0);
        assert_true(sd_bus_start(bus) >= 0);
        close(pair[1]);
        *state = bus;
        return 0;
}

static int teardown(void **state) {
        sd_bus_unref(*state);
        return 0;
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_types),
                cmocka_unit_test(test_other_types_are_left_out),
                cmocka_unit_test(test_not_a_dictionary),
                cmocka_unit_test(test_verdict_in_words),
                cmocka_unit_test(test_failure_in_words),
                cmocka_unit_test(test_json_is_one_line),
                cmocka_unit_test(test_every_word_is_explained),
                cmocka_unit_test(test_prompts_are_not_repeated),
        };

        (void) setlocale(LC_ALL, "C.UTF-8");
        return cmocka_run_group_tests(tests, setup, teardown);
}

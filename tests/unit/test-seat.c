/* SPDX-License-Identifier: Apache-2.0 */

/* Where a caller sits. logind's answers are the test's own (the linker puts them in place). */

#include "seat.h"
#include "macro.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <systemd/sd-login.h>

#define PROCESS 4711
#define USER 1234

typedef struct Logind {
        int process, user, session;    /* what the look-up returns if not 0 */
        const char *of_process, *of_user, *seat;
        const char *asked;             /* the session whose seat was asked for */
} Logind;

static Logind logind;

/* NOLINTBEGIN: the linker's names */
int __wrap_sd_bus_query_sender_creds(sd_bus_message *m, uint64_t mask, sd_bus_creds **ret);
int __wrap_sd_bus_creds_get_pid(sd_bus_creds *c, pid_t *ret);
int __wrap_sd_bus_creds_get_euid(sd_bus_creds *c, uid_t *ret);
int __wrap_sd_pid_get_session(pid_t pid, char **ret);
int __wrap_sd_uid_get_display(uid_t uid, char **ret);
int __wrap_sd_session_get_seat(const char *session, char **ret);

int __wrap_sd_bus_query_sender_creds(sd_bus_message *m, uint64_t mask, sd_bus_creds **ret) {
        *ret = NULL;
        return 0;
}

int __wrap_sd_bus_creds_get_pid(sd_bus_creds *c, pid_t *ret) {
        *ret = PROCESS;
        return 0;
}

int __wrap_sd_bus_creds_get_euid(sd_bus_creds *c, uid_t *ret) {
        *ret = USER;
        return 0;
}

static int tell(int r, const char *text, char **ret) {
        if (r == 0)
                *ret = strdup(text);
        return r;
}

int __wrap_sd_pid_get_session(pid_t pid, char **ret) {
        assert_int_equal(pid, PROCESS);
        return tell(logind.process, logind.of_process, ret);
}

int __wrap_sd_uid_get_display(uid_t uid, char **ret) {
        assert_int_equal(uid, USER);
        return tell(logind.user, logind.of_user, ret);
}

int __wrap_sd_session_get_seat(const char *session, char **ret) {
        logind.asked = streq(session, "c1") ? "c1" : "c2";
        return tell(logind.session, logind.seat, ret);
}
/* NOLINTEND */

static void expect(int result, const char *seat) {
        _cleanup_free_ char *got = NULL;

        logind.asked = NULL;
        assert_int_equal(seat_of_sender(NULL, &got), result);
        if (seat) {
                assert_non_null(got);
                assert_string_equal(got, seat);
        } else
                assert_null(got);
}

static void test_session_of_the_process(void **state) {
        logind = (Logind) { .of_process = "c1", .of_user = "c2", .seat = "seat-left" };
        expect(0, "seat-left");
        assert_string_equal(logind.asked, "c1");
}

static void test_user_manager(void **state) {
        logind = (Logind) { .process = -ENODATA, .of_user = "c2", .seat = "seat-left" };
        expect(0, "seat-left");
        assert_string_equal(logind.asked, "c2");
}

static void test_nowhere(void **state) {
        logind = (Logind) { .process = -ENODATA, .user = -ENXIO };
        expect(0, NULL);
        logind = (Logind) { .process = -ENXIO, .user = -ENODATA };
        expect(0, NULL);
        logind = (Logind) { .of_process = "c1", .session = -ENODATA };
        expect(0, NULL);
        logind = (Logind) { .of_process = "c1", .session = -ENXIO };
        expect(0, NULL);
}

/* Not "nowhere", which would be seat0: somebody at another seat must not get there because something failed. */
static void test_not_to_be_told(void **state) {
        logind = (Logind) { .process = -ESRCH, .of_user = "c2", .seat = "seat0" };
        expect(-ESRCH, NULL);
        logind = (Logind) { .process = -ENODATA, .user = -ENOMEM };
        expect(-ENOMEM, NULL);
        logind = (Logind) { .of_process = "c1", .session = -EIO };
        expect(-EIO, NULL);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_session_of_the_process),
                cmocka_unit_test(test_user_manager),
                cmocka_unit_test(test_nowhere),
                cmocka_unit_test(test_not_to_be_told),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: Apache-2.0 */

/* The terminal's secret: made once, whole or not at all, for nobody else; and what is made of a camera's name with it. */

#include "terminal-secret.h"
#include "log.h"
#include "macro.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/stat.h>
#include <cmocka.h>

static char directory[] = "/tmp/test-terminal-secret-XXXXXX";
static char path[64], new_path[64];

static int setup(void **state) {
        (void) snprintf(directory, sizeof(directory), "/tmp/test-terminal-secret-XXXXXX");
        assert_non_null(mkdtemp(directory));
        (void) snprintf(path, sizeof(path), "%s/" TERMINAL_SECRET_FILE, directory);
        (void) snprintf(new_path, sizeof(new_path), "%s/" TERMINAL_SECRET_FILE ".new", directory);
        return 0;
}

static int teardown(void **state) {
        (void) unlink(path);
        (void) unlink(new_path);
        assert_int_equal(rmdir(directory), 0);
        return 0;
}

static void put(const char *where, size_t size, mode_t mode) {
        int fd = open(where, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

        assert_true(fd >= 0);
        assert_int_equal(ftruncate(fd, (off_t) size), 0);
        assert_int_equal(fchmod(fd, mode), 0);
        close(fd);
}

static void test_made_once(void **state) {
        static const TerminalSecret nothing;
        TerminalSecret first = {}, second = {};
        struct stat st;

        put(new_path, 7, 0644);        /* what an interrupted start left */
        assert_int_equal(terminal_secret_load(directory, &first), 0);
        assert_int_equal(stat(path, &st), 0);
        assert_int_equal(st.st_mode & 07777, 0600);
        assert_int_equal(st.st_size, TERMINAL_SECRET_SIZE);
        assert_int_equal(access(new_path, F_OK), -1);
        assert_memory_not_equal(&first, &nothing, sizeof(first));
        assert_int_equal(terminal_secret_load(directory, &second), 0);
        assert_memory_equal(&first, &second, sizeof(first));

        assert_int_equal(unlink(path), 0);
        assert_int_equal(terminal_secret_load(directory, &second), 0);
        assert_memory_not_equal(&first, &second, sizeof(first));
        terminal_secret_wipe(&first);
        assert_memory_equal(&first, &nothing, sizeof(first));
}

static void test_refused(void **state) {
        TerminalSecret secret = { .bytes = { 1 } };
        static const TerminalSecret before = { .bytes = { 1 } };

        put(path, 31, 0600);
        assert_int_equal(terminal_secret_load(directory, &secret), -EBADMSG);
        put(path, 33, 0600);
        assert_int_equal(terminal_secret_load(directory, &secret), -EBADMSG);
        put(path, 32, 0640);
        assert_int_equal(terminal_secret_load(directory, &secret), -EPERM);
        assert_int_equal(unlink(path), 0);
        assert_int_equal(symlink("/dev/zero", path), 0);
        assert_int_equal(terminal_secret_load(directory, &secret), -ELOOP);
        assert_int_equal(unlink(path), 0);
        assert_int_equal(mkfifo(path, 0600), 0);
        assert_int_equal(terminal_secret_load(directory, &secret), -EBADMSG);
        if (geteuid() == 0) {
                assert_int_equal(unlink(path), 0);
                put(path, 32, 0600);
                assert_int_equal(chown(path, 65534, 65534), 0);
                assert_int_equal(terminal_secret_load(directory, &secret), -EPERM);
        }
        assert_memory_equal(&secret, &before, sizeof(secret));
        assert_int_equal(terminal_secret_load("/nowhere", &secret), -ENOENT);
}

/* Computed with Python: base64.urlsafe_b64encode(hmac.digest(bytes(range(32)), name, "sha256")). */
static void test_identity(void **state) {
        char identity[RECEIPT_HASH_SIZE];
        TerminalSecret secret;

        for (size_t i = 0; i < sizeof(secret.bytes); i++)
                secret.bytes[i] = (uint8_t) i;
        terminal_secret_identify(&secret, "usb-046d:0825@0000:00:14.0-1.2:1.0", identity);
        assert_string_equal(identity, "KMVmZCnZtZnK6TCg4IfVxZJPvgrLEj8tx8U8-Ldi5S4");
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(test_made_once, setup, teardown),
                cmocka_unit_test_setup_teardown(test_refused, setup, teardown),
                cmocka_unit_test(test_identity),
        };

        log_set_max_level(LOG_EMERG);
        return cmocka_run_group_tests(tests, NULL, NULL);
}

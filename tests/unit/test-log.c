/* SPDX-License-Identifier: Apache-2.0 */

/* The log: what a journald gets, byte for byte, and that one which takes nothing holds nobody up. */

#include "log.h"

#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include <cmocka.h>

#define ENTRY_MAX 8192

typedef struct Journald {
        char directory[64], path[96];
        int fd;
        char entry[ENTRY_MAX];         /* the last one */
        size_t size;
} Journald;

static int journald_start(void **state) {
        struct sockaddr_un address = { .sun_family = AF_UNIX };
        Journald *j = calloc(1, sizeof(*j));

        (void) strcpy(j->directory, "/tmp/test-log-XXXXXX");
        assert_non_null(mkdtemp(j->directory));
        (void) snprintf(j->path, sizeof(j->path), "%s/socket", j->directory);
        (void) strcpy(address.sun_path, j->path);
        j->fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        assert_int_equal(bind(j->fd, (struct sockaddr *) &address, sizeof(address)), 0);
        log_set_max_level(LOG_INFO);
        log_open_at(j->path);
        *state = j;
        return 0;
}

static int journald_end(void **state) {
        Journald *j = *state;

        log_open_at(NULL);
        close(j->fd);
        (void) unlink(j->path);
        (void) rmdir(j->directory);
        free(j);
        return 0;
}

/* The next entry; false if there is none. */
static bool receive(Journald *j) {
        ssize_t n = recv(j->fd, j->entry, sizeof(j->entry), 0);

        j->size = n < 0 ? 0 : (size_t) n;
        return n >= 0;
}

/* A field's value as journald reads it: NULL if it is not there. Counts all fields. */
static char *field(Journald *j, const char *name, size_t *ret_n) {
        char *value = NULL;
        size_t n = 0;

        for (size_t at = 0; at < j->size; n++) {
                char *end = memchr(j->entry + at, '\n', j->size - at);
                size_t length;
                uint64_t size;

                assert_non_null(end);
                length = (size_t) (end - j->entry) - at;
                assert_null(memchr(j->entry + at, '=', length));       /* the form with a size only */
                memcpy(&size, end + 1, sizeof(size));
                size = le64toh(size);
                assert_true((size_t) (end + 1 - j->entry) + sizeof(size) + size < j->size);
                if (strlen(name) == length && memcmp(j->entry + at, name, length) == 0) {
                        assert_null(value);
                        value = strndup(end + 1 + sizeof(size), size);
                }
                at = (size_t) (end - j->entry) + 1 + sizeof(size) + size + 1;
                assert_int_equal(j->entry[at - 1], '\n');
        }
        if (ret_n)
                *ret_n = n;
        return value;
}

static void assert_field(Journald *j, const char *name, const char *expected) {
        _cleanup_free_ char *value = field(j, name, NULL);

        if (expected)
                assert_string_equal(value, expected);
        else
                assert_null(value);
}

static void test_fields(void **state) {
        Journald *j = *state;
        size_t n;

        log_check(LOG_WARNING, MESSAGE_CAMERA_BUSY, "K7M2-9QXA", "closed: %s", "camera-busy");
        assert_true(receive(j));
        assert_field(j, "MESSAGE", "K7M2-9QXA: closed: camera-busy");
        assert_field(j, "PRIORITY", "4");
        assert_field(j, "SYSLOG_FACILITY", "3");
        assert_field(j, "SYSLOG_IDENTIFIER", "test-log");
        assert_field(j, "MESSAGE_ID", MESSAGE_CAMERA_BUSY);
        assert_field(j, "LIKENESS_SUPPORT_CODE", "K7M2-9QXA");
        assert_null(field(j, "", &n));
        assert_int_equal(n, 6);        /* and no other: docs/privacy.md lists them */

        assert_int_equal(log_error_errno(-ENOSPC, "no space: %m"), -ENOSPC);
        assert_true(receive(j));
        assert_field(j, "MESSAGE", "no space: No space left on device");
        assert_field(j, "PRIORITY", "3");
        assert_field(j, "ERRNO", "28");
        assert_field(j, "MESSAGE_ID", NULL);
        assert_field(j, "LIKENESS_SUPPORT_CODE", NULL);
        assert_null(field(j, "", &n));
        assert_int_equal(n, 5);

        log_debug("not at this level");
        assert_false(receive(j));
}

/* Text that others wrote: no line, no field, no terminal's command comes of it. */
static void test_untrusted_text(void **state) {
        Journald *j = *state;
        char long_text[4000], *message;
        size_t n;

        log_info("named %s", "a\nMESSAGE_ID=00000000000000000000000000000000\nPRIORITY\n\x01\x1b[2J\x7f\xff");
        assert_true(receive(j));
        assert_field(j, "MESSAGE",
                     "named a\\x0aMESSAGE_ID=00000000000000000000000000000000\\x0aPRIORITY\\x0a\\x01\\x1b[2J\\x7f\\xff");
        assert_field(j, "MESSAGE_ID", NULL);
        assert_field(j, "PRIORITY", "6");
        assert_null(field(j, "", &n));
        assert_int_equal(n, 4);

        for (size_t i = 0; i < 2; i++) {
                memset(long_text, i == 0 ? 'x' : '\n', sizeof(long_text) - 1);
                long_text[sizeof(long_text) - 1] = '\0';
                log_info("%s", long_text);
                assert_true(receive(j));
                message = field(j, "MESSAGE", NULL);
                assert_in_range(strlen(message), 1000, 1024);
                assert_null(strchr(message, '\n'));
                free(message);
        }
}

/* A journald that is stopped: nobody waits, and what is missing is said when it goes on. */
static void test_stopped(void **state) {
        Journald *j = *state;
        unsigned sent = 2000, came = 0, lost = 0;
        char *message;

        for (unsigned i = 0; i < sent; i++)
                log_info("message");
        while (receive(j)) {
                assert_field(j, "MESSAGE", "message");
                came++;
        }
        assert_in_range(came, 1, sent - 1);

        log_info("after");
        assert_true(receive(j));
        assert_field(j, "MESSAGE_ID", MESSAGE_LOG_LOST);
        assert_field(j, "PRIORITY", "4");
        message = field(j, "MESSAGE", NULL);
        assert_int_equal(sscanf(message, "messages that the journal did not take, and that are missing here: %u", &lost), 1);
        assert_int_equal(came + lost, sent);
        free(message);
        assert_true(receive(j));
        assert_field(j, "MESSAGE", "after");

        log_info("again");
        assert_true(receive(j));
        assert_field(j, "MESSAGE", "again");
        assert_false(receive(j));
}

/* journald's socket is another one after a restart without systemd's help. */
static void test_another_socket(void **state) {
        struct sockaddr_un address = { .sun_family = AF_UNIX };
        Journald *j = *state;

        log_info("first");
        assert_true(receive(j));
        close(j->fd);
        assert_int_equal(unlink(j->path), 0);
        log_info("nobody hears this");

        (void) strcpy(address.sun_path, j->path);
        j->fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        assert_int_equal(bind(j->fd, (struct sockaddr *) &address, sizeof(address)), 0);
        log_info("second");
        assert_true(receive(j));
        assert_field(j, "MESSAGE", "messages that the journal did not take, and that are missing here: 1");
        assert_true(receive(j));
        assert_field(j, "MESSAGE", "second");
}

/* stderr as systemd connects it: a stream that says which line is how urgent. Here there is no native socket. */
static void test_stream(void **state) {
        char name[64], text[4096] = "";
        int ends[2], saved;
        struct stat st;
        unsigned lines = 0;
        ssize_t n;

        if (access("/run/systemd/journal/socket", F_OK) == 0)
                skip();
        assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
        assert_int_equal(fstat(ends[1], &st), 0);
        (void) snprintf(name, sizeof(name), "%ju:%ju", (uintmax_t) st.st_dev, (uintmax_t) st.st_ino);
        setenv("JOURNAL_STREAM", name, 1);
        saved = dup(STDERR_FILENO);
        assert_int_equal(dup2(ends[1], STDERR_FILENO), STDERR_FILENO);

        log_open();
        log_error("a\nb");
        n = recv(ends[0], text, sizeof(text) - 1, MSG_DONTWAIT);
        for (unsigned i = 0; i < 100000; i++)
                log_info("full");              /* blocks for ever if it can block */

        setenv("JOURNAL_STREAM", "1:1", 1);    /* not this descriptor: it is no journal, and is written to bare */
        log_open();
        (void) dup2(saved, STDERR_FILENO);
        close(saved);
        close(ends[1]);
        unsetenv("JOURNAL_STREAM");

        assert_true(n > 0);
        assert_string_equal(text, "<3>a\\x0ab\n");
        while (recv(ends[0], text, sizeof(text), 0) > 0)
                lines++;
        assert_true(lines > 0);
        close(ends[0]);
}

/* Elsewhere: bare lines for people. */
static void test_bare(void **state) {
        char text[256] = "";
        int ends[2], saved = dup(STDERR_FILENO);
        ssize_t n;

        assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
        log_open_at(NULL);
        (void) dup2(ends[1], STDERR_FILENO);
        log_check(LOG_ERR, MESSAGE_CAMERA_LOST, "K7M2-9QXA", "closed\n");
        (void) dup2(saved, STDERR_FILENO);
        close(saved);
        close(ends[1]);
        n = read(ends[0], text, sizeof(text) - 1);
        close(ends[0]);
        assert_true(n > 0);
        assert_string_equal(text, "test-log: K7M2-9QXA: closed\\x0a\n");
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(test_fields, journald_start, journald_end),
                cmocka_unit_test_setup_teardown(test_untrusted_text, journald_start, journald_end),
                cmocka_unit_test_setup_teardown(test_stopped, journald_start, journald_end),
                cmocka_unit_test_setup_teardown(test_another_socket, journald_start, journald_end),
                cmocka_unit_test(test_stream),
                cmocka_unit_test(test_bare),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}

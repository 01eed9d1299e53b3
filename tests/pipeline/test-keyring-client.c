/* SPDX-License-Identifier: Apache-2.0 */

/* The daemon's side of likeness-keyring, against helpers that answer in every wrong way. */

#include "keyring-client.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <cmocka.h>

#define ID_A "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
#define ID_B "BBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBB"
#define KEY "{\"a\":\"key\"}"

/* One client, and the helper that the test plays. */
typedef struct Fixture {
        char directory[32], path[64];
        int listener, connection;
        sd_event *event;
        KeyringClient *client;

        bool answered, free_in_handler, leave_key;
        KeyringAnswer answer;          /* its fd is ours */
} Fixture;

static int setup(void **state) {
        struct sockaddr_un address = { .sun_family = AF_UNIX };
        Fixture *f = calloc(1, sizeof(*f));

        assert_non_null(f);
        f->connection = f->answer.fd = -1;
        strcpy(f->directory, "/tmp/keyring-client-XXXXXX");
        assert_non_null(mkdtemp(f->directory));
        snprintf(f->path, sizeof(f->path), "%s/socket", f->directory);
        strcpy(address.sun_path, f->path);
        f->listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
        assert_true(f->listener >= 0);
        assert_int_equal(bind(f->listener, (struct sockaddr *) &address, sizeof(address)), 0);
        assert_int_equal(listen(f->listener, 4), 0);
        assert_true(sd_event_new(&f->event) >= 0);
        *state = f;
        return 0;
}

static int teardown(void **state) {
        Fixture *f = *state;

        keyring_client_free(f->client);
        sd_event_unref(f->event);
        safe_close(f->answer.fd);
        safe_close(f->connection);
        safe_close(f->listener);
        unlink(f->path);
        rmdir(f->directory);
        free(f);
        return 0;
}

static void on_answer(KeyringAnswer *answer, void *userdata) {
        Fixture *f = userdata;

        assert_false(f->answered);
        f->answered = true;
        f->answer = *answer;
        if (f->leave_key)
                f->answer.fd = -1;
        else
                take_fd(&answer->fd);
        if (f->free_in_handler)
                f->client = keyring_client_free(f->client);
}

static void ask(Fixture *f, KeyringOperation operation, const char *id) {
        assert_int_equal(keyring_client_new(&f->client, f->event, f->path, /* demo= */ true, operation, id, on_answer, f),
                        0);
}

/* The helper's side of ask(). */
static void take_request(Fixture *f, KeyringRequest *ret) {
        f->connection = accept4(f->listener, NULL, NULL, SOCK_CLOEXEC);
        assert_true(f->connection >= 0);
        assert_int_equal(recv(f->connection, ret, sizeof(*ret), MSG_WAITALL), sizeof(*ret));
}

static void reply_with(Fixture *f, const void *data, size_t size, const int *fds, size_t n_fds) {
        union {
                struct cmsghdr header;
                uint8_t space[CMSG_SPACE(4 * sizeof(int))];
        } control = {};
        struct iovec iov = { .iov_base = (void *) data, .iov_len = size };
        struct msghdr m = { .msg_iov = &iov, .msg_iovlen = 1 };

        if (n_fds > 0) {
                m.msg_control = &control;
                m.msg_controllen = CMSG_SPACE(n_fds * sizeof(int));
                control.header = (struct cmsghdr) {
                        .cmsg_len = CMSG_LEN(n_fds * sizeof(int)),
                        .cmsg_level = SOL_SOCKET,
                        .cmsg_type = SCM_RIGHTS,
                };
                memcpy(CMSG_DATA(&control.header), fds, n_fds * sizeof(int));
        }
        assert_int_equal(sendmsg(f->connection, &m, 0), size);
}

static void run_until_answered(Fixture *f) {
        while (!f->answered)
                assert_true(sd_event_run(f->event, 15 * USEC_PER_SEC) > 0);
}

static int key_fd(int seals, size_t size) {
        char text[8192] = KEY;
        int fd = memfd_create("key", MFD_CLOEXEC | MFD_ALLOW_SEALING);

        assert_true(fd >= 0 && size <= sizeof(text));
        assert_int_equal(write(fd, text, size), size);
        assert_int_equal(fcntl(fd, F_ADD_SEALS, seals), 0);
        return fd;
}

static int count_descriptors(void) {
        int n = 0;

        for (int fd = 0; fd < 256; fd++)
                n += fcntl(fd, F_GETFD) >= 0;
        return n;
}

static const KeyringReply good = {
        .magic = KEYRING_REPLY_MAGIC,
        .outcome = KEYRING_DONE,
        .protection = KEYRING_PROTECTION_TPM,
        .key_id = ID_A,
        .pending_id = ID_B,
};

static void test_key(void **state) {
        _cleanup_close_ int fd = key_fd(KEYRING_SEALS, strlen(KEY));
        Fixture *f = *state;
        KeyringRequest request;
        char text[64] = {};

        f->free_in_handler = true;
        ask(f, KEYRING_COMMIT, ID_B);
        take_request(f, &request);
        assert_int_equal(request.magic, KEYRING_REQUEST_MAGIC);
        assert_int_equal(request.operation, KEYRING_COMMIT);
        assert_int_equal(request.demo, 1);
        assert_string_equal(request.key_id, ID_B);

        reply_with(f, &good, sizeof(good), &fd, 1);
        run_until_answered(f);
        assert_int_equal(f->answer.outcome, KEYRING_DONE);
        assert_int_equal(f->answer.protection, KEYRING_PROTECTION_TPM);
        assert_string_equal(f->answer.key_id, ID_A);
        assert_string_equal(f->answer.pending_id, ID_B);
        assert_int_equal(pread(f->answer.fd, text, sizeof(text), 0), strlen(KEY));
        assert_string_equal(text, KEY);
        assert_int_equal(fcntl(f->answer.fd, F_GETFD), FD_CLOEXEC);
}

static void test_key_that_is_not_taken(void **state) {
        Fixture *f = *state;
        KeyringRequest request;
        int fd, before;

        f->leave_key = true;
        ask(f, KEYRING_LOAD, NULL);
        take_request(f, &request);
        before = count_descriptors();
        fd = key_fd(KEYRING_SEALS, strlen(KEY));
        reply_with(f, &good, sizeof(good), &fd, 1);
        close(fd);
        run_until_answered(f);
        assert_int_equal(f->answer.outcome, KEYRING_DONE);
        assert_int_equal(count_descriptors(), before - 1);     /* and the client's socket is closed */
}

static void test_every_outcome(void **state) {
        Fixture *f = *state;
        KeyringRequest request;

        for (KeyringOutcome outcome = KEYRING_PASSWORD_WRONG; outcome < _KEYRING_WIRE_MAX; outcome++) {
                KeyringReply reply = { .magic = KEYRING_REPLY_MAGIC, .outcome = outcome };

                ask(f, KEYRING_LOAD, NULL);
                take_request(f, &request);
                reply_with(f, &reply, sizeof(reply), NULL, 0);
                run_until_answered(f);
                assert_int_equal(f->answer.outcome, outcome);
                assert_int_equal(f->answer.fd, -1);
                f->answered = false;
                f->client = keyring_client_free(f->client);
                f->connection = safe_close(f->connection);
        }
}

typedef struct Wrong {
        size_t size, n_fds;
        int seals;
        size_t key_size;
        KeyringReply reply;
} Wrong;

static void check_broken(Fixture *f, const Wrong *w) {
        int before = count_descriptors(), fds[4];
        uint8_t data[2 * sizeof(KeyringReply)] = {};
        KeyringRequest request;

        memcpy(data, &w->reply, sizeof(w->reply));
        for (size_t i = 0; i < w->n_fds; i++)
                fds[i] = key_fd(w->seals, w->key_size);
        ask(f, KEYRING_LOAD, "");
        take_request(f, &request);
        if (w->size > 0)
                reply_with(f, data, w->size, fds, w->n_fds);
        for (size_t i = 0; i < w->n_fds; i++)
                close(fds[i]);
        f->connection = safe_close(f->connection);

        run_until_answered(f);
        assert_int_equal(f->answer.outcome, KEYRING_BROKEN);
        assert_int_equal(f->answer.fd, -1);
        f->answered = false;
        f->client = keyring_client_free(f->client);
        assert_int_equal(count_descriptors(), before);
}

static int never(sd_event_source *s, uint64_t usec, void *userdata) {
        return 0;
}

static void test_wrong_answers(void **state) {
        const size_t size = sizeof(KeyringReply), length = strlen(KEY);
        Fixture *f = *state;
        KeyringReply magic = good, outcome = good, protection = good, id = good, short_id = good, refusal = good;

        magic.magic++;
        outcome.outcome = _KEYRING_WIRE_MAX;
        protection.protection = _KEYRING_PROTECTION_MAX;
        memset(id.key_id, 'x', sizeof(id.key_id));
        short_id.pending_id[20] = '\0';
        refusal.outcome = KEYRING_BUSY;

        const Wrong wrong[] = {
                { 0, 0, KEYRING_SEALS, length, good },                 /* hangs up */
                { size - 1, 1, KEYRING_SEALS, length, good },
                { size, 0, KEYRING_SEALS, length, good },              /* done, but no key */
                { size, 1, KEYRING_SEALS, length, refusal },           /* a key, but not done */
                { size, 2, KEYRING_SEALS, length, good },
                { size, 4, KEYRING_SEALS, length, good },
                { size, 1, 0, length, good },
                { size, 1, KEYRING_SEALS & ~F_SEAL_WRITE, length, good },
                { size, 1, KEYRING_SEALS & ~F_SEAL_GROW, length, good },
                { size, 1, KEYRING_SEALS & ~F_SEAL_SHRINK, length, good },
                { size, 1, KEYRING_SEALS & ~F_SEAL_SEAL, length, good },
                { size, 1, KEYRING_SEALS, 0, good },
                { size, 1, KEYRING_SEALS, KEYRING_KEY_SIZE_MAX + 1, good },
                { size, 1, KEYRING_SEALS, length, magic },
                { size, 1, KEYRING_SEALS, length, outcome },
                { size, 1, KEYRING_SEALS, length, protection },
                { size, 1, KEYRING_SEALS, length, id },
                { size, 1, KEYRING_SEALS, length, short_id },
        };

        /* the event loop's own descriptor for timers stays once there was one */
        assert_true(sd_event_add_time_relative(f->event, NULL, CLOCK_MONOTONIC, 60 * USEC_PER_SEC, 0, never, NULL) >= 0);
        for (size_t i = 0; i < ELEMENTSOF(wrong); i++)
                check_broken(f, &wrong[i]);
}

static void test_a_pipe_is_no_key(void **state) {
        Fixture *f = *state;
        KeyringRequest request;
        int ends[2];

        assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
        ask(f, KEYRING_LOAD, NULL);
        take_request(f, &request);
        reply_with(f, &good, sizeof(good), ends, 1);
        run_until_answered(f);
        assert_int_equal(f->answer.outcome, KEYRING_BROKEN);
        close(ends[0]);
        close(ends[1]);
}

static void test_nobody_there(void **state) {
        Fixture *f = *state;

        f->listener = safe_close(f->listener);
        f->free_in_handler = true;
        ask(f, KEYRING_LOAD, NULL);
        assert_false(f->answered);     /* the handler is called from the loop, never from within */
        run_until_answered(f);
        assert_int_equal(f->answer.outcome, KEYRING_UNREACHABLE);
}

static void test_silence(void **state) {
        Fixture *f = *state;

        f->free_in_handler = true;
        ask(f, KEYRING_LOAD, NULL);
        run_until_answered(f);
        assert_int_equal(f->answer.outcome, KEYRING_SILENT);
}

static void test_given_up(void **state) {
        Fixture *f = *state;
        KeyringRequest request;

        ask(f, KEYRING_LOAD, NULL);
        take_request(f, &request);
        f->client = keyring_client_free(f->client);
        assert_int_equal(recv(f->connection, &request, sizeof(request), 0), 0);
        assert_int_equal(sd_event_run(f->event, 0), 0);
        assert_false(f->answered);
}

static void test_malformed_ids(void **state) {
        static const char *const ids[] = { "x", ID_A "A", "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA/A",
                "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA A" };
        Fixture *f = *state;

        for (size_t i = 0; i < ELEMENTSOF(ids); i++)
                assert_int_equal(keyring_client_new(&f->client, f->event, f->path, false, KEYRING_COMMIT, ids[i],
                                                 on_answer, f),
                                -EINVAL);
}

static void test_words(void **state) {
        for (KeyringOutcome a = 0; a < _KEYRING_OUTCOME_MAX; a++) {
                assert_non_null(keyring_outcome_message(a));
                for (KeyringOutcome b = 0; b < a; b++) {
                        assert_string_not_equal(keyring_outcome_to_string(a), keyring_outcome_to_string(b));
                        assert_string_not_equal(keyring_outcome_message(a), keyring_outcome_message(b));
                }
        }
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
        const struct CMUnitTest tests[] = {
                TEST(test_key),
                TEST(test_key_that_is_not_taken),
                TEST(test_every_outcome),
                TEST(test_wrong_answers),
                TEST(test_a_pipe_is_no_key),
                TEST(test_nobody_there),
                TEST(test_silence),
                TEST(test_given_up),
                TEST(test_malformed_ids),
                TEST(test_words),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}

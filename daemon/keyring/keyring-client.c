/* SPDX-License-Identifier: Apache-2.0 */

#include "keyring-client.h"
#include "log.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

struct KeyringClient {
        sd_event *event;
        KeyringHandler handler;
        void *userdata;

        int fd;
        sd_event_source *io, *timeout, *failed;
        KeyringOutcome failure;        /* for `failed` */
};

/* The last thing that is done with the client: the handler may free it. */
static void client_answer(KeyringClient *c, KeyringAnswer *answer) {
        c->io = sd_event_source_disable_unref(c->io);
        c->timeout = sd_event_source_disable_unref(c->timeout);
        c->failed = sd_event_source_disable_unref(c->failed);
        c->fd = safe_close(c->fd);

        c->handler(answer, c->userdata);
        answer->fd = safe_close(answer->fd);
}

static void client_fail(KeyringClient *c, KeyringOutcome outcome) {
        KeyringAnswer answer = { .outcome = outcome, .fd = -1 };

        client_answer(c, &answer);
}

/* Of all descriptors that came, one is kept; more than one is another form of answer. */
static int take_descriptor(struct msghdr *m, int *ret) {
        _cleanup_close_ int fd = -1;
        int r = 0;

        for (struct cmsghdr *c = CMSG_FIRSTHDR(m); c; c = CMSG_NXTHDR(m, c)) {
                if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
                        continue;
                for (size_t i = 0; i < (c->cmsg_len - CMSG_LEN(0)) / sizeof(int); i++) {
                        int got;

                        memcpy(&got, CMSG_DATA(c) + i * sizeof(int), sizeof(got));
                        if (fd >= 0) {
                                (void) close(got);
                                r = -EBADMSG;
                        } else
                                fd = got;
                }
        }
        if (r < 0 || (m->msg_flags & MSG_CTRUNC))
                return -EBADMSG;

        *ret = take_fd(&fd);
        return 0;
}

/* Nobody can change the key after this, nor make it longer than it is. */
static bool is_sealed_key(int fd) {
        struct stat st;
        int seals;

        seals = fcntl(fd, F_GET_SEALS);
        return seals >= 0 && (seals & KEYRING_SEALS) == KEYRING_SEALS && fstat(fd, &st) == 0 && S_ISREG(st.st_mode) &&
                st.st_size > 0 && st.st_size <= KEYRING_KEY_SIZE_MAX;
}

static bool reply_valid(const KeyringReply *reply, size_t size, int fd) {
        return size == sizeof(*reply) && reply->magic == KEYRING_REPLY_MAGIC && reply->outcome < _KEYRING_WIRE_MAX &&
                reply->protection < _KEYRING_PROTECTION_MAX && keyring_key_id_valid_or_empty(reply->key_id) &&
                keyring_key_id_valid_or_empty(reply->pending_id) &&
                (reply->outcome == KEYRING_DONE ? fd >= 0 && is_sealed_key(fd) : fd < 0);
}

static int on_reply(sd_event_source *s, int unused, uint32_t revents, void *userdata) {
        union {
                struct cmsghdr header;
                uint8_t space[CMSG_SPACE(sizeof(int))];
        } control = {};
        KeyringReply reply = {};
        struct iovec iov = { .iov_base = &reply, .iov_len = sizeof(reply) };
        struct msghdr m = {
                .msg_iov = &iov,
                .msg_iovlen = 1,
                .msg_control = &control,
                .msg_controllen = sizeof(control),
        };
        KeyringClient *c = userdata;
        KeyringAnswer answer = { .fd = -1 };
        _cleanup_close_ int fd = -1;
        ssize_t n;
        int r;

        /* A structure this small is written, and read, in one piece. */
        n = recvmsg(c->fd, &m, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
        if (n < 0 && (errno == EAGAIN || errno == EINTR))
                return 0;
        if (n < 0) {
                client_fail(c, KEYRING_BROKEN);
                return 0;
        }

        r = take_descriptor(&m, &fd);
        if (r < 0 || !reply_valid(&reply, (size_t) n, fd)) {
                client_fail(c, KEYRING_BROKEN);
                return 0;
        }

        answer.outcome = (KeyringOutcome) reply.outcome;
        answer.protection = (KeyringProtection) reply.protection;
        memcpy(answer.key_id, reply.key_id, sizeof(answer.key_id));
        memcpy(answer.pending_id, reply.pending_id, sizeof(answer.pending_id));
        answer.fd = take_fd(&fd);
        client_answer(c, &answer);
        return 0;
}

static int on_timeout(sd_event_source *s, uint64_t usec, void *userdata) {
        client_fail(userdata, KEYRING_SILENT);
        return 0;
}

static int on_failed(sd_event_source *s, void *userdata) {
        KeyringClient *c = userdata;

        client_fail(c, c->failure);
        return 0;
}

/* Connects and writes the request, which fits into the socket's buffer. */
static int client_ask(KeyringClient *c, const char *path, const KeyringRequest *request) {
        union {
                struct sockaddr_un un;
                struct sockaddr sa;
        } address = { .un.sun_family = AF_UNIX };
        ssize_t n;

        if (strlen(path) >= sizeof(address.un.sun_path))
                return -ENAMETOOLONG;
        memcpy(address.un.sun_path, path, strlen(path) + 1);

        c->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        if (c->fd < 0)
                return -errno;
        if (connect(c->fd, &address.sa, sizeof(address.un)) < 0)
                return -errno;
        n = send(c->fd, request, sizeof(*request), MSG_DONTWAIT | MSG_NOSIGNAL);
        if (n < 0)
                return -errno;

        return n == sizeof(*request) ? 0 : -EIO;
}

KeyringClient *keyring_client_free(KeyringClient *c) {
        if (!c)
                return NULL;

        sd_event_source_disable_unref(c->io);
        sd_event_source_disable_unref(c->timeout);
        sd_event_source_disable_unref(c->failed);
        safe_close(c->fd);
        sd_event_unref(c->event);
        free(c);
        return NULL;
}

int keyring_client_new(
                KeyringClient **ret,
                sd_event *event,
                const char *socket_path,
                bool demo,
                KeyringOperation operation,
                const char *key_id,
                KeyringHandler handler,
                void *userdata) {
        KeyringRequest request = { .magic = KEYRING_REQUEST_MAGIC, .operation = operation, .demo = demo };
        _cleanup_(keyring_client_freep) KeyringClient *c = NULL;
        int r;

        if (!isempty(key_id)) {
                if (strlen(key_id) != sizeof(request.key_id) - 1)
                        return -EINVAL;
                memcpy(request.key_id, key_id, sizeof(request.key_id));
                if (!keyring_key_id_valid(request.key_id))
                        return -EINVAL;
        }

        c = calloc(1, sizeof(*c));
        if (!c)
                return -ENOMEM;
        c->fd = -1;
        c->event = sd_event_ref(event);
        c->handler = handler;
        c->userdata = userdata;

        r = client_ask(c, socket_path, &request);
        if (r < 0) {
                log_warning_errno(r, "likeness-keyring cannot be reached at %s: %m", socket_path);
                c->failure = KEYRING_UNREACHABLE;
                r = sd_event_add_defer(event, &c->failed, on_failed, c);
                if (r < 0)
                        return r;
                *ret = TAKE_PTR(c);
                return 0;
        }

        r = sd_event_add_io(event, &c->io, c->fd, EPOLLIN, on_reply, c);
        if (r < 0)
                return r;
        r = sd_event_add_time_relative(event, &c->timeout, CLOCK_MONOTONIC, KEYRING_CLIENT_TIMEOUT_USEC, 0,
                        on_timeout, c);
        if (r < 0)
                return r;

        *ret = TAKE_PTR(c);
        return 0;
}

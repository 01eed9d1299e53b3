/* SPDX-License-Identifier: Apache-2.0 */

#include "credential.h"
#include "keyring-outcome.h"
#include "log.h"
#include "service.h"
#include "store.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/time.h>

/* the request is there when we are started; whoever connects and says nothing is not waited for */
#define REQUEST_SECONDS 5

/* The peer of a socket that systemd (or its activator) accepted is whoever connected, as the kernel noted it
 * then. */
static KeyringOutcome check_peer(int fd, uid_t expected) {
        struct ucred peer;
        socklen_t size = sizeof(peer);

        if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) < 0 || peer.uid != expected) {
                log_message(LOG_ERR, MESSAGE_KEYRING_FAILED,
                            "the request does not come from likenessd's user: it is refused");
                return KEYRING_REFUSED;
        }

        return KEYRING_DONE;
}

/* Descriptors that come along are dropped by the kernel: nothing receives them. */
static KeyringOutcome receive_request(int fd, KeyringRequest *ret) {
        const struct timeval patience = { .tv_sec = REQUEST_SECONDS };
        ssize_t n;

        (void) setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
        (void) setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience));

        n = recv(fd, ret, sizeof(*ret), MSG_WAITALL);
        if (n != sizeof(*ret) || ret->magic != KEYRING_REQUEST_MAGIC || ret->operation >= _KEYRING_OPERATION_MAX ||
            ret->demo > 1 ||
            !keyring_key_id_valid_or_empty(ret->key_id) ||
            (ret->operation != KEYRING_LOAD && ret->key_id[0] == '\0')) {
                log_message(LOG_ERR, MESSAGE_KEYRING_FAILED, "the request is malformed: it is refused");
                return KEYRING_REFUSED;
        }

        return KEYRING_DONE;
}

static bool is_id(const char *wanted, const Key *key) {
        return key->id[0] != '\0' && streq(wanted, key->id);
}

static KeyringOutcome other_key(void) {
        log_debug("%s", keyring_outcome_message(KEYRING_OTHER_KEY));
        return KEYRING_OTHER_KEY;
}

static KeyringOutcome load(Store *s, const char *wanted) {
        const Keys *keys = store_keys(s);

        if (keys->current.id[0] == '\0') {
                if (wanted[0] == '\0')
                        return store_provision(s);
                log_debug("%s", keyring_outcome_message(KEYRING_MISSING));
                return KEYRING_MISSING;
        }

        return wanted[0] == '\0' || is_id(wanted, &keys->current) || is_id(wanted, &keys->pending) ? KEYRING_DONE
                                                                                                  : other_key();
}

static KeyringOutcome rotate(Store *s, const char *wanted) {
        const Keys *keys = store_keys(s);

        if (!is_id(wanted, &keys->current))
                return other_key();
        return keys->pending.id[0] == '\0' ? store_make_pending(s) : KEYRING_UNFINISHED;
}

static KeyringOutcome commit(Store *s, const char *wanted) {
        const Keys *keys = store_keys(s);

        if (is_id(wanted, &keys->pending))
                return store_commit_pending(s);
        return is_id(wanted, &keys->current) ? KEYRING_DONE : other_key();
}

static KeyringOutcome discard(Store *s, const char *wanted) {
        const Keys *keys = store_keys(s);

        if (keys->current.id[0] == '\0' || is_id(wanted, &keys->current))
                return other_key();
        if (keys->pending.id[0] == '\0')
                return KEYRING_DONE;
        return is_id(wanted, &keys->pending) ? store_drop_pending(s) : other_key();
}

/* The key in memory that nobody can change any more. */
static int seal_key(const Key *key) {
        _cleanup_close_ int fd = -1;
        size_t size = strlen(key->text);

        fd = memfd_create("likeness-key", MFD_CLOEXEC | MFD_ALLOW_SEALING);
        if (fd < 0)
                return -errno;
        if (write(fd, key->text, size) != (ssize_t) size)
                return -EIO;
        if (fcntl(fd, F_ADD_SEALS, KEYRING_SEALS) < 0)
                return -errno;

        return take_fd(&fd);
}

static KeyringOutcome carry_out(Store *s, const KeyringRequest *request, KeyringReply *reply, int *ret_fd) {
        static KeyringOutcome (*const operations[_KEYRING_OPERATION_MAX])(Store *, const char *) = {
                [KEYRING_LOAD] = load,
                [KEYRING_ROTATE] = rotate,
                [KEYRING_COMMIT] = commit,
                [KEYRING_DISCARD] = discard,
        };
        const Keys *keys = store_keys(s);
        KeyringOutcome outcome;

        outcome = operations[request->operation](s, request->key_id);
        memcpy(reply->key_id, keys->current.id, sizeof(reply->key_id));
        memcpy(reply->pending_id, keys->pending.id, sizeof(reply->pending_id));
        if (outcome != KEYRING_DONE)
                return outcome;

        *ret_fd = seal_key(request->operation == KEYRING_ROTATE ? &keys->pending : &keys->current);
        if (*ret_fd < 0) {
                log_message_errno(LOG_ERR, *ret_fd, MESSAGE_KEYRING_FAILED, "the key cannot be sealed: %m");
                return KEYRING_INTERNAL_ERROR;
        }

        return KEYRING_DONE;
}

static KeyringOutcome get_password(const ServiceSetup *setup, KeyringReply *reply, char **ret) {
        KeyringProtection protection = setup->protection;
        KeyringOutcome outcome;

        if (setup->demo)
                return password_for_demo(ret);

        outcome = password_read(ret, &protection);
        reply->protection = protection;
        return outcome;
}

static KeyringOutcome serve(int fd, const ServiceSetup *setup, KeyringReply *reply, int *ret_fd) {
        _cleanup_(password_freep) char *password = NULL;
        _cleanup_(store_freep) Store *s = NULL;
        KeyringRequest request = {};
        KeyringOutcome outcome;

        outcome = check_peer(fd, setup->peer);
        if (outcome == KEYRING_DONE)
                outcome = receive_request(fd, &request);
        if (outcome == KEYRING_DONE && !!request.demo != setup->demo) {
                log_debug("%s", keyring_outcome_message(KEYRING_OTHER_MODE));
                outcome = KEYRING_OTHER_MODE;
        }
        if (outcome == KEYRING_DONE)
                outcome = get_password(setup, reply, &password);
        if (outcome == KEYRING_DONE)
                outcome = store_open(&s, setup->state, setup->demo, password);
        return outcome == KEYRING_DONE ? carry_out(s, &request, reply, ret_fd) : outcome;
}

static int send_reply(int fd, const KeyringReply *reply, int key) {
        union {
                struct cmsghdr header;
                uint8_t space[CMSG_SPACE(sizeof(int))];
        } control = {};
        struct iovec iov = { .iov_base = (void *) reply, .iov_len = sizeof(*reply) };
        struct msghdr m = { .msg_iov = &iov, .msg_iovlen = 1 };
        ssize_t n;

        if (key >= 0) {
                m.msg_control = &control;
                m.msg_controllen = sizeof(control);
                control.header = (struct cmsghdr) {
                        .cmsg_len = CMSG_LEN(sizeof(int)),
                        .cmsg_level = SOL_SOCKET,
                        .cmsg_type = SCM_RIGHTS,
                };
                memcpy(CMSG_DATA(&control.header), &key, sizeof(key));
        }

        n = sendmsg(fd, &m, MSG_NOSIGNAL);
        if (n < 0)
                return -errno;
        return n == sizeof(*reply) ? 0 : -EIO;
}

int service_run(int fd, const ServiceSetup *setup) {
        KeyringReply reply = {
                .magic = KEYRING_REPLY_MAGIC,
                .protection = setup->protection,
        };
        _cleanup_close_ int key = -1;
        int r;

        reply.outcome = serve(fd, setup, &reply, &key);

        r = send_reply(fd, &reply, key);
        if (r < 0)
                return log_message_errno(LOG_ERR, r, MESSAGE_KEYRING_FAILED, "likenessd cannot be answered: %m");
        return 0;
}

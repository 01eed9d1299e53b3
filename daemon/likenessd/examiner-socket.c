/* SPDX-License-Identifier: Apache-2.0 */

#include "examiner-socket.h"
#include "examiner-protocol.h"
#include "macro.h"

#include <errno.h>
#include <sys/socket.h>
#include <sys/un.h>

int examiner_socket_connect(const char *path) {
        union {
                struct sockaddr_un un;
                struct sockaddr sa;
        } address = { .un.sun_family = AF_UNIX };
        _cleanup_close_ int fd = -1;
        const int yes = 1;

        if (strlen(path) >= sizeof(address.un.sun_path))
                return -ENAMETOOLONG;
        memcpy(address.un.sun_path, path, strlen(path) + 1);

        fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        if (fd < 0)
                return -errno;
        /* asked for before there is anything to receive, so that the hello is sure to carry credentials */
        if (setsockopt(fd, SOL_SOCKET, SO_PASSCRED, &yes, sizeof(yes)) < 0)
                return -errno;
        if (connect(fd, &address.sa, sizeof(address.un)) < 0)
                return -errno;

        return take_fd(&fd);
}

int examiner_socket_read_hello(int fd, pid_t *ret_pid) {
        union {
                struct cmsghdr header;
                char buffer[CMSG_SPACE(sizeof(struct ucred))];
        } control = {};
        char byte = 0;
        struct iovec iov = { .iov_base = &byte, .iov_len = 1 };
        struct msghdr mh = {
                .msg_iov = &iov,
                .msg_iovlen = 1,
                .msg_control = &control,
                .msg_controllen = sizeof(control),
        };
        struct ucred credentials = {};
        ssize_t n;

        n = recvmsg(fd, &mh, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
        if (n < 0)
                return errno == EAGAIN || errno == EINTR ? 0 : -errno;
        if (n == 0)
                return -ECONNRESET;

        for (struct cmsghdr *c = CMSG_FIRSTHDR(&mh); c; c = CMSG_NXTHDR(&mh, c))
                if (c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_CREDENTIALS &&
                    c->cmsg_len == CMSG_LEN(sizeof(credentials)))
                        memcpy(&credentials, CMSG_DATA(c), sizeof(credentials));
        if (byte != EXAMINER_HELLO || credentials.pid <= 1)
                return -EBADMSG;

        *ret_pid = credentials.pid;
        return 1;
}

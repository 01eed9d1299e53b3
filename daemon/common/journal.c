/* SPDX-License-Identifier: Apache-2.0 */

#include "journal.h"

#include <endian.h>
#include <errno.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <sys/un.h>

struct Journal {
        struct sockaddr_un address;
        int fd;
};

/* An entry as pieces that the kernel puts together. */
typedef struct Pieces {
        struct iovec all[JOURNAL_FIELDS_MAX * 5];
        uint64_t sizes[JOURNAL_FIELDS_MAX];
        size_t n;
} Pieces;

int journal_new(Journal **ret, const char *path) {
        Journal *j;

        if (strlen(path) >= sizeof(j->address.sun_path))
                return -ENAMETOOLONG;
        j = calloc(1, sizeof(*j));
        if (!j)
                return -ENOMEM;

        j->fd = -1;
        j->address.sun_family = AF_UNIX;
        memcpy(j->address.sun_path, path, strlen(path) + 1);
        *ret = j;
        return 0;
}

Journal *journal_free(Journal *j) {
        if (!j)
                return NULL;
        safe_close(j->fd);
        free(j);
        return NULL;
}

int journal_fd(const Journal *j) {
        return j->fd;
}

/* Connected, so that poll() tells when this very queue has room again. */
static int journal_connect(Journal *j) {
        _cleanup_close_ int fd = -1;

        fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        if (fd < 0 || connect(fd, (const struct sockaddr *) &j->address, sizeof(j->address)) < 0)
                return -errno;
        j->fd = take_fd(&fd);
        return 0;
}

static void add(Pieces *p, const void *bytes, size_t size) {
        p->all[p->n++] = (struct iovec) { .iov_base = (void *) bytes, .iov_len = size };
}

/* The form that takes any bytes: name, newline, size, value, newline. With the other one ("NAME=value") a value that
 * has a newline would be able to add fields. */
static void add_field(Pieces *p, const JournalField *field, uint64_t *size) {
        *size = htole64(field->size);
        add(p, field->name, strlen(field->name));
        add(p, "\n", 1);
        add(p, size, sizeof(*size));
        add(p, field->value, field->size);
        add(p, "\n", 1);
}

static int send_pieces(Journal *j, Pieces *p) {
        const struct msghdr message = { .msg_iov = p->all, .msg_iovlen = p->n };
        int r;

        if (j->fd < 0) {
                r = journal_connect(j);
                if (r < 0)
                        return r;
        }
        if (sendmsg(j->fd, &message, MSG_DONTWAIT | MSG_NOSIGNAL) >= 0)
                return 0;
        if (errno == EAGAIN || errno == EMSGSIZE)
                return -errno;

        r = -errno;
        j->fd = safe_close(j->fd);
        return r;
}

int journal_send(Journal *j, const JournalField *fields, size_t n_fields) {
        bool connected = j->fd >= 0;
        Pieces pieces = {};
        int r;

        if (n_fields > JOURNAL_FIELDS_MAX)
                return -EMSGSIZE;
        for (size_t i = 0; i < n_fields; i++)
                add_field(&pieces, &fields[i], &pieces.sizes[i]);

        r = send_pieces(j, &pieces);
        if (connected && j->fd < 0)    /* that socket is gone; perhaps there is another one by now */
                r = send_pieces(j, &pieces);
        return r;
}

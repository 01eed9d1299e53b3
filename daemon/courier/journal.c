/* SPDX-License-Identifier: Apache-2.0 */

#include "journal.h"

#include "receipt.h"

#include <endian.h>
#include <errno.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/un.h>

#define MESSAGE_MAX (4U * RECEIPT_SIZE_MAX) /* bytes; far below what a datagram may have */

struct Journal {
        struct sockaddr_un address;
        int fd;
        size_t size;
        char message[MESSAGE_MAX];
};

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

static int append(Journal *j, const void *bytes, size_t size) {
        if (size > sizeof(j->message) - j->size)
                return -EMSGSIZE;
        memcpy(j->message + j->size, bytes, size);
        j->size += size;
        return 0;
}

/* The form that takes any bytes: name, newline, size, value, newline. With the other one ("NAME=value") a value that has
 * a newline would be able to add fields. */
static int append_field(Journal *j, const JournalField *field) {
        uint64_t size = htole64(field->size);
        int r;

        r = append(j, field->name, strlen(field->name));
        if (r >= 0)
                r = append(j, "\n", 1);
        if (r >= 0)
                r = append(j, &size, sizeof(size));
        if (r >= 0)
                r = append(j, field->value, field->size);
        return r < 0 ? r : append(j, "\n", 1);
}

static int send_message(Journal *j) {
        int r;

        if (j->fd < 0) {
                r = journal_connect(j);
                if (r < 0)
                        return r;
        }
        if (send(j->fd, j->message, j->size, MSG_DONTWAIT | MSG_NOSIGNAL) >= 0)
                return 0;
        if (errno == EAGAIN || errno == EMSGSIZE)
                return -errno;

        r = -errno;
        j->fd = safe_close(j->fd);
        return r;
}

int journal_send(Journal *j, const JournalField *fields, size_t n_fields) {
        bool connected = j->fd >= 0;
        int r;

        j->size = 0;
        for (size_t i = 0; i < n_fields; i++) {
                r = append_field(j, &fields[i]);
                if (r < 0)
                        return r;
        }

        r = send_message(j);
        if (connected && j->fd < 0)    /* that socket is gone; perhaps there is another one by now */
                r = send_message(j);
        return r;
}

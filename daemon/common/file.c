/* SPDX-License-Identifier: Apache-2.0 */

#include "file.h"

#include <errno.h>
#include <stdint.h>
#include <unistd.h>

/* With a negative offset from where the descriptor stands. */
static ssize_t read_on(int fd, uint8_t *buffer, size_t size, off_t offset) {
        size_t done = 0;

        while (done < size) {
                ssize_t n = offset < 0 ? read(fd, buffer + done, size - done) :
                                         pread(fd, buffer + done, size - done, offset + (off_t) done);

                if (n < 0 && errno == EINTR)
                        continue;
                if (n < 0)
                        return -errno;
                if (n == 0)
                        break;
                done += (size_t) n;
        }

        return (ssize_t) done;
}

ssize_t file_read_all(int fd, void *buffer, size_t size) {
        return read_on(fd, buffer, size, -1);
}

ssize_t file_read_all_at(int fd, void *buffer, size_t size, off_t offset) {
        return offset < 0 ? -EINVAL : read_on(fd, buffer, size, offset);
}

int file_write_all(int fd, const void *data, size_t size) {
        const uint8_t *bytes = data;

        while (size > 0) {
                ssize_t n = write(fd, bytes, size);

                if (n < 0 && errno == EINTR)
                        continue;
                if (n < 0)
                        return -errno;
                bytes += n;
                size -= (size_t) n;
        }

        return 0;
}

/* SPDX-License-Identifier: Apache-2.0 */

#include "reference-file.h"
#include "examiner-protocol.h"
#include "macro.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/stat.h>

static int refuse(int error, const char *message, const char **reterr_message) {
        *reterr_message = message;
        return error;
}

static int open_regular(const char *path, const char **reterr_message) {
        _cleanup_close_ int fd = -1;
        struct stat st;

        /* a FIFO without a writer would block here otherwise */
        fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
        if (fd < 0)
                return refuse(-errno, strerror(errno), reterr_message);
        if (fstat(fd, &st) < 0)
                return refuse(-errno, strerror(errno), reterr_message);
        if (S_ISDIR(st.st_mode))
                return refuse(-EISDIR, "is a directory, not a picture", reterr_message);
        if (!S_ISREG(st.st_mode))
                return refuse(-EINVAL, "is not a regular file", reterr_message);
        if (st.st_size == 0)
                return refuse(-ENODATA, "is empty", reterr_message);
        if ((uint64_t) st.st_size > PICTURE_BYTES_MAX)
                return refuse(-EFBIG, "has more than 8 MiB; save the picture smaller", reterr_message);

        return take_fd(&fd);
}

/* Copies all of `from`, which may have grown since it was measured. Within the kernel: a buffer of ours would keep a
 * piece of the picture while we wait for the answer. */
static int copy_bounded(int from, int to) {
        uint64_t total = 0;

        for (;;) {
                ssize_t n = sendfile(to, from, NULL, PICTURE_BYTES_MAX + 1 - total);

                if (n < 0 && errno == EINTR)
                        continue;
                if (n < 0)
                        return -errno;
                if (n == 0)
                        return 0;

                total += (uint64_t) n;
                if (total > PICTURE_BYTES_MAX)
                        return -EFBIG;
        }
}

int reference_file_open(const char *path, const char **reterr_message) {
        _cleanup_close_ int file = -1, memory = -1;
        int r;

        file = open_regular(path, reterr_message);
        if (file < 0)
                return file;

        memory = memfd_create("reference", MFD_CLOEXEC | MFD_ALLOW_SEALING);
        if (memory < 0)
                return refuse(-errno, strerror(errno), reterr_message);

        r = copy_bounded(file, memory);
        if (r == -EFBIG)
                return refuse(r, "has more than 8 MiB; save the picture smaller", reterr_message);
        if (r < 0)
                return refuse(r, strerror(-r), reterr_message);

        if (fcntl(memory, F_ADD_SEALS, F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE) < 0)
                return refuse(-errno, strerror(errno), reterr_message);

        return take_fd(&memory);
}

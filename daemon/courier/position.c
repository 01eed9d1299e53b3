/* SPDX-License-Identifier: Apache-2.0 */

#include "position.h"

#include "macro.h"
#include "segment.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>

#define NAME "position"
#define NAME_BESIDE "position.new"
#define TEXT_SIZE 160                  /* 20 digits, a hash, a boot id and what is between them */

static bool is_hash(const char *s) {
        return strlen(s) == RECEIPT_HASH_SIZE - 1;
}

int position_load(int directory, Position *ret) {
        _cleanup_close_ int fd = -1;
        char text[TEXT_SIZE], newline;
        Position p = { 0 };
        ssize_t n;

        fd = openat(directory, NAME, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
        if (fd < 0)
                return errno == ENOENT ? 0 : -errno;
        n = read(fd, text, sizeof(text) - 1);
        if (n < 0)
                return -errno;
        text[n] = '\0';

        if (sscanf(text, "%20" SCNu64 " %43[A-Za-z0-9_-] %32[0-9a-f]%c", &p.sequence, p.hash, p.boot, &newline) != 4 ||
            newline != '\n' || p.sequence == 0 || !is_hash(p.hash) || strlen(p.boot) != BOOT_ID_SIZE - 1)
                return -EBADMSG;
        *ret = p;
        return 1;
}

int position_save(int directory, const Position *position, bool sync) {
        _cleanup_close_ int fd = -1;
        char text[TEXT_SIZE];
        int n, r;

        n = snprintf(text, sizeof(text), "%" PRIu64 " %s %s\n", position->sequence, position->hash, position->boot);
        if (n < 0 || (size_t) n >= sizeof(text))
                return -EINVAL;

        fd = openat(directory, NAME_BESIDE, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0600);
        if (fd < 0)
                return -errno;
        r = write_whole(fd, text, (size_t) n, -1);
        if (r < 0)
                return r;
        if (sync && fsync(fd) < 0)
                return -errno;
        if (renameat(directory, NAME_BESIDE, directory, NAME) < 0)
                return -errno;
        return sync && fsync(directory) < 0 ? -errno : 0;
}

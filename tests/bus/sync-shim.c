/* SPDX-License-Identifier: Apache-2.0 */

/* A disk that fails: as long as the file that FAIL_SYNC names exists, no fsync succeeds. As long as the file that HANG_SYNC
 * names exists, none comes back. */

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

static int is_there(const char *variable) {
        const char *name = getenv(variable);

        return name && access(name, F_OK) == 0;
}

static int disk_sync(void) {
        while (is_there("HANG_SYNC"))
                (void) usleep(10 * 1000);
        if (!is_there("FAIL_SYNC"))
                return 0;

        errno = EIO;
        return -1;
}

int fsync(int fd) {
        return disk_sync();
}

int fdatasync(int fd) {
        return disk_sync();
}

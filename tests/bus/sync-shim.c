/* SPDX-License-Identifier: Apache-2.0 */

/* A disk that fails: as long as the file that FAIL_SYNC names exists, no fsync succeeds. */

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

static int disk_sync(void) {
        const char *name = getenv("FAIL_SYNC");

        if (!name || access(name, F_OK) < 0)
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

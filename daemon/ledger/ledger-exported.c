/* SPDX-License-Identifier: Apache-2.0 */

/* The file "unexported" beside the segments: there are attempts that no export contains. Whoever removes the ledger with the
 * rest of the service (the package's purge) asks first if it is there. */

#include "ledger-internal.h"
#include "parse.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>

#define MARK_FILE "unexported"

/* What somebody may have to prove; nobody misses that a terminal was started. */
static bool entry_is_attempt(const char *entry) {
        return streq(entry, "opened") || streq(entry, "closed") || streq(entry, "declined") || streq(entry, "override");
}

void ledger_load_mark(Ledger *l) {
        char text[32] = "";
        _cleanup_close_ int fd = -1;
        unsigned long sequence;
        ssize_t n;

        l->unexported = 0;
        fd = openat(l->directory, MARK_FILE, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
        if (fd < 0 && errno == ENOENT)
                return;

        /* one that cannot be read stands for all entries */
        n = fd >= 0 ? read(fd, text, sizeof(text) - 1) : -1;
        text[n > 0 ? n : 0] = '\0';
        text[strcspn(text, "\n")] = '\0';
        l->unexported = parse_unsigned(text, 1, ULONG_MAX, &sequence) >= 0 ? sequence : 1;
}

static int write_mark(int directory, uint64_t sequence) {
        _cleanup_close_ int fd = -1;
        char text[32];
        int n, r;

        n = snprintf(text, sizeof(text), "%" PRIu64 "\n", sequence);
        fd = openat(directory, MARK_FILE, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
        if (fd < 0)
                return -errno;
        r = write_whole(fd, text, (size_t) n, -1);
        if (r < 0)
                return r;
        return fsync(fd) < 0 || fsync(directory) < 0 ? -errno : 0;
}

int ledger_mark_unexported(Ledger *l, const char *entry) {
        int r;

        if (l->unexported > 0 || !entry_is_attempt(entry))
                return 0;

        r = write_mark(l->directory, l->sequence + 1);
        if (r < 0)
                return r;
        l->unexported = l->sequence + 1;
        return 0;
}

int ledger_mark_exported(Ledger *l, uint64_t from) {
        size_t start;
        int r;

        if (l->unexported == 0 || l->segments.n == 0)
                return 0;
        r = ledger_find_start(l, from, &start);
        if (r < 0)
                return r;
        /* what retention dropped is not what this export left out */
        if (start > 0 && l->segments.firsts[start] > l->unexported)
                return 0;

        if (unlinkat(l->directory, MARK_FILE, 0) < 0 && errno != ENOENT)
                return -errno;
        l->unexported = 0;
        return fsync(l->directory) < 0 ? -errno : 0;
}

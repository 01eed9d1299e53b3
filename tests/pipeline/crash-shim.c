/* SPDX-License-Identifier: Apache-2.0 */

/* Preloaded, it sends SIGKILL to the whole process group just before the call number LIKENESS_CRASH_AT of
 * those that change files, counted over the process and its children: a crash at every moment that can make
 * a difference. */

#include <dlfcn.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <unistd.h>

static _Atomic unsigned long *left;

__attribute__((constructor)) static void crash_shim_begin(void) {
        const char *at = getenv("LIKENESS_CRASH_AT");

        if (!at)
                return;
        left = mmap(NULL, sizeof(*left), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
        if (left == MAP_FAILED)
                abort();
        *left = strtoul(at, NULL, 10);
}

static void count(void) {
        if (left && atomic_fetch_sub(left, 1) == 1)
                (void) kill(0, SIGKILL);
}

#define NEXT(name) ((__typeof__(&name)) dlsym(RTLD_NEXT, #name))

int fsync(int fd) {
        count();
        return NEXT(fsync)(fd);
}

int rename(const char *from, const char *to) {
        count();
        return NEXT(rename)(from, to);
}

int renameat(int from_directory, const char *from, int to_directory, const char *to) {
        count();
        return NEXT(renameat)(from_directory, from, to_directory, to);
}

int link(const char *from, const char *to) {
        count();
        return NEXT(link)(from, to);
}

int unlink(const char *path) {
        count();
        return NEXT(unlink)(path);
}

int unlinkat(int directory, const char *path, int flags) {
        count();
        return NEXT(unlinkat)(directory, path, flags);
}

int mkdirat(int directory, const char *path, mode_t mode) {
        count();
        return NEXT(mkdirat)(directory, path, mode);
}

ssize_t write(int fd, const void *data, size_t size) {
        count();
        return NEXT(write)(fd, data, size);
}

ssize_t pwrite(int fd, const void *data, size_t size, off_t at) {
        count();
        return NEXT(pwrite)(fd, data, size, at);
}

ssize_t sendmsg(int fd, const struct msghdr *message, int flags) {
        count();
        return NEXT(sendmsg)(fd, message, flags);
}

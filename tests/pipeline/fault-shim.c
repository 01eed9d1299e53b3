/* SPDX-License-Identifier: Apache-2.0 */

/* Preloaded, it makes go wrong what a test can hardly wait for:
 *
 *   LIKENESS_CRASH_AT=N      SIGKILL to the whole process group just before call number N of those that change files,
 *                            counted over the process and its children: a crash at every moment that can matter
 *   LIKENESS_SYNC_FAILS_AT=N call number N of fsync() fails with EIO
 *   LIKENESS_DAMAGE=1        what rename() puts into another file's place has one bit flipped */

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <unistd.h>

typedef struct Faults {
        _Atomic unsigned long crash, sync; /* calls that are left, this one included; 0: never */
        bool damage;
} Faults;

static Faults *faults;

static unsigned long number(const char *name) {
        const char *value = getenv(name);

        return value ? strtoul(value, NULL, 10) : 0;
}

__attribute__((constructor)) static void fault_shim_begin(void) {
        faults = mmap(NULL, sizeof(*faults), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
        if (faults == MAP_FAILED)
                abort();

        faults->crash = number("LIKENESS_CRASH_AT");
        faults->sync = number("LIKENESS_SYNC_FAILS_AT");
        faults->damage = number("LIKENESS_DAMAGE");
}

static void count(void) {
        if (faults->crash > 0 && atomic_fetch_sub(&faults->crash, 1) == 1)
                (void) kill(0, SIGKILL);
}

static void flip_a_bit(const char *path) {
        unsigned char byte;
        int fd;

        fd = open(path, O_RDWR | O_CLOEXEC);
        if (fd < 0 || pread(fd, &byte, 1, 150) != 1)
                abort();
        byte ^= 1;
        if (syscall(SYS_pwrite64, fd, &byte, (size_t) 1, (off_t) 150) != 1)
                abort();
        (void) close(fd);
}

#define NEXT(name) ((__typeof__(&name)) dlsym(RTLD_NEXT, #name))

int fsync(int fd) {
        count();
        if (faults->sync > 0 && atomic_fetch_sub(&faults->sync, 1) == 1) {
                errno = EIO;
                return -1;
        }
        return NEXT(fsync)(fd);
}

int rename(const char *from, const char *to) {
        count();
        if (faults->damage)
                flip_a_bit(from);
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

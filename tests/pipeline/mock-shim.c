/* SPDX-License-Identifier: Apache-2.0 */

/* What a process does with a descriptor of a mock camera and umockdev does not mock; preloaded behind its library.
 *
 * - dup(): umockdev knows a device's descriptor by its open(), and GStreamer duplicates the one that it works with.
 *   The device is opened once more instead.
 * - fstat(): the node is a regular file. Here it is what its path is: a character device with its number.
 * - poll(), ppoll(): a regular file can always be read. A camera can be read when it has a picture: the mock is asked.
 *
 * If there is a link UMOCKDEV_DIR/swapped-videoN to the name of another camera, the node led there when it was opened:
 * to fstat() the descriptor is that of the other one, whatever stat() of the node says now. */

/* The functions themselves, not what headers put in their place. */
#undef _FILE_OFFSET_BITS
#undef _FORTIFY_SOURCE

#include "mock-request.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <time.h>
#include <unistd.h>

#define V4L2_MAJOR 81
#define FDS_MAX 16

#define REAL(name) ((__typeof__(&name)) dlsym(RTLD_NEXT, #name))

/* "/dev/videoN" if the descriptor is one of a mock camera. */
static const char *camera_of(int fd, char path[static 512]) {
        const char *device;
        char link[64];
        ssize_t n;

        (void) snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
        n = readlink(link, path, 511);
        if (n <= 0)
                return NULL;
        path[n] = '\0';
        device = strstr(path, "/dev/video");
        return device && strstr(path, "umockdev.") ? device : NULL;
}

int dup(int fd) {
        const char *device;
        char path[512];

        device = camera_of(fd, path);
        return device ? open(device, O_RDWR | O_NONBLOCK | O_CLOEXEC) : REAL(dup)(fd);
}

/* The camera's number, or that of the one in whose place it was put. */
static unsigned number_of(const char *device) {
        const char *bed = getenv("UMOCKDEV_DIR"), *name = device + strlen("/dev/");
        char link[512], other[64];
        ssize_t n;

        (void) snprintf(link, sizeof(link), "%s/swapped-%s", bed ? bed : "", name);
        n = readlink(link, other, sizeof(other) - 1);
        if (n > 0) {
                other[n] = '\0';
                name = other;
        }
        return (unsigned) strtoul(name + strlen("video"), NULL, 10);
}

static void become_device(int fd, mode_t *mode, dev_t *rdev) {
        const char *device;
        char path[512];

        if (!S_ISREG(*mode))
                return;
        device = camera_of(fd, path);
        if (!device)
                return;
        *mode = S_IFCHR | (*mode & 07777);
        *rdev = makedev(V4L2_MAJOR, number_of(device));
}

int fstat(int fd, struct stat *ret) {
        int r = REAL(fstat)(fd, ret);

        if (r == 0)
                become_device(fd, &ret->st_mode, &ret->st_rdev);
        return r;
}

int fstat64(int fd, struct stat64 *ret) {
        int r = REAL(fstat64)(fd, ret);

        if (r == 0)
                become_device(fd, &ret->st_mode, &ret->st_rdev);
        return r;
}

static uint64_t now_nsec(void) {
        struct timespec t;

        (void) clock_gettime(CLOCK_MONOTONIC, &t);
        return (uint64_t) t.tv_sec * 1000000000U + (uint64_t) t.tv_nsec;
}

/* Those of the descriptors that can be read or are in trouble; cameras are asked, the others are really waited for. */
static int wait_for_cameras(struct pollfd *fds, nfds_t n, const bool *camera, uint64_t until, const sigset_t *mask) {
        const struct timespec moment = { .tv_nsec = 2000000 };
        struct pollfd others[FDS_MAX];

        for (;;) {
                int ready = 0, r;

                for (nfds_t i = 0; i < n; i++) {
                        int events = 0;

                        others[i] = fds[i];
                        fds[i].revents = 0;
                        if (!camera[i])
                                continue;
                        others[i].fd = -1;
                        if (ioctl(fds[i].fd, MOCK_POLL, &events) == 0)
                                fds[i].revents = (short) events & (fds[i].events | POLLERR | POLLHUP);
                        ready += fds[i].revents != 0;
                }

                r = REAL(ppoll)(others, n, ready > 0 ? &(struct timespec) {} : &moment, mask);
                if (r < 0)
                        return r;
                for (nfds_t i = 0; i < n; i++)
                        if (!camera[i])
                                fds[i].revents = others[i].revents;
                if (r + ready > 0 || now_nsec() >= until)
                        return r + ready;
        }
}

int ppoll(struct pollfd *fds, nfds_t n, const struct timespec *timeout, const sigset_t *mask) {
        uint64_t until = UINT64_MAX;
        bool camera[FDS_MAX] = {}, any = false;
        char path[512];

        for (nfds_t i = 0; i < n && n <= FDS_MAX; i++) {
                camera[i] = fds[i].fd >= 0 && (fds[i].events & POLLIN) && camera_of(fds[i].fd, path);
                any = any || camera[i];
        }
        if (!any)
                return REAL(ppoll)(fds, n, timeout, mask);
        if (timeout)
                until = now_nsec() + (uint64_t) timeout->tv_sec * 1000000000U + (uint64_t) timeout->tv_nsec;
        return wait_for_cameras(fds, n, camera, until, mask);
}

int poll(struct pollfd *fds, nfds_t n, int timeout) {
        const struct timespec t = { timeout / 1000, timeout % 1000 * 1000000L };

        return ppoll(fds, n, timeout < 0 ? NULL : &t, NULL);
}

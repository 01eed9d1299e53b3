/* SPDX-License-Identifier: Apache-2.0 */

/* umockdev knows a device's descriptor by its open(), not by a dup() of it, and GStreamer's V4L2 code
 * duplicates the one that it works with. Preloaded, this opens the mock device once more instead. */

#include <dlfcn.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

int dup(int fd) {
        char link[64], path[512], *device;
        int (*real)(int);
        ssize_t n;

        (void) snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
        n = readlink(link, path, sizeof(path) - 1);
        if (n > 0) {
                path[n] = '\0';
                device = strstr(path, "/dev/video");
                if (device && strstr(path, "umockdev."))
                        return open(device, O_RDWR | O_NONBLOCK | O_CLOEXEC);
        }

        *(void **) &real = dlsym(RTLD_NEXT, "dup");
        return real(fd);
}

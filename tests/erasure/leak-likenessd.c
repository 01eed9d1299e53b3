/* SPDX-License-Identifier: Apache-2.0 */

/* Preloaded into likenessd: forgets to close the caller's picture and the decoded pixels, and looks at the picture. */

#include "leak.h"
#include "macro.h"

#include <dlfcn.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/stat.h>

/* So little that the heap keeps the memory. */
#define READ_SIZE (64U * 1024)

static void read_and_free(int fd) {
        uint8_t *bytes = malloc(READ_SIZE);
        ssize_t n = bytes ? pread(fd, bytes, READ_SIZE, 0) : 0;

        if (n > 0)
                bytes[0] = (uint8_t) n;
        free(bytes);
}

/* The daemon asks for the seals of every picture that comes. */
int fcntl(int fd, int command, ...) {
        static int (*real)(int fd, int command, ...);
        va_list arguments;
        struct stat st;
        void *argument;

        if (!real)
                real = (int (*)(int, int, ...)) dlsym(RTLD_NEXT, "fcntl64");
        va_start(arguments, command);
        argument = va_arg(arguments, void *);
        va_end(arguments);

        if (command == F_GET_SEALS && fstat(fd, &st) == 0 && st.st_size > 0) {
                if (leak_wanted("picture-open"))
                        (void) real(fd, F_DUPFD_CLOEXEC, 3);
                if (leak_wanted("picture-mapped"))
                        (void) mmap(NULL, (size_t) st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
                if (leak_wanted("picture-read"))
                        read_and_free(fd);
        }

        return real(fd, command, argument);
}

/* It makes one for the decoded pixels. */
int memfd_create(const char *name, unsigned flags) {
        static int (*real)(const char *name, unsigned flags);
        int fd;

        if (!real)
                real = (int (*)(const char *, unsigned)) dlsym(RTLD_NEXT, "memfd_create");
        fd = real(name, flags);
        if (fd >= 0 && leak_wanted("pixels-open"))
                (void) fcntl(fd, F_DUPFD_CLOEXEC, 3);
        return fd;
}

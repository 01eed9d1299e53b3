/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* The few idioms that every file uses: scoped clean-up, ownership transfer, comparison. */

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define _cleanup_(f) __attribute__((cleanup(f)))
#define _printf_(a, b) __attribute__((format(printf, a, b)))
#define _unused_ __attribute__((unused))

#define ELEMENTSOF(x) (sizeof(x) / sizeof((x)[0]))

/* Declares thing_freep() for use with _cleanup_(). */
#define DEFINE_CLEANUP(type, func)                              \
        static inline _unused_ void func##p(type *p) {          \
                if (*p)                                         \
                        *p = func(*p);                          \
        }                                                       \
        struct _cleanup_semicolon_

/* Hands a pointer or a descriptor over and leaves the "nothing" of its kind behind. */
#define TAKE_PTR(p)                                             \
        __extension__({                                         \
                __typeof__(p) _taken = (p);                     \
                (p) = NULL;                                     \
                _taken;                                         \
        })

static inline int take_fd(int *fd) {
        int taken = *fd;
        *fd = -1;
        return taken;
}

/* Closes a descriptor, if there is one; always returns -1, to be assigned back. */
static inline int safe_close(int fd) {
        if (fd >= 0)
                (void) close(fd);
        return -1;
}

static inline _unused_ void closep(int *fd) {
        *fd = safe_close(*fd);
}

static inline _unused_ void free_pointerp(void *p) {
        void **slot = (void **) p;
        free(*slot);
        *slot = NULL;
}

#define _cleanup_free_ _cleanup_(free_pointerp)
#define _cleanup_close_ _cleanup_(closep)

static inline bool streq(const char *a, const char *b) {
        return strcmp(a, b) == 0;
}

static inline bool isempty(const char *s) {
        return !s || s[0] == '\0';
}

#define USEC_PER_MSEC UINT64_C(1000)
#define USEC_PER_SEC UINT64_C(1000000)
#define NSEC_PER_USEC UINT64_C(1000)

/* SPDX-License-Identifier: Apache-2.0 */

/* Memory that runs out. The file that FAIL_MEMORY names holds two numbers, which whoever has it may change at any time: how
 * many allocations still succeed, and how many then fail before it is as if nothing had been. */

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>

extern void *__libc_malloc(size_t size);
extern void *__libc_calloc(size_t n, size_t size);
extern void *__libc_realloc(void *old, size_t size);

typedef struct Numbers {
        _Atomic int64_t successes, failures;
} Numbers;

static Numbers *numbers(void) {
        static _Atomic(Numbers *) mapped;
        Numbers *n = atomic_load(&mapped);
        const char *name;
        int fd;

        if (n)
                return n;
        name = getenv("FAIL_MEMORY");
        fd = name ? open(name, O_RDWR | O_CLOEXEC) : -1;
        if (fd < 0)
                return NULL;
        n = mmap(NULL, sizeof(*n), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
        if (n == MAP_FAILED)
                abort();
        atomic_store(&mapped, n);
        return n;
}

static bool fails(void) {
        Numbers *n = numbers();

        if (!n || atomic_load(&n->failures) <= 0)
                return false;
        if (atomic_fetch_sub(&n->successes, 1) > 0)
                return false;
        atomic_fetch_sub(&n->failures, 1);
        errno = ENOMEM;
        return true;
}

void *malloc(size_t size) {
        return fails() ? NULL : __libc_malloc(size);
}

void *calloc(size_t n, size_t size) {
        return fails() ? NULL : __libc_calloc(n, size);
}

void *realloc(void *old, size_t size) {
        return fails() ? NULL : __libc_realloc(old, size);
}

void *reallocarray(void *old, size_t n, size_t size) {
        size_t all;

        if (__builtin_mul_overflow(n, size, &all)) {
                errno = ENOMEM;
                return NULL;
        }
        return realloc(old, all);
}

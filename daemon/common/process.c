/* SPDX-License-Identifier: Apache-2.0 */

#include "process.h"

#include <errno.h>
#include <sys/prctl.h>
#include <sys/resource.h>

int process_leave_no_trace(void) {
        static const struct rlimit none = {};

        if (setrlimit(RLIMIT_CORE, &none) < 0)
                return -errno;

#if !defined(__SANITIZE_ADDRESS__)     /* the leak checker attaches to its own process */
        /* RLIMIT_CORE does not stop a core handler that is fed by a pipe; this does. */
        if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0)
                return -errno;
#endif
        return 0;
}

int process_limit_memory(uint64_t bytes) {
#if !defined(__SANITIZE_ADDRESS__)
        const struct rlimit limit = { .rlim_cur = bytes, .rlim_max = bytes };

        if (setrlimit(RLIMIT_DATA, &limit) < 0)
                return -errno;
#endif
        return 0;
}

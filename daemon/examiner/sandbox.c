/* SPDX-License-Identifier: Apache-2.0 */

#include "sandbox.h"
#include "log.h"
#include "macro.h"

#include <errno.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/resource.h>

int sandbox_limit_memory(uint64_t bytes) {
#if !defined(__SANITIZE_ADDRESS__)     /* its shadow memory counts as data */
        const struct rlimit limit = { .rlim_cur = bytes, .rlim_max = bytes };

        if (setrlimit(RLIMIT_DATA, &limit) < 0)
                return -errno;
#endif
        return 0;
}

int sandbox_check(void) {
        if (prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) != 1)
                return log_error_errno(-EPERM, "not sandboxed: new privileges can be gained; start through systemd");
        if (prctl(PR_GET_SECCOMP, 0, 0, 0, 0) != SECCOMP_MODE_FILTER)
                return log_error_errno(-EPERM, "not sandboxed: no system call filter; start through systemd");

        return 0;
}

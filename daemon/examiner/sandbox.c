/* SPDX-License-Identifier: Apache-2.0 */

#include "sandbox.h"
#include "log.h"
#include "macro.h"

#include <errno.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>

int sandbox_check(void) {
        if (prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) != 1)
                return log_error_errno(-EPERM, "not sandboxed: new privileges can be gained; start through systemd");
        if (prctl(PR_GET_SECCOMP, 0, 0, 0, 0) != SECCOMP_MODE_FILTER)
                return log_error_errno(-EPERM, "not sandboxed: no system call filter; start through systemd");

        return 0;
}

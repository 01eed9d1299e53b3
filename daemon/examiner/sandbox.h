/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* 0 if the process is confined as its unit declares (no new privileges, a system call filter); -EPERM if it is not,
 * logged: then it must not work with anybody's face. */
int sandbox_check(void);

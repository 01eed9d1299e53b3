/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdint.h>

/* Caps the process's private memory at `bytes`, also where no unit does; allocations beyond it fail. 0 or a negative
 * errno. */
int sandbox_limit_memory(uint64_t bytes);

/* 0 if the process is confined as its unit declares (no new privileges, a system call filter); -EPERM if it is not,
 * logged: then it must not work with anybody's face. */
int sandbox_check(void);

/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdint.h>

/* Makes the process leave nothing behind when it dies: no core dump, not even through a handler that is fed by a pipe, and
 * no debugger of the same user. 0 or a negative errno. */
int process_leave_no_trace(void);

/* Caps the process's private memory at `bytes`, also where no unit does; allocations beyond it fail. 0 or a negative
 * errno. Without effect under AddressSanitizer, whose shadow memory counts as data. */
int process_limit_memory(uint64_t bytes);

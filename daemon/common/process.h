/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Makes the process leave nothing behind when it dies: no core dump, not even through a handler that is fed by a pipe, and
 * no debugger of the same user. 0 or a negative errno. */
int process_leave_no_trace(void);

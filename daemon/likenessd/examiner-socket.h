/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <sys/types.h>

/* The socket behind which an examiner starts, up to the moment when D-Bus begins on it. */

/* Connects to the socket at `path`, without waiting: a descriptor that does not block, ready to receive credentials, or a
 * negative errno. */
int examiner_socket_connect(const char *path);

/* Reads the examiner's hello and, from the kernel, the id of the process that sent it: 1, 0 if it has not come yet, or a
 * negative errno (-EBADMSG for anything else than a hello). */
int examiner_socket_read_hello(int fd, pid_t *ret_pid);

/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <jansson.h>
#include <stdio.h>

/* Which programs have a device open, as far as the caller may see: his own, and everybody's as root. likenessd itself
 * cannot look, and need not: who holds a camera is nothing that one user has to tell another. */

/* [{"device", "program", "pid", "user"}], a new reference, of all that have one of the `n` devices open; empty if none
 * was seen. NULL if memory ran out. A node that is not there is left out. */
json_t *holders_of(const char *const *devices, size_t n);

/* The same of all of /dev/video*. */
json_t *holders_of_cameras(void);

/* "/dev/video0 is held by cheese (process 4711 of shop)", a line for each with `indent` before it. */
void holders_print(FILE *file, const json_t *holders, const char *indent);

/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stddef.h>
#include <stdint.h>

/* What the preloaded libraries of the control do: they keep what passes through a process that ought to forget it, and
 * leave it in every place that the search has to look at. Nothing of this is ever installed. */

#ifdef __cplusplus
extern "C" {
#endif

/* True if the file that says what to leak names this word. */
int leak_wanted(const char *word);

/* Keeps a copy of an object, once, if everything is to be leaked. `label` says what kind of thing it is: of each, small
 * places get one. May be called by several threads. */
void leak_keep(const char *label, const void *bytes, size_t size);

/* Leaves all that was kept in every place, once, if the file says "everywhere". */
void leak_everywhere(void);

/* A child that lives on with this process's memory as it is now, once for each name, by which it is called. */
void leak_fork(const char *name);

#ifdef __cplusplus
}
#endif

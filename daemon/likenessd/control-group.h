/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "macro.h"

#include <sys/types.h>
#include <systemd/sd-event.h>

/* The control group (cgroup v2) in which all instances behind one socket run, a slice of systemd's: whether any process
 * is left in it or in a group below it, also one that an instance has forked. Read without any privilege. */

typedef struct ControlGroup ControlGroup;

/* Called from the event loop when processes may have come or gone; ask control_group_is_populated(). May free the group. */
typedef void (*ControlGroupHandler)(ControlGroup *g, void *userdata);

/* Watches the group of a directory such as /sys/fs/cgroup/x.slice. -ENOENT if there is no such group, -EPERM if what is
 * there is none. A group that is removed later was empty. */
int control_group_new(
                ControlGroup **ret,
                sd_event *event,
                const char *directory,
                ControlGroupHandler changed,
                void *userdata);
ControlGroup *control_group_free(ControlGroup *g);
DEFINE_CLEANUP(ControlGroup *, control_group_free);

/* 1 if a process is there, 0 if none is or the group was removed, a negative errno if that cannot be told. */
int control_group_is_populated(const ControlGroup *g);
/* The same of a group that is not watched. */
int control_group_populated(const char *directory);

/* 1 if the process is in the group or a group below it, 0 if not (zombies are in none), or a negative errno. */
int control_group_contains(const ControlGroup *g, pid_t pid);

/* To be called when the end is awaited: the kernel may keep back its word that the last process has gone, for 10 ms, and
 * forgets it if the group is removed meanwhile. From now on `changed` is also called without a word of the kernel's, first
 * after 10 ms and then less and less often. */
int control_group_await(ControlGroup *g);

/* Has the kernel end all processes of a group and of those below it, whatever they are doing and whoever's they are. Needs to
 * be allowed to write to its cgroup.kill (Linux 5.14); nothing else is needed. 0 or a negative errno. */
int control_group_kill(const char *directory);

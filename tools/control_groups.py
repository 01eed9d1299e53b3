# SPDX-License-Identifier: Apache-2.0
"""Control groups for the instances of tools/private-bus, as systemd's slices are for those of a terminal."""

import contextlib
import os
import pwd
import shutil
import time

WHOM = ("examiner", "decoder")
REMOVE_SECONDS = 5      # the kernel takes a moment to let go of processes that have ended


def hierarchy():
    """Where control groups (version 2) are mounted; None if nowhere."""
    with open("/proc/self/mounts") as file:
        for line in file:
            words = line.split()
            if words[2] == "cgroup2":
                return words[1]
    return None


def why_not():
    """Why there can be no control groups here, or None."""
    mounted = hierarchy()
    if not mounted:
        return "no control groups (cgroup v2) are mounted"
    if not os.access(mounted, os.W_OK) or os.statvfs(mounted).f_flag & os.ST_RDONLY:
        return f"no control group can be made below {mounted}"
    return None


class ControlGroups:
    """A group for each kind of instance and one for what starts them, from which an unprivileged process may move into
    the others."""

    def __init__(self):
        self.base = f"{hierarchy()}/likeness-private-bus-{os.getpid()}"

    def make(self, user):
        entry = pwd.getpwnam(user)
        for directory in (self.base, *map(self.of, (*WHOM, "activators"))):
            os.mkdir(directory)
            # who moves a process needs the right to write here and in both groups' common parent
            os.chown(directory + "/cgroup.procs", entry.pw_uid, entry.pw_gid)

    def of(self, whom):
        return f"{self.base}/{whom}"

    def enter(self, whom):
        """Moves the calling process."""
        with open(self.of(whom) + "/cgroup.procs", "w") as file:
            file.write("0")

    def entering(self, whom, command):
        """A command that moves itself there before it is what it should be."""
        return [shutil.which("sh", path=os.defpath), "-c", 'echo 0 >"$0/cgroup.procs" && exec "$@"', self.of(whom),
                *command]

    def remove(self):
        """When all processes have ended."""
        deadline = time.monotonic() + REMOVE_SECONDS
        for directory in (*map(self.of, (*WHOM, "activators")), self.base):
            while os.path.isdir(directory):
                with contextlib.suppress(OSError):
                    os.rmdir(directory)
                    break
                if time.monotonic() > deadline:
                    return
                time.sleep(0.01)

# SPDX-License-Identifier: Apache-2.0
"""The private world of tools/private-bus: mounts and users that only its own processes see."""

import ctypes
import os
import pwd

SOURCE = os.path.dirname(os.path.dirname(os.path.realpath(__file__)))
PLACE = "/run/private-bus"
STATE, KEYRING_STATE = PLACE + "/state", PLACE + "/keyring"     # likenessd's, likeness-keyring's
ADDRESS = "unix:path=/run/dbus/system_bus_socket"


class Refused(Exception):
    """The terminal cannot be had; the text says why and what to do."""


# --- what the kernel offers and Python 3.11 does not

LIBC = ctypes.CDLL(None, use_errno=True)
CLONE_NEWNS, CLONE_NEWPID = 0x00020000, 0x20000000
MS_NOSUID, MS_NODEV, MS_NOEXEC, MS_BIND, MS_REC, MS_PRIVATE = 2, 4, 8, 4096, 16384, 1 << 18
PR_SET_PDEATHSIG = 1


def die_with_parent(number):
    """Has the kernel send us this signal when our parent ends."""
    LIBC.prctl(PR_SET_PDEATHSIG, number)


def new_process_namespace():
    """The next child is process 1 of a namespace, and the end of it is the end of all processes in it."""
    checked("cannot make a process namespace", LIBC.unshare(CLONE_NEWPID))


def checked(what, result):
    if result < 0:
        error = ctypes.get_errno()
        raise Refused(f"{what}: {os.strerror(error)} (in a container, that takes --privileged)")


def mount(source, target, kind, flags, data=None):
    checked(f"cannot mount {source} on {target}",
            LIBC.mount(source.encode(), target.encode(), kind.encode(), ctypes.c_ulong(flags),
                       data.encode() if data else None))


def bind(source, target):
    """Makes a file or directory appear at `target`, which is made if it is not there."""
    if os.path.isdir(source):
        os.makedirs(target, exist_ok=True)
    elif not os.path.exists(target):
        os.close(os.open(target, os.O_CREAT | os.O_WRONLY, 0o644))
    mount(source, target, "none", MS_BIND | MS_REC)


# --- the private world: users, files, mounts

def add_users(place):
    """Copies /etc/passwd and /etc/group to `place` and adds the demonstration's users to the copies."""
    with open("/etc/passwd") as file:
        passwd = file.read().rstrip("\n").split("\n")
    with open("/etc/group") as file:
        groups = file.read().rstrip("\n").split("\n")
    used = {int(line.split(":")[2]) for line in passwd + groups if line.count(":") >= 3 and line[0] not in "+-"}
    free = (number for number in range(990, 100, -1) if number not in used)

    def group_id(name):
        for line in groups:
            if line.split(":")[0] == name:
                return line.split(":")[2]
        groups.append(f"{name}:x:{next(free)}:")
        return groups[-1].split(":")[2]

    def add_member(group, name):
        group_id(group)
        for i, line in enumerate(groups):
            if line.split(":")[0] == group:
                groups[i] = line + ("" if line.endswith(":") else ",") + name

    for name, home, shell in (("likeness", "/", "/usr/sbin/nologin"), ("likeness-examiner", "/", "/usr/sbin/nologin"),
                              ("likeness-keyring", "/", "/usr/sbin/nologin"), ("clerk", "/run/clerk", "/bin/sh")):
        if not any(line.split(":")[0] == name for line in passwd):
            gid = group_id(name)
            passwd.append(f"{name}:x:{gid if int(gid) < 1000 else next(free)}:{gid}:Likeness:{home}:{shell}")
    add_member("likeness-operators", "clerk")
    add_member("video", "likeness-examiner")
    for name, lines in (("passwd", passwd), ("group", groups)):
        write(f"{place}/{name}", "\n".join(lines) + "\n")


def write(path, text):
    with open(path, "w") as file:
        file.write(text)
    os.chmod(path, 0o644)


def read(path):
    with open(path) as file:
        return file.read()


def make_world(options):
    """Mounts everything that is private. Paths below PLACE can be reached by the services' users also when the
    checkout lies in a home directory that is closed to them."""
    os.umask(0o022)
    checked("cannot make a mount namespace", LIBC.unshare(CLONE_NEWNS))
    mount("none", "/", "none", MS_REC | MS_PRIVATE)
    mount("proc", "/proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC)

    # A tmpfs beside /run takes what stays visible of the host's, then covers it.
    kept = [path for path in ("/run/udev", "/run/user", "/run/systemd/resolve") if os.path.isdir(path)]
    handles = {path: os.open(path, os.O_PATH | os.O_DIRECTORY) for path in kept}
    mount("tmpfs", "/run", "tmpfs", MS_NOSUID | MS_NODEV, "mode=0755,size=64m")
    for path, handle in handles.items():
        bind(f"/proc/self/fd/{handle}", path)
        os.close(handle)
    for directory in (PLACE, PLACE + "/actions", PLACE + "/rules.d", PLACE + "/no-rules", "/run/dbus", "/run/lock",
                      "/run/likeness", "/run/clerk", "/run/systemd/seats", "/run/systemd/sessions",
                      "/run/systemd/users", "/run/systemd/machines"):
        os.makedirs(directory, exist_ok=True)

    add_users(PLACE)
    write(f"{PLACE}/bus.conf", read(f"{SOURCE}/tools/private-bus.conf")
          .replace("@address@", ADDRESS).replace("@source@", SOURCE))
    write(f"{PLACE}/likenessd.conf", read(options.config))
    write(f"{PLACE}/actions/org.likeness.verifier1.policy", read(f"{SOURCE}/policy/org.likeness.verifier1.policy"))
    write(f"{PLACE}/rules.d/50-likeness-operators.rules", read(f"{SOURCE}/policy/likeness-operators.rules"))
    for source, target in ((PLACE + "/passwd", "/etc/passwd"), (PLACE + "/group", "/etc/group"),
                           (PLACE + "/actions", "/usr/share/polkit-1/actions"),
                           (PLACE + "/rules.d", "/etc/polkit-1/rules.d"),
                           (PLACE + "/no-rules", "/usr/share/polkit-1/rules.d")):
        if not os.path.exists(target):
            raise Refused(f"{target} is missing; run: apt install polkitd (or: make install-packages)")
        bind(source, target)
    bind(options.build, PLACE + "/build")
    if os.path.isdir(options.models):
        bind(os.path.realpath(options.models), PLACE + "/models")
    if os.path.exists(options.manifest):
        bind(os.path.realpath(options.manifest), PLACE + "/manifest")
    for name, clip in options.clips.items():
        bind(clip, f"{PLACE}/{name}.avi")
    clerk = pwd.getpwnam("clerk")
    os.chown("/run/clerk", clerk.pw_uid, clerk.pw_gid)
    for user, directory in (("likeness", STATE), ("likeness-keyring", KEYRING_STATE)):
        os.makedirs(directory, mode=0o700)
        os.chown(directory, pwd.getpwnam(user).pw_uid, pwd.getpwnam(user).pw_gid)

# SPDX-License-Identifier: Apache-2.0
"""A shop's terminal: a container with systemd as its first process, without a network.

Its file system is an overlay on a tree that tools/system-tree made, or on one in which Likeness was installed already,
so what happens in it is gone afterwards. The test's own process is outside: it sees the terminal's files below
`root` and enters its namespaces to run something. Whoever uses this must be in mount and process namespaces of his own
(see harness.py): whatever is left over ends with them.
"""

import json
import os
import re
import secrets
import shutil
import signal
import stat
import subprocess
import sys
import time

sys.path.insert(1, os.path.join(os.path.dirname(os.path.dirname(os.path.realpath(__file__))), "bus"))

import tap

# What no step takes, also on a busy machine.
PATIENCE = 60

PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
CAMERA = "/opt/mock-camera"             # not in /run, /tmp or /var: an examiner sees nothing of those
NAME, OBJECT = "org.likeness.Verifier1", "/org/likeness/Verifier1"


class Refused(Exception):
    """A terminal cannot be had here; the text says why."""


class Failed(Exception):
    """A command did not end as it should have."""


def eventually(condition, seconds=PATIENCE):
    return tap.eventually(condition, seconds)


def read(path, default=None):
    try:
        with open(path, errors="replace") as file:
            return file.read()
    except OSError:
        if default is None:
            raise
        return default


class ControlGroup:
    """One of our own for the container, in each hierarchy that systemd uses: nspawn takes the one that it is in, and two
    containers at a time must not share theirs."""

    def __init__(self, name):
        self.directories = []
        for line in read("/proc/self/cgroup").splitlines():
            number, controllers, path = line.split(":", 2)
            if number != "0" and controllers != "name=systemd":
                continue
            for mount in read("/proc/self/mountinfo").splitlines():
                fields, kind = mount.split(" - ")
                here = fields.split()[4]
                if kind.split()[0] == ("cgroup2" if number == "0" else "cgroup") and \
                        (number == "0" or "name=systemd" in kind):
                    self.add(f"{here}{path.rstrip('/')}/{name}")
                    break

    def add(self, directory):
        try:
            os.makedirs(directory, exist_ok=True)
            self.directories.append(directory)
        except OSError:
            pass                        # nspawn will say what it does not like about that

    def enter(self):
        for directory in self.directories:
            with open(directory + "/cgroup.procs", "w") as file:
                file.write("0")

    def remove(self):
        for directory in self.directories:
            for path, _, _ in os.walk(directory, topdown=False):
                try:
                    os.rmdir(path)
                except OSError:
                    pass


class Terminal:
    """lower: the trees below, the uppermost first. scratch: an empty directory, for what is written."""

    def __init__(self, scratch, *lower, name="likeness-test"):
        self.name = f"{name}-{os.getpid()}-{secrets.token_hex(3)}"
        self.mount, self.upper = scratch + "/root", scratch + "/upper"
        self.console = scratch + "/console"
        for directory in (self.mount, self.upper, scratch + "/work"):
            os.makedirs(directory)
        subprocess.run(["mount", "-t", "overlay", "overlay", "-o",
                        f"lowerdir={':'.join(lower)},upperdir={self.upper},workdir={scratch}/work", self.mount],
                       check=True)
        self.leader = self.nspawn = None
        self.cgroup = ControlGroup(self.name)

    # --- on and off

    def boot(self):
        """Returns when systemd says that all is started."""
        environment = {**os.environ, "SYSTEMD_NSPAWN_UNIFIED_HIERARCHY": "1", "SYSTEMD_LOG_TARGET": "console"}
        with open(self.console, "ab") as console:
            # With the unified hierarchy and bpf() DeviceAllow= is in force. Locking memory is what any service may.
            self.nspawn = subprocess.Popen(
                ["systemd-nspawn", "--quiet", "--directory=" + self.mount, "--boot", "--register=no", "--keep-unit",
                 "--machine=" + self.name, "--console=pipe", "--system-call-filter=bpf @memlock", "--private-network",
                 "--link-journal=no", "--resolv-conf=off", "--timezone=off"],
                stdin=subprocess.DEVNULL, stdout=console, stderr=console, env=environment,
                preexec_fn=self.cgroup.enter)
        deadline = time.monotonic() + PATIENCE
        while self.state() not in ("running", "degraded"):
            if self.nspawn.poll() is not None or time.monotonic() > deadline:
                said = read(self.console, "").strip()[-2000:]
                self.kill()
                raise Refused("systemd-nspawn does not boot: " + said)
            time.sleep(0.02)
        return self

    def state(self):
        if self.leader is None:
            children = read(f"/proc/{self.nspawn.pid}/task/{self.nspawn.pid}/children", "").split()
            self.leader = next((int(pid) for pid in children if read(f"/proc/{pid}/comm", "") == "systemd\n"), None)
        if self.leader is None:
            return None
        return self.run("root", "systemctl", "is-system-running", check=False).stdout.strip()

    def ended(self):
        self.nspawn.wait(PATIENCE)
        self.leader = self.nspawn = None

    def reboot(self):
        """As an administrator does it."""
        self.run("root", "systemctl", "reboot")
        self.ended()
        return self.boot()

    def power_off(self):
        self.run("root", "systemctl", "poweroff")
        self.ended()

    def pull_the_plug(self):
        """All at once, without a word to anybody."""
        self.kill()

    def kill(self):
        if self.nspawn:
            if self.leader:
                try:
                    os.kill(self.leader, signal.SIGKILL)
                except ProcessLookupError:
                    pass
            self.nspawn.kill()
            self.ended()

    def close(self):
        """Ends it and gives back what it held; the scratch directory is the caller's to remove."""
        self.kill()
        subprocess.run(["umount", "--lazy", self.mount], check=False)
        self.cgroup.remove()

    # --- as somebody in it

    @property
    def root(self):
        """Its file system as it sees it itself, with what is mounted there."""
        return f"/proc/{self.leader}/root"

    def command(self, user, *command, environment=None):
        """What runs a command in it from outside."""
        become = [] if user == "root" else ["setpriv", "--reuid", user, "--regid", str(self.identity(user)[1]),
                                            "--init-groups", "--"]
        home = "/root" if user == "root" else f"/home/{user}"
        more = [f"{key}={value}" for key, value in (environment or {}).items()]
        return ["nsenter", "--target", str(self.leader), "--all", "env", "--ignore-environment", f"PATH={PATH}",
                f"HOME={home}", f"USER={user}", "LANG=C.UTF-8", *more, *become, *command]

    def run(self, user, *command, check=True, input=None, timeout=PATIENCE, environment=None):
        """Runs a command as somebody; `stdout`, `stderr` (texts) and `returncode`. Raises Failed if it fails."""
        try:
            done = subprocess.run(self.command(user, *command, environment=environment), text=True, errors="replace",
                                  timeout=timeout, capture_output=True,
                                  **({"input": input} if input is not None else {"stdin": subprocess.DEVNULL}))
        except subprocess.TimeoutExpired:
            raise Failed(f"{' '.join(command)}: not done after {timeout} s")
        if check and done.returncode != 0:
            raise Failed(f"{' '.join(command)}: status {done.returncode}\n{done.stdout}{done.stderr}")
        return done

    def shell(self, user, script, **more):
        return self.run(user, "sh", "-c", script, **more)

    def start(self, user, *command, **more):
        """The same, not waiting for its end: a subprocess.Popen."""
        return subprocess.Popen(self.command(user, *command), text=True, stdin=subprocess.DEVNULL,
                                stdout=subprocess.PIPE, stderr=subprocess.PIPE, **more)

    # --- files

    def path(self, path):
        """Where the test finds a file of the terminal, also while it is off."""
        return (self.root if self.leader else self.mount) + path

    def read(self, path):
        return read(self.path(path))

    def write(self, path, text, mode=0o644):
        os.makedirs(os.path.dirname(self.path(path)), exist_ok=True)
        with open(self.path(path), "w") as file:
            file.write(text)
        os.chmod(self.path(path), mode)

    def copy(self, source, path, mode=0o644):
        """A file of the test's into the terminal."""
        os.makedirs(os.path.dirname(self.path(path)), exist_ok=True)
        shutil.copyfile(source, self.path(path))
        os.chmod(self.path(path), mode)

    def exists(self, path):
        return os.path.lexists(self.path(path))

    def files(self, top="/", other=("/proc", "/sys", "/dev")):
        """All files and directories: path → (mode, uid, gid, size of a file, target of a link). Mounted file systems
        as well, but those that are the kernel's."""
        base, found = self.path(""), {}
        for directory, directories, names in os.walk(base + top):
            here = directory[len(base):].replace("//", "/")
            directories[:] = [name for name in directories if f"{here.rstrip('/')}/{name}" not in other]
            for name in directories + names:
                path = f"{here.rstrip('/')}/{name}"
                try:
                    about = os.lstat(f"{base}{path}")
                    link = os.readlink(f"{base}{path}") if stat.S_ISLNK(about.st_mode) else None
                except FileNotFoundError:
                    continue
                size = about.st_size if stat.S_ISREG(about.st_mode) else None
                found[path] = (stat.filemode(about.st_mode), about.st_uid, about.st_gid, size, link)
        return found

    def identity(self, user):
        """A user's number and that of his group."""
        for line in self.read("/etc/passwd").splitlines():
            fields = line.split(":")
            if fields[0] == user:
                return int(fields[2]), int(fields[3])
        raise Failed(f"there is no user {user}")

    # --- services

    def journal(self, *options):
        """The journal's entries as dictionaries, with journalctl's options (for instance "--unit=likenessd.service")."""
        done = self.run("root", "journalctl", "--no-pager", "--output=json", "--all", *options)
        return [json.loads(line) for line in done.stdout.splitlines()]

    def messages(self, *options):
        return [str(entry.get("MESSAGE")) for entry in self.journal(*options)]

    def show(self, unit, name):
        """One of a unit's properties."""
        return self.run("root", "systemctl", "show", "--property=" + name, "--value", unit).stdout.strip()

    def pid(self, unit="likenessd.service"):
        """Of a service's main process, inside; None if it does not run."""
        return int(self.show(unit, "MainPID")) or None

    def outside(self, pid):
        """A process of the terminal as the test sees it, or None. (Its last NSpid is what it is called inside.)"""
        for entry in filter(str.isdigit, os.listdir("/proc")):
            numbers = re.search(r"^NSpid:(.*)$", read(f"/proc/{entry}/status", ""), re.MULTILINE)
            if numbers and numbers.group(1).split()[-1] == str(pid) and len(numbers.group(1).split()) > 1 and \
                    os.path.exists(f"/proc/{entry}/root") and self.is_inside(entry):
                return int(entry)
        return None

    def is_inside(self, pid):
        try:
            return os.readlink(f"/proc/{pid}/ns/pid") == os.readlink(f"/proc/{self.leader}/ns/pid")
        except OSError:
            return False

    def processes(self, group=""):
        """The processes of a control group and those below it ("system.slice/likenessd.service"), outside's numbers."""
        found = []
        top = next(d for d in self.cgroup.directories if os.path.exists(d + "/cgroup.events")) + "/payload/"
        for directory, _, _ in os.walk(top + group):
            found += read(directory + "/cgroup.procs", "").split()
        return [int(pid) for pid in found]

    def populated(self, group):
        """Whether the kernel says that there is a process in a control group; None if there is no such group."""
        top = next(d for d in self.cgroup.directories if os.path.exists(d + "/cgroup.events")) + "/payload/"
        events = read(f"{top}{group}/cgroup.events", "")
        return "populated 1" in events if events else None

    def drop_in(self, unit, text, name="50-test.conf"):
        """Further settings of a unit; in effect when it is started the next time."""
        self.write(f"/etc/systemd/system/{unit}.d/{name}", text)
        self.run("root", "systemctl", "daemon-reload")

    def no_drop_in(self, unit, name="50-test.conf"):
        os.unlink(self.path(f"/etc/systemd/system/{unit}.d/{name}"))
        self.run("root", "systemctl", "daemon-reload")

    def sandboxed(self, unit, program, *arguments, at="/usr/libexec/likeness/probe", timeout=PATIENCE):
        """Runs a program of the test's with a unit's settings and returns what it wrote to its descriptor 3, a connected
        socket, until it ended. The unit's own text is used, without ExecStart= and what says how it is started, as the
        instance of a socket (which the unit may have been before). The program gets the unit's capability set, mounts,
        users, filters, limits and slice; at `at` it is found in the sandbox."""
        self.copy(program, at, mode=0o755)
        own = self.run("root", "systemctl", "cat", unit).stdout
        kept = [line for line in own.splitlines()
                if not re.match(r"(ExecStart|ExecReload|Type|BusName|Restart|RestartSec|WatchdogSec|Sockets|WantedBy|Also|"
                                r"Alias|RefuseManualStart|Wants|Requires|After)=", line)]
        quoted = " ".join(json.dumps(word) for word in (at, *arguments))
        self.write("/etc/systemd/system/probe@.service",
                   "\n".join(kept).replace("[Service]", f"[Service]\nType=simple\nExecStart={quoted}", 1) + "\n")
        self.write("/etc/systemd/system/probe.socket", "[Socket]\nListenStream=/run/probe.sock\nAccept=yes\n")
        self.run("root", "systemctl", "daemon-reload")
        self.run("root", "systemctl", "restart", "probe.socket")
        try:
            return self.ask("/run/probe.sock", timeout)
        finally:
            self.run("root", "systemctl", "stop", "probe.socket")
            for name in ("probe@.service", "probe.socket"):
                os.unlink(self.path("/etc/systemd/system/" + name))
            self.run("root", "systemctl", "daemon-reload")

    def ask(self, path, timeout=PATIENCE):
        """All that somebody behind a socket of the terminal has to say."""
        import socket

        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
            connection.settimeout(timeout)
            connection.connect(self.path(path))
            said = b""
            while True:
                more = connection.recv(65536)
                if not more:
                    return said.decode(errors="replace")
                said += more

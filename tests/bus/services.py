# SPDX-License-Identifier: Apache-2.0
"""The private terminal's services as the tests see them from inside: processes, descriptors, memory, files."""

import contextlib
import os
import pwd
import signal
import socket
import subprocess
import time

import harness
from harness import CLIP, PLACE, eventually


def identity(user):
    return pwd.getpwnam(user).pw_uid


def arguments(pid):
    try:
        with open(f"/proc/{pid}/cmdline", "rb") as file:
            return file.read().decode(errors="replace").split("\0")[:-1]
    except OSError:
        return []


def processes(program):
    """The process ids of a program; nothing of those that have ended and wait to be reaped."""
    found = []
    for entry in os.listdir("/proc"):
        words = arguments(entry) if entry.isdigit() else []
        if words and os.path.basename(words[0]) == program:
            found.append(int(entry))
    return found


def likenessd():
    return next(iter(processes("likenessd")), None)


def polkitd():
    return next(iter(processes("polkitd")), None)


def instances(decoder=None, program="likeness-examiner"):
    """Examiners, decoders, or (None) both."""
    return [pid for pid in processes(program) if decoder is None or ("--decode" in arguments(pid)) == decoder]


def wait_idle():
    """Between tests: nothing of the one before may be left over."""
    running = lambda: instances() + instances(program="hostile-examiner")
    if not eventually(lambda: not running(), 10):
        raise AssertionError(f"examiners are left over: {running()}")


def signal_process(pid, number):
    """False if it was gone before."""
    try:
        os.kill(pid, number)
        return True
    except ProcessLookupError:
        return False


def pictures_open(pid=None):
    """The memfds that a process has open: pictures cannot be anything else."""
    pid = pid or likenessd()
    found = []
    for fd in os.listdir(f"/proc/{pid}/fd"):
        with contextlib.suppress(FileNotFoundError):
            target = os.readlink(f"/proc/{pid}/fd/{fd}")
            if "memfd:" in target:
                found.append(target)
    return found


def pictures_staying():
    """Those that are still open a moment after an error was told: a message, and what came with it, is let go of right
    after its answer."""
    eventually(lambda: not pictures_open(), 2)
    return pictures_open()


def descriptors(pid=None):
    return len(os.listdir(f"/proc/{pid or likenessd()}/fd"))


def memory(field, pid=None):
    """VmRSS, VmHWM …, in KiB."""
    with open(f"/proc/{pid or likenessd()}/status") as file:
        for line in file:
            if line.startswith(field + ":"):
                return int(line.split()[1])
    raise AssertionError(f"no {field}")


def has_sanitizer(pid=None):
    """With AddressSanitizer a process's memory tells nothing: freed blocks are kept back."""
    with open(f"/proc/{pid or likenessd()}/maps") as file:
        return "libasan" in file.read()


def reset_peak(pid=None):
    with open(f"/proc/{pid or likenessd()}/clear_refs", "w") as file:
        file.write("5")


def mount(source, target):
    subprocess.run(["mount", "--bind", source, target], check=True)


@contextlib.contextmanager
def instead(target, source):
    """Another file or directory in the place of one that the services use."""
    mount(source, target)
    try:
        yield
    finally:
        # lazily: one that was just killed may not have closed its files yet
        subprocess.run(["umount", "--lazy", target], check=True)


def clip(path):
    """Another recording in front of the camera."""
    return instead(CLIP, path)


def log():
    with open(os.environ["LIKENESS_LOG"], errors="replace") as file:
        return file.read()


@contextlib.contextmanager
def stopped(pid):
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        signal_process(pid, signal.SIGCONT)


class Daemon:
    """likenessd as a child of the test, in the place and with the arguments of the terminal's own. `environment` is added
    to its own, and `stderr` can be in the place of the log."""

    def __init__(self, environment={}, stderr=None):
        pid = likenessd()
        self.stderr = stderr
        self.arguments = arguments(pid)
        with open(f"/proc/{pid}/environ", "rb") as file:
            self.environment = dict(word.split("=", 1) for word in file.read().decode().split("\0") if "=" in word)
        self.environment.update(environment)
        self.start()

    def start(self):
        import client

        pid = likenessd()
        if pid:
            os.kill(pid, signal.SIGTERM)
            if not eventually(lambda: likenessd() != pid, 10):
                raise AssertionError("likenessd does not end")
        entry = pwd.getpwnam("likeness")
        with open(os.environ["LIKENESS_LOG"], "a") as file:
            self.process = subprocess.Popen(self.arguments, env=self.environment, stdin=subprocess.DEVNULL,
                                            stdout=file, stderr=self.stderr or file, user=entry.pw_uid,
                                            group=entry.pw_gid, extra_groups=[])
        caller = client.Client("root")
        if not eventually(lambda: caller.owner(harness.NAME), 20):
            raise AssertionError("likenessd does not start again")
        caller.close()


def manager_socket(kind=0):
    """What a service manager listens on for a daemon's words, and its path: one of its own for each test, as the daemon
    of the test before may still have something to say."""
    path = f"{PLACE}/notify-{time.monotonic_ns()}"
    manager = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | kind)
    manager.bind(path)
    os.chmod(path, 0o666)
    return manager, path


def owned(name):
    """Whether anybody owns a name of the bus."""
    import client

    caller = client.Client("root", listen=False)
    owner = caller.owner(name)
    caller.close()
    return owner


def start_polkitd():
    """After the terminal's own was killed."""
    program = next(path for path in ("/usr/lib/polkit-1/polkitd", "/usr/libexec/polkitd", "/usr/lib/polkitd")
                   if os.path.exists(path))
    subprocess.Popen([program, "--no-debug"], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                     stderr=subprocess.DEVNULL, start_new_session=True)
    if not eventually(lambda: owned("org.freedesktop.PolicyKit1"), 20):
        raise AssertionError("polkitd does not start again")


def wait_log(text, since=0, seconds=harness.PATIENCE):
    return eventually(lambda: text in log()[since:], seconds)


def random_moments(count, longest, seed):
    """Moments of a check, in seconds, spread over it, always the same ones."""
    import random

    source = random.Random(seed)
    return [longest * (i + source.random()) / count for i in range(count)]

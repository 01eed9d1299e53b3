# SPDX-License-Identifier: Apache-2.0
"""The terminal that the tests run on: a virtual machine with Debian's kernel, where the clerk sits at the counter.

The tests are in it, as root. What tests/system has for a shop in a container is the same here; only that nobody has to
be entered."""

import os
import shutil
import struct
import subprocess
import time
import zlib

import harness
import shop
import terminal
from shop import CONFIGURATION, Shop
from terminal import PATH, PATIENCE, read

SHARED = os.environ["LIKENESS_TEST_SHARED"]
GROUPS = "/sys/fs/cgroup/"
EXAMINER = "/usr/libexec/likeness/camera-examiner"
MODELS = "/usr/share/likeness/models"
PORTRAIT = "/home/{}/portrait.png"

# These tests make more checks than there are customers in an hour.
LIMITS = "[Limits]\nTerminalAttemptsPerHour=1000\nOperatorAttemptsPerHour=1000\n\n"

# A machine that is emulated takes its time.
SLOW = 3 * PATIENCE


def eventually(condition, seconds=PATIENCE):
    """As terminal.eventually(), but it looks less often: here looking is what takes time."""
    return terminal.tap.eventually(condition, seconds, pause=0.1)


terminal.eventually = shop.eventually = eventually


def portrait(width=160, height=200):
    """A picture, as PNG; nobody will look at it."""
    def part(name, content):
        return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))

    rows = b"".join(b"\0" + bytes(range(40, 40 + width)) for _ in range(height))
    return b"\x89PNG\r\n\x1a\n" + part(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)) + \
        part(b"IDAT", zlib.compress(rows)) + part(b"IEND", b"")


class Machine(Shop):
    """The clerk is the one at seat0, in the session that its terminal began by itself; a visitor has no session."""
    root = ""

    def __init__(self):
        self.session = None

    def path(self, path):
        return path

    def command(self, user, *command, environment=None):
        more = [f"{key}={value}" for key, value in (environment or {}).items()]
        name, _, where = user.partition("@")        # "clerk@nowhere": not at the counter
        if name == "root":
            return ["env", "--ignore-environment", f"PATH={PATH}", "HOME=/root", "USER=root", "LANG=C.UTF-8", *more,
                    *command]
        become = ["setpriv", "--reuid", name, "--regid", str(self.identity(name)[1]), "--init-groups", "--"]
        seated = ["sh", "-c", f"echo $$ >{self.session_group()}/cgroup.procs && exec \"$@\"", "-"] \
            if (name, where) == ("clerk", "") else []
        return ["env", "--ignore-environment", f"PATH={PATH}", f"HOME=/home/{name}", f"USER={name}", "LANG=C.UTF-8", *more,
                *seated, *become, *command]

    def seat_session(self):
        """The one that is at the screen when it is asked for first."""
        if not self.session:
            self.session = eventually(lambda: subprocess.run(
                ["loginctl", "show-seat", "--property=ActiveSession", "--value", "seat0"],
                capture_output=True, text=True).stdout.strip(), SLOW)
        return self.session

    def session_group(self):
        """The control group of that session: whoever is in it is of the session."""
        return f"{GROUPS}user.slice/user-{self.identity('clerk')[0]}.slice/session-{self.seat_session()}.scope"

    def set_up(self, configuration=CONFIGURATION, examiner_options=""):
        """With an examiner that has a script (scripted-vision.c)."""
        for user in ("clerk", "visitor"):
            with open(PORTRAIT.format(user), "wb") as file:
                file.write(portrait())
        shutil.copy(SHARED + "/camera-examiner", EXAMINER)
        self.scripted(0)
        self.drop_in("likeness-examiner@.service",
                     f"[Service]\nExecStart=\nExecStart={EXAMINER} --models={MODELS} {examiner_options}\n")
        self.configure(configuration)
        return self

    def configure(self, text):
        self.write("/etc/likeness/likeness.conf", text.replace("[Verification]", LIMITS + "[Verification]"))
        self.run("root", "systemctl", "restart", "likenessd.service", timeout=SLOW)

    def scripted(self, frames):
        """From now on an examiner is sure of the right person after so many frames, or (0) never sees a face."""
        self.write("/etc/likeness/examiner-script", f"{frames}\n")

    def arguments(self, user="clerk", **more):
        return super().arguments(user, **{"reference": PORTRAIT.format(user.partition("@")[0]), **more})

    def processes(self, group=""):
        found = []
        for directory, _, _ in os.walk(GROUPS + group):
            found += read(directory + "/cgroup.procs", "").split()
        return [int(pid) for pid in found]

    def populated(self, group):
        events = read(f"{GROUPS}{group}/cgroup.events", "")
        return "populated 1" in events if events else None

    def holders(self, node):
        """The processes that have a device open."""
        number, found = os.stat(node).st_rdev, []
        for pid in filter(str.isdigit, os.listdir("/proc")):
            try:
                if any(os.stat(f"/proc/{pid}/fd/{fd}").st_rdev == number for fd in os.listdir(f"/proc/{pid}/fd")):
                    found.append(int(pid))
            except OSError:
                pass
        return found

    def load(self, module, *options):
        """Returns when udev has seen what came with it."""
        self.run("root", "modprobe", module, *options)
        self.run("root", "udevadm", "settle")

    def unload(self, *modules):
        for module in modules:
            self.run("root", "modprobe", "--remove", module, check=False)
        self.run("root", "udevadm", "settle")

    def close(self):
        """As it was: the next class begins on the same machine."""
        for unit in ("likenessd.service", *[f"likeness-{name}@.service" for name in ("examiner", "decoder", "keyring")]):
            shutil.rmtree(f"/etc/systemd/system/{unit}.d", ignore_errors=True)
        self.run("root", "systemctl", "daemon-reload")
        self.unload("vivid", "v4l2loopback")


class TestCase(harness.TestCase):
    """`prepare` may be replaced; without that there is no camera, and likenessd is as it was installed."""

    @classmethod
    def prepare(cls):
        cls.shop.set_up()
        cls.shop.wait_served(SLOW)

    def setUp(self):
        self.began = f"@{int(time.time())}"

    def tearDown(self):
        """Of a test that failed the journal is part of what is said."""
        if self._outcome.result.problems:
            self._outcome.result.problems.append("\n".join(self.shop.messages(
                "--since=" + self.began, "_TRANSPORT=journal", "_TRANSPORT=stdout", "_TRANSPORT=syslog")))

    @classmethod
    def setUpClass(cls):
        cls.shop = Machine()
        try:
            cls.prepare()
        except BaseException:
            cls.shop.close()
            raise

# SPDX-License-Identifier: Apache-2.0
"""The sandbox in force: from inside of each unit, with its own settings, a probe (probe.c) tries to open the network,
to write files, to print to the journal, to open others' devices and state, to trace, to fork, to map memory that is
written and executed, to reach the bus, to gain privileges and to change the machine. What it could do must be exactly
what POSSIBLE says. Then settings are taken away, and that must show: a table that always holds would show nothing."""

import json
import os
import re

from harness import BUILD, TestCase
from terminal import eventually

BUILT = BUILD + "/tests/system/probe"
PROGRAM, SETUID = "/usr/libexec/likeness/probe", "/usr/libexec/likeness/probe-setuid"
MARKER = "likeness-probe-4e1f"

# What any user of the machine may write to is told from the rest by signatures: the journal of receipts.
# A program in memory, in a file of the kernel's without a name, which MemoryDenyWriteExecute= knows nothing of: who
# hands pictures or keys on needs such files.
LIKENESSD = {
    "socket-unix", "connect-bus", "connect-examiner", "connect-decoder", "connect-keyring", "journal",
    "journal-of-receipts", "print-output", "print-error", "write-ledger", "read-ledger", "see-others",
    "see-the-machine", "execute-memory-file",
}
# Of its own user there are other helpers only, which let nobody look into them: process_leave_no_trace().
KEYRING = {
    "read-environment", "read-memory-file",
    "socket-unix", "journal", "journal-of-receipts", "print-output", "print-error", "write-keyring", "read-keyring",
    "signal-another", "execute-memory-file",
}
COURIER = {
    "socket-unix", "journal", "journal-of-receipts", "print-output", "print-error", "write-courier", "read-ledger",
    "read-courier", "see-the-machine", "execute-memory-file",
}
# Root, for a moment, once. The group of processes is bounded by TasksMax= only, which containers may not have.
KEY_SETUP = {
    "print-output", "print-error", "write-/etc/credstore.encrypted", "write-/var/lib/systemd", "write-own-oom-score",
    "read-keyring", "read-credential", "read-host-key", "read-shadow", "see-others", "execute-memory-file",
    "have-capabilities", "setuid-program",
}
POSSIBLE = {
    "likenessd.service": LIKENESSD,
    "likeness-examiner@.service": set(),        # and a camera
    "likeness-decoder@.service": set(),
    "likeness-keyring@.service": KEYRING,
    "likeness-courier.service": COURIER,
    "likeness-key-setup.service": KEY_SETUP,
}

# What becomes possible when settings are taken away (patterns of whole lines; each stands for at least one) or others
# are put in their place. Most things are refused by more than one of them.
FILTER, FAMILIES = "SystemCall(Filter|ErrorNumber)=.*", "RestrictAddressFamilies=.*"
READ_ONLY = ("ProtectSystem=.*", "ReadOnlyPaths=.*")
DEVICE_POLICY = ("DevicePolicy=.*", "ProtectClock=.*")
LOCAL = ("RestrictAddressFamilies=AF_UNIX", "SystemCallFilter=socket connect")


def weaker_examiners(unit, more_devices):
    return [(unit, *setting) for setting in (
        (["User=.*"], [], ["setuid-program", "read-shadow"]),
        (["StandardOutput=null"], ["StandardOutput=journal"], ["print-output"]),
        (["StandardError=null"], ["StandardError=journal"], ["print-error"]),
        ([FAMILIES, FILTER], [], ["socket-inet", "socket-inet6", "socket-netlink", "socket-unix"]),
        ([FAMILIES, "TemporaryFileSystem=.*"], LOCAL, ["connect-bus"]),
        ([FAMILIES, "TemporaryFileSystem=.*"], [*LOCAL, "SystemCallFilter=@network-io"], ["journal"]),
        ([*READ_ONLY, "TemporaryFileSystem=.*"], ["UMask=0"], ["write-/tmp", "write-/var/tmp",
                                                              "write-/var/crash"]),
        (["InaccessiblePaths=.*", *READ_ONLY], [], ["write-/dev/shm", "write-/dev/mqueue"]),
        (["ProtectHome=.*"], [], ["read-home"]),
        ([*DEVICE_POLICY, *more_devices], [], ["device-fuse", "device-memory"]),
        (["ProcSubset=.*"], [], ["see-the-machine"]),
        (["ProtectProc=.*"], [], ["see-others"]),
        ([FILTER], [], ["trace-child", "io-uring", "signal-another"]),
        ([FILTER, "RestrictNamespaces=.*"], [], ["namespace-user"]),
        ([FILTER, "LockPersonality=.*"], [], ["personality"]),
        (["MemoryDenyWriteExecute=.*"], [], ["map-write-execute", "make-executable", "make-write-execute"]),
        (["CapabilityBoundingSet=.*"], [], ["have-capabilities"]),
        (["LimitCORE=.*"], [], ["dump-core"]),
        (["LimitNPROC=.*"], [], ["fork-many"]),
    )]


WEAKER = [
    *weaker_examiners("likeness-examiner@.service", ("DeviceAllow=.*",)),
    *weaker_examiners("likeness-decoder@.service", ("PrivateDevices=.*",)),
    *[(unit, *setting) for unit in ("likenessd.service", "likeness-keyring@.service", "likeness-courier.service")
      for setting in (
          ([FAMILIES], [], ["socket-inet", "socket-inet6", "socket-netlink"]),
          (["ReadOnlyPaths=/run /tmp /var/tmp"], [], ["write-/tmp", "write-/var/tmp"]),
          (["InaccessiblePaths=-/dev/shm.*"], [], ["write-/dev/shm"]),
          (["ProtectSystem=.*"], [], ["write-/var/crash"]),
          (["ProtectHome=.*"], [], ["read-home"]),
          (["PrivateDevices=.*", "DevicePolicy=.*"] + ([] if unit == "likenessd.service" else ["ProtectClock=.*"]), [],
           ["device-fuse", "device-memory"]),
          ([FILTER], [], ["trace-child", "io-uring", "signal-another"]),
          ([FILTER, "RestrictNamespaces=.*"], [], ["namespace-user"]),
          (["MemoryDenyWriteExecute=.*"], [], ["map-write-execute", "make-executable"]),
          (["CapabilityBoundingSet=.*"], [], ["have-capabilities"]),
          (["LimitCORE=.*"], [], ["dump-core"]),
          (["LimitNPROC=.*"], [], ["fork-many"]),
      )],
    ("likenessd.service", ["SystemCallFilter=~kill.*"], [], ["signal-another"]),
    ("likenessd.service", ["InaccessiblePaths=.*"], [], ["read-courier"]),
    ("likeness-keyring@.service", [FILTER], [], ["read-memory", "trace"]),
    ("likeness-keyring@.service", ["InaccessiblePaths=.*"], [], ["connect-bus"]),
    ("likeness-courier.service", ["SystemCallFilter=~kill.*"], [], ["signal-another"]),
    ("likeness-courier.service", ["InaccessiblePaths=-/run/likeness.*"], [], ["connect-bus", "connect-keyring"]),
    ("likeness-key-setup.service", ["InaccessiblePaths=-/var/lib/likeness.*"], [], ["read-ledger"]),
    ("likeness-key-setup.service", ["SystemCallFilter=~kill.*"], [], ["signal-another"]),
    ("likeness-key-setup.service", ["ProtectSystem=.*"], [], ["write-/etc", "write-/usr"]),
    ("likeness-key-setup.service", [FAMILIES], [], ["socket-unix", "socket-inet"]),
    ("likeness-key-setup.service", ["CapabilityBoundingSet=.*", FILTER, "ProtectHostname=.*"], [], ["set-host-name"]),
]

# As if each were there: without a driver the kernel says so to who may open it, after it has asked the unit's policy.
DEVICES = {
    "video0": ("c", 81, 0, 0o660, "video"),
    "mem": ("c", 1, 1, 0o666, "root"),
    "kmsg": ("c", 1, 11, 0o666, "root"),
    "fuse": ("c", 10, 229, 0o666, "root"),
    "uinput": ("c", 10, 223, 0o666, "root"),
    "tty1": ("c", 4, 1, 0o666, "root"),
    "vda": ("b", 253, 0, 0o666, "root"),
}


def driver_is_there():
    """DeviceAllow=char-video4linux means nothing before the kernel has a driver of that name."""
    with open("/proc/devices") as file:
        return "video4linux" in file.read()


class Sandbox(TestCase):
    @classmethod
    def prepare(cls):
        shop = cls.shop
        shop.set_up()
        shop.wait_served()
        shop.run("root", "systemctl", "start", "likeness-courier.service")
        shop.copy(BUILT, PROGRAM, mode=0o755)
        shop.copy(BUILT, SETUID, mode=0o4755)
        for path in ("/root/secret", "/home/clerk/secret"):
            shop.write(path, "secret\n")
        shop.shell("root", "chmod 0755 /home/clerk; mkdir -p /var/crash; chmod 1777 /var/crash")
        for name, (kind, major, minor, mode, group) in DEVICES.items():
            path = shop.path("/dev/" + name)
            if not os.path.exists(path):
                os.mknod(path, mode | (0o060000 if kind == "b" else 0o020000), os.makedev(major, minor))
                os.chmod(path, mode)
                shop.run("root", "chgrp", group, "/dev/" + name)
        eventually(lambda: shop.exists("/var/lib/likeness/courier/position"), 10)
        cls.victims = {}

    def probe(self, *variants):
        """For each (unit, lines of its [Service], attempts; all of them if there are none) what is possible, as a
        dictionary. The units differ from the real one in what they start, and how."""
        for number, (unit, lines, only) in enumerate(variants):
            words = [PROGRAM, f"--victim={self.victim(lines)}", f"--setuid={SETUID}", f"--marker={self.marker()}", *only]
            self.shop.write(f"/run/systemd/system/probe-{number}@.service", "\n".join([
                "[Unit]", "CollectMode=inactive-or-failed", "[Service]", "Type=simple",
                "ExecStart=" + " ".join(json.dumps(word) for word in words), *lines, ""]))
            self.shop.write(f"/run/systemd/system/probe-{number}.socket",
                            f"[Socket]\nListenStream=/run/probe-{number}.sock\nAccept=yes\n")
        sockets = [f"probe-{number}.socket" for number in range(len(variants))]
        self.shop.run("root", "systemctl", "daemon-reload")
        self.shop.run("root", "systemctl", "restart", *sockets)
        try:
            return [self.understood(self.shop.ask(f"/run/probe-{number}.sock")) for number in range(len(variants))]
        finally:
            self.shop.run("root", "systemctl", "stop", *sockets)

    def understood(self, said):
        lines = [line.split() for line in said.splitlines()]
        self.assertEqual(lines[-1:], [["end"]], said)
        self.assertEqual([line for line in lines[:-1] if line[1] not in ("yes", "no")], [])
        return {line[0]: line[1] == "yes" for line in lines[:-1]}

    def lines_of(self, unit):
        """The settings of its [Service], but for what is started and how."""
        text = self.shop.run("root", "systemctl", "cat", unit).stdout.split("[Service]", 1)[1]
        return [line for line in text.split("[Install]")[0].splitlines() if re.match(r"[A-Z]\w+=", line)
                and not re.match(r"(ExecStart|ExecReload|Type|BusName|Restart\w*|WatchdogSec)=", line)]

    def victim(self, lines):
        """A process of the same user outside of the unit, for as long as the terminal is there."""
        user = next((line.split("=")[1] for line in lines if line.startswith("User=")), "root")
        if user not in self.victims:
            process = self.shop.start(user, "sleep", "infinity")
            self.victims[user] = self.number_inside(process.pid), process
        return self.victims[user][0]

    def number_inside(self, pid):
        """Of the process that nsenter has made of itself, or has started."""
        def find():
            with open(f"/proc/{pid}/task/{pid}/children") as file:
                for number in [str(pid), *file.read().split()]:
                    with open(f"/proc/{number}/status") as status:
                        numbers = re.search(r"^NSpid:(.*)$", status.read(), re.MULTILINE)[1].split()
                    with open(f"/proc/{number}/comm") as name:
                        if name.read() == "sleep\n" and len(numbers) > 1:
                            return numbers[-1]
            return None

        found = eventually(find, 10)
        self.assertTrue(found)
        return found

    @classmethod
    def tearDownClass(cls):
        for number, process in cls.victims.values():
            cls.shop.run("root", "kill", number)
            process.communicate()
        super().tearDownClass()

    def expected(self, unit):
        more = set()
        if unit == "likeness-examiner@.service" and driver_is_there():
            more.add("device-camera")
        if unit == "likeness-key-setup.service" and not self.counts_tasks():
            more.add("fork-many")
        return POSSIBLE[unit] | more

    def counts_tasks(self):
        return "pids" in self.shop.read("/sys/fs/cgroup/cgroup.controllers").split()

    def holds(self, unit):
        tried, = self.probe((unit, self.lines_of(unit), ()))
        self.assertGreater(len(tried), 100)
        self.assertLessEqual(POSSIBLE[unit], tried.keys())
        self.assertEqual({name for name, possible in tried.items() if possible}, self.expected(unit))

    def marker(self):
        """What this test's probes print, and no other's."""
        return f"{MARKER}-{self.id().split('.')[-1]}"

    def journal_has_marker(self, text):
        return any(f"{self.marker()} {text}" in message for message in self.shop.messages())

    def test_examiner(self):
        """Not a word of it is in the journal."""
        self.holds("likeness-examiner@.service")
        self.shop.run("root", "journalctl", "--sync")
        self.assertFalse(self.journal_has_marker(""))

    def test_decoder(self):
        self.holds("likeness-decoder@.service")
        self.shop.run("root", "journalctl", "--sync")
        self.assertFalse(self.journal_has_marker(""))

    def test_likenessd(self):
        """The control of the others: what it prints is found."""
        self.holds("likenessd.service")
        for text in ("native", "printed"):
            self.assertTrue(eventually(lambda: self.journal_has_marker(text), 10), text)

    def test_keyring(self):
        self.holds("likeness-keyring@.service")

    def test_courier(self):
        self.holds("likeness-courier.service")

    def test_key_setup(self):
        self.holds("likeness-key-setup.service")

    def test_each_setting_counts(self):
        variants = []
        for unit, taken, instead, gained in WEAKER:
            lines = self.lines_of(unit)
            for pattern in taken:
                self.assertTrue(any(re.fullmatch(pattern, line) for line in lines), f"{unit} has no {pattern}")
            kept = [line for line in lines if not any(re.fullmatch(pattern, line) for pattern in taken)]
            variants.append((unit, kept + list(instead), gained))
        for (unit, taken, _, gained), now in zip(WEAKER, self.probe(*variants)):
            with self.subTest(unit=unit, taken=taken):
                self.assertEqual({name for name in gained if now[name]}, set(gained))

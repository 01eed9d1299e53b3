# SPDX-License-Identifier: Apache-2.0
"""On an installed terminal, after an answer or without one: nothing of the faces is left in any process, in its whole
writable file system, in memory that is shared or a file system of its own, in the journal (as it is on disk, and as
journalctl tells it), in the ledger. Seen from outside, by root of the machine that the container runs on.

Not searched, by name: the camera (a process that stands in for a device, and its directory), the clerk's own copies of
the portraits, and the test. The same search on a private bus, with more ways to break a check off: tests/bus."""

import os
import signal
import subprocess
import time

import erasure
import pictures
import planted
from harness import TestCase
from shop import EXAMINERS
from terminal import CAMERA, Failed, eventually, read

CAMERA_UNIT = "mock-camera.service"
LEAK = "/var/tmp/objects"
ERROR = "org.likeness.Verifier1.Error."

# As root of the terminal: puts what it was given into every place, and stays, with it in its memory and open.
LEAKY = f"""\
cp {LEAK} /dev/shm/leak; cp {LEAK} /home/clerk/leak; mkdir -p /var/lib/systemd/coredump
gzip -1 <{LEAK} >/var/lib/systemd/coredump/core.leak.gz
base64 -w 400 {LEAK}; base64 -w 3000 {LEAK}
(echo -n 'eyJhIjoxfQ.'; base64 -w 0 {LEAK} | base64 -w 0 | tr +/ -_ | tr -d =; echo .c2ln) \\
    >/var/lib/likeness/ledger-of-leaks
memory=$(base64 -w 0 {LEAK}); exec 7<{LEAK}; rm {LEAK}
while sleep 1; do :; done
"""


class Searched(TestCase):
    @classmethod
    def prepare(cls):
        super().prepare()
        faces = planted.Faces()
        cls.planted = erasure.Planted(
            {"live.avi": faces.clip("person04-live.avi", 10, frames=300),
             "replay.avi": faces.clip("replay01.avi", 20, frames=300)},
            {"own": faces.portrait(4), "other": faces.portrait(5), "replayed": faces.portrait(1),
             "tiny": pictures.encoded(planted.noisy(pictures.with_tiny_face(4), faces.source))}, objects=True)
        cls.pictures = {}
        for name in ("own", "other", "replayed", "tiny"):
            cls.pictures[name] = f"/home/clerk/{name}"
            cls.shop.copy(cls.planted.path(name), cls.pictures[name])
        cls.shop.connect_camera(cls.planted.path("live.avi"))
        cls.shop.wait_served()

    @classmethod
    def tearDownClass(cls):
        cls.planted.remove()
        super().tearDownClass()

    def temporary(self):
        """What is mounted in the terminal and lives in memory."""
        mounts = [line.split(" - ") for line in read(f"/proc/{self.shop.leader}/mountinfo").splitlines()]
        return sorted({fields.split()[4] for fields, kind in mounts if kind.split()[0] in ("tmpfs", "ramfs")})

    def search(self):
        """Everything of the terminal."""
        self.shop.run("root", "journalctl", "--sync")
        p, leader = self.planted, self.shop.leader
        words = [*p.own(), f"since={p.planted}", f"except={self.shop.upper}{CAMERA}"]
        words += [f"except={self.shop.upper}{path}" for path in self.pictures.values()]
        words += [f"except-pid={pid}" for pid in self.shop.processes("system.slice/" + CAMERA_UNIT)]
        words += [f"processes={leader}", f"tree={self.shop.upper}"]
        words += [f"tree={self.shop.path(place)}" for place in self.temporary()]
        text = p.run(*words) + p.run("ipc", prefix=["nsenter", f"--target={leader}", "--ipc", "--"])
        with subprocess.Popen(self.shop.command("root", "journalctl", "--output=export", "--all",
                                                f"--since=@{p.planted}"),
                              stdout=subprocess.PIPE) as journal:
            text += p.run("stream=journal, exported", stdin=journal.stdout)
        text += p.run("stream=ledger, decoded", input=erasure.ledger_payloads(self.shop.path("/var/lib/likeness")))
        return erasure.Report(text)

    def nothing_left(self):
        self.assertFalse(self.shop.populated("likeness.slice"), "an examiner lives on")
        report = self.search()
        self.assertEqual(report.found, [], "\n" + str(report))
        self.assertEqual(os.listdir(self.shop.path("/dev/mqueue")), [])
        return report


class Outcomes(Searched):
    def camera(self, clip, **faults):
        """Another recording, or one that fails; then the first one again."""
        self.shop.connect_camera(self.planted.path(clip), **faults)
        self.shop.wait_served()
        if (clip, faults) != ("live.avi", {}):
            self.addCleanup(self.camera, "live.avi")

    def check(self, name="own", user="clerk", **more):
        """The verdict, or the error."""
        answer = self.shop.verify(user, reference=self.pictures[name], **more)
        self.nothing_left()
        return answer.verdict or answer.error

    def test_everything_is_looked_at(self):
        self.assertEqual(self.check(), "match")
        report = self.nothing_left()
        for name in ("systemd", "systemd-journal", "dbus-daemon", "polkitd", "likenessd"):
            self.assertTrue([place for place in report.places("memory") if place.startswith(name + "[")], name)
        files = report.places("file")
        for part in ("/var/lib/likeness/ledger/", ".journal"):
            self.assertTrue([path for path in files if part in path], part)
        self.assertTrue({"/run", "/tmp", "/dev/shm"} <= set(self.temporary()))
        for stream in ("journal, exported", "ledger, decoded"):
            self.assertGreater(sum(size for w, place, size in report.searched if place == stream), 1000, stream)

    def test_no_match(self):
        self.assertEqual(self.check("other"), "no-match")

    def test_not_live(self):
        self.camera("replay.avi")
        self.assertEqual(self.check("replayed"), "not-live")

    def test_unusable(self):
        self.assertEqual(self.check("tiny"), "reference-unusable")

    def test_exhausted(self):
        for _ in range(3):
            self.verdict("no-match", reference=self.pictures["other"], transaction="sale-left")
        self.assertEqual(self.check("other", transaction="sale-left"), "exhausted")

    def test_denied(self):
        self.shop.copy(self.planted.path("own"), "/home/visitor/own")
        self.pictures["visitor"] = "/home/visitor/own"
        self.assertEqual(self.check("visitor", user="visitor"), "org.freedesktop.DBus.Error.AccessDenied")

    def test_unplugged(self):
        self.camera("live.avi", MOCK_CAMERA_VANISH_AFTER="8")
        self.assertEqual(self.check(), ERROR + "CameraLost")

    def broken_off(self, interfere):
        """While the examiner has frames."""
        check = self.shop.begin_verifying(reference=self.pictures["own"])
        time.sleep(0.3)
        examiner = self.shop.processes(EXAMINERS)
        interfere()
        answer = self.shop.finish_verifying(check)
        self.assertTrue(examiner)
        self.assertIsNone(answer.verdict, answer)
        self.assertTrue(eventually(lambda: not self.shop.populated("likeness.slice"), 5))
        self.shop.wait_served()
        self.nothing_left()

    def end(self, name, number=signal.SIGKILL):
        for pid in filter(str.isdigit, os.listdir("/proc")):
            if read(f"/proc/{pid}/comm", "").rstrip("\n") == name and self.shop.is_inside(pid):
                os.kill(int(pid), number)

    def test_caller_killed(self):
        self.broken_off(lambda: self.end("likenessctl"))

    def test_examiner_killed(self):
        self.broken_off(lambda: [os.kill(pid, signal.SIGKILL) for pid in self.shop.processes(EXAMINERS)])

    def test_examiner_aborts(self):
        """It would dump its memory if it could."""
        self.broken_off(lambda: [os.kill(pid, signal.SIGABRT) for pid in self.shop.processes(EXAMINERS)])

    def test_likenessd_killed(self):
        self.broken_off(lambda: self.end("likenessd"))

    def test_likenessd_stopped(self):
        self.broken_off(lambda: self.shop.run("root", "systemctl", "restart", "likenessd.service"))


class Leaks(Searched):
    """The control: what is there is found, every kind of it, in each place where it was put."""

    def test_what_is_there_is_found(self):
        self.shop.copy(self.planted.path("objects"), LEAK)
        self.shop.write("/root/leaky", LEAKY)
        self.shop.run("root", "systemd-run", "--quiet", "--unit=leaky", "--property=LogRateLimitIntervalSec=0", "sh",
                      "/root/leaky")
        if not eventually(lambda: not self.shop.exists(LEAK), 20):
            raise Failed("\n".join(self.shop.messages("--unit=leaky.service")))
        time.sleep(0.5)
        report = self.search()
        every = set(erasure.OF_FRAMES + erasure.OF_REFERENCE)
        for where, place, form in (("memory", "sh[", "base64"), ("descriptor", "objects (deleted)", "raw"),
                                   ("file", "/dev/shm/leak", "raw"), ("file", "/home/clerk/leak", "raw"),
                                   ("file", "core.leak.gz", "raw"), ("file", ".journal", "base64"),
                                   ("stream", "journal, exported", "base64"), ("stream", "ledger, decoded", "base64")):
            with self.subTest(where=where, place=place):
                self.assertEqual(every - report.kinds(where, place, form), set(), "not found")

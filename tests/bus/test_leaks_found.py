#!/usr/bin/python3 -B
# SPDX-License-Identifier: Apache-2.0
"""The control of test_nothing_left.py: with services that leak on purpose (tests/erasure/leak.c) the same search finds
every kind of thing, in every form, in every place. A search that finds nothing would otherwise prove nothing."""

import base64
import os
import shutil
import signal
import subprocess

import erasure
import harness
import planted
import services
from client import Client, Request
from harness import PLACE, STATE, eventually

FRAMES, REFERENCE = set(erasure.OF_FRAMES), set(erasure.OF_REFERENCE)

# What the examiner sees of the reference, and what its decoder does; a file that is PNG or JPEG no examiner sees.
IN_EXAMINER = FRAMES | REFERENCE - {"reference-file"}
IN_DECODER = {"reference-file", "reference-pixels"}

# Where a leak of everything is to be found, and in which form: class, part of the name, form.
PLACES = (
    ("memory", "everywhere", "raw"),
    ("descriptor", "memfd:leak", "raw"),
    ("descriptor", "leak-deleted", "raw"),
    ("descriptor", "(in a queue)", "raw"),
    ("queue", "everywhere", "raw"),
    ("pipe", "everywhere", "raw"),
    ("shared", "System V", "raw"),
    ("file", "/dev/shm/leak", "raw"),
    ("file", "/tmp/leak", "hex"),
    ("file", "/tmp/leak", "HEX"),
    ("file", "/var/tmp/leak", "base64url"),
    ("file", PLACE + "/log", "base64"),
)


def leaky(scratch):
    options = []
    for option, name, path in (("examiner", "leak-examiner", "daemon/examiner/likeness-examiner"),
                               ("likenessd", "leak-likenessd", "daemon/likenessd/likenessd")):
        script = f"{scratch}/{name}"
        with open(script, "w") as file:
            file.write(f"#!/bin/sh\nLD_PRELOAD={PLACE}/build/tests/erasure/{name}.so "
                       f"exec {PLACE}/build/{path} \"$@\"\n")
        os.chmod(script, 0o755)
        options.append(f"--{option}={script}")
    return options


class Leaks(harness.TestCase):
    terminal = harness.Terminal(clip="person04-live.avi", prepare=leaky)

    @classmethod
    def setUpClass(cls):
        faces = planted.Faces()
        cls.planted = erasure.Planted({"live.avi": faces.clip("person04-live.avi", 10, frames=180)},
                                      {"own": faces.portrait(4)})
        cls.recording = services.clip(cls.planted.path("live.avi"))
        cls.recording.__enter__()

    @classmethod
    def tearDownClass(cls):
        cls.recording.__exit__(None, None, None)
        cls.planted.remove()

    def tearDown(self):
        """Takes everything away again; also what likenessd keeps."""
        self.leak("nothing")
        for pid in services.instances():
            services.signal_process(pid, signal.SIGKILL)
        self.assertTrue(eventually(lambda: not services.instances(), 5))
        for directory in ("/dev/shm", "/tmp", "/var/tmp"):
            for name in os.listdir(directory):
                if name.startswith("leak-"):
                    os.unlink(f"{directory}/{name}")
        self.remove_segments()
        os.truncate(os.environ["LIKENESS_LOG"], 0)

    def remove_segments(self):
        users = {services.identity(name) for name in ("likeness", "likeness-examiner")}
        with open("/proc/sysvipc/shm") as file:
            for line in file.readlines()[1:]:
                words = line.split()
                if int(words[7]) in users:
                    subprocess.run(["ipcrm", "-m", words[1]], check=True)

    def leak(self, *words):
        harness.file_of(" ".join(words).encode(), "leak")

    def check(self, *words):
        """What the search finds after a check with this leak."""
        self.leak(*words)
        with open(self.planted.path("own"), "rb") as file:
            Client().start(Request(file.read())).outcome()
        return self.planted.search(state=STATE)

    def found(self, report, where, place, form, wanted):
        self.assertEqual(wanted - report.kinds(where, place, form), set(), f"not found: {where} {place} as {form}")

    def test_nothing_is_found_without_a_leak(self):
        report = self.check("nothing")
        self.assertEqual(report.found, [], report)

    def test_everything_everywhere(self):
        report = self.check("everywhere")
        for where, place, form in PLACES:
            with self.subTest(where=where, place=place, form=form):
                self.found(report, where, place, form, IN_EXAMINER | IN_DECODER)

    def test_what_an_examiner_has_at_each_moment(self):
        """A child that lives on with the memory of that moment: nothing in it was put there by the leak."""
        report = self.check("decoded", "detected", "embedded")
        self.found(report, "memory", "decoded", "raw", {"frame-planes", "reference-embedding"})
        self.found(report, "memory", "detected", "raw", {"frame-jpeg", "frame-planes", "frame-scaled", "network-input"})
        self.found(report, "memory", "embedded", "raw",
                   {"face-crop", "face-patch", "network-input", "embedding-output", "reference-embedding"})
        self.found(report, "descriptor", "likeness-reference", "raw", {"reference-pixels"})

    def test_what_likenessd_does_not_forget(self):
        daemon = services.Daemon()
        for word, where, place, kind in (("picture-open", "descriptor", "likenessd", "reference-file"),
                                         ("picture-mapped", "memory", "likenessd", "reference-file"),
                                         ("picture-read", "memory", "likenessd", "reference-file"),
                                         ("pixels-open", "descriptor", "likenessd", "reference-pixels")):
            with self.subTest(leak=word):
                report = self.check(word)
                self.found(report, where, place, "raw", {kind})
                self.assertEqual({f.place.split("[")[0] for f in report.found}, {"likenessd"}, report)
                daemon.start()
                self.assertEqual(self.check("nothing").found, [])

    def test_what_is_put_away_packed(self):
        """In the ledger, in an entry's claims; in a dump of a process, as systemd-coredump packs it."""
        self.check("everywhere")
        dump, = (f"/dev/shm/{name}" for name in os.listdir("/dev/shm") if name.startswith("leak-") and
                 os.path.getsize(f"/dev/shm/{name}") > 4 << 20)
        with open(dump, "rb") as file:
            content = file.read()
        ledger, cores = f"{STATE}/ledger-of-leaks", "/var/lib/systemd/coredump"
        there = os.path.isdir(cores)
        os.makedirs(cores, exist_ok=True)
        os.mkdir(ledger)
        try:
            encode = lambda text: base64.urlsafe_b64encode(text).rstrip(b"=")
            claims = b'{"embedding":"' + base64.b64encode(content) + b'"}'
            with open(f"{ledger}/000.jws", "wb") as file:
                file.write(encode(b"{}") + b"." + encode(claims) + b"." + encode(b"signature") + b"\n")
            for packer in ("zstd", "xz", "gzip"):
                with open(f"{cores}/leak.{packer}", "wb") as file:
                    subprocess.run([packer, "-c", "-1"], input=content, stdout=file, check=True)
            report = self.planted.search(state=STATE)
        finally:
            shutil.rmtree(ledger)
            for packer in ("zstd", "xz", "gzip"):
                os.unlink(f"{cores}/leak.{packer}")
            if not there:
                os.rmdir(cores)
        self.found(report, "stream", "ledger", "base64", IN_EXAMINER)
        for packer in ("zstd", "xz", "gzip"):
            self.found(report, "file", f"leak.{packer}", "raw", IN_EXAMINER)


if __name__ == "__main__":
    harness.main()

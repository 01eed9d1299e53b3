#!/usr/bin/python3 -B
# SPDX-License-Identifier: Apache-2.0
"""What needs attention on a terminal: each problem is made, is told to everybody who asks, with the exit status that
monitoring reads, and is not told any more when it is over."""

import json
import os
import shutil
import signal
import subprocess
import unittest

import harness

try:
    import pictures
    import services
    from client import Client, Request
    from test_hostile_examiner import PROGRAM, hostile
    from test_models import Models as ModelsCase
except ImportError:
    pass                            # outside, where nothing of this is used

CLOCK = harness.PLACE + "/clock-offset"
SWITCH = harness.PLACE + "/fail-sync"
FILE = harness.PLACE + "/likenessd.conf"
STATUS = {"starting": 10, "no-key": 11, "ledger-failed": 12, "models-unusable": 13, "sandbox-missing": 14,
          "examiner-stuck": 15, "polkit-missing": 16, "no-camera": 17, "configuration-refused": 18,
          "disk-nearly-full": 19, "clock-not-synchronised": 20, "demo": 21}


def status(user="nobody"):
    """The words and the exit status, as anybody on the terminal gets them."""
    entry = services.pwd.getpwnam(user)
    done = subprocess.run(["likenessctl", "status", "--json"], capture_output=True, text=True, user=entry.pw_uid,
                          group=entry.pw_gid, extra_groups=[], timeout=harness.PATIENCE)
    return json.loads(done.stdout).get("Problems"), done.returncode


class Case(harness.TestCase):
    def expect(self, *words, seconds=10):
        """These and "demo", which is always there, the weightiest first."""
        words = [word for word in (*words, "demo") if word in STATUS]
        expected = (sorted(words, key=STATUS.get), min(STATUS[word] for word in words))
        harness.eventually(lambda: status() == expected, seconds)
        self.assertEqual(status(), expected)

    def check(self, **more):
        caller = Client()
        try:
            return caller.start(Request(pictures.portrait(4), **more)).outcome()
        finally:
            caller.close()


class Terminal(Case):
    terminal = harness.Terminal(clip="person04-live.avi")

    @classmethod
    def setUpClass(cls):
        cls.daemon = services.Daemon(dict(
            CLOCK_OFFSET=CLOCK, FAIL_SYNC=SWITCH,
            LD_PRELOAD=" ".join(f"{harness.build_directory()}/tests/bus/{name}-shim.so" for name in ("clock", "sync")),
            ASAN_OPTIONS=os.environ.get("ASAN_OPTIONS", "") + ":verify_asan_link_order=0"))
        cls.arguments = list(cls.daemon.arguments)

    def clock(self, word):
        harness.file_of(f"0 {word}\n".encode(), "clock-offset")

    def setUp(self):
        self.clock("synchronised")
        self.daemon.arguments = list(self.arguments)
        self.daemon.start()
        super().setUp()
        self.expect()

    def restart(self, *more, without=""):
        self.daemon.arguments = [a for a in self.arguments if not without or not a.startswith(without)] + list(more)
        self.daemon.start()

    def test_words_for_people(self):
        done = subprocess.run(["likenessctl", "status"], capture_output=True, text=True, timeout=harness.PATIENCE)
        self.assertEqual(done.returncode, STATUS["demo"])
        self.assertRegex(done.stdout, r"^Likeness \S+, terminal \S+: this needs attention\n  - demo: the service is a ")
        self.assertIn("\nSigning key  ", done.stdout)

    @unittest.skipUnless(shutil.which("jq"), "jq is not installed")
    def test_what_the_documents_tell_monitoring(self):
        with open(harness.source_directory() + "/docs/monitoring.md") as file:
            nagios, prometheus = file.read().split("```sh\n")[1:3]
        done = subprocess.run(["sh", "-c", nagios.split("```")[0]], capture_output=True, text=True)
        self.assertEqual((done.returncode, done.stdout, done.stderr), (2, "LIKENESS CRITICAL: demo\n", ""))
        script = prometheus.split("```")[0].replace("/var/lib/prometheus/node-exporter", harness.PLACE)
        self.assertEqual(subprocess.run(["sh", "-c", script], capture_output=True, text=True).stderr, "")
        with open(harness.PLACE + "/likeness.prom") as file:
            self.assertEqual(file.read(), 'likeness_status 21\nlikeness_problem{problem="demo"} 1\n')

    def test_not_running(self):
        self.daemon.process.terminate()
        self.daemon.process.wait()
        words, code = status()
        self.assertEqual((words, code), (None, 3))
        self.daemon.start()

    def test_no_key(self):
        self.restart(f"--keyring-socket={harness.PLACE}/nobody-is-here", without="--keyring-socket")
        self.expect("no-key")
        self.assertEqual(self.check().name, harness.ERROR + "Unavailable")

    def test_ledger_failed(self):
        with open(SWITCH, "w"):
            pass
        self.addCleanup(lambda: os.path.exists(SWITCH) and os.unlink(SWITCH))
        self.assertEqual(self.check().name, harness.ERROR + "Unavailable")
        self.expect("ledger-failed")
        os.unlink(SWITCH)
        self.expect("ledger-failed")            # until the service is started again
        self.daemon.start()
        self.expect()

    def test_ledger_that_cannot_be_opened(self):
        ledger = harness.PLACE + "/state/ledger-demo"
        os.chmod(ledger, 0o755)
        try:
            self.daemon.start()
            self.expect("ledger-failed")
        finally:
            os.chmod(ledger, 0o700)

    def test_models(self):
        with ModelsCase.copy(self) as directory:
            name = next(n for n in os.listdir(directory) if n.endswith(".onnx"))
            with services.instead(harness.PLACE + "/models", directory):
                shutil.move(f"{directory}/{name}", f"{directory}/away")
                self.expect("models-unusable")
                shutil.move(f"{directory}/away", f"{directory}/{name}")
                self.expect()
                # of the right size, and another one: seen when it is used
                with open(f"{directory}/{name}", "r+b") as file:
                    file.seek(1000)
                    byte = file.read(1)
                    file.seek(1000)
                    file.write(bytes([byte[0] ^ 1]))
                self.expect()
                self.assertEqual(self.check().name, harness.ERROR + "Unavailable")
                self.expect("models-unusable")
        self.assertEqual(self.check().verdict, "match")
        self.expect()

    @unittest.skipIf(os.path.isdir("/sys/class/video4linux") and os.listdir("/sys/class/video4linux"),
                     "this machine has a camera")
    def test_no_camera(self):
        self.restart(without="--face-camera")
        self.expect("no-camera")

    def test_polkit(self):
        with services.stopped(services.polkitd()):
            self.assertEqual(self.check().name, harness.DENIED)
            self.expect("polkit-missing")
        self.expect()                           # although nobody has called since
        self.assertEqual(services.log().count("polkit decides again"), 1)
        self.assertEqual(self.check().verdict, "match")

    def test_configuration(self):
        with open(FILE) as file:
            good = file.read()
        try:
            with open(FILE, "w") as file:
                file.write("[Verification]\nMode=neither\n")
            os.kill(services.likenessd(), signal.SIGHUP)
            self.expect("configuration-refused")
        finally:
            with open(FILE, "w") as file:
                file.write(good)
        os.kill(services.likenessd(), signal.SIGHUP)
        self.expect()

    def test_disk_nearly_full(self):
        place = harness.PLACE + "/state"
        uid = services.identity("likeness")
        subprocess.run(["mount", "-t", "tmpfs", "-o", f"size=8m,mode=0700,uid={uid}", "tmpfs", place], check=True)
        try:
            self.daemon.start()
            self.assertIn("disk-nearly-full", status()[0])
        finally:
            subprocess.run(["umount", "--lazy", place], check=True)
        self.daemon.start()
        self.expect()

    def test_clock(self):
        self.clock("unsynchronised")
        self.expect("clock-not-synchronised")
        self.clock("synchronised")
        self.expect()

    def test_several(self):
        """The weightiest makes the exit status, in the order of the words."""
        self.clock("unsynchronised")
        self.restart(f"--keyring-socket={harness.PLACE}/nobody-is-here", without="--keyring-socket")
        self.expect("no-key", "clock-not-synchronised")


class Examiner(Case):
    terminal = harness.Terminal(clip="person04-live.avi", prepare=lambda scratch: hostile(scratch))

    def ask(self, mode):
        harness.file_of(mode.encode() + b"\n", "hostile-mode")
        return self.check()

    def expect_first(self, word):
        words, code = status()
        self.assertEqual((words[0], code), (word, STATUS[word]))

    def test_stuck(self):
        before = status()[0]
        self.assertEqual(self.ask("stuck").name, harness.ERROR + "Unavailable")
        self.expect_first("examiner-stuck")
        for pid in services.instances(program=PROGRAM):
            services.signal_process(pid, signal.SIGKILL)
        self.assertTrue(harness.eventually(lambda: status()[0] == before, 10))

    def test_sandbox_missing(self):
        before = status()[0]
        self.assertEqual(self.ask("unconfined").name, harness.ERROR + "Unavailable")
        self.expect_first("sandbox-missing")
        self.assertEqual(self.ask("match").verdict, "match")
        self.assertEqual(status()[0], before)

    def test_over_without_a_verdict(self):
        """The examiner works again; that the camera went away is another matter."""
        before = status()[0]
        for mode, word in (("unconfined", "sandbox-missing"), ("model-missing", "models-unusable")):
            self.assertEqual(self.ask(mode).name, harness.ERROR + "Unavailable")
            self.expect_first(word)
            self.assertEqual(self.ask("lost").name, harness.ERROR + "CameraLost")
            self.expect_first(word)             # it said nothing of its models
            self.assertEqual(self.ask("loaded-lost").name, harness.ERROR + "CameraLost")
            self.assertEqual(status()[0], before)


if __name__ == "__main__":
    harness.main()

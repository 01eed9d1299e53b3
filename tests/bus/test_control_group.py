#!/usr/bin/python3 -B
# SPDX-License-Identifier: Apache-2.0
"""likenessd with control groups around its examiners: a check has ended when they are empty, not when a process is
gone, and one that does not run where it should is given nothing."""

import os
import signal
import sys
import threading
import time

import harness
import pictures
import services
from client import BusError, Client, Request, spin
from harness import eventually

sys.path.insert(0, os.path.realpath(os.path.dirname(__file__) + "/../../tools"))

import control_groups

PROGRAM = "hostile-examiner"


def ledger():
    import test_receipts

    return test_receipts.entries()


def group(whom):
    """The directory that likenessd was told to watch."""
    option = f"--{whom}-cgroup="
    return next(word.removeprefix(option) for word in services.arguments(services.likenessd())
                if word.startswith(option))


def processes_in(directory):
    with open(directory + "/cgroup.procs") as file:
        return [int(line) for line in file]


def freeze(directory, frozen):
    with open(directory + "/cgroup.freeze", "w") as file:
        file.write(f"{frozen:d}")


class Case(harness.TestCase):
    terminal = harness.Terminal("--control-groups", clip="person04-live.avi", why_not=control_groups.why_not)

    def check(self):
        caller = Client()
        try:
            return caller.start(Request(pictures.portrait(4))).outcome()
        finally:
            caller.close()

    def closing(self):
        return [e for e in ledger() if e["entry"] == "closed"][-1]

    def unavailable(self, outcome, word):
        self.assertIsInstance(outcome, BusError, outcome)
        self.assertEqual(outcome.name, harness.ERROR + "Unavailable", outcome)
        self.assertIn(word, outcome.message)

    def works(self):
        outcome = self.check()
        self.assertNotIsInstance(outcome, BusError, outcome)
        self.assertEqual(outcome.verdict, "match", outcome)
        self.assertEqual(self.closing()["examiner-ended"], "control-group")


class Ends(Case):
    def test_receipt(self):
        self.works()

    def test_both_run_where_they_are_watched(self):
        """Frozen as soon as they are there: a decoder is gone within some milliseconds."""
        for whom in ("decoder", "examiner"):
            freeze(group(whom), True)
            self.addCleanup(freeze, group(whom), False)
        call = Client().start(Request(pictures.portrait(4)))
        for whom in ("decoder", "examiner"):
            self.assertTrue(eventually(lambda: processes_in(group(whom)), 10), whom)
            freeze(group(whom), False)
        self.assertTrue(spin(call.is_over))
        self.assertEqual(call.answer().verdict, "match")
        self.assertEqual((processes_in(group("examiner")), processes_in(group("decoder"))), ([], []))

    def test_bad_reference(self):
        """The decoder has answered before the examiner has started; both are waited for."""
        for _ in range(5):
            call = Client().start(Request(b"no picture"))
            self.assertTrue(spin(call.is_over))
            self.assertEqual(call.error.name, harness.ERROR + "BadReference")
            self.assertEqual(services.instances(), [])
            self.assertEqual(self.closing()["examiner-ended"], "control-group")

    def test_killed(self):
        call = Client().start(Request(pictures.portrait(4)))
        self.assertTrue(eventually(lambda: services.instances(decoder=False), 5))
        os.kill(services.instances(decoder=False)[0], signal.SIGKILL)
        self.assertTrue(spin(call.is_over, 20))
        self.unavailable(call.error, "try again")
        self.works()

    def test_caller_gone_at_any_moment(self):
        for moment in services.random_moments(8, 0.5, seed=8):
            caller = Client()
            caller.start(Request(pictures.portrait(4)))
            spin(lambda: False, moment)
            caller.close()
            self.assertTrue(eventually(lambda: Client("root").get("State") == "idle", 10))
            self.assertEqual(services.instances(), [])
        self.works()

    def test_removed_as_soon_as_it_is_empty(self):
        """As systemd does with a slice that nothing runs in; the kernel may then say no word of it."""
        directory = group("examiner")
        owner = os.stat(directory + "/cgroup.procs")
        stop = threading.Event()

        def remove():
            while not stop.is_set():
                try:
                    os.rmdir(directory)
                    return
                except OSError:
                    time.sleep(0.0005)

        call = Client().start(Request(pictures.portrait(4)))
        self.assertTrue(eventually(lambda: services.instances(decoder=False), 5))
        remover = threading.Thread(target=remove)
        remover.start()
        spin(call.is_over)
        stop.set()
        remover.join()
        self.assertFalse(os.path.exists(directory))
        self.assertEqual(call.answer().verdict, "match")
        self.assertEqual(self.closing()["examiner-ended"], "control-group")

        os.mkdir(directory)
        os.chown(directory + "/cgroup.procs", owner.st_uid, owner.st_gid)
        self.works()


class Elsewhere(Case):
    """The groups that likenessd watches are not those of its examiners."""

    def setUp(self):
        super().setUp()
        self.daemon = services.Daemon()
        self.arguments = self.daemon.arguments

    def tearDown(self):
        self.daemon.arguments = self.arguments
        self.daemon.start()
        self.works()

    def watching(self, directory, whom="examiner"):
        self.daemon.arguments = [*self.arguments, f"--{whom}-cgroup={directory}"]
        self.daemon.start()
        before = len(services.log())
        self.unavailable(self.check(), "systemd units")
        self.assertTrue(eventually(lambda: not services.instances(), 5))
        self.assertEqual(self.closing()["cause"], "examiner-unwatched")
        self.assertNotIn("examiner-ended", self.closing())
        self.assertIn(f"{directory}: it cannot be seen whether the examiner ends", services.log()[before:])

    def test_another_group(self):
        self.watching(os.path.dirname(group("examiner")) + "/decoder")
        self.assertIn("another control group", services.log())

    def test_decoder_in_another_group(self):
        self.watching(os.path.dirname(group("examiner")) + "/examiner", whom="decoder")

    def test_no_group(self):
        self.watching(group("examiner") + "-of-nobody")

    def test_no_control_group_at_all(self):
        self.watching("/run")

    def test_imitation(self):
        """A directory with files of the right names and contents; nothing would be told of it."""
        directory = harness.PLACE + "/imitation"
        os.makedirs(directory, exist_ok=True)
        for name, content in (("cgroup.events", "populated 0\n"), ("cgroup.procs", "")):
            with open(f"{directory}/{name}", "w") as file:
                file.write(content)
        self.watching(directory)

    def test_wrong_use(self):
        import subprocess

        done = subprocess.run([*self.arguments, "--examiner-cgroup=likeness.slice"], capture_output=True, text=True,
                              timeout=harness.PATIENCE)
        self.assertEqual(done.returncode, 2)
        self.assertIn("--examiner-cgroup takes a path that begins with", done.stderr)


def hostile(scratch):
    return [f"--examiner={harness.build_directory()}/tests/bus/{PROGRAM}"]


class Leftovers(Case):
    """An examiner that leaves something behind, or does not even begin."""

    terminal = harness.Terminal("--control-groups", clip="person04-live.avi", prepare=hostile,
                                why_not=control_groups.why_not)

    def setUp(self):
        self.set_mode("match")
        super().setUp()

    def tearDown(self):
        self.kill_all()
        self.assertTrue(eventually(lambda: Client("root").get("State") == "idle", 10))
        self.set_mode("match")
        self.works()

    def set_mode(self, mode):
        harness.file_of(mode.encode() + b"\n", "hostile-mode")

    def kill_all(self):
        for pid in services.instances(program=PROGRAM):
            services.signal_process(pid, signal.SIGKILL)

    def stuck(self, mode):
        """The check ends as stuck, and so does every other until what is left has gone."""
        self.set_mode(mode)
        before = len(ledger())
        self.unavailable(self.check(), "examiner-stuck")
        self.assertTrue(services.instances(program=PROGRAM))
        self.assertEqual(self.closing()["cause"], "examiner-stuck")
        self.assertNotIn("examiner-ended", self.closing())

        self.set_mode("match")
        self.unavailable(self.check(), "examiner-stuck")
        self.assertEqual([e["entry"] for e in ledger()[before:]], ["opened", "closed"])

    def test_child_that_survives(self):
        """It has said "match", and its process is gone; a child of it is not."""
        self.stuck("leaves-child")
        self.assertEqual(len(services.instances(program=PROGRAM)), 1, "only the child should be there")

    def test_child_that_survives_likenessd(self):
        """The next start knows nothing of it, but sees it."""
        self.stuck("leaves-child")
        daemon = services.Daemon()
        self.assertEqual(len(services.instances(program=PROGRAM)), 1)
        before = len(ledger())
        self.unavailable(self.check(), "examiner-stuck")
        self.assertEqual(ledger()[before:], [])
        self.kill_all()
        self.works()
        self.assertIsNone(daemon.process.poll())

    def test_stopped_before_its_hello(self):
        self.stuck("stopped-before-hello")

    def test_stopped_before_its_lifeline(self):
        self.stuck("stopped-after-hello")

    def test_child_of_one_that_never_said_hello(self):
        self.stuck("no-hello-leaves-child")

    def test_slow_to_start_and_not_wanted_any_more(self):
        """The caller is told when it is gone, not before."""
        self.set_mode("slow-hello")
        call = Client().start(Request(b"no picture"))
        self.assertTrue(spin(call.is_over))
        self.assertEqual(call.error.name, harness.ERROR + "BadReference")
        self.assertEqual(services.instances(program=PROGRAM), [])
        self.assertGreater(call.ended - call.began, 0.6)
        self.assertEqual(self.closing()["examiner-ended"], "control-group")


if __name__ == "__main__":
    harness.main()

#!/usr/bin/python3 -B
# SPDX-License-Identifier: Apache-2.0
"""likenessd is told to end, is killed, or loses its bus: every check is brought to its end, and no examiner stays."""

import os
import signal
import subprocess
import time

import harness
import pictures
import services
from client import BusError, Client, Request, spin
from harness import PLACE, eventually


class Case(harness.TestCase):
    terminal = harness.Terminal(clip="person04-live.avi")

    def setUp(self):
        super().setUp()
        if not os.path.exists(PLACE + "/empty.avi"):
            harness.file_of(pictures.recording_without_face(14), "empty.avi")
        shop = services.clip(PLACE + "/empty.avi")
        shop.__enter__()
        self.addCleanup(shop.__exit__, None, None, None)
        self.before = len(services.log())

    def request(self):
        return Request(pictures.portrait(4))

    def ended(self, daemon, number=signal.SIGTERM):
        """Sends the signal; the exit status."""
        since = time.monotonic()
        daemon.process.send_signal(number)
        self.assertTrue(spin(lambda: daemon.process.poll() is not None, 10), "likenessd does not end")
        self.assertLess(time.monotonic() - since, 5)
        self.assertTrue(eventually(lambda: not services.instances(), 3), "an examiner outlives likenessd")
        return daemon.process.returncode


class Terminated(Case):
    def setUp(self):
        super().setUp()
        self.daemon = services.Daemon()
        self.addCleanup(self.start_again)

    def start_again(self):
        if self.daemon.process.poll() is not None:
            self.daemon.start()

    def interrupted(self, call):
        self.assertTrue(spin(call.is_over, 5))
        self.assertIsInstance(call.error, BusError, call.result)
        self.assertEqual(call.error.name, harness.ERROR + "Unavailable", call.error)
        self.assertIn("being stopped", call.error.message)

    def test_idle(self):
        self.assertEqual(self.ended(self.daemon), 0)

    def test_during_a_check(self):
        for number in (signal.SIGTERM, signal.SIGINT):
            caller = Client()
            call = caller.start(self.request())
            self.assertTrue(spin(caller.prompts))
            self.assertEqual(self.ended(self.daemon, number), 0)
            self.interrupted(call)
            self.daemon.start()
        self.assertIn("interrupted", services.log()[self.before:])

    def test_at_any_moment(self):
        for moment in services.random_moments(5, 0.4, seed=5):
            with self.subTest(moment=moment):
                call = Client().start(self.request())
                self.assertTrue(eventually(services.instances, 5))
                spin(lambda: False, moment)
                self.assertEqual(self.ended(self.daemon), 0)
                self.interrupted(call)
                self.daemon.start()

    def test_during_a_session(self):
        caller = Client()
        session = caller.begin(self.request())
        self.assertTrue(spin(caller.prompts))
        self.assertEqual(self.ended(self.daemon), 0)
        answer = session.finished(3)
        self.assertEqual(answer.verdict, "")
        self.assertEqual(answer.fields["error"], harness.ERROR + "Unavailable")

    def test_while_polkit_is_asked(self):
        with services.stopped(services.polkitd()):
            call = Client().start(self.request())
            spin(lambda: False, 0.3)
            self.assertEqual(self.ended(self.daemon), 0)
        self.assertTrue(spin(call.is_over, 5))
        self.assertIsNotNone(call.error)
        self.assertNotIn("opened", services.log()[self.before:])

    def test_it_leaves_no_dump_of_its_key(self):
        """Whoever may not be looked into by its own user (the courier is of the same) is given to no core handler either."""
        if services.has_sanitizer():
            self.skipTest("a sanitizer looks into its own process")
        done = subprocess.run(["cat", f"/proc/{services.likenessd()}/environ"], user=services.identity("likeness"),
                              group=services.identity("likeness"), extra_groups=[], capture_output=True, text=True)
        self.assertNotEqual(done.returncode, 0)
        self.assertIn("Permission denied", done.stderr)

    def test_killed(self):
        """Its death closes the lifeline."""
        caller = Client()
        call = caller.start(self.request())
        self.assertTrue(spin(caller.prompts))
        examiner = services.instances(decoder=False)
        self.assertEqual(len(examiner), 1)
        self.assertEqual(self.ended(self.daemon, signal.SIGKILL), -signal.SIGKILL)
        self.assertTrue(spin(call.is_over, 5))
        self.assertEqual(call.error.name, "org.freedesktop.DBus.Error.NoReply")

    def test_killed_while_the_examiner_is_stopped(self):
        caller = Client()
        call = caller.start(self.request())
        self.assertTrue(spin(caller.prompts))
        os.kill(services.instances(decoder=False)[0], signal.SIGSTOP)
        self.ended(self.daemon, signal.SIGKILL)
        self.assertTrue(spin(call.is_over, 5))


class BusGone(Case):
    """A terminal of its own, as there is nothing afterwards."""

    terminal = harness.Terminal(clip="person04-live.avi")

    def test_bus_killed_during_a_check(self):
        caller = Client()
        call = caller.start(self.request())
        self.assertTrue(spin(caller.prompts))
        os.kill(services.processes("dbus-daemon")[0], signal.SIGKILL)
        self.assertTrue(eventually(lambda: not services.likenessd(), 5), "likenessd serves nobody")
        self.assertTrue(eventually(lambda: not services.instances(), 3), "an examiner outlives the check")
        self.assertIn("the connection to the bus was lost", services.log())
        self.assertTrue(spin(call.is_over, 5))
        self.assertIsNotNone(call.error)


if __name__ == "__main__":
    harness.main()

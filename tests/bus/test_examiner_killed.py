#!/usr/bin/python3 -B
# SPDX-License-Identifier: Apache-2.0
"""The examiner or the decoder is killed or stopped at any moment: the caller has an error soon, never a match, and the
next call works."""

import contextlib
import os
import signal
import socket
import subprocess
import time

import harness
import pictures
import services
from client import BusError, Client, Request, spin
from harness import eventually

# Seconds: 1.5 of silence are waited for, 2 are promised, and the machine may be busy with other things.
WITHIN = 3


class Case(harness.TestCase):
    def tearDown(self):
        """One that was stopped before it had its lifeline stays stopped; it was never given anything."""
        for pid in services.instances():
            services.signal_process(pid, signal.SIGKILL)

    def await_instance(self, decoder):
        found = eventually(lambda: services.instances(decoder), 5)
        self.assertTrue(found, "no process was started")
        return found[0]

    def check_error(self, call, since):
        self.assertTrue(spin(call.is_over, 20), "no answer")
        self.assertIsInstance(call.error, BusError, call.result)
        self.assertEqual(call.error.name, harness.ERROR + "Unavailable", call.error)
        self.assertLess(call.ended - since, WITHIN)

    def works_again(self):
        answer = Client().verify(Request(pictures.encoded(pictures.landscape())))
        self.assertEqual(answer.verdict, "reference-unusable", answer)
        self.assertEqual(services.pictures_open(), [])


class EmptyShop(Case):
    """Nobody is in front of the camera, so no examination has ended before the test interferes."""

    terminal = harness.Terminal(clip="person04-live.avi")

    @classmethod
    def setUpClass(cls):
        cls.shop = services.clip(harness.file_of(pictures.recording_without_face(14), "empty.avi"))
        cls.shop.__enter__()

    @classmethod
    def tearDownClass(cls):
        cls.shop.__exit__(None, None, None)

    def interfere(self, number, moments):
        for moment in moments:
            with self.subTest(moment=moment):
                call = Client().start(Request(pictures.portrait(4)))
                pid = self.await_instance(decoder=False)
                spin(lambda: False, moment)
                since = time.monotonic()
                os.kill(pid, number)
                self.check_error(call, since)
                if number == signal.SIGSTOP:
                    # with its lifeline it was ended; without, it is ours to end
                    services.signal_process(pid, signal.SIGKILL)
                self.works_again()

    def test_killed_at_once(self):
        self.interfere(signal.SIGKILL, [0.0] * 6)

    def test_killed_at_any_moment(self):
        self.interfere(signal.SIGKILL, services.random_moments(10, 1.3, seed=3))

    def test_stopped_at_once(self):
        self.interfere(signal.SIGSTOP, [0.0] * 2)

    def test_stopped_at_any_moment(self):
        self.interfere(signal.SIGSTOP, services.random_moments(4, 1.1, seed=4))

    def test_other_signals(self):
        for number in (signal.SIGTERM, signal.SIGABRT, signal.SIGUSR1):
            self.interfere(number, [0.4])

    def test_stopped_one_is_ended_by_its_lifeline(self):
        call = Client().start(Request(pictures.portrait(4)))
        pid = self.await_instance(decoder=False)
        spin(lambda: False, 1)
        os.kill(pid, signal.SIGSTOP)
        self.check_error(call, time.monotonic())
        self.assertNotIn(pid, services.instances(), "the caller was told before it was gone")

    def test_stopped_for_a_moment_only(self):
        """Half a second of a busy machine is no reason to give up."""
        caller = Client()
        call = caller.start(Request(pictures.portrait(4)))
        pid = self.await_instance(decoder=False)
        spin(lambda: False, 0.5)
        with services.stopped(pid):
            spin(lambda: False, 0.5)
        spin(lambda: False, 2)
        self.assertFalse(call.is_over(), call.error or call.result)
        caller.close()


class Decoder(Case):
    """A large picture keeps the decoder at work."""

    @classmethod
    def setUpClass(cls):
        cls.picture = pictures.encoded(pictures.landscape(6000, 4000), quality=92, progressive=True)

    def interfere(self, number, count):
        for i in range(count):
            with self.subTest(time=i):
                call = Client().start(Request(self.picture))
                pid = self.await_instance(decoder=True)
                spin(lambda: False, 0.01 * i)
                since = time.monotonic()
                os.kill(pid, number)
                self.check_error(call, since)
                services.signal_process(pid, signal.SIGKILL)
                self.works_again()

    def test_killed(self):
        self.interfere(signal.SIGKILL, 5)

    def test_stopped(self):
        self.interfere(signal.SIGSTOP, 2)


class Hung(harness.TestCase):
    terminal = harness.Terminal(clip="person04-live.avi")

    def test_before_it_has_its_lifeline(self):
        """It hangs (here in its first word, which nobody reads), and likenessd has no hold on it: it ends by itself."""
        ours, its = socket.socketpair()
        its.setblocking(False)
        with contextlib.suppress(BlockingIOError):
            while True:
                its.send(bytes(65536))
        its.setblocking(True)

        program = harness.build_directory() + "/daemon/examiner/likeness-examiner"
        for more in ([], ["--decode"]):
            command = ["/bin/sh", "-c", 'LISTEN_FDS=1 LISTEN_PID=$$ exec "$@"', "sh", program, "--demo", *more]
            with subprocess.Popen(command, preexec_fn=lambda: os.dup2(its.fileno(), 3), close_fds=False) as process:
                self.assertEqual(process.wait(30), -signal.SIGALRM)
        ours.close()
        its.close()


class NearTheAnswer(Case):
    """The right person is in front of the camera: a match is near, and yet none may come from a killed examiner."""

    terminal = harness.Terminal(clip="person04-live.avi")

    def test_killed_before_it_has_found(self):
        killed = 0
        for i in range(8):
            caller = Client()
            call = caller.start(Request(pictures.portrait(4)))
            pid = self.await_instance(decoder=False)
            spin(lambda: len(caller.prompts()) > i % 2 or call.is_over())
            spin(call.is_over, 0.05 * i)
            # What it has said until now is on its way; stopped, it cannot say more.
            if not services.signal_process(pid, signal.SIGSTOP):
                continue
            spin(call.is_over, 0.4)
            if call.is_over():
                self.assertEqual(call.answer().verdict, "match")
                continue
            since = time.monotonic()
            os.kill(pid, signal.SIGKILL)
            self.check_error(call, since)
            killed += 1
        self.assertGreaterEqual(killed, 2, "the examiner was too quick: this test has tested nothing")
        self.assertEqual(Client().verify(Request(pictures.portrait(4))).verdict, "match")

    def test_stopped_before_it_has_found(self):
        call = Client().start(Request(pictures.portrait(4)))
        pid = self.await_instance(decoder=False)
        spin(lambda: False, 0.2)
        os.kill(pid, signal.SIGSTOP)
        self.check_error(call, time.monotonic())
        services.signal_process(pid, signal.SIGKILL)
        self.assertEqual(Client().verify(Request(pictures.portrait(4))).verdict, "match")


if __name__ == "__main__":
    harness.main()

#!/usr/bin/python3 -B
# SPDX-License-Identifier: Apache-2.0
"""likenessd against an examiner, or a decoder, that does everything but its work (hostile-examiner.c): whatever it
says, it is ended, the caller has an error or an answer that is no match, and the next call works."""

import os
import signal
import time

import harness
import pictures
import services
from client import BusError, Client, Request
from harness import eventually

PROGRAM = "hostile-examiner"
WITHIN = 4          # seconds; likenessd waits 1.5 s for a word, a busy machine takes its time
MIB = 1024          # KiB


def hostile(scratch):
    # one second more than the shortest that the configuration can have would only make the tests slower
    path = scratch + "/quick.conf"
    with open(path, "w") as file:
        file.write("[Verification]\nMode=pilot\nReferenceSources=supplied\nMinimumChallenge=none\nTimeLimitSec=5\n")
    return [f"--examiner={harness.build_directory()}/tests/bus/{PROGRAM}", "--config=" + path]


class Hostile(harness.TestCase):
    terminal = harness.Terminal(clip="person04-live.avi", prepare=hostile)

    def setUp(self):
        self.set_mode("match")
        super().setUp()

    def tearDown(self):
        for pid in services.instances(program=PROGRAM):
            services.signal_process(pid, signal.SIGKILL)

    def set_mode(self, mode):
        harness.file_of(mode.encode() + b"\n", "hostile-mode")

    def outcome(self, mode):
        """What the caller is told of a check with that examiner."""
        self.set_mode(mode)
        caller = Client()
        call = caller.start(Request(pictures.portrait(4)))
        outcome = call.outcome()
        self.took = call.ended - call.began
        caller.close()
        self.assertTrue(services.likenessd(), "likenessd has ended")
        self.assertEqual(services.pictures_open(), [])
        return outcome

    def works_again(self):
        self.set_mode("match")
        answer = Client().verify(Request(pictures.portrait(4)))
        self.assertEqual(answer.verdict, "match", answer)

    def refused(self, *modes, because="", within=WITHIN):
        """Each ends in Unavailable, for the reason that the log gives; the process is gone, and an examiner that behaves
        is trusted again."""
        for mode in modes:
            with self.subTest(mode=mode):
                before = len(services.log())
                outcome = self.outcome(mode)
                self.assertIsInstance(outcome, BusError, outcome)
                self.assertEqual(outcome.name, harness.ERROR + "Unavailable", outcome)
                self.assertLess(len(outcome.message), 200)
                self.assertLess(self.took, within)
                self.assertIn(because, services.log()[before:])
                self.assertTrue(eventually(lambda: not services.instances(program=PROGRAM), 3), "it lives on")
                self.works_again()


class Examiner(Hostile):
    def test_behaves(self):
        """The control: with honest words this examiner is believed."""
        self.works_again()

    def test_before_dbus(self):
        self.refused("no-hello", "wrong-hello", "hello-only", "garbage")

    def test_hangs_up_at_each_step(self):
        self.refused("hang-up-hello", "hang-up-attach", "hang-up-examine", "hang-up-face-seen")

    def test_does_not_attach(self):
        self.refused("refuse-attach", "value-for-attach", because="it refused an order or answered in another form")
        self.refused("silent-attach", because="it said nothing")
        self.refused("unknown-part", because="it sent numbers out of range")

    def test_is_not_confined(self):
        """What it says is the last that it says; the log tells which part is missing."""
        error = self.outcome("unconfined")
        self.assertIsInstance(error, BusError)
        self.assertIn("not confined", error.message)
        self.assertIn("it is not confined as its unit declares: files can be written", services.log())
        self.works_again()

    def test_says_nothing(self):
        self.refused("silent", because="it said nothing")

    def test_floods(self):
        self.refused("flood", "flood-prompts", because="too many messages")

    def test_signals_not_on_the_list(self):
        self.refused("string", "bytes", "descriptor", "member", "stage", "stage-negative", "prompt", "progress",
                     because="not on the list")

    def test_calls_likenessd(self):
        self.refused("call", "ping", "introspect", because="not on the list")

    def test_replies_unasked(self):
        self.refused("unasked", because="not on the list")

    def test_findings_out_of_range(self):
        self.refused("outcome", "reason", "model", "captured", "used", "matched", "similarity", "similarity-negative",
                     "liveness", "signs", because="out of range")

    def test_findings_of_another_form(self):
        self.refused("findings-signature", "findings-short", "findings-long", "error",
                     because="it refused an order or answered in another form")

    def test_failures_that_it_admits(self):
        self.refused("internal-error", "model-missing")

    def test_match_without_evidence(self):
        for mode in ("no-evidence", "little-evidence", "nothing-matched", "time-ran-out"):
            with self.subTest(mode=mode):
                outcome = self.outcome(mode)
                self.assertNotIsInstance(outcome, BusError, outcome)
                self.assertEqual(outcome.verdict, "inconclusive", outcome)

    def test_never_ends(self):
        """It says that it is there, and nothing else: the time limit of 5 s and 3 s more."""
        self.refused("alive-only", within=15)

    def test_huge_message(self):
        """100 MiB: never taken into memory."""
        pid = services.likenessd()
        services.reset_peak(pid)
        self.refused("huge", within=15)
        self.assertEqual(services.likenessd(), pid)
        if not services.has_sanitizer(pid):
            self.assertLess(services.memory("VmHWM", pid), 80 * MIB)
            self.assertLess(services.memory("VmRSS", pid), 16 * MIB)

    def test_hostile_strings_are_not_logged(self):
        before = len(services.log())
        self.outcome("error")
        self.outcome("refuse-attach")
        self.outcome("string")
        said = services.log()[before:]
        self.assertNotIn("AAAAAAAA", said)
        self.assertNotIn("customer's name", said)

    def test_stuck(self):
        """It does not arm the lifeline and stays: nothing more is possible until it is gone, then everything."""
        outcome = self.outcome("stuck")
        self.assertIsInstance(outcome, BusError, outcome)
        self.assertEqual(outcome.name, harness.ERROR + "Unavailable")
        self.assertIn("examiner-stuck", outcome.message)
        self.assertGreater(self.took, 1.9)

        self.set_mode("match")
        for method in ("Verify", "Begin"):
            with self.assertRaises(BusError) as caught:
                Client().start(Request(pictures.portrait(4)), method).wait()
            self.assertEqual(caught.exception.name, harness.ERROR + "Unavailable")
            self.assertIn("examiner-stuck", caught.exception.message)
        with self.assertRaises(BusError) as caught:
            Client("nobody").verify(Request(pictures.portrait(4)))
        self.assertEqual(caught.exception.name, harness.DENIED)

        for pid in services.instances(program=PROGRAM):
            os.kill(pid, signal.SIGKILL)
        self.assertTrue(eventually(lambda: Client("root").get("State") == "idle", 5))
        self.works_again()

    def test_stuck_and_cancelled(self):
        self.set_mode("stuck-silent")
        caller = Client()
        session = caller.begin(Request(pictures.portrait(4)))
        time.sleep(0.3)
        session.cancel()
        answer = session.finished(10)
        self.assertEqual(answer.verdict, "")
        self.assertEqual(answer.fields["error"], harness.ERROR + "Unavailable", answer)
        self.assertIn("examiner-stuck", answer.fields["message"])
        for pid in services.instances(program=PROGRAM):
            os.kill(pid, signal.SIGKILL)
        self.assertTrue(eventually(lambda: Client("root").get("State") == "idle", 5))
        self.works_again()


class Decoder(Hostile):
    def test_answers_that_cannot_be(self):
        self.refused("decoder-outcome", "decoder-size", "decoder-nothing", "decoder-error")

    def test_another_size_than_it_says(self):
        self.refused("decoder-too-little", "decoder-too-much", because="another size")

    def test_hangs_up(self):
        self.refused("decoder-hang-up", because="decoder failed")

    def test_says_nothing(self):
        self.refused("decoder-silent", because="it said nothing")

    def test_floods(self):
        self.refused("decoder-flood", because="too many messages")

    def test_prevents_sealing(self):
        self.refused("decoder-seals", because="cannot be sealed")

    def test_keeps_the_pixels_writable(self):
        """A child of it holds a writable mapping: pixels that could still change are not used."""
        outcome = self.outcome("decoder-keeps-writing")
        self.assertIsInstance(outcome, BusError, outcome)
        self.assertEqual(outcome.name, harness.ERROR + "Unavailable", outcome)

    def test_stuck(self):
        outcome = self.outcome("decoder-stuck")
        self.assertIsInstance(outcome, BusError, outcome)
        self.assertIn("examiner-stuck", outcome.message)
        self.set_mode("match")
        with self.assertRaises(BusError) as caught:
            Client().verify(Request(pictures.portrait(4)))
        self.assertIn("examiner-stuck", caught.exception.message)
        for pid in services.instances(program=PROGRAM):
            os.kill(pid, signal.SIGKILL)
        self.assertTrue(eventually(lambda: Client("root").get("State") == "idle", 5))
        self.works_again()


if __name__ == "__main__":
    harness.main()

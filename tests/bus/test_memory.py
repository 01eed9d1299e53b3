#!/usr/bin/python3 -B
# SPDX-License-Identifier: Apache-2.0
"""likenessd runs out of memory at any moment of a check: what the caller is told is in the ledger, every opening has one
closing, and the next check works."""

import mmap
import os
import random
import struct
import sys

import harness
import pictures
import services
import test_receipts
from client import BusError, Client, Request
from harness import PLACE, eventually

sys.path.insert(0, os.path.realpath(os.path.dirname(__file__) + "/../../tools"))

import control_groups

MOMENTS = 60
NUMBERS = PLACE + "/numbers"


def hostile(scratch):
    return [f"--examiner={harness.build_directory()}/tests/bus/hostile-examiner"]


class Memory(harness.TestCase):
    terminal = harness.Terminal("--control-groups", clip="person04-live.avi", prepare=hostile,
                                why_not=control_groups.why_not)

    def setUp(self):
        super().setUp()
        if services.has_sanitizer():
            self.skipTest("preloaded libraries and the sanitizers' own do not go together")
        harness.file_of(b"match\n", "hostile-mode")
        with open(NUMBERS, "wb") as file:
            file.write(bytes(16))
        os.chmod(NUMBERS, 0o666)
        with open(NUMBERS, "r+b") as file:
            self.numbers = mmap.mmap(file.fileno(), 16)
        self.daemon = services.Daemon()
        self.before = dict(self.daemon.environment)
        self.daemon.environment.update(LD_PRELOAD=harness.build_directory() + "/tests/bus/memory-shim.so",
                                       FAIL_MEMORY=NUMBERS)
        self.daemon.start()
        self.deaths = []

    def tearDown(self):
        self.set(0, 0)
        self.daemon.environment = self.before
        self.daemon.start()

    def set(self, successes, failures):
        self.numbers[:] = struct.pack("qq", successes, failures)

    def check(self):
        caller = Client()
        try:
            return caller.start(Request(pictures.portrait(4))).outcome(20)
        finally:
            caller.close()

    def is_recorded(self, outcome):
        if not isinstance(outcome, BusError):
            self.assertIn(outcome.fields["receipt"], test_receipts.lines())

    def is_there_again(self):
        """As systemd would start it, if it has ended."""
        self.assertTrue(eventually(self.is_idle, 10), "it stays busy")

    def is_idle(self):
        if self.daemon.process.poll() is not None:
            self.deaths.append(self.daemon.process.returncode)
            self.daemon.start()
        caller = Client("root")
        try:
            return caller.get("State") == "idle"
        except BusError:
            return False                # it ends
        finally:
            caller.close()

    def test_at_any_moment(self):
        source = random.Random(7)
        self.set(1 << 40, 1)
        self.assertEqual(self.check().verdict, "match")
        needed = (1 << 40) - struct.unpack("qq", self.numbers[:])[0]
        self.assertGreater(needed, 100)

        for i in range(MOMENTS):
            moment, failures = source.randrange(needed), source.choice((1, 1, 3, 30))
            with self.subTest(moment=moment, failures=failures):
                self.set(moment, failures)
                try:
                    outcome = self.check()
                finally:
                    self.set(0, 0)
                self.is_recorded(outcome)
                self.is_there_again()
        outcome = self.check()
        self.assertNotIsInstance(outcome, BusError, outcome)
        self.assertEqual(outcome.verdict, "match")

        opened = [e["sequence"] for e in test_receipts.entries() if e["entry"] == "opened"]
        closed = [e["opening"] for e in test_receipts.entries() if e["entry"] == "closed"]
        self.assertEqual(sorted(closed), opened)
        self.assertGreater(len(opened), MOMENTS // 4)
        print("#", needed, "allocations a check; it ended", len(self.deaths), "times:", self.deaths, flush=True)
        self.assertFalse([status for status in self.deaths if status < 0], "it was ended by a signal")


if __name__ == "__main__":
    harness.main()

# SPDX-License-Identifier: Apache-2.0
"""The daemon killed, hung, without memory; the terminal's plug pulled: it comes back, and nothing was lost."""

import os
import resource
import signal
import time

from harness import TestCase
from shop import DECODERS, EXAMINERS, claims_of
from terminal import NAME, OBJECT, eventually


class Recovery(TestCase):
    def setUp(self):
        self.verdict("match")           # something to lose
        self.before = self.shop.receipts()

    def comes_back(self, was):
        """likenessd runs again as another process, still has all entries, and works."""
        self.assertTrue(eventually(lambda: self.shop.pid() not in (None, was)), "likenessd does not come back")
        self.shop.wait_served()
        self.assertEqual(self.shop.receipts()[:len(self.before)], self.before)
        self.verdict("match")
        self.shop.check_ledger()

    def is_closed_as_interrupted(self, answer):
        """The check that was under way: no verdict, nothing of it left, and on record as what it was."""
        self.assertIsNone(answer.verdict, answer)
        self.assertNotIn(answer.status, (0, 1))
        self.closed_as("interrupted", len(self.before))

    def nothing_is_left(self, since):
        """Within 2 s of the daemon's end."""
        gone = eventually(lambda: not self.shop.populated(EXAMINERS) and not self.shop.populated(DECODERS), 10)
        self.assertTrue(gone, "the examiner stays")
        self.assertLess(time.monotonic() - since, 2)

    def test_killed_between_checks(self):
        pid = self.shop.pid()
        os.kill(self.shop.outside(pid), signal.SIGKILL)
        self.comes_back(pid)

    def test_killed_in_the_middle_of_a_check(self):
        check = self.shop.begin_verifying()
        pid = self.shop.pid()
        os.kill(self.shop.outside(pid), signal.SIGKILL)
        self.nothing_is_left(time.monotonic())
        answer = self.shop.finish_verifying(check)
        self.comes_back(pid)
        self.is_closed_as_interrupted(answer)

    def test_hung_in_the_middle_of_a_check(self):
        """systemd misses its watchdog's sign of life. (The unit's own 20 s, and 10 s to end, are shortened for the test.)"""
        self.assertEqual(self.shop.show("likenessd.service", "WatchdogUSec"), "20s")
        self.shop.drop_in("likenessd.service", "[Service]\nWatchdogSec=2s\nTimeoutAbortSec=1s\n")
        self.shop.run("root", "systemctl", "restart", "likenessd.service")
        self.shop.wait_served()
        self.before = self.shop.receipts()
        check = self.shop.begin_verifying()
        pid = self.shop.pid()
        os.kill(self.shop.outside(pid), signal.SIGSTOP)
        self.comes_back(pid)
        answer = self.shop.finish_verifying(check)
        self.is_closed_as_interrupted(answer)
        self.assertTrue([said for said in self.shop.messages("--unit=likenessd.service") if "atchdog" in said])
        self.shop.no_drop_in("likenessd.service")
        self.shop.run("root", "systemctl", "restart", "likenessd.service")

    def test_out_of_memory(self):
        """Each further allocation fails, first between checks, then in the middle of one. (A memory limit of the unit's
        control group would have the kernel kill it: the tests above.)"""
        for busy in (False, True):
            with self.subTest(busy=busy):
                self.before = self.shop.receipts()
                check = self.shop.begin_verifying() if busy else None
                pid = self.shop.pid()
                outside = self.shop.outside(pid)
                resource.prlimit(outside, resource.RLIMIT_DATA, (1 << 16, 1 << 16))
                resource.prlimit(outside, resource.RLIMIT_AS, (1 << 16, 1 << 16))
                answers = [self.shop.finish_verifying(check)] if busy else []
                for _ in range(3):
                    answers.append(self.shop.verify())
                self.shop.run("root", "busctl", "--timeout=2", "call", NAME, OBJECT,
                              "org.freedesktop.DBus.Properties", "GetAll", "s", NAME, check=False)
                for answer in answers:
                    if answer.verdict:  # what fitted into what it had
                        self.assertIn(answer.receipt, self.shop.receipts())
                if self.shop.pid() == pid:
                    self.shop.run("root", "systemctl", "restart", "likenessd.service")
                self.comes_back(pid)
                opened = {claims["sequence"] for claims in self.shop.ledger("opened")}
                closed = [claims["opening"] for claims in self.shop.ledger("closed")]
                self.assertEqual(sorted(closed), sorted(opened))

    def test_switched_off_in_the_middle_of_a_check(self):
        """There is a bus until likenessd has ended: the check is closed then, and not at the next start."""
        self.shop.connect_camera(None)
        self.shop.wait_served()
        self.before = self.shop.receipts()
        check = self.shop.begin_verifying()
        self.shop.power_off()
        answer = self.shop.finish_verifying(check)
        closed = self.shop.receipts()
        self.shop.boot()
        self.shop.connect_camera()
        self.shop.wait_served()
        self.is_closed_as_interrupted(answer)
        self.assertEqual([claims["entry"] for claims in map(claims_of, closed[len(self.before):])], ["opened", "closed"])
        self.assertEqual([said for said in self.shop.messages("--unit=likenessd.service") if "bus was lost" in said], [])

    def test_the_plug_is_pulled_in_the_middle_of_a_check(self):
        check = self.shop.begin_verifying()
        self.shop.pull_the_plug()
        answer = self.shop.finish_verifying(check)
        self.shop.boot()
        self.shop.connect_camera()
        self.shop.wait_served()
        self.assertEqual(self.shop.receipts()[:len(self.before)], self.before)
        self.verdict("match")
        self.is_closed_as_interrupted(answer)
        self.shop.check_ledger()

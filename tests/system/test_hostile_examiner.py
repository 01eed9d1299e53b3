# SPDX-License-Identifier: Apache-2.0
"""An examiner in the hands of somebody else, in the place and in the sandbox of the real one: it spins, it forks, it
ignores whatever it is sent. It never leads to a match, and 2 s after its end was wanted nothing of it is left.

The lifeline ends one that has armed it, as the real one does before it is given anything; the kernel ends all others of its
control group when likenessd asks for it."""

import os
import signal
import time

from harness import BUILD, TestCase
from shop import EXAMINERS
from terminal import eventually

PROGRAM = "/usr/libexec/likeness/hostile-examiner"


class HostileExaminer(TestCase):
    @classmethod
    def prepare(cls):
        super().prepare()
        cls.shop.copy(BUILD + "/tests/bus/hostile-examiner", PROGRAM, mode=0o755)

    def hostile(self, mode, more=""):
        self.shop.drop_in("likeness-examiner@.service", f"[Service]\nExecStart=\nExecStart={PROGRAM}\n"
                                                        f"Environment=LIKENESS_HOSTILE_MODE={mode}\n{more}")
        self.addCleanup(self.honest)

    def honest(self):
        """The next check, with the real one."""
        self.shop.no_drop_in("likeness-examiner@.service")
        self.verdict("match")
        self.shop.check_ledger()

    def is_empty(self, since, within=2.0):
        """The control group, seen from outside; how long it took."""
        self.assertTrue(eventually(lambda: not self.shop.populated(EXAMINERS), 10), "it stays")
        took = time.monotonic() - since
        self.assertLess(took, within)
        return took

    def caller_leaves(self, mode, processes):
        """likenessd wants the examiner's end because nobody waits for the answer any more."""
        self.hostile(mode)
        check = self.shop.begin_verifying()
        self.assertTrue(eventually(lambda: len(self.shop.processes(EXAMINERS)) >= processes, 10))
        time.sleep(0.2)                 # it is at what it does
        check.send_signal(signal.SIGKILL)
        for pid in self.shop.processes():
            with open(f"/proc/{pid}/comm") as file:
                if file.read() == "likenessctl\n":
                    os.kill(pid, signal.SIGKILL)
        self.is_empty(time.monotonic())
        self.shop.finish_verifying(check)

    def answered(self, mode):
        """likenessd ends it because it said nothing; the caller is told within bounds."""
        self.hostile(mode)
        began = time.monotonic()
        answer = self.shop.verify()
        self.is_empty(time.monotonic(), within=0.5)
        self.assertIsNone(answer.verdict, answer)
        self.assertEqual(answer.error, "org.likeness.Verifier1.Error.Unavailable")
        self.assertLess(time.monotonic() - began, 10)
        closed = self.shop.ledger("closed")[-1]
        self.assertNotIn("verdict", closed)
        self.assertEqual(closed["cause"], "examiner-failed")
        self.assertEqual(closed["examiner-ended"], "control-group")

    def test_it_spins_with_all_signals_blocked(self):
        self.answered("spins")

    def test_it_spins_and_the_caller_leaves(self):
        self.caller_leaves("spins", 1)

    def test_it_ignores_all_signals(self):
        self.answered("ignores-signals")

    def test_it_ignores_all_signals_and_the_caller_leaves(self):
        self.caller_leaves("ignores-signals", 1)

    def test_it_forks(self):
        self.answered("forks")

    def test_it_forks_and_the_caller_leaves(self):
        self.caller_leaves("forks", 5)  # of 9, as far as its limit lets it

    def test_it_forks_and_answers(self):
        """The answer comes when the last child has gone, not before."""
        self.hostile("forks-and-answers")
        answer = self.shop.verify()
        self.assertFalse(self.shop.populated(EXAMINERS))
        self.assertEqual(answer.claims["examiner-ended"], "control-group")

    def test_it_does_not_arm_its_lifeline(self):
        self.answered("stuck-silent")

    def test_it_does_not_arm_its_lifeline_and_the_caller_leaves(self):
        self.caller_leaves("stuck-silent", 1)

    def test_it_does_not_arm_its_lifeline_and_answers(self):
        """It stays when it has said what it found; the answer comes when it is gone all the same."""
        self.hostile("stuck")
        answer = self.shop.verify()
        self.is_empty(time.monotonic(), within=0.5)
        self.assertEqual(answer.claims["examiner-ended"], "control-group")

    def test_without_the_kernels_help_it_stays_and_no_check_is_made(self):
        """Where likenessd may not have the group ended: no verdict, no further check while it is there, and its unit's own
        limit ends it (6.5 min., here 4 s)."""
        self.assertEqual(self.shop.show("likeness-examiner@0.service", "RuntimeMaxUSec"), "6min 30s")
        self.shop.run("root", "chown", "root", "/sys/fs/cgroup/likeness.slice/likeness-examiner.slice/cgroup.kill")
        self.addCleanup(self.shop.run, "root", "systemctl", "restart", "likenessd.service")
        self.hostile("stuck", "RuntimeMaxSec=4s\n")
        answer = self.shop.verify()
        self.assertIsNone(answer.verdict, answer)
        self.assertIn("examiner-stuck", answer.fields["message"])
        self.assertEqual(self.shop.ledger("closed")[-1]["cause"], "examiner-stuck")
        answer = self.shop.verify()
        self.assertIn("examiner-stuck", answer.fields["message"])
        self.is_empty(time.monotonic(), within=10)

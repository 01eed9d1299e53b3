#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Whatever happens to likenessd, its examiner, its callers and its disk: no verdict that a caller saw is missing or
recorded twice, every opening is closed once, and the chain has no hole.

LIKENESS_MOMENTS says at how many random moments likenessd is killed (default: 40).
"""

import os
import pwd
import random
import secrets
import signal
import subprocess
import time

import harness
from test_receipts import LEDGER, audit, entries, lines

try:
    import client
    import pictures
    import services
except ImportError:
    pass                            # outside, where nothing of this is used

MOMENTS = int(os.environ.get("LIKENESS_MOMENTS", "40"))
SWITCH = harness.PLACE + "/fail-sync"


class Seen:
    """What callers were told, to be compared with what was recorded."""

    def __init__(self):
        self.answers = {}               # nonce → set of receipts
        self.calls = []                 # (nonce, call)

    def start(self, caller, value, portrait):
        self.calls.append((value, caller.start(client.Request(portrait, nonce=value))))

    def collect(self, seconds):
        client.spin(lambda: all(call.is_over() for _, call in self.calls), seconds)
        for value, call in self.calls:
            if call.result is not None:
                self.answers.setdefault(value, set()).add(client.Answer(call.result).fields["receipt"])
        self.calls = []

    def check(self, test):
        """Every verdict that was seen is the one closing of its one opening."""
        recorded = lines()
        for value, receipts in self.answers.items():
            test.assertEqual(len(receipts), 1, "two answers to one nonce")
            test.assertEqual(recorded.count(next(iter(receipts))), 1, "an answer is missing, or there twice")

        opened = [e["sequence"] for e in entries() if e["entry"] == "opened"]
        closed = [e["opening"] for e in entries() if e["entry"] == "closed"]
        test.assertEqual(sorted(opened), sorted(closed), "an opening is not closed once")
        test.assertEqual([e["sequence"] for e in entries()], list(range(1, len(entries()) + 1)))
        done = audit()
        test.assertEqual(done.returncode, 0, done.stdout)


class Chaos(harness.TestCase):
    def setUp(self):
        super().setUp()
        self.plain = pictures.encoded(pictures.landscape())
        self.face = pictures.portrait("01")

    def disturb(self, source, seen):
        """One round: callers that stay, join and leave; sometimes the examiner dies as well."""
        stays, leaves = client.Client("clerk"), client.Client("clerk")
        value = secrets.token_urlsafe(24)
        if source.random() < 0.3:
            leaves.start(client.Request(self.face, nonce=secrets.token_urlsafe(24)))
            client.spin(lambda: False, source.random() * 0.4)
            leaves.close()
        seen.start(stays, value, source.choice((self.plain, self.face)))
        if source.random() < 0.5:
            seen.start(stays, value, self.plain)
        if source.random() < 0.3:
            for pid in services.instances():
                services.signal_process(pid, signal.SIGKILL)
        return stays

    def undisturbed(self):
        """How long a check takes, here and now."""
        caller, began = client.Client("clerk"), time.monotonic()
        caller.verify(client.Request(self.face))
        caller.close()
        return time.monotonic() - began

    def test_killed_at_random_moments(self):
        whole, source, seen, daemon = self.undisturbed(), random.Random(11), Seen(), services.Daemon()
        for moment in range(MOMENTS):
            caller = self.disturb(source, seen)
            client.spin(lambda: False, source.random() * source.choice((0.1, 1, 2)) * whole)
            daemon.process.kill()
            daemon.process.wait()
            seen.collect(20)
            caller.close()
            daemon.start()
        services.wait_idle()
        self.assertGreater(len(seen.answers), MOMENTS // 10, "hardly any check came to its end")
        self.assertGreater(sum(e.get("cause") == "interrupted" for e in entries()), MOMENTS // 10)
        seen.check(self)


class FullDisk(harness.TestCase):
    def test_a_full_disk_gives_no_verdict(self):
        plain, seen = pictures.encoded(pictures.landscape()), Seen()
        daemon = services.Daemon()
        entry = pwd.getpwnam("likeness")
        subprocess.run(["mount", "-t", "tmpfs", "-o", f"size=32k,mode=0700,uid={entry.pw_uid},gid={entry.pw_gid}",
                        "tmpfs", LEDGER], check=True)
        # the key that the old ledger announced is the one that the new one begins with
        daemon.start()

        caller = client.Client("clerk")
        outcome = None
        for _ in range(100):
            value = secrets.token_urlsafe(24)
            outcome = caller.start(client.Request(plain, nonce=value)).outcome()
            if isinstance(outcome, client.BusError):
                break
            seen.answers[value] = {outcome.fields["receipt"]}
        self.assertEqual(outcome.name, harness.ERROR + "Unavailable")
        self.assertGreater(len(seen.answers), 1)

        # nothing more is signed, not even when there is room again
        subprocess.run(["mount", "-o", "remount,size=4m", LEDGER], check=True)
        again = caller.start(client.Request(plain)).outcome()
        self.assertEqual(getattr(again, "name", again), harness.ERROR + "Unavailable")
        count = len(entries())
        daemon.start()
        self.assertGreater(len(entries()), count)
        self.assertEqual(caller.verify(client.Request(plain)).verdict, "reference-unusable")
        caller.close()
        seen.check(self)


class FailingSync(harness.TestCase):
    def test_what_was_not_synced_is_not_answered(self):
        plain, seen, daemon = pictures.encoded(pictures.landscape()), Seen(), services.Daemon()
        shim = harness.build_directory() + "/tests/bus/sync-shim.so"
        before = daemon.environment.get("LD_PRELOAD")
        daemon.environment["LD_PRELOAD"] = " ".join(filter(None, (shim, before)))
        daemon.environment["FAIL_SYNC"] = SWITCH
        daemon.environment["ASAN_OPTIONS"] = daemon.environment.get("ASAN_OPTIONS", "") + ":verify_asan_link_order=0"
        daemon.start()
        self.addCleanup(lambda: os.path.exists(SWITCH) and os.unlink(SWITCH))

        source, caller = random.Random(5), client.Client("clerk")
        for _ in range(6):
            value = secrets.token_urlsafe(24)
            call = caller.start(client.Request(plain, nonce=value))
            client.spin(lambda: False, source.random() * 0.2)
            open(SWITCH, "w").close()
            outcome = call.outcome()
            if not isinstance(outcome, client.BusError):
                seen.answers[value] = {outcome.fields["receipt"]}
            # once it failed, nothing is signed, although the disk works again
            refused = caller.start(client.Request(plain)).outcome()
            os.unlink(SWITCH)
            self.assertEqual(getattr(refused, "name", refused), harness.ERROR + "Unavailable")
            refused = caller.start(client.Request(plain)).outcome()
            self.assertEqual(getattr(refused, "name", refused), harness.ERROR + "Unavailable")
            daemon.start()
            self.assertEqual(caller.verify(client.Request(plain)).verdict, "reference-unusable")
        caller.close()
        seen.check(self)


if __name__ == "__main__":
    harness.main()

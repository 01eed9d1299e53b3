#!/usr/bin/python3 -B
# SPDX-License-Identifier: Apache-2.0
"""How often a transaction, a terminal and an operator may try, with an examiner that says what the test wants: also after
a restart, a crash and a reboot, and whatever the wall clock does."""

import re
import secrets
import signal

import harness
from test_receipts import audit, call, claims_of, entries

try:
    import client
    import pictures
    import services
except ImportError:
    pass                            # outside, where nothing of this is used

PROGRAM = "hostile-examiner"
CLOCK = harness.PLACE + "/clock-offset"
BOOT = "/proc/sys/kernel/random/boot_id"


def terminal(*lines):
    def prepare(scratch):
        path = scratch + "/attempts.conf"
        with open(path, "w") as file:
            file.write("[Verification]\nReferenceSources=supplied\nMinimumChallenge=none\n" + "\n".join(lines) + "\n")
        return [f"--examiner={harness.build_directory()}/tests/bus/{PROGRAM}", "--config=" + path]

    return harness.Terminal(prepare=prepare)


class Scripted(harness.TestCase):
    """Each test has transactions of its own, so that they share one ledger."""

    def setUp(self):
        self.mode("match")
        super().setUp()
        self.portrait = pictures.encoded(pictures.landscape())
        self.clerk = client.Client("clerk")
        self.addCleanup(self.clerk.close)
        self.transaction = "T-" + secrets.token_urlsafe(6)

    def tearDown(self):
        for pid in services.instances(program=PROGRAM):
            services.signal_process(pid, signal.SIGKILL)

    def mode(self, mode):
        harness.file_of(mode.encode() + b"\n", "hostile-mode")

    def request(self, **more):
        keys = {"nonce": secrets.token_urlsafe(24), "transaction": self.transaction, "notice": "n@1", **more}
        return client.Request(self.portrait, **{k: v for k, v in keys.items() if v is not None})

    def ask(self, mode, **more):
        """The answer to a check that comes to `mode`, or the error."""
        self.mode(mode)
        outcome = self.clerk.start(self.request(**more)).outcome()
        services.wait_idle()
        return outcome

    def told(self, answer):
        return answer.verdict, answer.fields["attempt"], answer.fields["attempts-left"]

    def use_up(self, **more):
        for number in range(1, 4):
            self.assertEqual(self.told(self.ask("no-match", **more)), ("no-match", number, 3 - number))

    def abort(self, mode, how):
        """A check that is ended from outside: when a face was seen, or before."""
        self.mode(mode)
        before = len(services.log())
        caller = client.Client("clerk")
        session = caller.begin(self.request())
        self.assertTrue(client.spin(lambda: services.instances(program=PROGRAM), 20))
        client.spin(lambda: False, 0.5)         # for the word that a face was seen
        if how == "cancel":
            session.cancel()
            session.finished()
        caller.close()
        self.assertTrue(services.wait_log("closed: " + ("cancelled" if how == "cancel" else "caller-gone"), before, 20))
        services.wait_idle()

    def left(self):
        """How many tries the transaction has, asked by a match, which uses none."""
        return self.ask("match").fields["attempts-left"]


class Ladder(Scripted):
    terminal = terminal("Mode=pilot")

    def test_three_tries_and_the_fourth_is_exhausted(self):
        self.use_up()
        before = len(entries())
        value = secrets.token_urlsafe(24)
        answer = self.ask("match", nonce=value)
        self.assertEqual(self.told(answer), ("exhausted", 4, 0))
        self.assertEqual(answer.reasons, [])
        self.assertEqual(answer.types["attempt"] + answer.types["attempts-left"], "uu")
        self.assertEqual([e["entry"] for e in entries()[before:]], ["opened", "closed"])

        claims = claims_of(answer.fields["receipt"])
        self.assertEqual((claims["verdict"], claims["cause"], claims["face-seen"]), ("exhausted", "verdict", False))
        self.assertEqual((claims["attempt"], claims["attempts-left"], claims["nonce"]), (4, 0, value))
        self.assertNotIn("examiner-ended", claims, "there was no examiner")
        self.assertEqual(claims["evidence"]["passive"], "none")
        self.assertGreaterEqual(claims["attempts-last-hour"], 4)

        again = client.Answer(call(self.clerk, "GetResult", "(s)", value).wait())
        self.assertEqual(self.told(again), ("exhausted", 4, 0))
        self.assertEqual(again.fields["receipt"], answer.fields["receipt"])
        self.assertEqual(self.told(self.ask("match")), ("exhausted", 5, 0))
        done = audit()
        self.assertEqual(done.returncode, 0, done.stdout)

    def test_no_examiner_is_started_for_an_exhausted_transaction(self):
        self.use_up()
        self.mode("stuck-silent")
        session = self.clerk.begin(self.request())
        self.assertEqual(session.finished(10).verdict, "exhausted")
        self.assertEqual(services.instances(program=PROGRAM), [])
        self.assertEqual(services.pictures_open(), [])

    def test_another_transaction_is_free(self):
        self.use_up()
        self.assertEqual(self.told(self.ask("no-match", transaction=self.transaction + "b")), ("no-match", 1, 2))

    def test_six_unclear_answers(self):
        modes = ["time-ran-out", "unusable", "little-evidence"] * 2
        for number, (mode, left) in enumerate(zip(modes, (3, 3, 3, 2, 1, 0)), 1):
            answer = self.ask(mode)
            self.assertIn(answer.verdict, ("inconclusive", "reference-unusable"))
            self.assertEqual(self.told(answer)[1:], (number, left), mode)
        self.assertEqual(self.ask("match").verdict, "exhausted")

    def test_mixed(self):
        for mode, left in (("unusable", 3), ("no-match", 2), ("match", 2), ("time-ran-out", 2), ("not-live", 1),
                           ("unusable", 1), ("match", 1), ("no-match", 0)):
            self.assertEqual(self.ask(mode).fields["attempts-left"], left, mode)
        self.assertEqual(self.ask("match").verdict, "exhausted")

    def test_get_result_tells_the_same_later(self):
        value = secrets.token_urlsafe(24)
        self.ask("no-match", nonce=value)
        self.ask("no-match")
        again = client.Answer(call(self.clerk, "GetResult", "(s)", value).wait())
        self.assertEqual(self.told(again), ("no-match", 1, 2))
        claims = claims_of(again.fields["receipt"])
        self.assertEqual((claims["attempt"], claims["attempts-left"]), (1, 2))

    def test_without_a_transaction_each_stands_alone(self):
        for _ in range(4):
            self.assertEqual(self.told(self.ask("no-match", transaction=None)), ("no-match", 1, 2))

    def test_leaving_when_a_face_was_seen_counts(self):
        self.abort("face-seen-waits", "leave")
        self.assertEqual(self.left(), 2)
        self.abort("face-seen-waits", "cancel")
        self.assertEqual(self.left(), 1)
        self.assertIsInstance(self.ask("face-seen-lost"), client.BusError)
        self.assertEqual(self.ask("match").verdict, "exhausted")

    def test_leaving_before_does_not(self):
        self.abort("alive-only", "leave")
        self.abort("alive-only", "cancel")
        self.assertIsInstance(self.ask("lost"), client.BusError)
        self.assertEqual(self.left(), 3)

    def test_an_examiner_that_dies_with_a_face_counts(self):
        self.assertIsInstance(self.ask("hang-up-examine"), client.BusError)
        self.assertEqual(self.left(), 3)
        self.assertIsInstance(self.ask("hang-up-face-seen"), client.BusError)
        self.assertEqual(self.left(), 2)

    def test_attempts_of_the_last_hour(self):
        first = claims_of(self.ask("match").fields["receipt"])["attempts-last-hour"]
        self.ask("match", transaction="another-one")
        self.assertEqual(claims_of(self.ask("match").fields["receipt"])["attempts-last-hour"], first + 2)


class Restarts(Scripted):
    terminal = terminal("Mode=pilot")

    def setUp(self):
        super().setUp()
        self.daemon = services.Daemon()

    def killed(self):
        self.daemon.process.kill()
        self.daemon.process.wait()
        self.daemon.start()

    def test_a_restart_changes_nothing(self):
        self.assertEqual(self.told(self.ask("no-match")), ("no-match", 1, 2))
        self.daemon.start()
        self.assertEqual(self.told(self.ask("unusable")), ("reference-unusable", 2, 2))
        self.daemon.start()
        self.assertEqual(self.told(self.ask("no-match")), ("no-match", 3, 1))
        self.killed()
        self.assertEqual(self.told(self.ask("no-match")), ("no-match", 4, 0))
        self.killed()
        self.assertEqual(self.told(self.ask("match")), ("exhausted", 5, 0))
        self.killed()
        self.assertEqual(self.told(self.ask("match")), ("exhausted", 6, 0))

    def test_killing_the_service_is_no_way_out(self):
        for left in (2, 1):
            self.mode("alive-only")
            self.clerk.start(self.request())
            self.assertTrue(client.spin(lambda: services.instances(program=PROGRAM), 20))
            self.killed()
            services.wait_idle()
            self.assertEqual(self.left(), left)
        last = [e for e in entries() if e["entry"] == "closed" and e["cause"] == "interrupted"][-1]
        self.assertNotIn("face-seen", last)

    def test_stopping_it_in_order_counts_if_a_face_was_seen(self):
        for mode, left in (("alive-only", 3), ("face-seen-waits", 2)):
            self.mode(mode)
            self.clerk.start(self.request())
            self.assertTrue(client.spin(lambda: services.instances(program=PROGRAM), 20))
            client.spin(lambda: False, 0.5)
            self.daemon.start()
            services.wait_idle()
            self.assertEqual(self.left(), left, mode)

    def test_a_reboot(self):
        self.ask("no-match")
        self.ask("no-match")
        path = harness.file_of(b"01234567-89ab-cdef-0123-456789abcdef\n", "boot-id")
        with services.instead(BOOT, path):
            self.daemon.start()
            self.assertEqual(self.told(self.ask("no-match")), ("no-match", 3, 0))
            self.assertEqual(entries()[-1]["boot"], "0123456789abcdef0123456789abcdef")
        self.daemon.start()
        self.assertEqual(self.ask("match").verdict, "exhausted")

    def test_the_wall_clock_does_not_matter(self):
        shim, before = harness.build_directory() + "/tests/bus/clock-shim.so", self.daemon.environment.get("LD_PRELOAD")
        self.daemon.environment["LD_PRELOAD"] = " ".join(filter(None, (shim, before)))
        self.daemon.environment["CLOCK_OFFSET"] = CLOCK
        self.daemon.environment["ASAN_OPTIONS"] = \
            self.daemon.environment.get("ASAN_OPTIONS", "") + ":verify_asan_link_order=0"

        def clock(days, word):
            harness.file_of(f"{days * 86400} {word}\n".encode(), "clock-offset")

        clock(0, "synchronised")
        self.daemon.start()
        self.ask("no-match")
        now = entries()[-1]["time"]
        self.assertEqual(entries()[-1]["clock"], "synchronised")
        clock(30, "synchronised")
        self.ask("no-match")
        self.assertGreater(entries()[-1]["time"], now + 29 * 86400)
        clock(-30, "unsynchronised")
        self.daemon.start()
        self.assertEqual(self.told(self.ask("no-match")), ("no-match", 3, 0))
        self.assertLess(entries()[-1]["time"], now - 29 * 86400)
        for days, word in ((-30, "synchronised"), (300, "unsynchronised"), (300, "synchronised"), (0, "synchronised")):
            clock(days, word)
            self.assertEqual(self.ask("match").verdict, "exhausted")
            self.daemon.start()
            self.assertEqual(self.ask("match").verdict, "exhausted")


class Clerk(Scripted):
    """A clerk who wants another person to pass; with limits that are soon reached."""
    terminal = terminal("Mode=enforce", "[Limits]", "TerminalAttemptsPerHour=14", "OperatorAttemptsPerHour=5")

    def limited(self, outcome):
        self.assertIsInstance(outcome, client.BusError, outcome)
        self.assertEqual(outcome.name, harness.ERROR + "RateLimited")
        seconds = int(re.search("wait ([0-9]+) seconds", outcome.message).group(1))
        self.assertIn(seconds, range(1, 3601))
        self.assertGreater(seconds, 3600 - 300)
        return seconds

    def decline(self):
        body = client.GLib.Variant("(a{sv})", ({"cause": client.GLib.Variant("s", "after-failure"),
                                                "alternative": client.GLib.Variant("s", "other")},))
        return client.Call(self.clerk, harness.PATH, harness.NAME, "Decline", body).wait().unpack()[0]

    def test_hostile_clerk(self):
        # less than the policy wants, or without what it wants, is refused before anything is opened
        before = len(entries())
        for key in ("nonce", "transaction", "notice"):
            refused = self.ask("match", **{key: None})
            self.assertEqual(refused.name, harness.ERROR + "BadRequest")
            self.assertTrue(refused.message.startswith(key + ":"), refused)
        self.assertEqual(len(entries()), before)

        # a nonce tries once: the same answer, whatever else is asked for
        value = secrets.token_urlsafe(24)
        first = self.ask("no-match", nonce=value, operator="anna")
        again = self.ask("match", nonce=value, operator="anna", transaction="another-name")
        self.assertEqual((again.verdict, again.fields["receipt"]), ("no-match", first.fields["receipt"]))
        self.assertEqual(len(entries()), before + 2)

        # hanging up before the verdict is a try as well, and is recorded
        self.abort("face-seen-waits", "leave")
        closing = entries()[-1]
        self.assertEqual((closing["cause"], closing["face-seen"], closing["attempt"]), ("caller-gone", True, 2))
        # unplugging the camera too
        self.assertIsInstance(self.ask("face-seen-lost", operator="anna"), client.BusError)
        self.assertEqual((entries()[-1]["cause"], entries()[-1]["attempts-left"]), ("camera-lost", 0))
        self.assertEqual(self.ask("match", operator="anna").verdict, "exhausted")

        # new transactions do not help: an operator has five in an hour
        for number in range(2):
            self.assertEqual(self.ask("no-match", operator="anna", transaction=f"new-{number}").verdict, "no-match")
        self.limited(self.ask("match", operator="anna", transaction="new-3"))
        # neither do new names, or none: the terminal has its own limit
        count = sum(e["entry"] == "opened" for e in entries())
        for number in range(14 - count):
            self.ask("no-match", operator=f"clerk-{number}" if number % 2 else None, transaction=f"name-{number}")
        count = len(entries())
        seconds = self.limited(self.ask("match", operator="new", transaction="new-4"))
        self.limited(self.ask("match", transaction="new-5"))
        self.assertEqual(len(entries()), count, "a call that was not carried out is in the ledger")

        # a restart is no way out, nor is a crash
        daemon = services.Daemon()
        self.assertLessEqual(self.limited(self.ask("match", transaction="new-6")), seconds)
        daemon.process.kill()
        daemon.process.wait()
        daemon.start()
        self.assertLessEqual(self.limited(self.ask("match", transaction="new-7")), seconds)

        # an answer that is there can still be had, and another way is always open
        self.assertEqual(self.ask("match", nonce=value).verdict, "no-match")
        self.assertIn("receipt", self.decline())
        done = audit()
        self.assertEqual(done.returncode, 0, done.stdout)


if __name__ == "__main__":
    harness.main()

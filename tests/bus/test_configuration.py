#!/usr/bin/python3 -B
# SPDX-License-Identifier: Apache-2.0
"""The configuration is read anew on request: a good one takes effect, after the check under way if there is one, and is in
the ledger; a bad one leaves the old one as it is, with words that name the mistake."""

import json
import os
import signal
import subprocess

import harness

try:
    import client
    import pictures
    import services
    import test_receipts as receipts
    from client import spin
except ImportError:
    pass                            # outside, where nothing of this is used

FILE = harness.PLACE + "/likenessd.conf"
GOOD = """[Verification]
Mode=pilot
FalseMatchRate=0.001
ReferenceSources=supplied
MinimumChallenge=none
"""
BAD_FILE = "org.freedesktop.DBus.Error.InvalidFileContent"


def write(text, path=FILE):
    """In place of the old file at once: a reader sees one or the other."""
    with open(path + ".new", "w") as file:
        file.write(text)
    os.rename(path + ".new", path)


def changes():
    return [e for e in receipts.entries() if e["entry"] == "configuration-changed"]


class Case(harness.TestCase):
    def setUp(self):
        super().setUp()
        self.admin = client.Client("root")
        self.addCleanup(self.admin.close)
        self.clerk = client.Client("clerk")
        self.addCleanup(self.clerk.close)

    def reload(self):
        return receipts.call(self.admin, "ReloadConfiguration").wait().unpack()[0]

    def refused(self, *words):
        with self.assertRaises(client.BusError) as caught:
            self.reload()
        for word in words:
            self.assertIn(word, caught.exception.message)
        return caught.exception.name

    def verify(self, **more):
        return self.clerk.start(client.Request(pictures.portrait(4), **more)).outcome()


class Reload(Case):
    terminal = harness.Terminal(clip="person04-live.avi")

    def setUp(self):
        super().setUp()
        self.put(GOOD)
        self.addCleanup(self.put, GOOD)

    def put(self, text):
        write(text)
        self.reload()

    def busy(self):
        """A check that goes on until it is cancelled: nobody is there."""
        if not os.path.exists(harness.PLACE + "/empty.avi"):
            harness.file_of(pictures.recording_without_face(14), "empty.avi")
        shop = services.clip(harness.PLACE + "/empty.avi")
        shop.__enter__()
        self.addCleanup(shop.__exit__, None, None, None)
        session = self.clerk.begin(client.Request(pictures.portrait(4)))
        self.assertTrue(spin(self.clerk.prompts))
        return session

    def end(self, session):
        session.cancel()
        session.finished()

    def test_the_first_entry_has_every_setting(self):
        entries = receipts.entries()
        first = next(i for i, e in enumerate(entries) if e["entry"] == "configuration-changed")
        self.assertEqual(entries[first - 1]["entry"], "started")
        self.assertEqual(sorted(entries[first]["changed"]), sorted(entries[first]["settings"]))
        self.assertEqual(entries[first]["settings"]["Verification.FalseMatchRate"], "0.001")
        self.assertEqual(entries[first]["settings"]["Terminal.Name"], entries[first]["terminal"])
        self.assertEqual(entries[first]["mode"], "pilot")

    def test_a_good_one_takes_effect(self):
        before = len(changes())
        write(GOOD.replace("pilot", "enforce") + "Documents=library-card\n")
        self.assertTrue(self.reload())
        self.assertEqual(self.clerk.get("Mode"), "enforce")
        self.assertEqual(self.clerk.get("Documents"), ["library-card"])
        answer = self.verify(document="library-card")
        self.assertEqual(answer.name, harness.ERROR + "BadRequest")
        self.assertIn("nonce", answer.message)
        entry = changes()[before:][0]
        self.assertEqual(len(changes()), before + 1)
        self.assertEqual(sorted(entry["changed"]), ["Verification.Documents", "Verification.Mode"])
        self.assertEqual(entry["mode"], "enforce")
        self.assertEqual(entry["settings"]["Verification.Documents"], "library-card")

    def test_no_change_no_entry(self):
        before = len(receipts.entries())
        write("# another text, the same settings\n" + GOOD)
        self.assertTrue(self.reload())
        self.assertEqual(len(receipts.entries()), before)

    def test_the_same_settings_have_the_same_hash(self):
        self.put(GOOD + "TimeLimitSec=20\n")
        first = changes()[-1]["hash"]
        self.put(GOOD + "TimeLimitSec=21\n")
        self.assertNotEqual(changes()[-1]["hash"], first)
        self.put("[Verification]\nTimeLimitSec=20\n" + GOOD)
        self.assertEqual(changes()[-1]["hash"], first)

    def test_the_policy_of_receipts_follows(self):
        self.put(GOOD.replace("0.001", "0.01"))
        self.assertEqual(self.verify().verdict, "match")
        closing = [e for e in receipts.entries() if e["entry"] == "closed"][-1]
        self.assertEqual(closing["policy"]["false-match-rate"], 0.01)

    def test_a_bad_one_leaves_the_old_one(self):
        before, log = len(receipts.entries()), len(services.log())
        for text, words in ((GOOD + "TimeLimitSec=4\n", (FILE + ":6: TimeLimitSec=4", "5 to 120")),
                            ("[Verification]\nMode=\xff\n", (FILE + ":2: Mode=??", "pilot or enforce")),
                            ("[Verification]\nMode=enforce\nnot a line\n", (FILE + ":3: neither",)),
                            ("x" * 300, (FILE + ":1: is too long",)),
                            ("[Terminal]\nName=elsewhere\n" + GOOD, ("Name=",)),
                            (GOOD.replace("0.001", "0.000001"), ("FalseMatchRate=1e-06 cannot be held",))):
            with self.subTest(text=text[:60]):
                write(text)
                self.assertEqual(self.refused(*words), BAD_FILE)
                self.assertEqual(self.clerk.get("Mode"), "pilot")
                self.assertTrue(services.wait_log(words[0], log, 5))
        self.assertEqual(len(receipts.entries()), before)
        self.assertEqual(self.verify().verdict, "match")

    def test_a_missing_file_leaves_the_old_one(self):
        os.unlink(FILE)
        self.assertEqual(self.refused(FILE, "cannot be read"), harness.ERROR + "Unavailable")
        self.assertEqual(self.clerk.get("Mode"), "pilot")

    def test_only_who_may_manage(self):
        write(GOOD.replace("pilot", "enforce"))
        call = receipts.call(self.clerk, "ReloadConfiguration")
        with self.assertRaises(client.BusError) as caught:
            call.wait()
        self.assertEqual(caught.exception.name, harness.DENIED)
        self.assertEqual(self.clerk.get("Mode"), "pilot")

    def test_during_a_check_it_waits(self):
        session = self.busy()
        before = len(changes())
        write(GOOD.replace("pilot", "enforce"))
        self.assertFalse(self.reload())
        self.assertEqual(self.clerk.get("Mode"), "pilot")
        self.assertEqual(len(changes()), before)
        self.end(session)
        self.assertTrue(spin(lambda: self.clerk.get("Mode") == "enforce", 5))
        kinds = [(e["entry"], e.get("mode")) for e in receipts.entries()][-2:]
        self.assertEqual(kinds, [("closed", "pilot"), ("configuration-changed", "enforce")])

    def test_during_a_check_the_last_good_one_counts(self):
        session = self.busy()
        before = len(changes())
        for limit in ("30", "31"):
            write(GOOD + f"TimeLimitSec={limit}\n")
            self.assertFalse(self.reload())
        write(GOOD + "TimeLimitSec=1\n")
        self.assertEqual(self.refused("TimeLimitSec=1"), BAD_FILE)
        self.end(session)
        self.assertTrue(harness.eventually(lambda: len(changes()) > before, 5))
        self.assertEqual([e["settings"]["Verification.TimeLimitSec"] for e in changes()[before:]], ["31"])

    def test_many_times_leave_nothing_behind(self):
        def state():
            return services.descriptors(), services.memory("VmRSS")

        for i in range(100):
            self.put(GOOD + f"TimeLimitSec={20 + i % 2}\n")
        before = state()
        for i in range(300):
            self.put(GOOD + f"TimeLimitSec={20 + i % 2}\n")
        after = state()
        self.assertEqual(after[0], before[0])
        if not services.has_sanitizer():
            self.assertLess(after[1] - before[1], 600)

    def test_the_ledger_is_whole_and_the_schema_holds(self):
        result = receipts.audit()
        self.assertEqual(result.returncode, 0, result.stdout)
        with open(harness.source_directory() + "/schemas/receipt.schema.json") as file:
            branches = json.load(file)["oneOf"]
        branch = next(b for b in branches if b["properties"]["entry"].get("const") == "configuration-changed")
        for entry in changes():
            self.assertLessEqual(set(entry), set(branch["properties"]))
            self.assertLessEqual(set(branch["required"]), set(entry))


class Hangup(Case):
    terminal = harness.Terminal(clip="person04-live.avi")

    def setUp(self):
        super().setUp()
        write(GOOD)
        self.daemon = services.Daemon()
        self.manager, path = services.manager_socket()
        self.manager.settimeout(10)
        self.addCleanup(self.manager.close)
        self.daemon.environment["NOTIFY_SOCKET"] = path
        self.start()

    def start(self):
        self.daemon.start()
        self.assertIn("READY=1", self.told())

    def told(self):
        """The service's next words to its manager, but for the watchdog's."""
        while True:
            words = self.manager.recv(4096).decode().split("\n")
            if not {"WATCHDOG=1", "STOPPING=1"} & set(words):
                return words

    def test_good_and_bad(self):
        write(GOOD.replace("pilot", "enforce"))
        self.daemon.process.send_signal(signal.SIGHUP)
        words = self.told()
        self.assertIn("RELOADING=1", words)
        self.assertTrue(any(w.startswith("MONOTONIC_USEC=") for w in words), words)
        self.assertEqual(self.told(), ["READY=1", "STATUS=Ready."])
        self.assertEqual(self.clerk.get("Mode"), "enforce")

        write(GOOD + "Mode=neither\n")
        before = len(services.log())
        self.daemon.process.send_signal(signal.SIGHUP)
        self.assertIn("RELOADING=1", self.told())
        ready, status = self.told()
        self.assertEqual(ready, "READY=1")
        self.assertIn(FILE + ":6: Mode=neither", status)
        self.assertIn(FILE + ":6: Mode=neither", services.log()[before:])
        self.assertEqual(self.clerk.get("Mode"), "enforce")
        self.assertIsNone(self.daemon.process.poll())

    def test_changed_while_it_did_not_run(self):
        before = len(changes())
        self.start()
        self.assertEqual(len(changes()), before)
        write(GOOD + "TimeLimitSec=33\n")
        self.start()
        entries = changes()[before:]
        self.assertEqual([e["changed"] for e in entries], [["Verification.TimeLimitSec"]])
        self.assertEqual(receipts.entries()[-2]["entry"], "started")

    def test_the_systems_files(self):
        """Without --config=; /run is the private world's own."""
        place = "/run/likeness/likeness.conf"
        write(GOOD, place)
        os.makedirs(place + ".d", exist_ok=True)
        write("[Verification]\nTimeLimitSec=34\n", place + ".d/50-time.conf")
        self.daemon.arguments = [a for a in self.daemon.arguments if not a.startswith("--config=")]
        self.start()
        self.assertEqual(changes()[-1]["settings"]["Verification.TimeLimitSec"], "34")
        self.assertEqual(self.clerk.get("Mode"), "pilot")

        os.symlink("/dev/null", place + ".d/60-nothing.conf")
        write("[Verification]\nTimeLimitSec=35\n", place + ".d/70-time.conf")
        self.assertTrue(self.reload())
        self.assertEqual(changes()[-1]["settings"]["Verification.TimeLimitSec"], "35")


class Check(Case):
    """likenessctl config check, which needs no service."""

    def check(self, *arguments):
        return subprocess.run(["likenessctl", "config", "check", f"--manifest={harness.PLACE}/manifest", *arguments],
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    def file(self, text):
        path = harness.PLACE + "/checked.conf"
        write(text, path)
        return path

    def test_good(self):
        path = self.file(GOOD)
        result = self.check(path)
        self.assertEqual((result.returncode, result.stderr), (0, ""))
        self.assertIn("[Verification]\nMode=pilot\nFalseMatchRate=0.001\nReferenceSources=supplied\n", result.stdout)
        # what it prints is a configuration
        self.assertEqual(self.check(self.file(result.stdout)).stdout, result.stdout)
        self.assertEqual(self.check("--quiet", path).stdout, "")

    def test_every_mistake_is_named(self):
        path = self.file("[Verification]\nTimeLimitSec=4\n\nMode=neither\nColour=blue\n[Limits]\nAttemptWindowSec=1\n")
        result = self.check(path)
        self.assertEqual((result.returncode, result.stdout), (1, ""))
        self.assertEqual(result.stderr.splitlines(), [
            f"likenessctl: {path}:2: TimeLimitSec=4 is not possible; allowed: 5 to 120 (seconds)",
            f"likenessctl: {path}:4: Mode=neither is not possible; allowed: pilot or enforce",
            f"likenessctl: {path}:5: [Verification] Colour= is not a known setting; ignored",
            f"likenessctl: {path}:7: AttemptWindowSec=1 is not possible; allowed: 3600 to 604800 (seconds)"])

    def test_an_unknown_key_only_warns(self):
        result = self.check(self.file(GOOD + "Colour=blue\n"))
        self.assertEqual(result.returncode, 0)
        self.assertIn("checked.conf:6: [Verification] Colour= is not a known setting; ignored", result.stderr)

    def test_a_rate_that_the_networks_do_not_support(self):
        result = self.check(self.file("[Verification]\nFalseMatchRate=0.000001\n"))
        self.assertEqual(result.returncode, 1)
        self.assertIn("FalseMatchRate=1e-06 cannot be held", result.stderr)

    def test_usage(self):
        self.assertEqual(self.check(FILE, FILE).returncode, 2)
        self.assertEqual(self.check("/nowhere").returncode, 1)
        self.assertEqual(subprocess.run(["likenessctl", "config"], stderr=subprocess.DEVNULL).returncode, 2)


if __name__ == "__main__":
    harness.main()

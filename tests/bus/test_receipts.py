#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Receipts and nonces over the bus: what is recorded before and after a check, and that a used nonce is never checked
again."""

import base64
import json
import os
import secrets
import subprocess
import tempfile

import harness

try:
    from gi.repository import Gio, GLib

    import client
    import pictures
    import services
except ImportError:
    pass                            # outside, where nothing of this is used

LEDGER = harness.PLACE + "/state/ledger-demo"


def nonce():
    return secrets.token_urlsafe(24)


def claims_of(jws):
    body = jws.split(".")[1]
    return json.loads(base64.urlsafe_b64decode(body + "=" * (-len(body) % 4)))


def lines():
    """The whole lines of the ledger, read from its files as root may."""
    found = []
    for name in sorted(os.listdir(LEDGER)):
        if name.endswith(".jws"):
            with open(f"{LEDGER}/{name}") as file:
                found += file.read().split("\n")[:-1]
    return found


def entries():
    return [claims_of(line) for line in lines()]


def entries_of(kind, value):
    return [e for e in entries() if e["entry"] == kind and e.get("nonce") == value]


def call(caller, method, signature=None, *arguments, descriptors=None):
    body = GLib.Variant(signature, arguments) if signature else None
    return client.Call(caller, harness.PATH, harness.NAME, method, body, descriptors)


def audit(*options):
    """Exports the ledger over the bus, and what `likenessctl ledger verify` says of it."""
    with tempfile.TemporaryDirectory() as scratch:
        caller = client.Client("root")
        with open(scratch + "/keys", "w") as file:
            file.write(caller.get("PublicKey"))
        with open(scratch + "/ledger", "wb") as file:
            descriptors = Gio.UnixFDList.new()
            body = GLib.Variant("(th)", (0, descriptors.append(file.fileno())))
            client.Call(caller, harness.PATH, harness.NAME, "ExportLedger", body, descriptors).wait()
        caller.close()
        return subprocess.run(["likenessctl", "ledger", "verify", scratch + "/ledger", "--keys", scratch + "/keys",
                               "--demo", *options], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


class Receipts(harness.TestCase):
    def setUp(self):
        super().setUp()
        self.clerk = client.Client("clerk")
        self.addCleanup(self.clerk.close)

    def request(self, value, number="01", **more):
        return client.Request(pictures.portrait(number), nonce=value, **more)

    def test_a_receipt_says_what_was_asked_and_answered(self):
        value = nonce()
        answer = self.clerk.verify(self.request(value, transaction="T-7", operator="anna", notice="n1@2"))
        claims = claims_of(answer.fields["receipt"])

        self.assertEqual(answer.verdict, "match")
        self.assertEqual((claims["entry"], claims["cause"], claims["verdict"]), ("closed", "verdict", "match"))
        self.assertEqual((claims["nonce"], claims["transaction"], claims["operator"], claims["notice"]),
                         (value, "T-7", "anna", "n1@2"))
        self.assertEqual(claims["caller"], services.identity("clerk"))
        self.assertEqual(claims["support-code"], answer.fields["support-code"])
        self.assertEqual(claims["document-authenticity"], "not-checked")
        self.assertEqual(claims["evidence"]["passive"], "no-objection")
        self.assertFalse(claims["binding"])
        self.assertEqual(claims["models"], self.clerk.get("Models"))
        self.assertEqual(claims["terminal"], self.clerk.get("Terminal"))

        opened = entries_of("opened", value)
        self.assertEqual(len(opened), 1)
        self.assertEqual(claims["opening"], opened[0]["sequence"])
        done = audit()
        self.assertEqual(done.returncode, 0, done.stdout)

    def test_nothing_of_the_person_is_in_the_ledger(self):
        self.clerk.verify(self.request(nonce()))
        text = json.dumps(entries())
        self.assertIn("verdict", text)
        for word in ("similarity", "liveness", "score", "embedding", "pixel", "duration"):
            self.assertNotIn(word, text)

    def test_the_opening_is_on_disk_before_the_examiner_starts(self):
        value = nonce()
        call = self.clerk.start(self.request(value))
        self.assertTrue(client.spin(lambda: services.instances(), 20))
        self.assertEqual(len(entries_of("opened", value)), 1)
        call.answer()

    def test_a_used_nonce_is_answered_and_not_checked(self):
        value = nonce()
        first = self.clerk.verify(self.request(value))
        began = len(entries())

        second = self.clerk.verify(self.request(value))
        third = client.Answer(call(self.clerk, "GetResult", "(s)", value).wait())
        fourth = self.clerk.begin(self.request(value, number="02")).finished()
        for again in (second, third, fourth):
            self.assertEqual(again.verdict, first.verdict)
            self.assertEqual(again.fields["receipt"], first.fields["receipt"])
            self.assertEqual(again.fields["support-code"], first.fields["support-code"])
        self.assertEqual(len(entries()), began)
        self.assertEqual(services.pictures_open(), [])

    def test_another_user_learns_nothing_from_a_nonce(self):
        value = nonce()
        running = self.clerk.start(self.request(value))
        client.spin(lambda: self.clerk.get("State") == "busy", 20)
        root = client.Client("root")
        self.addCleanup(root.close)
        with self.assertRaises(client.BusError) as busy:
            root.verify(self.request(value))
        self.assertEqual(busy.exception.name, harness.ERROR + "Busy")
        running.answer()

        for outcome in (root.start(self.request(value)).outcome(),
                        call(root, "GetResult", "(s)", value).outcome()):
            self.assertEqual(outcome.name, harness.ERROR + "BadRequest")
        with self.assertRaises(client.BusError):
            call(self.clerk, "GetResult", "(s)", nonce()).wait()

    def test_a_second_call_joins_the_running_check(self):
        value = nonce()
        other = client.Client("clerk")
        self.addCleanup(other.close)
        first = self.clerk.start(self.request(value))
        client.spin(lambda: self.clerk.get("State") == "busy", 20)
        second = other.start(self.request(value))
        third = call(other, "GetResult", "(s)", value)
        answers = [first.answer(), second.answer(), client.Answer(third.wait())]
        self.assertEqual(len({a.fields["receipt"] for a in answers}), 1)
        self.assertEqual(len(entries_of("opened", value)), 1)

    def test_who_joined_is_answered_when_the_first_caller_leaves(self):
        value = nonce()
        other = client.Client("clerk")
        self.addCleanup(other.close)
        first = client.Client("clerk")
        first.start(self.request(value))
        client.spin(lambda: self.clerk.get("State") == "busy", 20)
        second = other.start(self.request(value))
        client.spin(lambda: False, 0.1)
        first.close()
        self.assertEqual(second.answer().verdict, "match")

    def test_a_cancelled_check_is_closed_as_cancelled(self):
        value = nonce()
        session = self.clerk.begin(self.request(value))
        session.cancel()
        self.assertEqual(session.finished().fields["error"], harness.ERROR + "Cancelled")
        closed = entries_of("closed", value)
        self.assertEqual([e["cause"] for e in closed], ["cancelled"])
        self.assertNotIn("verdict", closed[0])

        again = self.clerk.start(self.request(value)).outcome()
        self.assertEqual(again.name, harness.ERROR + "Cancelled")
        self.assertEqual(len(entries_of("opened", value)), 1)

    def test_every_end_is_closed_once(self):
        gone, unusable, bad = nonce(), nonce(), nonce()
        leaver = client.Client("clerk")
        leaver.begin(self.request(gone))
        leaver.close()
        client.spin(lambda: self.clerk.get("State") == "idle", 20)
        self.clerk.verify(client.Request(pictures.encoded(pictures.landscape()), nonce=unusable))
        self.clerk.start(client.Request(b"no picture at all", nonce=bad)).outcome()

        self.assertEqual([e["cause"] for e in entries_of("closed", gone)], ["caller-gone"])
        self.assertEqual([e.get("verdict") for e in entries_of("closed", unusable)], ["reference-unusable"])
        self.assertEqual([e["cause"] for e in entries_of("closed", bad)], ["bad-reference"])
        done = audit()
        self.assertEqual(done.returncode, 0, done.stdout)


class Ledger(harness.TestCase):
    def test_only_administrators_read_the_ledger_and_change_the_key(self):
        for user in ("clerk", "nobody"):
            caller = client.Client(user)
            for method in ("Checkpoint", "RotateKey"):
                self.assertEqual(call(caller, method).outcome().name, harness.DENIED)
            caller.close()

    def test_a_checkpoint_is_kept_and_holds(self):
        root = client.Client("root")
        self.addCleanup(root.close)
        checkpoint = call(root, "Checkpoint").wait().unpack()[0]
        with tempfile.NamedTemporaryFile("w") as file:
            file.write(checkpoint)
            file.flush()
            client.Client("clerk").verify(client.Request(pictures.encoded(pictures.landscape())))
            done = audit("--checkpoint", file.name)
        self.assertEqual(done.returncode, 0, done.stdout)

    def test_a_changed_key_signs_and_the_old_one_stays_verifiable(self):
        root = client.Client("root")
        self.addCleanup(root.close)
        before = json.loads(root.get("PublicKey"))["keys"]
        new = call(root, "RotateKey").wait().unpack()[0]
        after = json.loads(root.get("PublicKey"))["keys"]

        self.assertEqual(after[0]["kid"], new)
        self.assertEqual([k["kid"] for k in after[1:]], [k["kid"] for k in before])
        self.assertTrue(all(k["x-likeness-demo"] for k in after))
        answer = root.verify(client.Request(pictures.encoded(pictures.landscape())))
        header = answer.fields["receipt"].split(".")[0]
        self.assertEqual(json.loads(base64.urlsafe_b64decode(header + "==="))["kid"], new)
        done = audit()
        self.assertEqual(done.returncode, 0, done.stdout)

    def test_attempts_that_no_export_has_are_marked(self):
        """What the package's purge goes by."""
        mark = harness.PLACE + "/state/ledger-demo/unexported"
        for _ in range(2):
            client.Client("clerk").verify(client.Request(pictures.encoded(pictures.landscape())))
            self.assertTrue(os.path.exists(mark))
            self.assertEqual(audit().returncode, 0)
            self.assertFalse(os.path.exists(mark))

    def test_an_export_that_does_not_reach_the_disk(self):
        switch, path = harness.PLACE + "/fail-sync", harness.PLACE + "/lost.jws"
        environment = dict(os.environ, FAIL_SYNC=switch,
                           LD_PRELOAD=f"{harness.build_directory()}/tests/bus/sync-shim.so",
                           ASAN_OPTIONS=os.environ.get("ASAN_OPTIONS", "") + ":verify_asan_link_order=0")
        with open(switch, "w"):
            pass
        export = ["likenessctl", "ledger", "export", f"--output={path}"]
        done = subprocess.run(export, env=environment, capture_output=True, text=True)
        self.assertEqual(done.returncode, 3)
        self.assertIn("Export them again", done.stderr)
        self.assertFalse(os.path.exists(path))
        os.unlink(switch)
        done = subprocess.run(export, env=environment, capture_output=True, text=True)
        self.assertEqual(done.returncode, 0, done.stderr)
        os.unlink(path)

    def test_an_export_goes_to_a_file_only(self):
        root = client.Client("root")
        self.addCleanup(root.close)
        reader, writer = os.pipe()
        descriptors = Gio.UnixFDList.new()
        body = GLib.Variant("(th)", (0, descriptors.append(writer)))
        outcome = client.Call(root, harness.PATH, harness.NAME, "ExportLedger", body, descriptors).outcome()
        os.close(reader)
        os.close(writer)
        self.assertEqual(outcome.name, harness.ERROR + "BadRequest")


class Restart(harness.TestCase):
    def test_a_killed_daemon_leaves_no_opening_open(self):
        daemon = services.Daemon()
        for moment in services.random_moments(6, 0.8, 3):
            value = nonce()
            caller = client.Client("clerk")
            caller.start(client.Request(pictures.portrait("01"), nonce=value))
            client.spin(lambda: False, moment)
            daemon.process.kill()
            daemon.process.wait()
            caller.close()
            daemon.start()

            openings, closings = entries_of("opened", value), entries_of("closed", value)
            self.assertEqual(len(openings), len(closings))
            self.assertLessEqual(len(openings), 1)
            if closings and closings[0]["cause"] == "interrupted":
                again = client.Client("clerk")
                outcome = again.start(client.Request(pictures.portrait("01"), nonce=value)).outcome()
                self.assertEqual(outcome.name, harness.ERROR + "Unavailable")
                again.close()
        done = audit()
        self.assertEqual(done.returncode, 0, done.stdout)

    def test_the_key_stays_after_a_restart(self):
        daemon = services.Daemon()
        caller = client.Client("root")
        before = caller.get("PublicKey")
        daemon.start()
        self.assertEqual(caller.get("PublicKey"), before)
        caller.close()


if __name__ == "__main__":
    harness.main()

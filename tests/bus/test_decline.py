#!/usr/bin/python3 -B
# SPDX-License-Identifier: Apache-2.0
"""The customer chooses another way: always possible, recorded, and nothing in it tells of a disability."""

import json
import secrets
import subprocess

import harness
from test_attempts import PROGRAM, Scripted, terminal
from test_receipts import audit, call, claims_of, entries

try:
    from gi.repository import GLib

    import client
    import services
except ImportError:
    pass                            # outside, where nothing of this is used


class Decline(Scripted):
    terminal = terminal("Mode=enforce", "[Limits]", "TerminalAttemptsPerHour=1000", "OperatorAttemptsPerHour=4")

    def decline(self, caller=None, **keys):
        """The result, or the error."""
        keys = {"cause": "refused", "alternative": "mobile-id", **keys}
        values = {k: v if isinstance(v, GLib.Variant) else GLib.Variant("s", v) for k, v in keys.items() if v is not None}
        made = call(caller or self.clerk, "Decline", "(a{sv})", values)
        try:
            return made.wait(10).unpack()[0]
        except client.BusError as e:
            return e

    def test_what_is_recorded(self):
        value, before = secrets.token_urlsafe(24), len(entries())
        result = self.decline(nonce=value, transaction="T-1", operator="anna", notice="n@2", locale="ko_KR")
        self.assertEqual(set(result), {"receipt", "support-code"})
        claims = claims_of(result["receipt"])
        self.assertEqual(len(entries()), before + 1)
        self.assertEqual(entries()[-1], claims)
        self.assertEqual((claims["entry"], claims["cause"], claims["alternative"]), ("declined", "refused", "mobile-id"))
        self.assertEqual((claims["nonce"], claims["transaction"], claims["operator"], claims["notice"]),
                         (value, "T-1", "anna", "n@2"))
        self.assertEqual(claims["caller"], services.identity("clerk"))
        self.assertEqual(claims["support-code"], result["support-code"])
        self.assertNotIn("locale", claims)
        self.assertEqual(services.instances(), [])
        done = audit()
        self.assertEqual(done.returncode, 0, done.stdout)

    def test_nothing_tells_of_a_disability(self):
        log = len(services.log())
        shapes = []
        for cause in ("refused", "unable"):
            claims = claims_of(self.decline(cause=cause)["receipt"])
            shapes.append({key: claims[key] for key in ("entry", "cause", "alternative")} | {"keys": sorted(claims)})
        self.assertEqual(shapes[0], shapes[1])
        self.assertNotIn("unable", json.dumps(entries()))
        self.assertNotIn("unable", services.log()[log:])
        self.assertEqual(claims_of(self.decline(cause="after-failure")["receipt"])["cause"], "after-failure")

    def test_words_and_tokens_are_checked(self):
        before = len(entries())
        for key, value in (("cause", "blind"), ("cause", None), ("cause", GLib.Variant("i", 1)), ("alternative", "bribe"),
                           ("alternative", None), ("nonce", "short"), ("transaction", "010-1234-5678"),
                           ("operator", "900101-1234567"), ("notice", ""), ("locale", "ko KR"), ("document", "passport"),
                           ("challenge", "none"), ("reason", "x")):
            with self.subTest(key=key, value=value):
                refused = self.decline(**{key: value})
                self.assertEqual(getattr(refused, "name", refused), harness.ERROR + "BadRequest")
                self.assertTrue(refused.message.startswith(key + ":"), refused.message)
        self.assertEqual(len(entries()), before)

    def test_not_without_permission(self):
        nobody = client.Client("nobody")
        self.addCleanup(nobody.close)
        self.assertEqual(getattr(self.decline(nobody), "name", "answered"), harness.DENIED)

    def test_the_same_again(self):
        value = secrets.token_urlsafe(24)
        first, count = self.decline(nonce=value), len(entries())
        self.assertEqual(self.decline(nonce=value), first)
        told = client.Answer(call(self.clerk, "GetResult", "(s)", value).wait())
        self.assertEqual((told.verdict, told.fields["receipt"]), ("declined", first["receipt"]))
        self.assertEqual(set(told.fields), {"reasons", "receipt", "support-code"})
        # a check with it is not made
        self.assertEqual(self.ask("match", nonce=value).verdict, "declined")
        self.assertEqual(len(entries()), count)

        # of another user's nonce nobody learns more than that it was used
        root = client.Client("root")
        self.addCleanup(root.close)
        refused = self.decline(root, nonce=value)
        self.assertEqual(getattr(refused, "name", refused), harness.ERROR + "BadRequest")
        # and a check's nonce is none for a decline
        used = secrets.token_urlsafe(24)
        self.ask("match", nonce=used)
        refused = self.decline(nonce=used)
        self.assertEqual(getattr(refused, "name", refused), harness.ERROR + "BadRequest")

    def test_after_exhausted_and_it_uses_no_try(self):
        self.assertIn("receipt", self.decline(transaction=self.transaction))
        self.use_up()
        self.assertEqual(self.ask("match").verdict, "exhausted")
        result = self.decline(cause="after-failure", transaction=self.transaction)
        self.assertEqual(claims_of(result["receipt"])["cause"], "after-failure")

    def test_while_waiting_for_a_limit(self):
        for _ in range(4):
            self.ask("match", operator="ben")
        self.assertEqual(self.ask("match", operator="ben").name, harness.ERROR + "RateLimited")
        self.assertIn("receipt", self.decline(operator="ben"))

    def test_while_a_check_is_running(self):
        self.mode("alive-only")
        value = secrets.token_urlsafe(24)
        session = self.clerk.begin(self.request(nonce=value))
        self.assertTrue(client.spin(lambda: services.instances(program=PROGRAM), 20))
        self.assertIn("receipt", self.decline())
        refused = self.decline(nonce=value)
        self.assertEqual(getattr(refused, "name", refused), harness.ERROR + "BadRequest")
        self.assertEqual(self.clerk.get("State"), "busy")
        session.cancel()
        session.finished()
        done = audit()
        self.assertEqual(done.returncode, 0, done.stdout)

    def test_after_a_restart(self):
        value = secrets.token_urlsafe(24)
        first = self.decline(nonce=value)
        services.Daemon()
        self.assertEqual(self.decline(nonce=value), first)

    def likenessctl(self, *arguments):
        return subprocess.run(["likenessctl", "decline", *arguments], capture_output=True, text=True,
                              timeout=harness.PATIENCE)

    def test_likenessctl(self):
        done = self.likenessctl("--cause=unable", "--alternative=register-transcript", "--transaction=T-9", "--json")
        self.assertEqual(done.returncode, 0, done.stderr)
        claims = claims_of(json.loads(done.stdout)["receipt"])
        self.assertEqual((claims["cause"], claims["alternative"], claims["transaction"]),
                         ("refused", "register-transcript", "T-9"))
        done = self.likenessctl("--cause=refused", "--alternative=none")
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        self.assertIn(entries()[-1]["support-code"], done.stdout)

        done = self.likenessctl("--help")
        self.assertEqual(done.returncode, 0)
        self.assertIn("--alternative", done.stdout)
        for wrong in ([], ["--cause=refused"], ["--alternative=other"], ["--cause=blind", "--alternative=other"],
                      ["--cause=refused", "--alternative=bribe"], ["--cause=refused", "--alternative=other", "x"],
                      ["--cause=refused", "--alternative=other", "--nonce="]):
            self.assertEqual(self.likenessctl(*wrong).returncode, 2, wrong)
        done = self.likenessctl("--cause=refused", "--alternative=other", "--transaction=01012345678")
        self.assertEqual(done.returncode, 3)
        self.assertIn("transaction", done.stderr)


if __name__ == "__main__":
    harness.main()

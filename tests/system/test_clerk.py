# SPDX-License-Identifier: Apache-2.0
"""A clerk at work, on a terminal in production."""

import json
import unittest

from harness import TestCase
from shop import DECODERS, EXAMINERS, data, header_of
from terminal import Failed


class Clerk(TestCase):
    def test_a_match_with_a_production_receipt(self):
        """A V4L2 camera plays a recording of the person of the portrait."""
        answer = self.verdict("match", transaction="sale-match")
        self.assertEqual(answer.status, 0)
        claims = answer.claims
        self.assertEqual(header_of(answer.receipt)["typ"], "likeness-receipt+jwt")
        self.assertEqual(claims["verdict"], "match")
        self.assertEqual(claims["examiner-ended"], "control-group")
        self.assertEqual((claims["mode"], claims["binding"]), ("enforce", True))
        self.assertEqual(claims["transaction"], "sale-match")
        self.assertEqual(claims["caller"], self.shop.identity("clerk")[0])
        self.assertEqual(claims["reference-source"], "supplied")
        self.assertIn(answer.receipt, self.shop.receipts())
        self.shop.check_ledger()

    def test_nothing_of_a_check_is_left_when_it_is_answered(self):
        self.verdict("match")
        self.assertFalse(self.shop.populated(EXAMINERS))
        self.assertFalse(self.shop.populated(DECODERS))
        units = self.shop.shell("root", "systemctl list-units --all --plain --no-legend 'likeness-*@*'").stdout
        self.assertEqual(units, "")

    def test_the_cameras_can_be_listed(self):
        """By the confined examiner; no attempt is recorded, and nothing is left of it."""
        before = self.shop.receipts()
        done = self.shop.run("clerk", "likenessctl", "cameras", "--json")
        camera, = json.loads(done.stdout)["cameras"]
        self.assertEqual((camera["state"], camera["kind"], camera["hardware"]), ("ready", "colour", True))
        self.assertTrue(camera["used-for-face"])
        self.assertTrue(camera["modes"])
        self.assertFalse(self.shop.populated(EXAMINERS))
        self.assertEqual(self.shop.receipts(), before)

    def test_the_receipt_is_believed_elsewhere(self):
        """With another implementation of JWS, on another machine, with nothing but the registered key."""
        try:
            from jwcrypto import jwk, jws
        except ImportError:
            raise unittest.SkipTest("python3-jwcrypto is not installed")
        receipt = self.verdict("match").receipt
        key = jwk.JWK(**{name: self.shop.public_keys()["jwk"][name] for name in ("kty", "crv", "x", "y")})

        token = jws.JWS()
        token.allowed_algs = ["ES256"]
        token.deserialize(receipt)
        token.verify(key)
        self.assertEqual(token.jose_header["kid"], key.thumbprint())
        self.assertIn(b'"verdict":"match"', token.payload)

        forged = receipt[:-8] + ("AAAAAAAA" if receipt[-8:] != "AAAAAAAA" else "BBBBBBBB")
        token.deserialize(forged)
        with self.assertRaises(jws.InvalidJWSSignature):
            token.verify(key)

    def test_another_person_is_no_match(self):
        self.shop.copy(data("person02-portrait.jpg"), "/home/clerk/other.jpg")
        answer = self.verdict("no-match", reference="/home/clerk/other.jpg")
        self.assertEqual(answer.status, 1)
        self.assertEqual(answer.claims["examiner-ended"], "control-group")

    def test_whoever_is_not_allowed_is_denied(self):
        """Nothing is started for him, and the ledger has no entry of it."""
        entries = len(self.shop.receipts())
        for user in ("visitor", "nobody"):
            answer = self.shop.verify(user, reference="/home/visitor/portrait.jpg")
            self.assertEqual(answer.status, 3, answer)
            self.assertEqual(answer.error, "org.freedesktop.DBus.Error.AccessDenied", answer)
        for command in (("ledger", "export", "--output", "/tmp/ledger.jws"), ("key", "rotate")):
            with self.assertRaisesRegex(Failed, "denied|password"):
                self.shop.run("clerk", "likenessctl", *command)
        self.assertEqual(len(self.shop.receipts()), entries)
        self.assertFalse(self.shop.populated(EXAMINERS))

    def test_without_a_camera_there_is_no_verdict(self):
        self.shop.unplug_camera()
        try:
            answer = self.shop.verify()
            self.assertEqual(answer.error, "org.likeness.Verifier1.Error.NoCamera", answer)
        finally:
            self.shop.connect_camera()
            self.shop.wait_served()
        self.verdict("match")

    def test_the_customer_declines(self):
        self.shop.run("clerk", "likenessctl", "decline", "--cause=refused", "--alternative=other",
                      "--transaction=sale-declined")
        self.assertEqual(self.shop.ledger("declined")[-1]["transaction"], "sale-declined")

    def test_nothing_of_it_is_a_demonstration(self):
        """No program was started with --demo, no unit mentions it, and there is neither its key nor its ledger."""
        process = self.shop.begin_verifying()
        for pid in self.shop.processes():
            with open(f"/proc/{pid}/cmdline") as file:
                self.assertNotIn("--demo", file.read())
        self.assertEqual(self.shop.finish_verifying(process).verdict, "match")
        self.assertNotIn("--demo", self.shop.shell(
            "root", "systemctl cat 'likeness*' 'likeness-examiner@.service' 'likeness-decoder@.service' "
                    "'likeness-keyring@.service'").stdout)
        self.assertEqual([path for path in self.shop.files("/var/lib/likeness") if "demo" in path], [])
        for header in self.shop.headers():
            self.assertNotIn("demo", header["typ"])
        self.assertEqual({claims["demo"] for claims in self.shop.ledger("started")}, {False})

#!/usr/bin/python3 -B
# SPDX-License-Identifier: Apache-2.0
"""Requests that say something wrong: BadRequest, naming the key, before any camera or picture is looked at."""

import harness
import pictures
import services
from client import BusError, Call, Client, Request

from gi.repository import GLib

NONCE = "Zm9vYmFyYmF6cXV4MTIzNA"
STRING_KEYS = ("document", "nonce", "transaction", "operator", "notice", "locale", "challenge", "pace")


class RequestCase(harness.TestCase):
    def setUp(self):
        super().setUp()
        self.before = len(services.log())

    def refused(self, request, key, *words, method="Verify"):
        """BadRequest about `key`, and no check was begun."""
        caller = Client()
        with self.assertRaises(BusError) as caught:
            caller.start(request, method).wait()
        caller.close()
        self.assertEqual(caught.exception.name, harness.ERROR + "BadRequest", caught.exception)
        self.assertTrue(caught.exception.message.startswith(key + ": "), caught.exception.message)
        for word in words:
            self.assertIn(word, caught.exception.message)
        self.assertNotIn("opened", services.log()[self.before:])
        self.assertEqual(services.instances(), [])
        self.assertEqual(services.pictures_staying(), [])

    def portrait(self, **more):
        return Request(pictures.portrait(1), **more)


class Requests(RequestCase):
    # --- types and keys

    def test_wrong_types(self):
        wrong = (GLib.Variant("u", 7), GLib.Variant("b", True), GLib.Variant("as", ["none"]),
                 GLib.Variant("v", GLib.Variant("s", "none")), GLib.Variant("o", "/none"),
                 GLib.Variant("a{sv}", {}), GLib.Variant("(s)", ("none",)), GLib.Variant("ay", b"none"))
        for key in STRING_KEYS:
            for value in wrong:
                with self.subTest(key=key, type=value.get_type_string()):
                    self.refused(self.portrait(**{key: value}), key, "must be a string (s)")

    def test_descriptor_instead_of_string(self):
        for key in STRING_KEYS:
            with self.subTest(key=key):
                self.refused(self.portrait(**{key: GLib.Variant("h", 0)}), key, "must be a string (s)")

    def test_wrong_type_of_reference(self):
        for value in (GLib.Variant("s", "/etc/passwd"), GLib.Variant("u", 0), GLib.Variant("ay", b"\xff\xd8\xff"),
                      GLib.Variant("ah", [0])):
            with self.subTest(type=value.get_type_string()):
                self.refused(Request(reference=value), "reference", "must be a file descriptor (h)")

    def test_unknown_key(self):
        self.refused(self.portrait(threshold=GLib.Variant("d", 0.1)), "threshold", "not a key")
        self.refused(self.portrait(Document="passport"), "Document", "not a key")
        self.refused(self.portrait(binding=GLib.Variant("b", True)), "binding", "not a key")

    def test_keys_of_later_versions_are_not_ignored(self):
        self.refused(self.portrait(preview=GLib.Variant("h", 0)), "preview")
        self.refused(self.portrait(**{"document-binding": GLib.Variant("(ayay)", (b"k", b"h"))}), "document-binding")

    def test_key_that_is_no_word(self):
        for key in ("", "a" * 65, "two words", "tab\t", "line\nfeed", "é", "%s%n"):
            with self.subTest(key=key):
                self.refused(self.portrait(**{key: "x"}), "request", "no word")

    def test_duplicate_keys(self):
        for key, value in (("document", "passport"), ("challenge", "none"), ("nonce", NONCE), ("pace", "normal"),
                           ("transaction", "A-1"), ("operator", "A-1"), ("notice", "n@1"), ("locale", "ko_KR")):
            with self.subTest(key=key):
                self.refused(self.portrait(**{key: value}).add(key, value), key, "twice")
        self.refused(self.portrait().add_reference(pictures.portrait(2)), "reference", "twice")

    def test_another_signature(self):
        caller = Client()
        for body in (None, GLib.Variant("(s)", ("passport",)), GLib.Variant("(a{ss})", ({},)),
                     GLib.Variant("(a{sv}s)", ({}, ""))):
            with self.assertRaises(BusError) as caught:
                Call(caller, harness.PATH, harness.NAME, "Verify", body).wait()
            self.assertIn(caught.exception.name, ("org.freedesktop.DBus.Error.InvalidArgs",
                                                  harness.ERROR + "BadRequest"))

    # --- missing

    def test_nothing(self):
        request = Request()
        request.pairs = []
        self.refused(request, "document", "is missing")

    def test_missing_document(self):
        self.refused(self.portrait().remove("document"), "document", "is missing")

    def test_missing_reference(self):
        self.refused(Request(), "reference", "is missing")

    def test_begin_says_the_same(self):
        self.refused(self.portrait().remove("document"), "document", "is missing", method="Begin")
        self.refused(self.portrait(colour="red"), "colour", "not a key", method="Begin")

    # --- values

    def test_unknown_document(self):
        for value in ("library-card", "Passport", "", "passport ", "x" * 5000):
            with self.subTest(value=value[:20]):
                self.refused(self.portrait(document=value), "document")

    def test_nonce(self):
        for value in ("", "short", "a" * 21, "0123456789abcdef0123456789abcde", "not base64url, though long enough",
                      NONCE + "=", "ü" * 22, "A" * 129, "A" * 100000):
            with self.subTest(value=value[:40]):
                self.refused(self.portrait(nonce=value), "nonce")

    def test_personal_numbers(self):
        """Telephone and identity numbers of any punctuation: 7 to 16 digits."""
        for key in ("transaction", "operator"):
            for value in ("1234567", "010-1234-5678", "900101-1234567", "+82 10 1234 5678", "1234567890123456",
                          "12.34/56:78_9"):
                with self.subTest(key=key, value=value):
                    self.refused(self.portrait(**{key: value}), key, "put a letter before it")
                    self.assertNotIn(value, services.log())

    def test_tokens(self):
        for key in ("transaction", "operator"):
            for value in ("", "x" * 65, "<b>", "line\nfeed", "é", "a;b"):
                with self.subTest(key=key, value=value[:20]):
                    self.refused(self.portrait(**{key: value}), key)

    def test_challenge(self):
        for value in ("light", "turn", "auto"):
            with self.subTest(value=value):
                self.refused(self.portrait(challenge=value), "challenge", "this version", "none")
        for value in ("", "None", "blink"):
            with self.subTest(value=value):
                self.refused(self.portrait(challenge=value), "challenge", "must be none, light, turn or auto")
        self.refused(self.portrait().remove("challenge"), "challenge")

    def test_pace(self):
        for value in ("", "slow", "Normal"):
            with self.subTest(value=value):
                self.refused(self.portrait(pace=value), "pace", "must be normal or relaxed")

    def test_locale(self):
        for value in ("", "../../etc/passwd", "ko KR", "k" * 33, "%s"):
            with self.subTest(value=value):
                self.refused(self.portrait(locale=value), "locale", "must be a locale")

    def test_notice(self):
        for value in ("", "two words", "n" * 65):
            with self.subTest(value=value):
                self.refused(self.portrait(notice=value), "notice")

    def test_more_descriptors_than_keys(self):
        """They are not kept; the check is as good as without them."""
        request = Request(pictures.encoded(pictures.landscape()))
        for _ in range(10):
            request.descriptors.append(0)
        self.assertEqual(Client().verify(request).verdict, "reference-unusable")

    def test_everything_right(self):
        blank = pictures.encoded(pictures.landscape())
        answer = Client().verify(Request(blank, nonce=NONCE, transaction="A-0101234567", operator="clerk 7",
                                         notice="privacy@3", locale="ko_KR.UTF-8", pace="relaxed"))
        self.assertEqual(answer.verdict, "reference-unusable")
        for value in ("a", "123456", "12345678901234567", "A 010-1234-5678", "x" * 64):
            with self.subTest(value=value):
                answer = Client().verify(Request(blank, transaction=value))
                self.assertEqual(answer.verdict, "reference-unusable")


def enforce(scratch):
    path = scratch + "/enforce.conf"
    with open(path, "w") as file:
        file.write("[Verification]\nMode=enforce\nFalseMatchRate=0.001\nReferenceSources=card-camera\n"
                   "MinimumChallenge=none\nDocuments=passport\n")
    return ["--config=" + path]


class Policy(RequestCase):
    """What the terminal's policy asks for cannot be asked away."""

    terminal = harness.Terminal(prepare=enforce)
    COMPLETE = {"nonce": NONCE, "transaction": "A-1", "notice": "privacy@3"}

    def test_required_keys(self):
        for key in self.COMPLETE:
            with self.subTest(key=key):
                self.refused(self.portrait(**self.COMPLETE).remove(key), key, "required")

    def test_supplied_reference(self):
        self.refused(self.portrait(**self.COMPLETE), "reference", "not permitted")

    def test_document_of_another_terminal(self):
        self.refused(self.portrait(**{**self.COMPLETE, "document": "driving-licence"}), "document", "Documents")


if __name__ == "__main__":
    harness.main()

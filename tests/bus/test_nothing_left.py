#!/usr/bin/python3 -B
# SPDX-License-Identifier: Apache-2.0
"""After an answer nothing of a picture is open in likenessd, and after many checks it is as small as it was."""

import harness
import pictures
import services
from client import BusError, Client, Request, spin

SLACK = 512         # KiB


class Case(harness.TestCase):
    terminal = harness.Terminal(clip="person04-live.avi")

    @classmethod
    def setUpClass(cls):
        cls.blank = pictures.encoded(pictures.landscape())

    def nothing_open(self):
        self.assertEqual(services.pictures_open(), [])


class Pictures(Case):
    """Looked for through /proc, in the moment in which the caller has its answer."""

    def verify(self, request, user="clerk"):
        outcome = Client(user).start(request).outcome()
        self.nothing_open()
        return getattr(outcome, "verdict", None) or outcome.name

    def test_the_search_finds_what_is_open(self):
        """The control: while polkit is asked, the message waits with its picture."""
        with services.stopped(services.polkitd()):
            call = Client().start(Request(self.blank))
            spin(lambda: False, 0.3)
            self.assertEqual(len(services.pictures_open()), 1)
        call.answer()
        self.nothing_open()

    def test_match(self):
        self.assertEqual(self.verify(Request(pictures.portrait(4))), "match")

    def test_unusable(self):
        self.assertEqual(self.verify(Request(self.blank)), "reference-unusable")

    def test_bad_reference(self):
        self.assertEqual(self.verify(Request(b"text")), harness.ERROR + "BadReference")
        self.assertEqual(self.verify(Request(b"")), harness.ERROR + "BadReference")
        fd = pictures.memfd(pictures.portrait(1), seals=0)
        self.assertEqual(self.verify(Request(fd)), harness.ERROR + "BadReference")

    def test_bad_request_after_the_reference_was_taken(self):
        self.assertEqual(self.verify(Request(pictures.portrait(1), pace="slow")), harness.ERROR + "BadRequest")
        self.assertEqual(self.verify(Request(pictures.portrait(1)).add_reference(pictures.portrait(2))),
                         harness.ERROR + "BadRequest")

    def test_denied(self):
        self.assertEqual(self.verify(Request(pictures.portrait(1)), user="nobody"), harness.DENIED)

    def test_descriptors_of_no_key(self):
        """One that no key names is kept with the message at most until the answer."""
        request = Request(self.blank)
        request.descriptors.append(pictures.memfd(b"a second picture"))
        self.assertEqual(self.verify(request), "reference-unusable")

    def test_session(self):
        caller = Client()
        session = caller.begin(Request(pictures.portrait(4)))
        self.assertEqual(session.finished().verdict, "match")
        self.nothing_open()

    def test_cancelled(self):
        for moment in (0, 0.02, 0.3):
            caller = Client()
            session = caller.begin(Request(pictures.portrait(4)))
            spin(lambda: False, moment)
            session.cancel()
            session.finished()
            self.nothing_open()

    def test_busy(self):
        caller = Client()
        session = caller.begin(Request(pictures.portrait(4)))
        self.assertTrue(spin(caller.prompts))
        with self.assertRaises(BusError):
            Client().verify(Request(pictures.portrait(1)))
        self.nothing_open()
        session.finished()

    def test_not_even_while_the_face_is_examined(self):
        """Once the examiner has the pixels, likenessd has neither them nor the picture, nor has the call to be answered."""
        for method in ("Verify", "Begin"):
            with self.subTest(method=method):
                caller = Client()
                caller.start(Request(pictures.portrait(4)), method)
                self.assertTrue(spin(caller.prompts))
                self.nothing_open()
                caller.close()
                self.assertTrue(harness.eventually(lambda: Client("root").get("State") == "idle", 5))


class Growth(Case):
    """Two hundred checks of every kind, in one and the same process."""

    def round(self, caller, whole):
        """Ten checks."""
        self.assertEqual(caller.verify(Request(pictures.portrait(4) if whole else self.blank)).verdict,
                         "match" if whole else "reference-unusable")
        self.assertEqual(caller.verify(Request(self.blank)).verdict, "reference-unusable")
        for _ in range(2):
            session = caller.begin(Request(self.blank))
            session.cancel()
            session.finished()
        for request in (Request(b"text"), Request(pictures.portrait(4)[:5000]), Request(b"\xff\xd8\xff"),
                        Request(b""), Request(self.blank, colour="red"), Request(pictures.portrait(4), pace="slow")):
            with self.assertRaises(BusError):
                caller.verify(request)

    def test_two_hundred_checks(self):
        pid = services.likenessd()
        caller = Client(listen=True)
        for _ in range(3):
            self.round(caller, whole=True)
        caller.signals.clear()
        resident, descriptors = services.memory("VmRSS", pid), services.descriptors(pid)
        for i in range(20):
            self.round(caller, whole=i % 2 == 0)
            caller.signals.clear()
        self.assertEqual(services.likenessd(), pid)
        self.assertEqual(services.descriptors(pid), descriptors)
        if not services.has_sanitizer(pid):
            self.assertLess(services.memory("VmRSS", pid), resident + SLACK)
            self.assertLess(services.memory("VmHWM", pid), 12 * 1024)


if __name__ == "__main__":
    harness.main()

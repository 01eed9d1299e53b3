#!/usr/bin/python3 -B
# SPDX-License-Identifier: Apache-2.0
"""After an answer, whichever it is, nothing of the faces is left: not in the memory of any process, not in a
descriptor, queue, file, shared memory, log or ledger. test_leaks_found.py shows that what is there would be found."""

import contextlib
import signal
import subprocess

import erasure
import harness
import pictures
import planted
import services
from client import BusError, Client, Request, spin
from harness import ERROR, PLACE, STATE, eventually

SLACK = 512         # KiB


class Case(harness.TestCase):
    terminal = harness.Terminal(clip="person04-live.avi")

    def nothing_open(self):
        self.assertEqual(services.pictures_open(), [])


class Searched(Case):
    """Plants a person, a replay of another and somebody who looks away, and portraits that fit and that do not."""

    @classmethod
    def setUpClass(cls):
        faces = planted.Faces()
        cls.planted = erasure.Planted(
            {"live.avi": faces.clip("person04-live.avi", 10), "replay.avi": faces.clip("replay01.avi", 20),
             "away.avi": faces.clip("person04-live.avi", 60, frames=45)},
            {"own": faces.portrait(4), "other": faces.portrait(5, "PNG"), "replayed": faces.portrait(1),
             "tiny": pictures.encoded(planted.noisy(pictures.with_tiny_face(4), faces.source))})
        cls.blank = pictures.encoded(pictures.landscape())

    @classmethod
    def tearDownClass(cls):
        cls.planted.since = cls.planted.planted
        report = cls.planted.search(state=STATE)
        cls.planted.remove()
        if report.found:
            raise AssertionError(f"left in the end:\n{report}")

    def setUp(self):
        super().setUp()
        self.clip("live.avi")

    def clip(self, name):
        recording = services.clip(self.planted.path(name))
        recording.__enter__()
        self.addCleanup(recording.__exit__, None, None, None)

    def portrait(self, name):
        with open(self.planted.path(name), "rb") as file:
            return file.read()

    def nothing_left(self, answered=False):
        """In the moment in which the caller has its answer. One that was told an error may have been told before: an
        examiner that was given nothing yet is not waited for."""
        self.nothing_open()
        self.assertTrue(eventually(lambda: not services.instances(), 0 if answered else 3), "an examiner lives on")
        report = self.planted.search(state=STATE)
        self.assertEqual(report.found, [], "\n" + str(report))
        return report


class Outcomes(Searched):
    def verify(self, request, user="clerk", method="Verify"):
        """The verdict, or the error's name."""
        caller = Client(user)
        outcome = caller.start(request, method).outcome()
        self.nothing_left(answered=hasattr(outcome, "verdict"))
        caller.close()
        return getattr(outcome, "verdict", None) or outcome.name

    def request(self, name="own", **more):
        return Request(self.portrait(name), **more)

    # --- what the search does

    def test_every_kind_is_looked_for(self):
        for kind in erasure.OF_FRAMES + erasure.OF_REFERENCE:
            self.assertGreaterEqual(self.planted.needles[kind], 8, kind)

    def test_everything_is_looked_at(self):
        Client().start(Request(b"no picture")).outcome()    # writes to log and ledger; what is older is not looked at again
        report = self.nothing_left()
        for name in ("likenessd", "dbus-daemon", "polkitd", "systemd-socket"):
            self.assertTrue([place for place in report.places("memory") if place.startswith(name)], name)
        self.assertGreater(report.bytes("memory"), 1 << 20)
        for path in (PLACE + "/log", STATE):
            self.assertTrue([place for place in report.places("file") if place.startswith(path)], path)
        self.assertTrue(report.places("stream"))

    def during(self, method, moment):
        """What is found in an examiner so many seconds after its first prompt, and nowhere else. It stays as long as
        likenessd does not go on."""
        caller = Client()
        caller.start(self.request(), method)
        self.assertTrue(spin(caller.prompts))
        with services.stopped(services.likenessd()):
            spin(lambda: False, moment)
            for pid in services.instances():
                services.signal_process(pid, signal.SIGSTOP)
            self.nothing_open()
            report = self.planted.search(everything=False)
            for pid in services.instances():
                services.signal_process(pid, signal.SIGCONT)
        for found in report.found:
            self.assertTrue(found.place.startswith("likeness-examin["), report)
        caller.close()
        self.assertTrue(eventually(lambda: Client("root").get("State") == "idle", 5))
        self.nothing_left()
        return report.kinds("memory")

    def test_it_is_there_while_it_is_examined(self):
        """In the examiner, and nowhere else: not in likenessd, the bus, a queue. How soon it has all of it, and how soon
        it has wiped it, depends on the machine: it is looked at sooner and later."""
        wanted = {"frame-jpeg", "frame-planes", "frame-scaled", "network-input"}
        for method in ("Verify", "Begin"):
            with self.subTest(method=method):
                self.assertTrue(any(wanted <= self.during(method, moment / 10) for moment in (4, 2, 6, 1, 8, 3, 12)))

    def test_what_the_caller_keeps_while_it_waits(self):
        """likenessctl hands the picture over and has nothing of it any more; the file is the caller's."""
        done = subprocess.Popen(["likenessctl", "verify", "--reference", self.planted.path("own"), "--document",
                                 "passport", "--challenge", "none", "--json"], stdout=subprocess.DEVNULL)
        self.assertTrue(eventually(services.instances))
        with services.stopped(done.pid):
            report = self.planted.search(everything=False)
        self.assertIn(f"likenessctl[{done.pid}]", report.places("memory"))
        self.assertEqual([f for f in report.found if f.place.startswith("likenessctl")], [])
        self.assertEqual(done.wait(harness.PATIENCE), 0)
        self.nothing_left()

    def test_it_is_there_while_polkit_is_asked(self):
        """The message waits with its picture, unread: the one thing that likenessd ever has."""
        with services.stopped(services.polkitd()):
            call = Client().start(self.request())
            spin(lambda: False, 0.3)
            self.assertEqual(len(services.pictures_open()), 1)
            found = self.planted.search(everything=False).found
        self.assertEqual({(f.where, f.kind) for f in found}, {("descriptor", "reference-file")}, found)
        call.answer()
        self.nothing_left()

    # --- verdicts

    def test_match(self):
        self.assertEqual(self.verify(self.request()), "match")

    def test_no_match(self):
        self.assertEqual(self.verify(self.request("other")), "no-match")

    def test_not_live(self):
        self.clip("replay.avi")
        self.assertEqual(self.verify(self.request("replayed")), "not-live")

    def test_inconclusive(self):
        self.clip("away.avi")
        self.assertEqual(self.verify(self.request()), "inconclusive")

    def test_unusable(self):
        self.assertEqual(self.verify(self.request("tiny")), "reference-unusable")

    def test_exhausted(self):
        more = {"transaction": "T-nothing-left"}
        for verdict in ("no-match", "no-match", "no-match", "exhausted"):
            self.assertEqual(self.verify(self.request("other", **more)), verdict)

    def test_declined(self):
        """Somebody hands over a picture where none is wanted."""
        self.assertEqual(self.verify(self.request(), method="Decline"), ERROR + "BadRequest")

    def test_session(self):
        caller = Client()
        session = caller.begin(self.request())
        self.assertEqual(session.finished().verdict, "match")
        self.nothing_left()

    # --- errors

    def test_bad_reference(self):
        self.assertEqual(self.verify(Request(self.portrait("own")[:100000])), ERROR + "BadReference")
        self.assertEqual(self.verify(Request(pictures.memfd(self.portrait("own"), seals=0))), ERROR + "BadReference")
        self.assertEqual(self.verify(Request(b"")), ERROR + "BadReference")

    def test_bad_request_after_the_reference_was_taken(self):
        self.assertEqual(self.verify(self.request(pace="slow")), ERROR + "BadRequest")
        self.assertEqual(self.verify(self.request().add_reference(self.portrait("other"))), ERROR + "BadRequest")

    def test_denied(self):
        self.assertEqual(self.verify(self.request(), user="nobody"), harness.DENIED)

    def test_descriptors_of_no_key(self):
        """One that no key names is kept with the message at most until the answer."""
        request = Request(self.blank)
        request.descriptors.append(pictures.memfd(self.portrait("other")))
        self.assertEqual(self.verify(request), "reference-unusable")

    def test_busy(self):
        caller = Client()
        session = caller.begin(self.request())
        self.assertTrue(spin(caller.prompts))
        with self.assertRaises(BusError):
            Client().verify(self.request("other"))
        self.assertEqual(self.planted.search(everything=False).kinds(place="likenessd"), set())
        session.finished()
        self.nothing_left()

    def test_no_camera(self):
        self.clip("away.avi")
        with open(PLACE + "/damaged.avi", "wb") as file:
            file.write(b"RIFF\0\0\0\0AVI " + bytes(100))
        with services.clip(PLACE + "/damaged.avi"):
            self.assertRegex(self.verify(self.request()), ERROR + "Camera.*")

    # --- checks that are broken off

    def test_cancelled(self):
        for moment in (0, 0.02, 0.3, 0.6):
            caller = Client()
            session = caller.begin(self.request())
            spin(lambda: False, moment)
            with contextlib.suppress(BusError):     # over already
                session.cancel()
            session.finished()
            self.nothing_left()

    def test_caller_gone(self):
        for moment in (0.1, 0.3, 0.6):
            caller = Client()
            caller.begin(self.request())
            spin(lambda: False, moment)
            caller.close()
            self.assertTrue(eventually(lambda: Client("root").get("State") == "idle", 5))
            self.nothing_left()

    def interfere(self, number, decoder, moments):
        for moment in moments:
            call = Client().start(self.request())
            found = eventually(lambda: services.instances(decoder), 5)
            spin(lambda: False, moment)
            services.signal_process(found[0], number)
            call.outcome()
            # one that was stopped before it had its lifeline was never given anything, and is ours to end
            services.signal_process(found[0], signal.SIGKILL)
            self.assertTrue(eventually(lambda: not services.instances(), 5))
            self.nothing_left()

    def test_examiner_killed(self):
        self.interfere(signal.SIGKILL, False, (0.1, 0.4, 0.6))

    def test_examiner_stopped(self):
        self.interfere(signal.SIGSTOP, False, (0.4,))

    def test_decoder_killed(self):
        self.interfere(signal.SIGKILL, True, (0, 0.03))

    def test_decoder_stopped(self):
        self.interfere(signal.SIGSTOP, True, (0,))

    def test_likenessd_ended_and_killed(self):
        daemon = services.Daemon()
        for number in (signal.SIGTERM, signal.SIGKILL):
            caller = Client()
            caller.start(self.request())
            self.assertTrue(spin(caller.prompts))
            daemon.process.send_signal(number)
            self.assertTrue(spin(lambda: daemon.process.poll() is not None, 10), "likenessd does not end")
            self.assertTrue(eventually(lambda: not services.instances(), 3), "an examiner outlives likenessd")
            report = self.planted.search(state=STATE)
            self.assertEqual(report.found, [], report)
            daemon.start()
            self.nothing_left()


class Growth(Case):
    """Two hundred checks of every kind, in one and the same process."""

    @classmethod
    def setUpClass(cls):
        cls.blank = pictures.encoded(pictures.landscape())

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

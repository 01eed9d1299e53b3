#!/usr/bin/python3 -B
# SPDX-License-Identifier: Apache-2.0
"""The main job: recordings of people and of replays against portraits. A smoke test of verdicts, never of scores."""

import os
import re
import subprocess

import harness
import pictures
import services
from client import BusError, Client, Request

PEOPLE = range(1, 6)


def verify(clip, number):
    with services.clip(harness.data(clip + ".avi")):
        caller = Client()
        answer = caller.verify(Request(pictures.portrait(number)))
        caller.close()
    return answer


class Verdicts(harness.TestCase):
    """One test for each pair, made below."""


class Replays(harness.TestCase):
    """One test for each clip, made below."""


def add_test(case, name, clip, number, check):
    def test(self):
        check(self, verify(clip, number))

    test.__name__ = name
    setattr(case, name, test)


def is_verdict(verdict):
    return lambda self, answer: self.assertEqual(answer.verdict, verdict, answer)


def is_no_match(self, answer):
    self.assertNotIn(answer.verdict, ("match", ""), answer)


for person in PEOPLE:
    for number in PEOPLE:
        if person == number:
            add_test(Verdicts, f"test_own_{person}", f"person{person:02}-live", number, is_verdict("match"))
        else:
            add_test(Verdicts, f"test_person{person}_as_{number}", f"person{person:02}-live", number, is_no_match)

add_test(Replays, "test_replay01", "replay01", 1, is_verdict("not-live"))
add_test(Replays, "test_replay02_of_person03", "replay02", 3, is_verdict("not-live"))
add_test(Replays, "test_webcam_replay", "webcam-replay", 2, is_verdict("not-live"))
add_test(Replays, "test_closeup01", "replay01-closeup", 1, is_no_match)
add_test(Replays, "test_closeup02_of_person03", "replay02-closeup", 3, is_no_match)


class Result(harness.TestCase):
    def check_fields(self, answer):
        self.assertEqual(answer.types, {"reasons": "as", "receipt": "s", "binding": "b", "duration": "t",
                                        "support-code": "s", "attempt": "u", "attempts-left": "u"})
        self.assertRegex(answer.fields["receipt"], r"^[\w-]+\.[\w-]+\.[\w-]+$")
        self.assertIs(answer.fields["binding"], False)
        self.assertEqual(answer.fields["duration"] % 100000, 0)
        self.assertGreater(answer.fields["duration"], 0)
        self.assertLess(answer.fields["duration"], harness.PATIENCE * 1000000)
        self.assertRegex(answer.fields["support-code"], re.compile(r"^[0-9A-Z]{4}-[0-9A-Z]{4}$"))

    def test_match(self):
        answer = verify("person04-live", 4)
        self.check_fields(answer)
        self.assertEqual(answer.reasons, [])

    def test_not_live(self):
        answer = verify("replay02", 3)
        self.check_fields(answer)
        self.assertEqual(answer.reasons, ["attack-suspected"])

    def test_session_tells_the_same(self):
        with services.clip(harness.data("person04-live.avi")):
            caller = Client()
            session = caller.begin(Request(pictures.portrait(4)))
            answer = session.finished()
        self.assertEqual(answer.verdict, "match")
        self.check_fields(answer)
        self.assertTrue(session.path.startswith(harness.PATH + "/session/"))
        prompts = caller.prompts()
        self.assertTrue(prompts, "no prompt came")
        for prompt in prompts:
            self.assertEqual(prompt.path, session.path)
            code, text, details = prompt.body.unpack()
            self.assertRegex(code, "^[a-z-]+$")
            self.assertTrue(text)
            self.assertIn(details["progress"], range(0, 1001))
            self.assertIn(details["deadline"], range(0, 121 * 1000000))
        self.assertEqual(caller.signals[-1].member, "Finished", "something came after Finished")

    def test_support_codes_differ_and_are_in_the_log(self):
        blank = pictures.encoded(pictures.landscape())
        codes = {Client().verify(Request(blank)).fields["support-code"] for _ in range(3)}
        self.assertEqual(len(codes), 3)
        for code in codes:
            self.assertIn(code, services.log())

    def test_nothing_of_the_face_in_the_log(self):
        """That it began and was answered, for whose program, and its support code: not even the verdict."""
        before = len(services.log())
        answer = verify("person04-live", 4)
        code = answer.fields["support-code"]
        # at level debug, which is a technician's, there are times besides
        self.assertEqual([line.split(": ", 1)[1] for line in services.log()[before:].splitlines() if ": timing:" not in line],
                         [f"{code}: opened for uid {services.identity('clerk')} (demo)", f"{code}: closed: answered"])
        for line in services.log()[before:].splitlines():
            self.assertNotRegex(line, rf"(?i)similarity|liveness|score|{answer.verdict}|0\.[0-9]{{2}}", line)

    def test_likenessctl(self):
        with services.clip(harness.data("person04-live.avi")):
            done = subprocess.run(["likenessctl", "verify", "--reference", harness.data("person04-portrait.jpg"),
                                   "--document", "passport", "--challenge", "none", "--json"],
                                  capture_output=True, text=True, timeout=harness.PATIENCE)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn('"verdict":"match"', done.stdout.replace(" ", ""))


class Camera(harness.TestCase):
    def test_no_face(self):
        clip = harness.file_of(pictures.recording_without_face(3), "empty.avi")
        with services.clip(clip):
            answer = Client().verify(Request(pictures.portrait(1)))
        self.assertEqual(answer.verdict, "inconclusive")
        self.assertIn("no-face", answer.reasons)

    def test_damaged_recording(self):
        """A recording that is none: an error of the camera, and the next call works."""
        with services.clip(harness.file_of(b"RIFF\0\0\0\0AVI " + bytes(100), "damaged.avi")):
            with self.assertRaises(BusError) as caught:
                Client().verify(Request(pictures.portrait(1)))
        self.assertTrue(caught.exception.name.startswith(harness.ERROR + "Camera"), caught.exception)
        self.assertEqual(verify("person04-live", 4).verdict, "match")

    def test_no_recording(self):
        subprocess.run(["umount", harness.CLIP], check=True)
        os.rename(harness.CLIP, harness.CLIP + ".away")
        try:
            with self.assertRaises(BusError) as caught:
                Client().verify(Request(pictures.portrait(1)))
        finally:
            os.rename(harness.CLIP + ".away", harness.CLIP)
            services.mount(harness.data("person01-live.avi"), harness.CLIP)
        self.assertEqual(caught.exception.name, harness.ERROR + "NoCamera")
        self.assertIn("camera", caught.exception.message)


class NoCamera(harness.TestCase):
    terminal = harness.Terminal(clip=None)

    def test_no_camera(self):
        with self.assertRaises(BusError) as caught:
            Client().verify(Request(pictures.portrait(1)))
        self.assertEqual(caught.exception.name, harness.ERROR + "NoCamera")
        self.assertEqual(services.pictures_staying(), [])


if __name__ == "__main__":
    harness.main()

#!/usr/bin/python3 -B
# SPDX-License-Identifier: Apache-2.0
"""Whole verifications through GStreamer's real v4l2src, with tests/pipeline's v4l2-mock as the camera: the people of the
recordings in every layout of pixels, and every trouble that a camera can be in, each told as its own error, recorded as
its own cause, and over."""

import os

import harness
from harness import ERROR

try:
    import pictures
    import services
    import test_receipts as receipts
    from client import BusError, Client, Request
except ImportError:
    pass                            # outside, where nothing of this is used

CAMERA = harness.Terminal(cameras={})
NAME = "usb-1d6b:0102-MOCK0001@0000:00:14.0-1:1.0"


def control(words, clip="person01-live.avi"):
    """What the camera does the next time that it is opened."""
    path = os.environ["UMOCKDEV_DIR"] + "/control"
    with open(path + ".new", "w") as file:
        file.write(f"clip={harness.data(clip)} {words}")
    os.rename(path + ".new", path)


class CameraCase(harness.TestCase):
    terminal = CAMERA

    def setUp(self):
        super().setUp()
        control("")
        self.clerk = Client("clerk")
        self.addCleanup(self.clerk.close)

    def entry(self):
        return [e for e in receipts.entries() if e["entry"] == "closed"][-1]

    def cause(self):
        return self.entry()["cause"]

    def check(self, person="01"):
        return self.clerk.start(Request(pictures.portrait(person))).outcome()

    def held(self):
        """Who has the camera open, of all processes but the mock."""
        found = []
        for pid in filter(str.isdigit, os.listdir("/proc")):
            try:
                links = [os.readlink(f"/proc/{pid}/fd/{fd}") for fd in os.listdir(f"/proc/{pid}/fd")]
            except OSError:
                continue
            if any("/dev/video" in link for link in links):
                found.append(pid)
        return found

    def assert_over(self):
        """No examiner is left, nobody holds the camera, and the next check finds it in order."""
        self.assertTrue(harness.eventually(lambda: not services.instances()), "an examiner is left")
        self.assertEqual(self.held(), [])


class People(CameraCase):
    def test_every_person_in_every_layout(self):
        for layout in ("MJPG", "YUYV", "NV12"):
            for person in ("01", "02", "03", "04", "05"):
                with self.subTest(layout=layout, person=person):
                    control(f"layout={layout}", f"person{person}-live.avi")
                    answer = self.check(person)
                    self.assertNotIsInstance(answer, BusError)
                    self.assertEqual(answer.verdict, "match", answer)
        self.assert_over()

    def test_grey(self):
        """The pictures come and are judged, but the networks for liveness were made for colour: without it they object to
        most, which is a doubt and looked at for longer. Nobody is taken for an attacker, or for somebody else, because of
        it; but for recordings of five seconds whose pictures come back within them."""
        for person in ("01", "02", "03", "04", "05"):
            with self.subTest(person=person):
                control("layout=GREY", f"person{person}-live.avi")
                answer = self.check(person)
                self.assertNotIsInstance(answer, BusError)
                loops = ("not-live",) if person in ("01", "02", "05") else ()
                self.assertIn(answer.verdict, ("match", "inconclusive", *loops), answer)
                self.assertEqual(self.entry()["face-seen"], True)
        self.assert_over()

    def test_another_person(self):
        control("layout=YUYV", "person02-live.avi")
        self.assertEqual(self.check("01").verdict, "no-match")


class Troubles(CameraCase):
    # what is wrong, the error, the cause in the record
    TROUBLES = (
        ("fault=silent", "CameraSilent", "camera-silent"),
        ("fault=silent after=10", "CameraLost", "camera-lost"),
        ("vanish=10", "CameraLost", "camera-lost"),
        ("fault=io after=10", "CameraLost", "camera-lost"),
        ("busy", "CameraBusy", "camera-busy"),
        ("fault=cut-off after=10", "CameraDamaged", "camera-damaged"),
        ("fault=scrambled", "CameraDamaged", "camera-damaged"),
        ("fault=other-size", "CameraFormat", "camera-size"),
        ("layout=YUYV fault=lies", "CameraFormat", "camera-size"),
        ("fault=other-format", "CameraFormat", "camera-format"),
        ("layout=H264", "CameraFormat", "camera-format"),
        ("fault=frozen", "CameraFrozen", "camera-frozen"),
        ("layout=NV12 fault=frozen after=5", "CameraFrozen", "camera-frozen"),
        ("fault=covered", "CameraCovered", "camera-covered"),
        ("layout=YUYV fault=covered after=5", "CameraCovered", "camera-covered"),
        ("fault=stuck-opening", "CameraStuck", "camera-stuck"),
        ("fault=stuck after=5", "CameraStuck", "camera-stuck"),
    )

    def test_every_trouble_is_its_own_error(self):
        for words, error, cause in self.TROUBLES:
            with self.subTest(words):
                # somebody else's portrait: nothing is decided before the trouble begins
                control(words)
                before = len(services.log())
                outcome = self.check("09")
                self.assertIsInstance(outcome, BusError)
                self.assertEqual(outcome.name, ERROR + error, outcome.message)
                self.assertGreater(len(outcome.message.split()), 5)
                self.assertEqual(self.cause(), cause)
                # who looks after the terminal is told which camera it was
                self.assertRegex(services.log()[before:], rf"closed: {cause}: .* -- (the camera|not as it was:) {NAME} ")
                self.assert_over()

        control("")
        self.assertEqual(self.check("01").verdict, "match")

    def test_denied(self):
        node = os.environ["UMOCKDEV_DIR"] + "/dev/video0"
        os.chmod(node, 0)
        self.addCleanup(os.chmod, node, 0o666)
        self.assertEqual(self.check().name, ERROR + "CameraDenied")
        self.assertEqual(self.cause(), "camera-denied")

    def test_a_sensor_that_wakes(self):
        """Green, dark and ever brighter pictures do not spoil the answer; long waiting is spoken about."""
        control("layout=YUYV waking=27")
        self.assertEqual(self.check().verdict, "match")
        prompts = [s.body.unpack()[0] for s in self.clerk.prompts()]
        self.assertIn("camera-waking", prompts)
        self.assertGreater(len(prompts) - prompts.index("camera-waking"), 1)
        self.clerk.signals.clear()
        control("")
        self.assertEqual(self.check().verdict, "match")
        self.assertNotIn("camera-waking", [s.body.unpack()[0] for s in self.clerk.prompts()])


class Swapped(CameraCase):
    terminal = harness.Terminal(cameras={"MOCK_MORE_CAMERAS": "port=2 serial=MOCK0002 mode=YUYV:640x480@30"})

    def test_swapped_between_choice_and_opening(self):
        link = os.environ["UMOCKDEV_DIR"] + "/swapped-video0"
        os.symlink("video1", link)
        self.addCleanup(os.unlink, link)
        self.assertEqual(self.check().name, ERROR + "CameraRefused")
        self.assertEqual(self.cause(), "camera-changed")


if __name__ == "__main__":
    harness.main()
